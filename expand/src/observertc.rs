//! ObserveRTC's ClientSamples, and the delta streams of its JSON codec and of its protobuf encoder.
//!
//! A delta is a ClientSample without the members that did not change. Arrays are whole: they name
//! every entry by its key, and an entry that is not named is gone. What is expanded are again
//! ClientSamples, each complete by itself. The rules are those of `@observertc/samples-json-codec`:
//! <https://github.com/ObserveRTC/schemas/tree/main/npm-samples-json-codec>.

// The path is the usual one. Fuzz targets, which have this file by its path, need it said.
pub(crate) mod flat;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::{RawValue, to_raw_value};

use super::budget::Budget;
use super::document::{Document, Members, moment_ms, name, size_of};

/// Expands the samples of one recording, each client's in their order.
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
    /// For the recording that has these samples: one that is not whole makes it a stream of deltas.
    /// Nothing is carried over from whole samples: a missing member is missing.
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

    /// For a stream of deltas.
    pub(crate) fn of_deltas(budget: &'b Budget) -> Self {
        Self { deltas: true, clients: BTreeMap::new(), budget }
    }

    /// Returns the whole sample that `sample` completes. None if it cannot be read, or if it names
    /// streams that no sample before it described, or if it is more than the budget has.
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

/// Returns a whole sample with the names of Isobar's envelope. None if it has no time.
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

/// Returns the application name, read from the attachments as ingest reads it.
fn app(attachments: &RawValue) -> Option<String> {
    let attachments = object(attachments)?;
    ["app", "appId", "appName"].iter().find_map(|member| name(attachments.get(*member)?))
}

/// The member by which an array's entries are distinguished; None if they are of the moment, and
/// nothing of them is remembered.
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

/// Objects whose members are compared one by one; others are replaced whole.
const LAID_OVER: [&str; 2] = ["psnrSum", "qualityLimitationDurations"];

/// `before` with `delta` laid over it. None if it is not as the schema has it, or more than the
/// budget has: what is copied is taken from it, however often one object is named.
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
        // A momentary entry, or one that is unknown to this release.
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

/// None if a stream lacks what only its first sample reports: a delta whose beginning is missing.
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
