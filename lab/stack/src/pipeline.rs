//! The whole of Isobar on one machine: stack, topics, tables and services.

use std::time::Duration;

use crate::retention;
use deploy::connect::Cluster;
use deploy::failure::{Context, Failure};
use deploy::migrate;
use deploy::names::Names;
use deploy::topics::{self, Topics};

use crate::services::{ServiceEnvironment, Services};
use crate::{Ended, Plan, Stack, Trial};

/// Timeout of the start, including Kafka's first assignment and ClickHouse's first insert.
const READY: Duration = Duration::from_secs(90);
/// Characters of ClickHouse's id in names.
const ID_IN_NAMES: usize = 8;

/// The raw topic to read in the user's own Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// A topic of the pipeline.
    Own,
    /// A topic of the user: the named one, else the default one if it exists, else one of the
    /// pipeline.
    Theirs(Option<String>),
}

/// A running pipeline. Dropped, it ends the services first and the servers last.
#[derive(Debug)]
pub struct Pipeline {
    /// The four services.
    pub services: Services,
    /// Kafka and ClickHouse.
    pub stack: Stack,
}

impl Pipeline {
    /// Starts everything, with a raw topic of its own, and waits until it works; `progress`
    /// receives each step that begins.
    ///
    /// # Errors
    /// If something does not start; names its log.
    pub async fn start(plan: Plan, progress: impl Fn(&str)) -> Result<Self, Failure> {
        Self::start_as(plan, &Raw::Own, None, progress).await
    }

    /// Like [`Pipeline::start`], with the raw topic in `raw`. Accepts histories as well.
    ///
    /// # Errors
    /// Like [`Pipeline::start`].
    pub async fn start_on(plan: Plan, raw: &Raw, progress: impl Fn(&str)) -> Result<Self, Failure> {
        Self::start_as(plan, raw, Some(Trial::OF_UP), progress).await
    }

    async fn start_as(
        plan: Plan,
        raw: &Raw,
        trial: Option<Trial>,
        progress: impl Fn(&str),
    ) -> Result<Self, Failure> {
        progress("starting Kafka and ClickHouse");
        let mut stack = Stack::start(plan)?;
        trial.into_iter().for_each(|trial| stack.take_histories(trial));
        name(&mut stack, raw).await?;
        prepare(&stack, &progress).await?;
        progress("starting ingest, enrich, aggregate and sink");
        let services = Services::start(&ServiceEnvironment::of(&stack), stack.guard())?;
        services.wait(READY)?;
        Ok(Self { services, stack })
    }

    /// Checks all processes. Returns those that have ended by themselves since the last check.
    pub fn look(&mut self) -> Vec<Ended> {
        let mut ended = self.stack.look();
        ended.extend(self.services.news());
        ended
    }
}

/// Sets the names of topics and groups. In the user's own Kafka they contain the id of this ClickHouse: a
/// group writes to one ClickHouse, and the next start finds the names by the id.
async fn name(stack: &mut Stack, raw: &Raw) -> Result<(), Failure> {
    if let (None, Raw::Theirs(Some(raw))) = (stack.their_kafka(), raw) {
        let mut names = Names::default();
        names.topics.raw.clone_from(raw);
        stack.call(names);
    }
    if let Some(theirs) = stack.their_kafka().cloned() {
        let prefix = match theirs.names.prefix.as_str() {
            "" => {
                tables(stack).await?;
                let id = migrate::target(&stack.access().client("migrate")).await?;
                let id = id.ok_or_else(|| Failure::Refused("ClickHouse has no id".to_owned()))?;
                format!("isobar-{}-", id.get(..ID_IN_NAMES).unwrap_or(&id))
            }
            prefix => prefix.to_owned(),
        };
        stack.call(names(&theirs, &prefix, raw)?);
    }
    let cluster = stack.cluster();
    let there = Topics::of(&cluster)?.names()?;
    let is_new = !there.contains(&cluster.names.topics.enriched);
    if is_new && stack.clickhouse_is_theirs() {
        tables(stack).await?;
        refuse_rows_of_others(stack).await?;
    }
    Ok(())
}

/// Returns names with `prefix` for a pipeline on the user's Kafka.
fn names(theirs: &Cluster, prefix: &str, raw: &Raw) -> Result<Names, Failure> {
    let mut names = Names::with_prefix(prefix);
    let there = || Topics::of(theirs)?.names();
    match raw {
        Raw::Own => {}
        Raw::Theirs(Some(raw)) if there()?.contains(raw) => names.topics.raw.clone_from(raw),
        Raw::Theirs(Some(raw)) => {
            return Err(Failure::Refused(format!(
                "Kafka at {} has no topic {raw}",
                theirs.brokers
            )));
        }
        Raw::Theirs(None) => {
            let usual = &theirs.names.topics.raw;
            let usual = usual.strip_prefix(&theirs.names.prefix).unwrap_or(usual);
            if there()?.contains(usual) {
                usual.clone_into(&mut names.topics.raw);
            }
        }
    }
    Ok(names)
}

/// Refuses a database with rows of another pipeline. Rows are identified by partition and offset of their
/// log, so that rows of another log would be replaced or counted twice.
async fn refuse_rows_of_others(stack: &Stack) -> Result<(), Failure> {
    let client = stack.access().client("dashboard");
    let blocks = client.query("SELECT count() FROM blocks").fetch_one::<u64>().await;
    match blocks.context("ClickHouse")? {
        0 => Ok(()),
        blocks => Err(Failure::Refused(format!(
            "the database isobar at {} contains rows of another pipeline ({blocks} blocks), \
             and rows of new topics would overwrite them or count twice. Use a ClickHouse without \
             rows, or run the services with settings of their own",
            stack.access().url
        ))),
    }
}

/// Creates topics and tables. Existing topics of the user's own Kafka are not changed.
///
/// # Errors
/// If Kafka or ClickHouse does not answer, or refuses.
pub async fn prepare(stack: &Stack, progress: &impl Fn(&str)) -> Result<(), Failure> {
    if stack.their_kafka().is_none() {
        let least_hours = stack.trial().map_or(0, |trial| trial.topic_hours);
        let options = topics::Options { least_hours, ..topics::Options::default() };
        return prepare_as(stack, &options, progress).await;
    }
    progress("creating topics and tables");
    Topics::of(&stack.cluster())?.complete().await?;
    tables(stack).await
}

/// Creates the topics that `options` describe, and the tables.
///
/// # Errors
/// If Kafka or ClickHouse does not answer, or refuses.
pub async fn prepare_as(
    stack: &Stack,
    options: &topics::Options,
    progress: &impl Fn(&str),
) -> Result<(), Failure> {
    progress("creating topics and tables");
    let topics = Topics::of(&stack.cluster())?;
    let changes = topics.plan(options).await?;
    topics.apply(&changes, options).await?;
    tables(stack).await
}

async fn tables(stack: &Stack) -> Result<(), Failure> {
    let client = stack.access().client("migrate");
    migrate::apply(&client).await?;
    match stack.trial() {
        Some(trial) => retention::keep(&client, trial.kept_days).await,
        None => Ok(()),
    }
}
