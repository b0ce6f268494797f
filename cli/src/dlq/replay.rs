//! `isobar dlq replay`: sends dead letters back to the topics that they came from, each only once.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use deploy::connect::Cluster;
use deploy::failure::{Context as _, Failure};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientContext, Message as _};
use runtime::{Claim, ReplayKey};
use serde::Serialize;
use service::harmless;
use service::{AppendTime, Offset, Partition, Replayed};

use super::letter::{self, Letter};
use super::log::{Log, Span};
use super::plan::{Evidence, Fate, objection};
use super::selection::{Access, Selection};

/// Number of records that are acknowledged together. Between two such batches the log is read
/// again, to find replays by others. Ingest detects those in the meantime, because its look-back is
/// longer than [`ACKNOWLEDGED`].
const CHUNK: usize = 500;
const CHUNK_BYTES: usize = 16 << 20;
/// Longest wait for an acknowledgement. After it the log decides whether the write succeeded.
const ACKNOWLEDGED: Duration = Duration::from_secs(20);
/// Maximum number of letters in one run. Each takes about 200 bytes of memory.
const MOST: usize = 1_000_000;

/// `isobar dlq replay`.
#[derive(Debug, Default, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// All letters; needed if none are chosen by reason, stage, source or time.
    #[arg(long)]
    pub(super) all: bool,
    /// Only shows what would be sent.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// `ingest.look_back_s`, if it is not the default. It must be at least 60 to replay letters of
    /// ingest.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(60..=3600))]
    pub(super) look_back_s: u32,
    /// The report as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Results for the chosen letters.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    /// True if nothing was sent.
    dry_run: bool,
    /// Letters chosen.
    pub(super) chosen: u64,
    /// Letters sent, or to be sent in a dry run.
    pub(super) sent: u64,
    /// Of these, letters whose snapshots do not count, because other records of the session were
    /// accepted.
    pub(super) heard: u64,
    /// Letters that were sent before.
    pub(super) sent_before: u64,
    /// Letters that were not sent because the log no longer shows whether they were sent before.
    pub(super) unknown: u64,
    /// Letters that were not sent, by reason.
    pub(super) left: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).context("JSON")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chosen, sent, heard, sent_before, unknown, .. } = self;
        let verb = if self.dry_run { "to send" } else { "sent" };
        write!(f, "{chosen} dead letters: {sent} {verb}, {sent_before} sent before")?;
        if *heard > 0 {
            write!(
                f,
                "\nof those {verb}, {heard} come from sessions with other accepted records: their \
                 snapshots do not count, because the intervals of those records include them"
            )?;
        }
        if *unknown > 0 {
            write!(
                f,
                "\nnot sent: {unknown} whose topic no longer has the records after them, so that \
                 it is unknown whether they were sent before"
            )?;
        }
        self.left
            .iter()
            .try_for_each(|(why, count)| write!(f, "\nnot sent: {count}: {}", harmless(why)))
    }
}

/// Sends the letters that the options choose.
pub(super) fn run(access: &Access, options: &Options) -> Result<Report, Failure> {
    let filter = &options.selection.filter;
    if filter.is_empty() && !options.all {
        return Err(Failure::Refused(
            "say which: --reason, --stage, --topic, --partition, --offset, --since, or --all"
                .into(),
        ));
    }
    let mut report = Report { dry_run: options.dry_run, ..Report::default() };
    let mut sources = BTreeMap::<(String, i32), Source>::new();
    letter::read(access, None, |letter, _| {
        let key = (letter.source.topic.clone(), letter.source.partition);
        let source = sources.entry(key).or_default();
        source.dead.insert(letter.source.offset);
        if filter.keeps(&letter) {
            report.chosen += 1;
            match objection(&letter, &access.names, &filter.reason) {
                Some(why) => *report.left.entry(why).or_default() += 1,
                None => source.letters.push(letter),
            }
        }
        match report.chosen as usize > MOST {
            true => {
                Err(Failure::Refused(format!("more than {MOST} letters; choose fewer, by time")))
            }
            false => Ok(true),
        }
    })?;
    sources.retain(|_, source| !source.letters.is_empty());
    let look_back_ms = i64::from(options.look_back_s) * 1000;
    let key = ReplayKey::of(&access.cluster.replay_key).ok_or_else(|| {
        Failure::Refused(
            "there is no kafka.replay_key, and services accept no record that is not signed with it as \
             sent again: give the services' own by --kafka-config or ISOBAR_KAFKA__REPLAY_KEY"
                .into(),
        )
    })?;
    let log = Log::open(&access.cluster)?;
    let producer = Producer::open(&access.cluster, key.clone())?;
    for ((topic, partition), mut source) in sources {
        source.letters.sort_by_key(|letter| (letter.appended_ms, letter.source.offset));
        let partition_replay = PartitionReplay {
            access,
            log: &log,
            key: &key,
            producer: &producer,
            topic,
            partition,
            look_back_ms,
        };
        partition_replay.replay(&source, &mut report)?;
    }
    Ok(report)
}

