//! Parts of a bench.

use clap::ValueEnum;
use serde::Serialize;

/// A run of the services, on a new stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// With the topic filled beforehand, and every interval kept as a row.
    WithSamples,
    /// The same without rows for intervals.
    WithoutSamples,
    /// In real time, to measure freshness.
    Live,
}

impl Part {
    /// All parts.
    pub(crate) const ALL: [Self; 3] = [Self::WithSamples, Self::WithoutSamples, Self::Live];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::WithSamples => "with samples",
            Self::WithoutSamples => "without",
            Self::Live => "live",
        }
    }
}
