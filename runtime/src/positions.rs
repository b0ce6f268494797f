//! Start positions of partitions that were just assigned.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use host::Health;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset as KafkaOffset, TopicPartitionList};
use service::{
    Committed, Fatal, Handler, Input, Kafka, Offset, Partition, Recall, Refusal,
    RefusalReason as Reason, Source, Start, Topic,
};

use crate::client::{Listener, probe};
use crate::epochs::{Mark, Place, first_after, last_before};
use crate::failure::Failure;
use crate::group::GroupContext;
use crate::native;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Start position of a partition.
pub(crate) struct Position {
    pub(crate) source: Source,
    pub(crate) committed: Option<Committed>,
    /// Leader epoch of the commit.
    pub(crate) epoch: Option<i32>,
    pub(crate) start: KafkaOffset,
    /// Offset of the first record that is processed: the committed one, or the beginning of the log.
    pub(crate) next: Offset,
}

/// Reason why a position is not known.
pub(crate) enum Trouble {
    /// The cluster did not answer; retry.
    Silence(String),
    /// Reading cannot or must not continue.
    Failed(Failure),
}

impl From<KafkaError> for Trouble {
    fn from(error: KafkaError) -> Self {
        Self::Silence(error.to_string())
    }
}

impl From<Fatal> for Trouble {
    fn from(fatal: Fatal) -> Self {
        Self::Failed(fatal.into())
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.into())
    }
}

/// Resolver of start positions. It queries the cluster and the handler.
pub(crate) struct Positions<'a> {
    pub(crate) consumer: &'a BaseConsumer<GroupContext>,
    pub(crate) kafka: &'a Kafka,
    pub(crate) listener: &'a Listener,
    pub(crate) health: &'a Health,
    pub(crate) inputs: &'a [String],
    pub(crate) outputs: &'a [(Topic, String)],
    /// Created for the first partition with a look-back, and used for all others, because creating
    /// a client takes longer than using it.
    pub(crate) probe: Option<BaseConsumer<Listener>>,
}

/// State of an assigned partition before reading starts.
struct Found {
    source: Source,
    committed: Option<Committed>,
    /// Leader epoch of the record before the committed offset, when it was committed.
    epoch: Option<i32>,
    low: i64,
}

