//! Isobar's own JSON envelope: `docs/reference/envelope.md`.

use std::borrow::Cow;

use schemas::{Claim, EventKind, Kind};
use serde::Deserialize;

use super::get_stats::GetStats;
use super::json::{self, Scalar};
use super::{Reason, Rejected};
use crate::counters::whole;
use crate::event::Event;
use crate::settings::Settings;

/// The media type that says so.
pub(super) const CONTENT_TYPE: &str = "application/vnd.isobar.envelope+json";

/// Bytes of what names things: application, call, edge, ….
const MAX_NAME: usize = 256;

/// Bytes of what people or browsers wrote: reason, user agent.
const MAX_PROSE: usize = 1024;

const MS_TO_US: f64 = 1e3;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    v: Scalar<'a>,
    event: Scalar<'a>,
    app: Scalar<'a>,
    call: Scalar<'a>,
    participant: Scalar<'a>,
    peer_connection: Scalar<'a>,
    timestamp: Scalar<'a>,
    sent_at: Scalar<'a>,
    received_at: Scalar<'a>,
    client_address: Scalar<'a>,
    edge: Scalar<'a>,
    client_version: Scalar<'a>,
    user_agent: Scalar<'a>,
    report: GetStats<'a>,
    time_to_connect_ms: Scalar<'a>,
    time_to_media_ms: Scalar<'a>,
    reason: Scalar<'a>,
    device: Scalar<'a>,
    claim: ClaimMembers<'a>,
    rating: Scalar<'a>,
}

/// What the client's side claims of its place.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClaimMembers<'a> {
    #[serde(borrow)]
    continent: Scalar<'a>,
    country: Scalar<'a>,
    subdivision: Scalar<'a>,
    city: Scalar<'a>,
    asn: Scalar<'a>,
    organisation: Scalar<'a>,
}

pub(super) fn decode<'a>(text: &'a str, limits: &Settings) -> Result<Event<'a>, Rejected> {
    if !json::is_object(text) {
        // An array would be read by position, and an error would quote a scalar.
        json::check(text)?;
        return Err(Rejected::new(Reason::BadValue, "not an object"));
    }
    let envelope: Envelope<'a> = serde_json::from_str(text).map_err(json::rejected)?;
    if envelope.v != Scalar::Number(1.0) {
        return Err(Rejected::new(Reason::UnknownFormat, "v: only version 1 is known"));
    }
    let kind = event_kind(envelope.event)?;
    let client_us = required("timestamp", ms("timestamp", envelope.timestamp, MS_TO_US)?)?;
    let sent_us = ms("sent_at", envelope.sent_at, MS_TO_US)?;
    let received_us = ms("received_at", envelope.received_at, MS_TO_US)?;
    let (streams, pair) = match kind {
        EventKind::Stats => envelope.report.snapshots(client_us, limits.max_streams)?,
        _ => Default::default(),
    };
    Ok(Event {
        kind,
        app: name("app", envelope.app)?,
        call: name("call", envelope.call)?,
        participant: name("participant", envelope.participant)?,
        peer_connection: text_up_to(MAX_NAME, "peer_connection", envelope.peer_connection)?
            .unwrap_or_default(),
        client_us,
        shift_us: received_us.zip(sent_us).map_or(0, |(received, sent)| received - sent),
        client_address: text_up_to(MAX_NAME, "client_address", envelope.client_address)?,
        claim: claim(envelope.claim)?,
        edge: text_up_to(MAX_NAME, "edge", envelope.edge)?,
        client_version: text_up_to(MAX_NAME, "client_version", envelope.client_version)?,
        user_agent: text_up_to(MAX_PROSE, "user_agent", envelope.user_agent)?,
        time_to_connect_ms: ms("time_to_connect_ms", envelope.time_to_connect_ms, 1.0)?,
        time_to_media_ms: ms("time_to_media_ms", envelope.time_to_media_ms, 1.0)?,
        failure_reason: text_up_to(MAX_PROSE, "reason", envelope.reason)?,
        failed_device: match kind {
            EventKind::DeviceFailed => Some(device(envelope.device)?),
            _ => None,
        },
        rating: rating(envelope.rating)?,
        streams,
        pair,
    })
}

