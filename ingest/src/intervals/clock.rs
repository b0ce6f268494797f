//! Times of a snapshot, and the time between two snapshots.

/// Maximum difference of clocks that agree, us. Transport of reports takes time, and no clock is
/// exact.
pub(crate) const TOLERANCE_US: i64 = 5_000_000;

/// Length of an interval without a usable clock, us.
const UNKNOWN_US: i64 = 1_000_000;

/// The times of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Time by the client's clock, us since the Unix epoch.
    pub(super) client_us: i64,
    /// Event time: time by the client's corrected clock, us.
    pub(super) event_us: i64,
    /// Time of the first append of its record, ms.
    pub(super) first_ms: i64,
}

impl Taken {
    /// Returns the time since `earlier`, us, at least 1: by the client's clock if that agrees with
    /// another clock. Otherwise one of the clocks was set or stopped. A clock that jumps forward
    /// makes the time too long, and one that is set back makes it negative, so the smallest
    /// positive time counts. Event time is never far ahead of the log, so, except for the
    /// tolerance, the time is at most that between the two appends plus the delay of the earlier
    /// one.
    pub(super) fn since_us(&self, earlier: &Self) -> i64 {
        let by_client = self.client_us.saturating_sub(earlier.client_us);
        let by_event = self.event_us.saturating_sub(earlier.event_us);
        let by_log = self.first_ms.saturating_sub(earlier.first_ms).saturating_mul(1000);
        let agrees = |other: i64| by_client.abs_diff(other) <= TOLERANCE_US.unsigned_abs();
        if by_client > 0 && (agrees(by_event) || agrees(by_log)) {
            return by_client;
        }
        let most = by_log.max(0).saturating_add(earlier.late_us()).saturating_add(TOLERANCE_US);
        let reported = [by_client, by_event].into_iter().filter(|us| (1..=most).contains(us));
        reported.min().unwrap_or_else(|| by_log.max(UNKNOWN_US))
    }

    /// Returns the time from the event to the append, us.
    fn late_us(&self) -> i64 {
        self.first_ms.saturating_mul(1000).saturating_sub(self.event_us).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Taken;

    const S: i64 = 1_000_000;

    /// Returns a snapshot with these times, s: client's clock, corrected clock, append.
    fn at(client_s: i64, event_s: i64, append_s: i64) -> Taken {
        Taken { client_us: client_s * S, event_us: event_s * S, first_ms: append_s * 1000 }
    }

    fn seconds(earlier: Taken, later: Taken) -> i64 {
        later.since_us(&earlier) / S
    }

    #[test]
    fn clocks_that_agree_are_the_clients() {
        assert_eq!(seconds(at(100, 100, 100), at(105, 105, 105)), 5);
        assert_eq!(seconds(at(100, 100, 100), at(105, 108, 108)), 5, "delayed in transit");
        assert_eq!(seconds(at(100, 100, 3700), at(110, 110, 3700)), 10, "an hour in one second");
        assert_eq!(seconds(at(100, 100, 100), at(200, 200, 101)), 100, "100 times as fast");
    }

    #[test]
    fn a_clock_that_is_set_changes_no_length() {
        assert_eq!(seconds(at(100, 100, 101), at(3705, 105, 106)), 5, "ahead, and corrected");
        assert_eq!(seconds(at(3700, 100, 101), at(105, 105, 106)), 5, "back, and corrected");
        assert_eq!(seconds(at(100, 100, 101), at(345, 106, 106)), 6, "ahead, held by the append");
        assert_eq!(seconds(at(3700, 3700, 3701), at(105, 105, 3706)), 5, "back, by the appends");
        assert_eq!(seconds(at(3700, 100, 3700), at(105, 105, 3700)), 5, "in one second, corrected");
        assert_eq!(seconds(at(3700, 3700, 3700), at(105, 105, 3700)), 1, "unknown");
    }

    #[test]
    fn no_interval_is_longer_than_the_appends_allow() {
        assert_eq!(seconds(at(100, 100, 101), at(3705, 3600, 106)), 5);
        assert_eq!(seconds(at(100, 100, 3800), at(160, 160, 3801)), 60, "it was late");
    }
}