impl Positions<'_> {
    /// Returns the start positions of `partitions`, by topic and number.
    pub(crate) fn resolve(
        mut self,
        partitions: &[(String, i32)],
        handler: &dyn Handler,
    ) -> Result<Vec<Position>, Trouble> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let list = self.consumer.committed_offsets(list, TIMEOUT)?;
        let mut by_topic: BTreeMap<Input, Vec<Found>> = BTreeMap::new();
        for element in list.elements() {
            // Hundreds of partitions may take longer than the loop may go without a beat.
            self.health.beat();
            element.error()?;
            let (topic, partition) = (element.topic(), element.partition());
            let Some(input) = self.inputs.iter().position(|input| input == topic) else {
                continue;
            };
            let source = Source { input: Input(input), partition: Partition(partition) };
            let mut committed = match element.offset() {
                KafkaOffset::Offset(offset) => Some(Committed {
                    offset: Offset(offset),
                    metadata: native::metadata(&list, topic, partition),
                }),
                _ => None,
            };
            let mut epoch = native::leader_epoch(&list, topic, partition);
            if let Some(recalled) = self.recalled(source, committed.as_ref(), handler)? {
                (committed, epoch) = (Some(recalled), None);
            }
            if let Some(refusal) =
                committed.as_ref().and_then(|found| handler.refuses(source, found))
            {
                return Err(refusal.into());
            }
            let low = self.low(source, committed.as_ref(), handler)?;
            by_topic.entry(source.input).or_default().push(Found { source, committed, epoch, low });
        }
        let mut positions = Vec::with_capacity(partitions.len());
        for (input, found) in by_topic {
            self.health.beat();
            positions.extend(self.starts(input, found, handler)?);
        }
        Ok(positions)
    }

    /// Returns the offsets of the first record and of the next one to be appended.
    fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
        let marks = self.consumer.fetch_watermarks(topic, partition, TIMEOUT);
        marks.inspect_err(|_| {
            // A client that was created while a broker was away keeps the metadata of that time
            // until the next refresh, which may be five minutes later.
            let _ = self.consumer.fetch_metadata(None, TIMEOUT);
        })
    }

    /// Returns the state that the handler recalls from its output, if the commit does not define it.
    fn recalled(
        &mut self,
        source: Source,
        committed: Option<&Committed>,
        handler: &dyn Handler,
    ) -> Result<Option<Committed>, Trouble> {
        let Some((of, mut recall)) = handler.recalls(source, committed) else { return Ok(None) };
        let (inputs, outputs, partition) = (self.inputs, self.outputs, source.partition.0);
        let written = outputs.iter().find(|(topic, _)| *topic == of);
        let (_, written) =
            written.ok_or_else(|| Fatal::State(format!("{of:?} is no output of the service")))?;
        self.read_all(written, partition, &mut *recall)?;
        let (low, high) = self.watermarks(&inputs[source.input.0], partition)?;
        Ok(recall.conclude(Offset(low), Offset(high))?)
    }

    /// Passes all records of a partition to `recall`.
    fn read_all(
        &mut self,
        topic: &str,
        partition: i32,
        recall: &mut dyn Recall,
    ) -> Result<(), Trouble> {
        let (low, high) = self.watermarks(topic, partition)?;
        if low == high {
            return Ok(());
        }
        let health = self.health;
        let probe = self.probe()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, KafkaOffset::Offset(low))?;
        probe.assign(&list)?;
        let mut deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            match probe.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    recall.record(message.payload().unwrap_or_default());
                    if message.offset() + 1 >= high {
                        return Ok(());
                    }
                    deadline = Instant::now() + TIMEOUT;
                    health.beat();
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                Some(Err(error)) => return Err(error.into()),
                None => {}
            }
        }
        Err(Trouble::Silence(format!("{topic}/{partition} could not be read to its end")))
    }

    /// Returns the first offset of a partition's log, if the committed offset is in it.
    fn low(
        &self,
        source: Source,
        committed: Option<&Committed>,
        handler: &dyn Handler,
    ) -> Result<i64, Trouble> {
        let (topic, partition) = (self.inputs[source.input.0].as_str(), source.partition.0);
        let (low, high) = self.watermarks(topic, partition)?;
        match committed {
            None => {
                let refusal = handler.refuses_beginning(source, Offset(low));
                refusal.map_or(Ok(low), |refusal| Err(refusal.into()))
            }
            Some(found) if found.offset.0 < low => {
                Err(outside(topic, partition, found.offset.0, low, high).into())
            }
            Some(found) if found.offset.0 > high => {
                Err(shorter(topic, partition, found.offset.0, high).into())
            }
            Some(_) => Ok(low),
        }
    }

    /// Returns the start positions of partitions of one topic.
    fn starts(
        &mut self,
        input: Input,
        found: Vec<Found>,
        handler: &dyn Handler,
    ) -> Result<Vec<Position>, Trouble> {
        let starts: Vec<Start> = found
            .iter()
            .map(|one| handler.start(one.source, one.committed.as_ref()))
            .collect::<Result<_, Fatal>>()?;
        let wanted = |(one, start): (&Found, &Start)| {
            let looks_back = matches!(start, Start::LookBack { .. });
            let Committed { offset, .. } =
                one.committed.as_ref().filter(|_| looks_back || one.epoch.is_some())?;
            Some(Place { partition: one.source.partition.0, low: one.low, offset: offset.0 })
        };
        let places: Vec<Place> = found.iter().zip(&starts).filter_map(wanted).collect();
        let inputs = self.inputs;
        let health = self.health;
        let marks = match places.is_empty() {
            true => BTreeMap::new(),
            false => last_before(self.probe()?, health, &inputs[input.0], &places)?,
        };
        for place in &places {
            let known = found.iter().find(|one| one.source.partition.0 == place.partition);
            let mark = marks.get(&place.partition);
            if let (Some(before), Some(mark)) = (known.and_then(|one| one.epoch), mark)
                && let Some(refusal) =
                    replaced(self.probe()?, health, &inputs[input.0], *place, before, *mark)?
            {
                return Err(refusal.into());
            }
        }
        let position = |(Found { source, committed, epoch, low }, start)| {
            let mark = marks.get(&source.partition.0);
            let start = match (&committed, start, mark.and_then(|mark| mark.appended_ms)) {
                (None, ..) => KafkaOffset::Beginning,
                (Some(found), Start::LookBack { ms }, Some(appended)) => {
                    KafkaOffset::Offset(self.since(source, appended - ms, found.offset.0)?)
                }
                (Some(found), ..) => KafkaOffset::Offset(found.offset.0),
            };
            let next = committed.as_ref().map_or(Offset(low), |found| found.offset);
            Ok(Position { source, committed, epoch, start, next })
        };
        found.into_iter().zip(starts).map(position).collect()
    }

    /// Returns the reader of single records.
    fn probe(&mut self) -> Result<&BaseConsumer<Listener>, Trouble> {
        Ok(match &mut self.probe {
            Some(probe) => probe,
            none => none.insert(probe(self.kafka).create_with_context(self.listener.clone())?),
        })
    }

    /// Returns the first offset appended at or after a time, but at most `committed`.
    fn since(&self, source: Source, since_ms: i64, committed: i64) -> Result<i64, Trouble> {
        let mut list = TopicPartitionList::new();
        let since = KafkaOffset::Offset(since_ms.max(0));
        list.add_partition_offset(&self.inputs[source.input.0], source.partition.0, since)?;
        let list = self.consumer.offsets_for_times(list, TIMEOUT)?;
        let found = list.elements().iter().find_map(|found| match found.offset() {
            KafkaOffset::Offset(offset) => Some(offset.min(committed)),
            _ => None,
        });
        Ok(found.unwrap_or(committed))
    }
}

