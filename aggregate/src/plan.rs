//! Plan of the rules by which blocks are folded, and of the blocks that may be written.
//!
//! A block that is folded twice by different rules would be counted twice, so rules are committed
//! before the first row that depends on them is written. If each block required a commit, a backlog
//! would wait for one at every minute of the log. So a commit applies to several blocks ahead, and
//! changed settings apply after these.

use std::collections::VecDeque;

use service::Offset;

use crate::block::{Follows, Rules};

/// Commitments about a partition's blocks, made or pending.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Number of the block that is opened next.
    next: u64,
    /// Number of the first block for which no rules are committed or pending.
    settled: u64,
    /// Number of the first block whose rows have to wait for a commit.
    free: u64,
    /// Rules of the block that was opened last.
    rules: Option<Rules>,
    /// Openings whose commit is pending: the offset, and the number of the block up to which they hold.
    openings: VecDeque<(Offset, u64)>,
    follows: Follows,
}

/// Opening of a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Its number among the blocks since the partition was assigned.
    pub(crate) number: u64,
    pub(crate) rules: Rules,
    /// Number of blocks, from this one on, for which these rules hold.
    pub(crate) holds: u64,
    /// Whether the opening is committed. That of a block that was folded before is not: another fold starts
    /// at the first of these blocks.
    pub(crate) commits: bool,
}

/// Error: a block does not start at the same offset as when it was folded before.
#[derive(Debug, thiserror::Error)]
#[error(
    "a block starts at {0}, and when the log was folded before none did: the log is not the one \
     that was folded, or its offsets were set by hand. Nothing of the block was written"
)]
pub(crate) struct Misfit(Offset);

impl Plan {
    /// Continues from a block, number 0, with rules that hold for `holds` blocks.
    pub(crate) fn resume(rules: Rules, holds: u64) -> Self {
        Self { next: 1, settled: holds, free: holds, rules: Some(rules), ..Self::default() }
    }

    /// Starts with a block, number 0, of which nothing is committed yet.
    pub(crate) fn begin(start: Offset, rules: Rules, holds: u64) -> Self {
        let openings = VecDeque::from([(start, holds)]);
        Self { openings, free: 0, ..Self::resume(rules, holds) }
    }

    /// Continues from a block that was folded before, as were those that follow it.
    pub(crate) fn follow(rules: Rules, follows: Follows) -> Self {
        let mut plan = Self { follows, ..Self::resume(rules, 1) };
        plan.settle_last(0);
        plan
    }

    /// Opens the next block, with rules that hold for so many blocks from it on if they may.
    pub(crate) fn open(
        &mut self,
        start: Offset,
        wanted: Rules,
        holds: u64,
    ) -> Result<Opened, Misfit> {
        let number = self.next;
        self.next += 1;
        if let Some(before) = self.follows.starts.pop_front() {
            return self.open_again(number, start, before);
        }
        let rules = match self.rules.take() {
            Some(rules) if number < self.settled => rules,
            _ => wanted.clone(),
        };
        if rules == wanted {
            self.settled = self.settled.max(number + holds);
        }
        self.rules = Some(rules.clone());
        self.openings.push_back((start, self.settled));
        Ok(Opened { number, rules, holds: self.settled - number, commits: true })
    }

    /// Opens a block that was opened `before`.
    fn open_again(&mut self, number: u64, start: Offset, before: i64) -> Result<Opened, Misfit> {
        if start.0 != before {
            return Err(Misfit(start));
        }
        let changes = &mut self.follows.changes;
        if changes.front().is_some_and(|(from, _)| *from == before) {
            self.rules = changes.pop_front().map(|(_, rules)| rules);
        }
        let Some(rules) = self.rules.clone() else { return Err(Misfit(start)) };
        self.free = number + 1;
        self.settle_last(number);
        Ok(Opened { number, rules, holds: 1, commits: false })
    }

    /// Records after the last known block may have been folded by its rules.
    fn settle_last(&mut self, number: u64) {
        if self.follows.starts.is_empty() {
            self.settled = number + crate::partition::HOLDS;
        }
    }

