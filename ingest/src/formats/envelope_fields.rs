//! Envelope fields of objects in other formats than Isobar's: session and time of the statistics.
//!
//! Isobar's own names are read in every format, so that a collector can add fields. Names of other
//! formats come second, and the record's key (`app/call/participant` or `call/participant`) last.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fields::{
    Claimed, MAX_NAME, MAX_PROSE, MS_TO_US, code_of, missing, moment, ms, name, text_up_to,
};
use super::json::{self, Nested, Scalar, scalars_are, skip_items};
use super::{Reason, Rejected, delta};
use crate::event::Event;

/// Fields that a record has only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    App,
    Call,
    Participant,
    PeerConnection,
    Timestamp,
    SentAt,
    ReceivedAt,
    ClientAddress,
    Edge,
    ClientVersion,
    UserAgent,
}

const SLOTS: usize = Slot::UserAgent as usize + 1;

/// Names of members. Of several for one slot, the first one counts.
const NAMES: [(&str, Slot); 38] = [
    ("app", Slot::App),
    ("appId", Slot::App),
    ("appID", Slot::App),
    ("call", Slot::Call),
    ("callId", Slot::Call),
    ("callID", Slot::Call),
    ("conferenceId", Slot::Call),
    ("conferenceID", Slot::Call),
    ("confID", Slot::Call),
    ("meetingId", Slot::Call),
    ("roomId", Slot::Call),
    ("participant", Slot::Participant),
    ("participantId", Slot::Participant),
    ("clientId", Slot::Participant),
    ("endpointId", Slot::Participant),
    ("userId", Slot::Participant),
    ("userID", Slot::Participant),
    ("localID", Slot::Participant),
    ("peer_connection", Slot::PeerConnection),
    ("peerConnectionId", Slot::PeerConnection),
    ("pcId", Slot::PeerConnection),
    ("pc", Slot::PeerConnection),
    ("connectionID", Slot::PeerConnection),
    ("timestamp", Slot::Timestamp),
    ("capturedAt", Slot::Timestamp),
    ("time", Slot::Timestamp),
    // Members in reports of the SDKs for Java and Objective-C.
    ("timestampUs", Slot::Timestamp),
    ("timestamp_us", Slot::Timestamp),
    ("sent_at", Slot::SentAt),
    ("sentAt", Slot::SentAt),
    ("received_at", Slot::ReceivedAt),
    ("receivedAt", Slot::ReceivedAt),
    ("client_address", Slot::ClientAddress),
    ("edge", Slot::Edge),
    ("client_version", Slot::ClientVersion),
    ("clientVersion", Slot::ClientVersion),
    ("user_agent", Slot::UserAgent),
    ("userAgent", Slot::UserAgent),
];

/// Properties by which formats are distinguished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// `v` or `event`: Isobar's envelope.
    pub(super) envelope: bool,
    /// `peerConnections` or another member of a ClientSample.
    pub(super) client_sample: bool,
    /// A member of a ClientSample of schema 2.
    pub(super) flat_sample: bool,
    /// `peerConnections`
    pub(super) connections: bool,
    /// Only members of a ClientSample other than its lists, and no call.
    pub(super) unlisted_sample: bool,
    /// `body`, or `localID`: a body of callstats.io's REST API.
    pub(super) callstats: bool,
    /// A member that holds a getStats report.
    pub(super) report: bool,
    /// `PeerConnections`, a peer connection's `updateLog` or series with a `statsType`: a dump of
    /// chrome://webrtc-internals, or a piece of it.
    pub(super) internals: bool,
    /// `fileFormat`: the second line of a numbered rtcstats dump.
    pub(super) rtcstats: bool,
    /// Members that are objects with a `type`: a getStats report by itself.
    pub(super) objects: bool,
}

/// Members of a ClientSample of schema 3 that are no lists, and those that Isobar adds.
const OF_A_SAMPLE: [&str; 17] = [
    "timestamp",
    "callId",
    "clientId",
    "attachments",
    "score",
    "scoreReasons",
    "app",
    "call",
    "claim",
    "client_address",
    "client_version",
    "edge",
    "participant",
    "peer_connection",
    "received_at",
    "sent_at",
    "user_agent",
];

