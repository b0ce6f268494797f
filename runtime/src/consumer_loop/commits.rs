//! Commits of offsets: one at a time and asynchronous. A failed commit is repeated as a whole.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use service::{Commit, failpoints};

use super::{ConsumerLoop, DRY};
use crate::native;

const COMMIT: Duration = Duration::from_millis(500);
/// Interval of commits while the handler waits for one.
const COMMIT_SOON: Duration = Duration::from_millis(20);

impl ConsumerLoop {
    /// Commits the offsets that may be committed, and processes the result of the last commit.
    pub(super) fn commit(&mut self) {
        let now = Instant::now();
        if self.flow.handler.awaits_commit() || self.binding.is_open() {
            self.next_commit = self.next_commit.min(now + COMMIT_SOON);
        }
        if now < self.next_commit {
            return;
        }
        self.next_commit = now + COMMIT;
        for commit in self.flow.writer.ledger.take_commits() {
            self.commits.insert(commit.source, commit);
            self.uncommitted = true;
        }
        let context = self.consumer.context();
        if context.is_committing() {
            return;
        }
        let failed = context.take_commit_failed();
        let committed = std::mem::take(&mut self.committing).into_iter();
        for commit in committed.filter(|_| !failed) {
            failpoints::pass(failpoints::COMMITTED);
            self.flow.handler.committed(&commit);
            self.binding.committed(commit.source);
        }
        self.uncommitted |= failed;
        // The failed commit may belong to revoked partitions.
        self.uncommitted &= !self.commits.is_empty();
        if !self.uncommitted {
            return;
        }
        failpoints::pass(failpoints::COMMITTING);
        match self.commit_list().and_then(|list| native::commit(&self.consumer, &list)) {
            Ok(()) => {
                self.consumer.context().commit_started();
                self.committing = self.commits.values().cloned().collect();
                self.uncommitted = false;
            }
            Err(error) => tracing::debug!("a commit could not be started: {error}"),
        }
    }

    fn commit_list(&mut self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(self.commits.len());
        for Commit { source, offset, metadata } in self.commits.values() {
            let (topic, partition) = (self.flow.inputs[source.input.0].clone(), source.partition.0);
            let mut element = list.add_partition(&topic, partition);
            element.set_offset(rdkafka::Offset::Offset(offset.0))?;
            if !metadata.is_empty() {
                element.set_metadata(metadata);
            }
            if let Some(epoch) = self.flow.epoch_before(*source, *offset) {
                native::set_leader_epoch(&mut list, &topic, partition, epoch);
            }
        }
        Ok(list)
    }

    /// Commits with retries until all is committed or the deadline passes. Asynchronous, because
    /// a synchronous commit knows no deadline.
    pub(super) fn commit_last(&mut self, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            self.next_commit = Instant::now();
            self.commit();
            let _ = self.consumer.poll(DRY);
            let context = self.consumer.context();
            if !self.uncommitted && !context.is_committing() && !context.commit_has_failed() {
                return true;
            }
        }
        false
    }
}
