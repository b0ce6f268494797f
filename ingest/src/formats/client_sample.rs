//! ObserveRTC's ClientSample in JSON: cumulative getStats objects of all of a client's peer
//! connections, sorted into arrays by type, and the events since the previous sample. Schema 3 has
//! the arrays in each peer connection; [`flat`] reads schema 2, which has them in the sample.
//!
//! <https://github.com/ObserveRTC/schemas>

mod connections;
mod flat;

use std::borrow::Cow;
use std::fmt;

use schemas::EventKind;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use self::connections::Connections;
pub(super) use self::connections::ObjectsSeed;
use super::envelope_fields::{Around, Shape};
use super::fields::{MAX_EVENTS, MAX_NAME, MAX_PROSE, code, moment_us, reason_code, required};
use super::json::{self, Items, Nested, Scalar, skip_items};
use super::{Reason, Rejected, Source};
use crate::event::{Event, Happened};
use crate::settings::Settings;

/// Media type of the format.
pub(super) const CONTENT_TYPE: &str = "application/vnd.observertc.client-sample+json";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sample<'a> {
    #[serde(borrow)]
    peer_connections: Connections<'a>,
    #[serde(alias = "customCallEvents")]
    client_events: Items<Nested<ClientEvent<'a>>>,
    client_issues: Items<Nested<ClientEvent<'a>>>,
    client_meta_items: Items<Nested<ClientEvent<'a>>>,
    /// Schema 2: texts of the errors since the previous sample.
    user_media_errors: Items<Scalar<'a>>,
    attachments: Nested<Attachments<'a>>,
}

/// Optional description of the application.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Attachments<'a> {
    #[serde(borrow, alias = "appId", alias = "appName")]
    app: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientEvent<'a> {
    #[serde(borrow, rename = "type", alias = "name")]
    of: Scalar<'a>,
    timestamp: Scalar<'a>,
    payload: Payload<'a>,
    /// Peer connection in schema 2, which has no payload.
    #[serde(rename = "peerConnectionId")]
    connection: Scalar<'a>,
    #[serde(rename = "value")]
    state: Scalar<'a>,
}

/// Members of payloads. Before schema 3.7, payloads were objects written as text.
#[derive(Default)]
struct Payload<'a> {
    connection: Scalar<'a>,
    state: Scalar<'a>,
    error: Scalar<'a>,
}

pub(super) fn decode<'a>(
    text: &'a str,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    let mut around = Around::read(text)?;
    let mut sample: Sample<'a> = serde_json::from_str(text).map_err(json::rejected)?;
    let attachments = std::mem::take(&mut sample.attachments);
    let app = attachments.into_value().and_then(|reported| reported.app.text(MAX_NAME));
    around.or_path(app, None);
    around.or_key(source.key);
    if is_delta(&around) {
        let detail = "neither callId nor peerConnections, which every complete sample has: \
                      expand deltas before sending them, `isobar replay` does";
        return Err(Rejected::new(Reason::Delta, detail));
    }
    let client_us = required("timestamp", around.timestamp_us(0.0)?)?;
    let connections = match std::mem::take(&mut sample.peer_connections) {
        none if none.is_empty() && around.shape.flat_sample => flat::connections(text)?,
        connections => connections,
    };
    // A delta is reported as such even if it does not name its session.
    let connections = connections.snapshots(client_us, limits)?;
    let mut event = around.event(client_us)?;
    event.connections(connections);
    let failures = failures(&mut sample, client_us)?;
    if let Some((_, reason)) = failures.first() {
        event.failure_reason.clone_from(reason);
    }
    let reported = sample.client_events.all("clientEvents")?.into_iter();
    let reported = reported.filter_map(|reported| reported.into_value()?.happened(client_us));
    let mut reported = reported.chain(failures.into_iter().map(|(failed, _)| failed));
    match (reported.next(), reported.next()) {
        (None, _) => {}
        (Some(only), None) => event.set_event(only),
        (Some(first), Some(second)) => {
            (event.kind, event.is_state) = (first.kind, first.is_state);
            event.all = [first, second].into_iter().chain(reported.take(MAX_EVENTS - 2)).collect();
        }
    }
    let failed = |happened: &Happened<'_>| happened.is_state && happened.kind == EventKind::Failed;
    if (event.is_state && event.kind == EventKind::Failed) || event.all.iter().any(failed) {
        event.failure_reason = Some(Cow::Borrowed("connection_state_failed"));
    }
    Ok(event)
}

/// Returns whether neither peer connections nor a call are reported. The client library reports
/// both in every sample, even without a connection; the codec leaves out an empty list. Events are
/// always complete, and are accepted if the record's key names the call.
fn is_delta(around: &Around<'_>) -> bool {
    let Shape { connections, flat_sample, unlisted_sample, .. } = around.shape;
    unlisted_sample || !(connections || flat_sample || around.has_call())
}

