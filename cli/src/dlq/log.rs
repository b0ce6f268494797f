//! Reading of ranges of a topic without a group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use deploy::connect::Cluster;
use deploy::failure::{Context as _, Failure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};

/// Longest wait for one answer, and for the next record.
const PATIENCE: Duration = Duration::from_secs(30);

/// A part of a partition: `from..until`. `low` is the first offset that the log still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) partition: i32,
    pub(super) low: i64,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A reader of whole logs.
pub(super) struct Log {
    consumer: BaseConsumer,
}

impl Log {
    pub(super) fn open(cluster: &Cluster) -> Result<Self, Failure> {
        let config = cluster.client(&[
            // The client requires the name of a group even for manual assignments.
            ("group.id", "isobar-dlq"),
            ("enable.auto.commit", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "error"),
            ("queued.max.messages.kbytes", "16384"),
            ("fetch.max.bytes", "16777216"),
        ]);
        Ok(Self { consumer: config.create().context("Kafka")? })
    }

    /// Returns the present range of each partition of a topic.
    pub(super) fn spans(&self, topic: &str) -> Result<Vec<Span>, Failure> {
        let metadata = self.consumer.fetch_metadata(Some(topic), PATIENCE).context("Kafka")?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let spans: Vec<_> = partitions
            .map(|partition| self.span(topic, partition.id()))
            .collect::<Result<_, _>>()?;
        if spans.is_empty() {
            return Err(Failure::Refused(format!(
                "there is no topic {topic}; see isobar topics plan"
            )));
        }
        Ok(spans)
    }

    /// Returns the present range of a partition.
    pub(super) fn span(&self, topic: &str, partition: i32) -> Result<Span, Failure> {
        let marks = self.consumer.fetch_watermarks(topic, partition, PATIENCE);
        let (low, until) = marks.context(format_args!("{topic}/{partition}"))?;
        Ok(Span { partition, low, from: low, until })
    }

    /// Removes records appended before `since_ms` from `spans`.
    pub(super) fn skip_to(
        &self,
        topic: &str,
        spans: &mut [Span],
        since_ms: i64,
    ) -> Result<(), Failure> {
        let mut list = TopicPartitionList::new();
        for span in &*spans {
            let since = Offset::Offset(since_ms.max(0));
            list.add_partition_offset(topic, span.partition, since).context(topic)?;
        }
        let list = self.consumer.offsets_for_times(list, PATIENCE).context(topic)?;
        for span in spans {
            let found = list.find_partition(topic, span.partition).map(|found| found.offset());
            // Nothing was appended since that time.
            let Some(Offset::Offset(offset)) = found else {
                span.from = span.until;
                continue;
            };
            span.from = offset.clamp(span.from, span.until);
        }
        Ok(())
    }

    /// Passes all records of `spans` to `take`, in order within a partition, until `take` returns false.
    pub(super) fn scan(
        &self,
        topic: &str,
        spans: &[Span],
        mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut open: BTreeMap<i32, i64> = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for span in spans.iter().filter(|span| span.from < span.until) {
            open.insert(span.partition, span.until);
            let from = Offset::Offset(span.from);
            list.add_partition_offset(topic, span.partition, from).context(topic)?;
        }
        self.consumer.assign(&list).context(topic)?;
        let mut last_record = Instant::now();
        while !open.is_empty() {
            let message = match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => message,
                // Offsets at the end of a log may have no records.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                    continue;
                }
                Some(Err(error)) if last_record.elapsed() > PATIENCE => {
                    return Err(error).context(topic);
                }
                None if last_record.elapsed() > PATIENCE => {
                    return Err(Failure::Refused(format!("{topic}: no answer for {PATIENCE:?}")));
                }
                Some(Err(_)) | None => continue,
            };
            last_record = Instant::now();
            let Some(until) = open.get(&message.partition()).copied() else { continue };
            if message.offset() < until && !take(&message)? {
                return Ok(());
            }
            if message.offset() + 1 >= until {
                open.remove(&message.partition());
            }
        }
        Ok(())
    }
}
