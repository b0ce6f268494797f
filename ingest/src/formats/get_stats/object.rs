//! One stats object. Its members may be in any order, even with `type` last, and of any JSON type.

use std::borrow::Cow;
use std::fmt;

use schemas::Kind;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::members::{Field, Member};
use super::object_type::Type;
use super::specified_names::{
    CANDIDATE_TYPES, DTLS_STATES, ICE_STATES, NETWORK_TYPES, PROTOCOLS, is_media, one_of,
    url_protocol,
};
use super::value_seeds::{CounterSeed, DurationsSeed, MemberName};
use super::{MAX_OBJECTS, MAX_TEXT};
use crate::counters::{Counter, StatsType, Values, whole};
use crate::formats::fields::{is_token, moment_us};
use crate::formats::json::{Scalar, scalars_are, skip_items, skip_members};

/// Content of a stats object of any type.
#[derive(Clone, Debug)]
pub(in crate::formats) struct Object<'a> {
    pub(in crate::formats) of: Type,
    pub(in crate::formats) id: Cow<'a, str>,
    pub(super) timestamp_us: Option<i64>,
    pub(in crate::formats) ssrc: i64,
    pub(in crate::formats) kind: Option<Cow<'a, str>>,
    pub(super) codec_id: Option<Cow<'a, str>>,
    pub(super) mime_type: Option<Cow<'a, str>>,
    pub(super) local_id: Option<Cow<'a, str>>,
    pub(super) remote_id: Option<Cow<'a, str>>,
    pub(super) selected_pair_id: Option<Cow<'a, str>>,
    pub(super) state: Option<Cow<'a, str>>,
    pub(super) nominated: bool,
    pub(super) selected: bool,
    pub(super) candidate_type: Option<Cow<'a, str>>,
    pub(super) protocol: Option<Cow<'a, str>>,
    pub(super) relay_protocol: Option<Cow<'a, str>>,
    pub(super) network_type: Option<Cow<'a, str>>,
    pub(super) outgoing_bitrate: Option<f64>,
    pub(super) ice_state: Option<Cow<'a, str>>,
    pub(super) dtls_state: Option<Cow<'a, str>>,
    pub(super) screen_share: Option<bool>,
    pub(super) transport_id: Option<Cow<'a, str>>,
    /// Protocol of the hop to its relay, from its `url`.
    pub(super) url_protocol: Option<&'static str>,
    pub(super) source_id: Option<Cow<'a, str>>,
    pub(super) track_id: Option<Cow<'a, str>>,
    pub(in crate::formats) connection_id: Option<Cow<'a, str>>,
    is_remote: bool,
    /// True if its coder has coded a frame or sample.
    pub(super) is_coded: bool,
    pub(in crate::formats) values: Values,
}

impl<'a> Object<'a> {
    /// An object without values.
    const EMPTY: Self = Self {
        of: Type::Other,
        id: Cow::Borrowed(""),
        timestamp_us: None,
        ssrc: 0,
        kind: None,
        codec_id: None,
        mime_type: None,
        local_id: None,
        remote_id: None,
        selected_pair_id: None,
        state: None,
        nominated: false,
        selected: false,
        candidate_type: None,
        protocol: None,
        relay_protocol: None,
        network_type: None,
        outgoing_bitrate: None,
        ice_state: None,
        dtls_state: None,
        screen_share: None,
        transport_id: None,
        url_protocol: None,
        source_id: None,
        track_id: None,
        connection_id: None,
        is_remote: false,
        is_coded: false,
        values: Values::EMPTY,
    };

