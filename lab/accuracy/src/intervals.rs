//! The interval engine, compared with a recorded call whose intervals were computed independently.

use std::collections::{BTreeMap, BTreeSet};

use deploy::failure::{Context, Failure};
use ingest::Ingest;
use prometheus::Registry;
use schemas::{EventKind, Report};
use serde_json::Value;
use service::{
    AppendTime, Input, Offset, Pace, Partition, Record, Recorder, Service, Settings, Source, Topic,
};

use super::claim::{Claim, Deviations};
use super::theme::{Check, Theme};

pub(super) const THEME: Theme = Theme {
    name: "intervals",
    claims: &[Claim {
        claim: "Intervals of a recorded call in Chromium: fields that differ",
        reference: "`lab/recordings/expected.py`, which has no code in common with the services",
        bound: 0.0,
    }],
    check: Check::Offline(deviations),
};

const CALL: &str = include_str!("../../recordings/call.jsonl");
const EXPECTED: &str = include_str!("../../recordings/expected.json");

/// Fields that enrich adds.
const SCORES: [&str; 7] = [
    "audio_mos_milli",
    "video_mos_milli",
    "verdict",
    "verdicts",
    "reason",
    "verdict_by_pack",
    "reason_by_pack",
];

/// Fields by participant, stats id and end.
type Intervals = BTreeMap<String, BTreeMap<String, Value>>;

fn deviations() -> Deviations {
    let (found, wanted) = (found()?, wanted()?);
    if wanted.is_empty() {
        return Err(Failure::Refused("expected.json: there are no intervals".into()));
    }
    let nothing = BTreeMap::new();
    let keys: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    let differing = keys.into_iter().map(|key| {
        let found = found.get(key).unwrap_or(&nothing);
        let wanted = wanted.get(key).unwrap_or(&nothing);
        let fields: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
        fields.into_iter().filter(|field| found.get(*field) != wanted.get(*field)).count()
    });
    Ok(vec![differing.sum::<usize>() as f64])
}

fn wanted() -> Result<Intervals, Failure> {
    let expected: Value = serde_json::from_str(EXPECTED).context("expected.json")?;
    let intervals = expected["intervals"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(intervals.iter().map(by_key).collect())
}

/// Runs the recording through ingest's core, without Kafka.
fn found() -> Result<Intervals, Failure> {
    let source = Source { input: Input(0), partition: Partition(0) };
    let mut ingest = Ingest::start(&Settings::default(), &Registry::new()).context("ingest")?;
    let mut recorder = Recorder::default();
    recorder.assign(source);
    ingest.assigned(source, None).context("ingest")?;
    for (offset, line) in CALL.lines().enumerate() {
        let record = Record {
            source,
            offset: Offset(offset as i64),
            appended: AppendTime(milliseconds(line)?),
            key: Some(b"meet/standup/ann"),
            content_type: None,
            payload: line.as_bytes(),
            look_back: false,
        };
        ingest.record(&record, &mut recorder).context("ingest")?;
        recorder.commit(&mut *ingest);
        ingest.tick(0, Pace::Live, &mut recorder).context("ingest")?;
    }
    let first = CALL.lines().next().map_or(Ok(0), milliseconds)?;
    let mut intervals = Intervals::new();
    for sent in recorder.sent {
        if sent.topic != Topic::Reports {
            return Err(Failure::Refused(
                "call.jsonl: ingest made a dead letter of an event".into(),
            ));
        }
        let report: Report = schemas::decode(&sent.payload).context("report")?;
        if report.event == EventKind::Stats {
            intervals.extend(described(&report, first * 1000)?);
        }
    }
    Ok(intervals)
}

/// Returns the time of an event of the recording, ms.
fn milliseconds(line: &str) -> Result<i64, Failure> {
    let event: Value = serde_json::from_str(line).context("call.jsonl")?;
    event["timestamp"].as_i64().ok_or_else(|| Failure::Refused("call.jsonl: no timestamp".into()))
}

/// Returns the report's intervals in the form of the expectations, with times relative to the
/// recording's first event.
fn described(report: &Report, first_us: i64) -> Result<Intervals, Failure> {
    let describe = |interval| {
        let mut fields = serde_json::to_value(interval).context("interval")?;
        for time in ["start_us", "end_us"] {
            fields[time] = fields[time].as_i64().map(|us| us - first_us).into();
        }
        fields["participant"] = report.participant.clone().into();
        fields["client_version"] = report.client_version.clone().into();
        Ok(by_key(&fields))
    };
    report.intervals.iter().map(describe).collect()
}

fn by_key(interval: &Value) -> (String, BTreeMap<String, Value>) {
    let key = ["participant", "stats_id", "end_us"].map(|field| interval[field].to_string());
    let mut fields = BTreeMap::new();
    flatten(interval, &mut fields);
    (key.join(" "), fields)
}

/// Adds the known fields. Fields of a group are named without the group, except for times of
/// quality limitation, whose names would be ambiguous.
fn flatten(object: &Value, fields: &mut BTreeMap<String, Value>) {
    for (name, value) in object.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            _ if SCORES.contains(&name.as_str()) => {}
            // A position, which carries no information by itself.
            _ if name == "path" => {}
            Value::Object(_) => {
                let mut members = BTreeMap::new();
                flatten(value, &mut members);
                let limited = |member: &str| name == "limitation" && member.ends_with("_us");
                fields.extend(members.into_iter().map(|(member, value)| {
                    let prefix = if limited(&member) { "limited_" } else { "" };
                    (format!("{prefix}{member}"), value)
                }));
            }
            value => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}
