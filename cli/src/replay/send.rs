//! The producer of a replay.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use deploy::connect::Cluster;
use expand::raw::Raw;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use super::ReplayError;

/// Longest wait for the topic's metadata.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest time from an event to its acknowledgement: the timeout of a half-open connection
/// (`socket.timeout.ms`, 60 s), and the time of the next one.
const ACKNOWLEDGED: Duration = Duration::from_secs(75);
/// Interval of checks for missing acknowledgements.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Answers {
    acknowledged: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends each event when it is due, keyed by its session. Stops early if one is not acknowledged.
pub(crate) fn send(
    events: &[(Duration, Raw)],
    cluster: &Cluster,
    topic: &str,
) -> Result<(), ReplayError> {
    send_within(ACKNOWLEDGED, events, cluster, topic)
}

fn send_within(
    limit: Duration,
    events: &[(Duration, Raw)],
    cluster: &Cluster,
    topic: &str,
) -> Result<(), ReplayError> {
    let config = cluster.client(&[
        ("enable.idempotence", "true"),
        ("partitioner", "murmur2_random"),
        ("linger.ms", "5"),
        ("message.timeout.ms", &limit.as_millis().to_string()),
    ]);
    let producer: ThreadedProducer<Answers> = config.create_with_context(Answers::default())?;
    let metadata = producer.client().fetch_metadata(Some(topic), PATIENCE)?;
    if metadata.topics().iter().all(|topic| topic.partitions().is_empty()) {
        return Err(ReplayError::NoTopic(topic.to_owned()));
    }
    let sent = send_all(&producer, limit, events, topic);
    sent.map_err(|error| match error {
        ReplayError::Unacknowledged { acknowledged, of, .. } => {
            // A stalled client may hang when it is dropped.
            std::mem::forget(producer);
            let why = explain(cluster, topic);
            ReplayError::Unacknowledged { acknowledged, of, why }
        }
        other => other,
    })
}

/// Longest wait for the answer of a new client.
const ANSWER: Duration = Duration::from_secs(5);

/// Explains why events may have no acknowledgement, and what to do. A client of librdkafka can stay
/// without brokers indefinitely while any other client reaches the cluster (librdkafka#5301), so a new
/// client is tried.
fn explain(cluster: &Cluster, topic: &str) -> String {
    match runtime::takes_records(&cluster.settings(), topic, ANSWER) {
        Ok(()) => "a new client is served. If the topic has as many replicas in sync as it wants \
                   (min.insync.replicas), the client that sends stands still (librdkafka#5301): \
                   start it again"
            .to_owned(),
        Err(why) => format!("a new client is not served either: {why}"),
    }
}

/// Sends like [`send_within`], but the error does not explain why an event was not acknowledged.
fn send_all(
    producer: &ThreadedProducer<Answers>,
    limit: Duration,
    events: &[(Duration, Raw)],
    topic: &str,
) -> Result<(), ReplayError> {
    let answers = producer.context();
    let check = || match answers.failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        _ => Err(ReplayError::Unacknowledged {
            acknowledged: answers.acknowledged.load(Ordering::Relaxed),
            of: events.len() as u64,
            why: String::new(),
        }),
    };
    let start = Instant::now();
    for (due, event) in events {
        let mut left = due.saturating_sub(start.elapsed());
        while !left.is_zero() {
            thread::sleep(left.min(LOOK));
            check()?;
            left = due.saturating_sub(start.elapsed());
        }
        let (key, payload) = (event.key(), event.payload()?);
        let mut record = BaseRecord::to(topic).key(&key).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = back;
            thread::sleep(Duration::from_millis(10));
            check()?;
        }
        check()?;
    }
    producer.flush(limit + PATIENCE)?;
    check()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    #[test]
    fn an_unacknowledged_replay_reports_whether_a_new_client_is_served() {
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic("raw", 1, 1).unwrap();
        let cluster = Cluster::at(&broker.bootstrap_servers());
        let limit = Duration::from_secs(2);
        // The last event is due long after the first one has timed out.
        let event = |s| (Duration::from_secs(s), Raw::Canonical(Box::default()));
        let events = [event(0), event(0), event(600)];
        send_within(limit, &events[..2], &cluster, "raw").unwrap();

        let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 10_000];
        broker.request_errors(RDKafkaApiKey::Produce, &refused);
        let begun = Instant::now();
        let error = send_within(limit, &events, &cluster, "raw").unwrap_err().to_string();
        assert!(error.contains("acknowledged 0 of 3 events; a new client is served"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
