//! The answers of the API: what all of them have, and by kind of question the rest.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::dimension::Dimension;
use crate::filter::{Question, Source, Step, rfc3339};

mod of_breakdown;
mod of_selections;
mod of_service;
mod of_time;

pub use of_breakdown::{Breakdown, FoldedRows, Harm, Hidden, RankRange, Row, Spark, Value, Values};
pub use of_selections::{Compared, Comparison, Curve, Headline, Quantile, Summary};
pub use of_service::{Freshness, Lag, Me, MeasureView};
pub use of_time::{ChangeRow, Changes, Heat, HeatCell, Point, Series};

/// The time range of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RangeView {
    /// First second, RFC 3339.
    pub from: String,
    /// Second after the last.
    pub to: String,
    /// Step of its series.
    pub step: Step,
    /// `range`, or `day` where a session counts once for each day on which it was seen.
    pub sessions_count_once_a: &'static str,
}

/// Range and filter of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct About {
    /// The time range.
    pub range: RangeView,
    /// Values that cells have.
    pub filter: BTreeMap<Dimension, String>,
    /// The views of ClickHouse that the figures come from.
    pub source: BTreeSet<&'static str>,
}

impl About {
    /// Returns what a question is about.
    #[must_use]
    pub fn of(question: &Question) -> Self {
        let counted = match question.source {
            Source::Days => "day",
            Source::Hours | Source::Samples | Source::Cells => "range",
        };
        Self {
            range: RangeView {
                from: rfc3339(question.range.from),
                to: rfc3339(question.range.to),
                step: question.step(),
                sessions_count_once_a: counted,
            },
            filter: question.filter.clone(),
            source: BTreeSet::new(),
        }
    }
}

/// Outcome of a comparison of a with b.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// a is better than b.
    Better,
    /// a is worse than b.
    Worse,
    /// The interval of the difference contains 0.
    NoEvidence,
    /// Too few sessions.
    CannotTell,
}

/// A difference a − b with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// a − b.
    pub difference: Option<f64>,
    /// Lower limit.
    pub lower: Option<f64>,
    /// Upper limit.
    pub upper: Option<f64>,
    /// The p-value; none where only intervals are compared.
    pub p: Option<f64>,
    /// The outcome.
    pub word: Word,
    /// In a list: whether it stands after the correction for the number of comparisons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<bool>,
}

/// The common mix that figures are standardised to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Standardised {
    /// Whether there are adjusted figures.
    pub used: bool,
    /// The dimensions of the strata.
    pub strata: Vec<Dimension>,
    /// Rule for strata in which a group has too few sessions.
    pub empty_strata: &'static str,
    /// Where the weights come from.
    pub note: &'static str,
    /// The weights, the largest first, at most 50; only with `weights=1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<Weight>>,
}

/// The weight of a stratum.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Weight {
    /// Browser family.
    pub browser: String,
    /// Device class.
    pub device_class: String,
    /// Network type.
    pub network_type: String,
    /// Kind.
    pub kind: String,
    /// Weight, all together 1.
    pub weight: f64,
    /// Share in this stratum, of all groups.
    pub share: f64,
    /// Sessions, of all groups.
    pub sessions: u64,
}

/// Correction for the number of comparisons in a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Correction {
    /// `benjamini_hochberg`.
    pub method: &'static str,
    /// Rate of false findings among the findings.
    pub q: f64,
    /// Comparisons.
    pub tests: usize,
}
