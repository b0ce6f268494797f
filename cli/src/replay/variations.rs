//! One stream in the forms of different releases, browsers and collectors, which must all give the
//! same interval.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;

use expand::budget::Budget;
use expand::outcome::Refusal;
use expand::raw::Labels;
use expand::raw::Raw;
use expand::recording;
use flate2::Compression;
use flate2::write::GzEncoder;
use schemas::{EventKind, Kind};
use serde_json::{Value, json};

use super::through_ingest::{ingest, options};

/// Time of the first snapshot, ms since the Unix epoch.
const START: f64 = 1_756_000_000_000.0;

/// Two snapshots, 10 s apart: times, packets received, packets lost.
const REPORTED: [(f64, i64, i64); 2] = [(START, 100, 0), (START + 10_000.0, 600, 5)];

/// Returns a stats object of each snapshot, with further members.
fn objects(more: &Value) -> Vec<Value> {
    let object = |(time, received, lost)| {
        let mut object = json!({"id": "A", "type": "inbound-rtp", "timestamp": time, "ssrc": 7,
            "kind": "audio", "packetsReceived": received, "packetsLost": lost});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        object
    };
    REPORTED.map(object).to_vec()
}

fn reports(more: &Value) -> Vec<Value> {
    objects(more).into_iter().map(|object| json!([object])).collect()
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn iso(ms: f64) -> String {
    jiff::Timestamp::from_millisecond(ms as i64).unwrap().to_string()
}

/// Asserts that a recording gives one interval, and returns its end, us since the Unix epoch.
#[track_caller]
fn assert_interval(name: &str, recording: impl AsRef<[u8]>) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, recording.as_ref()).unwrap();
    let (reports, dead_letters) = ingest(&options(vec![path]));
    assert_eq!(dead_letters, [], "{name}");
    let intervals = reports.into_iter().flat_map(|report| report.intervals).collect::<Vec<_>>();
    let [interval] = &intervals[..] else { panic!("{name}: {intervals:?}") };
    assert_eq!(interval.kind, Kind::Audio, "{name}");
    let packets = (interval.packets_received, interval.packets_lost);
    assert_eq!(packets, (Some(500), Some(5)), "{name}");
    assert_eq!(interval.end_us - interval.start_us, 10_000_000, "{name}");
    interval.end_us
}

#[test]
fn reports_whose_clock_is_another_have_the_times_of_their_capture() {
    let captured = |objects: &dyn Fn(Value) -> Value| {
        let of_each = reports(&json!({})).into_iter().zip(REPORTED).map(|(report, (ms, ..))| {
            json!({"capturedAt": ms, "roomId": "c", "stats": [objects(report[0].clone())]})
        });
        lines(&of_each.collect::<Vec<_>>())
    };
    let moved = |by_ms: f64| {
        captured(&|mut object: Value| {
            object["timestamp"] = json!(object["timestamp"].as_f64().unwrap() + by_ms);
            object
        })
    };
    let ends = assert_interval("as the capture.ndjson", moved(0.0));
    assert_eq!(assert_interval("asleep.ndjson", moved(-3.0 * 3_600_000.0)), ends);
    assert_eq!(assert_interval("performance.now().ndjson", moved(2_500.5 - START)), ends);
}

#[test]
fn reports_of_native_sdks_have_objects_of_their_own_around_them() {
    let native = |time: &str, map: &str, values: &str| {
        let of_each = objects(&json!({})).into_iter().zip(REPORTED).map(|(object, (ms, ..))| {
            let mut nested = object.clone();
            for member in ["id", "type", "timestamp"] {
                nested.as_object_mut().unwrap().remove(member);
            }
            let object = json!({time: ms * 1e3, "type": "inbound-rtp", "id": "A", values: nested});
            json!({time: ms * 1e3, map: {"A": object}})
        });
        of_each.collect::<Vec<_>>()
    };
    for (name, reports) in [
        ("Java", native("timestampUs", "statsMap", "members")),
        ("Objective-C", native("timestamp_us", "statistics", "values")),
    ] {
        assert_interval(&format!("{name}.ndjson"), lines(&reports));
        assert_interval(&format!("{name}.json"), json!(reports).to_string());
        let wrap = |with: fn(Value) -> Value| {
            lines(&reports.iter().cloned().map(with).collect::<Vec<_>>())
        };
        assert_interval(
            &format!("{name}, wrapped.ndjson"),
            wrap(|report| json!({"report": report})),
        );
        assert_interval(
            &format!("{name}, of a call.ndjson"),
            wrap(|it| json!({"callId": "c", "stats": it})),
        );
        let bare = wrap(|it| it.get("statsMap").or_else(|| it.get("statistics")).unwrap().clone());
        assert_interval(&format!("{name}, bare.ndjson"), bare);
    }
}

