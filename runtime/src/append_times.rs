//! Monitoring of the append times along a partition's log. They come from the clock of its leader.

use std::time::{Duration, Instant};

use service::AppendTime;

/// Largest step back that is not counted, ms. The leader of a partition changes from time to time, and
/// clocks of brokers with NTP differ by less than this.
const TOLERANCE_MS: i64 = 60_000;
/// Shortest time between two log lines about one partition.
const REPEAT: Duration = Duration::from_secs(60);

/// Detector of append times that go back in one partition.
#[derive(Debug, Default)]
pub(crate) struct AppendTimes {
    last: Option<AppendTime>,
    logged: Option<Instant>,
}

/// A record whose append time is far before that of the record before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepBack {
    pub(crate) by_ms: i64,
    /// True if it is to be logged (at most once per minute).
    pub(crate) is_logged: bool,
}

impl AppendTimes {
    /// Checks the append time of the next record, which is read at `now`.
    pub(crate) fn next(&mut self, appended: AppendTime, now: Instant) -> Option<StepBack> {
        let last = self.last.replace(appended)?;
        let by_ms = last.0.saturating_sub(appended.0);
        if by_ms <= TOLERANCE_MS {
            return None;
        }
        let is_logged = self.logged.is_none_or(|logged| now - logged >= REPEAT);
        if is_logged {
            self.logged = Some(now);
        }
        Some(StepBack { by_ms, is_logged })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: i64 = 1_756_000_000_000;

    /// Steps back in a partition whose records have these append times, s, one read each second.
    fn steps(appended_s: &[i64]) -> Vec<(usize, StepBack)> {
        let (mut times, start) = (AppendTimes::default(), Instant::now());
        let mut next = |(at, s): (usize, &i64)| {
            let now = start + Duration::from_secs(at as u64);
            Some((at, times.next(AppendTime(START_MS + s * 1000), now)?))
        };
        appended_s.iter().enumerate().filter_map(&mut next).collect()
    }

    #[test]
    fn a_step_back_of_more_than_a_minute_counts_and_a_lesser_one_does_not() {
        assert_eq!(steps(&[0, 1, 1, 500, 440]), []);
        let step = StepBack { by_ms: 61_000, is_logged: true };
        assert_eq!(steps(&[0, 500, 439]), [(2, step)]);
    }

    #[test]
    fn a_lasting_clock_step_counts_once_and_jumps_are_logged_each_minute() {
        assert_eq!(steps(&[3600, 0, 1, 2]).len(), 1);
        let jumps: Vec<_> = (0..122).map(|at| if at % 2 == 0 { 3600 } else { 0 }).collect();
        let steps = steps(&jumps);
        assert_eq!(steps.len(), 61);
        let logged = steps.iter().filter(|(_, step)| step.is_logged).map(|(at, _)| *at);
        assert_eq!(logged.collect::<Vec<_>>(), [1, 61, 121]);
    }
}
