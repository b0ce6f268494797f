//! Small recordings that expand to huge ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expand::budget::Budget;
use expand::outcome::Refusal;
use expand::raw::Labels;
use expand::recording;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::through_ingest::options;
use super::{Options, read};

const LABELS: Labels<'_> = Labels { app: None, call: None, client_address: None, name: "tape" };

fn lines(values: impl IntoIterator<Item = serde_json::Value>) -> String {
    values.into_iter().map(|value| format!("{value}\n")).collect()
}

/// A report with many stats objects, and lines that repeat all of it in a few bytes.
fn numbered(repeated: i32) -> String {
    let stats = |n: i32| (n.to_string(), json!({"type": 1, "11": "audio", "10": n, "14": 5}));
    let mut report: serde_json::Map<_, _> = (0..500).map(stats).collect();
    report.insert("t".to_owned(), json!(1e12));
    let first = json!(["g", "PC_0", report, 1e12]);
    let again = (1..=repeated).map(|n| json!(["g", "PC_0", {"t": 1e12 + f64::from(n)}, 1]));
    format!("RTCStatsDump\n{{\"fileFormat\":3}}\n{}", lines([first].into_iter().chain(again)))
}

/// Each of Jitsi's lines also expands to all members of the first one.
fn jitsi() -> String {
    let agent = json!(["connectionInfo", null, {"userAgent": "x".repeat(20_000)}, 1]);
    let states = ["connected", "disconnected"].into_iter().cycle().zip(2..3_000);
    let states = states.map(|(state, ms)| json!(["onconnectionstatechange", "PC_0", state, ms]));
    lines([agent].into_iter().chain(states))
}

/// Fields of the application are in every expanded sample, but only in the first delta.
fn deltas() -> String {
    let delta = |n: i32| {
        let streams = json!([{"ssrc": 1, "timestamp": 1e12, "packetsReceived": n}]);
        let connections = json!([{"peerConnectionId": "x", "inboundRtps": streams}]);
        json!({"timestamp": 1e12 + f64::from(n), "clientId": "c", "peerConnections": connections})
    };
    let mut first = delta(0);
    first["attachments"] = json!({"text": "x".repeat(20_000)});
    let stream = &mut first["peerConnections"][0]["inboundRtps"][0];
    stream["id"] = json!("A");
    stream["kind"] = json!("audio");
    lines([first].into_iter().chain((1..1_000).map(delta)))
}

/// A sample may name one stream many times, each time with all of its members.
fn named_again() -> String {
    let sample = |streams: serde_json::Value| {
        json!({"timestamp": 1e12, "clientId": "c", "peerConnections": [
            {"peerConnectionId": "x", "inboundRtps": streams}]})
    };
    let stream = json!({"ssrc": 1, "id": "A", "kind": "audio", "text": "x".repeat(20_000)});
    lines([sample(json!([stream])), sample(json!(vec![json!({"ssrc": 1}); 2_000]))])
}

/// An event repeats the members of the previous one: an event may have two bytes.
fn protobuf() -> String {
    let field = |number: u8, bytes: &[u8]| {
        let length = [(bytes.len() & 0x7f) as u8 | 0x80, (bytes.len() >> 7) as u8];
        [&[number << 3 | 2][..], &length, bytes].concat()
    };
    let event = [field(1, b"CLIENT_JOINED"), field(2, &[b'x'; 8_000])].concat();
    let time = [&[6 << 3 | 1][..], &1e12_f64.to_le_bytes()].concat();
    let again = [1 << 3 | 2, 0].repeat(5_000);
    STANDARD.encode([field(1, &event), again, time, field(9, b"ann")].concat())
}

/// In schema 2, eight bytes may repeat a stream of the same sample.
fn flat() -> String {
    let (short, long) = (b"\x08\x07\xda\x02\x01a", [b'x'; 8_000]);
    let long = [&short[..], b"\xc2\x01\xc0\x3e", &long].concat();
    let again = [b"\x5a\x06", &short[..]].concat().repeat(5_000);
    of_schema_2(&[b"\x5a\xca\x3e", &long[..], &again].concat())
}

/// Returns samples of few bytes each. Only the first one contains the call.
fn flat_lines() -> String {
    let call = [b"\xc2\x01\xc0\x3e", &[b'x'; 8_000][..]].concat();
    let first = format!("{}\n", of_schema_2(&call));
    first + &format!("{}\n", of_schema_2(&[])).repeat(3_000)
}

/// Returns a sample of schema 2 with a client, a time and `more`.
fn of_schema_2(more: &[u8]) -> String {
    STANDARD.encode([more, b"\xaa\x01\x01p\xb0\x01\xa0\x95\xba\x8f\xa0\x34"].concat())
}