/// Letters that came from one partition of one topic.
#[derive(Debug, Default)]
struct Source {
    /// Letters to send, in the order of their first appends.
    letters: Vec<Letter>,
    /// Offsets of all letters of the source.
    dead: HashSet<i64>,
}

/// The replay to one partition.
struct PartitionReplay<'a> {
    access: &'a Access,
    log: &'a Log,
    key: &'a ReplayKey,
    producer: &'a Producer,
    topic: String,
    partition: i32,
    look_back_ms: i64,
}

impl PartitionReplay<'_> {
    fn replay(&self, source: &Source, report: &mut Report) -> Result<(), Failure> {
        let span = self.span(source)?;
        let whole = span.from > span.low || span.low == 0;
        let Source { letters, dead } = source;
        let mut evidence = Evidence::new(span.from, whole, self.look_back_ms, letters, dead);
        let mut read_to = self.look(span, &mut evidence)?;
        for chunk in chunks(letters) {
            let until = self.log.span(&self.topic, self.partition)?.until;
            read_to = self.look(Span { from: read_to, until, ..span }, &mut evidence)?;
            let mut due = BTreeMap::new();
            for letter in chunk {
                match evidence.judge(letter) {
                    Fate::Sent => report.sent_before += 1,
                    Fate::Unknown => report.unknown += 1,
                    Fate::Send { heard } => {
                        report.sent += 1;
                        // In other topics, lineage and versions handle duplicates.
                        let heard = heard && self.topic == self.access.names.raw;
                        report.heard += u64::from(heard);
                        due.insert(letter.place, (letter, heard));
                    }
                }
            }
            if !report.dry_run && !due.is_empty() {
                self.send(&due)?;
            }
        }
        Ok(())
    }

    /// Returns the part of the log that shows replays, and the records around the letters.
    fn span(&self, source: &Source) -> Result<Span, Failure> {
        let mut span = self.log.span(&self.topic, self.partition)?;
        let offsets = source.letters.iter().map(|letter| letter.source.offset + 1);
        let after = offsets.min().unwrap_or(span.until);
        let appended = source.letters.iter().map(|letter| letter.appended_ms);
        let since = appended.min().unwrap_or_default().saturating_sub(self.look_back_ms);
        let mut around = [span];
        self.log.skip_to(&self.topic, &mut around, since)?;
        span.from = around[0].from.min(after).clamp(span.low, span.until);
        Ok(span)
    }

    /// Reads `span`, and returns the offset to continue from.
    fn look(&self, span: Span, evidence: &mut Evidence<'_>) -> Result<i64, Failure> {
        self.log.scan(&self.topic, &[span], |message| {
            let key = message.key();
            match Claim::of(message, Some(self.key)) {
                Claim::Proven(from)
                    if from.topic == self.topic && from.partition.0 == self.partition =>
                {
                    evidence.sent_again(key, message.offset(), &from);
                }
                _ => {
                    let appended_ms = message.timestamp().to_millis().unwrap_or_default();
                    evidence.other(key, message.offset(), appended_ms);
                }
            }
            Ok(true)
        })?;
        Ok(span.until)
    }

    /// Fetches the letters of a chunk again, for their payloads, sends them, and waits until all
    /// are acknowledged.
    fn send(&self, due: &BTreeMap<(i32, i64), (&Letter, bool)>) -> Result<(), Failure> {
        let mut spans = BTreeMap::<i32, Span>::new();
        for &(partition, offset) in due.keys() {
            let new = Span { partition, low: 0, from: offset, until: offset + 1 };
            spans.entry(partition).or_insert(new).until = offset + 1;
        }
        let spans: Vec<_> = spans.into_values().collect();
        let mut sent = 0;
        let take = &mut |found: Letter, payload: Vec<u8>| {
            if let Some((letter, heard)) = due.get(&found.place) {
                self.producer.send(letter, *heard, &payload)?;
                sent += 1;
            }
            Ok(sent < due.len())
        };
        letter::scan(self.log, &self.access.names.dead_letters, &spans, take)?;
        self.producer.flush()?;
        if sent < due.len() {
            let gone = due.len() - sent;
            return Err(Failure::Refused(format!(
                "{gone} letters were deleted while they were read; run it again"
            )));
        }
        Ok(())
    }
}

/// Returns chunks of `letters` that are bounded in number and in bytes.
fn chunks(letters: &[Letter]) -> impl Iterator<Item = &[Letter]> {
    let mut bytes = 0;
    let mut count = 0;
    letters.chunk_by(move |letter, next| {
        (bytes, count) = (bytes + letter.payload_bytes, count + 1);
        let together = count < CHUNK && bytes + next.payload_bytes <= CHUNK_BYTES;
        if !together {
            (bytes, count) = (0, 0);
        }
        together
    })
}

#[derive(Default)]
struct Deliveries(Mutex<Option<String>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    /// Time of the signature, ms since the Unix epoch.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, sent_ms: usize) {
        let why = match result {
            Ok(message) => {
                let appended_ms = message.timestamp().to_millis();
                appended_ms.and_then(|appended_ms| not_fresh(sent_ms as i64, appended_ms))
            }
            Err((error, message)) => Some(format!(
                "{}: {error}; run it again: records that arrived nevertheless will be found",
                message.topic()
            )),
        };
        if let Some(why) = why {
            let mut failed = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            failed.get_or_insert(why);
        }
    }
}

