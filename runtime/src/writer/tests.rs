//! The writer with librdkafka's mock broker.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use prometheus::Registry;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Message as _, Offset as KafkaOffset, TopicPartitionList};
use service::{Input, Partition, Topics};

use super::*;

const SOURCE: Source = Source { input: Input(0), partition: Partition(0) };
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the length of the key of the first record of `topic`.
fn first_key(brokers: &str, topic: &str) -> usize {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "reader");
    let reader: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, KafkaOffset::Beginning).unwrap();
    reader.assign(&list).unwrap();
    let message = reader.poll(PATIENCE).unwrap().unwrap();
    message.key().unwrap().len()
}

/// A record refused for the length of its key must fit into the dead-letter topic.
#[test]
fn the_key_of_a_dead_letter_is_cut_and_that_of_any_other_record_is_not() {
    let cluster = MockCluster::new(1).unwrap();
    let topics = vec![(Topic::Reports, "out".to_owned()), (Topic::DeadLetters, "dead".to_owned())];
    for (_, topic) in &topics {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let kafka = Kafka { brokers: cluster.bootstrap_servers(), ..Kafka::default() };
    let outputs = Topics { inputs: Vec::new(), outputs: topics.clone() };
    let metrics = Metrics::new(&Registry::new(), &outputs).unwrap();
    let listener = Listener::new(&kafka);
    let mut writer = Writer::new(&kafka, &Limits::default(), topics, listener, &metrics).unwrap();
    writer.ledger.assign(SOURCE);
    let key = vec![b'k'; 2 * DEAD_LETTER_KEY];
    writer.send(SOURCE, Topic::Reports, Some(&key), b"record");
    writer.send(SOURCE, Topic::DeadLetters, Some(&key), b"letter");
    let patience = Instant::now() + PATIENCE;
    while !writer.ledger.is_settled() && Instant::now() < patience {
        writer.serve().unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(writer.ledger.is_settled());
    assert_eq!(first_key(&kafka.brokers, "out"), key.len());
    assert_eq!(first_key(&kafka.brokers, "dead"), DEAD_LETTER_KEY);
}
