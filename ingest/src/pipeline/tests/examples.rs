//! The examples of `docs/reference/formats.md`, from their bytes to canonical reports.

use super::*;

const PAGE: &str = include_str!("../../../../docs/reference/formats.md");

/// Returns the records of the example with the mark `mark` on the page.
fn records(mark: &str) -> Vec<Vec<u8>> {
    let (_, rest) = PAGE.split_once(&format!("<!-- raw: {mark} -->\n```")).unwrap();
    let (language, rest) = rest.split_once('\n').unwrap();
    let body = rest.split_once("\n```").unwrap().0;
    if language == "hex" {
        let bytes = body.split_ascii_whitespace();
        return vec![bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()];
    }
    let values =
        serde_json::Deserializer::from_str(body).into_iter::<Box<serde_json::value::RawValue>>();
    values.map(|value| value.unwrap().get().as_bytes().to_vec()).collect()
}

/// Returns a summary of a report.
fn summary(report: &Report) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    service::testing::remove_nulls(&mut value);
    value
}

/// Time of the call in the examples, ms since the Unix epoch.
const CALL_MS: i64 = 1_795_328_740_000;

/// Returns the reports of an example, without dead letters.
fn reports(mark: &str) -> Vec<Report> {
    let key = mark.split_once("key: ").map_or(b"a key".as_slice(), |(_, key)| key.as_bytes());
    let mut life = Life::begin(&[]);
    for (offset, payload) in (0..).zip(records(mark)) {
        let record = Record {
            source: SOURCE,
            offset: Offset(offset),
            appended: AppendTime(CALL_MS),
            key: Some(key),
            content_type: None,
            payload: &payload,
            look_back: false,
        };
        life.pipeline.record(&record, &mut life.out).unwrap();
        life.commit();
    }
    assert_eq!(life.dead_letters(), []);
    life.reports()
}

#[test]
fn every_example_gives_the_report_that_is_held_here() {
    let mut marks = PAGE.split("<!-- raw: ").skip(1).map(|rest| rest.split_once(" -->").unwrap().0);
    let known =
        ["plain", "bare, key: meet/standup-0423/ann-1", "client-sample", "callstats", "avro"];
    assert!(marks.by_ref().eq(known));
    for mark in known {
        let name = mark.split(',').next().unwrap();
        let reports: Vec<Value> = reports(mark).iter().map(summary).collect();
        insta::assert_json_snapshot!(name, reports);
    }
}

#[test]
fn one_call_gives_the_same_intervals_in_every_format() {
    let intervals = |mark| {
        let reports = reports(mark).into_iter();
        let with = reports.filter(|report| !report.intervals.is_empty());
        let of_all = with.map(|report| (report.intervals, report.paths));
        of_all.collect::<Vec<_>>()
    };
    let wanted = intervals("plain");
    assert_eq!(wanted.len(), 1);
    for mark in ["bare, key: meet/standup-0423/ann-1", "client-sample", "avro"] {
        assert_eq!(intervals(mark), wanted, "{mark}");
    }
    // Bodies of callstats.io have no candidates.
    let callstats = intervals("callstats");
    assert_eq!(callstats[0].0, wanted[0].0);
    let (found, wanted) = (&callstats[0].1[0], &wanted[0].1[0]);
    assert_eq!(found.ice_round_trip_us, wanted.ice_round_trip_us);
}
