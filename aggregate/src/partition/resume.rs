//! State of a partition that was just assigned.

use std::collections::VecDeque;

use schemas::EnrichedReport;
use service::{Committed, Offset, OffsetRanges, Source};

use super::{Block, HOLDS, Opening, Partition};
use crate::block::{Metadata, MetadataError};
use crate::plan::Plan;
use crate::watermark::Watermark;

impl Partition {
    /// Continues from the committed metadata, at the monotonic time `now_ms`.
    pub(crate) fn resume(
        source: Source,
        committed: Option<&Committed>,
        now_ms: u64,
    ) -> Result<Self, MetadataError> {
        let mut resumed = Self {
            source,
            block: None,
            opening: None,
            ended: VecDeque::new(),
            plan: Plan::default(),
            seen: OffsetRanges::default(),
            forgotten: 0,
            watermark: Watermark(None),
            has_read: false,
            read_ms: now_ms,
            flushed_ms: now_ms,
            waited_ms: 0,
            report: EnrichedReport::default(),
        };
        if let Some(committed) = committed {
            let (metadata, seen) = Metadata::read(committed)?;
            let (start, rules) = (committed.offset, metadata.rules.clone());
            let block = Block::open(start, 0, rules, &seen, metadata.forgotten);
            resumed.block = Some(block.map_err(unreadable)?);
            resumed.seen = seen;
            resumed.forgotten = metadata.forgotten;
            resumed.watermark = Watermark(metadata.watermark);
            (resumed.plan, resumed.opening) = plan(start, metadata)?;
        }
        Ok(resumed)
    }
}

/// Returns the plan that begins with the block at `start`, and the opening to commit for it, if there is one.
fn plan(start: Offset, metadata: Metadata) -> Result<(Plan, Option<Opening>), MetadataError> {
    let opening = |metadata: &Metadata| {
        let metadata = metadata.text().map_err(unreadable)?;
        Ok(Some(Opening { start, metadata, commits: true }))
    };
    let rules = metadata.rules.clone();
    if let Some(follows) = metadata.follows.clone() {
        let opening = match metadata.while_following(HOLDS) {
            Some(metadata) => opening(&metadata)?,
            None => None,
        };
        return Ok((Plan::follow(rules, follows), opening));
    }
    // Nothing was committed, or the audits that defined the blocks are gone: what is committed now
    // defines them.
    if metadata.again || metadata.holds == 0 {
        let holds = metadata.holds.max(HOLDS);
        let opening = opening(&metadata.holding(holds))?;
        return Ok((Plan::begin(start, rules, holds), opening));
    }
    Ok((Plan::resume(rules, metadata.holds), None))
}

fn unreadable(error: serde_json::Error) -> MetadataError {
    MetadataError::Unreadable(error.to_string())
}
