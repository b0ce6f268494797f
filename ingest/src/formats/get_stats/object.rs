//! One stats object. Its members may be in any order, even with `type` last, and of any JSON type.

use std::borrow::Cow;
use std::fmt;

use schemas::Kind;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::members::{Field, Member, duration};
use super::{MAX_OBJECTS, MAX_TEXT};
use crate::counters::{Counter, StatsType, Values, whole};
use crate::formats::fields::{is_token, moment_us};
use crate::formats::json::{Scalar, scalars_are, skip_items, skip_members};

/// The types (RTCStatsType) that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::formats) enum Type {
    /// No type, or one that W3C does not name.
    #[default]
    Other,
    /// A W3C type without values that are read.
    Unread,
    /// A type of the callback-based getStats() that Chrome had until 2023.
    Legacy,
    /// An RTP stream whose direction follows from its counters.
    Stream,
    /// `track`: values that are now members of the RTP stream.
    Track,
    /// An RTP stream or a candidate pair, which have counters.
    Counting(StatsType),
    /// `codec`
    Codec,
    /// `transport`
    Transport,
    /// `local-candidate`, `remote-candidate`
    Candidate,
    /// `media-source`: the camera, screen or microphone that senders encode.
    Source,
}

impl Type {
    fn named(name: &str) -> Self {
        match name {
            "inbound-rtp" => Self::Counting(StatsType::Inbound),
            "outbound-rtp" => Self::Counting(StatsType::Outbound),
            "remote-inbound-rtp" => Self::Counting(StatsType::RemoteInbound),
            "remote-outbound-rtp" => Self::Counting(StatsType::RemoteOutbound),
            "candidate-pair" => Self::Counting(StatsType::Pair),
            "codec" => Self::Codec,
            "transport" => Self::Transport,
            "local-candidate" | "remote-candidate" => Self::Candidate,
            "track" => Self::Track,
            "media-source" => Self::Source,
            "certificate" | "data-channel" | "media-playout" | "peer-connection" => Self::Unread,
            "ssrc" | "VideoBwe" => Self::Legacy,
            name if name.starts_with("goog") => Self::Legacy,
            name => Self::written_otherwise(name),
        }
    }

    /// Returns a type by its name in SDKs and early browsers: without dashes, with capitals or
    /// underscores.
    fn written_otherwise(name: &str) -> Self {
        /// Maximum bytes of the name of a type.
        const LONGEST: usize = 24;
        if name.len() > LONGEST {
            return Self::Other;
        }
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        match &*letters.map(|letter| letter.to_ascii_lowercase()).collect::<String>() {
            "inboundrtp" => Self::Counting(StatsType::Inbound),
            "outboundrtp" => Self::Counting(StatsType::Outbound),
            "remoteinboundrtp" => Self::Counting(StatsType::RemoteInbound),
            "remoteoutboundrtp" => Self::Counting(StatsType::RemoteOutbound),
            "candidatepair" => Self::Counting(StatsType::Pair),
            "codec" => Self::Codec,
            "transport" => Self::Transport,
            "localcandidate" | "remotecandidate" => Self::Candidate,
            "track" => Self::Track,
            "mediasource" => Self::Source,
            "certificate" | "csrc" | "datachannel" | "iceserver" | "mediaplayout"
            | "peerconnection" | "receiver" | "sctptransport" | "sender" | "stream"
            | "transceiver" => Self::Unread,
            _ => Self::Other,
        }
    }

    /// Returns whether objects of this type are not read.
    const fn is_skipped(self) -> bool {
        matches!(self, Self::Other | Self::Unread)
    }
}

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

/// RTCIceCandidateType, and the names that Firefox used until release 65.
const CANDIDATE_TYPES: [(&str, &str); 7] = [
    ("host", "host"),
    ("srflx", "srflx"),
    ("prflx", "prflx"),
    ("relay", "relay"),
    ("serverreflexive", "srflx"),
    ("peerreflexive", "prflx"),
    ("relayed", "relay"),
];

/// RTCIceProtocol, and the third of `relayProtocol`.
const PROTOCOLS: [(&str, &str); 3] = [("udp", "udp"), ("tcp", "tcp"), ("tls", "tls")];