/// Members of a ClientSample of schema 2 that are not read.
const OF_A_FLAT_SAMPLE: [&str; 20] = [
    "browser",
    "certificates",
    "codecs",
    "customObserverEvents",
    "dataChannels",
    "engine",
    "iceLocalCandidates",
    "iceRemoteCandidates",
    "iceServers",
    "localSDPs",
    "marker",
    "mediaConstraints",
    "mediaDevices",
    "mediaSources",
    "os",
    "platform",
    "roomId",
    "sampleSeq",
    "timeZoneOffsetInHours",
    "userId",
];

/// The fields of an object, without its statistics.
#[derive(Debug, Default)]
pub(super) struct Around<'a> {
    slots: [Option<(usize, Scalar<'a>)>; SLOTS],
    claim: Nested<Claimed<'a>>,
    pub(super) shape: Shape,
}

impl<'a> Around<'a> {
    /// Reads the known members of `text`, and determines its shape.
    pub(super) fn read(text: &'a str) -> Result<Self, Rejected> {
        serde_json::from_str(text).map_err(json::rejected)
    }

    /// Fills missing fields from `other`.
    pub(super) fn or(mut self, other: Self) -> Self {
        for (slot, reported) in self.slots.iter_mut().zip(other.slots) {
            if slot.is_none() {
                *slot = reported;
            }
        }
        self
    }

    /// Sets a slot if it is not set.
    fn or_text(&mut self, slot: Slot, text: Option<Cow<'a, str>>) {
        let slot = &mut self.slots[slot as usize];
        if slot.is_none() {
            *slot = text.map(|text| (usize::MAX, Scalar::Text(text)));
        }
    }

    /// Sets application and call from a path, if they are not set.
    pub(super) fn or_path(&mut self, app: Option<Cow<'a, str>>, call: Option<Cow<'a, str>>) {
        self.or_text(Slot::App, app);
        self.or_text(Slot::Call, call);
    }

    /// Sets the client's release, if it is not set.
    pub(super) fn or_client_version(&mut self, version: Option<Cow<'a, str>>) {
        self.or_text(Slot::ClientVersion, version);
    }

    /// Sets the session from a record's key, as far as it is not set: the last part is the
    /// participant, and of three or more parts the first is the application.
    pub(super) fn or_key(&mut self, key: Option<&'a [u8]>) {
        let key = key.and_then(|key| str::from_utf8(key).ok()).unwrap_or_default();
        let Some((call, participant)) = key.rsplit_once('/') else { return };
        let (app, call) = match call.split_once('/') {
            Some((app, call)) => (Some(app), call),
            None => (None, call),
        };
        let reported = |part: &'a str| Some(Cow::Borrowed(part)).filter(|part| !part.is_empty());
        self.or_text(Slot::App, app.and_then(reported));
        self.or_text(Slot::Call, reported(call));
        self.or_text(Slot::Participant, reported(participant));
    }

    /// Returns whether a call is set.
    pub(super) fn has_call(&self) -> bool {
        self.slots[Slot::Call as usize].is_some()
    }

    fn take(&mut self, slot: Slot) -> Scalar<'a> {
        self.slots[slot as usize].take().map_or(Scalar::Missing, |(_, value)| value)
    }

    /// Returns the time of the whole record, us since the Unix epoch. Times up to
    /// `most_seconds` are in seconds, others in ms.
    pub(super) fn timestamp_us(&mut self, most_seconds: f64) -> Result<Option<i64>, Rejected> {
        let value = self.take(Slot::Timestamp);
        match value.number() {
            Some(time) if time <= most_seconds => ms("timestamp", value, MS_TO_US * 1e3),
            _ => moment("timestamp", value),
        }
    }

    /// Returns the event at `client_us`, with the fields that are set here.
    pub(super) fn event(mut self, client_us: i64) -> Result<Event<'a>, Rejected> {
        self.or_text(Slot::App, Some(Cow::Borrowed(schemas::UNKNOWN)));
        let mut text = |limit, field, slot| text_up_to(limit, field, self.take(slot));
        let client_address = text(MAX_NAME, "client_address", Slot::ClientAddress)?;
        let user_agent = text(MAX_PROSE, "user_agent", Slot::UserAgent)?;
        let edge = code_of("edge", self.take(Slot::Edge))?;
        let client_version = code_of("client_version", self.take(Slot::ClientVersion))?;
        let peer_connection = code_of("peer_connection", self.take(Slot::PeerConnection))?;
        let sent_us = moment("sent_at", self.take(Slot::SentAt))?;
        let received_us = moment("received_at", self.take(Slot::ReceivedAt))?;
        let mut whose = |field, slot| match self.take(slot) {
            Scalar::Missing => {
                Err(missing(&format!("{field}: neither in the record nor in its key")))
            }
            value => name(field, value),
        };
        let (app, call) = (whose("app", Slot::App)?, whose("call", Slot::Call)?);
        Ok(Event {
            app,
            call,
            participant: whose("participant", Slot::Participant)?,
            peer_connection: peer_connection.unwrap_or_default(),
            shift_us: received_us.zip(sent_us).map_or(0, |(received, sent)| received - sent),
            client_address,
            edge,
            client_version,
            user_agent,
            claim: super::fields::claim(self.claim)?,
            ..Event::new(client_us)
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Around<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AroundVisitor)
    }
}

