//! Assignments of partitions, and the conditions on groups and topics that must hold for them.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use service::{Handler, Output as _, Source, Topics};

use super::{ConsumerLoop, SAME_PARTITIONS, SAME_TOPICS};
use crate::binding::{self, Binding};
use crate::failure::Failure;
use crate::group::Rebalance;
use crate::positions::{Positions, Trouble};
use crate::topic_ids::Doubt;
use crate::topology::Counts;

/// Interval of attempts to start reading. A new cluster is ready within a second.
const RETRY: Duration = Duration::from_millis(100);
/// Longest time that one attempt to start reading counts as a wait for Kafka: that of two requests. If
/// it took longer, the process may have been stopped meanwhile.
const UNANSWERED: Duration = Duration::from_secs(10);
/// Time that an operator has to add partitions to all topics.
const UNEQUAL: Duration = Duration::from_secs(10);

impl ConsumerLoop {
    /// Processes assignments. One whose offsets the cluster does not return is tried again.
    pub(super) fn rebalance(&mut self) -> Result<(), Failure> {
        while let Some(change) = self.consumer.context().next_rebalance() {
            self.drop_partitions();
            self.assigned = match change {
                Rebalance::Assigned(partitions) => Some((partitions, Instant::now())),
                Rebalance::Revoked => None,
            };
        }
        let Some((partitions, retry)) = self.assigned.take() else {
            return Ok(());
        };
        if Instant::now() < retry {
            self.assigned = Some((partitions, retry));
            return Ok(());
        }
        let asked = Instant::now();
        match self.start_reading(&partitions) {
            Ok(()) => Ok(()),
            Err(Trouble::Failed(failure)) => Err(failure),
            Err(Trouble::Silence(reason)) => {
                self.unanswered += asked.elapsed().min(UNANSWERED);
                self.listener.waits_for(&format!("offsets to start from: {reason}"));
                self.assigned = Some((partitions, Instant::now() + RETRY));
                Ok(())
            }
        }
    }

    /// Drops the state and the pending commits of all partitions.
    pub(super) fn drop_partitions(&mut self) {
        self.flow.revoke();
        self.commits.clear();
        self.committing.clear();
        self.uncommitted = false;
        self.binding = Binding::default();
        self.joined = false;
        self.assigned = None;
        self.metrics.assigned.set(0);
    }

    fn start_reading(&mut self, partitions: &[(String, i32)]) -> Result<(), Trouble> {
        match self.ids.check() {
            Ok(()) => {}
            Err(Doubt::Silence(reason)) => return Err(Trouble::Silence(reason)),
            Err(Doubt::Refused(refusal)) => return Err(refusal.into()),
        }
        // Each of these may take seconds while Kafka is slow.
        self.health.beat();
        let counts = self.ids.counts(&self.topics)?;
        if let Some(refusal) = counts.unequal() {
            return Err(Trouble::Silence(refusal.text));
        }
        count_partitions(&mut *self.flow.handler, &self.topics, &counts);
        self.health.beat();
        let binding = self.flow.handler.binding();
        if binding.is_some() {
            binding::look(&self.consumer, &self.flow.inputs, &*self.flow.handler)?;
        }
        self.health.beat();
        self.flow.writer.learn_partitions()?;
        self.health.beat();
        let resolved = Positions {
            consumer: &self.consumer,
            kafka: &self.kafka,
            listener: &self.listener,
            health: &self.health,
            inputs: &self.flow.inputs,
            outputs: self.flow.writer.topics(),
            probe: None,
        }
        .resolve(partitions, &*self.flow.handler)?;
        let mut list = TopicPartitionList::with_capacity(resolved.len());
        for position in &resolved {
            let Source { input, partition } = position.source;
            list.add_partition_offset(&self.flow.inputs[input.0], partition.0, position.start)?;
            self.flow.assign(position)?;
            if let Some(binding) = &binding {
                self.flow.writer.checkpoint(position.source, position.next, binding);
            }
        }
        if binding.is_some() {
            let sources = resolved.iter().map(|position| position.source);
            self.binding = Binding::of(sources, Instant::now());
        }
        self.consumer.assign(&list)?;
        self.joined = true;
        self.held = None;
        self.paused = false;
        self.metrics.paused.set(0);
        self.metrics.rebalances.inc();
        self.metrics.assigned.set(i64::try_from(resolved.len()).unwrap_or(i64::MAX));
        tracing::info!(partitions = self.flow.partitions(), "assigned");
        Ok(())
    }

    /// Checks that the other members write to the same destination, before the first record of an assignment
    /// and regularly afterwards.
    pub(super) fn bind(&mut self) -> Result<(), Failure> {
        if !self.joined || !self.binding.is_due(Instant::now()) || self.listener.is_away() {
            return Ok(());
        }
        match binding::look(&self.consumer, &self.flow.inputs, &*self.flow.handler) {
            Ok(()) => self.binding.looked(Instant::now()),
            Err(Trouble::Failed(failure)) => return Err(failure),
            Err(Trouble::Silence(reason)) => {
                self.listener.waits_for(&format!("what the group has committed: {reason}"));
            }
        }
        Ok(())
    }

    /// Checks that the input topics were not deleted and created again. The client does not detect
    /// this if the new topic has at least as many records: it continues at the old offset.
    pub(super) fn same_topics(&mut self, now: Instant) -> Result<(), Failure> {
        if !self.joined || now < self.next_ids || self.listener.is_away() {
            return Ok(());
        }
        self.next_ids = now + SAME_TOPICS;
        match self.ids.check() {
            Ok(()) | Err(Doubt::Silence(_)) => Ok(()),
            Err(Doubt::Refused(refusal)) => Err(refusal.into()),
        }
    }

    /// Checks the numbers of partitions, which may be added while the process runs. Records are written to the
    /// partition number that was read, so all topics need the same number.
    pub(super) fn same_partitions(&mut self, now: Instant) -> Result<(), Failure> {
        if now < self.next_partitions || self.listener.is_away() {
            return Ok(());
        }
        self.next_partitions = now + SAME_PARTITIONS;
        let Ok(counts) = self.ids.counts(&self.topics) else { return Ok(()) };
        count_partitions(&mut *self.flow.handler, &self.topics, &counts);
        match counts.unequal() {
            None => self.unequal = None,
            Some(refusal) => {
                if now - *self.unequal.get_or_insert(now) >= UNEQUAL {
                    return Err(refusal.into());
                }
            }
        }
        Ok(())
    }
}

/// Passes the number of partitions of the first input to the handler.
fn count_partitions(handler: &mut dyn Handler, topics: &Topics, counts: &Counts<'_>) {
    if let Some(count) = topics.inputs.first().and_then(|input| counts.of(input)) {
        handler.topic_has(count);
    }
}
