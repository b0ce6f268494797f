//! Recordings of every format, and the records that are sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damaged;
mod getstats;
mod internals;
mod observertc;
mod other_formats;
mod rtcstats;

use std::path::PathBuf;
use std::time::Duration;

use expand::budget::Budget;
use expand::envelope::Envelope;
use expand::outcome::{Refusal, Unread};
use expand::raw::Labels;
use expand::raw::Raw;
use expand::recording;
use expand::schedule::{self, Schedule};
use serde_json::{Value, json};

const LABELS: Labels<'_> = Labels { app: None, call: None, client_address: None, name: "tape" };

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// The result of reading a recording of envelopes.
struct Expanded {
    envelopes: Vec<Envelope>,
    unread: u64,
    untimed: u64,
}

fn read(text: &str) -> Expanded {
    let expanded = recording::read(text.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    let envelope = |raw| match raw {
        Raw::Envelope(envelope) => *envelope,
        other => panic!("{other:?}"),
    };
    Expanded {
        envelopes: expanded.records.into_iter().map(envelope).collect(),
        unread: expanded.unread.count,
        untimed: expanded.untimed,
    }
}

/// Returns the records of a recording in another format, as JSON.
fn documents(text: &str) -> Vec<Value> {
    let expanded = recording::read(text.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!(expanded.unread, Unread::default());
    let json = |raw: &Raw| serde_json::from_slice(&raw.payload().unwrap()).unwrap();
    expanded.records.iter().map(json).collect()
}

fn refused(bytes: &[u8]) -> Refusal {
    recording::read(bytes, LABELS, &Budget::of_mb(100)).unwrap_err()
}

fn report(envelope: &Envelope) -> Value {
    serde_json::from_str(envelope.report.as_ref().unwrap().get()).unwrap()
}

fn session(envelope: &Envelope) -> [&str; 3] {
    [&envelope.app, &envelope.call, &envelope.participant].map(String::as_str)
}

fn kinds(expanded: &Expanded) -> Vec<(&str, f64)> {
    expanded.envelopes.iter().map(|event| (event.event.as_str(), event.timestamp)).collect()
}

/// Returns a sample next to the checkout, if there is one.
fn sample_file(path: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").join(path);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    text
}

#[test]
fn a_packed_recording_reads_like_the_one_that_was_packed() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ann.jsonl.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(b"hello").unwrap();
    packer.finish().unwrap();
    assert_eq!(super::file::read(&path, 1).unwrap(), b"hello");
    assert_eq!(super::file::name(&path), "ann");
    let packed = std::fs::read(&path).unwrap();
    std::fs::write(&path, &packed[..packed.len() - 6]).unwrap();
    assert!(super::file::read(&path, 1).unwrap_err().to_string().starts_with("not whole gzip"));
}

#[test]
fn labels_of_the_command_line_override_the_recording() {
    let event = json!({"v": 1, "event": "joined", "app": "a", "call": "c", "participant": "p",
                       "timestamp": 5.0, "client_address": "192.0.2.1"});
    let labels = Labels { call: Some("mine"), client_address: Some("198.51.100.9"), ..LABELS };
    let text = event.to_string();
    let expanded = recording::read(text.as_bytes(), labels, &Budget::of_mb(100)).unwrap();
    let [Raw::Document(event)] = &expanded.records[..] else { panic!("{expanded:?}") };
    assert_eq!(Raw::Document(event.clone()).session(), ["a", "mine", "p"]);
    assert_eq!(event.name("client_address").as_deref(), Some("198.51.100.9"));
}

#[test]
fn events_keep_their_time_differences_at_any_speed() {
    for (speed, due_ms) in [(1.0, 4000), (8.0, 500), (0.5, 8000), (f64::INFINITY, 0)] {
        let event = |event: &str, ms| Raw::from(Envelope::new(event, "x", ms));
        let mut events = [event("joined", 1000.0), event("left", 5000.0)];
        let schedule = Schedule::new(1e6, schedule::length_ms(&events), speed, None);
        let due = events.each_mut().map(|event| schedule.stamp(event, 1000.0));
        assert_eq!(due, [Duration::ZERO, Duration::from_millis(due_ms)]);
        let received = events.map(|event| match event {
            Raw::Envelope(envelope) => envelope.received_at.unwrap(),
            other => panic!("{other:?}"),
        });
        assert_eq!(received[1] - received[0], 4000.0);
        assert_eq!(received[1], 1e6 + due_ms as f64, "received when sent");
    }
}

// JSON's 77 is the same name as "77", because many applications have numeric ids.
#[test]
fn names_may_be_numbers_in_every_format() {
    let received = json!({"id": 5, "type": "inbound-rtp", "kind": "audio", "ssrc": 8,
        "timestamp": 1_790_000_000_500_u64, "packetsReceived": 50, "packetsLost": 0});
    let time = 1_790_000_000_000_u64;
    let stats = json!([received]);
    for (format, recording) in [
        ("capture", json!({"roomId": 31, "userId": 4.0, "appId": 6, "stats": stats})),
        (
            "envelope",
            json!({"v": 1, "event": "stats", "app": 6, "call": 31, "participant": 4,
            "timestamp": time, "report": stats}),
        ),
        (
            "sample",
            json!({"callId": 31, "clientId": 4, "timestamp": time, "app": 6,
            "peerConnections": []}),
        ),
        (
            "callstats",
            json!({"POST": "/v1/apps/6/conferences/31/u/stats", "body":
            {"localID": 4, "deviceID": "d", "timestamp": time, "connectionID": 7,
             "stats": [{"tracks": []}]}}),
        ),
    ] {
        let text = recording.to_string();
        let expanded = recording::read(text.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
        let sessions: Vec<_> = expanded.records.iter().map(Raw::session).collect();
        assert_eq!(sessions, [["6", "31", "4"]], "{format}");
        for record in &expanded.records {
            let payload = record.payload().unwrap();
            let examined = ingest::examine(&payload, record.key().as_bytes());
            assert!(examined.is_ok() || format == "callstats", "{format}: {examined:?}");
        }
    }
    let dump = lines(&[
        json!(["create", 2, {}, time]),
        json!(["getstats", 2, {"5": received}, time + 1_000]),
        json!(["close", 2, null, time + 2_000]),
    ]);
    let expanded = read(&dump);
    assert_eq!(expanded.unread, 0);
    let connection = |e: &Envelope| e.peer_connection.clone().unwrap();
    let connections: Vec<_> = expanded.envelopes.iter().map(connection).collect();
    assert_eq!(connections, ["2", "2", "2"]);
    assert_eq!(report(&expanded.envelopes[1])["5"]["id"], 5);
}
