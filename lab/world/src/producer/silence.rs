//! Diagnosis of missing acknowledgements: Kafka is down, or the client has stalled.
//!
//! A client of librdkafka can stay without brokers indefinitely, while any other client reaches the
//! cluster (librdkafka#5301). So a new client is tried.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

/// Longest wait for a response of the new client.
const ANSWER: Duration = Duration::from_secs(5);

/// Reason why a new client is not served.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error(transparent)]
    Client(#[from] KafkaError),
    #[error("it answers, but names no broker")]
    Brokers,
    #[error("it has no topic {0}")]
    Topic(String),
    #[error("{0}/{1} has no leader")]
    Leader(String, i32),
}

/// Explains why a client with this configuration may have no acknowledgements of records for
/// `topic`, and what to do.
#[must_use]
pub fn explain(config: &ClientConfig, topic: &str) -> String {
    match serves(config, topic) {
        Ok(()) => "a new client is served. If the topic has as many replicas in sync as it wants \
                   (min.insync.replicas), the client that sends stands still (librdkafka#5301): \
                   start it again"
            .to_owned(),
        Err(why) => {
            let brokers = config.get("bootstrap.servers").unwrap_or_default();
            format!("a new client is not served either: Kafka at {brokers}: {why}")
        }
    }
}

/// Requests the leaders of the topic's partitions with a new client.
fn serves(config: &ClientConfig, topic: &str) -> Result<(), Unserved> {
    let client: BaseConsumer = config.create()?;
    let metadata = client.fetch_metadata(Some(topic), ANSWER)?;
    if metadata.brokers().is_empty() {
        return Err(Unserved::Brokers);
    }
    let partitions: Vec<_> =
        metadata.topics().iter().flat_map(|found| found.partitions()).collect();
    match partitions.iter().find(|one| one.leader() < 0) {
        _ if partitions.is_empty() => Err(Unserved::Topic(topic.to_owned())),
        Some(lost) => Err(Unserved::Leader(topic.to_owned(), lost.id())),
        None => Ok(()),
    }
}
