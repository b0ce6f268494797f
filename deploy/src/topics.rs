//! `isobar topics`: the topics as the design wants them, and how Kafka's differ.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use clap::{Args, Subcommand};
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use runtime::TopicNames;

use crate::failure::{Context, Failure};
use crate::stack::Deadline;

const PATIENCE: Duration = Duration::from_secs(30);
const HOUR_MS: i64 = 3_600_000;

/// `isobar topics`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Shows what is missing or different, and changes nothing.
    Plan(Options),
    /// Creates what is missing and sets what is different.
    Apply(Options),
}

/// What an operator decides about the topics.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Your own Kafka: host:port, separated by commas; by default that of `isobar up`.
    #[arg(long, value_name = "BROKERS")]
    pub kafka: Option<String>,
    /// The same for all topics, once and for all.
    #[arg(long, default_value_t = 4)]
    pub partitions: i32,
    /// Copies of every new topic.
    #[arg(long, default_value_t = 1)]
    pub replication: i32,
    /// Copies that must have a record before it counts as written.
    #[arg(long, default_value_t = 1)]
    pub min_insync: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self { kafka: None, partitions: 4, replication: 1, min_insync: 1 }
    }
}

/// A topic's settings, by their names in Kafka.
pub type Settings = BTreeMap<String, String>;

/// Every topic that Isobar uses, with its settings.
#[must_use]
pub fn design(names: &TopicNames, min_insync: i32) -> BTreeMap<String, Settings> {
    // What holds client addresses goes soon. Partials stay for a week, to be read again after a
    // loss of ClickHouse.
    let hours = [
        (&names.raw, 24),
        (&names.reports, 24),
        (&names.enriched, 72),
        (&names.cells, 168),
        (&names.sessions, 168),
        (&names.blocks, 168),
        (&names.dead_letters, 24),
    ];
    let topic = |(name, hours): (&String, i64)| {
        // A dead letter holds a whole raw record and more.
        let most_bytes = if *name == names.dead_letters { 4 << 20 } else { 2 << 20 };
        let settings = [
            ("cleanup.policy", "delete".to_owned()),
            ("max.message.bytes", most_bytes.to_string()),
            ("message.timestamp.type", "LogAppendTime".to_owned()),
            ("min.insync.replicas", min_insync.to_string()),
            ("retention.ms", (hours * HOUR_MS).to_string()),
            // Kafka deletes whole segments only.
            ("segment.ms", HOUR_MS.to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ];
        (name.clone(), settings.map(|(key, value)| (key.to_owned(), value)).into())
    };
    hours.into_iter().map(topic).collect()
}

/// A topic that Kafka has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// Number of partitions.
    pub partitions: usize,
    /// All settings in effect.
    pub settings: Settings,
    /// Those of them that were set on the topic itself.
    pub own: Settings,
}

/// A difference between the design and Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The topic is missing.
    Create {
        /// Its name.
        topic: String,
        /// Its settings.
        settings: Settings,
    },
    /// Settings are different.
    Set {
        /// The topic's name.
        topic: String,
        /// From the first to the second value, by setting.
        different: BTreeMap<String, (String, String)>,
        /// All settings of the topic itself, after the change.
        own: Settings,
    },
    /// What cannot be changed without losing which record is where.
    Refuse {
        /// The topic's name.
        topic: String,
        /// Its number of partitions.
        partitions: usize,
        /// The number it should have.
        wanted: i32,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { topic, settings } => {
                write!(f, "create {topic}")?;
                settings.iter().try_for_each(|(key, value)| write!(f, "\n    {key} = {value}"))
            }
            Self::Set { topic, different, .. } => {
                write!(f, "change {topic}")?;
                different
                    .iter()
                    .try_for_each(|(key, (from, to))| write!(f, "\n    {key}: {from} -> {to}"))
            }
            Self::Refuse { topic, partitions, wanted } => write!(
                f,
                "refuse {topic}: it has {partitions} partitions instead of {wanted}, and changing \
                 that would part sessions from their past"
            ),
        }
    }
}

