//! `isobar send`: sends envelopes from a file to the raw topic, for an integrator's first records.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use deploy::connect::{Cluster, KafkaArgs};
use deploy::failure::{Context, Failure};
use deploy::names::RawTopic;
use deploy::running::Running;
use expand::document;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientContext, Message as _};
use schemas::json_numbers;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};
use service::harmless;

use crate::output::lines;

/// Longest wait for Kafka to acknowledge all.
const PATIENCE: Duration = Duration::from_secs(30);
const CONTENT_TYPE: &str = "application/vnd.isobar.envelope+json";
/// Age from which an event is late (default of `ingest.late_h`), ms.
const LATE_MS: f64 = 72.0 * 3_600_000.0;
/// Smaller times, ms, are relative to the opening of a page and not to 1970.
const SINCE_1970_MS: f64 = 1e12;
const DAY_MS: f64 = 86_400_000.0;
/// Members of an envelope that name its session, and so its key.
const SESSION: [&str; 3] = ["app", "call", "participant"];
/// Members of an envelope that are times of the whole event.
const TIMES: [&str; 3] = ["timestamp", "sent_at", "received_at"];

/// `isobar send`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Envelopes (docs/reference/envelope.md): one or more JSON objects, as in JSON lines; "-" for
    /// standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    own: KafkaArgs,
    #[command(flatten)]
    raw: RawTopic,
    /// Moves all times by the same amount, so that the newest is now. This is the default if all of
    /// them are so old that every event would be late.
    #[arg(long, conflicts_with = "as_is")]
    now: bool,
    /// Leaves times unchanged, even if they are old.
    #[arg(long)]
    as_is: bool,
}

/// Sends the file's envelopes, and prints their positions and a query that shows them.
///
/// # Errors
/// If the file contains anything else (then nothing is sent), or if Kafka does not accept the
/// records.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut events = read(&options.file)?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = now_ms.as_secs_f64() * 1e3;
    let moved_ms = if options.as_is { None } else { move_to(&mut events, now_ms, options.now) };
    let cluster = options.own.or_of_up()?;
    let topic = options.raw.over(cluster.names.clone()).topics.raw;
    let places = send(&events, &cluster, &topic)?;
    lines(in_words(&events, &topic, &places, moved_ms))?;
    lines(where_to_look(&events))
}

/// Reads the envelopes of a file.
fn read(file: &Path) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
    } else {
        text = std::fs::read_to_string(file).context(file.display())?;
    }
    parse(&text).context(file.display())
}

/// Reason why a file's envelopes cannot be sent. `number` counts envelopes from 1.
#[derive(Debug, thiserror::Error)]
enum EnvelopeError {
    #[error("holds no envelope")]
    None,
    #[error("envelope {number} is not JSON: {source}")]
    NotJson { number: usize, source: serde_json::Error },
    #[error("envelope {number} is no JSON object; recordings: isobar replay")]
    NotAnObject { number: usize },
    #[error(
        "envelope {number} has no \"{member}\" (a text or a whole number), and the record's key is \
         app/call/participant (docs/reference/envelope.md); recordings and other formats: \
         isobar replay"
    )]
    NoName { number: usize, member: &'static str },
}

/// Parses the envelopes of a text. There must be at least one.
fn parse(text: &str) -> Result<Vec<Map<String, Value>>, EnvelopeError> {
    // A number beyond the range of a double counts as missing, as in ingest.
    let finite =
        json_numbers::finite(text.as_bytes()).and_then(|text| String::from_utf8(text).ok());
    let mut events = Vec::new();
    let text = finite.as_deref().unwrap_or(text);
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let number = events.len() + 1;
        let value = value.map_err(|source| EnvelopeError::NotJson { number, source })?;
        let Value::Object(event) = value else {
            return Err(EnvelopeError::NotAnObject { number });
        };
        if let Some(member) = SESSION.into_iter().find(|member| name(&event, member).is_none()) {
            return Err(EnvelopeError::NoName { number, member });
        }
        events.push(event);
    }
    if events.is_empty() { Err(EnvelopeError::None) } else { Ok(events) }
}

/// Returns the key `app/call/participant`.
fn key(event: &Map<String, Value>) -> String {
    SESSION.map(|member| name(event, member).unwrap_or_default()).join("/")
}

/// Returns the member as a name, by the rules of ingest: a non-empty text, or a whole number.
fn name(event: &Map<String, Value>, member: &str) -> Option<String> {
    let value = to_raw_value(event.get(member)?).ok()?;
    document::name(&value)
}

