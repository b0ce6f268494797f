//! Section `[aggregate]` of the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Check, Problems};

use crate::block::{Limits, Rules};
use crate::grouping::{Groupings, default_groupings};

/// Section `[aggregate]`. `block_records`, `block_cells`, `block_sessions`, `block_intervals`,
/// `session_values`, `block_values`, `window_s` and `groupings` are committed together with an offset
/// and apply to the next eight blocks from there; changed values apply after these. Change them while no
/// instance runs; it does not matter how the instances ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AggregateSettings {
    /// Number of the epoch. Raise it when the topics are recreated, so that their offsets are not
    /// mistaken for those of the old topics.
    pub epoch: i32,
    /// Whether a partition may be read from the middle of its log if neither a commit nor an audit
    /// shows how it was folded before. Needed for the first start on a log whose beginning is
    /// deleted, for a new epoch, and after records were deleted before they were folded. Set it to
    /// false after that start.
    pub start_mid_log: bool,
    /// Maximum number of records in a block. Each partition has one block in memory.
    pub block_records: i64,
    /// Number of cells at which a block ends. Each takes about 0.4 KB and 4 bytes for each bin of its
    /// sketches.
    pub block_cells: u32,
    /// Number of sessions at which a block ends. One with four streams takes about 1.9 KB, of which 0.9 KB
    /// are its sums by hour. A stream takes 80 bytes of memory and about 42 of the topic of sessions, before
    /// compression (`cargo test -p aggregate --test bounds a_stream_takes -- --nocapture`). Raise it where
    /// more sessions are live in a partition within a minute, or use more partitions: each session is then one
    /// row a minute instead of several.
    pub block_sessions: u32,
    /// Number of intervals at which a block ends. A block also ends when its total memory, including names and
    /// values, reaches the greater of 2.3 KB for each of `block_sessions` and 0.6 KB for each of
    /// `block_cells`: 34.5 MB by default.
    pub block_intervals: i64,
    /// Maximum number of values of a dimension that a session has in a block. Further values count
    /// as `other`.
    pub session_values: u32,
    /// Maximum number of values of a dimension that an app has in a block, far above any real
    /// fleet. Further values count as `other`.
    pub block_values: u32,
    /// Seconds after which changed rows are written.
    pub flush_s: u32,
    /// Seconds after which changed rows are written during a backlog, at the latest at a block's
    /// end. There is a backlog while reports arrive `flush_s` (at least 5 s) after their raw
    /// events. Writing the same rows less often lets it shrink.
    pub flush_behind_s: u32,
    /// Length of a window of event time, seconds.
    pub window_s: i32,
    /// Groupings: lists of the dimensions that identify cells. Every interval counts in each
    /// grouping.
    pub groupings: Groupings,
    /// Seconds by which events are expected to lag behind the newest one.
    pub watermark_bound_s: u32,
}

impl Default for AggregateSettings {
    fn default() -> Self {
        Self {
            epoch: 1,
            start_mid_log: false,
            block_records: 200_000,
            block_cells: 40_000,
            block_sessions: 15_000,
            block_intervals: 800_000,
            session_values: 4,
            block_values: 20_000,
            flush_s: 5,
            flush_behind_s: 300,
            window_s: 60,
            groupings: default_groupings(),
            watermark_bound_s: 30,
        }
    }
}

impl AggregateSettings {
    /// Returns the rules by which a new block is folded.
    pub(crate) fn rules(&self) -> Rules {
        let limits = self.limits();
        Rules::new(self.block_records, self.window_s, self.groupings.clone(), limits)
    }

    const fn limits(&self) -> Limits {
        Limits {
            cells: self.block_cells,
            sessions: self.block_sessions,
            intervals: self.block_intervals,
            session_values: self.session_values,
            values: self.block_values,
        }
    }

    /// Returns the bytes of ended blocks that may wait to be written before reading pauses: as many
    /// as one block may have.
    pub(crate) fn most_waiting(&self) -> usize {
        self.limits().bytes()
    }
}

impl Check for AggregateSettings {
    fn check(&self, problems: &mut Problems) {
        if self.epoch < 1 {
            problems.push("epoch", "must be at least 1");
        }
        if !(1..=1_000_000).contains(&self.block_records) {
            problems.push("block_records", "must be from 1 to 1000000");
        }
        for (name, value, most) in [
            ("block_cells", self.block_cells, 1_000_000),
            ("block_sessions", self.block_sessions, 1_000_000),
            ("session_values", self.session_values, 1_000),
            ("block_values", self.block_values, 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                problems.push(name, format!("must be from 1 to {most}"));
            }
        }
        if !(1..=MOST_INTERVALS).contains(&self.block_intervals) {
            problems.push("block_intervals", format!("must be from 1 to {MOST_INTERVALS}"));
        }
        if !(1..=3600).contains(&self.flush_s) {
            problems.push("flush_s", "must be from 1 to 3600");
        }
        if !(1..=3600).contains(&self.flush_behind_s) {
            problems.push("flush_behind_s", "must be from 1 to 3600");
        }
        if !(1..=86_400).contains(&self.window_s) || 86_400 % self.window_s != 0 {
            problems.push("window_s", "must divide a day: 86400 s");
        }
        if self.watermark_bound_s > 259_200 {
            problems.push("watermark_bound_s", "must be at most 259200: 72 h");
        }
        self.check_groupings(problems);
    }
}

/// Maximum of `block_intervals`.
pub(crate) const MOST_INTERVALS: i64 = 10_000_000;

/// Largest value of an interval for which no sum of a block can overflow: 550 GB, or six days in
/// µs. Values that ingest accepts are far below it.
pub const MOST_OF_AN_INTERVAL: i64 = 1 << 39;

/// Maximum number of intervals of one record, which is always folded into one block.
const MOST_OF_A_RECORD: i64 = 1 << 16;

const _: () = assert!(MOST_OF_AN_INTERVAL.checked_mul(MOST_INTERVALS + MOST_OF_A_RECORD).is_some());

/// Maximum size of the groupings, which are part of the committed metadata of at most 4 KB.
const MOST_GROUPINGS_BYTES: usize = 1024;

impl AggregateSettings {
    fn check_groupings(&self, problems: &mut Problems) {
        if self.groupings.is_empty() {
            problems.push("groupings", "is empty; name at least one grouping");
        }
        let mut bytes = 0;
        for (name, dimensions) in &self.groupings {
            let path = format!("groupings.{name}");
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                problems.push(&path, "must be named with letters, digits and '_'");
            }
            let twice = (1..dimensions.len()).any(|i| dimensions[..i].contains(&dimensions[i]));
            if dimensions.is_empty() || twice {
                problems.push(&path, "must list at least one dimension, each once");
            }
            bytes += name.len() + dimensions.len() * "\"client_version\",".len();
        }
        if bytes > MOST_GROUPINGS_BYTES {
            let most = MOST_GROUPINGS_BYTES;
            problems.push("groupings", format!("take {bytes} bytes together, more than {most}"));
        }
    }
}

#[cfg(test)]
mod tests;
