#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use expand::budget::Budget;
use expand::envelope::Envelope;
use expand::raw::Raw;
use expand::recording::{self, Labels, Refusal, Unread};
use expand::schedule::{self, Schedule};
use serde_json::{Value, json};

const LABELS: Labels<'_> = Labels { app: None, call: None, client_address: None, name: "tape" };

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// What a recording of envelopes is read as.
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

/// The records of a recording in another format, as JSON.
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

/// A sample beside the checkout, if there is one.
fn sample_file(path: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").join(path);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    text
}

#[test]
fn a_delta_keeps_what_it_does_not_name_and_drops_the_objects_it_leaves_out() {
    let expanded = read(&lines(&[
        json!(["getstats", "PC_0", {
            "timestamp": 1000.5,
            "A": {"timestamp": 0, "type": "inbound-rtp", "packetsReceived": 1, "packetsLost": 0},
            "R": {"timestamp": 900, "type": "remote-inbound-rtp", "jitter": 0.25},
            "B": {"timestamp": 0, "type": "codec"},
        }, 1001]),
        json!(["getstats", "PC_0", {
            "timestamp": 2000.25,
            "A": {"timestamp": 0, "packetsReceived": 9},
            "R": {},
        }, 2001]),
        json!(["getstats", "PC_0", {"A": {"timestamp": 0, "packetsLost": 2}}, 3001]),
    ]));
    assert_eq!(kinds(&expanded), [("stats", 1000.5), ("stats", 2000.25), ("stats", 3001.0)]);
    assert_eq!(
        report(&expanded.envelopes[1]),
        json!({
            "A": {"id": "A", "timestamp": 2000.25, "type": "inbound-rtp", "packetsReceived": 9,
                  "packetsLost": 0},
            "R": {"id": "R", "timestamp": 900, "type": "remote-inbound-rtp", "jitter": 0.25},
        })
    );
    assert_eq!(
        report(&expanded.envelopes[2])["A"],
        json!({"id": "A", "timestamp": 3001.0, "type": "inbound-rtp", "packetsReceived": 9,
               "packetsLost": 2})
    );
}

#[test]
fn the_states_of_a_peer_connection_are_its_set_up_and_its_losses() {
    let expanded = read(&lines(&[
        json!(["connectionInfo", null, {"userAgent": "Browser/1"}, 1]),
        json!(["close", null, {}, 5]),
        json!(["create", "PC_0", {}, 10]),
        json!(["create", "PC_1", {}, 20]),
        json!(["oniceconnectionstatechange", "PC_0", "connected", 150]),
        json!(["onconnectionstatechange", "PC_0", "connected", 160]),
        json!(["oniceconnectionstatechange", "PC_1", "disconnected", 165]),
        json!(["onconnectionstatechange", "PC_1", "failed", 170]),
        json!(["oniceconnectionstatechange", "PC_0", "disconnected", 200]),
        json!(["onconnectionstatechange", "PC_0", "disconnected", 210]),
        json!(["oniceconnectionstatechange", "PC_0", "completed", 300]),
        json!(["onconnectionstatechange", "PC_0", "connected", 310]),
        json!(["onconnectionstatechange", "PC_0", "failed", 900]),
        json!(["close", "PC_1", null, 950]),
        json!(["close", "PC_0", null, 960]),
    ]));
    assert_eq!(
        kinds(&expanded),
        [
            ("joined", 10.0),
            ("connected", 150.0),
            ("failed", 170.0),
            ("disconnected", 200.0),
            ("reconnected", 300.0),
            ("disconnected", 900.0),
            ("left", 960.0),
        ]
    );
    assert_eq!(expanded.envelopes[1].time_to_connect_ms, Some(140.0));
    assert_eq!(expanded.envelopes[2].time_to_connect_ms, Some(150.0), "when it was opened");
    assert!(expanded.envelopes.iter().all(|e| e.user_agent.as_deref() == Some("Browser/1")));
    assert_eq!(session(&expanded.envelopes[0]), ["replay", "tape", "tape"]);
}

