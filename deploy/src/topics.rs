//! Kafka's topics: the wanted settings, the differences, and the changes that remove them.

mod changes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::connect::{Cluster, KafkaArgs};
use crate::deadline::Deadline;
use crate::failure::{Context, Failure};
use crate::names::RawTopic;
use crate::service::Service;
use changes::design_for;
pub use changes::{Change, Existing, Settings, additions, design, difference, extended};

const PATIENCE: Duration = Duration::from_secs(30);

/// Settings of the topics that an operator chooses.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The Kafka to use.
    #[command(flatten)]
    pub own: KafkaArgs,
    /// The raw topic to use.
    #[command(flatten)]
    pub raw: RawTopic,
    /// Number of partitions, the same for all topics
    #[arg(long, default_value_t = 4)]
    pub partitions: i32,
    /// Adds partitions to topics that have fewer than --partitions. No data is lost, but live sessions
    /// whose key moves to another partition start anew there
    #[arg(long)]
    pub add_partitions: bool,
    /// Replicas of every new topic
    #[arg(long, default_value_t = 1)]
    pub replication: i32,
    /// Replicas that must have a record before it is acknowledged
    #[arg(long, default_value_t = 1)]
    pub min_insync: i32,
    /// Hours for which every topic is kept, at least.
    #[arg(skip)]
    pub least_hours: i64,
}

impl Default for Options {
    fn default() -> Self {
        let (own, raw) = <(KafkaArgs, RawTopic)>::default();
        Self {
            own,
            raw,
            partitions: 4,
            add_partitions: false,
            replication: 1,
            min_insync: 1,
            least_hours: 0,
        }
    }
}

impl Options {
    /// Returns the options of the `existing` topics, which added topics have to match.
    #[must_use]
    pub fn like(existing: &BTreeMap<String, Existing>) -> Self {
        let Some(found) = existing.values().next() else { return Self::default() };
        let min_insync = found.settings.get("min.insync.replicas");
        Self {
            partitions: found.partitions,
            replication: found.copies,
            min_insync: min_insync.and_then(|copies| copies.parse().ok()).unwrap_or(1),
            ..Self::default()
        }
    }

    /// Returns the command-line arguments with this meaning.
    #[must_use]
    pub fn arguments(&self) -> String {
        let Self { own, raw, partitions, replication, min_insync, .. } = self;
        let own = own.arguments();
        let own = own.iter().map(|it| format!("{} ", it.display())).collect::<String>();
        let raw = raw.name.iter().map(|it| format!("--topic {it} ")).collect::<String>();
        format!(
            "{own}{raw}--partitions {partitions} --replication {replication} --min-insync {min_insync}"
        )
    }
}

/// The topics of a Kafka cluster.
pub struct Topics {
    cluster: Cluster,
    client: AdminClient<DefaultClientContext>,
    options: AdminOptions,
}

impl Topics {
    /// Returns the topics of `cluster`. Does not connect yet.
    ///
    /// # Errors
    /// If the client cannot be created.
    pub fn of(cluster: &Cluster) -> Result<Self, Failure> {
        let config = cluster.client(&[("client.id", "isobar-topics")]);
        let client = config.create().context("Kafka")?;
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let options = options.operation_timeout(Some(PATIENCE));
        Ok(Self { cluster: cluster.clone(), client, options })
    }

    /// Returns the changes that make the topics as designed.
    ///
    /// # Errors
    /// If Kafka does not answer.
    pub async fn plan(&self, options: &Options) -> Result<Vec<Change>, Failure> {
        let existing = self.existing().await?;
        Ok(self.changes(options, &existing))
    }

    fn changes(&self, options: &Options, existing: &BTreeMap<String, Existing>) -> Vec<Change> {
        let names = &self.cluster.names;
        let wanted = design_for(names, options.min_insync, options.least_hours);
        let changes = difference(wanted, options.partitions, existing);
        if options.add_partitions { extended(changes, &names.topics) } else { changes }
    }

    /// Creates missing topics with the options of existing ones, and changes none of those.
    ///
    /// # Errors
    /// If an existing topic would have to change, and then nothing is created; or if Kafka does not answer or
    /// refuses.
    pub async fn complete(&self) -> Result<(), Failure> {
        let existing = self.existing().await?;
        let names = &self.cluster.names;
        let raw = names.raw_is_theirs().then(|| names.topics.raw.clone());
        let options = Options {
            own: KafkaArgs::from(&self.cluster),
            raw: RawTopic { name: raw },
            ..Options::like(&existing)
        };
        let additions = additions(self.changes(&options, &existing), &options)?;
        self.apply(&additions, &options).await
    }

