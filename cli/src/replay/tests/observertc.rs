//! ObserveRTC samples.

use expand::outcome::Refusal;
use serde_json::{Value, json};

use super::{documents, lines, refused};

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
    // In complete samples, members that a browser no longer reports are missing.
    let mut later = first.clone();
    later["peerConnections"][0]["inboundRtps"][0]
        .as_object_mut()
        .unwrap()
        .remove("packetsReceived");
    let samples = documents(&json!([first, later]).to_string());
    assert_eq!(samples[1]["peerConnections"][0]["inboundRtps"][0].get("packetsReceived"), None);
}
