//! The state of a partition of ingest is bounded for any input.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use ingest::{Ingest, Settings as IngestSettings};
use prometheus::Registry;
use serde_json::{Map, Value, json};
use service::testing::{
    ImmediateOutput, measured_case, memory_of_case, peak_memory_kb, report_growth,
};
use service::{AppendTime, Input, Offset, Pace, Partition, Record, Service as _, Settings, Source};

const SOURCE: Source = Source { input: Input(0), partition: Partition(0) };
const START_MS: i64 = 1_756_000_020_000;

/// Returns an event of session `n`.
fn event(kind: &str, n: i64, more: Value) -> Vec<u8> {
    let mut event = json!({
        "v": 1, "event": kind, "app": "meet", "call": "c", "participant": format!("p{n}"),
        "timestamp": START_MS,
    });
    let members = event.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    event.to_string().into_bytes()
}

/// Returns `count` streams with every counter, by ids from `first` on.
fn streams(first: i64, count: i64) -> Map<String, Value> {
    const COUNTERS: [&str; 34] = [
        "packetsReceived",
        "packetsLost",
        "bytesReceived",
        "retransmittedPacketsReceived",
        "nackCount",
        "pliCount",
        "firCount",
        "packetsDiscarded",
        "fecPacketsReceived",
        "fecPacketsDiscarded",
        "jitter",
        "jitterBufferDelay",
        "jitterBufferEmittedCount",
        "totalSamplesReceived",
        "concealedSamples",
        "silentConcealedSamples",
        "concealmentEvents",
        "audioLevel",
        "totalAudioEnergy",
        "framesDecoded",
        "framesDropped",
        "keyFramesDecoded",
        "qpSum",
        "frameWidth",
        "frameHeight",
        "freezeCount",
        "totalFreezesDuration",
        "pauseCount",
        "totalPausesDuration",
        "roundTripTime",
        "totalRoundTripTime",
        "roundTripTimeMeasurements",
        "framesReceived",
        "framesPerSecond",
    ];
    let stream = |n: i64| {
        let mut stream = Map::new();
        stream.insert("type".to_owned(), "inbound-rtp".into());
        stream.insert("kind".to_owned(), "video".into());
        stream.insert("ssrc".to_owned(), n.into());
        for (place, counter) in (0..).zip(COUNTERS) {
            stream.insert(counter.to_owned(), (1_000_000 + 31 * n + place).into());
        }
        let number = format!("IT{n:0240}");
        (number, Value::Object(stream))
    };
    (first..first + count).map(stream).collect()
}

/// Function that returns the raw record of a number.
type Fill = fn(i64) -> Vec<u8>;

/// Kind of state and number of records: more than twice its limit.
const FIELDS: [(&str, i64, Fill); 10] = [
    ("streams of many sessions", 40_000, |n| {
        event("stats", n, json!({"report": streams(4 * n, 4)}))
    }),
    ("streams of one session", 50, |n| event("stats", 0, json!({"report": streams(400 * n, 400)}))),
    ("sessions", 150_000, |n| event("stats", n, json!({"report": streams(n, 1)}))),
    ("streams with few counters", 400, |n| {
        let bare =
            |id: i64| (id.to_string(), json!({"type": "inbound-rtp", "kind": "audio", "ssrc": id}));
        let report: Map<_, _> = (500 * n..500 * n + 500).map(bare).collect();
        event("stats", n, json!({"report": report}))
    }),
    ("events", 60_000, |n| event("joined", n, json!({"edge": format!("{n:0250}")}))),
    ("events of one session", 60_000, |n| {
        event("device_failed", 0, json!({"device": "camera", "timestamp": START_MS + n}))
    }),
    ("connections", 60_000, |n| {
        let kind = ["connected", "failed", "disconnected"][n as usize % 3];
        event(kind, n / 100, json!({"peer_connection": format!("{n:0250}")}))
    }),
    ("labels", 20_000, |n| {
        let text = format!("{n}{}", "x".repeat(200));
        let labels = json!({"edge": text, "client_version": text, "user_agent": text,
                            "claim": {"city": text, "organisation": text}, "timestamp": START_MS + n});
        event("feedback", 0, labels)
    }),
    ("rubbish", 5_000, |n| format!("{n}{}", "{".repeat(10_000)).into_bytes()),
    ("all of it", 120_000, |n| match n % 3 {
        0 => event("stats", n, json!({"report": streams(4 * n, 4)})),
        1 => event("joined", n, json!({})),
        _ => event("failed", n, json!({"peer_connection": format!("{n:0250}")})),
    }),
];

/// Run by [`the_state_of_a_partition_stays_within_its_bound`] for each field, in a process of its
/// own.
#[test]
fn one_field() {
    let Some(wanted) = measured_case() else { return };
    let (_, count, fill) = FIELDS.iter().find(|(field, ..)| *field == wanted).unwrap();
    let settings = Settings { service: IngestSettings::default(), ..Settings::default() };
    let mut handler = Ingest::start(&settings, &Registry::new()).unwrap();
    handler.assigned(SOURCE, None).unwrap();
    let mut out = ImmediateOutput::default();
    let before_kb = peak_memory_kb();
    for number in 0..*count {
        let record = Record {
            source: SOURCE,
            offset: Offset(number),
            appended: AppendTime(START_MS),
            key: Some(b"key"),
            content_type: None,
            payload: &fill(number),
            look_back: false,
        };
        handler.record(&record, &mut out).unwrap();
        out.commit(&mut *handler);
        handler.tick(number as u64, Pace::Live, &mut out).unwrap();
    }
    report_growth(before_kb);
}

#[test]
fn the_state_of_a_partition_stays_within_its_bound() {
    for (field, ..) in FIELDS {
        let took = memory_of_case("one_field", field);
        assert!(took < 48_000, "{field}: {took} KB");
    }
}
