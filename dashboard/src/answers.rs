//! The answers of the API.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Role;
use crate::dimension::Dimension;
use crate::figure::Figure;
use crate::filter::{Question, Source, Step, rfc3339};
use crate::measure::Measure;

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
}

impl About {
    /// Returns what a question is about.
    #[must_use]
    pub fn of(question: &Question) -> Self {
        let counted = match question.source {
            Source::Hours => "range",
            Source::Days => "day",
        };
        Self {
            range: RangeView {
                from: rfc3339(question.range.from),
                to: rfc3339(question.range.to),
                step: question.step(),
                sessions_count_once_a: counted,
            },
            filter: question.filter.clone(),
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

/// A rank range, 1 for the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RankRange {
    /// Worst rank that it may have.
    pub from: usize,
    /// Best rank that it may have.
    pub to: usize,
}

/// Poor hours times certainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Harm {
    /// Poor time, hours.
    pub poor_hours: f64,
    /// 1 − p where it is worse than the rest, else 0.
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
    /// Sessions.
    pub sessions: Option<u64>,
    /// The quantile function; empty with fewer than five sessions.
    pub points: Vec<Quantile>,
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

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Value {
    /// The value.
    pub value: String,
    /// Its sessions.
    pub sessions: u64,
}

/// Answer of `/api/v1/values`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Values {
    /// The dimension.
    pub of: Dimension,
    /// Its values, those with most sessions first.
    pub values: Vec<Value>,
}

/// A service and its backlog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lag {
    /// Its name.
    pub service: String,
    /// Records that it has yet to read.
    pub records: u64,
    /// Whether it answers.
    pub answers: bool,
}

/// Answer of `/api/v1/freshness`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Freshness {
    /// Time of the answer.
    pub now: String,
    /// Begin of the newest minute that is complete; none within a day.
    pub newest_minute: Option<String>,
    /// Seconds since its end.
    pub age_s: Option<i64>,
    /// Whether it is older than `limit_s` and the pipeline is why: a service does not answer, or has had records
    /// to read for as long. Where no service is known, whether it is older.
    pub lags: bool,
    /// The limit of the settings.
    pub limit_s: u32,
    /// The services' backlogs, where the settings name their addresses.
    pub what: Vec<Lag>,
}

/// A measure that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MeasureView {
    /// Its name.
    pub name: Measure,
    /// Its unit.
    pub unit: &'static str,
    /// Whether it has adjusted figures.
    pub adjusted: bool,
    /// Whether a greater value is worse.
    pub higher_is_worse: bool,
}

/// Answer of `/api/v1/me`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Me {
    /// The role.
    pub role: Role,
    /// Apps that may be seen; all if none.
    pub apps: Option<Vec<String>>,
    /// The dimensions.
    pub dimensions: Vec<Dimension>,
    /// The measures.
    pub measures: Vec<MeasureView>,
    /// Smallest number of sessions of a cell.
    pub minimum_sessions: u64,
    /// Rate of false findings in lists.
    pub q: f64,
    /// Named ranges.
    pub ranges: Vec<&'static str>,
    /// The version of the service.
    pub version: &'static str,
}
