//! Isobar's own JSON envelope: `docs/reference/envelope.md`.

use schemas::EventKind;
use serde::Deserialize;

use super::fields::{
    Claimed, MAX_NAME, MAX_PROSE, MS_TO_US, claim, code_of, device, ms, name, rating, reason,
    required, text_up_to, wait_ms,
};
use super::get_stats::GetStats;
use super::json::{self, Nested, Scalar};
use super::{Reason, Rejected};
use crate::event::Event;
use crate::settings::Settings;

/// Media type of the format.
pub(super) const CONTENT_TYPE: &str = "application/vnd.isobar.envelope+json";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope<'a> {
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
    claim: Nested<Claimed<'a>>,
    rating: Scalar<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the members of an object of any format.
    pub(super) fn read(text: &'a str) -> Result<Self, Rejected> {
        if !json::is_object(text) {
            // Otherwise an array would be read by position, and an error would quote a scalar.
            json::check(text)?;
            return Err(Rejected::new(Reason::BadValue, "not an object"));
        }
        serde_json::from_str(text).map_err(json::rejected)
    }

    /// Returns whether the object is an envelope.
    pub(super) fn is_one(&self) -> bool {
        self.v != Scalar::Missing || self.event != Scalar::Missing
    }
}

pub(super) fn decode<'a>(envelope: Envelope<'a>, limits: &Settings) -> Result<Event<'a>, Rejected> {
    if envelope.v != Scalar::Number(1.0) {
        return Err(Rejected::new(Reason::UnknownFormat, "v: only version 1 is known"));
    }
    let kind = event_kind(envelope.event)?;
    let client_us = required("timestamp", ms("timestamp", envelope.timestamp, MS_TO_US)?)?;
    let sent_us = ms("sent_at", envelope.sent_at, MS_TO_US)?;
    let received_us = ms("received_at", envelope.received_at, MS_TO_US)?;
    let (streams, pairs) = match kind {
        EventKind::Stats => envelope.report.snapshots(client_us, limits.max_streams)?,
        _ => Default::default(),
    };
    Ok(Event {
        kind,
        app: name("app", envelope.app)?,
        call: name("call", envelope.call)?,
        participant: name("participant", envelope.participant)?,
        peer_connection: code_of("peer_connection", envelope.peer_connection)?.unwrap_or_default(),
        shift_us: received_us.zip(sent_us).map_or(0, |(received, sent)| received - sent),
        client_address: text_up_to(MAX_NAME, "client_address", envelope.client_address)?,
        claim: claim(envelope.claim)?,
        edge: code_of("edge", envelope.edge)?,
        client_version: code_of("client_version", envelope.client_version)?,
        user_agent: text_up_to(MAX_PROSE, "user_agent", envelope.user_agent)?,
        time_to_connect_ms: wait_ms("time_to_connect_ms", envelope.time_to_connect_ms)?,
        time_to_media_ms: wait_ms("time_to_media_ms", envelope.time_to_media_ms)?,
        failure_reason: reason("reason", envelope.reason)?,
        failed_device: match kind {
            EventKind::DeviceFailed => Some(device("device", envelope.device)?),
            _ => None,
        },
        rating: rating("rating", envelope.rating)?,
        streams,
        pairs,
        ..Event::new(client_us)
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
