//! Contents of Kafka: number of raw records, ends of logs, dead letters.

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use schemas::DeadLetter;
use world::truth::{Dead, payload_hash};

use super::error::VerifyError;
use super::options::Options;
use super::verdict::Logs;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Time after which the leader of a partition is looked up again.
const RETRY: Duration = Duration::from_millis(250);

pub(super) fn read(options: &Options) -> Result<Logs, VerifyError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.brokers)
        // Partitions are assigned by hand, but the client requires a group.
        .set("group.id", "isobar-verify")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error");
    for (name, value) in &options.kafka {
        config.set(name, value);
    }
    let consumer: BaseConsumer = config.create()?;
    let topics = &options.topics;
    let raw = watermarks(&consumer, &topics.raw)?;
    Ok(Logs {
        raw_records: raw.values().map(|(low, high)| (high - low) as u64).sum(),
        enriched: watermarks(&consumer, &topics.enriched)?,
        dead_letters: dead_letters(&consumer, &topics.dead_letters)?,
    })
}

/// First and next offset of each partition.
fn watermarks(
    consumer: &BaseConsumer,
    topic: &str,
) -> Result<BTreeMap<i32, (i64, i64)>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    partitions
        .map(|partition| {
            Ok((partition.id(), partition_watermarks(consumer, topic, partition.id())?))
        })
        .collect()
}

/// Like [`watermarks`], for one partition. The request is repeated while its leader changes: the client has
/// the new one from fresh metadata.
fn partition_watermarks(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), KafkaError> {
    let started = Instant::now();
    loop {
        let marks = consumer.fetch_watermarks(topic, partition, TIMEOUT);
        let code = marks.as_ref().err().and_then(KafkaError::rdkafka_error_code);
        let is_moving =
            matches!(code, Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable));
        if !is_moving || started.elapsed() > TIMEOUT {
            return marks;
        }
        thread::sleep(RETRY);
        consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    }
}

/// Returns all dead letters, each source record's once: a service that starts again may write some
/// again. A record of a topic that was created anew has another's offset, and another payload.
fn dead_letters(consumer: &BaseConsumer, topic: &str) -> Result<Vec<Dead>, VerifyError> {
    let mut ends = watermarks(consumer, topic)?;
    ends.retain(|_, (low, high)| low < high);
    let mut list = TopicPartitionList::new();
    for (partition, (low, _)) in &ends {
        list.add_partition_offset(topic, *partition, Offset::Offset(*low))?;
    }
    consumer.assign(&list)?;
    let mut letters = HashMap::new();
    while !ends.is_empty() {
        let Some(message) = consumer.poll(TIMEOUT) else {
            return Err(KafkaError::MessageConsumption(Code::OperationTimedOut).into());
        };
        let message = message?;
        let letter: DeadLetter = schemas::decode(message.payload().unwrap_or_default())?;
        let source = (letter.source_topic, letter.source_partition, letter.source_offset);
        let hash = payload_hash(&letter.payload);
        letters.insert((source, hash), Dead { why: letter.reason, hash });
        if ends.get(&message.partition()).is_some_and(|(_, high)| message.offset() + 1 >= *high) {
            ends.remove(&message.partition());
        }
    }
    Ok(letters.into_values().collect())
}