/// A value of the remote end, recorded once, is part of every later report.
fn internals() -> String {
    let series = |of: &str, values: &[serde_json::Value]| {
        json!({"statsType": of, "startTime": "2026-01-01T00:00:00Z",
               "endTime": "2026-01-01T00:00:01Z", "values": json!(values).to_string()})
    };
    let times: Vec<_> = (0..1_000).map(|n| json!(1e12 + f64::from(n))).collect();
    json!({"PeerConnections": {"12-1": {"updateLog": [], "stats": {
        "IT01A1-timestamp": series("inbound-rtp", &times),
        // The second time is after all polls, so that the times decide to which polls the values
        // belong.
        "R-timestamp": series("remote-outbound-rtp", &[json!(1e12), json!(1e12 + 5000.0)]),
        "R-text": series("remote-outbound-rtp", &[json!("x".repeat(20_000)), json!("")]),
    }}}})
    .to_string()
}

/// An interval without values takes some dozen bytes, and ten times as many in memory.
fn canonical() -> Vec<u8> {
    let report = schemas::Report {
        event: schemas::EventKind::Stats,
        intervals: vec![schemas::Interval::default(); 1_000],
        ..Default::default()
    };
    schemas::encode(&report).unwrap().repeat(10)
}

#[test]
fn reports_count_by_the_memory_that_they_take() {
    let recording = canonical();
    assert!(recording.len() < 1_000_000, "{}", recording.len());
    let read = |mb| recording::read(&recording, LABELS, &Budget::of_mb(mb));
    assert_eq!(read(2).unwrap_err(), Refusal::TooLarge { limit_mb: 2 });
    assert_eq!(read(100).unwrap().records.len(), 10);
}

/// A time with many digits applies to every object without a time.
fn times() -> String {
    let stats = |n: i32| (n.to_string(), json!({"type": 1, "timestamp": 0}));
    let objects: serde_json::Map<_, _> = (0..1_000).map(stats).collect();
    let first = json!(["getstats", "PC_0", objects, 1e12]);
    let time = format!("1.{}", "0".repeat(100_000));
    let again = json!(["getstats", "PC_0", objects, 1e12]).to_string();
    let again = again.replacen('{', &format!("{{\"timestamp\":{time},"), 1);
    format!("{first}\n{again}\n")
}

#[test]
fn a_recording_that_expands_to_more_than_the_limit_is_refused() {
    for (recording, kind) in [
        (numbered(2_000), "numbered"),
        (jitsi(), "jitsi"),
        (deltas(), "deltas"),
        (named_again(), "named again"),
        (protobuf(), "protobuf"),
        (flat(), "flat"),
        (flat_lines(), "flat lines"),
        (internals(), "internals"),
    ] {
        assert!(recording.len() < 300_000, "{kind}: {}", recording.len());
        let read = |mb| recording::read(recording.as_bytes(), LABELS, &Budget::of_mb(mb));
        assert_eq!(read(10).unwrap_err(), Refusal::TooLarge { limit_mb: 10 }, "{kind}");
        // The limit is the reason for the refusal.
        let expanded = read(1_000).unwrap();
        assert_eq!(expanded.unread.count, 0, "{kind}");
        let bytes = expanded.records.iter().map(|record| record.payload().unwrap().len());
        assert!(bytes.sum::<usize>() > 10_000_000, "{kind}");
    }
}

#[test]
fn an_implausible_time_is_reported_once() {
    let expanded = recording::read(times().as_bytes(), LABELS, &Budget::of_mb(1)).unwrap();
    assert_eq!((expanded.records.len(), expanded.unread.count), (1, 1));
}

#[test]
fn the_error_names_the_file_and_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 20_000_000]).unwrap();
    let files =
        [("gz-bomb.json.gz", gzip.finish().unwrap()), ("bomb.rtcstats", numbered(2_000).into())];
    for (name, bytes) in files {
        assert!(bytes.len() < 200_000, "{name}: {}", bytes.len());
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = read(&Options { limit_mb: 10, ..options(vec![path.clone()]) }).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        assert!(message.contains("10 MB") && message.contains("--limit-mb"), "{message}");
    }
}

#[test]
fn the_limit_is_one_for_all_recordings_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.rtcstats");
    // A report takes about 40 kB.
    std::fs::write(&path, numbered(150)).unwrap();
    let read = |files| read(&Options { limit_mb: 10, ..options(files) });
    assert!(read(vec![path.clone()]).is_ok());
    assert!(read(vec![path.clone(), path]).is_err());
}
