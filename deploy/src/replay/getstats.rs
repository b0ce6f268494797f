//! Plain `getStats()` reports in JSON: one or many, as values one after the other or in arrays,
//! either bare or as `{"pc": …, "capturedAt": ms, "report": …}`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::Envelope;
use super::recording::Expanded;

/// Peer connection of a bare report.
const PEER_CONNECTION: &str = "pc-0";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capture {
    pc: Option<String>,
    /// ms since the Unix epoch.
    captured_at: Option<f64>,
    report: Box<RawValue>,
}

#[derive(Deserialize)]
struct Stats {
    timestamp: f64,
}

/// Makes one event of every report.
pub(crate) fn expand(text: &str) -> Expanded {
    let mut expanded = Expanded::default();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let Ok(value) = value else {
            expanded.unread += 1;
            break;
        };
        // A bare report may itself be an array of stats objects.
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(values) if newest(value).is_none() => {
                values.into_iter().for_each(|value| add(value, &mut expanded));
            }
            _ => add(value, &mut expanded),
        }
    }
    expanded
}

fn add(value: &RawValue, expanded: &mut Expanded) {
    match event(value) {
        Some(envelope) => expanded.envelopes.push(envelope),
        None => expanded.unread += 1,
    }
}

fn event(value: &RawValue) -> Option<Envelope> {
    let capture = serde_json::from_str(value.get()).unwrap_or_else(|_| Capture {
        pc: None,
        captured_at: None,
        report: value.to_owned(),
    });
    let newest = newest(&capture.report)?;
    let id = capture.pc.as_deref().unwrap_or(PEER_CONNECTION);
    let mut envelope = Envelope::new("stats", id, capture.captured_at.unwrap_or(newest));
    envelope.timestamp = newest;
    envelope.report = Some(capture.report);
    Some(envelope)
}

/// The newest timestamp of a report's stats objects, ms; None if it is no report.
fn newest(report: &RawValue) -> Option<f64> {
    let members: Vec<&RawValue> =
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(report.get()) {
            Ok(map) => map.into_values().collect(),
            Err(_) => serde_json::from_str(report.get()).ok()?,
        };
    members
        .into_iter()
        .filter_map(|member| serde_json::from_str::<Stats>(member.get()).ok())
        .map(|stats| stats.timestamp)
        .max_by(f64::total_cmp)
}
