//! The raw record's JSON envelope.

use schemas::{Claim, EventKind};

use super::json::Json;
use super::origin::Origin;

/// The part of an envelope that is common to all events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) event: EventKind,
    pub(super) app: &'a str,
    pub(super) call: &'a str,
    pub(super) participant: &'a str,
    pub(super) connection: u32,
    /// Time of the event, client clock, µs.
    pub(super) client_us: i64,
    /// Client clock; older clients do not send it.
    pub(super) sent_ms: Option<i64>,
    /// Collector's clock.
    pub(super) received_ms: i64,
    pub(super) origin: &'a Origin,
    pub(super) edge: &'a str,
    pub(super) client_version: &'a str,
    pub(super) user_agent: &'a str,
}

impl Envelope<'_> {
    /// Returns the event's time by the collector's clock, µs.
    pub(super) const fn event_us(&self) -> i64 {
        self.client_us + self.shift_us()
    }

    /// Returns the difference of the collector's clock from the client's, µs.
    pub(super) const fn shift_us(&self) -> i64 {
        match self.sent_ms {
            Some(sent_ms) => (self.received_ms - sent_ms) * 1000,
            None => 0,
        }
    }

    /// Writes the envelope with the members that `add` adds.
    pub(super) fn write(&self, payload: &mut Vec<u8>, add: impl FnOnce(&mut Json<'_>)) {
        let mut json = Json(payload);
        json.start();
        json.int("v", 1);
        json.text("event", name(self.event));
        json.text("app", self.app);
        json.text("call", self.call);
        json.text("participant", self.participant);
        json.text("peer_connection", &format!("pc-{}", self.connection));
        json.millis("timestamp", self.client_us);
        if let Some(sent_ms) = self.sent_ms {
            json.int("sent_at", sent_ms);
        }
        json.int("received_at", self.received_ms);
        if let Some(address) = &self.origin.address {
            json.text("client_address", address);
        }
        if let Some(claim) = &self.origin.claim {
            claimed(&mut json, claim);
        }
        json.text("edge", self.edge);
        json.text("client_version", self.client_version);
        json.text("user_agent", self.user_agent);
        add(&mut json);
        json.close();
    }
}

fn claimed(json: &mut Json<'_>, claim: &Claim) {
    json.open("claim");
    for (member, text) in [
        ("continent", &claim.continent),
        ("country", &claim.country),
        ("subdivision", &claim.subdivision),
        ("city", &claim.city),
        ("organisation", &claim.organisation),
    ] {
        if let Some(text) = text {
            json.text(member, text);
        }
    }
    if let Some(asn) = claim.asn {
        json.int("asn", asn);
    }
    json.close();
}

const fn name(event: EventKind) -> &'static str {
    match event {
        EventKind::Joined => "joined",
        EventKind::Connected => "connected",
        EventKind::Stats | EventKind::Cover => "stats",
        EventKind::Disconnected => "disconnected",
        EventKind::Reconnected => "reconnected",
        EventKind::DeviceFailed => "device_failed",
        EventKind::Left => "left",
        EventKind::Failed => "failed",
        EventKind::Feedback => "feedback",
    }
}
