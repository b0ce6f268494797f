//! Dumps of Chrome's page webrtc-internals, which has two formats since release 14x.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use expand::budget::Budget;
use expand::envelope::Envelope;
use expand::outcome::Unread;
use expand::raw::Labels;
use expand::raw::Raw;
use expand::recording;
use serde_json::{Value, json};

use super::report::FileReport;
use super::through_ingest::options;

const LABELS: Labels<'_> = Labels { app: None, call: None, client_address: None, name: "tape" };

fn read(text: &str) -> Vec<Envelope> {
    let expanded = recording::read(text.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!(expanded.unread, Unread::default());
    let envelope = |raw| match raw {
        Raw::Envelope(envelope) => *envelope,
        other => panic!("{other:?}"),
    };
    expanded.records.into_iter().map(envelope).collect()
}

fn kinds(envelopes: &[Envelope]) -> Vec<&str> {
    envelopes.iter().map(|envelope| envelope.event.as_str()).collect()
}

fn report(envelope: &Envelope) -> Value {
    serde_json::from_str(envelope.report.as_ref().unwrap().get()).unwrap()
}

#[test]
fn an_rtcstats_dump_of_chrome_has_whole_reports_and_states_within_quotes() {
    let stats = |ms: u64, more: Value| {
        let mut report = json!({
            "T": {"id": "T", "type": "transport", "timestamp": ms, "dtlsState": "connected"},
        });
        report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        report
    };
    let stream = |ms: u64, packets: u32| {
        json!({"I": {"id": "I", "type": "inbound-rtp", "kind": "audio", "ssrc": 5, "timestamp": ms,
                     "packetsReceived": packets}})
    };
    let start = 1_790_000_000_000_u64;
    let lines = [
        json!({"fileFormat": 3}),
        json!(["create", null, {"hardwareConcurrency": 4}, start]),
        json!(["navigator.mediaDevices.getUserMedia", "7-0", {"audio": true}, "getUserMedia-7-1-1", "https://app.example/", 5]),
        json!(["navigator.mediaDevices.getUserMediaOnFailure", "7-0",
               {"error": "NotAllowedError", "error_message": "Permission denied"}, "getUserMedia-7-1-1", 5]),
        json!(["create", "7-1", {"iceServers": []}, "https://app.example/", 10]),
        json!(["oniceconnectionstatechange", "7-1", "\"checking\"", 10]),
        json!(["onconnectionstatechange", "7-1", "\"connected\"", 10]),
        json!(["getStats", "7-1", stats(start + 50, stream(start + 50, 9)), 10]),
        json!(["getStats", "7-1", stats(start + 1050, json!({})), 1000]),
        json!(["oniceconnectionstatechange", "7-1", "\"disconnected\"", 10]),
        json!(["remove", "7-1", null, 10]),
    ];
    let text =
        lines.iter().fold("RTCStatsDump\n".to_owned(), |text, line| format!("{text}{line}\n"));
    let envelopes = read(&text);
    let wanted = ["device_failed", "joined", "connected", "stats", "stats", "disconnected", "left"];
    assert_eq!(kinds(&envelopes), wanted);
    assert_eq!(envelopes[0].reason.as_deref(), Some("NotAllowedError"));
    assert_eq!(report(&envelopes[3])["I"]["packetsReceived"], 9);
    assert_eq!(report(&envelopes[4]).get("I"), None, "it is gone");
}

/// Returns a series with its start and end times, as Chrome writes them.
fn series(of: &str, times: [f64; 2], values: Value) -> Value {
    let [start, end] = times.map(|ms| {
        let time = jiff::Timestamp::from_millisecond(ms as i64).unwrap();
        format!("{time:.3}")
    });
    json!({"statsType": of, "startTime": start, "endTime": end, "values": values.to_string()})
}

const START: f64 = 1_790_000_000_000.25;

/// Returns the time of the poll of this number.
fn poll(number: u32) -> f64 {
    START + f64::from(number) * 1000.0
}

fn dump(stats: Value, updates: Value) -> Vec<Envelope> {
    let connection = json!({"updateLog": updates, "stats": stats});
    read(&json!({"PeerConnections": {"7-1": connection}}).to_string())
}

/// Returns a member of the object `id` in each report with statistics.
fn members(envelopes: &[Envelope], id: &str, member: &str) -> Vec<Value> {
    let reports = envelopes.iter().filter(|envelope| envelope.report.is_some()).map(report);
    let member = |report: Value| {
        let object = report.as_array().unwrap().iter().find(|object| object["id"] == id).cloned();
        object.map_or(Value::Null, |object| object[member].clone())
    };
    reports.map(member).collect()
}

#[test]
fn states_are_read_by_the_names_of_their_events() {
    let clock = json!({"I-timestamp": series("inbound-rtp", [poll(0), poll(1)], json!([poll(0), poll(1)]))});
    let update =
        |of: &str, value: &str, ms: f64| json!({"type": of, "value": value, "timestamp": ms});
    let updates = json!([
        update("oniceconnectionstatechange", "\"connected\"", poll(0) + 100.0),
        update("onconnectionstatechange", "\"connected\"", poll(0) + 110.0),
        update("onconnectionstatechange", "\"failed\"", poll(0) + 500.0),
        update("onsignalingstatechange", "\"stable\"", poll(0) + 600.0),
    ]);
    let wanted = ["joined", "stats", "connected", "disconnected", "stats"];
    assert_eq!(kinds(&dump(clock, updates)), wanted);
}

#[test]
fn a_series_lies_where_its_own_times_say() {
    let polls: Vec<f64> = (0..6).map(poll).collect();
    let of = |first, last, values| series("inbound-rtp", [poll(first), poll(last)], values);
    let decoded = |first, last, values: Value| {
        let stats =
            json!({"I-timestamp": of(0, 5, json!(polls)), "I-nackCount": of(first, last, values)});
        members(&dump(stats, json!([])), "I", "nackCount")
    };
    let none = Value::Null;
    assert_eq!(decoded(0, 5, json!([1, 2, 3, 4, 5, 6])), [1, 2, 3, 4, 5, 6].map(Value::from));
    let late = [none.clone(), none.clone(), json!(7), json!(8), none.clone(), none.clone()];
    assert_eq!(decoded(2, 3, json!([7, 8])), late, "it begins later and ends earlier");
    // A value is missing at an unknown position: only both ends and repeated values are known.
    assert_eq!(
        decoded(0, 5, json!([1, 1, 1, 2, 3])),
        [json!(1), json!(1), json!(1), none.clone(), none.clone(), json!(3)]
    );
    assert_eq!(
        decoded(0, 5, json!([1, 1, 1, 1, 2])),
        [json!(1), json!(1), json!(1), json!(1), none.clone(), json!(2)]
    );
    assert_eq!(
        decoded(0, 5, json!([4])),
        [json!(4), json!(4), json!(4), json!(4), json!(4), json!(4)]
    );
    let many = json!([1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(decoded(0, 5, many), [const { Value::Null }; 6], "more values than times");
}

#[test]
fn a_report_of_the_far_end_belongs_to_the_poll_that_contains_it() {
    let polls: Vec<f64> = (0..5).map(poll).collect();
    // The time of each packet is slightly after that of the poll that first shows it.
    let packets = [poll(1) + 3.0, poll(1) + 3.0, poll(3) + 2.0, poll(4) + 5.0];
    let remote = |values: Value| series("remote-inbound-rtp", [packets[0], packets[3]], values);
    let stats = json!({
        "O-timestamp": series("outbound-rtp", [poll(0), poll(4)], json!(polls)),
        "R-timestamp": remote(json!(packets)),
        "R-totalRoundTripTime": remote(json!([0.1, 0.1, 0.3, 0.4])),
    });
    let decoded = members(&dump(stats, json!([])), "R", "totalRoundTripTime");
    assert_eq!(decoded, [Value::Null, json!(0.1), json!(0.1), json!(0.3), json!(0.4)]);
}

#[test]
fn a_series_of_the_far_end_with_gaps_lies_where_its_times_say() {
    let polls: Vec<f64> = (0..8).map(poll).collect();
    let decoded = |packets: &[f64]| {
        let remote = |values: Value| {
            let times = [packets[0], *packets.last().unwrap()];
            series("remote-inbound-rtp", times, values)
        };
        let counts: Vec<_> = (1..=packets.len()).collect();
        let stats = json!({
            "O-timestamp": series("outbound-rtp", [poll(0), poll(7)], json!(polls)),
            "R-timestamp": remote(json!(packets)),
            "R-packetsLost": remote(json!(counts)),
        });
        members(&dump(stats, json!([])), "R", "packetsLost")
    };
    let wanted =
        |counts: [u64; 8]| counts.map(|count| if count == 0 { Value::Null } else { json!(count) });
    // Values of polls 3 and 4 are missing. The times of packets are slightly after those of the
    // polls.
    let after: Vec<f64> = [1, 2, 5, 6, 7].map(|at| poll(at) + 3.0).into();
    assert_eq!(decoded(&after), wanted([0, 1, 2, 2, 2, 3, 4, 5]));
    // The same with times before the polls.
    let before: Vec<f64> = [1, 2, 5, 6, 7].map(|at| poll(at) - 400.0).into();
    assert_eq!(decoded(&before), wanted([0, 1, 2, 2, 2, 3, 4, 5]));
    // No value is missing, but the object was created later than its first packet.
    let late: Vec<f64> = [1, 4, 5, 6, 7].map(|at| poll(at) - 400.0).into();
    assert_eq!(decoded(&late), wanted([0, 0, 0, 1, 2, 3, 4, 5]));
}

fn files(names: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |(name, text): &(&str, &str)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let paths = names.iter().map(path).collect();
    (folder, paths)
}

#[test]
fn each_file_shows_what_was_read_and_what_ingest_would_refuse() {
    let good = r#"{"v":1,"event":"stats","app":"meet","call":"room","participant":"ann","timestamp":1,"report":[{"type":"inbound-rtp","kind":"audio","ssrc":5}]}
{"v":1,"event":"stats","app":"meet","call":"room","participant":"ann","timestamp":2,"report":{}}
not JSON
"#;
    let legacy = r#"["create","PC_0",{},1643000000000]
["getstats","PC_0",{"ssrc_9_recv":{"type":"ssrc","packetsReceived":"7","googJitterReceived":"1"}},1643000001000]
["close","PC_0",null,1643000002000]
"#;
    let (_folder, paths) =
        files(&[("good.jsonl", good), ("legacy.jsonl", legacy), ("noise.txt", "nothing at all")]);
    let (report, recordings) = super::read(&options(paths.clone())).unwrap();
    let [good, legacy, noise] = &report.files[..] else { panic!("{report:?}") };
    assert_eq!((good.events, good.reports, good.unread.count), (1, 1, 1));
    assert_eq!(good.refused["empty_report"].0, 1);
    let session = ["meet", "room", "ann"].map(str::to_owned);
    assert!(good.sessions.contains(&session));
    assert_eq!((legacy.events, legacy.refused["legacy_get_stats"].0), (0, 1));
    assert!(noise.unreadable.is_some());
    assert!(report.is_refused());
    assert_eq!(recordings.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0]);
    let text = report.to_string();
    for expected in [
        "call \"room\"",
        "1 lines could not be read, first line 3",
        "refused 1 as empty_report: report: ",
        "legacy.jsonl: nothing sent",
        "noise.txt: refused: none of the formats",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let only_good = super::Report { files: vec![good.clone()] };
    assert!(!only_good.is_refused(), "some of it could be used");
    assert!(super::read(&options(paths[2..].to_vec())).is_err());
}

#[test]
fn names_are_shown_without_what_a_terminal_obeys() {
    let sessions = [["a", "\u{1b}[31mred", "p"].map(str::to_owned)].into();
    let file = FileReport { path: "x\u{7}".into(), sessions, ..FileReport::default() };
    assert!(!file.to_string().contains(['\u{1b}', '\u{7}']));
}
