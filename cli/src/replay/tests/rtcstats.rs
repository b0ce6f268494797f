//! rtcstats dumps.

use expand::envelope::Envelope;
use serde_json::json;

use super::{kinds, lines, read, report, sample_file, session};

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
fn a_device_failed_if_it_was_requested_and_the_call_failed() {
    let gum = "navigator.mediaDevices.getUserMedia";
    let expanded = read(&lines(&[
        json!([gum, null, {"audio": {"x": 1}, "video": false}, 1]),
        json!([gum, null, {"audio": true, "video": {}}, 2]),
        json!([format!("{gum}OnSuccess"), null, {}, 3]),
        json!([format!("{gum}OnFailure"), null, "NotReadableError", 4]),
    ]));
    let fields = |e: &Envelope| (e.device.clone().unwrap(), e.reason.clone().unwrap(), e.timestamp);
    let failed = |device: &str| (device.to_owned(), "NotReadableError".to_owned(), 4.0);
    let wanted = [failed("microphone"), failed("camera")];
    assert_eq!(expanded.envelopes.iter().map(fields).collect::<Vec<_>>(), wanted);

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

#[test]
fn dumps_of_a_client_that_slept_have_the_times_of_their_lines() {
    // It slept for three hours, and the browser's clock stopped.
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
        // The reports lack certificates and addresses, and contain objects that the browser had
        // removed.
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
