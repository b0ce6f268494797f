//! Replayed recordings, processed by ingest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use deploy::connect::KafkaArgs;
use ingest::Ingest;
use schemas::{DeadLetter, EventKind, Interval, Report};
use serde_json::{Value, json};
use service::{
    AppendTime, Input, Offset, Pace, Partition, Record, Recorder, Service, Source, Topic,
};

use super::{Options, read, stamp};

/// Any time later than 72 h after the Unix epoch.
const NOW_MS: f64 = 1_800_000_000_000.0;

pub(super) fn options(files: Vec<PathBuf>) -> Options {
    Options {
        files,
        own: KafkaArgs::default(),
        raw: deploy::names::RawTopic::default(),
        speed: f64::INFINITY,
        app: None,
        call: None,
        client_ip: Some([192, 0, 2, 1].into()),
        start: None,
        limit_mb: super::LIMIT_MB,
    }
}

/// Runs a replay through ingest's core, without Kafka.
pub(super) fn ingest(options: &Options) -> (Vec<Report>, Vec<DeadLetter>) {
    let source = Source { input: Input(0), partition: Partition(0) };
    let settings = service::Settings::default();
    let mut handler = Ingest::start(&settings, &prometheus::Registry::new()).unwrap();
    let mut recorder = Recorder::default();
    recorder.assign(source);
    handler.assigned(source, None).unwrap();

    let (_, recordings) = read(options).unwrap();
    for (offset, (_, event)) in stamp(options, recordings, NOW_MS).iter().enumerate() {
        let (key, payload) = (event.key(), event.payload().unwrap());
        let record = Record {
            source,
            offset: Offset(offset as i64),
            appended: AppendTime(NOW_MS as i64),
            key: Some(key.as_bytes()),
            content_type: None,
            payload: &payload,
            look_back: false,
        };
        handler.record(&record, &mut recorder).unwrap();
        recorder.commit(&mut *handler);
        handler.tick(0, Pace::Live, &mut recorder).unwrap();
    }

    let (mut reports, mut dead_letters) = (Vec::new(), Vec::new());
    for sent in recorder.sent {
        match sent.topic {
            Topic::Reports => reports.push(schemas::decode(&sent.payload).unwrap()),
            _ => dead_letters.push(schemas::decode(&sent.payload).unwrap()),
        }
    }
    (reports, dead_letters)
}

#[test]
fn the_real_dumps_and_reports_give_intervals_and_not_one_dead_letter() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples");
    for (file, intervals) in [
        ("rtcstats/google-standard-stats-sfu.jsonl", 8 * 30),
        ("rtcstats/firefox-standard-stats-sfu.jsonl", 8 * 60),
        ("rtcstats/safari-standard-stats.jsonl", 8 * 60),
        ("rtcstats/chrome-standard-pc-reconnect.jsonl", 2),
        ("rtcstats/chrome-relay.jsonl", 12),
        ("rtcstats/rtcstats-dump-fileformat3.jsonl", 0),
        ("getstats/chrome-two-consecutive-10s.json", 1),
        ("getstats/chrome-snapshot.json", 0),
        ("getstats/webrtc-internals-shape.json", 2),
        ("clientsample/client-sample.json", 0),
        ("callstats/rest-events.json", 0),
    ] {
        let path = samples.join(file);
        if !path.exists() {
            eprintln!("skipped: there is no {}", path.display());
            continue;
        }
        let (reports, dead_letters) = ingest(&options(vec![path]));
        assert_eq!(dead_letters, [], "{file}");
        let found: usize = reports.iter().map(|report| report.intervals.len()).sum();
        assert!(found >= intervals, "{file}: {found} intervals");
    }
}

#[test]
fn two_real_reports_give_the_reference_values() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/samples/getstats/chrome-two-consecutive-10s.json");
    if !path.exists() {
        eprintln!("skipped: there is no {}", path.display());
        return;
    }
    let (reports, _) = ingest(&options(vec![path]));
    let report = reports.iter().find(|report| !report.intervals.is_empty()).unwrap();
    let ratio = |a: Option<i64>, b: Option<i64>| a.unwrap() as f64 / b.unwrap() as f64;
    let near =
        |found: f64, wanted: f64| assert!((found - wanted).abs() <= wanted * 5e-4, "{found}");

    let outbound = report.intervals.iter().find(|i| i.round_trip_count > Some(0)).unwrap();
    near(ratio(outbound.round_trip_us, outbound.round_trip_count), 37_560.0);
    let path = report.paths.first().unwrap();
    near(ratio(path.ice_round_trip_us, path.ice_round_trip_count), 48_000.0);
    let emitted = |i: &Interval| i.inbound.and_then(|inbound| inbound.jitter_buffer_emitted);
    let received = report.intervals.iter().find(|i| emitted(i) > Some(0)).unwrap();
    let buffer_us = received.inbound.unwrap().jitter_buffer_us;
    near(ratio(buffer_us, emitted(received)), 158_500.0);
    let frames = received.video.unwrap().frames.unwrap();
    near(frames as f64 * 1e6 / (received.end_us - received.start_us) as f64, 22.59);
}

