//! Blocks: slices of a partition's log, and the metadata that is committed at each start of one.
//!
//! A block's end follows from the log and from the metadata that opened the block alone, so that
//! every process that folds it, at any time, folds the same records by the same rules.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use service::{AppendTime, Committed, Offset, OffsetRanges};

use crate::grouping::Groupings;

/// Version of the metadata's format.
const VERSION: u32 = 1;
/// A block ends with the minute of the broker in which it began.
const BLOCK_MS: i64 = 60_000;

/// Settings by which a block is cut and folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// Maximum number of records in the block.
    n: i64,
    /// Length of the slice of append time that the block stays within, ms.
    block_ms: i64,
    #[serde(flatten)]
    pub(crate) limits: Limits,
    /// Length of a window of event time, s.
    pub(crate) window_s: i32,
    pub(crate) groupings: Groupings,
}

/// Limits on the memory of a block, whatever its records hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Number of cells at which the block ends.
    pub(crate) cells: u32,
    /// Number of sessions at which the block ends.
    pub(crate) sessions: u32,
    /// Number of intervals at which the block ends.
    pub(crate) intervals: i64,
    /// Maximum number of values of a dimension that a session has in the block.
    pub(crate) session_values: u32,
    /// Maximum number of values of a dimension that an app has in the block.
    pub(crate) values: u32,
}

/// Memory of the parts of a block, bytes, by which it is weighed: the rows with their places in a table. These
/// are rules as the limits are: with other figures a block that is folded again would end elsewhere.
pub(crate) mod weights {
    /// Cells that differ only in kind and direction, without those of [`CELL`].
    pub(crate) const CELLS: usize = 120;
    /// A cell, without its bins.
    pub(crate) const CELL: usize = 204;
    /// A session, without its names and streams.
    pub(crate) const SESSION: usize = 548;
    /// A stream of a session.
    pub(crate) const STREAM: usize = 84;
    /// A session in an hour, without its kinds and directions.
    pub(crate) const HOUR: usize = 140;
    /// A kind and direction of a session in an hour.
    pub(crate) const HOUR_STREAM: usize = 180;
    /// Times by verdict of a threshold pack that need 64 bits.
    pub(crate) const PACK: usize = 36;
    /// A value of sums that need 64 bits.
    pub(crate) const LONG_SUM: usize = 9;
    /// A bin of a sketch.
    pub(crate) const BIN: usize = 4;
    /// A cell with bins, in the limit on the memory of all.
    pub(crate) const WHOLE_CELL: usize = 600;
    /// A session with four streams and an hour, in the limit on the memory of all.
    pub(crate) const WHOLE_SESSION: usize = 2_300;
}

impl Limits {
    /// Returns the estimated memory at which the block ends, bytes: the greater of those that the limits on
    /// cells and on sessions allow by themselves, so that no mix takes more.
    pub(crate) fn bytes(&self) -> usize {
        let cells = (self.cells as usize).saturating_mul(weights::WHOLE_CELL);
        let sessions = (self.sessions as usize).saturating_mul(weights::WHOLE_SESSION);
        cells.max(sessions)
    }
}

impl Rules {
    pub(crate) fn new(n: i64, window_s: i32, groupings: Groupings, limits: Limits) -> Self {
        Self { n, block_ms: BLOCK_MS, limits, window_s, groupings }
    }

    fn hold(&self) -> bool {
        let Limits { cells, sessions, intervals, session_values, values } = self.limits;
        let counts = [cells, sessions, session_values, values];
        self.n > 0
            && self.block_ms > 0
            && self.window_s > 0
            && intervals > 0
            && counts.iter().all(|count| *count > 0)
    }

    /// Returns the rules as text, in the form of the audits.
    pub(crate) fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Metadata that is committed with a block's first offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    v: u32,
    pub(crate) epoch: i32,
    #[serde(flatten)]
    pub(crate) rules: Rules,
    /// Number of blocks, from this one on, that are folded by these rules even if the settings change:
    /// their rows may be written before anything more is committed. 0 if this metadata is not committed
    /// itself.
    #[serde(default = "only_this_one")]
    pub(crate) holds: u64,
    /// Raw offsets accounted for before the block, as ranges.
    raw: String,
    /// Raw offsets once missing that are no longer among the ranges' holes.
    pub(crate) forgotten: i64,
    /// Watermark, ms since the Unix epoch.
    pub(crate) watermark: Option<i64>,
    /// True while blocks are folded again: their audits define them, as long as they can be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
    /// Rules by which blocks from this one on were folded before; never committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) follows: Option<Follows>,
}

