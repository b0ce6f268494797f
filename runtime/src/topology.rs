//! Conditions on the topics that must hold before a record is read.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::error::{KafkaError, KafkaResult};
use service::{Fatal, Kafka, Refusal, RefusalReason as Reason, Topics};

use crate::client::{Listener, plain};
use crate::native;
use crate::positions::Trouble;
use crate::reach::reach;
use crate::topic_ids::Ids;

/// Longest wait for an answer about a topic while the service runs.
const LOOK: Duration = Duration::from_secs(2);

/// Reason why reading cannot start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    /// Removed when a broker starts or a topic is created.
    #[error("{0}")]
    Waits(String),
    /// Stays until an operator changes something.
    #[error("{0}")]
    Refuses(Refusal),
}

/// Checker of a service's topics.
pub(crate) struct Topology {
    admin: AdminClient<Listener>,
    runtime: tokio::runtime::Runtime,
    kafka: Kafka,
    listener: Listener,
}

impl Topology {
    pub(crate) fn new(kafka: &Kafka, listener: Listener) -> Result<Self, Fatal> {
        use rdkafka::config::FromClientConfigAndContext as _;
        let admin = AdminClient::from_config_and_context(&plain(kafka), listener.clone())
            .map_err(|error| Fatal::failed("kafka", error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| Fatal::failed("no async runtime", error))?;
        Ok(Self { admin, runtime, kafka: kafka.clone(), listener })
    }

    /// Returns the ids of those of `topics` that exist.
    pub(crate) fn ids(&self, topics: &[String], timeout: Duration) -> KafkaResult<Ids> {
        Ok(native::topic_ids(self.admin.inner(), topics, timeout)?.into_iter().collect())
    }

    /// Returns all obstacles. `dead_letters` is the topic of dead letters. Waits at most `timeout` for an answer.
    pub(crate) fn obstacles(
        &self,
        topics: &Topics,
        dead_letters: &str,
        timeout: Duration,
    ) -> Vec<Obstacle> {
        // This client reports only a timeout; a new one finds the cause.
        if let Err(unreachable) = reach(&self.kafka) {
            return vec![Obstacle::Waits(unreachable.to_string())];
        }
        let mut obstacles = Vec::new();
        let mut counts = Vec::new();
        let mut missing = Vec::new();
        for topic in topics.names() {
            match self.partitions(topic, timeout) {
                Ok(Some(count)) => counts.push((topic.as_str(), count)),
                Ok(None) => missing.push(topic.as_str()),
                // After one missing response the other topics are not requested.
                Err(error) => return vec![self.silence(&error)],
            }
        }
        obstacles.extend(absent(&missing, dead_letters));
        obstacles.extend(unequal(&counts).map(Obstacle::Refuses));
        let present = |topic: &&String| counts.iter().any(|(name, _)| name == *topic);
        let inputs = topics.inputs.iter().filter(present).map(String::as_str).collect::<Vec<_>>();
        obstacles.extend(self.timestamp_types(&inputs, timeout));
        obstacles
    }

    /// Returns the numbers of partitions of those topics that exist.
    pub(crate) fn counts<'t>(&self, topics: &'t Topics) -> Result<Counts<'t>, Trouble> {
        let mut counts = Vec::new();
        for topic in topics.names() {
            let count = self.partitions(topic, LOOK)?;
            counts.extend(count.map(|count| (topic.as_str(), count)));
        }
        Ok(Counts(counts))
    }

    fn silence(&self, reason: &KafkaError) -> Obstacle {
        Obstacle::Waits(format!("{}: {reason}", self.listener.cluster()))
    }

    /// Returns the number of partitions; none if the topic does not exist.
    pub(crate) fn partitions(&self, topic: &str, timeout: Duration) -> KafkaResult<Option<usize>> {
        let metadata = self.admin.inner().fetch_metadata(Some(topic), timeout)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map(|found| found.partitions().len()).filter(|count| *count > 0))
    }

    fn timestamp_types(&self, inputs: &[&str], timeout: Duration) -> Vec<Obstacle> {
        let resources =
            inputs.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect::<Vec<_>>();
        if resources.is_empty() {
            return Vec::new();
        }
        let options = AdminOptions::new().request_timeout(Some(timeout));
        let asked = self.admin.describe_configs(&resources, &options);
        let described = match self.runtime.block_on(asked) {
            Ok(described) => described,
            Err(error) => return vec![self.silence(&error)],
        };
        let verdict = |(topic, described): (&&str, Result<_, _>)| {
            let described: rdkafka::admin::ConfigResource = match described {
                Ok(described) => described,
                Err(error) => {
                    let text = format!("leave to describe the configuration of {topic}: {error}");
                    return Some(Obstacle::Waits(text));
                }
            };
            let entry = described.get("message.timestamp.type");
            let kind = entry.and_then(|entry| entry.value.as_deref()).unwrap_or_default();
            (kind != "LogAppendTime").then(|| {
                Obstacle::Refuses(Refusal::new(
                    Reason::TimestampType,
                    format!(
                        "topic {topic} has message.timestamp.type={kind}, and blocks, lateness and \
                         restarts go by append time; set it to LogAppendTime (isobar topics apply)"
                    ),
                ))
            })
        };
        inputs.iter().zip(described).filter_map(verdict).collect()
    }
}

