//! Deadlines.

use std::time::{Duration, Instant};

/// A point in time at which waiting ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline `patience` from now.
    #[must_use]
    pub fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// Returns true when it has passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        Instant::now() >= self.0
    }
}