fn event_kind(value: Scalar<'_>) -> Result<EventKind, Rejected> {
    match required("event", text_up_to(MAX_NAME, "event", value)?)?.as_ref() {
        "joined" => Ok(EventKind::Joined),
        "connected" => Ok(EventKind::Connected),
        "stats" => Ok(EventKind::Stats),
        "disconnected" => Ok(EventKind::Disconnected),
        "reconnected" => Ok(EventKind::Reconnected),
        "device_failed" => Ok(EventKind::DeviceFailed),
        "left" => Ok(EventKind::Left),
        "failed" => Ok(EventKind::Failed),
        "feedback" => Ok(EventKind::Feedback),
        _ => Err(Rejected::new(Reason::UnknownEvent, "event")),
    }
}

/// The device that failed, by the kind of its media.
fn device(value: Scalar<'_>) -> Result<Kind, Rejected> {
    match required("device", text_up_to(MAX_NAME, "device", value)?)?.as_ref() {
        "microphone" => Ok(Kind::Audio),
        "camera" => Ok(Kind::Video),
        _ => Err(bad("device", "microphone or camera")),
    }
}

/// None if nothing is claimed.
fn claim(members: ClaimMembers<'_>) -> Result<Option<Claim>, Rejected> {
    let text = |field, value| {
        let text = text_up_to(MAX_NAME, field, value)?;
        Ok(text.filter(|text| !text.is_empty()).map(Cow::into_owned))
    };
    let asn = match members.asn {
        Scalar::Missing => None,
        value => {
            let asn = value.number().and_then(|asn| whole(asn, 1.0));
            let asn = asn.filter(|asn| (1..=i64::from(u32::MAX)).contains(asn));
            Some(asn.ok_or_else(|| bad("claim.asn", "a number of 32 bits"))?)
        }
    };
    let claim = Claim {
        continent: text("claim.continent", members.continent)?,
        country: text("claim.country", members.country)?,
        subdivision: text("claim.subdivision", members.subdivision)?,
        city: text("claim.city", members.city)?,
        asn,
        organisation: text("claim.organisation", members.organisation)?,
    };
    Ok((claim != Claim::default()).then_some(claim))
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, Rejected> {
    value.ok_or_else(|| Rejected::new(Reason::MissingField, field))
}

fn bad(field: &str, wanted: &str) -> Rejected {
    Rejected::new(Reason::BadValue, format!("{field}: not {wanted}"))
}

fn text_up_to<'a>(
    limit: usize,
    field: &str,
    value: Scalar<'a>,
) -> Result<Option<Cow<'a, str>>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let text = value.text(limit);
    text.map(Some).ok_or_else(|| bad(field, &format!("a string of at most {limit} bytes")))
}

fn name<'a>(field: &str, value: Scalar<'a>) -> Result<Cow<'a, str>, Rejected> {
    let name = required(field, text_up_to(MAX_NAME, field, value)?)?;
    if name.is_empty() { Err(bad(field, "a name: it is empty")) } else { Ok(name) }
}

/// A number of ms, times `scale`.
fn ms(field: &str, value: Scalar<'_>, scale: f64) -> Result<Option<i64>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let whole = value.number().and_then(|ms| whole(ms, scale));
    whole.map(Some).ok_or_else(|| bad(field, "a number of ms"))
}

fn rating(value: Scalar<'_>) -> Result<Option<i32>, Rejected> {
    match value {
        Scalar::Missing => Ok(None),
        Scalar::Number(rating) if [1.0, 2.0, 3.0, 4.0, 5.0].contains(&rating) => {
            Ok(Some(rating as i32))
        }
        _ => Err(bad("rating", "an integer from 1 to 5")),
    }
}
