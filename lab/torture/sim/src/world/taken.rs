//! Event time and predecessors of snapshots by the documented rules.

use super::LOOK_BACK_S;

/// Maximum difference of clocks that agree, ms.
const CLOSE_MS: i64 = 5_000;

/// A snapshot: its time by the client's clock, and the log's time of its arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) client_ms: i64,
    pub(super) log_ms: i64,
    /// True if the snapshot contains the video stream.
    pub(super) video: bool,
}

/// Predecessor of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Follows {
    Nothing,
    /// Duplicate or reordered snapshot.
    Stale,
    After(Taken),
}

/// Returns the event time, which is at most the append time.
pub(super) const fn happened_ms(client_ms: i64, log_ms: i64) -> i64 {
    if client_ms - log_ms > CLOSE_MS { log_ms } else { client_ms }
}

impl Taken {
    pub(super) const fn happened_ms(self) -> i64 {
        happened_ms(self.client_ms, self.log_ms)
    }

    /// Returns the time since another snapshot.
    pub(super) fn since_ms(self, last: Self) -> i64 {
        let by_client = self.client_ms - last.client_ms;
        let by_event = self.happened_ms() - last.happened_ms();
        let by_log = self.log_ms - last.log_ms;
        let is_close = |other: i64| (by_client - other).abs() <= CLOSE_MS;
        if by_client > 0 && (is_close(by_event) || is_close(by_log)) {
            return by_client;
        }
        let most = by_log.max(0) + (last.log_ms - last.happened_ms()).max(0) + CLOSE_MS;
        let mut candidates = [by_client, by_event];
        candidates.sort_unstable();
        let found = candidates.into_iter().find(|ms| (1..=most).contains(ms));
        found.unwrap_or_else(|| by_log.max(1000))
    }

    /// Returns its predecessor among `before`, for a stream whose progress at a time of the client's
    /// clock is `progress`.
    pub(super) fn follows<'a>(
        self,
        before: impl Iterator<Item = &'a Self>,
        progress: impl Fn(i64) -> i64,
    ) -> Follows {
        let is_within = |one: &Self, other: &Self| {
            one.client_ms <= other.client_ms && progress(one.client_ms) <= progress(other.client_ms)
        };
        let mut line: Vec<Self> = Vec::new();
        for new in before {
            while line.last().is_some_and(|last| is_within(last, new)) {
                line.pop();
            }
            line.push(*new);
        }
        let comes_next = |line: &[Self], last: &Self, new: &Self| {
            !line.iter().any(|one| is_within(new, one))
                && (new.client_ms > last.client_ms
                    || line.iter().all(|one| one.client_ms >= new.client_ms))
        };
        let Some(mut last) = line.first() else { return Follows::Nothing };
        for place in 1..line.len() {
            if comes_next(&line[..place], last, &line[place]) {
                last = &line[place];
            }
        }
        if !comes_next(&line, last, &self) {
            return Follows::Stale;
        }
        let apart_ms = self.happened_ms() - last.happened_ms();
        if apart_ms > i64::from(LOOK_BACK_S) * 1000 {
            return Follows::Nothing;
        }
        Follows::After(*last)
    }
}
