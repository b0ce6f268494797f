//! ObserveRTC's ClientSamples, and the delta streams of its JSON codec and of its protobuf encoder.
//!
//! A delta is a ClientSample without unchanged members. Arrays name every entry by its key; an
//! entry that is not named is removed. The results are complete ClientSamples. The rules are those
//! of `@observertc/samples-json-codec`:
//! <https://github.com/ObserveRTC/schemas/tree/main/npm-samples-json-codec>.

// The usual path, stated because fuzz targets include this file by its path.
pub(crate) mod flat;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::{RawValue, to_raw_value};

use super::budget::Budget;
use super::document::{Document, Members, moment_ms, name, size_of};

/// Expands the samples of one recording, those of each client in order.
#[derive(Debug)]
pub(crate) struct Expander<'b> {
    /// State of each client, if the samples are deltas.
    clients: BTreeMap<String, Members>,
    deltas: bool,
    budget: &'b Budget,
}

/// Returns whether a JSON object with these members is a sample.
pub(crate) fn is_sample(member: impl Fn(&str) -> bool) -> bool {
    let of_a_sample = [
        "peerConnections",
        "clientEvents",
        "clientMetaItems",
        "clientIssues",
        // Schema 2.
        "inboundAudioTracks",
        "inboundVideoTracks",
        "outboundAudioTracks",
        "outboundVideoTracks",
        "pcTransports",
        "customCallEvents",
    ];
    of_a_sample.into_iter().any(&member)
        || (member("timestamp") && member("clientId") && !member("report") && !member("stats"))
}

impl<'b> Expander<'b> {
    /// Returns the expander for a recording with these samples. An incomplete sample makes it a
    /// delta stream. In a recording of complete samples nothing is carried over: a missing member
    /// is missing.
    pub(crate) fn new(samples: impl Iterator<Item = Members>, budget: &'b Budget) -> Self {
        let mut of_calls = BTreeSet::new();
        let mut samples = samples.filter(|sample| is_sample(|m| sample.contains_key(m)));
        let deltas = samples.any(|sample| {
            let reported = |member: &str| sample.get(member).and_then(|value| name(value));
            let client = reported("clientId").unwrap_or_default();
            if CALL.iter().any(|member| reported(member).is_some()) {
                of_calls.insert(client);
            } else if !sample.contains_key("peerConnections") && of_calls.contains(&client) {
                return true;
            }
            is_whole(&sample).is_none()
        });
        Self { deltas, clients: BTreeMap::new(), budget }
    }

    /// Returns the expander for a delta stream.
    pub(crate) fn of_deltas(budget: &'b Budget) -> Self {
        Self { deltas: true, clients: BTreeMap::new(), budget }
    }

    /// Returns the complete sample after `sample`. None if it cannot be read, names streams that no
    /// earlier sample described, or exceeds the budget.
    pub(crate) fn expand(&mut self, sample: &Members) -> Option<Document> {
        let client = sample.get("clientId").and_then(|id| name(id)).unwrap_or_default();
        let before = self.clients.get(&client).filter(|_| self.deltas);
        let whole = merge(before, sample, self.budget)?;
        is_whole(&whole)?;
        if self.deltas {
            self.clients.insert(client, whole.clone());
        }
        document(whole)
    }
}

/// Members that name the call.
const CALL: [&str; 3] = ["call", "callId", "roomId"];

/// Returns a complete sample with the member names of Isobar's envelope. None if it has no time.
fn document(whole: Members) -> Option<Document> {
    let recorded_ms = whole.get("timestamp").and_then(|time| moment_ms(time))?;
    let mut document = Document { members: whole, recorded_ms };
    let call = CALL.map(|own| ("call", own));
    for (member, own) in call.into_iter().chain([("participant", "clientId")]) {
        if document.name(member).is_none()
            && let Some(value) = document.name(own)
        {
            document.set(member, &value);
        }
    }
    if document.name("app").is_none()
        && let Some(app) = document.members.get("attachments").and_then(|reported| app(reported))
    {
        document.set("app", &app);
    }
    Some(document)
}