/// Rules of blocks that were folded before, so that folding them again gives the same rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Follows {
    /// Starts of the blocks in ascending order, without the current one.
    pub(crate) starts: VecDeque<i64>,
    /// Rules of the blocks whose rules differ from those of the block before.
    pub(crate) changes: VecDeque<(i64, Rules)>,
}

const fn only_this_one() -> u64 {
    1
}

/// Reason for which the fold cannot continue from the committed metadata.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    #[error("its metadata cannot be read ({0})")]
    Unreadable(String),
    #[error("its metadata has form {0}, which a newer release wrote; this one knows {VERSION}")]
    Newer(u32),
}

impl Metadata {
    pub(crate) fn new(
        epoch: i32,
        rules: Rules,
        holds: u64,
        seen: &OffsetRanges,
        forgotten: i64,
        watermark: Option<i64>,
    ) -> Self {
        let raw = seen.to_string();
        let (again, follows) = (false, None);
        Self { v: VERSION, epoch, rules, holds, raw, forgotten, watermark, again, follows }
    }

    /// Returns metadata that defines this number of blocks by itself.
    pub(crate) fn holding(self, holds: u64) -> Self {
        Self { holds, again: false, ..self }
    }

    /// Returns the same metadata with the rules by which the next blocks were folded before.
    pub(crate) fn following(self, follows: Follows) -> Self {
        Self { follows: Some(follows), ..self }
    }

    /// Returns the metadata to commit while the blocks of [`Metadata::follows`] and `further` ones are
    /// folded by their rules. None if these rules differ: one commit cannot describe them.
    pub(crate) fn while_following(self, further: u64) -> Option<Self> {
        let follows = self.follows.as_ref().filter(|follows| follows.changes.is_empty())?;
        let holds = follows.starts.len() as u64 + further;
        Some(Self { holds, again: true, follows: None, ..self })
    }

    /// Parses committed metadata, with the raw offsets accounted for.
    pub(crate) fn read(committed: &Committed) -> Result<(Self, OffsetRanges), MetadataError> {
        #[derive(Deserialize)]
        struct Form {
            v: u32,
        }
        let unreadable =
            |error: &dyn std::fmt::Display| MetadataError::Unreadable(error.to_string());
        let text = committed.metadata.as_str();
        let Form { v } = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
        if v != VERSION {
            return Err(MetadataError::Newer(v));
        }
        let metadata: Self = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
        let seen = metadata.raw.parse().map_err(|error| unreadable(&error))?;
        if !metadata.rules.hold() {
            return Err(unreadable(&"a length of 0"));
        }
        Ok((metadata, seen))
    }

    /// Returns the text to commit: ASCII, under 4 KB.
    pub(crate) fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Part of the log that a block covers so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: Offset,
    /// The next offset after the last record read.
    pub(crate) upto: Offset,
    pub(crate) read: i64,
    /// Append time of the first record, once there is one.
    first: Option<AppendTime>,
}

impl Extent {
    pub(crate) fn at(start: Offset) -> Self {
        Self { start, upto: start, read: 0, first: None }
    }

    /// Returns whether a record appended at `appended` belongs to the next block.
    pub(crate) fn ends_before(&self, appended: AppendTime, rules: &Rules) -> bool {
        let slice = |at: AppendTime| at.0.div_euclid(rules.block_ms);
        self.first.is_some_and(|first| slice(first) != slice(appended))
    }

    /// Adds a record. Returns whether it is the block's last.
    pub(crate) fn take(&mut self, offset: Offset, appended: AppendTime, rules: &Rules) -> bool {
        self.first.get_or_insert(appended);
        self.upto = offset.next();
        self.read += 1;
        self.read >= rules.n
    }

    /// Append minute of the first record, minutes since the Unix epoch.
    pub(crate) fn append_minute(&self) -> i64 {
        self.first.map_or(0, |first| first.0.div_euclid(60_000))
    }
}

#[cfg(test)]
mod tests;
