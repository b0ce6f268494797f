//! Detection of input topics that were deleted and created again.
//!
//! Kafka deletes a topic's committed offsets when the topic is deleted: a group then starts anew
//! in silence, at offsets that aggregate has taken already. So each group's input topics are
//! remembered by their ids (KIP-516), beside a committed offset of a second group, `GROUP.topics`,
//! on an output topic: it outlives the input, holds no members and reads nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientContext, Offset as KafkaOffset, TopicPartitionList};
use service::{Fatal, Kafka, Refusal, RefusalReason as Reason, Topics};

use crate::client::{Listener, let_go, probe};
use crate::native;
use crate::positions::Trouble;
use crate::topology::{Counts, Topology};

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Interval of polls for the result of a commit.
const LOOK: Duration = Duration::from_millis(50);
/// Time without an answer after which the clients are replaced.
const SILENCE: Duration = Duration::from_secs(5);
/// Interval of renewed commits. Kafka deletes the commits of an empty group after
/// `offsets.retention.minutes`, by default 7 days.
const REFRESH: Duration = Duration::from_secs(3600);
/// The id that brokers without topic ids return.
const NONE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Ids by topic.
pub(crate) type Ids = BTreeMap<String, String>;

/// Reason why the topics are not known to be the same.
pub(crate) enum Doubt {
    /// The cluster did not answer; retry.
    Silence(String),
    /// A topic is another one.
    Refused(Refusal),
}

/// The ids of a service's input topics, and the group that remembers them.
pub(crate) struct TopicIds {
    kafka: Kafka,
    listener: Listener,
    topology: Topology,
    memory: BaseConsumer<Memory>,
    group: String,
    inputs: Vec<String>,
    /// Output topic for whose partition 0 the group that remembers commits.
    anchor: Option<String>,
    known: Ids,
    remembered: Option<Instant>,
    silent_since: Option<Instant>,
}

impl TopicIds {
    pub(crate) fn new(
        topology: Topology,
        topics: &Topics,
        kafka: &Kafka,
        listener: Listener,
    ) -> Result<Self, Fatal> {
        let group = format!("{}.topics", kafka.group);
        let memory = rememberer(kafka, &group, listener.clone())?;
        Ok(Self {
            kafka: kafka.clone(),
            listener,
            topology,
            memory,
            group,
            inputs: topics.inputs.clone(),
            anchor: topics.outputs.last().map(|(_, name)| name.clone()),
            known: Ids::new(),
            remembered: None,
            silent_since: None,
        })
    }

    /// Replaces the clients.
    pub(crate) fn renew(&mut self) -> Result<(), Fatal> {
        let topology = Topology::new(&self.kafka, self.listener.clone())?;
        let memory = rememberer(&self.kafka, &self.group, self.listener.clone())?;
        let_go((
            std::mem::replace(&mut self.topology, topology),
            std::mem::replace(&mut self.memory, memory),
        ));
        Ok(())
    }

    pub(crate) const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Compares the ids of the topics with the remembered ones, and remembers them. Replaces the
    /// clients if they have had no response for long.
    pub(crate) fn check(&mut self) -> Result<(), Doubt> {
        let checked = self.compare();
        let is_silent = matches!(checked, Err(Doubt::Silence(_)));
        self.record_answer(!is_silent).map_err(|fatal| Doubt::Silence(fatal.to_string()))?;
        checked
    }

    /// Returns the numbers of partitions of those of `topics` that exist.
    pub(crate) fn counts<'t>(&mut self, topics: &'t Topics) -> Result<Counts<'t>, Trouble> {
        let counts = self.topology.counts(topics);
        self.record_answer(counts.is_ok())?;
        counts
    }

    /// Records whether there was an answer.
    fn record_answer(&mut self, is_answered: bool) -> Result<(), Fatal> {
        if is_answered {
            self.silent_since = None;
            return Ok(());
        }
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= SILENCE {
            self.silent_since = None;
            self.renew()?;
        }
        Ok(())
    }

    fn compare(&mut self) -> Result<(), Doubt> {
        let silence = |error: &dyn std::fmt::Display| Doubt::Silence(error.to_string());
        if self.remembered.is_none() {
            self.known = self.recall().map_err(|error| silence(&error))?;
        }
        let mut ids = self.topology.ids(&self.inputs, TIMEOUT).map_err(|error| silence(&error))?;
        ids.retain(|_, id| id != NONE);
        if let Some((topic, before, now)) = differing(&self.known, &ids) {
            return Err(Doubt::Refused(self.refusal(topic, before, now)));
        }
        self.known.extend(ids);
        if self.remembered.is_none() {
            self.remember().map_err(|error| silence(&error))?;
        }
        Ok(())
    }

    /// Renews the memory before it expires.
    pub(crate) fn refresh(&mut self) {
        if self.remembered.is_some_and(|at| at.elapsed() >= REFRESH) {
            self.remembered = Some(Instant::now());
            if let Err(error) = self.commit() {
                tracing::debug!("ids of topics could not be remembered: {error}");
            }
        }
    }

    fn recall(&self) -> KafkaResult<Ids> {
        let Some(anchor) = &self.anchor else { return Ok(Ids::new()) };
        let mut list = TopicPartitionList::new();
        list.add_partition(anchor, 0);
        let list = self.memory.committed_offsets(list, TIMEOUT)?;
        list.elements().iter().try_for_each(|element| element.error())?;
        Ok(read(&native::metadata(&list, anchor, 0)))
    }

    /// Commits the ids, and waits for the outcome for at most [`TIMEOUT`]: a synchronous commit of
    /// librdkafka has no deadline.
    fn remember(&mut self) -> KafkaResult<()> {
        let deadline = Instant::now() + TIMEOUT;
        let mut is_done = !self.commit()?;
        while !is_done {
            // There are no messages, only the outcome.
            let _ = self.memory.poll(LOOK);
            is_done = match self.memory.context().take_outcome() {
                Some(outcome) => outcome.map(|()| true)?,
                None if Instant::now() < deadline => false,
                None => {
                    return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut));
                }
            };
        }
        self.remembered = Some(Instant::now());
        Ok(())
    }

    /// Starts to commit the ids. Returns false if the service has no output topic to commit them
    /// for.
    fn commit(&self) -> KafkaResult<bool> {
        let Some(anchor) = &self.anchor else { return Ok(false) };
        // Processes the result of the last commit, which was not waited for.
        let _ = self.memory.poll(Duration::ZERO);
        self.memory.context().take_outcome();
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(anchor, 0);
        element.set_offset(KafkaOffset::Offset(0))?;
        element.set_metadata(write(&self.known));
        native::commit(&self.memory, &list).map(|()| true)
    }

    fn refusal(&self, topic: &str, before: &str, now: &str) -> Refusal {
        let group = &self.group;
        let text = format!(
            "topic {topic} was created anew (its id was {before} and is {now}), so its offsets \
             begin again and would be taken for those that were read before. \
             docs/reference/exit-codes.md says under 81 which groups to set back, by topic; then \
             delete the group {group} (kafka-consumer-groups.sh --delete --group {group}), and start \
             again"
        );
        Refusal::new(Reason::TopicRecreated, text)
    }
}

