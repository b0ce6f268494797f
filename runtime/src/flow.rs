//! Passing of records from a topic to the handler.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Timestamp};
use schemas::Subject;
use service::{
    AppendTime, Fatal, Handler, Input, Offset, Partition, Record, Refusal, RefusalReason as Reason,
    Replayed, Source,
};

use crate::append_times::{AppendTimes, StepBack};
use crate::epochs::Epochs;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::positions::Position;
use crate::replay_key::{Claim, ReplayKey};
use crate::writer::Writer;
use crate::{lag, native};

/// Reading position of an assigned partition.
struct Reading {
    /// Records before it are read only to rebuild state.
    until: Offset,
    /// Next offset to read, once a record was read.
    next: Option<Offset>,
    epochs: Epochs,
    appended: AppendTimes,
}

/// The handler with its output.
pub(crate) struct Flow {
    pub(crate) handler: Box<dyn Handler>,
    pub(crate) writer: Writer,
    pub(crate) inputs: Vec<String>,
    /// The raw topic. Any producer may write to it, so a framed schema of an unknown release is no sign of a
    /// newer Isobar.
    raw: String,
    /// Key that verifies replayed records.
    replay_key: Option<ReplayKey>,
    metrics: Metrics,
    /// Reading positions, for the lag metrics.
    positions: lag::Read,
    /// Assigned partitions.
    reading: BTreeMap<Source, Reading>,
    /// Append time of the record read last.
    newest: AppendTime,
    /// Records read, without those that only rebuild state.
    pub(crate) taken: u64,
}

impl Flow {
    pub(crate) fn new(
        handler: Box<dyn Handler>,
        writer: Writer,
        inputs: Vec<String>,
        raw: &str,
        replay_key: Option<ReplayKey>,
        metrics: Metrics,
        positions: lag::Read,
    ) -> Self {
        let (reading, newest) = (BTreeMap::new(), AppendTime(0));
        Self {
            handler,
            writer,
            inputs,
            raw: raw.to_owned(),
            replay_key,
            metrics,
            positions,
            reading,
            newest,
            taken: 0,
        }
    }

    /// Passes an assignment to the handler, before its first record.
    pub(crate) fn assign(&mut self, position: &Position) -> Result<(), Fatal> {
        let Position { source, committed, epoch, .. } = position;
        self.writer.ledger.assign(*source);
        let until = committed.as_ref().map_or(Offset(0), |committed| committed.offset);
        let mut epochs = Epochs::default();
        epochs.note(until.0 - 1, epoch.unwrap_or(-1));
        let appended = AppendTimes::default();
        self.reading.insert(*source, Reading { until, next: None, epochs, appended });
        self.handler.assigned(*source, committed.as_ref())
    }

    /// Drops the state of all partitions.
    pub(crate) fn revoke(&mut self) {
        for source in std::mem::take(&mut self.reading).into_keys() {
            self.handler.revoked(source);
            self.writer.ledger.revoke(source);
        }
    }

    /// Returns the age of the last record, if the brokers' clocks and this one agree.
    pub(crate) fn waited(&self, now: SystemTime) -> Duration {
        let appended = u64::try_from(self.newest.0).map_or(Duration::ZERO, Duration::from_millis);
        now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(appended)
    }

    /// The number of partitions assigned.
    pub(crate) fn partitions(&self) -> usize {
        self.reading.len()
    }

    /// Returns the leader epoch of the last record before `offset`, and drops those of earlier records.
    pub(crate) fn epoch_before(&mut self, source: Source, offset: Offset) -> Option<i32> {
        self.reading.get_mut(&source)?.epochs.before(offset.0)
    }

    /// Next offset to read of each partition.
    pub(crate) fn next_offsets(&self) -> Vec<(Source, Offset)> {
        let next = |(source, reading): (&Source, &Reading)| {
            (*source, reading.next.unwrap_or(reading.until))
        };
        self.reading.iter().map(next).collect()
    }

    /// Publishes the reading position of each partition.
    pub(crate) fn publish_positions(&self) {
        let next = |(source, reading): (&Source, &Reading)| {
            let topic = self.inputs.get(source.input.0)?.clone();
            Some(((topic, source.partition.0), reading.next?.0))
        };
        let read = self.reading.iter().filter_map(next).collect();
        *self.positions.lock().unwrap_or_else(PoisonError::into_inner) = read;
    }

