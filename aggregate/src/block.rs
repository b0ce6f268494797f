//! Blocks: where the log is cut, and what is committed with each cut.
//!
//! A block's end follows from the log and from the metadata that opened the block alone, so that
//! every process that folds it, at any time, folds the same records by the same rules.

use runtime::{AppendTime, Committed, Offset, OffsetRanges};
use serde::{Deserialize, Serialize};

use crate::grouping::Groupings;

/// The form of metadata written here.
const VERSION: u32 = 1;
/// A block ends with the minute of the broker in which it began.
const BLOCK_MS: i64 = 60_000;

/// By what a block is cut and folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// Most records in the block.
    n: i64,
    /// Length of the slice of append time that the block stays within, ms.
    block_ms: i64,
    /// Length of a window of event time, s.
    pub(crate) window_s: i32,
    pub(crate) groupings: Groupings,
}

impl Rules {
    pub(crate) fn new(n: i64, window_s: i32, groupings: Groupings) -> Self {
        Self { n, block_ms: BLOCK_MS, window_s, groupings }
    }

    fn hold(&self) -> bool {
        self.n > 0 && self.block_ms > 0 && self.window_s > 0
    }
}

/// What is committed beside a block's first offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    v: u32,
    pub(crate) epoch: i32,
    #[serde(flatten)]
    pub(crate) rules: Rules,
    /// How many blocks, this one being the first, are folded by these rules whatever the settings
    /// say: their rows may be written before anything more is committed.
    #[serde(default = "only_this_one")]
    pub(crate) holds: u64,
    /// Raw offsets answered for before the block, as ranges.
    raw: String,
    /// Raw offsets once missing that are no longer among the ranges' holes.
    pub(crate) forgotten: i64,
    /// Watermark, ms since the Unix epoch.
    pub(crate) watermark: Option<i64>,
}

const fn only_this_one() -> u64 {
    1
}

/// Why what is committed cannot be gone on from.
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
        Self { v: VERSION, epoch, rules, holds, raw: seen.to_string(), forgotten, watermark }
    }

    /// Reads what was committed, with the raw offsets answered for.
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
        if !metadata.rules.hold() || metadata.holds == 0 {
            return Err(unreadable(&"a length of 0"));
        }
        Ok((metadata, seen))
    }

    /// The text to commit: ASCII, under 4 KB.
    pub(crate) fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// The part of the log that a block covers so far.
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

    /// True if a record appended at `appended` belongs to the next block.
    pub(crate) fn ends_before(&self, appended: AppendTime, rules: &Rules) -> bool {
        let slice = |at: AppendTime| at.0.div_euclid(rules.block_ms);
        self.first.is_some_and(|first| slice(first) != slice(appended))
    }

    /// Takes a record in; true if it is the block's last.
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
