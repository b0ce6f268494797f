//! Answers by time, and changes with it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{About, Change, Correction};
use crate::dimension::Dimension;
use crate::figure::Figure;
use crate::measure::Measure;

/// A point of a series.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// Begin of the step.
    pub at: String,
    /// The figure.
    pub figure: Figure,
    /// Median of the measure's distribution.
    pub p50: Option<f64>,
    /// Its 95th percentile.
    pub p95: Option<f64>,
}

/// Answer of `/api/v1/series`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Series {
    /// Range and filter of the answer.
    #[serde(flatten)]
    pub about: About,
    /// The measure.
    pub measure: Measure,
    /// Its unit.
    pub unit: &'static str,
    /// Length of a step, seconds.
    pub step_s: i64,
    /// The sketch of `p50` and `p95`.
    pub distribution: &'static str,
    /// The points.
    pub points: Vec<Point>,
}

/// An hour of the week.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HeatCell {
    /// 1 is Monday.
    pub weekday: u8,
    /// Hour, UTC.
    pub hour: u8,
    /// The figure.
    pub figure: Figure,
}

/// Answer of `/api/v1/heat`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Heat {
    /// Range and filter of the answer.
    #[serde(flatten)]
    pub about: About,
    /// The measure.
    pub measure: Measure,
    /// Its unit.
    pub unit: &'static str,
    /// 168 hours of the week.
    pub cells: Vec<HeatCell>,
}

/// A change of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChangeRow {
    /// Its country and provider.
    pub key: BTreeMap<Dimension, String>,
    /// Its name.
    pub name: String,
    /// Its figure.
    pub now: Figure,
    /// That of the same hours a week before.
    pub before: Figure,
    /// now − before in the common mix.
    pub change: Change,
}

/// Answer of `/api/v1/changes`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Changes {
    /// Range and filter of the answer.
    #[serde(flatten)]
    pub about: About,
    /// The measure.
    pub measure: Measure,
    /// The correction.
    pub correction: Correction,
    /// Changes that stand, the largest harm first.
    pub rows: Vec<ChangeRow>,
}
