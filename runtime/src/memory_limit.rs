//! The limit on the memory of the process.

use std::time::{Duration, Instant};

use host::resident_bytes;
use service::Limits;

/// Interval between two lines with the same message.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The limit on resident memory: above it less may be in flight. What is in memory beside that is
/// state, which no waiting makes smaller.
pub(crate) struct MemoryLimit {
    bytes: i64,
    is_over: bool,
    logged: Option<Instant>,
}

impl MemoryLimit {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { bytes: limits.memory_bytes(), is_over: false, logged: None }
    }

    /// Measures the usage at `now`.
    pub(crate) fn look(&mut self, now: Instant) {
        self.see(resident_bytes().unwrap_or(0), now);
    }

    fn see(&mut self, resident: i64, now: Instant) {
        self.is_over = resident > self.bytes;
        if self.is_over && self.logged.is_none_or(|logged| now - logged >= LOG_INTERVAL) {
            self.logged = Some(now);
            tracing::warn!(
                resident_mb = resident >> 20,
                limit_mb = self.bytes >> 20,
                "memory is above its limit, and reading is slower: set limits.memory_mb higher or \
                 start more instances"
            );
        }
    }

    /// Returns true if less may be in flight.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn memory_above_the_limit_holds_back_until_it_is_below() {
        let limits = Limits { memory_mb: 100, ..Limits::default() };
        let (mut limit, now) = (MemoryLimit::new(&limits), Instant::now());
        for (resident_mb, is_over) in [(99, false), (100, false), (101, true), (100, false)] {
            limit.see(resident_mb << 20, now);
            assert_eq!(limit.is_over(), is_over, "{resident_mb} MB");
        }
        // Other tests of this process come and go meanwhile.
        let resident = resident_bytes().unwrap();
        let looks_over = |bytes| {
            limit.bytes = bytes;
            limit.look(now);
            limit.is_over()
        };
        assert_eq!([resident / 4, resident * 4].map(looks_over), [true, false]);
    }
}
