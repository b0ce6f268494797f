//! Binding of a group to the destination outside Kafka that its members write to, by the metadata of their
//! commits.
//!
//! A member commits its binding for every assigned partition, then checks the commits of all
//! partitions, and only then reads. If two members with different bindings join at the same time,
//! at least one of them reads the other's commit.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use service::{Committed, Handler, Input, Offset, Partition, Source};

use crate::group::GroupContext;
use crate::native;
use crate::positions::Trouble;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Interval between two checks of the group while it is read.
const LOOK: Duration = Duration::from_secs(20);

/// State of the binding in the present assignment.
#[derive(Debug, Default)]
pub(crate) struct Binding {
    /// Partitions whose first commit is not confirmed.
    unconfirmed: BTreeSet<Source>,
    /// Time of the next check of the group; none for a service without a binding.
    next_look: Option<Instant>,
    /// True if the group was checked after the first commits were confirmed.
    bound: bool,
}

impl Binding {
    /// Returns the state of a new assignment, in which `sources` are committed first.
    pub(crate) fn of(sources: impl Iterator<Item = Source>, now: Instant) -> Self {
        Self { unconfirmed: sources.collect(), next_look: Some(now), bound: false }
    }

    /// Records that the commit for `source` is confirmed.
    pub(crate) fn committed(&mut self, source: Source) {
        self.unconfirmed.remove(&source);
    }

    /// Returns true while nothing may be read.
    pub(crate) const fn is_open(&self) -> bool {
        self.next_look.is_some() && !self.bound
    }

    /// Returns true if the group is to be checked.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.unconfirmed.is_empty() && self.next_look.is_some_and(|next| next <= now)
    }

    /// Records that the group was checked and has the same binding.
    pub(crate) fn looked(&mut self, now: Instant) {
        self.bound = true;
        self.next_look = Some(now + LOOK);
    }
}

/// Calls `handler` with the commits of all partitions of `inputs`.
pub(crate) fn look(
    consumer: &BaseConsumer<GroupContext>,
    inputs: &[String],
    handler: &dyn Handler,
) -> Result<(), Trouble> {
    let mut list = TopicPartitionList::new();
    for topic in inputs {
        let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            list.add_partition(topic, partition.id());
        }
    }
    let list = consumer.committed_offsets(list, TIMEOUT)?;
    for element in list.elements() {
        element.error()?;
        let (topic, number) = (element.topic(), element.partition());
        let input = inputs.iter().position(|input| input == topic);
        let (Some(input), KafkaOffset::Offset(offset)) = (input, element.offset()) else {
            continue;
        };
        let metadata = native::metadata(&list, topic, number);
        let source = Source { input: Input(input), partition: Partition(number) };
        let committed = Committed { offset: Offset(offset), metadata };
        if let Some(refusal) = handler.refuses_group(source, &committed) {
            return Err(refusal.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_starts_after_first_commits_and_a_later_check_of_the_group() {
        let now = Instant::now();
        let source = |number| Source { input: Input(0), partition: Partition(number) };
        let mut binding = Binding::of([source(0), source(1)].into_iter(), now);
        binding.committed(source(0));
        assert!(binding.is_open() && !binding.is_due(now));
        binding.committed(source(1));
        assert!(binding.is_open() && binding.is_due(now));
        binding.looked(now);
        assert!(!binding.is_open() && !binding.is_due(now));
        assert!(binding.is_due(now + LOOK) && !binding.is_open(), "looks are repeated");
    }

    #[test]
    fn a_service_that_is_bound_to_nothing_waits_for_nothing() {
        let binding = Binding::default();
        assert!(!binding.is_open() && !binding.is_due(Instant::now()));
    }
}