/// Returns the reason why services would not accept the signature of a record with these times, if
/// there is one.
fn not_fresh(sent_ms: i64, appended_ms: i64) -> Option<String> {
    (sent_ms.abs_diff(appended_ms) > Replayed::FRESH_MS).then(|| {
        format!(
            "the broker appended a record {} s after it was signed by this machine's clock, and \
             services take it for sent again within {} s only: set the clocks right (NTP) and run it \
             again. That one record counts as an ordinary one",
            (appended_ms - sent_ms) / 1000,
            Replayed::FRESH_MS / 1000
        )
    })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

struct Producer {
    producer: ThreadedProducer<Deliveries>,
    key: ReplayKey,
    /// True once a first record, sent alone, has shown that the clocks of this machine and the
    /// broker agree.
    clocks_agree: Cell<bool>,
}

impl Producer {
    fn open(cluster: &Cluster, key: ReplayKey) -> Result<Self, Failure> {
        let mut config = cluster.client(&[
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("message.max.bytes", "67108864"),
            ("compression.type", "lz4"),
            ("linger.ms", "5"),
        ]);
        config.set("message.timeout.ms", ACKNOWLEDGED.as_millis().to_string());
        let producer = config.create_with_context(Deliveries::default()).context("Kafka")?;
        Ok(Self { producer, key, clocks_agree: Cell::new(false) })
    }

    fn send(&self, letter: &Letter, heard: bool, payload: &[u8]) -> Result<(), Failure> {
        let (source, sent_ms) = (&letter.source, now_ms());
        let from = Replayed {
            topic: source.topic.clone(),
            partition: Partition(source.partition),
            offset: Offset(source.offset),
            appended: AppendTime(letter.appended_ms),
            heard,
            sent_ms,
        };
        let from = from.to_string();
        let mut headers = OwnedHeaders::new();
        if let Some(content_type) = &letter.content_type {
            headers = headers.insert(Header { key: "content-type", value: Some(content_type) });
        }
        headers = headers.insert(Header { key: Replayed::HEADER, value: Some(&from) });
        let (content_type, letter_key) = (letter.content_type.as_deref(), letter.key.as_deref());
        let signature = self.key.sign(&from, content_type, letter_key, payload);
        headers = headers.insert(Header { key: ReplayKey::HEADER, value: Some(&signature) });
        let opaque = usize::try_from(sent_ms).unwrap_or_default();
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&source.topic, opaque)
            .partition(source.partition)
            .payload(payload)
            .headers(headers);
        if let Some(key) = &letter.key {
            record = record.key(key);
        }
        while let Err((error, again)) = self.producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error).context(&source.topic);
            }
            record = again;
            std::thread::sleep(Duration::from_millis(5));
        }
        if !self.clocks_agree.replace(true) {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Failure> {
        self.producer.flush(ACKNOWLEDGED + Duration::from_secs(5)).context("Kafka")?;
        let failed = &self.producer.context().0;
        match failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            None => Ok(()),
            Some(failed) => Err(Failure::Refused(failed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn chunks_are_bounded_in_number_and_bytes_and_leave_nothing_out() {
        let letters: Vec<_> = (0..1201).map(|offset| letter(offset, "too_large")).collect();
        let sizes: Vec<_> = chunks(&letters).map(<[Letter]>::len).collect();
        assert_eq!(sizes, [500, 500, 201]);
        let large = |offset| Letter { payload_bytes: 6 << 20, ..letter(offset, "too_large") };
        let letters: Vec<_> = (0..5).map(large).collect();
        let sizes: Vec<_> = chunks(&letters).map(<[Letter]>::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert_eq!(chunks(&[]).count(), 0);
    }

    #[test]
    fn clocks_that_differ_by_more_than_services_accept_are_named() {
        assert_eq!(not_fresh(100_000, 130_000), None);
        assert_eq!(not_fresh(100_000, 70_000), None);
        let why = not_fresh(100_000, 161_000).unwrap_or_default();
        assert!(why.contains("61 s after it was signed") && why.contains("within 30 s"), "{why}");
        let why = not_fresh(100_000, 40_000).unwrap_or_default();
        assert!(why.contains("-60 s after"), "{why}");
    }

    #[test]
    fn a_report_names_sent_and_unsent_letters() {
        let left = [("x lies in the bytes".to_owned(), 2)].into();
        let report = Report { chosen: 9, sent: 3, sent_before: 4, left, ..Report::default() };
        assert_eq!(
            report.to_string(),
            "9 dead letters: 3 sent, 4 sent before\nnot sent: 2: x lies in the bytes"
        );
        let left = [("\x1b[2J\n9 sent".to_owned(), 1)].into();
        let report = Report { left, ..Report::default() }.to_string();
        assert!(report.ends_with("\nnot sent: 1: \\u001b[2J\\u000a9 sent"), "{report}");
    }
}
