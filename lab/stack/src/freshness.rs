//! Time from sending an interval until it is visible, from two cumulative curves.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Resolution of latencies, ms. It limits the memory of long runs.
const STEP_MS: i64 = 10;

/// Cumulative curves of sent and visible intervals, and the latencies between them.
///
/// Intervals are assumed to become visible in the order in which they were sent, because sums do not
/// identify single intervals. Over a few seconds this makes no difference.
#[derive(Debug, Default)]
pub struct Freshness {
    /// Times (ms) with the number of intervals sent by then, of intervals that are not visible yet.
    sent: VecDeque<(i64, u64)>,
    seen: u64,
    /// Intervals by latency, in steps.
    latencies: BTreeMap<i64, u64>,
}

impl Freshness {
    /// Records that `intervals` had been sent in total by `at_ms`.
    pub fn sent(&mut self, at_ms: i64, intervals: u64) {
        if intervals > self.sent.back().map_or(self.seen, |(_, sent)| *sent) {
            self.sent.push_back((at_ms, intervals));
        }
    }

    /// Records that `intervals` were visible in total at `at_ms`.
    pub fn seen(&mut self, at_ms: i64, intervals: u64) {
        while self.seen < intervals {
            let Some((sent_ms, sent)) = self.sent.front().copied() else { return };
            let step = (at_ms - sent_ms).max(0) / STEP_MS;
            let upto = sent.min(intervals);
            *self.latencies.entry(step).or_default() += upto - self.seen;
            self.seen = upto;
            if upto == sent {
                self.sent.pop_front();
            }
        }
    }

    /// Returns the latency, s, that `share` of the visible intervals did not exceed; none if there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.latencies.values().sum();
        let rank = (share * total as f64).ceil() as u64;
        let mut below = 0;
        let step = self.latencies.iter().find_map(|(step, count)| {
            below += count;
            (below >= rank).then_some(*step)
        });
        step.map(|step| ((step + 1) * STEP_MS) as f64 / 1000.0)
    }
}

/// A distribution in two figures; none if there were no values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

impl Quantiles {
    /// Returns the quantiles of the latencies.
    #[must_use]
    pub fn of(freshness: &Freshness) -> Self {
        Self { p50: freshness.quantile(0.5), p99: freshness.quantile(0.99) }
    }
}

/// Rounds to two decimals: more would be noise.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_counts_from_its_own_sending_to_the_look_that_saw_it() {
        let mut freshness = Freshness::default();
        freshness.sent(1000, 90);
        freshness.sent(2000, 100);
        freshness.seen(2500, 95);
        freshness.seen(6000, 100);
        // 90 took 1.5 s, 5 took 0.5 s and 5 took 4 s.
        assert_eq!(freshness.quantile(0.05), Some(0.51));
        assert_eq!(freshness.quantile(0.5), Some(1.51));
        assert_eq!(freshness.quantile(0.95), Some(1.51));
        assert_eq!(freshness.quantile(0.99), Some(4.01));
    }

    #[test]
    fn unseen_records_have_no_latency_and_none_counts_twice() {
        let mut freshness = Freshness::default();
        assert_eq!(freshness.quantile(0.5), None);
        freshness.sent(0, 10);
        freshness.seen(100, 4);
        freshness.seen(200, 4);
        freshness.seen(300, 3);
        assert_eq!(freshness.latencies.values().sum::<u64>(), 4);
        assert_eq!(freshness.quantile(1.0), Some(0.11));
    }
}
