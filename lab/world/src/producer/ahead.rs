//! The distance between the producer and a pipeline that it should not be far ahead of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Most records between the producer and the pipeline. More than the blocks of all partitions hold: only
/// blocks that have ended are counted while the pipeline is behind.
const MOST: u64 = 400_000;
/// The longest pause, also if the pipeline does not move. Two records of a session may lie on either side
/// of it, and ingest remembers the first for 120 s.
const LONGEST: Duration = Duration::from_secs(20);
/// Records between two pauses, so that no two pauses are between a record and the next of its session.
const BETWEEN: u64 = 20_000;

/// Distance from a pipeline.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Records that the pipeline has counted.
    counted: Arc<AtomicU64>,
    /// Number of records at which the next pause may be made.
    next: u64,
}

impl Ahead {
    pub(super) fn new(counted: Arc<AtomicU64>) -> Self {
        Self { counted, next: 0 }
    }

    /// Returns true if the pipeline is far behind a producer that has sent `sent` records.
    pub(super) fn is_far(&self, sent: u64) -> bool {
        sent.saturating_sub(self.counted.load(Ordering::Relaxed)) >= MOST
    }

    /// Begins a pause, if there must be one after `sent` records. Returns its latest end.
    pub(super) fn pause(&mut self, sent: u64) -> Option<Instant> {
        if sent < self.next || !self.is_far(sent) {
            return None;
        }
        self.next = sent + BETWEEN;
        Some(Instant::now() + LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_made_far_ahead_of_the_pipeline_and_not_soon_again() {
        let counted = Arc::new(AtomicU64::new(0));
        let mut ahead = Ahead::new(Arc::clone(&counted));
        assert!(ahead.pause(MOST - 1).is_none());
        assert!(ahead.pause(MOST).is_some() && ahead.is_far(MOST));
        assert!(ahead.pause(MOST + BETWEEN - 1).is_none(), "two pauses in a row");
        assert!(ahead.pause(MOST + BETWEEN).is_some());
        counted.store(2 * BETWEEN + 1, Ordering::Relaxed);
        assert!(!ahead.is_far(MOST + 2 * BETWEEN));
        assert!(ahead.pause(MOST + 2 * BETWEEN).is_none(), "the pipeline has followed");
    }
}
