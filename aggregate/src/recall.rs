//! Recovery of a partition's rules from its audits.
//!
//! Committed metadata says by which rules the fold of a partition continues. Kafka deletes it if a group is
//! inactive for long, and a tool that sets an offset drops it. Then the audits in `rtc-blocks-v1` are used:
//! each has the rules of its block and the raw offsets accounted for before it. The blocks that are still
//! in the log are folded again by the same rules, and so give the same rows.

use std::collections::{BTreeMap, VecDeque};

use schemas::BlockAudit;
use service::{Committed, Offset, OffsetRanges, Recall, Refusal, RefusalReason, Source};

use crate::block::{Follows, Metadata, Rules};
use crate::settings::AggregateSettings;

/// Reader of a partition's audits.
#[derive(Debug)]
pub(crate) struct Audits {
    settings: AggregateSettings,
    /// Name of the input topic.
    topic: String,
    source: Source,
    /// Offset that a tool has set for the group.
    set_to: Option<Offset>,
    /// Audits by the blocks' starts, each the newest of its block.
    blocks: BTreeMap<i64, BlockAudit>,
    unreadable: Option<String>,
}

impl Audits {
    pub(crate) fn new(
        settings: AggregateSettings,
        topic: &str,
        source: Source,
        set_to: Option<Offset>,
    ) -> Self {
        let (topic, blocks) = (topic.to_owned(), BTreeMap::new());
        Self { settings, topic, source, set_to, blocks, unreadable: None }
    }

    /// The blocks, oldest first, from the first that starts in the log on, of those that follow on
    /// one another up to the newest one.
    fn run(&self, first: Offset) -> Vec<&BlockAudit> {
        let mut run: Vec<&BlockAudit> = Vec::new();
        for block in self.blocks.values().rev() {
            let follows = run.last().is_none_or(|next| next.block_start == block.upto);
            if !follows || block.block_start < first.0 {
                break;
            }
            run.push(block);
        }
        run.reverse();
        run
    }

    /// Returns the metadata of the first block of `run` as if it had been committed, with the rules of those
    /// that follow.
    fn again(&self, run: &[&BlockAudit]) -> Result<Option<Committed>, Refusal> {
        let Some((start, rest)) = run.split_first() else { return Ok(None) };
        let rules = self.rules(start)?;
        let mut follows = Follows {
            starts: rest.iter().map(|block| block.block_start).collect(),
            changes: VecDeque::new(),
        };
        for pair in run.windows(2).filter(|pair| pair[0].rules != pair[1].rules) {
            follows.changes.push_back((pair[1].block_start, self.rules(pair[1])?));
        }
        let seen = start.raw.parse().map_err(|_| self.unreadable("raw offsets are no ranges"))?;
        let epoch = self.settings.epoch;
        let metadata = Metadata::new(epoch, rules, 1, &seen, start.forgotten, None);
        self.committed(start.block_start, metadata.following(follows))
    }

    /// Returns the metadata of a new block at `start`, before which the raw offsets up to `raw_end` were
    /// accounted for.
    fn anew(&self, start: i64, raw_end: i64) -> Result<Option<Committed>, Refusal> {
        let mut seen = OffsetRanges::default();
        seen.insert(Offset(0)..=Offset(raw_end - 1));
        let rules = self.settings.rules();
        self.committed(start, Metadata::new(self.settings.epoch, rules, 0, &seen, 0, None))
    }

    fn committed(&self, offset: i64, metadata: Metadata) -> Result<Option<Committed>, Refusal> {
        let metadata = metadata.text().map_err(|error| self.unreadable(&error.to_string()))?;
        Ok(Some(Committed { offset: Offset(offset), metadata }))
    }

    fn rules(&self, block: &BlockAudit) -> Result<Rules, Refusal> {
        serde_json::from_str(&block.rules).map_err(|error| {
            self.unreadable(&format!("rules of block {}: {error}", block.block_start))
        })
    }