    /// Passes a message to the handler.
    pub(crate) fn record(&mut self, message: &BorrowedMessage<'_>) -> Result<(), Failure> {
        let (topic, partition) = (message.topic(), message.partition());
        let is_ours = topic != self.raw;
        let Some(input) = self.inputs.iter().position(|input| input == topic) else {
            return Ok(());
        };
        let source = Source { input: Input(input), partition: Partition(partition) };
        let Some(reading) = self.reading.get_mut(&source) else {
            return Ok(());
        };
        let (offset, until) = (Offset(message.offset()), reading.until);
        reading.next = Some(offset.next());
        if offset >= until {
            reading.epochs.note(offset.0, native::leader_epoch_of(message).unwrap_or(-1));
        }
        let Timestamp::LogAppendTime(appended) = message.timestamp() else {
            // The refusal advises to set the group's offset behind this record, so nothing of it
            // was counted.
            let is_left_out = offset < until;
            let refusal = no_append_time(topic, partition, offset);
            return if is_left_out { Ok(()) } else { Err(refusal.into()) };
        };
        let payload = message.payload().unwrap_or_default();
        if let Some((subject, version)) = Subject::newer(payload).filter(|_| is_ours) {
            return Err(newer(topic, partition, offset, subject, version).into());
        }
        let step_back = reading.appended.next(AppendTime(appended), Instant::now());
        if let Some(StepBack { by_ms, is_logged }) = step_back.filter(|_| offset >= until) {
            self.metrics.append_time_went_back.inc();
            if is_logged {
                tracing::warn!("{}", went_back(topic, partition, offset, by_ms));
            }
        }
        self.metrics.read[input].inc();
        self.newest = AppendTime(appended);
        let record = Record {
            source,
            offset,
            appended: AppendTime(appended),
            key: message.key(),
            content_type: native::header(message, c"content-type"),
            payload,
            look_back: offset < until,
        };
        self.taken += u64::from(!record.look_back);
        match Claim::of(message, self.replay_key.as_ref()) {
            Claim::Proven(from) if is_possible(&from, topic, &record) => {
                self.handler.replayed(&record, &from, &mut self.writer)?;
            }
            claim => {
                if claim != Claim::None {
                    self.metrics.unproven_replays.inc();
                }
                self.handler.record(&record, &mut self.writer)?;
            }
        }
        Ok(())
    }
}

fn went_back(topic: &str, partition: i32, offset: Offset, by_ms: i64) -> String {
    format!(
        "{topic}/{partition}: the record at {offset} was appended {} s before the one before it, by \
         its broker's clock: look at the clocks of the brokers (NTP), and whether Kafka lost the end \
         of the log (docs/reference/exit-codes.md, 92). By append times records are late, and blocks \
         end",
        by_ms / 1000
    )
}

fn no_append_time(topic: &str, partition: i32, offset: Offset) -> Refusal {
    let text = format!(
        "{topic}/{partition}: the record at {offset} has no append time: it was written while the \
         topic had another message.timestamp.type. Set LogAppendTime (isobar topics apply), set the \
         group's offset behind such records (kafka-consumer-groups.sh --reset-offsets \
         --to-datetime, docs/reference/exit-codes.md) and start again"
    );
    Refusal::new(Reason::TimestampType, text)
}

fn newer(topic: &str, partition: i32, offset: Offset, subject: Subject, version: u32) -> Refusal {
    let (name, known) = (subject.name(), subject.schema_id() % 100);
    let text = format!(
        "{topic}/{partition}: the record at {offset} is a {name} of version {version}, and this \
         release knows version {known}: a newer release has written it. Install that release or a \
         newer one and start again; nothing from this record on was read"
    );
    Refusal::new(Reason::NewerSchema, text)
}

/// Returns true if the original position in a record's header is possible.
fn is_possible(from: &Replayed, topic: &str, record: &Record<'_>) -> bool {
    let here = from.topic == topic && from.partition == record.source.partition;
    here && from.offset < record.offset && from.appended <= record.appended
}