/// Returns all times of an event: its own, and those of its report's objects.
fn times(event: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut times = Vec::new();
    for (member, value) in event {
        if TIMES.contains(&member.as_str()) {
            times.push(value);
        } else if member == "report" {
            let objects: Vec<&mut Value> = match value {
                Value::Object(report) => report.values_mut().collect(),
                Value::Array(report) => report.iter_mut().collect(),
                _ => Vec::new(),
            };
            times.extend(objects.into_iter().filter_map(|object| object.get_mut("timestamp")));
        }
    }
    times.retain(|time| time.as_f64().is_some_and(|ms| ms >= SINCE_1970_MS));
    times
}

/// Moves all times by the same amount, so that the newest is `now_ms`, on request or if all are
/// late. Returns the amount in ms.
fn move_to(events: &mut [Map<String, Value>], now_ms: f64, wanted: bool) -> Option<f64> {
    let all = events.iter_mut().flat_map(times).filter_map(|time| time.as_f64());
    let newest = all.fold(f64::NEG_INFINITY, f64::max);
    if !newest.is_finite() || !(wanted || newest < now_ms - LATE_MS) {
        return None;
    }
    let by_ms = (now_ms - newest).round();
    for time in events.iter_mut().flat_map(times) {
        // A whole number stays whole, as `sent_at` must be.
        *time = match time.as_i64() {
            Some(ms) => Value::from(ms + by_ms as i64),
            None => Value::from(time.as_f64().unwrap_or_default() + by_ms),
        };
    }
    Some(by_ms)
}

/// Partition and offset of records that Kafka has acknowledged, and the reason why one was not.
type Acknowledged = (Vec<(i32, i64)>, Option<KafkaError>);

#[derive(Default)]
struct Answers(Mutex<Acknowledged>);

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut answers = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match result {
            Ok(message) => answers.0.push((message.partition(), message.offset())),
            Err((error, _)) => answers.1 = Some(error.clone()),
        }
    }
}

fn send(
    events: &[Map<String, Value>],
    cluster: &Cluster,
    topic: &str,
) -> Result<Vec<(i32, i64)>, Failure> {
    let patience = PATIENCE.as_millis().to_string();
    let config = cluster.client(&[
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("partitioner", "murmur2_random"),
        ("message.timeout.ms", &patience),
        ("message.max.bytes", "4194304"),
    ]);
    let producer: BaseProducer<Answers> =
        config.create_with_context(Answers::default()).context("Kafka")?;
    let metadata = producer.client().fetch_metadata(Some(topic), PATIENCE).context("Kafka")?;
    if metadata.topics().iter().all(|found| found.partitions().is_empty()) {
        return Err(Failure::Refused(format!(
            "Kafka at {} has no topic {topic}; `isobar topics apply` creates it",
            cluster.brokers
        )));
    }
    for event in events {
        let (key, payload) = (key(event), serde_json::to_vec(event).context("JSON")?);
        let headers = Header { key: "content-type", value: Some(CONTENT_TYPE) };
        let headers = OwnedHeaders::new().insert(headers);
        let mut record = BaseRecord::to(topic).key(&key).payload(&payload).headers(headers);
        while let Err((error, again)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error).context(topic);
            }
            record = again;
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(PATIENCE).context("Kafka")?;
    let answers =
        &mut *producer.context().0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match answers.1.take() {
        Some(error) => Err(error).context(topic),
        None => Ok(std::mem::take(&mut answers.0)),
    }
}