/// Returns an interval in the form of the expectations: its known fields, with times relative to
/// the recording's first event.
fn described(report: &Report, interval: &Interval, start_us: i64) -> Value {
    let mut fields = serde_json::to_value(interval).unwrap();
    let fields = fields.as_object_mut().unwrap();
    // A position, which carries no information by itself.
    fields.remove("path");
    for group in ["inbound", "audio", "video", "limitation"] {
        let limited = if group == "limitation" { "limited_" } else { "" };
        let Some(Value::Object(members)) = fields.remove(group) else { continue };
        for (name, value) in members {
            let limited = if name.ends_with("_us") { limited } else { "" };
            fields.insert(format!("{limited}{name}"), value);
        }
    }
    fields.retain(|_, value| !value.is_null());
    fields.insert("start_us".to_owned(), json!(interval.start_us - start_us));
    fields.insert("end_us".to_owned(), json!(interval.end_us - start_us));
    fields.insert("participant".to_owned(), json!(report.participant));
    fields.insert("client_version".to_owned(), json!(report.client_version));
    json!(fields)
}

#[test]
fn the_recording_gives_the_intervals_that_were_worked_out_without_ingest() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/recordings");
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let start_ms = NOW_MS as u64 - 60_000;
    let replay = Options { start: Some(start_ms), ..options(vec![folder.join("call.jsonl")]) };
    let (reports, dead_letters) = ingest(&replay);
    assert_eq!(dead_letters, []);

    let found =
        reports.iter().filter(|report| report.event == EventKind::Stats).flat_map(|report| {
            let intervals = report.intervals.iter();
            intervals.map(|interval| described(report, interval, start_ms as i64 * 1000))
        });
    let key = |interval: &Value| {
        ["participant", "stats_id", "end_us"].map(|field| interval[field].to_string())
    };
    let mut found: Vec<Value> = found.collect();
    let mut wanted: Vec<Value> = expected["intervals"].as_array().unwrap().clone();
    for interval in &mut wanted {
        // Fields that enrich adds.
        interval.as_object_mut().unwrap().retain(|field, value| {
            let scored = ["mos_milli", "verdict", "reason"].iter().any(|part| field.contains(part));
            !scored && !value.is_null()
        });
    }
    found.sort_by_key(key);
    wanted.sort_by_key(key);
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted);
    }
}

const PAGE: &str = include_str!("../../../docs/reference/formats.md");

/// Returns the recordings of `docs/reference/formats.md`: name and content.
fn examples() -> Vec<(&'static str, &'static str)> {
    let example = |rest: &'static str| {
        let (name, rest) = rest.split_once(" -->\n```").unwrap();
        (name, rest.split_once('\n').unwrap().1.split_once("```\n").unwrap().0)
    };
    PAGE.split("<!-- file: ").skip(1).map(example).collect()
}

#[test]
fn every_recording_of_the_reference_gives_the_reports_that_are_held_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut intervals = Vec::new();
    for (name, recording) in examples() {
        let path = folder.path().join(name);
        std::fs::write(&path, recording).unwrap();
        let replay =
            Options { start: Some(NOW_MS as u64 - 60_000), client_ip: None, ..options(vec![path]) };
        let (reports, dead_letters) = ingest(&replay);
        assert_eq!(dead_letters, [], "{name}");
        let mut values = serde_json::to_value(&reports).unwrap();
        service::testing::remove_nulls(&mut values);
        insta::assert_json_snapshot!(name.replace('.', "-"), values);
        // A numbered dump has different ids, and events that others lack determine the start of the
        // recording.
        let of_all = reports.into_iter().flat_map(|report| report.intervals);
        let of_all = of_all.map(|interval| Interval {
            stats_id: String::new(),
            end_us: interval.end_us - interval.start_us,
            start_us: 0,
            ..interval
        });
        intervals.push((name, of_all.collect::<Vec<_>>()));
    }
    assert_eq!(intervals.len(), 6);
    let wanted = intervals[0].1.clone();
    assert_eq!(wanted.len(), 2);
    for (name, found) in intervals {
        if name == "ann-1.encoder2" {
            // It has no codecs, no times of single streams, and no zero times of quality
            // limitation.
            assert_eq!(
                found.iter().map(counted).collect::<Vec<_>>(),
                wanted.iter().map(counted).collect::<Vec<_>>()
            );
        } else {
            assert_eq!(found, wanted, "{name}");
        }
    }
}

/// Returns the interval with only the counters that every format has.
fn counted(interval: &Interval) -> Interval {
    Interval { codec: None, end_us: 0, limitation: None, ..interval.clone() }
}
