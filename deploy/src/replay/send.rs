//! The producer of a replay.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use super::ReplayError;
use super::raw::Raw;
use crate::cluster::Cluster;

/// How long to wait for the broker, to find the topic and to acknowledge the last events.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Acknowledged(AtomicU64);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
    }
}

/// Sends each event when it is due, keyed by its session.
pub(crate) fn send(
    events: &[(Duration, Raw)],
    cluster: &Cluster,
    topic: &str,
) -> Result<(), ReplayError> {
    let producer: ThreadedProducer<Acknowledged> = cluster
        .client(&[
            ("enable.idempotence", "true"),
            ("partitioner", "murmur2_random"),
            ("linger.ms", "5"),
        ])
        .create_with_context(Acknowledged::default())?;
    let metadata = producer.client().fetch_metadata(Some(topic), PATIENCE)?;
    if metadata.topics().iter().all(|topic| topic.partitions().is_empty()) {
        return Err(ReplayError::NoTopic(topic.to_owned()));
    }

    let start = Instant::now();
    for (due, event) in events {
        thread::sleep(due.saturating_sub(start.elapsed()));
        let (key, payload) = (event.key(), event.payload().map_err(ReplayError::Event)?);
        enqueue(&producer, BaseRecord::to(topic).key(&key).payload(&payload))?;
    }
    producer.flush(PATIENCE)?;
    match events.len() as u64 - producer.context().0.load(Ordering::Relaxed) {
        0 => Ok(()),
        missing => Err(ReplayError::Unacknowledged(missing)),
    }
}

fn enqueue(
    producer: &ThreadedProducer<Acknowledged>,
    mut record: BaseRecord<'_, String, Vec<u8>>,
) -> Result<(), KafkaError> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                thread::sleep(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error),
        }
    }
}
