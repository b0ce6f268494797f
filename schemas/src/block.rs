//! `rtc-blocks-v1`: audit rows.

use serde::{Deserialize, Serialize};

/// The audit row of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockAudit {
    /// Epoch of the topics.
    pub epoch: i32,
    /// Partition.
    pub partition: i32,
    /// Offset at which the block starts in rtc-enriched-v1.
    pub block_start: i64,
    /// The next offset after the last record folded in: the row's version.
    pub upto: i64,
    /// True once the block has ended: upto is its end.
    pub finished: bool,
    /// Append minute of the block's first record, minutes since the Unix epoch.
    pub append_minute: i64,
    /// Records read.
    pub read: i64,
    /// Records that a service wrote again, left out because they were already accepted.
    pub replayed: i64,
    /// Raw records accepted.
    pub accepted: i64,
    /// Accepted raw records that arrived later than the look-back and without a predecessor, and so
    /// may have been counted before.
    pub unverified: i64,
    /// Raw records that were duplicates or out of order.
    pub duplicate: i64,
    /// Raw records later than 72 h.
    pub late: i64,
    /// Raw records dead-lettered as invalid.
    pub invalid: i64,
    /// Records of rtc-enriched-v1 that could not be read.
    pub undecodable: i64,
    /// Intervals folded.
    pub intervals: i64,
    /// Start of the earliest window touched, s; 0 if none.
    pub first_window: i64,
    /// Start of the latest window touched, s; 0 if none.
    pub last_window: i64,
    /// Raw offsets missing below the highest accepted one. Holes that stay are losses.
    pub raw_holes: i64,
    /// Rules by which the block is cut and folded, as JSON.
    pub rules: String,
    /// Raw offsets accounted for before the block, as ranges.
    pub raw: String,
    /// Raw offsets missing before the block that are no longer listed as holes of `raw`.
    pub forgotten: i64,
    /// Next raw offset after the highest one accounted for; 0 if there is none.
    pub raw_end: i64,
    /// Reports with a value that counts as other because its session has too many values.
    pub capped_by_session: i64,
    /// Reports with a value that counts as other because its app has too many values in the block.
    pub capped_by_block: i64,
}
