//! Metrics of the service.

use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};
use service::Partition;

use crate::lineage::Outcomes;
use crate::values::Capped;

/// The service's own metrics.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    accepted: IntCounter,
    duplicate: IntCounter,
    late: IntCounter,
    invalid: IntCounter,
    pub(crate) replayed: IntCounter,
    pub(crate) undecodable: IntCounter,
    pub(crate) intervals: IntCounter,
    pub(crate) blocks: IntCounter,
    pub(crate) cells_written: IntCounter,
    pub(crate) sessions_written: IntCounter,
    pub(crate) hours_written: IntCounter,
    capped_by_session: IntCounter,
    capped_by_block: IntCounter,
    raw_holes: IntGaugeVec,
    pub(crate) watermark: Gauge,
    pub(crate) freshness: Histogram,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// When a metric of the same name is registered already.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let labelled = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let raw = labelled(
            "isobar_aggregate_raw_records_total",
            "Raw records answered for, by what became of them.",
            "outcome",
        )?;
        let written = labelled(
            "isobar_aggregate_partials_written_total",
            "Partials written, by what they are partials of.",
            "of",
        )?;
        let capped = labelled(
            "isobar_aggregate_capped_reports_total",
            "Reports of which a value counts as other, by whose values are too many.",
            "by",
        )?;
        let raw_holes = IntGaugeVec::new(
            Opts::new(
                "isobar_aggregate_raw_holes",
                "Raw offsets missing below the highest one answered for; a hole that stays is a loss.",
            ),
            &["partition"],
        )?;
        registry.register(Box::new(raw_holes.clone()))?;
        let watermark = Gauge::new(
            "isobar_aggregate_watermark_seconds",
            "Event time up to which windows are probably complete, seconds since the Unix epoch.",
        )?;
        registry.register(Box::new(watermark.clone()))?;
        let freshness = Histogram::with_opts(
            HistogramOpts::new(
                "isobar_aggregate_freshness_seconds",
                "From an event to the append of its enriched report.",
            )
            .buckets(vec![0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0]),
        )?;
        registry.register(Box::new(freshness.clone()))?;
        Ok(Self {
            accepted: raw.with_label_values(&["accepted"]),
            duplicate: raw.with_label_values(&["duplicate"]),
            late: raw.with_label_values(&["late"]),
            invalid: raw.with_label_values(&["invalid"]),
            replayed: counter(
                "isobar_aggregate_replayed_total",
                "Records that hops wrote again and that were left out.",
            )?,
            undecodable: counter(
                "isobar_aggregate_undecodable_total",
                "Records dead-lettered because they could not be read.",
            )?,
            intervals: counter("isobar_aggregate_intervals_total", "Intervals folded.")?,
            blocks: counter("isobar_aggregate_blocks_total", "Blocks finished.")?,
            cells_written: written.with_label_values(&["cell"]),
            sessions_written: written.with_label_values(&["session"]),
            hours_written: written.with_label_values(&["hour"]),
            capped_by_session: capped.with_label_values(&["session"]),
            capped_by_block: capped.with_label_values(&["block"]),
            raw_holes,
            watermark,
            freshness,
        })
    }

    pub(crate) fn count(&self, outcomes: &Outcomes) {
        for (counter, count) in [
            (&self.accepted, outcomes.accepted),
            (&self.duplicate, outcomes.duplicate),
            (&self.late, outcomes.late),
            (&self.invalid, outcomes.invalid),
        ] {
            counter.inc_by(count.unsigned_abs());
        }
    }

    pub(crate) fn capped(&self, capped: Capped) {
        self.capped_by_session.inc_by(capped.by_session.into());
        self.capped_by_block.inc_by(capped.by_block.into());
    }

    pub(crate) fn raw_holes(&self, partition: Partition, holes: i64) {
        self.raw_holes.with_label_values(&[partition.to_string().as_str()]).set(holes);
    }

    pub(crate) fn forget(&self, partition: Partition) {
        // Nothing to remove if no block of the partition was ever written.
        let _ = self.raw_holes.remove_label_values(&[partition.to_string().as_str()]);
    }
}
