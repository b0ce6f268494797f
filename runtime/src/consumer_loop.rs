//! The consumer loop. It runs on one thread, so that all steps have one order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use host::Health;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use service::{
    Commit, Fatal, Kafka, Limits, Output as _, Pace, Refusal, RefusalReason as Reason, Source,
    Topics, failpoints,
};

use crate::binding::Binding;
use crate::client::{Listener, member};
use crate::failure::Failure;
use crate::flow::Flow;
use crate::group::GroupContext;
use crate::liveness::Liveness;
use crate::memory_limit::MemoryLimit;
use crate::metrics::Metrics;
use crate::quota::Quota;
use crate::topic_ids::TopicIds;

mod assignments;
mod commits;
mod errors;
mod stalls;

const TICK: Duration = Duration::from_millis(100);
/// Time without a record after which the input counts as idle.
const DRY: Duration = Duration::from_millis(50);
/// Age of a record from which on there is a backlog.
const BACKLOG: Duration = Duration::from_secs(20);
/// Longest time without polling the client.
const HOLD: Duration = Duration::from_secs(1);
/// Interval of polls for acknowledgements while nothing is read.
const PAUSED: Duration = Duration::from_millis(5);
/// Records between two readings of the clock.
const BATCH: usize = 512;
/// Interval between two checks of the topics' ids.
const SAME_TOPICS: Duration = Duration::from_secs(20);
/// Interval between two checks of the numbers of partitions.
const SAME_PARTITIONS: Duration = Duration::from_secs(5);
/// Time for the last commit, also after the deadline.
const LAST_COMMIT: Duration = Duration::from_secs(2);

/// Result of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// All records that were read are written and committed.
    Clean,
    /// The deadline passed first: some records will be read again.
    Late,
}

/// The loop: reads records, calls the handler, commits what is acknowledged.
pub(crate) struct ConsumerLoop {
    consumer: BaseConsumer<GroupContext>,
    flow: Flow,
    kafka: Kafka,
    listener: Listener,
    health: Arc<Health>,
    metrics: Metrics,
    ids: TopicIds,
    topics: Topics,
    /// Time since which the numbers of partitions are known to differ.
    unequal: Option<Instant>,
    next_partitions: Instant,
    liveness: Liveness,
    /// Number of answers of the group's coordinator at the last progress.
    progress: u64,
    /// Time spent waiting for Kafka without an answer since the last check.
    unanswered: Duration,
    quota: Option<Quota>,
    memory: MemoryLimit,
    started: Instant,
    next_tick: Instant,
    next_commit: Instant,
    next_ids: Instant,
    joined: bool,
    /// An assignment that is still to be processed, and the time of the next attempt.
    assigned: Option<(Vec<(String, i32)>, Instant)>,
    /// Time since which nothing is read.
    held: Option<Instant>,
    /// True if the client is paused.
    paused: bool,
    dry: bool,
    /// The newest commit of each partition, kept because a commit that failed is repeated whole.
    commits: BTreeMap<Source, Commit>,
    uncommitted: bool,
    /// The commit in progress.
    committing: Vec<Commit>,
    /// State of the binding of the assigned partitions.
    binding: Binding,
}

impl ConsumerLoop {
    pub(crate) fn new(
        flow: Flow,
        kafka: &Kafka,
        listener: Listener,
        health: Arc<Health>,
        metrics: Metrics,
        ids: TopicIds,
        limits: &Limits,
    ) -> Result<Self, Fatal> {
        let consumer = join(kafka, &flow.inputs, &listener, &metrics)?;
        let topics = Topics { inputs: flow.inputs.clone(), outputs: flow.writer.topics().to_vec() };
        let now = Instant::now();
        Ok(Self {
            consumer,
            flow,
            kafka: kafka.clone(),
            listener,
            health,
            metrics,
            ids,
            liveness: Liveness::new(limits.stall(), kafka, &topics),
            topics,
            unequal: None,
            next_partitions: now + SAME_PARTITIONS,
            progress: 0,
            unanswered: Duration::ZERO,
            quota: Quota::new(limits),
            memory: MemoryLimit::new(limits),
            started: now,
            next_tick: now,
            next_commit: now,
            next_ids: now + SAME_TOPICS,
            joined: false,
            assigned: None,
            held: None,
            paused: false,
            dry: false,
            commits: BTreeMap::new(),
            uncommitted: false,
            committing: Vec::new(),
            binding: Binding::default(),
        })
    }

    /// Runs until a signal, then drains for at most `deadline`. Drains as well when too much is
    /// dead-lettered: letters that are committed are not written again, and changed settings apply
    /// to the next record.
    pub(crate) fn run(&mut self, deadline: Duration) -> Result<Drained, Failure> {
        while !self.health.stopping() {
            match self.round() {
                Err(Failure::Refused(refusal)) if refusal.reason == Reason::TooManyDeadLetters => {
                    if let Err(fatal) = self.drain(Instant::now() + deadline) {
                        tracing::warn!("processed records could not be committed: {fatal}");
                    }
                    return Err(refusal.into());
                }
                outcome => outcome?,
            }
        }
        Ok(self.drain(Instant::now() + deadline)?)
    }

    fn round(&mut self) -> Result<(), Failure> {
        self.flow.writer.serve()?;
        self.rebalance()?;
        self.tick()?;
        self.commit();
        self.bind()?;
        self.hold_back()?;
        self.read()
    }

