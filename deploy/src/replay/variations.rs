//! One stream told in the ways of other releases, browsers and collectors: each must come to the
//! same interval.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use schemas::Kind;
use serde_json::{Value, json};

use super::recording::{self, Labels, Refusal};
use super::through_ingest::{ingest, options};

/// ms since the Unix epoch.
const START: f64 = 1_756_000_000_000.0;

/// Two snapshots, 10 s apart: times, packets received, packets lost.
const TOLD: [(f64, i64, i64); 2] = [(START, 100, 0), (START + 10_000.0, 600, 5)];

/// A stats object of each snapshot, with more members.
fn objects(more: &Value) -> Vec<Value> {
    let object = |(time, received, lost)| {
        let mut object = json!({"id": "A", "type": "inbound-rtp", "timestamp": time, "ssrc": 7,
            "kind": "audio", "packetsReceived": received, "packetsLost": lost});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        object
    };
    TOLD.map(object).to_vec()
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

#[track_caller]
fn tells(name: &str, recording: impl AsRef<[u8]>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, recording.as_ref()).unwrap();
    let (reports, dead_letters) = ingest(&options(vec![path]));
    assert_eq!(dead_letters, [], "{name}");
    let intervals = reports.into_iter().flat_map(|report| report.intervals).collect::<Vec<_>>();
    let [interval] = &intervals[..] else { panic!("{name}: {intervals:?}") };
    assert_eq!(interval.kind, Kind::Audio, "{name}");
    let told = (interval.packets_received, interval.packets_lost);
    assert_eq!(told, (Some(500), Some(5)), "{name}");
    assert_eq!(interval.end_us - interval.start_us, 10_000_000, "{name}");
}

#[test]
fn reports_may_be_written_in_many_ways() {
    let plain = reports(&json!({}));
    tells("array of arrays.json", json!(plain).to_string());
    tells("one after the other.json", plain.iter().map(Value::to_string).collect::<String>());
    tells("windows.ndjson", format!("\u{feff}{}", lines(&plain).replace('\n', "\r\n")));
    let pairs = objects(&json!({})).into_iter().map(|object| json!([["A", object]]));
    tells("pairs.ndjson", lines(&pairs.collect::<Vec<_>>()));
    let maps = objects(&json!({"id": null})).into_iter().map(|object| json!({"A": object}));
    tells("maps.ndjson", lines(&maps.collect::<Vec<_>>()));

    let captured = |time: fn(f64) -> Value| {
        let with = plain.iter().zip(TOLD);
        with.map(|(report, (ms, ..))| json!({"time": time(ms), "roomId": "c", "stats": report}))
            .collect::<Vec<_>>()
    };
    tells("captures.json", json!(captured(|ms| json!(ms))).to_string());
    tells("captures, ISO 8601.ndjson", lines(&captured(|ms| json!(iso(ms)))));
    tells("captures, seconds.ndjson", lines(&captured(|ms| json!(ms / 1e3))));
    tells("listed.json", json!({"v": 7, "snapshots": captured(|ms| json!(ms))}).to_string());

    let members = plain.iter().map(|report| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(format!("{report}\n").as_bytes()).unwrap();
        packed.finish().unwrap()
    });
    tells("members.json.gz", members.collect::<Vec<_>>().concat());
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
        tells(name, lines(&reports));
    }
    let times: [fn(f64) -> Value; 3] =
        [|ms| json!(ms * 1e3), |ms| json!(iso(ms)), |ms| json!(format!("{ms:.3}"))];
    for time in times {
        let mut reports = reports(&json!({}));
        for (report, (ms, ..)) in reports.iter_mut().zip(TOLD) {
            report[0]["timestamp"] = time(ms);
        }
        tells("times.json", lines(&reports));
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
    let lines = lines(&[vec![created], TOLD.into_iter().enumerate().map(line).collect()].concat());
    tells("numbered lines.jsonl", lines);
}