struct AroundVisitor;

impl<'de> Visitor<'de> for AroundVisitor {
    type Value = Around<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    scalars_are!(Around::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(Around::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut around = Around::default();
        let shape = &mut around.shape;
        let (mut unlisted, mut flat, mut of_client) = (true, false, false);
        while let Some(Scalar::Text(member)) = members.next_key()? {
            if unlisted && !OF_A_SAMPLE.contains(&&*member) {
                unlisted = OF_A_FLAT_SAMPLE.contains(&&*member);
                flat |= unlisted;
            }
            shape.connections |= member == "peerConnections";
            of_client |= member == "clientId";
            match &*member {
                "v" | "event" => shape.envelope = true,
                "peerConnections" | "clientEvents" | "clientMetaItems" | "clientIssues"
                | "extensionStats" => shape.client_sample = true,
                "inboundAudioTracks"
                | "inboundVideoTracks"
                | "outboundAudioTracks"
                | "outboundVideoTracks"
                | "iceCandidatePairs"
                | "pcTransports"
                | "customCallEvents"
                | "userMediaErrors" => {
                    (shape.client_sample, shape.flat_sample) = (true, true);
                }
                "body" | "localID" => shape.callstats = true,
                "report" | "stats" | "getStats" | "statsReport" | "statsMap" | "statistics" => {
                    shape.report = true;
                }
                "PeerConnections" | "updateLog" | "statsType" => shape.internals = true,
                "fileFormat" => shape.rtcstats = true,
                "claim" => {
                    around.claim = members.next_value()?;
                    continue;
                }
                _ => {}
            }
            let known = NAMES.iter().position(|(name, _)| *name == member);
            if let Some(rank) = known {
                let slot = &mut around.slots[NAMES[rank].1 as usize];
                let value = members.next_value()?;
                if value != Scalar::Missing
                    && slot.as_ref().is_none_or(|(before, _)| rank < *before)
                {
                    *slot = Some((rank, value));
                }
            } else {
                match members.next_value()? {
                    Object::Stats => shape.objects = true,
                    Object::Internals => shape.internals = true,
                    Object::Other => {}
                }
            }
        }
        let of_call = around.has_call();
        let is_timed = around.slots[Slot::Timestamp as usize].is_some();
        // Session and time are complete; there are no statistics.
        if unlisted && of_client && is_timed && (of_call || flat) {
            (around.shape.client_sample, around.shape.flat_sample) = (true, flat);
        }
        around.shape.unlisted_sample = unlisted && !flat && !of_call && (of_client || is_timed);
        Ok(around)
    }
}

/// Class of a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    /// An object with a `type`.
    Stats,
    /// A peer connection, or a series, of chrome://webrtc-internals.
    Internals,
    /// Anything else.
    Other,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            scalars_are!(Object::Other);
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Object, A::Error> {
                skip_items(&mut items)?;
                Ok(Object::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
                let mut object = Object::Other;
                while let Some(Scalar::Text(member)) = members.next_key()? {
                    match &*member {
                        "type" => object = Object::Stats,
                        "statsType" | "updateLog" => object = Object::Internals,
                        _ => {}
                    }
                    members.next_value::<IgnoredAny>()?;
                }
                Ok(object)
            }
        }
        deserializer.deserialize_any(ObjectVisitor)
    }
}

const INTERNALS: &str =
    "a chrome://webrtc-internals dump, or a piece of it: `isobar replay` expands the whole of it";

/// Returns the rejection of a record of unknown format.
pub(super) fn unknown(shape: Shape) -> Rejected {
    let (reason, detail) = if shape.internals {
        (Reason::Delta, INTERNALS)
    } else if shape.rtcstats {
        (Reason::Delta, delta::RTCSTATS)
    } else {
        (Reason::UnknownFormat, "neither its header nor its shape is known")
    };
    Rejected::new(reason, detail)
}
