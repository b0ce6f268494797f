//! Answers about the service and the request.

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Role;
use crate::dimension::Dimension;
use crate::measure::Measure;

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
