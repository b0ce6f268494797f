//! callstats.io REST bodies, and canonical reports.

use expand::budget::Budget;
use expand::outcome::Refusal;
use expand::recording;
use serde_json::{Value, json};

use super::{LABELS, documents, refused};

#[test]
fn bodies_of_the_rest_api_name_their_session() {
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
    assert_eq!(records.len(), 1, "a cover has no values");
    assert_eq!(records[0].key(), "a/tape/tape");
    records[0].stamp(107_000.0);
    let moved: schemas::Report = schemas::decode(&records[0].payload().unwrap()).unwrap();
    assert_eq!((moved.event_us, moved.intervals[0].start_us), (107_000_000, 105_000_000));
    assert_eq!(refused(&bytes[..bytes.len() - 1]), Refusal::NotText);
}
