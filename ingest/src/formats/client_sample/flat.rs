//! Schema 2: arrays of all of a client's objects, each with the id of its peer connection. A track
//! has the values of both ends of an RTP stream; its array determines direction and kind.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::connections::{Connections, MAX_CONNECTIONS, ObjectsSeed, PeerConnection};
use crate::counters::StatsType;
use crate::formats::Rejected;
use crate::formats::get_stats::{Found, Type};
use crate::formats::json::{self, Scalar, scalars_are, skip_items};

/// Returns the samples of peer connections, in the order of their first objects.
pub(super) fn connections(text: &str) -> Result<Connections<'_>, Rejected> {
    let mut text = serde_json::Deserializer::from_str(text);
    let found = text.deserialize_any(Flat).map_err(json::rejected)?;
    let mut connections: Vec<PeerConnection<'_>> = Vec::new();
    let mut places = HashMap::<_, usize>::new();
    for (place, mut object) in found.objects.into_iter().enumerate() {
        if object.id.is_empty() {
            object.id = Cow::Owned(match object.ssrc {
                0 => format!("object-{place}"),
                ssrc => ssrc.to_string(),
            });
        }
        let id = object.connection_id.take().unwrap_or_default();
        match places.entry(id.clone()) {
            Entry::Occupied(known) => connections[*known.get()].found.objects.push(object),
            Entry::Vacant(_) if connections.len() > MAX_CONNECTIONS => break,
            Entry::Vacant(new) => {
                new.insert(connections.len());
                let found = Found { objects: vec![object], ..Found::default() };
                connections.push(PeerConnection { id: Scalar::Text(id), found });
            }
        }
    }
    Ok(Connections(connections))
}

/// Returns the types of the objects in an array; for tracks, those of the near and the remote end,
/// and the kind.
fn types_of(array: &str) -> Option<(Type, Option<(Type, &'static str)>)> {
    let inbound = |kind| {
        Some((
            Type::Counting(StatsType::Inbound),
            Some((Type::Counting(StatsType::RemoteOutbound), kind)),
        ))
    };
    let outbound = |kind| {
        Some((
            Type::Counting(StatsType::Outbound),
            Some((Type::Counting(StatsType::RemoteInbound), kind)),
        ))
    };
    match array {
        "inboundAudioTracks" => inbound("audio"),
        "inboundVideoTracks" => inbound("video"),
        "outboundAudioTracks" => outbound("audio"),
        "outboundVideoTracks" => outbound("video"),
        "iceCandidatePairs" => Some((Type::Counting(StatsType::Pair), None)),
        "pcTransports" => Some((Type::Transport, None)),
        "iceLocalCandidates" | "iceRemoteCandidates" => Some((Type::Candidate, None)),
        _ => None,
    }
}

struct Flat;

impl<'de> Visitor<'de> for Flat {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sample")
    }
    scalars_are!(Found::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(Found::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        while let Some(Scalar::Text(member)) = members.next_key()? {
            let Some((of, track)) = types_of(&member) else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let before = found.objects.len();
            members.next_value_seed(ObjectsSeed { of, found: &mut found })?;
            let Some((far, kind)) = track else { continue };
            for mut object in found.objects.split_off(before) {
                object.kind = Some(Cow::Borrowed(kind));
                let mut remote = object.clone();
                (remote.of, remote.id) = (far, Cow::Owned(format!("far-{}", object.ssrc)));
                found.objects.extend([object, remote]);
            }
        }
        Ok(found)
    }
}
