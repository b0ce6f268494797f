//! Consumer lag of a group, from the brokers.
//!
//! A consumer's own statistics cover its assigned partitions only, and nothing while the group is stalled.
//! So a separate client queries all partitions of all input topics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGaugeVec;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use service::Kafka;

use crate::client::{let_go, plain};

/// Interval between two requests.
const EVERY: Duration = Duration::from_secs(5);
/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Consecutive failures after which the client is replaced: it may have stalled.
const ENOUGH: u32 = 3;

/// Partitions that this process reads, with the next offset of each. The committed offset may be
/// far behind it.
pub(crate) type Read = Arc<Mutex<BTreeMap<(String, i32), i64>>>;

/// Client context that logs nothing: other clients of the process report errors of the cluster.
struct Silent;

impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Silent {}

/// Keeps the gauges of `inputs` up to date, on a thread of its own, for as long as the process runs.
/// While the brokers do not answer the gauges keep their values.
pub(crate) fn watch(
    kafka: &Kafka,
    inputs: &[String],
    read: Read,
    lag: IntGaugeVec,
) -> std::io::Result<()> {
    let (kafka, inputs) = (kafka.clone(), inputs.to_vec());
    let work = move || {
        let mut failures = 0;
        let mut client = None;
        loop {
            let asked = match &client {
                Some(client) => look(client, &inputs, &read, &lag),
                None => open(&kafka).map(|new| client = Some(new)),
            };
            match asked {
                Ok(()) if failures == 0 => {}
                Ok(()) => failures = 0,
                Err(error) => {
                    tracing::debug!("lag is not known: {error}");
                    failures += 1;
                    if failures % ENOUGH == 0 {
                        let_go(client.take());
                    }
                }
            }
            std::thread::sleep(EVERY);
        }
    };
    std::thread::Builder::new().name("lag".to_owned()).spawn(work).map(drop)
}

fn open(kafka: &Kafka) -> KafkaResult<BaseConsumer<Silent>> {
    let mut config = plain(kafka);
    config.set("group.id", &kafka.group);
    BaseConsumer::from_config_and_context(&config, Silent)
}

/// Requests the ends and the commits of all present partitions.
fn look(
    client: &BaseConsumer<Silent>,
    inputs: &[String],
    read: &Read,
    lag: &IntGaugeVec,
) -> KafkaResult<()> {
    let mut partitions = TopicPartitionList::new();
    for topic in inputs {
        let metadata = client.fetch_metadata(Some(topic), TIMEOUT)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        for partition in found.map_or(&[][..], |found| found.partitions()) {
            partitions.add_partition(topic, partition.id());
        }
    }
    // Topics may be created later.
    if partitions.count() == 0 {
        return Ok(());
    }
    let committed = offsets(&client.committed_offsets(partitions.clone(), TIMEOUT)?);
    // Requested as timestamps, the ends of all logs take one request per broker.
    let ask = |end: Offset| {
        let mut list = partitions.clone();
        list.set_all_offsets(end)?;
        Ok::<_, KafkaError>(offsets(&client.offsets_for_times(list, TIMEOUT)?))
    };
    let (begins, ends) = (ask(Offset::Beginning)?, ask(Offset::End)?);
    let read = read.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (source, end) in ends {
        let begin = begins.get(&source).copied().unwrap_or(0);
        let next = committed.get(&source).copied().max(read.get(&source).copied());
        let (topic, partition) = source;
        let number = partition.to_string();
        let waiting = end.saturating_sub(next.unwrap_or(begin).max(begin)).max(0);
        lag.with_label_values(&[topic.as_str(), &number]).set(waiting);
    }
    Ok(())
}

fn offsets(list: &TopicPartitionList) -> BTreeMap<(String, i32), i64> {
    let elements = list.elements();
    let known = elements.iter().filter_map(|one| match one.offset() {
        Offset::Offset(offset) => Some(((one.topic().to_owned(), one.partition()), offset)),
        _ => None,
    });
    known.collect()
}