#[test]
fn reports_may_be_written_in_many_ways() {
    let plain = reports(&json!({}));
    assert_interval("array of arrays.json", json!(plain).to_string());
    assert_interval(
        "one after the other.json",
        plain.iter().map(Value::to_string).collect::<String>(),
    );
    assert_interval("windows.ndjson", format!("\u{feff}{}", lines(&plain).replace('\n', "\r\n")));
    let pairs = objects(&json!({})).into_iter().map(|object| json!([["A", object]]));
    assert_interval("pairs.ndjson", lines(&pairs.collect::<Vec<_>>()));
    let maps = objects(&json!({"id": null})).into_iter().map(|object| json!({"A": object}));
    assert_interval("maps.ndjson", lines(&maps.collect::<Vec<_>>()));

    let captured = |time: fn(f64) -> Value| {
        let with = plain.iter().zip(REPORTED);
        with.map(|(report, (ms, ..))| json!({"time": time(ms), "roomId": "c", "stats": report}))
            .collect::<Vec<_>>()
    };
    assert_interval("captures.json", json!(captured(|ms| json!(ms))).to_string());
    assert_interval("captures, ISO 8601.ndjson", lines(&captured(|ms| json!(iso(ms)))));
    assert_interval("captures, seconds.ndjson", lines(&captured(|ms| json!(ms / 1e3))));
    assert_interval(
        "listed.json",
        json!({"v": 7, "snapshots": captured(|ms| json!(ms))}).to_string(),
    );

    let members = plain.iter().map(|report| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(format!("{report}\n").as_bytes()).unwrap();
        packed.finish().unwrap()
    });
    assert_interval("members.json.gz", members.collect::<Vec<_>>().concat());
}

#[test]
fn stats_objects_differ_between_releases_and_browsers() {
    for (name, more) in [
        (
            "old Chrome",
            json!({"id": "RTCInboundRTPAudioStream_7", "kind": null, "mediaType": "audio",
            "isRemote": false, "trackId": "RTCMediaStreamTrack_receiver_1"}),
        ),
        (
            "old Firefox",
            json!({"id": "inbound_rtp_audio_0", "kind": null, "mediaType": "audio",
            "isRemote": false, "bitrateMean": 0.5, "droppedFrames": null}),
        ),
        ("Firefox", json!({"id": "f9a9c2fe", "mediaType": "audio", "playoutId": "audio-playout"})),
        ("Safari", json!({"kind": null, "mediaType": "audio", "trackId": "RTCMediaStreamTrack_1"})),
        ("native, numbered", json!({"id": 4, "ssrc": "7"})),
        ("without SSRC", json!({"ssrc": null})),
    ] {
        let mut reports = reports(&more);
        for report in &mut reports {
            let track = json!({"id": "RTCMediaStreamTrack_receiver_1", "type": "track",
                "kind": "audio", "timestamp": report[0]["timestamp"], "concealedSamples": 7});
            let gone = json!({"id": "X", "type": "stream", "timestamp": START});
            report.as_array_mut().unwrap().extend([track, gone]);
        }
        assert_interval(name, lines(&reports));
    }
    let times: [fn(f64) -> Value; 3] =
        [|ms| json!(ms * 1e3), |ms| json!(iso(ms)), |ms| json!(format!("{ms:.3}"))];
    for time in times {
        let mut reports = reports(&json!({}));
        for (report, (ms, ..)) in reports.iter_mut().zip(REPORTED) {
            report[0]["timestamp"] = time(ms);
        }
        assert_interval("times.json", lines(&reports));
    }
}

#[test]
fn dumps_of_rtcstats_may_number_their_lines() {
    let line = |(number, (time, received, lost)): (usize, (f64, i64, i64))| {
        let mut object = json!({"timestamp": 0, "packetsReceived": received, "packetsLost": lost});
        if number == 0 {
            object["type"] = json!("inbound-rtp");
            object["kind"] = json!("audio");
        }
        let delta = json!({"A": object, "timestamp": time});
        json!(["getstats", "PC_0", delta, time + 3.0, number])
    };
    let created = json!(["create", "PC_0", {}, START, 1]);
    let lines =
        lines(&[vec![created], REPORTED.into_iter().enumerate().map(line).collect()].concat());
    assert_interval("numbered lines.jsonl", lines);
}

