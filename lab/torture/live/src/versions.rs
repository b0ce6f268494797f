//! Check of the output of aggregate in Kafka: a version of a row is the same for every writer, and
//! a later version contains at least as much.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use deploy::failure::{Context, Failure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use schemas::{BlockAudit, CellPartial, HourPartial, SessionPartial};
use service::TopicNames;
use world::truth::payload_hash;

use super::kafka::Kafka;

/// Longest wait for a record: Kafka may first have to elect leaders.
const PATIENCE: Duration = Duration::from_secs(60);
/// Maximum number of differences that are reported.
const MOST_REPORTED: usize = 5;

/// One version of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    upto: i64,
    content: u64,
    /// A number that never decreases from a version to a later one.
    measure: i64,
}

/// Rows of a topic, by the hash of their identity.
#[derive(Debug, Default)]
struct Rows(HashMap<u64, Vec<Version>>);

/// Findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Rows written.
    pub(super) written: u64,
    /// Versions that had been written before.
    pub(super) again: u64,
    /// Discrepancies, in words.
    pub(super) wrong: Vec<String>,
}

impl Rows {
    fn add(&mut self, topic: &str, identity: u64, version: Version, found: &mut Found) {
        found.written += 1;
        let versions = match self.0.entry(identity) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Vec::new()),
        };
        match versions.iter().find(|known| known.upto == version.upto) {
            Some(known) if *known == version => found.again += 1,
            Some(_) => found.differs(format!("{topic}: two rows of one version differ")),
            None => versions.push(version),
        }
    }

    fn finish(mut self, topic: &str, found: &mut Found) {
        for versions in self.0.values_mut() {
            versions.sort_by_key(|version| version.upto);
            for pair in versions.windows(2) {
                if pair[1].measure < pair[0].measure {
                    found.differs(format!("{topic}: a later version of a row holds less"));
                }
            }
        }
    }
}

impl Found {
    fn differs(&mut self, words: String) {
        if self.wrong.len() < MOST_REPORTED {
            self.wrong.push(words);
        }
    }
}

/// Function that returns the identity and version of a row from its record.
type Identify = fn(&[u8]) -> Result<(u64, Version), Failure>;

/// Reads all output of aggregate.
pub(super) fn read(brokers: &str, kafka: &Kafka, topics: &TopicNames) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut rows = |topic: &str, version: Identify| {
        let mut rows = Rows::default();
        each(brokers, kafka, topic, |payload| {
            let (identity, version) = version(payload)?;
            rows.add(topic, identity, version, &mut found);
            Ok(())
        })?;
        rows.finish(topic, &mut found);
        Ok::<_, Failure>(())
    };
    rows(&topics.cells, cell)?;
    rows(&topics.sessions, session)?;
    rows(&topics.hours, hour)?;
    rows(&topics.blocks, block)?;
    Ok(found)
}

fn identity(parts: &impl std::fmt::Debug) -> u64 {
    payload_hash(format!("{parts:?}").as_bytes())
}

fn cell(payload: &[u8]) -> Result<(u64, Version), Failure> {
    let row: CellPartial = schemas::decode(payload).context("a cell")?;
    let block = (row.epoch, row.partition, row.block_start);
    let id = identity(&(block, row.window_start, &row.grouping, &row.dimensions));
    let measure = row.measures.intervals + row.measures.setups_attempted;
    Ok((id, Version { upto: row.upto, content: payload_hash(payload), measure }))
}

fn session(payload: &[u8]) -> Result<(u64, Version), Failure> {
    let row: SessionPartial = schemas::decode(payload).context("a session")?;
    let block = (row.epoch, row.partition, row.block_start);
    let id = identity(&(block, &row.app, &row.call, &row.participant));
    let measure = row.measures.intervals + row.joined + row.left;
    Ok((id, Version { upto: row.upto, content: payload_hash(payload), measure }))
}

fn hour(payload: &[u8]) -> Result<(u64, Version), Failure> {
    let row: HourPartial = schemas::decode(payload).context("a session's hour")?;
    let measures = row.streams.iter().map(|stream| &stream.measures);
    let measure = measures.map(|it| it.intervals + it.setups_attempted).sum();
    let key = HourPartial { upto: 0, streams: Vec::new(), ..row.clone() };
    Ok((identity(&key), Version { upto: row.upto, content: payload_hash(payload), measure }))
}

fn block(payload: &[u8]) -> Result<(u64, Version), Failure> {
    let row: BlockAudit = schemas::decode(payload).context("an audit")?;
    let id = identity(&(row.epoch, row.partition, row.block_start));
    // A block may end after its last record, so the flag does not belong to the content.
    let content = identity(&BlockAudit { finished: false, ..row.clone() });
    Ok((id, Version { upto: row.upto, content, measure: row.read }))
}

/// Passes every record of a topic to `take`.
fn each(
    brokers: &str,
    kafka: &Kafka,
    topic: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "isobar-torture");
    config.set("enable.auto.commit", "false").set("auto.offset.reset", "error");
    let consumer: BaseConsumer = config.set("log_level", "0").create().context("Kafka")?;
    let mut ends = kafka.ends(topic)?;
    ends.retain(|_, end| *end > 0);
    let mut list = TopicPartitionList::new();
    for partition in ends.keys() {
        list.add_partition_offset(topic, *partition, Offset::Beginning).context("Kafka")?;
    }
    consumer.assign(&list).context("Kafka")?;
    while !ends.is_empty() {
        let message = consumer.poll(PATIENCE);
        let message = message.ok_or_else(|| Failure::Refused(format!("{topic} cannot be read")))?;
        let message = message.context(topic)?;
        take(message.payload().unwrap_or_default())?;
        if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            ends.remove(&message.partition());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: &[(u64, Version)]) -> Found {
        let (mut found, mut all) = (Found::default(), Rows::default());
        for (identity, version) in rows {
            all.add("cells", *identity, *version, &mut found);
        }
        all.finish("cells", &mut found);
        found
    }

    const fn version(upto: i64, content: u64, measure: i64) -> Version {
        Version { upto, content, measure }
    }

    #[test]
    fn what_is_written_again_is_the_same_and_what_comes_later_is_no_less() {
        let rows = [(1, version(5, 50, 3)), (1, version(9, 90, 7)), (1, version(5, 50, 3))];
        assert_eq!(found(&rows), Found { written: 3, again: 1, wrong: Vec::new() });
    }

    #[test]
    fn another_row_of_the_same_version_shows_and_so_does_a_lesser_one() {
        let rows = [(1, version(5, 50, 3)), (1, version(5, 51, 3)), (2, version(5, 52, 3))];
        assert_eq!(found(&rows).wrong, ["cells: two rows of one version differ"]);
        let rows = [(1, version(9, 90, 3)), (1, version(5, 50, 4))];
        assert_eq!(found(&rows).wrong, ["cells: a later version of a row holds less"]);
    }
}
