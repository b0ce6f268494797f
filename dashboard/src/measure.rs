//! Measures of quality.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A measure, named as in the query of a request.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Poor time over classified time.
    #[default]
    PoorShare,
    /// Packets lost over packets expected.
    Loss,
    /// Failed set-ups over attempted ones.
    SetupFailures,
    /// 95th percentile of round trip time, ms.
    RoundTripP95,
    /// Median of the estimated mean opinion score of audio, 1 to 5.
    Mos,
    /// Median time from joining to the first media, ms.
    TimeToMedia,
}

/// Data that a measure is computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Basis {
    /// A ratio of sums over sessions.
    Ratio,
    /// A quantile of a sketch.
    Quantile {
        /// Column of the sketch.
        sketch: &'static str,
        /// Level of the quantile, 0 to 1.
        level: f64,
    },
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::PoorShare,
        Self::Loss,
        Self::SetupFailures,
        Self::RoundTripP95,
        Self::Mos,
        Self::TimeToMedia,
    ];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PoorShare => "poor_share",
            Self::Loss => "loss",
            Self::SetupFailures => "setup_failures",
            Self::RoundTripP95 => "round_trip_p95",
            Self::Mos => "mos",
            Self::TimeToMedia => "time_to_media",
        }
    }

    /// Returns the measure of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// Returns its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::PoorShare | Self::Loss | Self::SetupFailures => "share",
            Self::RoundTripP95 | Self::TimeToMedia => "ms",
            Self::Mos => "mos",
        }
    }

    /// Returns whether a greater value is worse.
    #[must_use]
    pub const fn higher_is_worse(self) -> bool {
        !matches!(self, Self::Mos)
    }

    /// Returns the data that it is computed from.
    #[must_use]
    pub const fn basis(self) -> Basis {
        match self {
            Self::PoorShare | Self::Loss | Self::SetupFailures => Basis::Ratio,
            Self::RoundTripP95 => Basis::Quantile { sketch: "round_trip_ms", level: 0.95 },
            Self::Mos => Basis::Quantile { sketch: "audio_mos", level: 0.5 },
            Self::TimeToMedia => Basis::Quantile { sketch: "time_to_media_ms", level: 0.5 },
        }
    }

    /// Returns whether it has figures that are standardised to a common mix.
    #[must_use]
    pub fn is_adjusted(self) -> bool {
        self.basis() == Basis::Ratio
    }

    /// Returns whether it belongs to set-ups, which have neither kind nor direction.
    #[must_use]
    pub const fn is_of_setups(self) -> bool {
        matches!(self, Self::SetupFailures | Self::TimeToMedia)
    }

    /// Returns the measure whose sessions are its observations.
    #[must_use]
    pub const fn observed_as(self) -> Self {
        match self {
            Self::TimeToMedia => Self::SetupFailures,
            other => other,
        }
    }
}

/// Names of the sketches of cells.
pub const SKETCHES: [&str; 8] = [
    "round_trip_ms",
    "jitter_ms",
    "loss",
    "bit_rate_bps",
    "frame_rate",
    "audio_mos",
    "video_mos",
    "time_to_media_ms",
];
