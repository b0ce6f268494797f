#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::envelope::Envelope;
use super::recording::{self, Expanded, Labels};
use super::schedule::{self, Schedule};

const LABELS: Labels<'_> = Labels { app: None, call: None, client_address: None, name: "tape" };

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn read(text: &str) -> Expanded {
    recording::read(text, LABELS)
}

fn report(envelope: &Envelope) -> Value {
    serde_json::from_str(envelope.report.as_ref().unwrap().get()).unwrap()
}

fn kinds(expanded: &Expanded) -> Vec<(&str, f64)> {
    expanded.envelopes.iter().map(|event| (event.event.as_str(), event.timestamp)).collect()
}

/// A sample beside the checkout, if there is one.
fn sample(path: &str) -> Option<String> {
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
fn only_the_first_connected_or_failed_of_a_peer_connection_is_a_set_up() {
    let expanded = read(&lines(&[
        json!(["connectionInfo", null, {"userAgent": "Browser/1"}, 1]),
        json!(["close", null, {}, 5]),
        json!(["create", "PC_0", {}, 10]),
        json!(["create", "PC_1", {}, 20]),
        json!(["oniceconnectionstatechange", "PC_0", "connected", 150]),
        json!(["onconnectionstatechange", "PC_0", "connected", 160]),
        json!(["onconnectionstatechange", "PC_1", "failed", 170]),
        json!(["onconnectionstatechange", "PC_0", "failed", 900]),
        json!(["close", "PC_1", null, 950]),
        json!(["close", "PC_0", null, 960]),
    ]));
    assert_eq!(
        kinds(&expanded),
        [("joined", 10.0), ("connected", 150.0), ("failed", 170.0), ("left", 960.0)]
    );
    assert_eq!(expanded.envelopes[1].time_to_connect_ms, Some(140.0));
    assert!(expanded.envelopes.iter().all(|e| e.user_agent.as_deref() == Some("Browser/1")));
    assert_eq!(expanded.envelopes[0].key(), "replay/tape/tape");
}

#[test]
fn a_numbered_dump_counts_time_from_the_line_before_and_its_statistics_are_counted() {
    let expanded = read(&format!(
        "RTCStatsDump\n{{\"userAgent\":\"Browser/2\"}}\n{}",
        lines(&[
            json!([39, null, {}, 1000]),
            json!([39, "PC_0", {}, 5]),
            json!([25, "PC_0", "connected", 200]),
            json!(["g", "PC_0", {"t": 1}, 10]),
            json!(["close", null, 1001, 30]),
        ])
    ));
    assert_eq!(kinds(&expanded), [("joined", 1005.0), ("connected", 1205.0), ("left", 1245.0)]);
    assert_eq!((expanded.not_expanded, expanded.unread), (1, 0));
    assert_eq!(expanded.envelopes[0].user_agent.as_deref(), Some("Browser/2"));
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
fn an_array_of_stats_objects_is_one_report() {
    let expanded = read(r#"[{"id":"A","timestamp":5},{"id":"B","timestamp":7}]"#);
    assert_eq!(kinds(&expanded), [("stats", 7.0)]);
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
    let expanded = recording::read(&event.to_string(), labels);
    assert_eq!(expanded.envelopes[0].key(), "a/mine/p");
    assert_eq!(expanded.envelopes[0].client_address.as_deref(), Some("198.51.100.9"));
}

#[test]
fn events_keep_their_distances_at_any_speed_and_none_is_received_before_it_is_sent() {
    for (speed, due_ms) in [(1.0, 4000), (8.0, 500), (0.5, 8000), (f64::INFINITY, 0)] {
        let mut events = [Envelope::new("joined", "x", 1000.0), Envelope::new("left", "x", 5000.0)];
        let schedule = Schedule::new(1e6, schedule::length_ms(&events), speed, None);
        let due = events.each_mut().map(|event| schedule.stamp(event, 1000.0));
        assert_eq!(due, [Duration::ZERO, Duration::from_millis(due_ms)]);
        let received = events.map(|event| event.received_at.unwrap());
        assert_eq!(received[1] - received[0], 4000.0);
        assert_eq!(received[1], 1e6 + due_ms as f64, "received when sent");
    }
}

#[test]
fn the_expansion_of_a_real_dump_equals_the_reports_that_it_was_made_from() {
    let (Some(dump), Some(reports)) =
        (sample("rtcstats/chrome-relay.jsonl"), sample("getstats/chrome-two-consecutive-10s.json"))
    else {
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
        let Some(text) = sample(&format!("rtcstats/{file}.jsonl")) else { return };
        let expanded = read(&text);
        let count = |kinds: &[&str]| {
            expanded.envelopes.iter().filter(|e| kinds.contains(&e.event.as_str())).count()
        };
        assert_eq!(expanded.unread, 0, "{file}");
        assert_eq!(count(&["stats"]), reports, "{file}");
        assert_eq!(count(&["connected", "failed"]), set_ups, "{file}");
        assert_eq!(count(&["joined"]), 1, "{file}");
    }
}