/// RTCNetworkType.
const NETWORK_TYPES: [(&str, &str); 7] = [
    ("wifi", "wifi"),
    ("cellular", "cellular"),
    ("ethernet", "ethernet"),
    ("vpn", "vpn"),
    ("bluetooth", "bluetooth"),
    ("wimax", "wimax"),
    ("unknown", "unknown"),
];

/// Returns whether it is a name of RTCNetworkType.
pub(in crate::formats) fn is_network(name: &str) -> bool {
    NETWORK_TYPES.iter().any(|(known, _)| name.eq_ignore_ascii_case(known))
}

/// RTCIceTransportState.
const ICE_STATES: [(&str, &str); 7] = [
    ("new", "new"),
    ("checking", "checking"),
    ("connected", "connected"),
    ("completed", "completed"),
    ("disconnected", "disconnected"),
    ("failed", "failed"),
    ("closed", "closed"),
];

/// RTCDtlsTransportState.
const DTLS_STATES: [(&str, &str); 5] = [
    ("new", "new"),
    ("connecting", "connecting"),
    ("connected", "connected"),
    ("closed", "closed"),
    ("failed", "failed"),
];

/// Returns the name of a value in an enumeration; any other value is missing.
fn one_of<'a>(value: Scalar<'_>, names: &[(&str, &'static str)]) -> Option<Cow<'a, str>> {
    let Scalar::Text(text) = value else { return None };
    let known = names.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map(|(_, name)| Cow::Borrowed(*name))
}

/// Returns whether it is the mimeType of a codec of audio or video.
fn is_media(mime_type: &str) -> bool {
    let kind = mime_type.split_once('/').map_or("", |(kind, _)| kind);
    kind.eq_ignore_ascii_case("audio") || kind.eq_ignore_ascii_case("video")
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

/// Returns the protocol to a TURN server by its URI (RFC 7065): `turns:` is TLS, and `turn:`
/// without `transport` is UDP.
fn url_protocol(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme.eq_ignore_ascii_case("turns") {
        return Some("tls");
    }
    let transport = rest.split_once('?').and_then(|(_, query)| query.strip_prefix("transport="));
    match transport {
        _ if !scheme.eq_ignore_ascii_case("turn") => None,
        None => Some("udp"),
        Some(transport) if transport.eq_ignore_ascii_case("udp") => Some("udp"),
        Some(transport) if transport.eq_ignore_ascii_case("tcp") => Some("tcp"),
        Some(_) => None,
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

/// The member of a name, looked up without copying the name.
struct MemberName(Option<Member>);

impl<'de> Deserialize<'de> for MemberName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = MemberName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_str<E>(self, name: &str) -> Result<MemberName, E> {
                Ok(MemberName(Member::named(name)))
            }
        }
        deserializer.deserialize_identifier(NameVisitor)
    }
}

/// Reads the value of a counter into its final place, because a report has a hundred of them. A
/// value that is not a number is missing.
struct CounterSeed<'v>(Counter, &'v mut Values);

impl CounterSeed<'_> {
    fn set<E>(self, number: f64) -> Result<(), E> {
        self.1.set(self.0, number);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for CounterSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CounterSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.set(f64::NAN)
    }
    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.set(number as f64)
    }
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.1.set_whole(self.0, number);
        Ok(())
    }
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.set(number)
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.set(text.parse().unwrap_or(f64::NAN))
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.set(f64::NAN)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.set(f64::NAN)?;
        skip_items(&mut items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.set(f64::NAN)?;
        skip_members(&mut members)
    }
}

/// Reads `qualityLimitationDurations`.
struct DurationsSeed<'v>(&'v mut Values);

impl<'de> DeserializeSeed<'de> for DurationsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DurationsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("durations by reason")
    }
    scalars_are!(());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        skip_items(&mut items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some((Scalar::Text(name), value)) = members.next_entry::<Scalar, Scalar>()? {
            if let Some(counter) = duration(&name) {
                self.0.set(counter, value.number().unwrap_or(f64::NAN));
            }
        }
        Ok(())
    }
}
