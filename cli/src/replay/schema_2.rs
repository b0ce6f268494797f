//! Streams of ObserveRTC's protobuf encoder 2, written by the encoder itself
//! (`expand/samples/make-flat.mjs`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expand::budget::Budget;
use expand::outcome::Refusal;
use expand::recording;
use schemas::{EventKind, Report};
use serde_json::{Value, json};

use super::Options;
use super::through_ingest::{ingest, options};
use super::variations::{LABELS, expanded, expands_to, normal, parsed};

/// Deltas, and the samples that they were made from: of one client, of two clients in one message,
/// and with all members of the schema and UUIDs as ids.
const STREAMS: [(&str, &str); 3] = [
    (
        include_str!("../../../expand/samples/flat.txt"),
        include_str!("../../../expand/samples/flat.samples.jsonl"),
    ),
    (
        include_str!("../../../expand/samples/flat-clients.txt"),
        include_str!("../../../expand/samples/flat-clients.samples.jsonl"),
    ),
    (
        include_str!("../../../expand/samples/flat-every.txt"),
        include_str!("../../../expand/samples/flat-every.samples.jsonl"),
    ),
];
const ONE: &str = STREAMS[0].0;

fn refused(bytes: &[u8]) -> Refusal {
    recording::read(bytes, LABELS, &Budget::of_mb(100)).unwrap_err()
}

fn in_base64(parts: &[&[u8]]) -> String {
    STANDARD.encode(parts.concat())
}

#[test]
fn encoder_output_expands_to_the_samples_that_it_was_given() {
    for (stream, samples) in STREAMS {
        expands_to(stream, samples);
    }
}

#[test]
fn a_stream_gives_the_reports_of_the_whole_samples_that_it_was_made_from() {
    let folder = tempfile::tempdir().unwrap();
    let reports = |(stream, samples): (&str, &str)| {
        [("tape.txt", stream), ("tape.jsonl", samples)].map(|(name, recording)| {
            let path: PathBuf = folder.path().join(name);
            std::fs::write(&path, recording).unwrap();
            let (reports, dead_letters) =
                ingest(&Options { start: Some(1_799_999_000_000), ..options(vec![path]) });
            assert_eq!(dead_letters, [], "{name}");
            reports
        })
    };
    let [ann, clients, every] = STREAMS.map(|stream| {
        let [found, wanted] = reports(stream);
        assert_eq!(found, wanted);
        found
    });
    let intervals =
        |reports: &[Report]| reports.iter().map(|report| report.intervals.len()).sum::<usize>();
    // Four of audio, two of video, and two of sent media, five times each.
    assert_eq!(intervals(&ann), 16);
    assert_eq!(intervals(&clients), 16 + 2 + 1 + 4);
    assert_eq!(intervals(&every), 4);
    let happened: Vec<EventKind> = ann
        .iter()
        .flat_map(|report| {
            let more = report.more_events.iter().map(|happened| happened.event);
            [report.event].into_iter().chain(more)
        })
        .filter(|event| *event != EventKind::Stats)
        .collect();
    let wanted =
        [EventKind::Joined, EventKind::DeviceFailed, EventKind::Connected, EventKind::Left];
    assert_eq!(happened, wanted);
    let lost = ann.iter().flat_map(|report| &report.intervals).filter(|i| i.ssrc == 8);
    let lost: Vec<_> = lost.map(|interval| interval.packets_lost).collect();
    assert_eq!(lost, [Some(0), Some(4)], "0 is not sent");
}

#[test]
fn an_encoder_that_restarts_sends_its_whole_state() {
    let [(stream, samples), ..] = STREAMS;
    let found: Vec<Value> = expanded(&stream.repeat(2)).into_iter().map(normal).collect();
    // Records are in the order of their times.
    let wanted: Vec<Value> = parsed(samples).into_iter().map(normal).collect();
    let twice: Vec<&Value> = wanted.iter().flat_map(|sample| [sample, sample]).collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), twice);
}

#[test]
fn a_sample_of_nothing_is_whole() {
    // A client and a time, as the encoder writes them, and one without either.
    assert_eq!(
        expanded("qgEFYW5uLTGwAaCVuo+gNA=="),
        [json!({"clientId": "ann-1", "timestamp": 1_795_328_740_000_u64})]
    );
    let whose = [&b"\xaa\x01\x01p"[..], b"\xb0\x01\xa0\x95\xba\x8f\xa0\x34"];
    for without in whose {
        let refusal = refused(in_base64(&[without, b"\xd2\x01\x06marker"]).as_bytes()).to_string();
        assert!(refusal.starts_with("line 1: base64, but no whole ClientSample"), "{refusal}");
    }
}

#[test]
fn a_broken_stream_is_reported_with_its_position_and_what_to_do() {
    let first = ONE.lines().next().unwrap();
    let bytes = STANDARD.decode(first).unwrap();
    let wrapped = |sample: &[u8]| {
        let mut samples = vec![0x0a];
        prost::encode_length_delimiter(sample.len(), &mut samples).unwrap();
        [&samples[..], sample].concat()
    };
    let cut = &bytes[..bytes.len() - 1];
    for (recording, why) in [
        (format!("\n{}\n", &first[..first.len() - 3]), "line 2: no whole base64"),
        (in_base64(&[cut]), "line 1: base64, but no whole ClientSample"),
        (in_base64(&[&wrapped(cut)]), "line 1: base64, but no whole ClientSample"),
        (in_base64(&[&wrapped(&bytes), b"\x0a\x00"]), "line 1: base64, but no whole ClientSample"),
        (in_base64(&[&bytes.repeat(10_000)]), "line 1: more than 4 MiB"),
        // A list of 2^62 bytes in an otherwise complete sample.
        (
            in_base64(&[&bytes, b"\x5a\xff\xff\xff\xff\xff\xff\xff\xff\x3f"]),
            "line 1: base64, but no whole ClientSample",
        ),
    ] {
        let refusal = refused(recording.as_bytes()).to_string();
        assert!(refusal.starts_with(why) && refusal.contains("record"), "{refusal}");
    }
    let later = ONE.split_once('\n').unwrap().1;
    assert_eq!(refused(later.as_bytes()), Refusal::NoBeginning);

    // Complete samples are sent, and the others are counted.
    let torn = format!("{first}\n{}\n{later}", &first[..40]);
    let expanded = recording::read(torn.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!((expanded.records.len(), expanded.unread.count), (6, 1));
    assert_eq!(expanded.unread.first_line, Some(2));
    // A client whose beginning is missing does not affect others.
    let clients: Vec<&str> = STREAMS[1].0.lines().collect();
    let joined = format!("{first}\n{}", clients[1..].join("\n"));
    let expanded = recording::read(joined.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!((expanded.records.len(), expanded.unread.count), (6, 2));
}

#[test]
fn a_stream_that_is_damaged_anywhere_is_read_or_refused() {
    for (stream, _) in STREAMS {
        let mut lines = stream.lines();
        let [first, second] = [(); 2].map(|()| lines.next().unwrap());
        let mut bytes = STANDARD.decode(second).unwrap();
        for at in 0..bytes.len() {
            for flipped in [1, 0x80] {
                bytes[at] ^= flipped;
                let damaged = format!("{first}\n{}", STANDARD.encode(&bytes));
                bytes[at] ^= flipped;
                let read = recording::read(damaged.as_bytes(), LABELS, &Budget::of_mb(1)).unwrap();
                assert!(read.records.len() as u64 + read.unread.count >= 2, "byte {at}");
                assert!(read.records.iter().all(|record| record.payload().is_ok()));
            }
        }
    }
}