/// Client context that stores the result of the last commit of the group that remembers.
struct Memory {
    listener: Listener,
    outcome: Mutex<Option<KafkaResult<()>>>,
}

impl Memory {
    fn take_outcome(&self) -> Option<KafkaResult<()>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Memory {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.listener.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.listener.error(error, reason);
    }
}

impl ConsumerContext for Memory {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }
}

/// Returns the client of the group that remembers.
fn rememberer(
    kafka: &Kafka,
    group: &str,
    listener: Listener,
) -> Result<BaseConsumer<Memory>, Fatal> {
    let mut config = probe(kafka);
    config.set("group.id", group);
    let memory = Memory { listener, outcome: Mutex::default() };
    BaseConsumer::from_config_and_context(&config, memory)
        .map_err(|error| Fatal::failed("kafka", error))
}

/// Returns the first topic whose id differs from the known one, with both.
fn differing<'a>(known: &'a Ids, ids: &'a Ids) -> Option<(&'a str, &'a str, &'a str)> {
    ids.iter().find_map(|(topic, now)| {
        let before = known.get(topic).filter(|before| *before != now)?;
        Some((topic.as_str(), before.as_str(), now.as_str()))
    })
}

fn write(ids: &Ids) -> String {
    let ids = ids.iter().map(|(topic, id)| format!("{topic}={id}"));
    ids.collect::<Vec<_>>().join(" ")
}

fn read(text: &str) -> Ids {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.map(|(topic, id)| (topic.to_owned(), id.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    #[test]
    fn a_coordinator_that_does_not_come_is_waited_for_and_not_for_ever() {
        let broker = MockCluster::new(1).unwrap();
        for topic in ["in", "out"] {
            broker.create_topic(topic, 1, 1).unwrap();
        }
        let brokers = broker.bootstrap_servers();
        let kafka = Kafka { brokers, group: "group".to_owned(), ..Kafka::default() };
        let topics = Topics {
            inputs: vec!["in".to_owned()],
            outputs: vec![(service::Topic::Reports, "out".to_owned())],
        };
        let listener = Listener::new(&kafka);
        let topology = Topology::new(&kafka, listener.clone()).unwrap();
        let mut ids = TopicIds::new(topology, &topics, &kafka, listener).unwrap();
        ids.remember().unwrap();
        assert!(ids.remembered.take().is_some());

        let away = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS; 1000];
        broker.request_errors(RDKafkaApiKey::OffsetCommit, &away);
        let asked = Instant::now();
        assert!(ids.remember().is_err());
        assert!(asked.elapsed() < TIMEOUT * 2, "{:?}", asked.elapsed());
        assert!(ids.remembered.is_none());
        broker.clear_request_errors(RDKafkaApiKey::OffsetCommit);
        ids.renew().unwrap();
        ids.remember().unwrap();
    }

    fn ids(pairs: &[(&str, &str)]) -> Ids {
        pairs.iter().map(|(topic, id)| ((*topic).to_owned(), (*id).to_owned())).collect()
    }

    #[test]
    fn ids_read_as_they_were_written() {
        let two = ids(&[("a", "Zm9v"), ("b", "YmFy-_")]);
        assert_eq!(read(&write(&two)), two);
        assert_eq!(read(""), Ids::new());
        assert_eq!(read("what somebody else left here"), Ids::new());
    }

    #[test]
    fn only_a_topic_known_under_another_id_differs() {
        let known = ids(&[("a", "1"), ("gone", "2")]);
        assert_eq!(differing(&known, &ids(&[("a", "1"), ("new", "3")])), None);
        assert_eq!(differing(&known, &ids(&[("a", "4")])), Some(("a", "1", "4")));
    }
}
