//! The service's metrics.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use service::Fatal;

/// The metrics. Clones count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) rows: IntCounterVec,
    pub(crate) inserts: HistogramVec,
    pub(crate) failures: IntCounterVec,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) waits: IntGaugeVec,
    pub(crate) rebuilt: IntCounter,
    pub(crate) rebuilt_minutes: IntCounter,
    pub(crate) rebuild_failures: IntCounter,
    pub(crate) split_sessions: IntGauge,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// When one is registered already.
    pub(crate) fn new(registry: &Registry) -> Result<Self, Fatal> {
        Self::register(registry).map_err(Fatal::caused)
    }

    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let inserts = HistogramVec::new(
            HistogramOpts::new("isobar_sink_insert_seconds", "Time of inserts that were done."),
            &["table"],
        )?;
        registry.register(Box::new(inserts.clone()))?;
        let waits = IntGaugeVec::new(
            Opts::new("isobar_sink_waits", "1 while inserts wait for ClickHouse, by cause."),
            &["table", "cause"],
        )?;
        registry.register(Box::new(waits.clone()))?;
        let split_sessions = IntGauge::new(
            "isobar_sink_split_sessions",
            "Sessions of the last 15 minutes whose records lie in several partitions.",
        )?;
        registry.register(Box::new(split_sessions.clone()))?;
        Ok(Self {
            inserts,
            waits,
            split_sessions,
            rows: counters("isobar_sink_rows_total", "Rows inserted.", &["table"])?,
            failures: counters(
                "isobar_sink_insert_failures_total",
                "Inserts that failed, by what that means: unknown (may have been done, is sent \
                 again), rows (no server will take them), refused (is tried again later).",
                &["table", "outcome"],
            )?,
            dead_letters: counters(
                "isobar_sink_dead_letters_total",
                "Records given up, by reason.",
                &["reason"],
            )?,
            rebuilt: counter("isobar_sink_hours_rebuilt_total", "Hours of roll-ups rebuilt.")?,
            rebuilt_minutes: counter(
                "isobar_sink_minutes_rebuilt_total",
                "Minutes of the overview rebuilt.",
            )?,
            rebuild_failures: counter(
                "isobar_sink_rebuild_failures_total",
                "Rebuilds of roll-ups that failed and are tried again.",
            )?,
        })
    }
}