#[test]
fn dumps_of_chrome_with_and_without_times_of_their_values() {
    let (start, end) = (iso(REPORTED[0].0), iso(REPORTED[1].0));
    let series = |values: Value| {
        json!({"startTime": start, "endTime": end, "statsType": "inbound-rtp",
               "values": values.to_string()})
    };
    let streams = |id: &str| {
        json!({
            format!("{id}-packetsReceived"): series(json!([100, 600])),
            format!("{id}-packetsLost"): series(json!([0, 5])),
            format!("{id}-[packetsReceived/s]"): series(json!([0, 50])),
            format!("{id}-ssrc"): series(json!([7, 7])),
        })
    };
    let dump = |stats: &Value| {
        json!({"UserAgent": "Mozilla/5.0 …", "UserAgentData": [], "getUserMedia": [],
            "PeerConnections": {"11-1": {"pid": 11, "rid": 1, "url": "https://example.org/",
                "rtcConfiguration": "{}", "constraints": "", "updateLog": [
                    {"time": "24/08/2025, 03:46:41", "type": "createOffer", "value": ""}],
                "stats": stats}}})
        .to_string()
    };
    let mut new = streams("IT01A7");
    new["IT01A7-timestamp"] = series(json!([REPORTED[0].0, REPORTED[1].0]));
    assert_interval("new.json", dump(&new));
    let mut old = streams("RTCInboundRTPAudioStream_7");
    let later = json!({"startTime": end, "endTime": end, "statsType": "codec", "values": "[111]"});
    old["RTCCodec_1-payloadType"] = later;
    assert_interval("old.txt", dump(&old));
}

#[test]
fn samples_of_observertc_in_both_schemas_and_any_wrapping() {
    let flat = REPORTED.map(|(time, received, lost)| {
        json!({"timestamp": time, "clientId": "p", "roomId": "c", "inboundAudioTracks": [
            {"ssrc": 7, "peerConnectionId": "x", "trackId": "t", "packetsReceived": received,
             "packetsLost": lost}]})
    });
    let nested = REPORTED.map(|(time, received, lost)| {
        json!({"timestamp": time, "clientId": "p", "callId": "c", "peerConnections": [
            {"peerConnectionId": "x", "inboundRtps": [{"id": "A", "kind": "audio", "ssrc": 7,
             "timestamp": time, "packetsReceived": received, "packetsLost": lost}]}]})
    });
    for samples in [flat, nested] {
        assert_interval("samples.ndjson", lines(&samples));
        assert_interval("posted.json", json!({"clientSamples": samples}).to_string());
        let bodies = samples.map(|sample| json!({"clientSamples": [sample], "sfuSamples": []}));
        assert_interval("posted.ndjson", lines(&bodies));
    }
}

#[test]
fn bodies_of_callstats_in_seconds_and_in_milliseconds() {
    for scale in [1.0, 1e-3] {
        let bodies = REPORTED.map(|(time, received, lost)| {
            json!({"path": "/v1/apps/1/conferences/c/u/stats", "body": {"localID": "p",
                "deviceID": "d", "timestamp": time * scale, "connectionID": "x", "stats": {"tracks": [
                    {"type": "inbound-rtp", "ssrc": 7, "kind": "audio", "packetsReceived": received,
                     "packetsLost": lost}]}}})
        });
        assert_interval("bodies.json", json!(bodies).to_string());
    }
}

pub(super) const LABELS: Labels<'_> =
    Labels { app: None, call: None, client_address: None, name: "tape" };

/// Returns the samples of a recording, without the labels.
pub(super) fn expanded(recording: &str) -> Vec<Value> {
    let expanded = recording::read(recording.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!(expanded.unread.count, 0);
    let sample = |raw: &Raw| {
        let mut sample: Value = serde_json::from_slice(&raw.payload().unwrap()).unwrap();
        for label in ["app", "call", "participant"] {
            assert!(sample.as_object_mut().unwrap().remove(label).is_some());
        }
        sample
    };
    expanded.records.iter().map(sample).collect()
}

pub(super) fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn deltas_of_observertcs_encoder_expand_to_the_output_of_its_decoder() {
    let deltas = include_str!("../../../expand/samples/deltas.jsonl");
    assert_eq!(expanded(deltas), parsed(include_str!("../../../expand/samples/samples.jsonl")));
}

/// Output of the JSON codec for a client that never had a peer connection.
#[test]
fn deltas_without_peer_connections_name_their_call_once() {
    let deltas = concat!(
        r#"{"timestamp":1795328740000,"callId":"c","attachments":{"app":"meet"},"score":5,"clientEvents":[{"type":"CLIENT_JOINED","timestamp":1795328740000}],"clientId":"ann-1"}"#,
        "\n",
        r#"{"timestamp":1795328741000,"clientId":"ann-1"}"#,
        "\n",
        r#"{"timestamp":1795328742000,"score":4,"clientId":"ann-1"}"#,
        "\n",
        r#"{"timestamp":1795328744000,"clientEvents":[{"type":"CLIENT_LEFT","timestamp":1795328744000}],"clientId":"ann-1"}"#,
    );
    let samples = expanded(deltas);
    let scores = samples.iter().map(|sample| json!([sample["callId"], sample["score"]]));
    let wanted = [5, 5, 4, 4].map(|score| json!(["c", score]));
    assert_eq!(scores.collect::<Vec<_>>(), wanted);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tape.jsonl");
    std::fs::write(&path, deltas).unwrap();
    let (reports, dead_letters) = ingest(&options(vec![path]));
    assert_eq!(dead_letters, []);
    let events = reports.iter().map(|report| (report.event, &*report.app, &*report.call));
    let happened: Vec<_> = events.filter(|(event, ..)| *event != EventKind::Stats).collect();
    assert_eq!(happened, [(EventKind::Joined, "meet", "c"), (EventKind::Left, "meet", "c")]);
}

/// Normalises numbers, and removes empty lists, which equal missing ones.
pub(super) fn normal(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(items) => items.into_iter().map(normal).collect(),
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| *value != json!([]));
            Value::Object(kept.map(|(member, value)| (member, normal(value))).collect())
        }
        value => value,
    }
}

