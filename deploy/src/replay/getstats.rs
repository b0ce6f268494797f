//! Plain `getStats()` reports in JSON: a map from ids to stats objects or an array of them, bare or
//! in an object that also says whose they are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{MOST_SECONDS, moment_ms};
use super::envelope::Envelope;
use super::recording::Refusal;

/// Peer connection of a bare report.
const PEER_CONNECTION: &str = "pc-0";

/// A report with what is known of it, under the names that others give it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Capture {
    #[serde(alias = "appId", alias = "appID")]
    app: String,
    #[serde(alias = "callId", alias = "conferenceId", alias = "roomId", alias = "meetingId")]
    call: String,
    #[serde(alias = "participantId", alias = "userId", alias = "clientId", alias = "endpointId")]
    participant: String,
    #[serde(alias = "peer_connection", alias = "peerConnectionId", alias = "pcId")]
    pc: Option<String>,
    /// ms since the Unix epoch.
    #[serde(alias = "capturedAt", alias = "timestamp", alias = "time")]
    captured_at: Option<Box<RawValue>>,
    #[serde(alias = "userAgent")]
    user_agent: Option<String>,
    #[serde(alias = "stats", alias = "getStats", alias = "statsReport")]
    report: Option<Box<RawValue>>,
}

/// What is looked at of a stats object.
#[derive(Deserialize)]
struct Stats {
    #[serde(rename = "type")]
    of: Option<String>,
    timestamp: Option<Box<RawValue>>,
}

impl Stats {
    /// When it was taken, ms since the Unix epoch.
    fn taken_ms(&self) -> Option<f64> {
        moment_ms(self.timestamp.as_deref()?)
    }
}

/// True if it is a report by itself.
pub(crate) fn is_report(json: &RawValue) -> bool {
    objects(json).iter().any(|object| object.of.is_some() && object.taken_ms().is_some())
}

/// The event that a report is.
pub(crate) fn expand(json: &RawValue) -> Result<Envelope, Refusal> {
    let capture = match serde_json::from_str::<Capture>(json.get()) {
        Ok(capture) if capture.report.is_some() => capture,
        _ => Capture { report: Some(json.to_owned()), ..Capture::default() },
    };
    let report = capture.report.ok_or(Refusal::UnknownFormat)?;
    let objects = objects(&report);
    if objects.iter().filter_map(|object| object.of.as_deref()).any(is_legacy) {
        return Err(Refusal::LegacyGetStats);
    }
    let typed = objects.iter().filter(|object| object.of.is_some());
    let told = capture.captured_at.as_deref().and_then(moment_ms);
    let captured = told.map(|time| if time <= MOST_SECONDS { time * 1e3 } else { time });
    let newest = typed.clone().filter_map(Stats::taken_ms).max_by(f64::total_cmp);
    let of_report = captured.filter(|_| typed.count() > 0);
    let newest = newest.or(of_report).ok_or(Refusal::UnknownFormat)?;
    let id = capture.pc.as_deref().unwrap_or(PEER_CONNECTION);
    let mut envelope = Envelope::new("stats", id, captured.unwrap_or(newest));
    envelope.app = capture.app;
    envelope.call = capture.call;
    envelope.participant = capture.participant;
    envelope.user_agent = capture.user_agent;
    envelope.timestamp = newest;
    envelope.report = Some(report);
    Ok(envelope)
}

/// The stats objects of a report; none if it is no report.
fn objects(report: &RawValue) -> Vec<Stats> {
    let members: Vec<&RawValue> =
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(report.get()) {
            Ok(map) => map.into_values().collect(),
            Err(_) => serde_json::from_str(report.get()).unwrap_or_default(),
        };
    let object = |member: &RawValue| match member.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(member.get()).ok(),
        // An entry of the report as a Map.
        Some(b'[') => serde_json::from_str::<(&str, Stats)>(member.get()).ok().map(|entry| entry.1),
        _ => None,
    };
    members.into_iter().filter_map(object).collect()
}

/// Types of the callback-based getStats() that Chrome had until release 117.
fn is_legacy(of: &str) -> bool {
    of == "ssrc" || of == "VideoBwe" || of.starts_with("goog")
}
