//! Figures of a demo.

use std::collections::BTreeMap;

use deploy::service::Service;
use oracle::verify::Verdict;
use serde::Serialize;
use stack::services::Usage;
use stack::{Freshness, Quantiles, Watch, rounded};

/// `--summary FILE`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Result of the comparison with the truth.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Time from sending to visibility, s.
    pub freshness_seconds: Quantiles,
    /// Intervals per second, from the first one sent to the last one visible.
    pub intervals_per_second: f64,
    /// CPU time by service, s per million intervals.
    pub cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    /// Peak resident memory of each service, MB (2²⁰ bytes).
    pub max_rss_mb: BTreeMap<&'static str, f64>,
}

impl Summary {
    /// Returns the figures of a finished demo.
    #[must_use]
    pub fn new(verdict: &Verdict, watch: &Watch, usage: &[(Service, Usage)]) -> Self {
        Self::of(verdict, &watch.freshness, watch.intervals(), watch.took().as_secs_f64(), usage)
    }

    fn of(
        verdict: &Verdict,
        freshness: &Freshness,
        intervals: u64,
        seconds: f64,
        usage: &[(Service, Usage)],
    ) -> Self {
        let by_service = |figure: &dyn Fn(&Usage) -> f64| {
            usage.iter().map(|(service, usage)| (service.name(), rounded(figure(usage)))).collect()
        };
        let millions = intervals.max(1) as f64 / 1e6;
        Self {
            verdict: verdict.clone(),
            freshness_seconds: Quantiles::of(freshness),
            intervals_per_second: rounded(intervals as f64 / seconds.max(0.001)),
            cpu_seconds_per_million_intervals: by_service(&|usage| usage.cpu_seconds / millions),
            max_rss_mb: by_service(&|usage| usage.max_rss_mb),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_the_fields_that_others_read() {
        let usage =
            Service::ALL.map(|service| (service, Usage { cpu_seconds: 3.0, max_rss_mb: 50.126 }));
        let verdict = Verdict { raw_records: 7, accepted: 6, late: 1, ..Verdict::default() };
        let mut freshness = Freshness::default();
        freshness.sent(0, 10);
        freshness.seen(990, 10);
        let summary = Summary::of(&verdict, &freshness, 1_500_000, 10.0, &usage);
        let expected = serde_json::json!({
            "raw_records": 7, "accepted": 6, "duplicates": 0, "dead_letters": 0, "late": 1,
            "cells_checked": 0, "sessions_checked": 0, "session_hours_checked": 0,
            "session_days_checked": 0, "split_sessions": 0, "mismatches": 0, "differences": [],
            "freshness_seconds": {"p50": 1.0, "p99": 1.0},
            "intervals_per_second": 150_000.0,
            "cpu_seconds_per_million_intervals":
                {"ingest": 2.0, "enrich": 2.0, "aggregate": 2.0, "sink": 2.0},
            "max_rss_mb": {"ingest": 50.13, "enrich": 50.13, "aggregate": 50.13, "sink": 50.13},
        });
        assert_eq!(serde_json::to_value(&summary).ok(), Some(expected));
    }
}
