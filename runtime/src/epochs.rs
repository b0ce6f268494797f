//! Leader epochs along a partition's log. They show whether the log lost its end after it was read.
//!
//! A partition's leader epoch rises with every election, and records keep the epoch in which they
//! were appended, so it never goes back along a log. Within an epoch a log only grows. So a commit
//! contains the epoch of the record before it. If, when the commit is read, the record at that
//! position has a later epoch, the record that was read there is lost and was replaced by another
//! one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use host::Health;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset as KafkaOffset, TopicPartitionList};

use crate::client::Listener;
use crate::native;
use crate::positions::Trouble;

/// Longest wait for a record of one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Partitions looked at together: each may answer with a whole batch.
const TOGETHER: usize = 8;
/// Number of offsets that are first searched before an offset. If there is no record among them
/// (markers of transactions, compaction), the number grows by this factor.
const FACTOR: i64 = 16;

/// Leader epochs of the records read from one partition, each with its first offset.
#[derive(Debug, Default)]
pub(crate) struct Epochs(Vec<(i64, i32)>);

impl Epochs {
    /// Adds a record's epoch and offset; a negative epoch is none.
    pub(crate) fn note(&mut self, offset: i64, epoch: i32) {
        if epoch >= 0 && self.0.last().is_none_or(|(_, last)| *last != epoch) {
            self.0.push((offset, epoch));
        }
    }

    /// Returns the epoch of the last record before `offset`, and drops earlier ones.
    pub(crate) fn before(&mut self, offset: i64) -> Option<i32> {
        let known = self.0.partition_point(|(first, _)| *first < offset);
        self.0.drain(..known.saturating_sub(1));
        self.0.first().filter(|(first, _)| *first < offset).map(|(_, epoch)| *epoch)
    }
}

/// Position and epoch of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: i64,
    pub(crate) appended_ms: Option<i64>,
    /// Leader epoch, if the broker gives one.
    pub(crate) epoch: Option<i32>,
}

/// A position in a partition's log, and the beginning of that log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) partition: i32,
    pub(crate) low: i64,
    pub(crate) offset: i64,
}

/// Returns the last record before each position in `topic`, by partition; none where there is none. Waits
/// at most [`TIMEOUT`] for each record; `health` receives a beat for each.
pub(crate) fn last_before(
    probe: &BaseConsumer<Listener>,
    health: &Health,
    topic: &str,
    places: &[Place],
) -> Result<BTreeMap<i32, Mark>, Trouble> {
    let mut found = BTreeMap::new();
    for places in places.chunks(TOGETHER) {
        let mut pending: Vec<Place> =
            places.iter().filter(|place| place.offset > place.low).copied().collect();
        let mut step = 1;
        while !pending.is_empty() {
            let from = |place: &Place| place.offset.saturating_sub(step).max(place.low);
            let starts: Vec<_> = pending.iter().map(|place| (*place, from(place))).collect();
            found.extend(read_up_to(probe, health, topic, &starts)?);
            pending
                .retain(|place| !found.contains_key(&place.partition) && from(place) > place.low);
            step *= FACTOR;
        }
    }
    Ok(found)
}

/// Reads each partition from its start to its position, and returns the last records before it. Partitions that
/// are read are given up at once: their logs go on, and what the client fetched of them would fill its queue and
/// delay the others.
fn read_up_to(
    probe: &BaseConsumer<Listener>,
    health: &Health,
    topic: &str,
    starts: &[(Place, i64)],
) -> Result<BTreeMap<i32, Mark>, Trouble> {
    let mut list = TopicPartitionList::with_capacity(starts.len());
    for (place, start) in starts {
        list.add_partition_offset(topic, place.partition, KafkaOffset::Offset(*start))?;
    }
    probe.assign(&list)?;
    let mut open: BTreeMap<i32, i64> =
        starts.iter().map(|(place, _)| (place.partition, place.offset)).collect();
    let mut last = BTreeMap::new();
    let mut deadline = Instant::now() + TIMEOUT;
    while !open.is_empty() && Instant::now() < deadline {
        let read = match probe.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                let Some(until) = open.get(&partition).copied() else { continue };
                if offset < until {
                    let appended_ms = message.timestamp().to_millis();
                    let epoch = native::leader_epoch_of(&message);
                    last.insert(partition, Mark { offset, appended_ms, epoch });
                }
                (offset + 1 >= until).then_some(partition)
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => Some(partition),
            Some(Err(error)) => return Err(error.into()),
            None => continue,
        };
        health.beat();
        deadline = Instant::now() + TIMEOUT;
        if let Some(partition) = read.filter(|partition| open.remove(partition).is_some()) {
            let mut list = TopicPartitionList::with_capacity(1);
            list.add_partition(topic, partition);
            probe.incremental_unassign(&list)?;
        }
    }
    match open.keys().next() {
        None => Ok(last),
        Some(partition) => Err(Trouble::Silence(format!(
            "{topic}/{partition} could not be read before its offset"
        ))),
    }
}