const PROTOBUF: &str = include_str!("../../../expand/samples/protobuf.txt");

#[test]
fn protobuf_encoder_output_expands_to_what_its_decoder_reads() {
    for (stream, samples) in [
        (PROTOBUF, include_str!("../../../expand/samples/protobuf.samples.jsonl")),
        (
            include_str!("../../../expand/samples/protobuf-every.txt"),
            include_str!("../../../expand/samples/protobuf-every.samples.jsonl"),
        ),
    ] {
        expands_to(stream, samples);
    }
}

/// Asserts that a stream in base64, in any form of recording, expands to the samples.
#[track_caller]
pub(super) fn expands_to(stream: &str, samples: &str) {
    let wanted: Vec<Value> = parsed(samples).into_iter().map(normal).collect();
    assert!(wanted.len() >= stream.lines().count());
    let strings = stream.lines().map(|line| json!(line)).collect::<Vec<_>>();
    for recording in [
        stream.to_owned(),
        format!("\n{}", stream.replace('\n', "\r\n\r\n")),
        stream.replace('+', "-").replace('/', "_").replace('=', ""),
        lines(&strings),
        serde_json::to_string_pretty(&strings).unwrap(),
    ] {
        let found: Vec<Value> = expanded(&recording).into_iter().map(normal).collect();
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found, wanted);
        }
        assert_eq!(found.len(), wanted.len());
    }
}

#[test]
fn the_same_session_is_the_same_by_both_of_its_codecs() {
    // One codec does not send changes of booleans to false, the other no changes of ids; the
    // session has neither.
    let by_json = expanded(include_str!("../../../expand/samples/deltas.jsonl"));
    let by_protobuf = expanded(PROTOBUF).into_iter().map(normal);
    assert_eq!(
        by_protobuf.collect::<Vec<_>>(),
        by_json.into_iter().map(normal).collect::<Vec<_>>()
    );
}

#[test]
fn broken_protobuf_is_detected_and_reported_with_what_to_do() {
    let refused = |bytes: &[u8]| recording::read(bytes, LABELS, &Budget::of_mb(100)).unwrap_err();
    let first = PROTOBUF.lines().next().unwrap();
    for (recording, why) in [
        (format!("\n{}\n", &first[..41]), "line 2: no whole base64"),
        (first[..40].to_owned(), "line 1: base64, but no whole ClientSample"),
        ("x".repeat(5 << 20), "line 1: more than 4 MiB"),
        // A list of 2^62 bytes.
        ("Kv//////////Pw==".to_owned(), "line 1: base64, but no whole"),
    ] {
        let refusal = refused(recording.as_bytes()).to_string();
        assert!(refusal.starts_with(why) && refusal.contains("record"), "{refusal}");
    }
    let later = PROTOBUF.split_once('\n').unwrap().1;
    assert_eq!(refused(later.as_bytes()), Refusal::NoBeginning);
    assert_eq!(refused(b"\x0a\x18\x0a\xff\xfe binary"), Refusal::NotText);

    // Complete samples are sent, and the others are counted.
    let torn = format!("{first}\n{}\n{later}", &first[..40]);
    let expanded = recording::read(torn.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!((expanded.records.len(), expanded.unread.count), (5, 1));
    assert_eq!(expanded.unread.first_line, Some(2));
}

#[test]
fn a_line_of_protobuf_takes_no_more_memory_than_a_few_times_its_length() {
    // Peer connections that replace each other, with a million empty streams each.
    let streams: Vec<u8> = [0x3a, 0].repeat(1 << 20);
    let mut bytes = vec![0x4a, 1, b'p', 0x2a];
    prost::encode_length_delimiter(streams.len(), &mut bytes).unwrap();
    bytes.extend(streams);
    let line = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes);
    let begun = std::time::Instant::now();
    assert_eq!(
        recording::read(line.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap_err(),
        Refusal::NoBeginning
    );
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}