/// Returns the application name in the attachments, by the rules of ingest.
fn app(attachments: &RawValue) -> Option<String> {
    let attachments = object(attachments)?;
    ["app", "appId", "appName"].iter().find_map(|member| name(attachments.get(*member)?))
}

/// Returns the member that identifies an array's entries; none if they are momentary and nothing of
/// them is kept.
fn key_of(array: &str) -> Option<&'static str> {
    match array {
        "peerConnections" => Some("peerConnectionId"),
        "inboundRtps" | "outboundRtps" | "remoteInboundRtps" | "remoteOutboundRtps" => Some("ssrc"),
        "clientEvents" | "clientIssues" | "clientMetaItems" | "extensionStats" | "scoreReasons" => {
            None
        }
        _ => Some("id"),
    }
}

/// Objects whose members are compared one by one; other objects are replaced as a whole.
const LAID_OVER: [&str; 2] = ["psnrSum", "qualityLimitationDurations"];

/// Returns `before` merged with `delta`. None if the delta does not follow the schema or exceeds
/// the budget, which includes all copies of repeatedly named objects.
pub(crate) fn merge(before: Option<&Members>, delta: &Members, budget: &Budget) -> Option<Members> {
    let empty = Members::new();
    let before = before.unwrap_or(&empty);
    let is_reported = |value: &RawValue| value.get() != "null";
    let mut merged = Members::new();
    for (member, value) in before {
        if value.get().starts_with('[') || delta.get(member).is_some_and(|value| is_reported(value))
        {
            continue;
        }
        budget.take(size_of(member, value))?;
        merged.insert(member.clone(), value.clone());
    }
    for (member, value) in delta.iter().filter(|(_, value)| is_reported(value)) {
        let value = if value.get().starts_with('[') {
            merge_array(before.get(member).map(|value| &**value), value, member, budget)?
        } else if LAID_OVER.contains(&member.as_str()) {
            let before = before.get(member).and_then(|value| object(value));
            to_raw_value(&merge(before.as_ref(), &object(value)?, budget)?).ok()?
        } else {
            budget.take(size_of(member, value))?;
            value.clone()
        };
        merged.insert(member.clone(), value);
    }
    Some(merged)
}

fn merge_array(
    before: Option<&RawValue>,
    delta: &RawValue,
    array: &str,
    budget: &Budget,
) -> Option<Box<RawValue>> {
    let Some((key, entries)) = key_of(array).zip(list(delta)) else {
        // A momentary entry, or one of an unknown kind.
        budget.take(size_of(array, delta))?;
        return Some(delta.to_owned());
    };
    let before: Vec<Members> = before.and_then(list).unwrap_or_default();
    let before: BTreeMap<&str, &Members> =
        before.iter().filter_map(|entry| Some((entry.get(key)?.get(), entry))).collect();
    let entries = entries.iter().map(|entry| {
        let same = entry.get(key).and_then(|key| before.get(key.get()));
        merge(same.copied(), entry, budget)
    });
    to_raw_value(&entries.collect::<Option<Vec<_>>>()?).ok()
}

pub(crate) fn list(value: &RawValue) -> Option<Vec<Members>> {
    serde_json::from_str(value.get()).ok()
}

fn object(value: &RawValue) -> Option<Members> {
    serde_json::from_str(value.get()).ok()
}

/// Returns none if a stream lacks members that only its first sample reports: the beginning of the
/// deltas is missing.
fn is_whole(sample: &Members) -> Option<()> {
    let Some(connections) = sample.get("peerConnections") else { return Some(()) };
    for connection in &list(connections)? {
        connection.get("peerConnectionId")?;
        for array in ["inboundRtps", "outboundRtps", "remoteInboundRtps", "remoteOutboundRtps"] {
            let Some(streams) = connection.get(array) else { continue };
            let whole = |stream: &Members| {
                ["id", "kind", "ssrc"].iter().all(|member| stream.contains_key(*member))
            };
            list(streams)?.iter().all(whole).then_some(())?;
        }
    }
    Some(())
}