    /// Reads the members. Returns whether the type is known.
    fn read<A: MapAccess<'a>>(&mut self, members: A) -> Result<bool, A::Error> {
        let mut typed = self.of != Type::Other;
        self.read_members(members, &mut typed)?;
        self.of = self.settled();
        Ok(typed)
    }

    fn read_members<A: MapAccess<'a>>(
        &mut self,
        mut members: A,
        typed: &mut bool,
    ) -> Result<(), A::Error> {
        while let Some(MemberName(member)) = members.next_key()? {
            match member {
                None => drop(members.next_value::<IgnoredAny>()?),
                Some(Member::Durations) => {
                    members.next_value_seed(DurationsSeed(&mut self.values))?;
                }
                Some(Member::Counter(counter)) => {
                    members.next_value_seed(CounterSeed(counter, &mut self.values))?;
                }
                Some(Member::Field(field)) => {
                    self.set(field, members.next_value()?);
                    *typed |= field == Field::Type;
                    if field == Field::Type && self.of.is_skipped() {
                        skip_members(&mut members)?;
                    }
                }
                Some(Member::Nested) => {
                    members.next_value_seed(NestedSeed { object: self, typed })?;
                }
            }
        }
        Ok(())
    }

    /// Returns the effective type, once all members are known.
    fn settled(&self) -> Type {
        let reported = |counter| self.values.get(counter).is_some();
        match self.of {
            Type::Counting(StatsType::Inbound) if self.is_remote => {
                Type::Counting(StatsType::RemoteInbound)
            }
            Type::Counting(StatsType::Outbound) if self.is_remote => {
                Type::Counting(StatsType::RemoteOutbound)
            }
            // Some outbound streams also have values of the remote end.
            Type::Stream if reported(Counter::PacketsSent) => Type::Counting(StatsType::Outbound),
            Type::Stream if reported(Counter::PacketsReceived) => {
                Type::Counting(StatsType::Inbound)
            }
            Type::Stream => Type::Other,
            of => of,
        }
    }

    /// Returns its media kind: its `kind`, or the beginning of its `mimeType`.
    pub(super) fn media(&self) -> Option<Kind> {
        let mime_type = || self.mime_type.as_deref()?.split_once('/').map(|(kind, _)| kind);
        let kind = self.kind.as_deref().or_else(mime_type)?;
        let is = |name| kind.eq_ignore_ascii_case(name);
        if is("audio") { Some(Kind::Audio) } else { is("video").then_some(Kind::Video) }
    }

    /// Returns whether it has that type.
    pub(super) fn is(&self, of: Type) -> bool {
        self.of == of
    }

    fn set(&mut self, field: Field, value: Scalar<'a>) {
        let text = |value: Scalar<'a>| value.text(MAX_TEXT);
        // Some use numbers for ids.
        let id = |value: Scalar<'a>, limit: usize| value.name().filter(|name| name.len() <= limit);
        // All texts are limited to the form of specified names, whatever their source.
        let token = |value: Scalar<'a>| text(value).filter(|text| is_token(text));
        match field {
            Field::Type => {
                let named = text(value).map_or(Type::Other, |name| Type::named(&name));
                // If the position of an object determines its type, an unused type in the object
                // does not count.
                if !named.is_skipped() || self.of.is_skipped() {
                    self.of = named;
                }
            }
            // In a report that is a map, the key is the id.
            Field::Id if self.id.is_empty() => {
                self.id = id(value, usize::MAX).unwrap_or_default();
            }
            Field::Id => {}
            Field::Timestamp => {
                self.timestamp_us = moment_us(&value).filter(|us| *us > 0);
            }
            Field::Ssrc => {
                self.ssrc = value.number().and_then(|ssrc| whole(ssrc, 1.0)).unwrap_or(0);
            }
            Field::Kind => self.kind = text(value),
            Field::CodecId => self.codec_id = id(value, MAX_TEXT),
            Field::MimeType => self.mime_type = token(value).filter(|name| is_media(name)),
            Field::LocalId => self.local_id = id(value, MAX_TEXT),
            Field::RemoteId => self.remote_id = id(value, MAX_TEXT),
            Field::SelectedPairId => self.selected_pair_id = id(value, MAX_TEXT),
            Field::State => self.state = text(value),
            Field::Nominated => self.nominated = value.is_true(),
            Field::Selected => self.selected = value.is_true(),
            Field::CandidateType => self.candidate_type = one_of(value, &CANDIDATE_TYPES),
            Field::Protocol => self.protocol = one_of(value, &PROTOCOLS),
            Field::RelayProtocol => self.relay_protocol = one_of(value, &PROTOCOLS),
            Field::NetworkType => self.network_type = one_of(value, &NETWORK_TYPES),
            Field::IceState => self.ice_state = one_of(value, &ICE_STATES),
            Field::DtlsState => self.dtls_state = one_of(value, &DTLS_STATES),
            Field::ContentType => {
                self.screen_share = text(value).map(|content| content == "screenshare");
            }
            Field::OutgoingBitrate => self.outgoing_bitrate = value.number(),
            Field::TransportId => self.transport_id = id(value, MAX_TEXT),
            Field::Url => self.url_protocol = text(value).and_then(|url| url_protocol(&url)),
            Field::SourceId => self.source_id = id(value, MAX_TEXT),
            Field::TrackId => self.track_id = id(value, MAX_TEXT),
            Field::ConnectionId => self.connection_id = id(value, MAX_TEXT),
            Field::Coded => self.is_coded |= value.number().is_some_and(|number| number > 0.0),
            Field::IsRemote => self.is_remote = value.is_true(),
        }
    }
}