fn in_words(
    events: &[Map<String, Value>],
    topic: &str,
    places: &[(i32, i64)],
    moved_ms: Option<f64>,
) -> String {
    let sessions: BTreeSet<_> = events.iter().map(key).collect();
    let mut text = String::new();
    if let Some(ms) = moved_ms {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "times moved by {:.1} days, so that the newest is now (--as-is leaves them)",
            ms / DAY_MS
        );
    }
    let _ = writeln!(
        text,
        "{} of {} sent to {topic}",
        counted(places.len(), "event"),
        counted(sessions.len(), "session")
    );
    for (partition, offset) in places.iter().take(3) {
        let _ = writeln!(text, "  partition {partition}, offset {offset}");
    }
    if places.len() > 3 {
        let _ = writeln!(text, "  …");
    }
    text
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Returns a query that shows the events, and the command that shows dead letters.
fn where_to_look(events: &[Map<String, Value>]) -> String {
    let calls: BTreeSet<_> = events.iter().filter_map(|event| name(event, "call")).collect();
    let quoted = |call: &String| {
        let call = call.replace('\\', "\\\\").replace('\'', "\\'");
        format!("'{}'", harmless(&call))
    };
    let calls: Vec<_> = calls.iter().take(3).map(quoted).collect();
    let at =
        Running::find().map(|up| format!(" at {}/play", up.clickhouse.url)).unwrap_or_default();
    format!(
        "in a few seconds, in ClickHouse{at}:\n  SELECT * FROM isobar.sessions WHERE call IN ({})\n\
         intervals (isobar.samples) begin with a session's second stats event; what could not be \
         used: isobar dlq ls\n",
        calls.join(", ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW_MS: f64 = 1_800_000_000_000.0;

    fn event(timestamp: f64) -> String {
        format!(
            r#"{{"v": 1, "event": "stats", "app": "a", "call": "c", "participant": "p",
                "timestamp": {timestamp}, "sent_at": 1700000000500, "report": {{
                "x": {{"id": "x", "type": "codec", "timestamp": 1699999999000.25}},
                "y": {{"id": "y", "type": "transport", "timestamp": 5000.5}}}}}}"#
        )
    }

    #[test]
    fn one_envelope_or_many_are_read_and_anything_else_is_named() {
        let two = parse(&[event(1e12), event(2e12)].join("\n")).unwrap();
        assert_eq!((two.len(), key(&two[0]).as_str()), (2, "a/c/p"));
        for (text, reason) in [
            ("", "holds no envelope"),
            ("{\"app\": ", "envelope 1 is not JSON"),
            ("[1]", "envelope 1 is no JSON object"),
            (r#"{"app":"a","call":7.5,"participant":"p"}"#, "has no \"call\""),
            (r#"{"app":"a","call":true,"participant":"p"}"#, "a whole number"),
            (r#"{"app":"","call":7,"participant":"p"}"#, "has no \"app\""),
            (r#"{"app":"a","participant":"p"}"#, "isobar replay"),
        ] {
            let found = parse(text).unwrap_err().to_string();
            assert!(found.contains(reason), "{text}: {found}");
        }
    }

    #[test]
    fn names_may_be_numbers_and_numbers_beyond_a_double_are_missing() {
        let text = r#"{"v": 1, "event": "stats", "app": 6, "call": 77, "participant": 4.0,
            "timestamp": 1700000000000, "report": [{"type": "inbound-rtp", "id": "a", "ssrc": 1,
            "kind": "audio", "timestamp": 1700000000000, "packetsReceived": 5, "jitter": 1e999}]}"#;
        let events = parse(text).unwrap();
        assert_eq!(key(&events[0]), "6/77/4");
        let jitter = events[0]["report"][0]["jitter"].as_f64().unwrap();
        assert!(jitter >= json_numbers::LEAST_STAND_IN, "ingest takes {jitter} for missing");
        assert!(where_to_look(&events).contains("call IN ('77')"));
        // The record sent is the one that ingest reads under that key.
        let payload = serde_json::to_vec(&events[0]).unwrap();
        assert_eq!(ingest::examine(&payload, key(&events[0]).as_bytes()), Ok(()));
    }

    #[test]
    fn times_of_an_old_file_are_shifted_and_those_of_today_only_on_request() {
        let old = || parse(&event(1_700_000_000_000.0)).unwrap();
        let mut events = old();
        let by_ms = move_to(&mut events, NOW_MS, false).unwrap();
        assert_eq!(by_ms, 99_999_999_500.0);
        assert_eq!(events[0]["sent_at"], 1_800_000_000_000_i64);
        assert_eq!(events[0]["timestamp"], 1_799_999_999_500.0);
        assert_eq!(events[0]["report"]["x"]["timestamp"], 1_799_999_998_500.25 + 0.0);
        assert_eq!(events[0]["report"]["y"]["timestamp"], 5000.5, "since a page was opened");
        let day_later_ms = 1_700_000_000_500.0 + DAY_MS;
        let mut events = old();
        assert_eq!(move_to(&mut events, day_later_ms, false), None);
        assert_eq!(events, old());
        assert_eq!(move_to(&mut events, day_later_ms, true), Some(DAY_MS));
        assert_eq!(move_to(&mut [], NOW_MS, true), None);
    }

    #[test]
    fn sent_events_are_shown_with_a_query() {
        let events = parse(&event(1_700_000_000_000.0)).unwrap();
        let text = in_words(&events, "raw", &[(2, 17)], Some(2.0 * DAY_MS));
        assert!(text.starts_with("times moved by 2.0 days"), "{text}");
        assert!(text.contains("1 event of 1 session sent to raw\n  partition 2, offset 17"));
        let hostile = parse(r#"{"app":"a","call":"x' OR 1=1 --","participant":"p"}"#).unwrap();
        assert!(where_to_look(&hostile).contains(r"call IN ('x\' OR 1=1 --')"));
        let hostile =
            parse(r#"{"app":"a","call":"\u001b[2J\nall is well","participant":"p"}"#).unwrap();
        let text = where_to_look(&hostile);
        assert!(text.contains(r"call IN ('\u001b[2J\u000aall is well')"), "{text}");
    }
}