/// Numbers of partitions by topic.
pub(crate) struct Counts<'t>(Vec<(&'t str, usize)>);

impl Counts<'_> {
    /// Returns a refusal if the numbers differ.
    pub(crate) fn unequal(&self) -> Option<Refusal> {
        unequal(&self.0)
    }

    /// Returns the number of partitions of one topic, if it exists.
    pub(crate) fn of(&self, topic: &str) -> Option<usize> {
        self.0.iter().find(|(name, _)| *name == topic).map(|(_, count)| *count)
    }
}

/// Returns the obstacles of missing topics. The service waits for others to be created; if only that of
/// dead letters is missing, it refuses.
fn absent(missing: &[&str], dead_letters: &str) -> Vec<Obstacle> {
    if missing == [dead_letters] {
        let text = format!(
            "there is no topic {dead_letters}, and what cannot be used would have nowhere to go; \
             create it (isobar topics apply)"
        );
        return vec![Obstacle::Refuses(Refusal::new(Reason::NoDeadLetters, text))];
    }
    let waits = |topic| format!("topic {topic}, which does not exist; create it");
    missing.iter().map(|topic| Obstacle::Waits(waits(topic))).collect()
}

/// Returns a refusal if the numbers of partitions differ.
fn unequal(counts: &[(&str, usize)]) -> Option<Refusal> {
    let (_, first) = counts.first()?;
    counts.iter().any(|(_, count)| count != first).then(|| {
        let list = counts.iter().map(|(topic, count)| format!("{topic} has {count}"));
        let most = counts.iter().map(|(_, count)| count).max().unwrap_or(first);
        let text = format!(
            "topics must have the same number of partitions, but {}; add what is missing (isobar \
             topics apply --partitions {most} --add-partitions), which loses nothing, and start \
             again",
            list.collect::<Vec<_>>().join(", ")
        );
        Refusal::new(Reason::Partitions, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_with_unequal_partitions_are_named_with_their_numbers() {
        assert_eq!(unequal(&[("a", 4), ("b", 4)]), None);
        let refusal = unequal(&[("a", 4), ("b", 6)]);
        assert!(refusal.is_some_and(|refusal| refusal.text.contains("a has 4, b has 6")
            && refusal.reason == Reason::Partitions));
    }

    #[test]
    fn a_missing_topic_is_waited_for_unless_only_that_for_dead_letters_is() {
        assert_eq!(absent(&[], "dead"), []);
        let waits = absent(&["in", "dead"], "dead");
        assert!(waits.iter().all(|one| matches!(one, Obstacle::Waits(_))) && waits.len() == 2);
        assert!(matches!(&absent(&["in"], "dead")[..], [Obstacle::Waits(_)]));
        let alone = absent(&["dead"], "dead");
        assert!(matches!(&alone[..], [Obstacle::Refuses(refusal)]
            if refusal.reason == Reason::NoDeadLetters));
    }
}