/// Returns a refusal if the record before a position, `mark`, has a later leader epoch than the one that was
/// read there, `before`: it is another record.
pub(crate) fn replaced(
    probe: &BaseConsumer<Listener>,
    health: &Health,
    topic: &str,
    place: Place,
    before: i32,
    mark: Mark,
) -> Result<Option<Refusal>, Trouble> {
    let Some(now) = mark.epoch.filter(|now| *now > before) else { return Ok(None) };
    let first = first_after(probe, health, topic, place, before)?;
    let Place { partition, offset, .. } = place;
    let text = format!(
        "{topic}/{partition}: Kafka lost the end of the log: the record before offset {offset} was \
         appended in leader epoch {now}, and what was read there in {before}. The records from \
         {first} to {} were never read, and would never be: {RECOVER}",
        offset - 1
    );
    Ok(Some(Refusal::new(Reason::LostTail, text)))
}

/// Advice for a log that lost its end.
const RECOVER: &str = "docs/reference/exit-codes.md describes under 92 how to read them";

/// Advice for records that were deleted before they were read. Setting only this group's offset would skip
/// records that the earlier topic still has.
pub(crate) const SET_BACK: &str = "docs/reference/exit-codes.md says under 80 which groups to set back, \
                                   so that nothing is lost that a topic before it still holds";

fn outside(topic: &str, partition: i32, committed: i64, low: i64, high: i64) -> Refusal {
    let text = format!(
        "{topic}/{partition}: the committed offset {committed} is not in the log, which has \
         {low} to {high}. Records were deleted before they were read, or the topic was created \
         anew. If they were deleted, {SET_BACK}; if it was created anew, it says under 81 how to go on"
    );
    Refusal::new(Reason::OffsetGone, text)
}

/// Returns the refusal for a log that ends before the committed offset.
pub(crate) fn shorter(topic: &str, partition: i32, offset: i64, high: i64) -> Refusal {
    let text = format!(
        "{topic}/{partition}: Kafka lost the end of the log: it ends at {high}, and was read up to \
         {offset}. What is written from {high} on would be taken for what was read there: {RECOVER}"
    );
    Refusal::new(Reason::LostTail, text)
}
