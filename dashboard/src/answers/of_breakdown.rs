//! Answers that list the values of a dimension.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{About, Change, Correction, Standardised};
use crate::dimension::Dimension;
use crate::figure::Figure;
use crate::measure::Measure;

/// A rank range, 1 for the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RankRange {
    /// Worst rank that it may have.
    pub from: usize,
    /// Best rank that it may have.
    pub to: usize,
}

/// Poor hours times certainty: the poor time, as far as it is sure that the row is worse than the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Harm {
    /// Poor time, hours.
    pub poor_hours: f64,
    /// Certainty that the row is worse than all others together, 0 to 1: 1 − p of the comparison in the
    /// common mix, and 0 where the row is not worse. It is the confidence that it is worse minus the confidence
    /// that it is better, so it is 0 where nothing speaks for either.
    pub certainty: f64,
    /// The product.
    pub value: f64,
}

/// Number of cells that a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoldedRows {
    /// Cells of fewer than five sessions, with those that are hidden with them.
    pub rows: usize,
}

/// A point of a small series.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Spark {
    /// Begin of the step.
    pub at: String,
    /// The value.
    pub value: Option<f64>,
    /// Sessions.
    pub sessions: Option<u64>,
}

/// A row of a breakdown.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// Dimension values of the cell.
    pub key: BTreeMap<Dimension, String>,
    /// Its value of the dimension of the breakdown; none if it stands for several.
    pub name: Option<String>,
    /// The number of cells that it stands for.
    pub folded: Option<FoldedRows>,
    /// The figure in its own mix.
    pub raw: Figure,
    /// The figure in the common mix.
    pub adjusted: Option<Figure>,
    /// Its ranks.
    pub rank: Option<RankRange>,
    /// Its harm; of the poor share alone.
    pub harm: Option<Harm>,
    /// The comparison with all other rows, in the common mix.
    pub against_rest: Option<Change>,
    /// Its series, if asked for.
    pub sparkline: Option<Vec<Spark>>,
}

/// Rows that are not in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hidden {
    /// Cells that are too small even together.
    pub rows: usize,
    /// Rows beyond the limit.
    pub beyond_limit: usize,
}

/// Answer of `/api/v1/breakdown`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Breakdown {
    /// Range and filter of the answer.
    #[serde(flatten)]
    pub about: About,
    /// The measure.
    pub measure: Measure,
    /// Its unit.
    pub unit: &'static str,
    /// The dimension.
    pub by: Dimension,
    /// The figure of all rows together.
    pub total: Figure,
    /// The common mix.
    pub standard: Standardised,
    /// The correction of `finding`.
    pub correction: Correction,
    /// The rows.
    pub rows: Vec<Row>,
    /// Numbers of rows that are not shown.
    pub hidden: Hidden,
}

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Value {
    /// The value.
    pub value: String,
    /// Its sessions, where they are known.
    pub sessions: Option<u64>,
}

/// Answer of `/api/v1/values`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Values {
    /// The dimension.
    pub of: Dimension,
    /// Its values, those with most sessions first.
    pub values: Vec<Value>,
}