    /// Notes that the opening at `offset` is committed.
    pub(crate) fn committed(&mut self, offset: Offset) {
        let known = self.openings.partition_point(|(start, _)| *start <= offset);
        for (_, until) in self.openings.drain(..known) {
            self.free = self.free.max(until);
        }
    }

    /// Returns whether rows of the block of this number may be written.
    pub(crate) fn may_write(&self, number: u64) -> bool {
        #[cfg(feature = "mutations")]
        if crate::mutations::rules_first() {
            return true;
        }
        number < self.free
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::settings::AggregateSettings;

    fn rules(n: i64) -> Rules {
        AggregateSettings { block_records: n, ..AggregateSettings::default() }.rules()
    }

    /// Number, rules, for how many blocks they hold, and whether that is committed.
    #[track_caller]
    fn open(plan: &mut Plan, start: i64, wanted: i64, holds: u64) -> (u64, Rules, u64, bool) {
        let opened = plan.open(Offset(start), rules(wanted), holds).unwrap();
        (opened.number, opened.rules, opened.holds, opened.commits)
    }

    #[test]
    fn nothing_is_written_before_the_first_commit() {
        let mut plan = Plan::default();
        assert_eq!(open(&mut plan, 0, 5, 3), (0, rules(5), 3, true));
        assert!(!plan.may_write(0));
        plan.committed(Offset(0));
        assert!(plan.may_write(0) && plan.may_write(2) && !plan.may_write(3));
    }

    #[test]
    fn the_same_rules_hold_further_with_every_commit() {
        let mut plan = Plan::resume(rules(5), 2);
        assert!(plan.may_write(1) && !plan.may_write(2));
        assert_eq!(open(&mut plan, 10, 5, 3), (1, rules(5), 3, true));
        assert!(!plan.may_write(2), "pending, but not committed");
        plan.committed(Offset(10));
        assert!(plan.may_write(3) && !plan.may_write(4));
    }

    #[test]
    fn changed_settings_apply_after_the_committed_blocks_and_their_own_commit() {
        let mut plan = Plan::resume(rules(5), 3);
        assert_eq!(open(&mut plan, 10, 9, 4), (1, rules(5), 2, true));
        assert_eq!(open(&mut plan, 20, 9, 4), (2, rules(5), 1, true));
        assert_eq!(open(&mut plan, 30, 9, 4), (3, rules(9), 4, true));
        plan.committed(Offset(20));
        assert!(plan.may_write(2) && !plan.may_write(3));
        plan.committed(Offset(30));
        assert!(plan.may_write(6) && !plan.may_write(7));
    }

    #[test]
    fn blocks_folded_before_keep_their_rules_and_need_no_commit() {
        let follows = Follows {
            starts: [10, 20, 30].into(),
            changes: [(20, rules(7)), (30, rules(8))].into(),
        };
        let mut plan = Plan::follow(rules(5), follows);
        assert!(plan.may_write(0) && !plan.may_write(1));
        assert_eq!(open(&mut plan, 10, 9, 2), (1, rules(5), 1, false));
        assert!(plan.may_write(1) && !plan.may_write(2));
        assert_eq!(open(&mut plan, 20, 9, 2), (2, rules(7), 1, false));
        assert_eq!(open(&mut plan, 30, 9, 2), (3, rules(8), 1, false));
        let (number, same, holds, commits) = open(&mut plan, 40, 9, 2);
        assert_eq!((number, same, commits), (4, rules(8), true), "it may have been opened before");
        assert_eq!(holds, crate::partition::HOLDS - 1);
        assert!(plan.may_write(3) && !plan.may_write(4));
    }

    #[test]
    fn a_block_that_starts_elsewhere_than_before_is_not_opened() {
        let follows = Follows { starts: [10].into(), changes: VecDeque::new() };
        let mut plan = Plan::follow(rules(5), follows);
        assert!(plan.open(Offset(9), rules(5), 3).is_err());
    }
}
