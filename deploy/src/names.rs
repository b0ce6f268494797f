//! Names of topics and groups.

use clap::Args;
use serde::{Deserialize, Serialize};
use service::{Topic, TopicNames};

use crate::service::Service;

/// Names of a pipeline's topics and groups; by default those that the services' settings have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Prefix of the names of groups and of all topics that belong to the pipeline.
    pub prefix: String,
    /// Names of topics.
    pub topics: TopicNames,
}

impl Names {
    /// Returns names that all begin with `prefix`.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        let mut topics = TopicNames::default();
        for topic in Topic::ALL {
            topics.of_mut(topic).insert_str(0, prefix);
        }
        Self { prefix: prefix.to_owned(), topics }
    }

    /// Returns the consumer group of a service.
    #[must_use]
    pub fn group(&self, service: Service) -> String {
        format!("{}isobar-{}", self.prefix, service.name())
    }

    /// Returns the names of all topics, raw first.
    #[must_use]
    pub fn all(&self) -> [&str; Topic::ALL.len()] {
        Topic::ALL.map(|topic| self.topics.of(topic).as_str())
    }

    /// Returns true if the raw topic belongs to the user: it is read and never changed.
    #[must_use]
    pub fn raw_is_theirs(&self) -> bool {
        !self.topics.raw.starts_with(&self.prefix)
    }
}

/// Argument that names the raw topic.
#[derive(Clone, Debug, Default, Args)]
pub struct RawTopic {
    /// The raw topic [default: rtc-stats-raw-v1, or that of the `isobar up` that runs].
    #[arg(long = "topic", value_name = "TOPIC")]
    pub name: Option<String>,
}

impl RawTopic {
    /// Returns `names` with this raw topic, if one is given.
    #[must_use]
    pub fn over(&self, mut names: Names) -> Names {
        if let Some(raw) = &self.name {
            names.topics.raw.clone_from(raw);
        }
        names
    }
}

/// Error of a prefix that Kafka would not take in the name of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give 1 to 200 letters, digits, dots, dashes and underscores")]
pub struct IllegalPrefix;

/// Reads a prefix of topics' names.
///
/// # Errors
/// If Kafka would not take it.
pub fn prefix(text: &str) -> Result<String, IllegalPrefix> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
    match text.chars().all(is_legal) && (1..=200).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err(IllegalPrefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_prefix_all_begin_with_it_and_groups_do() {
        let names = Names::with_prefix("ours-");
        assert!(names.all().iter().all(|name| name.starts_with("ours-rtc-")), "{names:?}");
        assert_eq!(names.group(Service::Sink), "ours-isobar-sink");
        assert_eq!(Names::default().group(Service::Sink), "isobar-sink");
        assert_eq!(Names::default().all()[0], "rtc-stats-raw-v1");
    }

    #[test]
    fn a_raw_topic_without_the_prefix_belongs_to_the_user() {
        let names = Names::with_prefix("ours-");
        assert!(!names.raw_is_theirs() && !Names::default().raw_is_theirs());
        let raw = RawTopic { name: Some("rtc-stats-raw-v1".to_owned()) };
        assert!(raw.over(names.clone()).raw_is_theirs());
        assert_eq!(RawTopic::default().over(names.clone()), names);
    }

    #[test]
    fn a_prefix_is_what_kafka_takes_in_a_name() {
        assert_eq!(prefix("team.a_1-"), Ok("team.a_1-".to_owned()));
        assert!(prefix("").is_err() && prefix("a b").is_err() && prefix(&"x".repeat(201)).is_err());
    }
}
