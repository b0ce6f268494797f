//! Limit on the memory of expanded recordings. A line of a few bytes may expand to a whole report.

use std::cell::Cell;

/// Bytes in 1 MB.
pub const MB: u64 = 1_000_000;

/// Memory that recordings may still take.
#[derive(Debug)]
pub struct Budget {
    most_mb: u64,
    /// Remaining bytes; none after the budget was exceeded.
    left: Cell<Option<u64>>,
}

impl Budget {
    /// Creates a budget of `most_mb` MB.
    pub const fn of_mb(most_mb: u64) -> Self {
        Self { most_mb, left: Cell::new(Some(most_mb.saturating_mul(MB))) }
    }

    /// Reserves `bytes` before they are allocated. Returns none if this or an earlier reservation
    /// exceeds the budget.
    pub fn take(&self, bytes: usize) -> Option<()> {
        self.left.set(self.left.get().and_then(|left| left.checked_sub(bytes as u64)));
        self.left.get().map(drop)
    }

    /// Returns the limit in MB, if it was exceeded.
    pub fn exceeded(&self) -> Option<u64> {
        self.left.get().is_none().then_some(self.most_mb)
    }
}
