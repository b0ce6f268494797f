//! Raw offsets of a partition that no output accounts for yet.

use schemas::{Lineage, RawOutcome, Skipped};

/// Raw offsets that wait for the next output.
#[derive(Debug)]
pub(crate) struct Pending {
    partition: i32,
    /// First offset that waits; unknown until the first record if nothing was ever committed.
    from: Option<i64>,
    /// The offset after the last one read.
    next: Option<i64>,
    appended_ms: i64,
    skipped: Vec<Skipped>,
}

impl Pending {
    /// Creates a state without waiting offsets; the next output accounts for offsets from
    /// `committed` on.
    pub(crate) fn new(partition: i32, committed: Option<i64>) -> Self {
        let skipped = Vec::new();
        Self { partition, from: committed, next: committed, appended_ms: 0, skipped }
    }

    /// Records that a record was read. Offsets between it and the previous one have no record.
    pub(crate) fn read(&mut self, offset: i64, appended_ms: i64) {
        let expected = *self.next.get_or_insert(offset);
        self.from.get_or_insert(offset);
        if expected < offset {
            self.run(expected, offset - expected, RawOutcome::Absent);
        }
        self.next = Some(offset + 1);
        self.appended_ms = appended_ms;
    }

    /// Records that the record at `offset` is not simply accepted.
    pub(crate) fn skip(&mut self, offset: i64, outcome: RawOutcome) {
        self.run(offset, 1, outcome);
    }

    fn run(&mut self, from: i64, count: i64, outcome: RawOutcome) {
        match self.skipped.last_mut() {
            Some(last) if last.outcome == outcome && last.from + last.count == from => {
                last.count += count;
            }
            _ => self.skipped.push(Skipped { from, count, outcome }),
        }
    }

    /// Returns whether offsets wait.
    pub(crate) fn any(&self) -> bool {
        self.from < self.next
    }

    /// Returns the number of runs of offsets that were not simply accepted.
    pub(crate) fn runs(&self) -> usize {
        self.skipped.len()
    }

    /// Passes the waiting offsets to an output.
    pub(crate) fn take(&mut self) -> Option<Lineage> {
        let (from, next) = self.from.zip(self.next).filter(|(from, next)| from < next)?;
        self.from = self.next;
        Some(Lineage {
            raw_partition: self.partition,
            raw_from: from,
            raw_to: next - 1,
            raw_append_ms: self.appended_ms,
            skipped: std::mem::take(&mut self.skipped),
        })
    }
}
