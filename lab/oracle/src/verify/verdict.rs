//! Results that are compared, and the result of a comparison.

use std::collections::{BTreeMap, HashMap};

use schemas::{BlockAudit, SessionPartial};
use serde::Serialize;
use world::truth::Dead;

use crate::oracle::{Cell, CellKey, Day, DayKey, Hour, HourKey, SessionKey};

/// Result of a comparison. The counts of records are those of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Records of the raw topic.
    pub raw_records: u64,
    /// Accepted records.
    pub accepted: u64,
    /// Repeated or overtaken.
    pub duplicates: u64,
    /// Dead-lettered as invalid.
    pub dead_letters: u64,
    /// Dead-lettered as too late.
    pub late: u64,
    /// Cells compared.
    pub cells_checked: u64,
    /// Sessions compared.
    pub sessions_checked: u64,
    /// Rows of sessions by hour compared.
    pub session_hours_checked: u64,
    /// Strata of days compared.
    pub session_days_checked: u64,
    /// Sessions with records in several partitions.
    pub split_sessions: u64,
    /// Things that differ.
    pub mismatches: u64,
    /// Descriptions of the first few.
    pub differences: Vec<String>,
}

/// Results of the pipeline.
#[derive(Debug, Default)]
pub struct Actual {
    /// Contents of Kafka's logs.
    pub logs: Logs,
    /// The view `cells`.
    pub cells: Vec<(CellKey, Cell)>,
    /// The view `sessions`; what identifies rows (epoch, partition, offsets) is 0.
    pub sessions: Vec<SessionPartial>,
    /// The view `session_hours`.
    pub session_hours: Vec<(HourKey, Hour)>,
    /// The view `session_days`, where there is one.
    pub session_days: Option<Vec<(DayKey, Day)>>,
    /// Poor, good and unclassified streams of sessions by the rules of CQD, if a view contains them.
    pub cqd: Option<HashMap<SessionKey, [i64; 3]>>,
    /// Audits of blocks, of each in its newest version.
    pub blocks: Vec<BlockAudit>,
    /// Sessions with records in several partitions, and these partitions.
    pub split_sessions: Vec<(SessionKey, Vec<i32>)>,
}

/// Contents of Kafka's logs.
#[derive(Debug, Default)]
pub struct Logs {
    /// Records of the raw topic.
    pub raw_records: u64,
    /// First and next offset of each partition of the enriched topic.
    pub enriched: BTreeMap<i32, (i64, i64)>,
    /// Dead letters, each source offset once.
    pub dead_letters: Vec<Dead>,
}
