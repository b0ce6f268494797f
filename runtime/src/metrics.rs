//! Metrics of the loop.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use service::{Fatal, Topics};

use crate::process::Memory;

/// Metrics of the loop, with the counters of each topic looked up beforehand.
#[derive(Clone)]
pub(crate) struct Metrics {
    /// Records read, by [`Input`](crate::Input).
    pub(crate) read: Vec<IntCounter>,
    /// Records acknowledged, by output in the order of [`Topics::outputs`].
    pub(crate) written: Vec<IntCounter>,
    /// Dead letters, by reason.
    pub(crate) dead_letters: IntCounterVec,
    /// Records with an unverified replay header.
    pub(crate) unproven_replays: IntCounter,
    /// Records appended more than a minute before the record before them.
    pub(crate) append_time_went_back: IntCounter,
    pub(crate) lag: IntGaugeVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) commits: IntCounter,
    pub(crate) commit_failures: IntCounter,
    pub(crate) paused: IntGauge,
    pub(crate) assigned: IntGauge,
    pub(crate) rebalances: IntCounter,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry, topics: &Topics) -> Result<Self, Fatal> {
        Self::register(registry, topics)
            .map_err(|error| Fatal::failed("metrics cannot be registered", error))
    }

    fn register(registry: &Registry, topics: &Topics) -> Result<Self, prometheus::Error> {
        let by_topic = |name: &str, help: &str, topics: &mut dyn Iterator<Item = &String>| {
            let counters = IntCounterVec::new(Opts::new(name, help), &["topic"])?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(
                topics.map(|topic| counters.with_label_values(&[topic])).collect(),
            )
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let dead_letters = IntCounterVec::new(
            Opts::new("isobar_dead_letters_total", "Dead letters written, by reason."),
            &["reason"],
        )?;
        registry.register(Box::new(dead_letters.clone()))?;
        let lag = IntGaugeVec::new(
            Opts::new(
                "isobar_consumer_lag_records",
                "Records that the consumer group has not read yet, by partition.",
            ),
            &["topic", "partition"],
        )?;
        registry.register(Box::new(lag.clone()))?;
        registry.register(Box::new(Memory::new()?))?;
        Ok(Self {
            read: by_topic(
                "isobar_records_read_total",
                "Records read.",
                &mut topics.inputs.iter(),
            )?,
            written: by_topic(
                "isobar_records_written_total",
                "Records written and acknowledged.",
                &mut topics.outputs.iter().map(|(_, name)| name),
            )?,
            dead_letters,
            unproven_replays: counter(
                "isobar_unproven_replays_total",
                "Records with an unverified header of a replayed dead letter.",
            )?,
            append_time_went_back: counter(
                "isobar_append_time_went_back_total",
                "Records appended more than a minute before the record before them.",
            )?,
            lag,
            in_flight: gauge("isobar_in_flight_bytes", "Bytes written but not acknowledged.")?,
            commits: counter("isobar_commits_total", "Commits of offsets that succeeded.")?,
            commit_failures: counter(
                "isobar_commit_failures_total",
                "Commits of offsets that failed and were retried.",
            )?,
            paused: gauge("isobar_paused", "1 while reading is paused, else 0.")?,
            assigned: gauge("isobar_partitions_assigned", "Partitions assigned.")?,
            rebalances: counter("isobar_rebalances_total", "Assignments received.")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prometheus::TextEncoder;
    use service::Topic;

    use super::*;

    #[test]
    fn the_names_of_the_metrics_are_pinned() {
        let registry = Registry::new();
        let topics = Topics {
            inputs: vec!["in".to_owned()],
            outputs: vec![(Topic::Reports, "out".to_owned())],
        };
        let metrics = Metrics::new(&registry, &topics).unwrap();
        metrics.lag.with_label_values(&["in", "0"]).set(7);
        metrics.dead_letters.with_label_values(&["late"]).inc();
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let (memory, samples): (Vec<_>, Vec<_>) = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .partition(|line| line.starts_with("process_resident_memory_bytes "));
        assert_eq!(
            samples,
            [
                "isobar_append_time_went_back_total 0",
                "isobar_commit_failures_total 0",
                "isobar_commits_total 0",
                "isobar_consumer_lag_records{partition=\"0\",topic=\"in\"} 7",
                "isobar_dead_letters_total{reason=\"late\"} 1",
                "isobar_in_flight_bytes 0",
                "isobar_partitions_assigned 0",
                "isobar_paused 0",
                "isobar_rebalances_total 0",
                "isobar_records_read_total{topic=\"in\"} 0",
                "isobar_records_written_total{topic=\"out\"} 0",
                "isobar_unproven_replays_total 0",
            ]
        );
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn metrics_that_are_there_already_are_an_error_and_no_panic() {
        let (registry, topics) = (Registry::new(), Topics::default());
        let _first = Metrics::new(&registry, &topics).unwrap();
        assert!(Metrics::new(&registry, &topics).is_err());
    }
}
