//! webrtc-internals dumps.

use serde_json::{Value, json};

use super::{kinds, read, report};

/// Returns a series of a webrtc-internals dump that begins and ends with the `first` and the `last`
/// report.
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
