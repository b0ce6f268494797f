//! Limits of waiting.

use std::time::{Duration, Instant};

/// A moment after which waiting is over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// `patience` from now.
    #[must_use]
    pub fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// True when it is over.
    #[must_use]
    pub fn passed(&self) -> bool {
        Instant::now() >= self.0
    }
}
