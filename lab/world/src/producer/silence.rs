//! Why Kafka acknowledges nothing: it is down, or the client stands still.
//!
//! A client of librdkafka can stay without brokers for ever, while any other client reaches the
//! cluster (librdkafka#5301). So a client made anew is asked.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

/// Longest wait for the new client's answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Why a client with this configuration may have no acknowledgement of what it sends to `topic`, and
/// what to do.
#[must_use]
pub fn explain(config: &ClientConfig, topic: &str) -> String {
    match serves(config, topic) {
        Ok(()) => "a new client is served. If the topic has as many replicas in sync as it wants \
                   (min.insync.replicas), the client that sends stands still (librdkafka#5301): \
                   start it again"
            .to_owned(),
        Err(why) => format!("a new client is not served either: {why}"),
    }
}

/// Asks for the leaders of the topic's partitions, by a client made anew.
fn serves(config: &ClientConfig, topic: &str) -> Result<(), String> {
    let brokers = config.get("bootstrap.servers").unwrap_or_default();
    let client: BaseConsumer = config.create().map_err(|error| error.to_string())?;
    let metadata = client.fetch_metadata(Some(topic), ANSWER);
    let metadata = metadata.map_err(|error| format!("Kafka at {brokers}: {error}"))?;
    if metadata.brokers().is_empty() {
        return Err(format!("Kafka at {brokers} answers, but names no broker"));
    }
    let partitions: Vec<_> =
        metadata.topics().iter().flat_map(|found| found.partitions()).collect();
    match partitions.iter().find(|one| one.leader() < 0) {
        _ if partitions.is_empty() => Err(format!("Kafka at {brokers} has no topic {topic}")),
        Some(lost) => Err(format!("{topic}/{} has no leader", lost.id())),
        None => Ok(()),
    }
}
