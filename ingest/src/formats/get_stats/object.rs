//! One stats object. Its members may come in any order, `type` last, and with any JSON type.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::MAX_TEXT;
use super::members::{Field, Member, duration};
use crate::counters::{Told, Values, whole};
use crate::formats::json::{Scalar, scalars_are, skip_items, skip_members};

/// The types (RTCStatsType) that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Type {
    /// One that is not, or none.
    #[default]
    Other,
    /// An RTP stream or a candidate pair: what tells counters.
    Counting(Told),
    /// `codec`
    Codec,
    /// `transport`
    Transport,
    /// `local-candidate`, `remote-candidate`
    Candidate,
}

impl Type {
    fn named(name: &str) -> Self {
        match name {
            "inbound-rtp" => Self::Counting(Told::Inbound),
            "outbound-rtp" => Self::Counting(Told::Outbound),
            "remote-inbound-rtp" => Self::Counting(Told::RemoteInbound),
            "remote-outbound-rtp" => Self::Counting(Told::RemoteOutbound),
            "candidate-pair" => Self::Counting(Told::Pair),
            "codec" => Self::Codec,
            "transport" => Self::Transport,
            "local-candidate" | "remote-candidate" => Self::Candidate,
            _ => Self::Other,
        }
    }
}

/// What is read of a stats object, whatever its type.
#[derive(Clone, Debug)]
pub(in crate::formats) struct Object<'a> {
    pub(super) of: Type,
    pub(super) id: Cow<'a, str>,
    pub(super) timestamp_us: Option<i64>,
    pub(super) ssrc: i64,
    pub(super) kind: Option<Cow<'a, str>>,
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
    pub(super) values: Values,
}

impl<'a> Object<'a> {
    fn new(id: Cow<'a, str>) -> Self {
        Self {
            of: Type::Other,
            id,
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
            values: Values::EMPTY,
        }
    }

    /// True if it is of that type.
    pub(super) fn is(&self, of: Type) -> bool {
        self.of == of
    }

    fn set(&mut self, field: Field, value: Scalar<'a>) {
        let text = |value: Scalar<'a>| value.text(MAX_TEXT);
        match field {
            Field::Type => self.of = text(value).map_or(Type::Other, |name| Type::named(&name)),
            // In a report that is a map, the key is the id.
            Field::Id if self.id.is_empty() => {
                self.id = value.text(usize::MAX).unwrap_or_default();
            }
            Field::Id => {}
            Field::Timestamp => {
                let us = value.number().and_then(|ms| whole(ms, 1e3));
                self.timestamp_us = us.filter(|us| *us > 0);
            }
            Field::Ssrc => {
                self.ssrc = value.number().and_then(|ssrc| whole(ssrc, 1.0)).unwrap_or(0);
            }
            Field::Kind => self.kind = text(value),
            Field::CodecId => self.codec_id = text(value),
            Field::MimeType => self.mime_type = text(value),
            Field::LocalId => self.local_id = text(value),
            Field::RemoteId => self.remote_id = text(value),
            Field::SelectedPairId => self.selected_pair_id = text(value),
            Field::State => self.state = text(value),
            Field::Nominated => self.nominated = value == Scalar::Flag(true),
            Field::Selected => self.selected = value == Scalar::Flag(true),
            Field::CandidateType => self.candidate_type = text(value),
            Field::Protocol => self.protocol = text(value),
            Field::RelayProtocol => self.relay_protocol = text(value),
            Field::NetworkType => self.network_type = text(value),
            Field::IceState => self.ice_state = text(value),
            Field::DtlsState => self.dtls_state = text(value),
            Field::ContentType => {
                self.screen_share = text(value).map(|content| content == "screenshare");
            }
            Field::OutgoingBitrate => self.outgoing_bitrate = value.number(),
            Field::Counter(counter) => {
                self.values.set(counter, value.number().unwrap_or(f64::NAN));
            }
        }
    }
}

/// Reads one stats object into `objects`, unless it is of a type that is not read, or no object at
/// all.
pub(super) struct ObjectSeed<'a, 'o> {
    /// Its key in the report, empty if the report is an array.
    pub(super) key: Cow<'a, str>,
    /// Where to: an object is too large to be handed through two results.
    pub(super) objects: &'o mut Vec<Object<'a>>,
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
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        skip_items(&mut items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut object = Object::new(self.key);
        while let Some(MemberName(member)) = members.next_key()? {
            match member {
                None => drop(members.next_value::<IgnoredAny>()?),
                Some(Member::Durations) => {
                    members.next_value_seed(DurationsSeed(&mut object.values))?;
                }
                Some(Member::Field(field)) => {
                    object.set(field, members.next_value()?);
                    if field == Field::Type && object.is(Type::Other) {
                        skip_members(&mut members)?;
                    }
                }
            }
        }
        if !object.is(Type::Other) {
            self.objects.push(object);
        }
        Ok(())
    }
}

/// A member's name, looked up where it stands.
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
