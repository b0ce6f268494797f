//! By which rules blocks are folded, and which of them may be written.
//!
//! A block that is folded twice by different rules would be counted twice, so rules are committed
//! before the first row that follows from them is written. Were that done block by block, a
//! backlog would wait for a commit at every minute of the log; so what is committed holds for some
//! blocks ahead, and changed settings wait until those are over.

use std::collections::VecDeque;

use runtime::Offset;

use crate::block::Rules;

/// What is committed, or about to be, about a partition's blocks.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Number of the block that is opened next.
    next: u64,
    /// Number of the first block for which nothing is said.
    settled: u64,
    /// Number of the first block whose rows have to wait for a commit.
    free: u64,
    /// Rules of the block that was opened last.
    rules: Option<Rules>,
    /// Openings that are not known to be committed: where, and up to which number they say something.
    openings: VecDeque<(Offset, u64)>,
}

impl Plan {
    /// Goes on from a block, number 0, with rules that hold for so many blocks.
    pub(crate) fn resume(rules: Rules, holds: u64) -> Self {
        Self { next: 1, settled: holds, free: holds, rules: Some(rules), ..Self::default() }
    }

    /// Opens the next block: its number, its rules, and for how many blocks from it on they hold.
    pub(crate) fn open(&mut self, start: Offset, wanted: Rules, holds: u64) -> (u64, Rules, u64) {
        let number = self.next;
        self.next += 1;
        let rules = match self.rules.take() {
            Some(rules) if number < self.settled => rules,
            _ => wanted.clone(),
        };
        if rules == wanted {
            self.settled = self.settled.max(number + holds);
        }
        self.rules = Some(rules.clone());
        self.openings.push_back((start, self.settled));
        (number, rules, self.settled - number)
    }

    /// What was said with the opening at `offset` is committed.
    pub(crate) fn committed(&mut self, offset: Offset) {
        let known = self.openings.partition_point(|(start, _)| *start <= offset);
        for (_, until) in self.openings.drain(..known) {
            self.free = self.free.max(until);
        }
    }

    /// True if rows of the block of this number may be written.
    pub(crate) fn may_write(&self, number: u64) -> bool {
        #[cfg(feature = "mutations")]
        if crate::mutations::rules_first() {
            return true;
        }
        number < self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grouping::Groupings;

    fn rules(n: i64) -> Rules {
        Rules::new(n, 60, Groupings::default())
    }

    #[test]
    fn nothing_is_written_before_the_first_commit() {
        let mut plan = Plan::default();
        assert_eq!(plan.open(Offset(0), rules(5), 3), (0, rules(5), 3));
        assert!(!plan.may_write(0));
        plan.committed(Offset(0));
        assert!(plan.may_write(0) && plan.may_write(2) && !plan.may_write(3));
    }

    #[test]
    fn the_same_rules_hold_further_with_every_commit() {
        let mut plan = Plan::resume(rules(5), 2);
        assert!(plan.may_write(1) && !plan.may_write(2));
        assert_eq!(plan.open(Offset(10), rules(5), 3), (1, rules(5), 3));
        assert!(!plan.may_write(2), "said, and not committed");
        plan.committed(Offset(10));
        assert!(plan.may_write(3) && !plan.may_write(4));
    }

    #[test]
    fn other_settings_wait_until_what_is_committed_is_over_and_then_for_their_own_commit() {
        let mut plan = Plan::resume(rules(5), 3);
        assert_eq!(plan.open(Offset(10), rules(9), 4), (1, rules(5), 2));
        assert_eq!(plan.open(Offset(20), rules(9), 4), (2, rules(5), 1));
        assert_eq!(plan.open(Offset(30), rules(9), 4), (3, rules(9), 4));
        plan.committed(Offset(20));
        assert!(plan.may_write(2) && !plan.may_write(3));
        plan.committed(Offset(30));
        assert!(plan.may_write(6) && !plan.may_write(7));
    }
}