#[test]
fn a_device_failed_if_it_was_asked_for_and_the_call_failed() {
    let gum = "navigator.mediaDevices.getUserMedia";
    let expanded = read(&lines(&[
        json!([gum, null, {"audio": {"x": 1}, "video": false}, 1]),
        json!([gum, null, {"audio": true, "video": {}}, 2]),
        json!([format!("{gum}OnSuccess"), null, {}, 3]),
        json!([format!("{gum}OnFailure"), null, "NotReadableError", 4]),
    ]));
    let told = |e: &Envelope| (e.device.clone().unwrap(), e.reason.clone().unwrap(), e.timestamp);
    let failed = |device: &str| (device.to_owned(), "NotReadableError".to_owned(), 4.0);
    let wanted = [failed("microphone"), failed("camera")];
    assert_eq!(expanded.envelopes.iter().map(told).collect::<Vec<_>>(), wanted);

    let numbered = read(&format!(
        "RTCStatsDump\n{{}}\n{}",
        lines(&[
            json!([60, null, {"video": true}, "60-0", 1000]),
            json!([60, null, {"audio": true}, "60-1", 10]),
            json!([61, null, [], "60-0", 10]),
            json!([65, null, ["NotAllowedError", "denied"], "60-1", 10]),
        ])
    ));
    assert_eq!(kinds(&numbered), [("device_failed", 1030.0)]);
    assert_eq!(numbered.envelopes[0].device.as_deref(), Some("microphone"));
    assert_eq!(numbered.envelopes[0].reason.as_deref(), Some("NotAllowedError: denied"));
}

#[test]
fn a_numbered_dump_counts_time_from_the_line_before() {
    let expanded = read(&format!(
        "RTCStatsDump\n{{\"userAgent\":\"Browser/2\"}}\n{}",
        lines(&[
            json!([39, null, {}, 1000]),
            json!([39, "PC_0", {}, 5]),
            json!([25, "PC_0", "connected", 200]),
            json!(["close", null, 1001, 30]),
        ])
    ));
    assert_eq!(kinds(&expanded), [("joined", 1005.0), ("connected", 1205.0), ("left", 1235.0)]);
    assert_eq!(expanded.unread, 0);
    assert_eq!(expanded.envelopes[0].user_agent.as_deref(), Some("Browser/2"));
}

#[test]
fn the_numbers_of_a_dump_become_reports_that_need_nothing_before_them() {
    let expanded = read(&format!(
        "RTCStatsDump\n{{\"fileFormat\":3}}\n{}",
        lines(&[
            json!(["g", "PC_0", {
                "t": 1000.5,
                "0": {"type": 2, "10": 7, "11": "video", "12": "2", "79": 40, "80": 5000,
                      "96": {"none": 1.5, "cpu": 0, "bandwidth": 0}, "later": [1]},
                "1": {"type": 3, "10": 7, "74": "0", "15": 1, "t": 900.25},
                "2": {"type": 14, "6": "video/VP8"},
            }, 1001]),
            json!([1, "PC_0", {
                "t": 2000.25,
                "0": {"79": 90, "96": {"cpu": 0.5}, "later": [2, 3]},
                "1": {"t": 1900.125, "15": 3},
            }, 1000]),
            json!(["g", "PC_0", {"t": 2500, "0": {"79": 91}}, 500]),
            json!(["g", "PC_0", {"t": 3000, "1": null, "3": {"type": 99, "999": 1}}, 500]),
        ])
    ));
    let times = [1000.5, 2000.25, 2500.0, 3000.0];
    assert_eq!(kinds(&expanded), times.map(|time| ("stats", time)));
    let second = report(&expanded.envelopes[1]);
    assert_eq!(
        second,
        json!({
            "0": {"id": "0", "timestamp": 2000.25, "type": "outbound-rtp", "ssrc": 7,
                  "kind": "video", "codecId": "2", "packetsSent": 90, "bytesSent": 5000,
                  "qualityLimitationDurations": {"none": 1.5, "cpu": 0.5, "bandwidth": 0},
                  "later": [2, 3]},
            "1": {"id": "1", "timestamp": 1900.125, "type": "remote-inbound-rtp", "ssrc": 7,
                  "localId": "0", "packetsLost": 3},
            "2": {"id": "2", "timestamp": 2000.25, "type": "codec", "mimeType": "video/VP8"},
        })
    );
    let third = report(&expanded.envelopes[2]);
    assert_eq!(third["0"]["timestamp"], 2500);
    assert_eq!(third["1"]["timestamp"], 1900.125, "no receiver report came since");
    let fourth = report(&expanded.envelopes[3]);
    assert_eq!(fourth["0"]["packetsSent"], 91);
    assert_eq!(fourth.get("1"), None);
    assert_eq!(fourth["3"], json!({"id": "3", "timestamp": 3000, "type": 99, "999": 1}));
}

