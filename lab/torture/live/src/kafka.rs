//! Queries of the brokers' state: ends of logs, commits of groups, leaders.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deploy::failure::{Context, Failure};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for a leader's response. The leader may be down.
const LEADER: Duration = Duration::from_secs(2);
/// Attempts to read the end of a partition, each with fresh metadata.
const TRIES: u32 = 3;

/// Positions by partition.
pub(super) type Positions = BTreeMap<i32, i64>;

/// A committed offset of a group, with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) offset: i64,
    pub(super) metadata: String,
}

/// A reader of the cluster.
pub(super) struct Kafka {
    brokers: String,
    client: BaseConsumer,
    partitions: i32,
    /// Consumers that query a group without membership.
    groups: Mutex<BTreeMap<String, Arc<BaseConsumer>>>,
}

impl Kafka {
    pub(super) fn of(brokers: &str, partitions: i32) -> Result<Self, Failure> {
        let client = client(brokers, "isobar-torture")?;
        let groups = Mutex::default();
        Ok(Self { brokers: brokers.to_owned(), client, partitions, groups })
    }

    fn group(&self, name: &str) -> Result<Arc<BaseConsumer>, Failure> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups.get(name) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(client(&self.brokers, name)?);
        groups.insert(name.to_owned(), Arc::clone(&new));
        Ok(new)
    }

    /// Returns the next offset of each partition of `topic`.
    pub(super) fn ends(&self, topic: &str) -> Result<Positions, Failure> {
        let end = |partition| Ok((partition, self.end(topic, partition)?));
        (0..self.partitions).map(end).collect()
    }

    fn end(&self, topic: &str, partition: i32) -> Result<i64, Failure> {
        let mut tries = 1;
        loop {
            match self.client.fetch_watermarks(topic, partition, LEADER) {
                Ok((_, end)) => return Ok(end),
                Err(error) if tries == TRIES => return Err(error).context("Kafka"),
                // A client that reads nothing keeps its metadata, even about a missing leader, for
                // a quarter of an hour.
                Err(_) => drop(self.client.fetch_metadata(Some(topic), LEADER)),
            }
            tries += 1;
        }
    }

    /// Returns the commits of a group for `topic`.
    pub(super) fn committed(
        &self,
        group: &str,
        topic: &str,
    ) -> Result<BTreeMap<i32, Commit>, Failure> {
        let member = self.group(group)?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition(topic, partition);
        }
        let list = member.committed_offsets(list, PATIENCE).context("Kafka")?;
        let elements = list.elements();
        let commits = elements.iter().filter_map(|one| match one.offset() {
            Offset::Offset(offset) => {
                let metadata = one.metadata().to_owned();
                Some((one.partition(), Commit { offset, metadata }))
            }
            _ => None,
        });
        Ok(commits.collect())
    }

    /// Sets the offsets of a group without members.
    pub(super) fn set(
        &self,
        group: &str,
        topic: &str,
        commits: &BTreeMap<i32, Commit>,
    ) -> Result<(), Failure> {
        let member = self.group(group)?;
        let mut list = TopicPartitionList::new();
        for (partition, Commit { offset, metadata }) in commits {
            let mut element = list.add_partition(topic, *partition);
            element.set_offset(Offset::Offset(*offset)).context("Kafka")?;
            if !metadata.is_empty() {
                element.set_metadata(metadata);
            }
        }
        member.commit(&list, CommitMode::Sync).context("Kafka")
    }

    /// Returns whether all replicas of all partitions are in sync, according to brokers that were
    /// not restarted. For some seconds these do not notice that a broker is down.
    pub(super) fn is_in_sync(&self) -> bool {
        is_in_sync(&self.client)
    }

    /// Returns the same for a restarted broker, which responds only once it has joined the cluster.
    pub(super) fn is_in_sync_at(&self, address: &str) -> bool {
        client(address, "isobar-torture").is_ok_and(|client| is_in_sync(&client))
    }

    /// Returns the number, from 1, of the broker that coordinates a group: the leader of the
    /// partition of `__consumer_offsets` that the hash of the group's name selects.
    pub(super) fn coordinator(&self, group: &str) -> Result<i32, Failure> {
        let topic = "__consumer_offsets";
        let metadata = self.client.fetch_metadata(Some(topic), PATIENCE).context("Kafka")?;
        let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
        let count = i32::try_from(partitions.len()).unwrap_or(0).max(1);
        let wanted = (java_hash(group) & i32::MAX) % count;
        let found = partitions.iter().find(|one| one.id() == wanted && one.leader() > 0);
        let leader = found.map(|one| one.leader());
        leader.ok_or_else(|| Failure::Refused(format!("Kafka: nobody coordinates {group}")))
    }
}

fn is_in_sync(client: &BaseConsumer) -> bool {
    let Ok(metadata) = client.fetch_metadata(None, Duration::from_millis(500)) else {
        return false;
    };
    let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    partitions.all(|one| one.leader() >= 0 && one.isr().len() == one.replicas().len())
}

/// Returns `String.hashCode` of an ASCII text.
fn java_hash(text: &str) -> i32 {
    text.bytes().fold(0i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte)))
}

fn client(brokers: &str, group: &str) -> Result<BaseConsumer, Failure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", group);
    config.set("enable.auto.commit", "false").set("reconnect.backoff.max.ms", "500");
    // Unreachable servers are expected under faults.
    config.set("log_level", "0");
    config.create().context("Kafka")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hash_as_java_hashes_them() {
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("isobar-aggregate") & i32::MAX, java_hash("isobar-aggregate").abs());
    }
}
