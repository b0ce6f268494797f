//! Peer connections of a sample, each with its stats objects in arrays by type.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::counters::StatsType;
use crate::event::Connection;
use crate::formats::client_sample::connection_id;
use crate::formats::get_stats::{self, Found, MAX_OBJECTS, ObjectSeed, Type};
use crate::formats::json::{Scalar, scalars_are, skip_items, skip_members};
use crate::formats::{Reason, Rejected};
use crate::settings::Settings;

/// Maximum number of peer connections of a sample: one for each other participant of a large call
/// without a server.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// The peer connections of a sample. If there are too many, only enough of them to detect that.
#[derive(Default)]
pub(super) struct Connections<'a>(pub(super) Vec<PeerConnection<'a>>);

#[derive(Default)]
pub(super) struct PeerConnection<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) found: Found<'a>,
}

impl<'a> Connections<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the snapshots of each peer connection. Limits apply to the whole record.
    pub(super) fn snapshots(
        self,
        client_us: i64,
        limits: &Settings,
    ) -> Result<Vec<Connection<'a>>, Rejected> {
        let Self(connections) = self;
        if connections.len() > MAX_CONNECTIONS {
            let detail = format!("more than {MAX_CONNECTIONS} peer connections");
            return Err(Rejected::new(Reason::TooLarge, detail));
        }
        let objects = connections.iter().flat_map(|connection| &connection.found.objects);
        get_stats::check(objects, limits.max_streams)?;
        let connections = connections.into_iter();
        connections.map(|connection| connection.snapshots(client_us, limits)).collect()
    }
}

impl<'a> PeerConnection<'a> {
    fn snapshots(self, client_us: i64, limits: &Settings) -> Result<Connection<'a>, Rejected> {
        // In deltas, only the first sample has the required members of an entry.
        let incomplete = self.found.objects.iter().any(|object| {
            let stream =
                matches!(object.of, Type::Counting(reported) if reported != StatsType::Pair);
            object.id.is_empty() || (stream && object.kind.is_none())
        });
        if incomplete {
            let detail = "peerConnections: an entry without id or kind: expand deltas before \
                          sending them, `isobar replay` does";
            return Err(Rejected::new(Reason::Delta, detail));
        }
        let id = connection_id(self.id).unwrap_or_default();
        let (streams, pairs) = self.found.snapshots(client_us, limits.max_streams)?;
        Ok(Connection { id, streams, pairs })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Connections<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConnectionsVisitor)
    }
}

struct ConnectionsVisitor;

impl<'de> Visitor<'de> for ConnectionsVisitor {
    type Value = Connections<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of peer connections")
    }
    scalars_are!(Connections::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut connections, mut objects) = (Vec::new(), 0);
        while connections.len() <= MAX_CONNECTIONS && objects <= MAX_OBJECTS {
            let Some(connection) = items.next_element::<PeerConnection<'_>>()? else {
                return Ok(Connections(connections));
            };
            objects += connection.found.objects.len();
            connections.push(connection);
        }
        skip_items(&mut items)?;
        Ok(Connections(connections))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        skip_members(&mut members)?;
        Ok(Connections::default())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PeerConnection<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PeerConnectionVisitor)
    }
}

struct PeerConnectionVisitor;

impl<'de> Visitor<'de> for PeerConnectionVisitor {
    type Value = PeerConnection<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sample of a peer connection")
    }
    scalars_are!(PeerConnection::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(PeerConnection::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut connection = PeerConnection::default();
        let found = &mut connection.found;
        while let Some(Scalar::Text(member)) = members.next_key()? {
            if let Some(of) = type_of(&member) {
                members.next_value_seed(ObjectsSeed { of, found })?;
            } else if member == "peerConnectionId" {
                connection.id = members.next_value()?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(connection)
    }
}

/// Returns the type of the objects in an array.
fn type_of(array: &str) -> Option<Type> {
    match array {
        "inboundRtps" => Some(Type::Counting(StatsType::Inbound)),
        "outboundRtps" => Some(Type::Counting(StatsType::Outbound)),
        "remoteInboundRtps" => Some(Type::Counting(StatsType::RemoteInbound)),
        "remoteOutboundRtps" => Some(Type::Counting(StatsType::RemoteOutbound)),
        "iceCandidatePairs" => Some(Type::Counting(StatsType::Pair)),
        "codecs" => Some(Type::Codec),
        "iceTransports" => Some(Type::Transport),
        "iceCandidates" => Some(Type::Candidate),
        "mediaSources" => Some(Type::Source),
        _ => None,
    }
}

/// Reads an array of stats objects whose type follows from the name of the array.
pub(in crate::formats) struct ObjectsSeed<'a, 'o> {
    pub(in crate::formats) of: Type,
    pub(in crate::formats) found: &'o mut Found<'a>,
}

impl<'de> DeserializeSeed<'de> for ObjectsSeed<'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectsSeed<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of stats objects")
    }
    scalars_are!(());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            let key = Cow::Borrowed("");
            let seed = ObjectSeed { key, of: self.of, found: self.found };
            if items.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        skip_members(&mut members)
    }
}