/// Returns the first offset in `low..high` of a partition whose record has a later epoch than `epoch`, by
/// binary search.
pub(crate) fn first_after(
    probe: &BaseConsumer<Listener>,
    health: &Health,
    topic: &str,
    place: Place,
    epoch: i32,
) -> Result<i64, Trouble> {
    let (mut low, mut high) = (place.low, place.offset);
    while low < high {
        let middle = low + (high - low) / 2;
        let up_to = Place { offset: middle + 1, ..place };
        let found = last_before(probe, health, topic, &[up_to])?.remove(&place.partition);
        match found.and_then(|mark| mark.epoch) {
            Some(other) if other > epoch => high = middle,
            _ => low = middle + 1,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    use service::Kafka;

    use super::*;
    use crate::client::probe;

    #[test]
    fn a_long_search_does_not_count_as_a_hanging_loop() {
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic("in", 1, 1).unwrap();
        let kafka = Kafka { brokers: broker.bootstrap_servers(), ..Kafka::default() };
        let mut config = ClientConfig::new();
        let producer: BaseProducer =
            config.set("bootstrap.servers", &kafka.brokers).create().unwrap();
        for _ in 0..40 {
            producer.send(BaseRecord::<(), str>::to("in").payload("any")).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        let probe = probe(&kafka).create_with_context(Listener::new(&kafka)).unwrap();
        let place = Place { partition: 0, low: 0, offset: 40 };
        let health = Health::hanging();
        // The mock broker has no epochs, so none is later.
        assert_eq!(first_after(&probe, &health, "in", place, 3).ok(), Some(40));
        assert_eq!(health.dead(), None);
        let health = Health::hanging();
        assert!(last_before(&probe, &health, "in", &[place]).is_ok_and(|found| found.len() == 1));
        assert_eq!(health.dead(), None);
    }

    /// The client would fetch the rest of a log that has been read, until its queue is full, and then nothing for
    /// a while, of the other partitions neither.
    #[test]
    fn a_partition_is_given_up_once_its_record_is_found() {
        const PARTITIONS: i32 = 8;
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic("in", PARTITIONS, 1).unwrap();
        let kafka = Kafka { brokers: broker.bootstrap_servers(), ..Kafka::default() };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &kafka.brokers).set("linger.ms", "0");
        let producer: BaseProducer = config.create().unwrap();
        let large = vec![7; 400_000];
        for _ in 0..12 {
            for partition in 0..PARTITIONS {
                let record = BaseRecord::<(), [u8]>::to("in").partition(partition).payload(&large);
                producer.send(record).unwrap();
            }
            producer.flush(TIMEOUT).unwrap();
        }
        let probe = probe(&kafka).create_with_context(Listener::new(&kafka)).unwrap();
        let place = |partition| Place { partition, low: 0, offset: 2 };
        let places: Vec<_> = (0..PARTITIONS).map(place).collect();
        let found = last_before(&probe, &Health::hanging(), "in", &places).ok().unwrap();
        assert!(found.len() == 8 && found.values().all(|mark| mark.offset == 1), "{found:?}");
        assert_eq!(probe.assignment().unwrap().count(), 0);
    }

    #[test]
    fn the_epoch_before_an_offset_is_that_of_the_last_record_before_it() {
        let mut epochs = Epochs::default();
        assert_eq!(epochs.before(5), None);
        for (offset, epoch) in [(5, 3), (6, 3), (7, 4), (8, -1), (9, 6)] {
            epochs.note(offset, epoch);
        }
        let before = [5, 6, 7, 8, 9, 10].map(|offset| epochs.before(offset));
        assert_eq!(before, [None, Some(3), Some(3), Some(4), Some(4), Some(6)]);
    }
}
