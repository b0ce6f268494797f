//! The whole of Isobar on one machine: stack, topics, tables and services.

use std::time::Duration;

use crate::failure::Failure;
use crate::migrate;
use crate::services::{Services, Surroundings};
use crate::stack::{Ended, Plan, Stack};
use crate::topics::{self, Topics};

/// Kafka's first assignment and ClickHouse's first insert included.
const READY: Duration = Duration::from_secs(90);

/// A running pipeline. Dropped, it ends from its head to its foundation.
#[derive(Debug)]
pub struct Pipeline {
    /// The four services.
    pub services: Services,
    /// Kafka and ClickHouse.
    pub stack: Stack,
}

impl Pipeline {
    /// Starts everything and waits until it works; `tell` hears what is being done.
    ///
    /// # Errors
    /// Says what does not start, and where to look.
    pub async fn start(plan: Plan, tell: impl Fn(&str)) -> Result<Self, Failure> {
        tell("starting Kafka and ClickHouse");
        let stack = Stack::start(plan)?;
        prepare(&stack, &tell).await?;
        tell("starting ingest, enrich, aggregate and sink");
        let services = Services::start(&Surroundings::of(&stack), stack.guard())?;
        services.wait(READY)?;
        Ok(Self { services, stack })
    }

    /// One look at everything; who has ended by itself since the last one.
    pub fn look(&mut self) -> Vec<Ended> {
        let mut ended = self.stack.look();
        ended.extend(self.services.news());
        ended
    }
}

/// Creates topics and tables. Of somebody's own Kafka, nothing that is there is changed.
///
/// # Errors
/// If Kafka or ClickHouse does not answer, or refuses.
pub async fn prepare(stack: &Stack, tell: &impl Fn(&str)) -> Result<(), Failure> {
    let Some(theirs) = stack.their_kafka() else {
        return prepare_as(stack, &topics::Options::default(), tell).await;
    };
    tell("creating topics and tables");
    Topics::of(theirs)?.complete().await?;
    tables(stack).await
}

/// Creates topics as `options` say, and tables.
///
/// # Errors
/// If Kafka or ClickHouse does not answer, or refuses.
pub async fn prepare_as(
    stack: &Stack,
    options: &topics::Options,
    tell: &impl Fn(&str),
) -> Result<(), Failure> {
    tell("creating topics and tables");
    let topics = Topics::of(&stack.cluster())?;
    let changes = topics.plan(options).await?;
    topics.apply(&changes, options).await?;
    tables(stack).await
}

async fn tables(stack: &Stack) -> Result<(), Failure> {
    migrate::apply(&stack.access().client("migrate")).await.map(|_| ())
}
