//! Metrics and log lines of dead letters: their number by reason, and one line a minute for each reason.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use prometheus::IntCounterVec;
use schemas::DeadLetterHead;

/// Minimum time between two log lines about letters of the same reason.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Reason under which a letter with an unreadable reason is counted.
const UNKNOWN: &str = "unknown";

/// Counter and log of the dead letters of a process.
pub(crate) struct Letters {
    /// Number of letters written so far.
    pub(crate) total: u64,
    counts: IntCounterVec,
    logged: BTreeMap<String, Instant>,
}

impl Letters {
    pub(crate) const fn new(counts: IntCounterVec) -> Self {
        Self { total: 0, counts, logged: BTreeMap::new() }
    }

    /// Counts a framed letter at `now`; true if it was logged.
    pub(crate) fn count(&mut self, framed: &[u8], now: Instant) -> bool {
        let head = DeadLetterHead::of(framed);
        let reason = head.map_or(UNKNOWN, |head| head.reason);
        self.total += 1;
        self.counts.with_label_values(&[reason]).inc();
        let logged = self.logged.get(reason);
        if logged.is_some_and(|logged| now.saturating_duration_since(*logged) < LOG_INTERVAL) {
            return false;
        }
        self.logged.insert(reason.to_owned(), now);
        if let Some(DeadLetterHead {
            detail, source_topic, source_partition, source_offset, ..
        }) = head
        {
            tracing::warn!(
                reason,
                topic = source_topic,
                partition = source_partition,
                offset = source_offset,
                ?detail,
                "dead letter, the first of its reason in a minute; see isobar dlq ls"
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prometheus::Opts;
    use schemas::DeadLetter;

    use super::*;

    #[test]
    fn each_is_counted_and_the_first_of_each_reason_a_minute_is_logged() {
        let counts = IntCounterVec::new(Opts::new("letters", "letters"), &["reason"]).unwrap();
        let mut letters = Letters::new(counts.clone());
        let letter = |reason: &str| {
            schemas::encode(&DeadLetter { reason: reason.to_owned(), ..DeadLetter::default() })
                .unwrap()
        };
        let start = Instant::now();
        let mut count = |reason, s| letters.count(&letter(reason), start + Duration::from_secs(s));
        assert!(count("late", 0) && !count("late", 59) && count("too_large", 59));
        assert!(count("late", 61) && !count("late", 62));
        assert_eq!(counts.with_label_values(&["late"]).get(), 4);
        assert_eq!(counts.with_label_values(&["too_large"]).get(), 1);
        assert!(letters.count(b"no letter", start));
        assert_eq!((letters.total, counts.with_label_values(&["unknown"]).get()), (6, 1));
    }
}