    fn tick(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        if now < self.next_tick {
            return Ok(());
        }
        self.next_tick = now + TICK;
        self.health.beat();
        self.watch_over_clients(now)?;
        self.health.set_waits_for(self.waits_for());
        self.flow.publish_positions();
        let now_ms = u64::try_from((now - self.started).as_millis()).unwrap_or(u64::MAX);
        if !self.paused {
            self.go_on()?;
        }
        self.ids.refresh();
        self.same_topics(now)?;
        self.same_partitions(now)?;
        self.memory.look(now);
        self.flow.writer.press(self.memory.is_over());
        if let Some(quota) = &mut self.quota
            && let Some(text) =
                quota.exceeded(now_ms, self.flow.taken, self.flow.writer.letters.total)
        {
            return Err(Refusal::new(Reason::TooManyDeadLetters, text).into());
        }
        Ok(self.flow.handler.tick(now_ms, self.pace(), &mut self.flow.writer)?)
    }

    fn pace(&self) -> Pace {
        if self.dry {
            Pace::Idle
        } else if self.flow.waited(SystemTime::now()) >= BACKLOG {
            Pace::Behind
        } else {
            Pace::Live
        }
    }

    fn waits_for(&self) -> Option<String> {
        if let Some(reason) = self.liveness.down() {
            return Some(format!("{}: {reason}", self.listener.cluster()));
        }
        if self.listener.is_away() {
            return Some(self.listener.away());
        }
        if !self.joined {
            return Some("its place in the group".to_owned());
        }
        self.flow.handler.waits_for()
    }

    /// Pauses reading while too much is in flight or the handler waits for a commit. A paused
    /// client drops the records that it has fetched. So there is a distance between the thresholds
    /// for pausing and resuming, and short holds do not pause the client.
    fn hold_back(&mut self) -> Result<(), Fatal> {
        let writer = &self.flow.writer;
        let waits = self.flow.handler.holds_back() || self.binding.is_open();
        let holds = waits || writer.congested() || (self.held.is_some() && !writer.is_relieved());
        self.metrics.paused.set(i64::from(holds));
        if !holds {
            self.held = None;
            return if std::mem::take(&mut self.paused) { self.go_on() } else { Ok(()) };
        }
        let since = *self.held.get_or_insert_with(Instant::now);
        // The result of a commit arrives by polling, and polling a client that is not paused would
        // return records.
        if !self.paused && (waits || since.elapsed() >= HOLD) {
            self.pause()?;
            self.paused = true;
        }
        Ok(())
    }

    /// Resumes all partitions. Repeated at every tick, because the client may miss a request while it starts
    /// to fetch. Without effect if it is not paused.
    fn go_on(&self) -> Result<(), Fatal> {
        let list = self.consumer.assignment().map_err(kafka_error)?;
        self.consumer.resume(&list).map_err(kafka_error)
    }

    /// Pauses all partitions.
    fn pause(&self) -> Result<(), Fatal> {
        let list = self.consumer.assignment().map_err(kafka_error)?;
        self.consumer.pause(&list).map_err(kafka_error)
    }

    /// Reads a batch; waits only while there is nothing to read.
    fn read(&mut self) -> Result<(), Failure> {
        if self.held.is_some() && !self.paused {
            thread::sleep(PAUSED);
            return Ok(());
        }
        let begun = Instant::now();
        let mut wait = if self.paused { PAUSED } else { DRY };
        for _ in 0..BATCH {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => self.flow.record(&message)?,
                Some(Err(error)) => self.failed_read(&error)?,
                None => break,
            }
            wait = Duration::ZERO;
        }
        // The client returns early after a callback, so an empty poll does not mean that the input is empty.
        let nothing = !wait.is_zero() && !self.paused && (self.dry || begun.elapsed() >= DRY);
        if nothing && !self.dry {
            self.next_tick = begun;
        }
        self.dry = nothing;
        Ok(())
    }

    /// Shuts down: writes pending records, waits for acknowledgements, commits. Reads nothing more.
    fn drain(&mut self, deadline: Instant) -> Result<Drained, Fatal> {
        tracing::info!("stopping");
        failpoints::pass(failpoints::DRAINING);
        self.health.set_waits_for(Some("its end".to_owned()));
        let _ = self.pause();
        self.flow.handler.drain(&mut self.flow.writer)?;
        let mut settled = false;
        while !settled && Instant::now() < deadline {
            // Polls for the outcome of a commit, not for a message.
            let _ = self.consumer.poll(PAUSED);
            self.flow.writer.serve()?;
            self.commit();
            let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            if Instant::now() >= self.next_tick {
                self.next_tick = Instant::now() + TICK;
                self.health.beat();
                self.flow.handler.tick(now_ms, Pace::Idle, &mut self.flow.writer)?;
            }
            settled = self.flow.handler.drained() && self.flow.writer.ledger.is_settled();
        }
        let committed = self.commit_last(deadline.max(Instant::now() + LAST_COMMIT));
        Ok(if settled && committed { Drained::Clean } else { Drained::Late })
    }
}

/// Returns a consumer that subscribes to `inputs`.
fn join(
    kafka: &Kafka,
    inputs: &[String],
    listener: &Listener,
    metrics: &Metrics,
) -> Result<BaseConsumer<GroupContext>, Fatal> {
    let context = GroupContext::new(listener.clone(), metrics);
    let consumer: BaseConsumer<GroupContext> =
        BaseConsumer::from_config_and_context(&member(kafka), context).map_err(kafka_error)?;
    let inputs = inputs.iter().map(String::as_str).collect::<Vec<_>>();
    consumer.subscribe(&inputs).map_err(kafka_error)?;
    Ok(consumer)
}

fn kafka_error(error: KafkaError) -> Fatal {
    Fatal::failed("kafka", error)
}

#[cfg(test)]
mod tests;