/// A series of a webrtc-internals dump that begins and ends with the `first` and the `last` report.
fn series(of: &str, first: u32, last: u32, values: Value) -> Value {
    json!({"statsType": of, "startTime": format!("at {first}"), "endTime": format!("at {last}"),
           "values": values.to_string()})
}

#[test]
fn a_webrtc_internals_dump_becomes_the_reports_that_its_series_were_made_of() {
    let inbound = |first, last, values| series("inbound-rtp", first, last, values);
    let remote = |values| series("remote-outbound-rtp", 2, 3, values);
    let dump = json!({
        "UserAgent": "Browser/3",
        "getUserMedia": [
            {"pid": 1, "rid": 2, "request_id": 3, "request_type": "getUserMedia", "audio": "", "timestamp": 900.0},
            {"pid": 1, "rid": 2, "request_id": 3, "error": "NotFoundError", "timestamp": 950.0},
            {"pid": 1, "rid": 2, "request_id": 4, "request_type": "getDisplayMedia", "video": "", "timestamp": 960.0},
            {"pid": 1, "rid": 2, "request_id": 4, "error": "NotAllowedError", "timestamp": 970.0},
        ],
        "PeerConnections": {"12-1": {
            "pid": 12, "rid": 5, "url": "https://app.example/", "rtcConfiguration": "{}",
            "updateLog": [
                {"type": "createDataChannel", "value": "", "timestamp": 980.0},
                {"type": "iceconnectionstatechange", "value": "\"connected\"", "timestamp": 990.5},
                {"type": "connectionstatechange", "value": "\"disconnected\"", "timestamp": 2500.0},
                {"type": "connectionstatechange", "value": "\"connected\"", "time": "8/24/2025, 1:46:42 AM"},
            ],
            "stats": {
                "IT01A77-timestamp": inbound(1, 3, json!([1000.5, 2000.5, 3000.5])),
                "IT01A77-ssrc": inbound(1, 3, json!([77, 77, 77])),
                "IT01A77-packetsLost": inbound(1, 3, json!([0, 0, -1])),
                "IT01A77-codecId": inbound(2, 3, json!(["C-1", "C-1"])),
                "IT01A77-jitter": inbound(1, 2, json!([0.25, 0.5])),
                "IT01A77-nackCount": inbound(1, 3, json!([1, 2])),
                "IT01A77-[packetsReceived/s]": inbound(1, 3, json!([1, 2, 3])),
                "RO77-timestamp": remote(json!([1800.0, 2900.0])),
                "RO77-localId": remote(json!(["IT01A77", "IT01A77"])),
                "RO77-qualityLimitationDurations": remote(json!(["{\"cpu\":1}", "{\"cpu\":2}"])),
                "C-1-timestamp": series("codec", 2, 3, json!([2000.5, 3000.5])),
                "C-1-mimeType": series("codec", 2, 3, json!(["audio/opus", "audio/opus"])),
            },
        }},
    });
    let expanded = read(&dump.to_string());
    assert_eq!(
        kinds(&expanded),
        [
            ("device_failed", 950.0),
            ("joined", 980.0),
            ("connected", 990.5),
            ("stats", 1000.5),
            ("stats", 2000.5),
            ("disconnected", 2500.0),
            ("stats", 3000.5),
        ]
    );
    assert_eq!((expanded.unread, expanded.untimed), (0, 1));
    let reports: Vec<Value> = [3, 4, 6].map(|at| report(&expanded.envelopes[at])).into();
    assert_eq!(
        reports[0],
        json!([{"id": "IT01A77", "type": "inbound-rtp", "kind": "audio", "timestamp": 1000.5,
                "ssrc": 77, "packetsLost": 0, "nackCount": 1, "jitter": 0.25}])
    );
    assert_eq!(
        reports[2],
        json!([
            {"id": "C-1", "type": "codec", "timestamp": 3000.5, "mimeType": "audio/opus"},
            {"id": "IT01A77", "type": "inbound-rtp", "kind": "audio", "timestamp": 3000.5,
             "ssrc": 77, "packetsLost": -1, "nackCount": 2, "codecId": "C-1"},
            {"id": "RO77", "type": "remote-outbound-rtp", "timestamp": 2900.0,
             "localId": "IT01A77", "qualityLimitationDurations": {"cpu": 2}},
        ])
    );
    assert_eq!(expanded.envelopes[3].user_agent.as_deref(), Some("Browser/3"));
    assert_eq!(expanded.envelopes[3].peer_connection.as_deref(), Some("12-1"));
}

