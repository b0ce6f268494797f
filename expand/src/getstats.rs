//! Plain `getStats()` reports in JSON: a map from ids to stats objects or an array of them, bare or
//! in an object that also names the session.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{MOST_SECONDS, Members, moment_ms, named, text};
use super::envelope::Envelope;
use super::outcome::Refusal;
use super::session::agreed_ms;

/// Peer connection of a bare report.
const PEER_CONNECTION: &str = "pc-0";

// Member names of the session and time in formats of others, as in ingest. The first that is
// present counts.
const APPS: [&str; 3] = ["app", "appId", "appID"];
const CALLS: [&str; 8] =
    ["call", "callId", "callID", "conferenceId", "conferenceID", "confID", "meetingId", "roomId"];
const PARTICIPANTS: [&str; 7] =
    ["participant", "participantId", "clientId", "endpointId", "userId", "userID", "localID"];
const CONNECTIONS: [&str; 5] =
    ["peer_connection", "peerConnectionId", "pcId", "pc", "connectionID"];
const TIMES: [&str; 6] =
    ["timestamp", "captured_at", "capturedAt", "time", "timestampUs", "timestamp_us"];
const USER_AGENTS: [&str; 2] = ["user_agent", "userAgent"];
const REPORTS: [&str; 6] = ["report", "stats", "getStats", "statsReport", "statsMap", "statistics"];
/// Members of native SDKs' own report objects that contain the stats objects, beside the report's time
/// (`RTCStatsReport` in Java, `RTCStatisticsReport` in Objective-C).
const NATIVE: [&str; 2] = ["statsMap", "statistics"];

/// Members of a stats object that are read.
#[derive(Deserialize)]
struct Stats {
    #[serde(rename = "type")]
    of: Option<String>,
    timestamp: Option<Box<RawValue>>,
    /// Timestamp of the Java SDK, µs.
    #[serde(rename = "timestampUs")]
    java_us: Option<Box<RawValue>>,
    /// Timestamp of the Objective-C SDK, µs.
    #[serde(rename = "timestamp_us")]
    objective_c_us: Option<Box<RawValue>>,
}

impl Stats {
    /// Time of the snapshot, ms since the Unix epoch.
    fn taken_ms(&self) -> Option<f64> {
        let times = [&self.timestamp, &self.java_us, &self.objective_c_us];
        times.into_iter().flatten().find_map(|time| moment_ms(time))
    }
}

/// Returns whether a JSON value is a bare report.
pub(crate) fn is_report(json: &RawValue) -> bool {
    objects(json).iter().any(|object| object.of.is_some() && object.taken_ms().is_some())
}

/// Returns the event of a report.
pub(crate) fn expand(json: &RawValue) -> Result<Envelope, Refusal> {
    let members: Members = serde_json::from_str(json.get()).unwrap_or_default();
    let wrapped = REPORTS.iter().find_map(|member| members.get(*member));
    // The members of a bare report are stats objects.
    let nothing = Members::new();
    let around = if wrapped.is_some() { &members } else { &nothing };
    let report = wrapped.map_or(json, |report| &**report);
    let inner: Members = serde_json::from_str(report.get()).unwrap_or_default();
    let native = NATIVE.iter().find_map(|member| inner.get(*member));
    let objects = objects(native.map_or(report, |objects| &**objects));
    if objects.iter().filter_map(|object| object.of.as_deref()).any(is_legacy) {
        return Err(Refusal::LegacyGetStats);
    }
    let typed = objects.iter().filter(|object| object.of.is_some());
    if wrapped.is_some() && typed.clone().count() == 0 {
        return Err(Refusal::EmptyReport);
    }
    let captured = timestamp_ms(around).or_else(|| native.and_then(|_| timestamp_ms(&inner)));
    let newest = typed.filter_map(Stats::taken_ms).max_by(f64::total_cmp);
    let (sent, taken) = match (captured, newest) {
        (Some(captured), Some(newest)) => (captured, agreed_ms(newest, captured)),
        (time, None) | (None, time) => time.map(|ms| (ms, ms)).ok_or(Refusal::UnknownFormat)?,
    };
    let id = named(around, &CONNECTIONS);
    let id = id.as_deref().unwrap_or(PEER_CONNECTION);
    let mut envelope = Envelope::new("stats", id, sent);
    envelope.app = named(around, &APPS).unwrap_or_default();
    envelope.call = named(around, &CALLS).unwrap_or_default();
    envelope.participant = named(around, &PARTICIPANTS).unwrap_or_default();
    envelope.user_agent = USER_AGENTS.iter().find_map(|member| text(around.get(*member)?));
    envelope.timestamp = taken;
    envelope.report = Some(report.to_owned());
    Ok(envelope)
}

/// Returns the time of the whole report if it is given, ms since the Unix epoch.
fn timestamp_ms(members: &Members) -> Option<f64> {
    let reported = TIMES.iter().find_map(|member| moment_ms(members.get(*member)?));
    reported.map(|time| if time <= MOST_SECONDS { time * 1e3 } else { time })
}

/// Returns the stats objects of a report; none if it is not a report.
fn objects(report: &RawValue) -> Vec<Stats> {
    let members: Vec<&RawValue> =
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(report.get()) {
            Ok(map) => map.into_values().collect(),
            Err(_) => serde_json::from_str(report.get()).unwrap_or_default(),
        };
    let object = |member: &RawValue| match member.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(member.get()).ok(),
        // An entry of a report in the form of a Map: `[id, object]`.
        Some(b'[') => serde_json::from_str::<(&str, Stats)>(member.get()).ok().map(|entry| entry.1),
        _ => None,
    };
    members.into_iter().filter_map(object).collect()
}

/// Returns whether it is a type of the callback-based getStats() that Chrome had until release 117.
fn is_legacy(of: &str) -> bool {
    of == "ssrc" || of == "VideoBwe" || of.starts_with("goog")
}
