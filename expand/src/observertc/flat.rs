//! Delta streams of `@observertc/samples-encoder` 2, whose samples have lists of all objects of a
//! client.
//!
//! As in release 3, unchanged members are left out, and an object that a list does not name is
//! removed. But candidates are reported only when they change, an object may be reported for
//! several peer connections under one key, and nearly all members are left out if they are 0.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::{document, merge};
use crate::budget::Budget;
use crate::document::{Document, Members, size};

/// Objects of a list, by the text of their keys.
type Known = BTreeMap<String, Members>;

/// Expands the samples of one recording, those of each client in order.
#[derive(Debug)]
pub(crate) struct Expander<'b> {
    clients: BTreeMap<String, Client>,
    budget: &'b Budget,
}

/// State of a client.
#[derive(Debug, Default)]
struct Client {
    /// Members that are sent once.
    reported: Members,
    lists: BTreeMap<&'static str, Known>,
}

/// Lists that name every existing object, with the members that identify their objects. Only
/// changes of the objects are reported.
const LISTS: [(&str, &[&str]); 8] = [
    ("dataChannels", &["dataChannelIdentifier"]),
    ("iceCandidatePairs", &["candidatePairId"]),
    ("inboundAudioTracks", TRACK),
    ("inboundVideoTracks", TRACK),
    ("mediaSources", &["trackIdentifier"]),
    ("outboundAudioTracks", TRACK),
    ("outboundVideoTracks", TRACK),
    ("pcTransports", &["peerConnectionId"]),
];
/// Lists whose objects the encoder writes without their peer connection.
const OF_NONE: [&str; 2] = ["dataChannels", "mediaSources"];
const TRACK: &[&str] = &["trackId", "ssrc"];

/// Members that are reported only when they change.
const STAY: [&str; 10] = [
    "browser",
    "callId",
    "engine",
    "iceLocalCandidates",
    "iceRemoteCandidates",
    "os",
    "platform",
    "roomId",
    "timeZoneOffsetInHours",
    "userId",
];

/// Member that streams of some lists leave out if it is 0. A browser that reports the other
/// counters reports it as well.
const LOST: &str = "packetsLost";
const BESIDE_LOST: [(&str, &[&str]); 3] = [
    ("inboundVideoTracks", &["packetsReceived"]),
    ("outboundAudioTracks", FAR_END),
    ("outboundVideoTracks", FAR_END),
];
const FAR_END: &[&str] =
    &["packetsReceived", "jitter", "roundTripTimeMeasurements", "totalRoundTripTime"];

impl<'b> Expander<'b> {
    pub(crate) const fn new(budget: &'b Budget) -> Self {
        Self { clients: BTreeMap::new(), budget }
    }

    /// Returns the complete sample after `sample` of `client`. None if it names objects that no
    /// earlier sample described, or exceeds the budget.
    pub(crate) fn expand(&mut self, client: &str, mut sample: Members) -> Option<Document> {
        let client = self.clients.entry(client.to_owned()).or_default();
        for member in STAY {
            if let Some(value) = sample.get(member) {
                client.reported.insert(member.to_owned(), value.clone());
            }
        }
        self.budget.take(size(&sample) + size(&client.reported))?;
        for (member, value) in &client.reported {
            sample.entry(member.clone()).or_insert_with(|| value.clone());
        }
        let mut is_whole = true;
        for (member, keys) in LISTS {
            let Some(delta) = sample.get(member) else {
                client.lists.remove(member);
                continue;
            };
            let known = client.lists.entry(member).or_default();
            let (objects, are_whole) = whole(known, delta, (member, keys), self.budget)?;
            is_whole &= are_whole;
            sample.insert(member.to_owned(), objects);
        }
        document(sample).filter(|_| is_whole)
    }
}

/// Returns the objects that `delta` names, merged with their state; all others are dropped. Also
/// returns whether the peer connection of every object is known, which is in its first sample.
fn whole(
    known: &mut Known,
    delta: &RawValue,
    (list, keys): (&str, &[&str]),
    budget: &Budget,
) -> Option<(Box<RawValue>, bool)> {
    let mut now = Known::new();
    let mut objects = Vec::new();
    let mut is_whole = true;
    // One at a time, because a small object takes a hundred times the memory of its text.
    for reported in serde_json::from_str::<Vec<&RawValue>>(delta.get()).ok()? {
        let reported: Members = serde_json::from_str(reported.get()).ok()?;
        let key: Vec<&str> =
            keys.iter().filter_map(|key| Some(reported.get(*key)?.get())).collect();
        let key = key.join(":");
        let before = now.remove(&key).or_else(|| known.remove(&key));
        let before = before.filter(|before| !begins_anew(before, &reported, keys));
        let object = merge(before.as_ref(), &reported, budget)?;
        is_whole &= object.contains_key("peerConnectionId") || OF_NONE.contains(&list);
        now.insert(key, object.clone());
        objects.push(to_raw_value(&with_zero(list, object)).ok()?);
    }
    *known = now;
    Some((to_raw_value(&objects).ok()?, is_whole))
}

/// Returns whether a restarted encoder wrote the object: a running one does not repeat unchanged
/// members.
fn begins_anew(before: &Members, reported: &Members, keys: &[&str]) -> bool {
    let again = |member: &&str| {
        let same = reported.get(*member).zip(before.get(*member));
        !keys.contains(member) && same.is_some_and(|(now, before)| now.get() == before.get())
    };
    ["peerConnectionId", "transportId"].iter().any(again)
}

fn with_zero(list: &str, mut object: Members) -> Members {
    let beside =
        BESIDE_LOST.iter().find(|(of, _)| *of == list).map_or(&[][..], |(_, reported)| reported);
    if beside.iter().any(|member| object.contains_key(*member))
        && !object.contains_key(LOST)
        && let Ok(zero) = to_raw_value(&0)
    {
        object.insert(LOST.to_owned(), zero);
    }
    object
}