fn sample(time: u64, streams: Value) -> Value {
    json!({"timestamp": time, "clientId": "client-42", "peerConnections": [
        {"peerConnectionId": "pc-01", "inboundRtps": streams},
    ]})
}

#[test]
fn a_delta_stream_of_samples_becomes_samples_that_are_whole() {
    let mut first = sample(
        1000,
        json!([
            {"id": "A", "timestamp": 1000, "ssrc": 1, "kind": "audio", "packetsReceived": 5,
             "qualityLimitationDurations": {"cpu": 0, "none": 1}},
            {"id": "B", "timestamp": 1000, "ssrc": 2, "kind": "video", "framesDecoded": 9},
        ]),
    );
    first["callId"] = json!("call-7");
    first["clientEvents"] = json!([{"type": "CLIENT_JOINED", "timestamp": 1000}]);
    let second = sample(
        2000,
        json!([
            {"timestamp": 2000, "ssrc": 1, "packetsReceived": 8,
             "qualityLimitationDurations": {"cpu": 0.5}},
        ]),
    );
    let third = sample(
        3000,
        json!([
            {"ssrc": 1, "timestamp": 3000},
            {"id": "B", "timestamp": 3000, "ssrc": 2, "kind": "video"},
        ]),
    );
    let samples = documents(&lines(&[first.clone(), second.clone(), third]));
    assert_eq!(samples.len(), 3);
    assert_eq!(samples[1]["call"], "call-7");
    assert_eq!(samples[1]["participant"], "client-42");
    assert_eq!(samples[1].get("clientEvents"), None);
    assert_eq!(
        samples[1]["peerConnections"][0]["inboundRtps"],
        json!([{"id": "A", "timestamp": 2000, "ssrc": 1, "kind": "audio", "packetsReceived": 8,
                "qualityLimitationDurations": {"cpu": 0.5, "none": 1}}])
    );
    let third = &samples[2]["peerConnections"][0]["inboundRtps"];
    assert_eq!(third[0]["packetsReceived"], 8);
    assert_eq!(third[1].get("framesDecoded"), None, "it was gone, and is a new one");

    assert_eq!(refused(second.to_string().as_bytes()), Refusal::NoBeginning);
    // Whole samples are not deltas: what a browser stopped telling stays untold.
    let mut later = first.clone();
    later["peerConnections"][0]["inboundRtps"][0]
        .as_object_mut()
        .unwrap()
        .remove("packetsReceived");
    let samples = documents(&json!([first, later]).to_string());
    assert_eq!(samples[1]["peerConnections"][0]["inboundRtps"][0].get("packetsReceived"), None);
}

#[test]
fn bodies_of_the_rest_api_say_whose_they_are() {
    let body = json!({"localID": "ann", "deviceID": "d", "timestamp": 1_756_000_000});
    let path = "/v1/apps/77/conferences/standup/uc-1/events/user/left";
    let records = documents(
        &json!([
            {"_note": "a note"},
            {"POST": path, "body": body},
            {"POST": "/v1/apps/{appID}/conferences/{confID}", "body": body},
            body,
        ])
        .to_string(),
    );
    let session = |record: &Value| {
        ["app", "call", "participant"].map(|part| record[part].as_str().unwrap().to_owned())
    };
    assert_eq!(session(&records[0]), ["77", "standup", "ann"]);
    assert_eq!(session(&records[1]), ["replay", "tape", "ann"]);
    assert_eq!(records[0]["POST"], path);
    assert_eq!(records[2]["body"], body);
}

#[test]
fn canonical_reports_are_moved_in_time_as_they_are() {
    let interval =
        schemas::Interval { start_us: 5_000_000, end_us: 7_000_000, ..Default::default() };
    let report = schemas::Report {
        event: schemas::EventKind::Stats,
        app: "a".to_owned(),
        event_us: 7_000_000,
        intervals: vec![interval],
        ..Default::default()
    };
    let mut bytes = schemas::encode(&schemas::Report::default()).unwrap();
    bytes.extend(schemas::encode(&report).unwrap());
    let mut records = recording::read(&bytes, LABELS, &Budget::of_mb(100)).unwrap().records;
    assert_eq!(records.len(), 1, "a cover tells nothing");
    assert_eq!(records[0].key(), "a/tape/tape");
    records[0].stamp(107_000.0);
    let moved: schemas::Report = schemas::decode(&records[0].payload().unwrap()).unwrap();
    assert_eq!((moved.event_us, moved.intervals[0].start_us), (107_000_000, 105_000_000));
    assert_eq!(refused(&bytes[..bytes.len() - 1]), Refusal::NotText);
}

