//! Callbacks of the consumer group: assignments, results of commits, answers of the coordinator.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus::IntCounter;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Statistics, TopicPartitionList};

use crate::client::Listener;
use crate::metrics::Metrics;

/// A change of the assignment, for the loop to process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rebalance {
    /// These partitions (topic, number) are assigned. Reading waits for their start offsets.
    Assigned(Vec<(String, i32)>),
    /// All partitions are revoked.
    Revoked,
}

/// Stores what the client's callbacks report until the loop reads it.
pub(crate) struct GroupContext {
    listener: Listener,
    rebalances: Mutex<VecDeque<Rebalance>>,
    commits_under_way: AtomicUsize,
    commit_failed: AtomicBool,
    commits: IntCounter,
    commit_failures: IntCounter,
    /// Outcomes of rebalances.
    outcomes: AtomicU64,
    /// Answers of the group's coordinator.
    answers: AtomicU64,
}

impl GroupContext {
    pub(crate) fn new(listener: Listener, metrics: &Metrics) -> Self {
        Self {
            listener,
            rebalances: Mutex::default(),
            commits_under_way: AtomicUsize::new(0),
            commit_failed: AtomicBool::new(false),
            commits: metrics.commits.clone(),
            commit_failures: metrics.commit_failures.clone(),
            outcomes: AtomicU64::new(0),
            answers: AtomicU64::new(0),
        }
    }

    pub(crate) fn next_rebalance(&self) -> Option<Rebalance> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Returns a number that changes with every answer of the coordinator and every rebalance.
    pub(crate) fn progress(&self) -> u64 {
        self.outcomes.load(Ordering::Relaxed) + self.answers.load(Ordering::Relaxed)
    }

    fn push(&self, rebalance: Rebalance) {
        self.outcomes.fetch_add(1, Ordering::Relaxed);
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push_back(rebalance);
    }

    /// Records that an asynchronous commit was started.
    pub(crate) fn commit_started(&self) {
        self.commits_under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns true while the result of a commit is pending.
    pub(crate) fn is_committing(&self) -> bool {
        self.commits_under_way.load(Ordering::Relaxed) > 0
    }

    /// Returns true if a commit failed and none was started since.
    pub(crate) fn commit_has_failed(&self) -> bool {
        self.commit_failed.load(Ordering::Relaxed)
    }

    /// Returns true if a commit failed since the last call.
    pub(crate) fn take_commit_failed(&self) -> bool {
        self.commit_failed.swap(false, Ordering::Relaxed)
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.listener.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.listener.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.listener.set_away(!statistics.brokers.values().any(|broker| broker.state == "UP"));
        // The coordinator is the only broker that is not named by its address.
        let coordinator = statistics.brokers.values().filter(|broker| broker.source == "logical");
        self.answers.store(coordinator.map(|broker| broker.rx).sum(), Ordering::Relaxed);
    }
}

impl ConsumerContext for GroupContext {
    /// Only stores the assignment: start offsets require requests to the cluster, and only the loop calls the
    /// handler. The client does not read before it has start offsets.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let list = partitions.elements();
            let list = list.iter().map(|one| (one.topic().to_owned(), one.partition()));
            self.push(Rebalance::Assigned(list.collect()));
        } else {
            // A partition that is paused at its revocation is still paused at its next assignment,
            // and the client may ignore a request to resume it just after that (librdkafka issues
            // 1849 and 5591).
            let resumed = consumer.assignment().and_then(|list| consumer.resume(&list));
            if let Err(error) = resumed {
                tracing::debug!("partitions could not be resumed: {error}");
            }
            if let Err(error) = consumer.unassign() {
                tracing::warn!("partitions could not be given back: {error}");
            }
            self.push(Rebalance::Revoked);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        self.commits_under_way.fetch_sub(1, Ordering::Relaxed);
        match result {
            Ok(()) => self.commits.inc(),
            Err(error) => {
                self.commit_failures.inc();
                self.commit_failed.store(true, Ordering::Relaxed);
                tracing::debug!("a commit failed and will be tried again: {error}");
            }
        }
    }
}