#[test]
fn dumps_of_chrome_with_and_without_times_of_their_values() {
    let (start, end) = (iso(TOLD[0].0), iso(TOLD[1].0));
    let series = |values: Value| {
        json!({"startTime": start, "endTime": end, "statsType": "inbound-rtp",
               "values": values.to_string()})
    };
    let told = |id: &str| {
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
    let mut new = told("IT01A7");
    new["IT01A7-timestamp"] = series(json!([TOLD[0].0, TOLD[1].0]));
    tells("new.json", dump(&new));
    let mut old = told("RTCInboundRTPAudioStream_7");
    let later = json!({"startTime": end, "endTime": end, "statsType": "codec", "values": "[111]"});
    old["RTCCodec_1-payloadType"] = later;
    tells("old.txt", dump(&old));
}

#[test]
fn samples_of_observertc_in_both_schemas_and_any_wrapping() {
    let flat = TOLD.map(|(time, received, lost)| {
        json!({"timestamp": time, "clientId": "p", "roomId": "c", "inboundAudioTracks": [
            {"ssrc": 7, "peerConnectionId": "x", "trackId": "t", "packetsReceived": received,
             "packetsLost": lost}]})
    });
    let nested = TOLD.map(|(time, received, lost)| {
        json!({"timestamp": time, "clientId": "p", "callId": "c", "peerConnections": [
            {"peerConnectionId": "x", "inboundRtps": [{"id": "A", "kind": "audio", "ssrc": 7,
             "timestamp": time, "packetsReceived": received, "packetsLost": lost}]}]})
    });
    for samples in [flat, nested] {
        tells("samples.ndjson", lines(&samples));
        tells("posted.json", json!({"clientSamples": samples}).to_string());
        let bodies = samples.map(|sample| json!({"clientSamples": [sample], "sfuSamples": []}));
        tells("posted.ndjson", lines(&bodies));
    }
}

#[test]
fn bodies_of_callstats_in_seconds_and_in_milliseconds() {
    for scale in [1.0, 1e-3] {
        let bodies = TOLD.map(|(time, received, lost)| {
            json!({"path": "/v1/apps/1/conferences/c/u/stats", "body": {"localID": "p",
                "deviceID": "d", "timestamp": time * scale, "connectionID": "x", "stats": {"tracks": [
                    {"type": "inbound-rtp", "ssrc": 7, "kind": "audio", "packetsReceived": received,
                     "packetsLost": lost}]}}})
        });
        tells("bodies.json", json!(bodies).to_string());
    }
}

const LABELS: Labels<'_> = Labels { app: None, call: None, client_address: None, name: "tape" };

#[test]
fn the_deltas_that_observertcs_own_encoder_writes_expand_to_what_its_decoder_reads() {
    let deltas = include_str!("observertc/deltas.jsonl");
    let samples = include_str!("observertc/samples.jsonl");
    let expanded = recording::read(deltas.as_bytes(), LABELS).unwrap();
    assert_eq!(expanded.unread.count, 0);
    let found = expanded.records.iter().map(|raw| {
        let mut sample: Value = serde_json::from_slice(&raw.payload().unwrap()).unwrap();
        for label in ["app", "call", "participant"] {
            assert!(sample.as_object_mut().unwrap().remove(label).is_some());
        }
        sample
    });
    let wanted = samples.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(found.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

#[test]
fn what_its_protobuf_encoder_writes_is_refused_by_name() {
    let text = include_str!("observertc/protobuf.txt");
    let refused = |bytes: &[u8]| recording::read(bytes, LABELS).unwrap_err();
    assert_eq!(refused(text.as_bytes()), Refusal::Protobuf);
    assert!(Refusal::Protobuf.to_string().contains("samples-decoder"));
    assert_eq!(refused(b"\x0a\x18\x0a\xff\xfe binary"), Refusal::NotText);
}
