//! Section `[aggregate]` of the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Check, Problems};

use crate::block::{Limits, Rules};
use crate::grouping::{Groupings, default_groupings};

/// Section `[aggregate]`. `block_records`, `block_cells`, `block_sessions`, `block_intervals`,
/// `session_values`, `block_values`, `window_s` and `groupings` are kept beside the committed offset and
/// hold for the next eight blocks from there: changed ones apply after those. Change them while no
/// instance runs, however it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AggregateSettings {
    /// Raise it when the topics are re-created, so that their offsets are not mistaken for those
    /// of the old ones.
    pub epoch: i32,
    /// Whether a partition may be read from the middle of its log where nothing that is committed and
    /// no audit tells how it was folded before: for the first start on a log that has lost its
    /// beginning, for one of a new epoch, and after records were deleted before they were folded.
    /// False after it.
    pub start_mid_log: bool,
    /// Most records in a block: what a block folds is in memory, by partition.
    pub block_records: i64,
    /// A block ends once it holds so many cells, about 0.6 KB each.
    pub block_cells: u32,
    /// A block ends once it holds so many sessions, about 1.2 KB each, or eight streams for each of
    /// these. A stream takes 136 bytes of memory and about 42 of the topic of sessions, before
    /// compression (`cargo test -p aggregate --test bounds a_stream_takes -- --nocapture`). The sums of a
    /// session by hour take about 1.9 KB more. Raise it where more sessions are live in a partition within
    /// a minute: each is then one row a minute instead of several.
    pub block_sessions: u32,
    /// A block ends once it has folded so many intervals, of which each may take up 84 bytes. It also
    /// ends once all that it holds, names and values included, takes up as much as the dearest of these
    /// three limits allows by itself: 17 MB.
    pub block_intervals: i64,
    /// Most values of a dimension that a session has in a block; its further ones count as `other`.
    pub session_values: u32,
    /// Most values of a dimension that an app has in a block, far above any real fleet; those that
    /// come after them count as `other`.
    pub block_values: u32,
    /// Seconds after which what changed is written.
    pub flush_s: u32,
    /// Seconds after which what changed is written while there is a backlog, which is while
    /// reports come `flush_s` (5 s at least) after their raw events: writing the same partials less
    /// often is what makes it shrink. They are written at a block's end at the latest.
    pub flush_behind_s: u32,
    /// Length of a window of event time, seconds.
    pub window_s: i32,
    /// Which dimensions tell cells apart: a list of dimensions for each grouping. Cells are
    /// counted in every grouping.
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
            block_cells: 10_000,
            block_sessions: 5_000,
            block_intervals: 200_000,
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
    /// The rules by which a new block is folded.
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

    /// Returns how many bytes of blocks that have ended may wait to be written before reading pauses:
    /// as many as one block may hold.
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

/// The greatest number of intervals that a block may be set to fold.
pub(crate) const MOST_INTERVALS: i64 = 10_000_000;

/// The greatest value of an interval with which no sum of a block can wrap: 550 GB, or six days in
/// µs. What ingest lets through is far below it.
pub const MOST_OF_AN_INTERVAL: i64 = 1 << 39;

/// Intervals of one record, which a block folds whole.
const MOST_OF_A_RECORD: i64 = 1 << 16;

const _: () = assert!(MOST_OF_AN_INTERVAL.checked_mul(MOST_INTERVALS + MOST_OF_A_RECORD).is_some());

/// Groupings are kept beside the committed offset, in at most 4 KB of ASCII together with the
/// ranges of raw offsets.
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
