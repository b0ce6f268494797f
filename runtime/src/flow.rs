//! Records on their way from a topic to the handler.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::IntCounter;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Timestamp};

use crate::handler::{Fatal, Handler};
use crate::native;
use crate::positions::Position;
use crate::record::{AppendTime, Input, Offset, Partition, Record, Source};
use crate::refusal::{Failure, Reason, Refusal};
use crate::replayed::Replayed;
use crate::writer::Writer;

/// The handler, with what it writes through.
pub(crate) struct Flow {
    pub(crate) handler: Box<dyn Handler>,
    pub(crate) writer: Writer,
    pub(crate) inputs: Vec<String>,
    pub(crate) read: Vec<IntCounter>,
    /// Assigned partitions, with the offset before which records are only looked back at.
    looked_back: BTreeMap<Source, Offset>,
    /// Append time of the record read last.
    newest: AppendTime,
    /// Records read, but those that are only looked back at.
    pub(crate) taken: u64,
}

impl Flow {
    pub(crate) fn new(
        handler: Box<dyn Handler>,
        writer: Writer,
        inputs: Vec<String>,
        read: Vec<IntCounter>,
    ) -> Self {
        let (looked_back, newest) = (BTreeMap::new(), AppendTime(0));
        Self { handler, writer, inputs, read, looked_back, newest, taken: 0 }
    }

    /// Tells the handler of a partition, before its first record.
    pub(crate) fn assign(&mut self, position: &Position) -> Result<(), Fatal> {
        let Position { source, committed, .. } = position;
        self.writer.ledger.assign(*source);
        let until = committed.as_ref().map_or(Offset(0), |committed| committed.offset);
        self.looked_back.insert(*source, until);
        self.handler.assigned(*source, committed.as_ref())
    }

    /// Drops the state of all partitions.
    pub(crate) fn revoke(&mut self) {
        for source in std::mem::take(&mut self.looked_back).into_keys() {
            self.handler.revoked(source);
            self.writer.ledger.revoke(source);
        }
    }

    /// For how long the record read last has waited, if brokers' clocks and this one agree.
    pub(crate) fn waited(&self, now: SystemTime) -> Duration {
        let appended = u64::try_from(self.newest.0).map_or(Duration::ZERO, Duration::from_millis);
        now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(appended)
    }

    /// The number of partitions assigned.
    pub(crate) fn partitions(&self) -> usize {
        self.looked_back.len()
    }

    /// Hands a message to the handler.
    pub(crate) fn record(&mut self, message: &BorrowedMessage<'_>) -> Result<(), Failure> {
        let (topic, partition) = (message.topic(), message.partition());
        let Some(input) = self.inputs.iter().position(|input| input == topic) else {
            return Ok(());
        };
        let source = Source { input: Input(input), partition: Partition(partition) };
        let Some(until) = self.looked_back.get(&source).copied() else {
            return Ok(());
        };
        let offset = Offset(message.offset());
        let Timestamp::LogAppendTime(appended) = message.timestamp() else {
            return Err(no_append_time(topic, partition, offset).into());
        };
        self.read[input].inc();
        self.newest = AppendTime(appended);
        let record = Record {
            source,
            offset,
            appended: AppendTime(appended),
            key: message.key(),
            content_type: native::header(message, c"content-type"),
            payload: message.payload().unwrap_or_default(),
            look_back: offset < until,
        };
        self.taken += u64::from(!record.look_back);
        match replayed(message, &record) {
            Some(from) => self.handler.replayed(&record, &from, &mut self.writer)?,
            None => self.handler.record(&record, &mut self.writer)?,
        }
        Ok(())
    }
}

fn no_append_time(topic: &str, partition: i32, offset: Offset) -> Refusal {
    let text = format!(
        "{topic}/{partition}: the record at {offset} has no append time: it was written while the \
         topic had another message.timestamp.type. Set LogAppendTime (isobar topics apply), set the \
         group's offset behind such records (kafka-consumer-groups.sh --reset-offsets) and start \
         again"
    );
    Refusal::new(Reason::TimestampType, text)
}

/// What a record says of where it stood before, if that can be true.
fn replayed(message: &BorrowedMessage<'_>, record: &Record<'_>) -> Option<Replayed> {
    let from = Replayed::of(message)?;
    let here = from.topic == message.topic() && from.partition == record.source.partition;
    (here && from.offset < record.offset && from.appended <= record.appended).then_some(from)
}