    fn unreadable(&self, why: &str) -> Refusal {
        let text = format!(
            "partition {}: nothing is committed, and its audits cannot be read: {why}. Run the \
             release that wrote them",
            self.source.partition
        );
        Refusal::new(RefusalReason::Metadata, text)
    }

    fn refusal(&self, reason: RefusalReason, what: &str) -> Refusal {
        let (topic, partition) = (&self.topic, self.source.partition);
        Refusal::new(reason, format!("{topic} partition {partition}: {what}"))
    }

    /// The log has lost its end, or is another one.
    fn beyond_the_end(&self, folded: i64, end: Offset) -> Refusal {
        let epoch = self.settings.epoch;
        let what = format!(
            "it was folded up to {folded} in epoch {epoch}, and the log ends at {end}: Kafka lost \
             its end, or the topic was created anew. What was folded is counted and stays. To go on, \
             begin a new epoch, as docs/reference/exit-codes.md says under \"A new epoch\" (under 81, if \
             the topic was created anew): the groups of ingest and enrich have to be set, too, or \
             records count twice"
        );
        self.refusal(RefusalReason::OffsetGone, &what)
    }

    /// Records were deleted before they were folded.
    fn gap(&self, folded: i64, first: Offset) -> Refusal {
        let what = format!(
            "nothing is committed; its audits say that it was folded up to {folded}, and the log \
             begins at {first}. The {} offsets between were deleted before they were folded. Nothing is \
             lost of which the raw topic still holds the records: set the groups back as \
             docs/reference/exit-codes.md says under \"Aggregate goes by its audits\", and start with \
             aggregate.start_mid_log = true. Nothing is counted twice, and no row has to be deleted",
            first.0 - folded
        );
        self.refusal(RefusalReason::MidLog, &what)
    }

    /// No audit covers the partition, and its offset was set by hand.
    fn set_by_hand(&self, offset: Offset, end: Offset) -> Result<Option<Committed>, Refusal> {
        if self.settings.start_mid_log || end == Offset(0) {
            return self.anew(offset.0, 0);
        }
        let what = format!(
            "the committed offset {offset} was not committed by aggregate, and no audit tells how the \
             log was folded in epoch {}. If it was not, start with aggregate.start_mid_log = true, \
             which begins at {offset}. If it was, and the topic of audits was deleted, its rows would \
             be counted twice: docs/reference/exit-codes.md, code 88",
            self.settings.epoch
        );
        Err(self.refusal(RefusalReason::MidLog, &what))
    }
}

impl Recall for Audits {
    fn record(&mut self, payload: &[u8]) {
        match schemas::decode::<BlockAudit>(payload) {
            Ok(block) if block.epoch != self.settings.epoch => {}
            Ok(block) => {
                let known = self.blocks.entry(block.block_start).or_default();
                if block.upto >= known.upto {
                    *known = block;
                }
            }
            Err(error) => self.unreadable = Some(error.to_string()),
        }
    }

    fn conclude(&self, first: Offset, end: Offset) -> Result<Option<Committed>, Refusal> {
        if let Some(why) = &self.unreadable {
            return Err(self.unreadable(why));
        }
        #[cfg(feature = "mutations")]
        if crate::mutations::recall() {
            return Ok(None);
        }
        let Some(newest) = self.blocks.values().max_by_key(|block| block.upto) else {
            return match self.set_to {
                Some(offset) => self.set_by_hand(offset, end),
                None => Ok(None),
            };
        };
        let folded = newest.upto;
        if folded > end.0 {
            return Err(self.beyond_the_end(folded, end));
        }
        match self.run(first).as_slice() {
            [] if folded >= first.0 => self.anew(folded, newest.raw_end),
            [] if self.settings.start_mid_log => self.anew(first.0, newest.raw_end),
            [] => Err(self.gap(folded, first)),
            run => self.again(run),
        }
    }
}

#[cfg(test)]
mod tests;
