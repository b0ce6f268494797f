//! Metrics of ingest.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use service::Fatal;

use crate::formats::Reason;

/// Metrics of ingest. Records read again to restore state are not counted.
pub(crate) struct Metrics {
    records: IntCounterVec,
    dead_letters: IntCounterVec,
    pub(crate) accepted: IntCounter,
    pub(crate) duplicates: IntCounter,
    pub(crate) intervals: IntCounter,
    pub(crate) resets: IntCounter,
    pub(crate) unverified: IntCounter,
    pub(crate) went_back: IntCounter,
    pub(crate) implausible: IntCounter,
    pub(crate) no_kind: IntCounter,
    pub(crate) forgotten_by_session: IntCounter,
    pub(crate) forgotten_by_partition: IntCounter,
    forgotten: IntCounterVec,
    missing: IntCounterVec,
    pub(crate) unmeasured: IntCounter,
    pub(crate) live: IntGauge,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn new(registry: &Registry) -> Result<Self, Fatal> {
        Self::try_new(registry).map_err(|error| Fatal::failed("metrics of ingest", error))
    }

    fn try_new(registry: &Registry) -> prometheus::Result<Self> {
        let records = IntCounterVec::new(
            Opts::new("isobar_ingest_records_total", "Raw records read, by outcome"),
            &["outcome"],
        )?;
        let dead_letters = IntCounterVec::new(
            Opts::new("isobar_ingest_dead_letters_total", "Raw records dead-lettered, by reason"),
            &["reason"],
        )?;
        let missing = IntCounterVec::new(
            Opts::new(
                "isobar_ingest_missing_total",
                "Quantities, groups of counters or streams that are missing in a report, by cause",
            ),
            &["cause"],
        )?;
        let forgotten = IntCounterVec::new(
            Opts::new(
                "isobar_ingest_forgotten_total",
                "Snapshots and events dropped from the state before they expired, by the exceeded limit",
            ),
            &["by"],
        )?;
        let metrics = Self {
            unverified: IntCounter::new(
                "isobar_ingest_unverified_total",
                "Accepted raw records of which an earlier copy may no longer be known",
            )?,
            went_back: missing.with_label_values(&["went_back"]),
            implausible: missing.with_label_values(&["implausible"]),
            no_kind: missing.with_label_values(&["no_kind"]),
            missing,
            forgotten_by_session: forgotten.with_label_values(&["session"]),
            forgotten_by_partition: forgotten.with_label_values(&["partition"]),
            forgotten,
            accepted: records.with_label_values(&["accepted"]),
            duplicates: records.with_label_values(&["duplicate"]),
            intervals: IntCounter::new("isobar_ingest_intervals_total", "Intervals found")?,
            resets: IntCounter::new(
                "isobar_ingest_resets_total",
                "Streams that restarted: two primary counters decreased",
            )?,
            unmeasured: IntCounter::new(
                "isobar_ingest_unmeasured_reports_total",
                "Accepted stats events with neither an RTP stream nor a selected candidate pair",
            )?,
            live: IntGauge::new(
                "isobar_ingest_live_streams",
                "Streams and candidate pairs in the state",
            )?,
            records,
            dead_letters,
        };
        registry.register(Box::new(metrics.records.clone()))?;
        registry.register(Box::new(metrics.dead_letters.clone()))?;
        registry.register(Box::new(metrics.intervals.clone()))?;
        registry.register(Box::new(metrics.resets.clone()))?;
        registry.register(Box::new(metrics.unmeasured.clone()))?;
        registry.register(Box::new(metrics.live.clone()))?;
        registry.register(Box::new(metrics.unverified.clone()))?;
        registry.register(Box::new(metrics.missing.clone()))?;
        registry.register(Box::new(metrics.forgotten.clone()))?;
        Ok(metrics)
    }

    /// A record was dead-lettered.
    pub(crate) fn rejected(&self, reason: Reason) {
        let outcome = if reason == Reason::Late { "late" } else { "invalid" };
        self.records.with_label_values(&[outcome]).inc();
        self.dead_letters.with_label_values(&[reason.code()]).inc();
    }
}
