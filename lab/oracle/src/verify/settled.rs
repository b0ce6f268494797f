//! Comparison of the cells of a history while its truth is folded: those of all its weeks would take tens of
//! gigabytes.
//!
//! A history is in the order of time, and no session keeps its events for longer than a few hours. So cells
//! that are older than that are complete, are compared, and are dropped.

use std::ops::Range;

use super::clickhouse::Reader;
use super::compare;
use super::error::VerifyError;
use super::verdict::Verdict;
use crate::oracle::{LookUp, Oracle};

/// Length of the slices of time whose cells are compared at once, s.
const SLICE_S: i64 = 6 * 3600;
/// Cells of windows that are older than this can no longer change, s: longer than a session keeps its events.
const OPEN_S: i64 = 5 * 3600;
/// Later than any window.
const END_S: i64 = u32::MAX as i64;

/// Comparison of complete cells.
pub(super) struct Settled<'a> {
    reader: &'a Reader,
    verdict: Verdict,
    /// Start of the windows that are not compared yet, s since the Unix epoch.
    from_s: i64,
    /// Time of the newest event, µs since the Unix epoch.
    newest_us: i64,
}

impl<'a> Settled<'a> {
    pub(super) fn new(reader: &'a Reader) -> Self {
        Self { reader, verdict: Verdict::default(), from_s: 0, newest_us: 0 }
    }

    /// Compares the cells that are complete after an event at `event_us`, if they are many.
    pub(super) async fn look(
        &mut self,
        oracle: &mut Oracle<impl LookUp>,
        event_us: i64,
    ) -> Result<(), VerifyError> {
        self.newest_us = self.newest_us.max(event_us);
        let until_s = (self.newest_us / 1_000_000 - OPEN_S).div_euclid(SLICE_S) * SLICE_S;
        if until_s <= self.from_s {
            return Ok(());
        }
        let actual = self.reader.cells(self.from_s..until_s).await?;
        compare::cells(&oracle.take_cells(until_s), &actual, &mut self.verdict);
        self.from_s = until_s;
        Ok(())
    }

    /// Returns the windows that are not compared, and the result for all others.
    pub(super) fn finish(self) -> (Range<i64>, Verdict) {
        (self.from_s..END_S, self.verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compared_early_is_part_of_the_result() {
        let verdict = |cells_checked, differences: &[&str]| Verdict {
            cells_checked,
            mismatches: differences.len() as u64,
            differences: differences.iter().map(ToString::to_string).collect(),
            ..Verdict::default()
        };
        let mut all = verdict(2, &["a"]);
        all.include(verdict(3, &["b", "c"]));
        assert_eq!(all, verdict(5, &["a", "b", "c"]));
        all.include(verdict(0, &["d"; 30]));
        assert_eq!((all.mismatches, all.differences.len()), (33, 20), "the first are described");
    }
}
