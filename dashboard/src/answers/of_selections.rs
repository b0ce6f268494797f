//! Answers about one selection, or two.

use schemars::JsonSchema;
use serde::Serialize;

use super::{About, Change, Standardised};
use crate::figure::Figure;
use crate::measure::Measure;

/// A measure of a summary.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Headline {
    /// The measure.
    pub measure: Measure,
    /// Its unit.
    pub unit: &'static str,
    /// Its figure.
    pub now: Figure,
    /// That of the same hours a week before.
    pub before: Figure,
    /// That of the week before in the mix of both.
    pub before_adjusted: Option<Figure>,
    /// now − before, in the mix of both where there is one.
    pub change: Change,
}

/// Answer of `/api/v1/summary`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// Range and filter of the answer.
    #[serde(flatten)]
    pub about: About,
    /// All measures.
    pub measures: Vec<Headline>,
}

/// A measure of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Compared {
    /// The measure.
    pub measure: Measure,
    /// Its unit.
    pub unit: &'static str,
    /// The figure of the first selection.
    pub a: Figure,
    /// That of the second.
    pub b: Figure,
    /// a − b, each in its own mix.
    pub raw: Change,
    /// The first in the common mix.
    pub a_adjusted: Option<Figure>,
    /// The second in the common mix.
    pub b_adjusted: Option<Figure>,
    /// a − b in the common mix.
    pub adjusted: Option<Change>,
}

/// Answer of `/api/v1/compare`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// The first selection.
    pub a: About,
    /// The second.
    pub b: About,
    /// All measures.
    pub measures: Vec<Compared>,
    /// The common mix of the poor share.
    pub standard: Standardised,
    /// Whether both selections may contain the same sessions. Then `word` is `cannot_tell`.
    pub overlap: bool,
}

/// A point of a quantile function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Quantile {
    /// Share of the observations below `value`.
    pub level: f64,
    /// The value.
    pub value: f64,
}

/// Answer of `/api/v1/distribution`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Curve {
    /// Range and filter of the answer.
    #[serde(flatten)]
    pub about: About,
    /// The sketch.
    pub of: &'static str,
    /// Sessions, where they are known.
    pub sessions: Option<u64>,
    /// Intervals of their streams, or sessions if the sketch is one of sessions.
    pub observations: Option<i64>,
    /// The quantile function; empty with fewer than five sessions.
    pub points: Vec<Quantile>,
}