    /// Applies `changes`, and returns when they are visible.
    ///
    /// # Errors
    /// If one of them is impossible, and then none is made; or if Kafka refuses.
    pub async fn apply(&self, changes: &[Change], options: &Options) -> Result<(), Failure> {
        if let Some(refused) = changes.iter().find(|one| matches!(one, Change::Refuse { .. })) {
            return Err(Failure::Refused(format!(
                "nothing was changed, because this must be solved first: {refused}"
            )));
        }
        for change in changes {
            match change {
                Change::Create { topic, settings } => self.create(topic, settings, options).await?,
                Change::Set { topic, own, .. } => self.set(topic, own).await?,
                Change::Extend { topic, wanted, .. } => self.extend(topic, *wanted).await?,
                Change::Refuse { .. } => {}
            }
        }
        let deadline = Deadline::after(PATIENCE);
        while !self.plan(options).await?.is_empty() {
            if deadline.passed() {
                return Err(Failure::Refused(
                    "Kafka accepted the changes, but does not show them".into(),
                ));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn existing(&self) -> Result<BTreeMap<String, Existing>, Failure> {
        let ours = design(&self.cluster.names, 1);
        let metadata = self.client.inner().fetch_metadata(None, PATIENCE).context("Kafka")?;
        let known = metadata.topics().iter().filter(|topic| ours.contains_key(topic.name()));
        let mut existing = BTreeMap::new();
        for topic in known {
            let (name, partitions) = (topic.name(), topic.partitions());
            let copies = partitions.first().map_or(0, |partition| partition.replicas().len());
            let found = Existing {
                partitions: i32::try_from(partitions.len()).context(name)?,
                copies: i32::try_from(copies).context(name)?,
                ..Existing::default()
            };
            existing.insert(name.to_owned(), found);
        }
        if existing.is_empty() {
            return Ok(existing);
        }
        let names: Vec<_> = existing.keys().cloned().collect();
        let resources: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let describe = async || self.client.describe_configs(&resources, &self.options).await;
        let described = answered(describe).await.context("Kafka")?;
        for (name, resource) in names.iter().zip(described) {
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

    /// Returns the names of all existing topics.
    ///
    /// # Errors
    /// If Kafka does not answer.
    pub fn names(&self) -> Result<BTreeSet<String>, Failure> {
        let metadata = self.client.inner().fetch_metadata(None, PATIENCE).context("Kafka")?;
        Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
    }

    /// Deletes the topics and groups of the pipeline, which must not be in use.
    ///
    /// # Errors
    /// If Kafka does not answer or refuses.
    pub async fn remove(&self) -> Result<(), Failure> {
        let names = &self.cluster.names;
        let topics = names.all().into_iter().filter(|name| name.starts_with(&names.prefix));
        let topics: Vec<_> = topics.collect();
        let groups = Service::ALL.map(|service| names.group(service));
        let groups = groups.iter().flat_map(|group| [group.clone(), format!("{group}.topics")]);
        let groups: Vec<_> = groups.collect();
        let groups: Vec<_> = groups.iter().map(String::as_str).collect();
        let deleted = self.client.delete_groups(&groups, &self.options).await.context("Kafka")?;
        // A group that has committed nothing does not exist.
        let mut failed = deleted.into_iter().filter_map(Result::err);
        let failed = failed.find(|(_, code)| *code != RDKafkaErrorCode::GroupIdNotFound);
        let deleted = self.client.delete_topics(&topics, &self.options).await.context("Kafka")?;
        let failed = deleted.into_iter().find_map(Result::err).or(failed);
        failed.map_or(Ok(()), |(name, code)| Err(code).context(name))
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
        let create = async || self.client.create_topics([&new], &self.options).await;
        let created = answered(create).await.context(topic)?;
        // Another process may have created it, or Kafka showed it late.
        let mut failed = created.into_iter().filter_map(Result::err);
        let failed = failed.find(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists);
        failed.map_or(Ok(()), |(name, code)| Err(code).context(name))
    }

    async fn extend(&self, topic: &str, partitions: i32) -> Result<(), Failure> {
        let new = NewPartitions::new(topic, usize::try_from(partitions).context(topic)?);
        let extended = self.client.create_partitions([&new], &self.options).await.context(topic)?;
        let failed = extended.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |(_, code)| Err(code).context(topic))
    }

    /// Sets the settings of a topic. The request replaces all of them, so it contains them all.
    async fn set(&self, topic: &str, own: &Settings) -> Result<(), Failure> {
        let alter = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let alter = own.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
        let set = async || self.client.alter_configs([&alter], &self.options).await;
        let altered = answered(set).await.context(topic)?;
        let failed = altered.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |(_, code)| Err(code).context(topic))
    }
}

/// Repeats the idempotent `request` while its answer is lost with the handle of the broker: librdkafka
/// replaces the handle of a bootstrap address when it learns which broker it belongs to.
async fn answered<T>(request: impl AsyncFn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let answer = request().await;
        match &answer {
            Err(KafkaError::AdminOp(RDKafkaErrorCode::DestroyBroker)) if !deadline.passed() => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            _ => return answer,
        }
    }
}
