//! Recovery steps of docs/reference/exit-codes.md, read from the page and run unchanged.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the section of the exit-codes page whose heading begins with `heading`.
fn section(heading: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/exit-codes.md");
    let page = fs::read_to_string(file).unwrap();
    let mut sections = page.split("\n## ");
    let found = sections.find(|section| section.starts_with(heading));
    found.unwrap_or_else(|| panic!("no heading {heading:?}")).to_owned()
}

/// Returns the commands of a section below the comment that begins with `case`.
pub(crate) fn commands(heading: &str, case: &str) -> Vec<String> {
    let section = section(heading);
    let blocks = section.split("```sh\n").skip(1).flat_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(|block| block.lines().chain(["# end"]));
    let mut lines = lines.skip_while(|line| !line.starts_with(&format!("# {case}"))).skip(1);
    let commands: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with('#')).collect();
    assert!(!commands.is_empty(), "no commands for {case:?} under {heading:?}");
    commands.into_iter().map(str::to_owned).collect()
}

/// Returns the SQL query of a section.
pub(crate) fn query(heading: &str) -> String {
    let section = section(heading);
    let (_, rest) = section.split_once("```sql\n").unwrap();
    rest.split("```").next().unwrap().to_owned()
}

/// Runs a `kafka-consumer-groups.sh` command on the cluster at `brokers`.
pub(crate) async fn run(command: &str, brokers: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[..3], ["kafka-consumer-groups.sh", "--bootstrap-server", "BROKERS"]);
    let value = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        Some(*words.get(at + 1)?)
    };
    let group = value("--group").unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", group);
    if words.contains(&"--delete") {
        return delete(&config, group).await;
    }
    assert!(words.contains(&"--reset-offsets") && words.contains(&"--execute"), "{command}");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions(&consumer, value("--topic")) {
        let (low, high) = consumer.fetch_watermarks(&topic, partition, PATIENCE).unwrap();
        let offset = if words.contains(&"--to-current") {
            current(&consumer, &topic, partition).unwrap_or(high)
        } else if words.contains(&"--to-earliest") {
            low
        } else if words.contains(&"--to-latest") {
            high
        } else if let Some(time) = value("--to-datetime") {
            since(&consumer, &topic, partition, time).unwrap_or(high)
        } else {
            value("--to-offset").unwrap().parse::<i64>().unwrap().clamp(low, high)
        };
        list.add_partition_offset(&topic, partition, Offset::Offset(offset)).unwrap();
    }
    // Kafka refuses offsets from outside while a group has members.
    let patience = Instant::now() + PATIENCE;
    while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
        assert!(Instant::now() < patience, "{command}: {error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Returns the committed offset of the group.
fn current(consumer: &BaseConsumer, topic: &str, partition: i32) -> Option<i64> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    match consumer.committed_offsets(list, PATIENCE).unwrap().elements()[0].offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}

async fn delete(config: &ClientConfig, group: &str) {
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let patience = Instant::now() + PATIENCE;
    loop {
        let gone = admin.delete_groups(&[group], &AdminOptions::new()).await.unwrap();
        match gone.into_iter().next().unwrap() {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < patience, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Returns the partitions of `TOPIC` or `TOPIC:PARTITION`; without either, all partitions with a
/// committed offset of the group.
fn partitions(consumer: &BaseConsumer, topic: Option<&str>) -> Vec<(String, i32)> {
    if let Some((topic, partition)) = topic.and_then(|topic| topic.split_once(':')) {
        return vec![(topic.to_owned(), partition.parse().unwrap())];
    }
    let metadata = consumer.fetch_metadata(topic, PATIENCE).unwrap();
    let mut all = TopicPartitionList::new();
    for found in metadata.topics().iter().filter(|found| !found.name().starts_with("__")) {
        for partition in found.partitions() {
            all.add_partition(found.name(), partition.id());
        }
    }
    if topic.is_none() {
        all = consumer.committed_offsets(all, PATIENCE).unwrap();
    }
    let elements = all.elements();
    let chosen =
        elements.iter().filter(|it| topic.is_some() || matches!(it.offset(), Offset::Offset(_)));
    chosen.map(|it| (it.topic().to_owned(), it.partition())).collect()
}

/// Returns the first offset with a timestamp at or after `time` (2026-11-30T17:00:00.000, UTC).
fn since(consumer: &BaseConsumer, topic: &str, partition: i32, time: &str) -> Option<i64> {
    let time: jiff::Timestamp = format!("{time}Z").parse().unwrap();
    let mut list = TopicPartitionList::new();
    let since = Offset::Offset(time.as_millisecond());
    list.add_partition_offset(topic, partition, since).unwrap();
    let found = consumer.offsets_for_times(list, PATIENCE).unwrap();
    match found.elements()[0].offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}