/// A failed getUserMedia() call and its error message.
type Failure<'a> = (Happened<'a>, Option<Cow<'a, str>>);

/// Returns the failed getUserMedia() calls. Which devices they requested is not reported.
fn failures<'a>(sample: &mut Sample<'a>, sampled_us: i64) -> Result<Vec<Failure<'a>>, Rejected> {
    let failed = |time: &Scalar<'_>, error: Scalar<'a>| {
        let happened = Happened {
            kind: EventKind::DeviceFailed,
            is_state: false,
            connection: None,
            client_us: moment_us(time).unwrap_or(sampled_us),
        };
        (happened, error.text(MAX_PROSE).and_then(reason_code))
    };
    // Later releases of the client library report them as issues, earlier ones as attributes of the
    // client.
    let issues = std::mem::take(&mut sample.client_issues).all("clientIssues")?;
    let items = std::mem::take(&mut sample.client_meta_items).all("clientMetaItems")?;
    let reported = issues.into_iter().chain(items).filter_map(Nested::into_value);
    let is_failure =
        |event: &ClientEvent<'_>| matches!(&event.of, Scalar::Text(of) if of == "USER_MEDIA_ERROR");
    let reported = reported
        .filter(is_failure)
        .map(|reported| failed(&reported.timestamp, reported.payload.error));
    let in_words = std::mem::take(&mut sample.user_media_errors).all("userMediaErrors")?;
    let in_words = in_words.into_iter().filter(|words| matches!(words, Scalar::Text(_)));
    let in_words = in_words.map(|words| failed(&Scalar::Missing, words));
    Ok(reported.chain(in_words).take(MAX_EVENTS).collect())
}

impl<'a> ClientEvent<'a> {
    fn happened(mut self, sampled_us: i64) -> Option<Happened<'a>> {
        let Payload { connection, state: reported, .. } = &mut self.payload;
        for (reported, flat) in [(connection, self.connection), (reported, self.state)] {
            if *reported == Scalar::Missing {
                *reported = flat;
            }
        }
        let (kind, is_state) = match self.of.text(MAX_NAME)?.as_ref() {
            "CLIENT_JOINED" => (EventKind::Joined, false),
            "CLIENT_LEFT" => (EventKind::Left, false),
            "PEER_CONNECTION_STATE_CHANGED" | "ICE_CONNECTION_STATE_CHANGED" => {
                (state(&self.payload.state.text(MAX_NAME)?)?, true)
            }
            _ => return None,
        };
        Some(Happened {
            kind,
            is_state,
            connection: connection_id(self.payload.connection),
            client_us: moment_us(&self.timestamp).unwrap_or(sampled_us),
        })
    }
}

/// Returns the name of a peer connection.
fn connection_id(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    value.name().filter(|name| name.len() <= MAX_NAME).map(code)
}

/// Returns the event of a peer connection's state, if it is one.
pub(super) fn state(state: &str) -> Option<EventKind> {
    match state {
        "connected" | "completed" => Some(EventKind::Connected),
        "disconnected" => Some(EventKind::Disconnected),
        "failed" => Some(EventKind::Failed),
        _ => None,
    }
}

impl<'a> Event<'a> {
    /// Sets the single event of a sample that also has statistics.
    fn set_event(&mut self, happened: Happened<'a>) {
        self.kind = happened.kind;
        self.is_state = happened.is_state;
        self.client_us = happened.client_us;
        if let Some(id) = happened.connection.filter(|id| *id != self.peer_connection) {
            self.concerns(id);
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a payload")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Payload::default())
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Payload::default())
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Payload::default())
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Payload::default())
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Payload::default())
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        let reported =
            json::is_object(text).then(|| serde_json::from_str::<Payload<'_>>(text).ok());
        Ok(reported.flatten().map_or_else(Payload::default, Payload::owned))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(Payload::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut payload = Payload::default();
        while let Some(Scalar::Text(member)) = members.next_key()? {
            match &*member {
                "peerConnectionId" => payload.connection = members.next_value()?,
                "connectionState" | "iceConnectionState" => payload.state = members.next_value()?,
                "error" => payload.error = members.next_value()?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(payload)
    }
}

impl Payload<'_> {
    fn owned<'b>(self) -> Payload<'b> {
        let owned = |value: Scalar<'_>| match value {
            Scalar::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
            _ => Scalar::Missing,
        };
        Payload {
            connection: owned(self.connection),
            state: owned(self.state),
            error: owned(self.error),
        }
    }
}

#[cfg(test)]
mod tests;