/// Reads members that are nested in an object or in a list of objects.
struct NestedSeed<'a, 'o> {
    object: &'o mut Object<'a>,
    typed: &'o mut bool,
}

impl<'de> DeserializeSeed<'de> for NestedSeed<'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NestedSeed<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("members of a stats object")
    }
    scalars_are!(());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { object, typed } = self;
        while items.next_element_seed(NestedSeed { object, typed })?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.object.read_members(members, self.typed)
    }
}

/// Content of a report.
#[derive(Debug, Default)]
pub(in crate::formats) struct Found<'a> {
    /// Objects of the types that are read. If there are too many, only enough of them to detect
    /// that.
    pub(in crate::formats) objects: Vec<Object<'a>>,
    /// True if an object had no type, as in a delta.
    pub(in crate::formats) untyped: bool,
    /// True if an object had a type that W3C names.
    pub(in crate::formats) known: bool,
    /// True if an object had a type of the callback-based getStats().
    pub(in crate::formats) legacy: bool,
}

/// Capacity for the objects in the report of a call between two participants.
const ROOM: usize = 24;

impl<'a> Found<'a> {
    /// Returns an empty value with capacity for a record's only report. Records with thousands of
    /// small reports use no capacity in advance.
    pub(super) fn with_room() -> Self {
        Self { objects: Vec::with_capacity(ROOM), ..Self::default() }
    }

    /// Adds an object in its final place: it is large, and moving it takes longer than filling it.
    fn begin(&mut self, id: Cow<'a, str>, of: Type) -> &mut Object<'a> {
        let place = self.objects.len();
        self.objects.push(Object::EMPTY);
        let object = &mut self.objects[place];
        (object.id, object.of) = (id, of);
        object
    }
}

/// Reads one stats object into [`Found`], unless its type is not read or it is not an object.
pub(in crate::formats) struct ObjectSeed<'a, 'o> {
    /// Its key in the report; empty if the report is an array.
    pub(in crate::formats) key: Cow<'a, str>,
    /// Its type if the object's position determines it, else [`Type::Other`].
    pub(in crate::formats) of: Type,
    /// Destination: an object is too large to be returned through two results.
    pub(in crate::formats) found: &'o mut Found<'a>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stats object")
    }
    scalars_are!(());
    /// An entry of the report as a Map, `[id, object]`.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Some(Scalar::Text(key)) = items.next_element()? {
            items.next_element_seed(ObjectSeed { key, ..self })?;
        }
        skip_items(&mut items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { key, of, found } = self;
        if found.objects.len() > MAX_OBJECTS {
            return skip_members(&mut members);
        }
        let object = found.begin(key, of);
        let typed = object.read(members)?;
        let of = object.of;
        found.untyped |= !typed;
        found.legacy |= of == Type::Legacy;
        found.known |= of != Type::Other;
        if of.is_skipped() || of == Type::Legacy {
            found.objects.pop();
        }
        Ok(())
    }
}