/// What has to change so that `existing` is as `wanted`.
#[must_use]
pub fn difference(
    wanted: BTreeMap<String, Settings>,
    partitions: i32,
    existing: &BTreeMap<String, Existing>,
) -> Vec<Change> {
    let change = |(topic, settings): (String, Settings)| {
        let Some(found) = existing.get(&topic) else {
            return Some(Change::Create { topic, settings });
        };
        if usize::try_from(partitions) != Ok(found.partitions) {
            return Some(Change::Refuse {
                topic,
                partitions: found.partitions,
                wanted: partitions,
            });
        }
        let different: BTreeMap<_, _> = settings
            .iter()
            .map(|(key, to)| (key, found.settings.get(key).cloned().unwrap_or_default(), to))
            .filter(|(_, from, to)| from != *to)
            .map(|(key, from, to)| (key.clone(), (from, to.clone())))
            .collect();
        let own = found.own.clone().into_iter().chain(settings).collect();
        (!different.is_empty()).then_some(Change::Set { topic, different, own })
    };
    wanted.into_iter().filter_map(change).collect()
}

/// A Kafka cluster's topics.
pub struct Topics {
    client: AdminClient<DefaultClientContext>,
    options: AdminOptions,
}

impl Topics {
    /// Does not connect yet.
    ///
    /// # Errors
    /// If `brokers` is not a list of addresses.
    pub fn of(brokers: &str) -> Result<Self, Failure> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("client.id", "isobar-topics");
        let client = config.create().context("Kafka")?;
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        Ok(Self { client, options: options.operation_timeout(Some(PATIENCE)) })
    }

    /// What has to change so that the topics are as the design wants them.
    ///
    /// # Errors
    /// If Kafka does not answer.
    pub async fn plan(&self, options: &Options) -> Result<Vec<Change>, Failure> {
        let wanted = design(&TopicNames::default(), options.min_insync);
        let existing = self.existing(&wanted).await?;
        Ok(difference(wanted, options.partitions, &existing))
    }

    /// Makes `changes`, and returns when they can be seen.
    ///
    /// # Errors
    /// If one of them is refused, and then none is made; or if Kafka says no.
    pub async fn apply(&self, changes: &[Change], options: &Options) -> Result<(), Failure> {
        if changes.iter().any(|change| matches!(change, Change::Refuse { .. })) {
            return Err(Failure("nothing was changed: what is refused comes first".into()));
        }
        for change in changes {
            match change {
                Change::Create { topic, settings } => self.create(topic, settings, options).await?,
                Change::Set { topic, own, .. } => self.set(topic, own).await?,
                Change::Refuse { .. } => {}
            }
        }
        let deadline = Deadline::after(PATIENCE);
        while !self.plan(options).await?.is_empty() {
            if deadline.passed() {
                return Err(Failure("Kafka took the changes, but does not show them".into()));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn existing(
        &self,
        wanted: &BTreeMap<String, Settings>,
    ) -> Result<BTreeMap<String, Existing>, Failure> {
        let metadata = self.client.inner().fetch_metadata(None, PATIENCE).context("Kafka")?;
        let known = metadata.topics().iter().filter(|topic| wanted.contains_key(topic.name()));
        let mut existing: BTreeMap<String, Existing> = known
            .map(|topic| {
                let partitions = topic.partitions().len();
                (topic.name().to_owned(), Existing { partitions, ..Existing::default() })
            })
            .collect();
        if existing.is_empty() {
            return Ok(existing);
        }
        let names: Vec<_> = existing.keys().cloned().collect();
        let resources: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let described = self.client.describe_configs(&resources, &self.options).await;
        for (name, resource) in names.iter().zip(described.context("Kafka")?) {
            let resource = resource.context(name)?;
            let Some(topic) = existing.get_mut(name) else { continue };
            for entry in resource.entries {
                let value = entry.value.unwrap_or_default();
                if entry.source == ConfigSource::DynamicTopic {
                    topic.own.insert(entry.name.clone(), value.clone());
                }
                topic.settings.insert(entry.name, value);
            }
        }
        Ok(existing)
    }

    async fn create(
        &self,
        topic: &str,
        settings: &Settings,
        options: &Options,
    ) -> Result<(), Failure> {
        let copies = TopicReplication::Fixed(options.replication);
        let new = NewTopic::new(topic, options.partitions, copies);
        let new = settings.iter().fold(new, |new, (key, value)| new.set(key, value));
        let created = self.client.create_topics([&new], &self.options).await.context(topic)?;
        // Somebody else may have been faster, or Kafka slow to show what it has.
        let mut failed = created.into_iter().filter_map(Result::err);
        let failed = failed.find(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists);
        failed.map_or(Ok(()), |(name, code)| Err(Failure(format!("{name}: {code}"))))
    }

    /// The request replaces a topic's own settings as a whole, so it names them all.
    async fn set(&self, topic: &str, own: &Settings) -> Result<(), Failure> {
        let alter = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let alter = own.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
        let altered = self.client.alter_configs([&alter], &self.options).await.context(topic)?;
        let failed = altered.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |(_, code)| Err(Failure(format!("{topic}: {code}"))))
    }
}

/// Does `isobar topics plan` or `apply` on the cluster at `brokers`.
///
/// # Errors
/// If Kafka does not answer, says no, or a difference is one that cannot be changed.
pub async fn run(verb: &Verb, brokers: &str) -> Result<(), Failure> {
    let (Verb::Plan(options) | Verb::Apply(options)) = verb;
    let topics = Topics::of(brokers)?;
    let changes = topics.plan(options).await?;
    for change in &changes {
        println!("{change}");
    }
    match verb {
        _ if changes.is_empty() => println!("topics are as they should be"),
        Verb::Plan(_) => println!("{} to change", changes.len()),
        Verb::Apply(_) => {
            topics.apply(&changes, options).await?;
            println!("{} changed", changes.len());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_designed() -> BTreeMap<String, Existing> {
        let topics = design(&TopicNames::default(), 1).into_iter();
        let existing =
            |settings: Settings| Existing { partitions: 4, own: settings.clone(), settings };
        topics.map(|(topic, settings)| (topic, existing(settings))).collect()
    }

    #[test]
    fn topics_as_designed_need_no_change() {
        let changes = difference(design(&TopicNames::default(), 1), 4, &as_designed());
        assert_eq!(changes, []);
    }

    #[test]
    fn a_missing_topic_is_created_and_a_different_setting_is_set() {
        let names = TopicNames::default();
        let mut existing = as_designed();
        existing.remove(&names.blocks);
        if let Some(raw) = existing.get_mut(&names.raw) {
            raw.settings.insert("retention.ms".into(), "5".into());
            raw.own = [("retention.bytes".to_owned(), "9".to_owned())].into();
        }
        let changes = difference(design(&names, 1), 4, &existing);
        let [Change::Create { topic: created, .. }, Change::Set { topic, different, own }] =
            changes.as_slice()
        else {
            unreachable!("{changes:?}")
        };
        assert_eq!((created, topic), (&names.blocks, &names.raw));
        let to = design(&names, 1)[&names.raw]["retention.ms"].clone();
        assert_eq!(*different, [("retention.ms".to_owned(), ("5".to_owned(), to))].into());
        assert_eq!(own["retention.bytes"], "9", "what an operator has set stays");
    }

    #[test]
    fn another_number_of_partitions_is_refused() {
        let changes = difference(design(&TopicNames::default(), 1), 8, &as_designed());
        assert_eq!(changes.len(), 7);
        assert!(changes.iter().all(|change| matches!(change, Change::Refuse { .. })));
    }

    #[test]
    fn dead_letters_take_whatever_raw_takes() {
        let names = TopicNames::default();
        let topics = design(&names, 1);
        let most = |topic: &str| topics[topic]["max.message.bytes"].parse::<u64>().unwrap_or(0);
        assert!(most(&names.dead_letters) > most(&names.raw));
    }
}