#[test]
fn what_is_of_no_format_is_refused_by_name() {
    assert_eq!(refused(b"hello\nworld"), Refusal::UnknownFormat);
    assert_eq!(refused(b"{\"a\":1}"), Refusal::UnknownFormat);
    assert_eq!(refused(b"\xff\xfe"), Refusal::NotText);
    let legacy = json!({"ssrc_1_send": {"type": "ssrc", "timestamp": 1, "googCodecName": "opus"}});
    assert_eq!(refused(legacy.to_string().as_bytes()), Refusal::LegacyGetStats);
    let untimed = json!({"PeerConnections": {"1": {"stats": {
        "x-packetsLost": {"statsType": "inbound-rtp", "values": "[1]"},
    }}}});
    assert_eq!(refused(untimed.to_string().as_bytes()), Refusal::NoTimes);
    for refusal in [Refusal::UnknownFormat, Refusal::NotText] {
        assert!(!refusal.to_string().contains('\n') && refusal.to_string().contains("Avro"));
    }
}

#[test]
fn a_broken_line_hides_no_other_and_is_named() {
    let joined = json!({"v": 1, "event": "joined", "app": "a", "call": "c", "participant": "p",
                        "timestamp": 5.0});
    let text = format!("{joined}\n{{\"v\":1,\n\n{joined}\n");
    let expanded = recording::read(text.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!(expanded.records.len(), 2);
    assert_eq!((expanded.unread.count, expanded.unread.first_line), (1, Some(2)));
    assert!(expanded.unread.why.unwrap().starts_with("EOF while parsing"));
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
fn a_plain_report_keeps_its_text_to_the_last_digit() {
    let text = r#"{"S":{"timestamp":1756000000000.1250001,"id":"S","type":"inbound-rtp"}}"#;
    for wrapped in [text.to_owned(), format!(r#"[{{"pc":"x","report":{text}}}]"#)] {
        let expanded = read(&wrapped);
        assert_eq!(expanded.envelopes[0].report.as_ref().unwrap().get(), text);
        assert_eq!(expanded.envelopes[0].timestamp, 1_756_000_000_000.125);
    }
}

#[test]
fn a_report_whose_clock_stood_still_has_the_time_of_its_capture() {
    const HOUR_MS: f64 = 3_600_000.0;
    let now = 1_790_000_000_000.0;
    for (taken, wanted) in [
        (now - 40.0, now - 40.0),
        (now - 3.0 * HOUR_MS, now),
        (now + 3.0 * HOUR_MS, now),
        // Since the page was opened.
        (7_250.5, now),
    ] {
        let report = json!([{"id": "A", "type": "inbound-rtp", "ssrc": 7, "timestamp": taken}]);
        for wrapped in [
            json!({"capturedAt": now, "stats": report}),
            json!({"timestamp": now, "pc": "x", "report": report}),
            json!({"timestampUs": now * 1e3, "statsMap": {"A": report[0]}}),
            json!({"time": now, "getStats": {"timestamp_us": 1, "statistics": {"A": report[0]}}}),
        ] {
            let expanded = read(&wrapped.to_string());
            assert_eq!(kinds(&expanded), [("stats", wanted)], "{wrapped}");
            assert_eq!(expanded.envelopes[0].sent_at, Some(now), "{wrapped}");
        }
        assert_eq!(kinds(&read(&report.to_string())), [("stats", taken)], "no other time");
    }
}

#[test]
fn dumps_of_a_client_that_slept_have_the_times_of_their_lines() {
    // For three hours; the browser's own clock stood still.
    let (start, hours_ms) = (1_790_000_000_000_u64, 3 * 3_600_000);
    let stats = |time: &str, ms: u64| json!({time: ms, "A": {"type": "codec"}});
    let wanted = [start + 20, start + 1_025, start + 1_025 + hours_ms + 5];
    let wanted = wanted.map(|ms| ("stats", ms as f64));
    let named = lines(&[
        json!(["getstats", "PC_0", stats("timestamp", start + 20), start + 25]),
        json!(["getstats", "PC_0", stats("timestamp", start + 1_025), start + 1_030]),
        json!(["getstats", "PC_0", stats("timestamp", start + 2_025), start + 1_030 + hours_ms]),
    ]);
    assert_eq!(kinds(&read(&named)), wanted);
    let numbered = format!(
        "RTCStatsDump\n{{\"fileFormat\":3}}\n{}",
        lines(&[
            json!(["g", "PC_0", stats("t", start + 20), start + 25]),
            json!(["g", "PC_0", stats("t", start + 1_025), 1_005]),
            json!(["g", "PC_0", stats("t", start + 2_025), hours_ms]),
        ])
    );
    assert_eq!(kinds(&read(&numbered)), wanted);
}

#[test]
fn an_array_of_stats_objects_is_one_report() {
    let expanded = read(
        r#"[{"id":"A","type":"codec","timestamp":5},{"id":"B","type":"codec","timestamp":7}]"#,
    );
    assert_eq!(kinds(&expanded), [("stats", 7.0)]);
}

#[test]
fn half_a_million_broken_lines_are_counted_in_a_moment() {
    let begun = std::time::Instant::now();
    assert_eq!(refused("x\n".repeat(500_000).as_bytes()), Refusal::UnknownFormat);
    // Counted from the beginning for each of them, lines would take minutes.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn what_cannot_be_read_is_counted_and_hides_nothing_else() {
    let expanded = read(&format!(
        "{}[\"close\", \"PC_0\"\n{}",
        lines(&[json!(["create", "PC_0", {}, 10]), json!(["getstats", "PC_0", {"A": 1}, 11])]),
        lines(&[json!(["close", "PC_0", null, 12])]),
    ));
    assert_eq!(kinds(&expanded), [("joined", 10.0), ("left", 12.0)]);
    assert_eq!(expanded.unread, 2);
}

#[test]
fn what_the_command_line_names_wins_over_the_recording() {
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
fn events_keep_their_distances_at_any_speed_and_none_is_received_before_it_is_sent() {
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

#[test]
fn the_expansion_of_a_real_dump_equals_the_reports_that_it_was_made_from() {
    let (Some(dump), Some(reports)) = (
        sample_file("rtcstats/chrome-relay.jsonl"),
        sample_file("getstats/chrome-two-consecutive-10s.json"),
    ) else {
        return;
    };
    let (dump, reports) = (read(&dump), read(&reports));
    assert_eq!(reports.envelopes.len(), 2);
    for wanted in &reports.envelopes {
        let found = dump.envelopes.iter().find(|event| event.timestamp == wanted.timestamp);
        let (found, wanted) = (report(found.unwrap()), report(wanted));
        // The reports' makers left out certificates and addresses, and kept objects that the
        // browser had removed.
        let found = found.as_object().unwrap();
        let found = found.iter().filter(|(_, stats)| stats["type"] != "certificate");
        assert!(found.clone().count() > 15);
        for (id, stats) in found {
            for (field, value) in stats.as_object().unwrap() {
                let hidden = ["address", "ip", "relatedAddress"].contains(&field.as_str())
                    || field.ends_with("CertificateId");
                assert!(hidden || wanted[id][field] == *value, "{id}.{field}");
            }
        }
    }
}

#[test]
fn the_real_dumps_are_read_whole() {
    for (file, reports, set_ups) in [
        ("google-standard-stats-sfu", 34, 1),
        ("firefox-standard-stats-sfu", 79, 1),
        ("safari-standard-stats", 82, 1),
        ("chrome-standard-pc-reconnect", 7, 3),
        ("chrome-relay", 13, 1),
    ] {
        let Some(text) = sample_file(&format!("rtcstats/{file}.jsonl")) else { return };
        let expanded = read(&text);
        let count = |kinds: &[&str]| {
            expanded.envelopes.iter().filter(|e| kinds.contains(&e.event.as_str())).count()
        };
        assert_eq!(expanded.unread, 0, "{file}");
        assert_eq!(count(&["stats"]), reports, "{file}");
        assert_eq!(count(&["connected", "failed"]), set_ups, "{file}");
        let lost = 3 * usize::from(file.ends_with("reconnect"));
        assert_eq!(count(&["disconnected"]), lost, "{file}");
        assert_eq!(count(&["device_failed"]), lost.min(2), "{file}");
        assert_eq!(count(&["joined"]), 1, "{file}");
    }
}

// JSON's 77 names the same as "77": numeric ids are what many applications have.
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
            let said = ingest::examine(&payload, record.key().as_bytes());
            assert!(said.is_ok() || format == "callstats", "{format}: {said:?}");
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
