//! Where reading starts in partitions that were just assigned.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset as KafkaOffset, TopicPartitionList};

use crate::client::{Listener, probe};
use crate::group::GroupContext;
use crate::handler::{Committed, Fatal, Handler, Start};
use crate::health::Health;
use crate::native;
use crate::record::{Input, Offset, Partition, Source};
use crate::refusal::{Failure, Reason, Refusal};
use crate::settings::Kafka;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where reading starts in a partition.
pub(crate) struct Position {
    pub(crate) source: Source,
    pub(crate) committed: Option<Committed>,
    pub(crate) start: KafkaOffset,
}

/// Why a position is not known.
pub(crate) enum Trouble {
    /// The cluster did not answer; ask again.
    Silence(String),
    /// Reading on would be wrong, or cannot be.
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

/// Asks the cluster, and the handler, where to start.
pub(crate) struct Positions<'a> {
    pub(crate) consumer: &'a BaseConsumer<GroupContext>,
    pub(crate) kafka: &'a Kafka,
    pub(crate) listener: &'a Listener,
    pub(crate) health: &'a Health,
    pub(crate) inputs: &'a [String],
    /// Made for the first partition that is looked back in. It serves all of them: a client takes
    /// longer to make than to use.
    pub(crate) probe: Option<BaseConsumer<Listener>>,
}

impl Positions<'_> {
    /// Positions in `partitions`, by topic and number.
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
        let mut positions = Vec::with_capacity(partitions.len());
        for element in list.elements() {
            // Hundreds of partitions may take longer than a loop may be silent.
            self.health.beat();
            element.error()?;
            let Some(input) = self.inputs.iter().position(|input| input == element.topic()) else {
                continue;
            };
            let source = Source { input: Input(input), partition: Partition(element.partition()) };
            let committed = match element.offset() {
                KafkaOffset::Offset(offset) => Some(Committed {
                    offset: Offset(offset),
                    metadata: native::metadata(&list, element.topic(), element.partition()),
                }),
                _ => None,
            };
            let start = self.start(source, committed.as_ref(), handler)?;
            positions.push(Position { source, committed, start });
        }
        Ok(positions)
    }

    fn start(
        &mut self,
        source: Source,
        committed: Option<&Committed>,
        handler: &dyn Handler,
    ) -> Result<KafkaOffset, Trouble> {
        if let Some(refusal) = committed.and_then(|found| handler.refuses(source, found)) {
            return Err(refusal.into());
        }
        let start = handler.start(source, committed)?;
        let inputs = self.inputs;
        let (topic, partition) = (inputs[source.input.0].as_str(), source.partition.0);
        let marks = self.consumer.fetch_watermarks(topic, partition, TIMEOUT);
        let (low, high) = marks.inspect_err(|_| {
            // A client that came while a broker was away takes what it was told then for the truth
            // until it asks again by itself, which may be in five minutes.
            let _ = self.consumer.fetch_metadata(None, TIMEOUT);
        })?;
        let Some(Committed { offset: Offset(committed), .. }) = committed else {
            let refusal = handler.refuses_beginning(source, Offset(low));
            return refusal.map_or(Ok(KafkaOffset::Beginning), |refusal| Err(refusal.into()));
        };
        if !(low..=high).contains(committed) {
            return Err(outside(topic, partition, *committed, low, high).into());
        }
        let from = match start {
            Start::Committed => *committed,
            Start::LookBack { ms } => {
                self.look_back(topic, partition, low, *committed, ms)?.unwrap_or(*committed)
            }
        };
        Ok(KafkaOffset::Offset(from))
    }

    /// The first offset appended at or after the append time of the record before `committed` less
    /// `ms`; none if there is no record before it.
    fn look_back(
        &mut self,
        topic: &str,
        partition: i32,
        low: i64,
        committed: i64,
        ms: i64,
    ) -> Result<Option<i64>, Trouble> {
        let probe = match &mut self.probe {
            Some(probe) => probe,
            none => none.insert(probe(self.kafka).create_with_context(self.listener.clone())?),
        };
        let mut step = 1;
        // Offsets may be missing (markers of transactions, compaction), so the record before the
        // committed one may be any distance away.
        let appended = loop {
            let from = committed.saturating_sub(step).max(low);
            let found = last_append_time(probe, topic, partition, from, committed)?;
            if found.is_some() || from == low {
                break found;
            }
            step *= 16;
        };
        let Some(appended) = appended else {
            return Ok(None);
        };
        let mut list = TopicPartitionList::new();
        let since = KafkaOffset::Offset(appended.saturating_sub(ms).max(0));
        list.add_partition_offset(topic, partition, since)?;
        let list = probe.offsets_for_times(list, TIMEOUT)?;
        Ok(list.elements().iter().find_map(|found| match found.offset() {
            KafkaOffset::Offset(offset) => Some(offset.min(committed)),
            _ => None,
        }))
    }
}

/// The append time of the last record in `from..until`, if there is one.
fn last_append_time(
    probe: &BaseConsumer<Listener>,
    topic: &str,
    partition: i32,
    from: i64,
    until: i64,
) -> Result<Option<i64>, Trouble> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, KafkaOffset::Offset(from))?;
    probe.assign(&list)?;
    let deadline = Instant::now() + TIMEOUT;
    let mut last = None;
    while Instant::now() < deadline {
        match probe.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if message.offset() < until => {
                last = message.timestamp().to_millis();
                if message.offset() + 1 == until {
                    return Ok(last);
                }
            }
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
    }
    Err(Trouble::Silence(format!("{topic}/{partition} could not be read at offset {from}")))
}

fn outside(topic: &str, partition: i32, committed: i64, low: i64, high: i64) -> Refusal {
    let text = format!(
        "{topic}/{partition}: the committed offset {committed} is not in the log, which has \
         {low} to {high}. Records were deleted before they were read, or the topic was created \
         anew. Find out which, then set the group's offset (kafka-consumer-groups.sh \
         --reset-offsets --to-earliest) and start again"
    );
    Refusal::new(Reason::OffsetGone, text)
}
