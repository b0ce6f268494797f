//! Raw records of a session's events, with the truth about each.

use rand::Rng;
use schemas::EventKind;

use super::envelope::Envelope;
use super::environment::Environment;
use super::fault::garbage;
use super::session::{LONGEST_RETRY_US, Phase, Session};
use super::stats::Stats;
use crate::truth::{self, Outcome};

/// A raw record to send, and the truth about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Time of sending, µs since the Unix epoch.
    pub at_us: i64,
    /// Key of the raw record: app/call/participant.
    pub key: String,
    /// Value of the raw record.
    pub payload: Vec<u8>,
    /// Expected result.
    pub truth: truth::Record,
}

/// Number of the additional connection to a peer.
const PEER_CONNECTION: u32 = 1_000;

/// Time by which a report's own timestamp is before that of the event, µs.
const COLLECTING_US: i64 = 1_500;

/// Contents of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Joined,
    Connected {
        connect_ms: i64,
        media_ms: i64,
    },
    Report,
    Disconnected,
    Reconnected,
    DeviceFailed {
        device: &'static str,
    },
    Left,
    Failed {
        reason: &'static str,
    },
    /// A separate connection directly to a peer fails.
    PeerFailed,
    Feedback {
        rating: i64,
    },
}

impl Content {
    const fn kind(self) -> EventKind {
        match self {
            Self::Joined => EventKind::Joined,
            Self::Connected { .. } => EventKind::Connected,
            Self::Report => EventKind::Stats,
            Self::Disconnected => EventKind::Disconnected,
            Self::Reconnected => EventKind::Reconnected,
            Self::DeviceFailed { .. } => EventKind::DeviceFailed,
            Self::Left => EventKind::Left,
            Self::Failed { .. } | Self::PeerFailed => EventKind::Failed,
            Self::Feedback { .. } => EventKind::Feedback,
        }
    }
}

/// Event time, time of sending, and expected result of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posting {
    pub(super) now_us: i64,
    pub(super) sent_us: i64,
    pub(super) content: Content,
    pub(super) outcome: Outcome,
}

impl Session {
    /// Sends an event without report, sometimes twice.
    pub(super) fn send_event(
        &mut self,
        now_us: i64,
        content: Content,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) {
        let sent_us = now_us.max(self.offline_until_us);
        let posting = Posting { now_us, sent_us, content, outcome: Outcome::Accepted };
        self.send(posting, around, out);
        if around.chance(100) {
            self.retry(posting, around, out);
        }
    }

    /// Sends a record again, as a client without an acknowledgement.
    pub(super) fn retry(
        &mut self,
        posting: Posting,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) {
        let sent_us = posting.sent_us + around.rng.random_range(200_000..LONGEST_RETRY_US);
        self.send(Posting { sent_us, outcome: Outcome::Duplicate, ..posting }, around, out);
    }

    pub(super) fn send(
        &mut self,
        posting: Posting,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) {
        let mut envelope =
            self.envelope(posting.now_us, posting.sent_us, posting.content.kind(), around);
        if matches!(posting.content, Content::PeerFailed) {
            envelope.connection = PEER_CONNECTION;
        }
        let stats_us = envelope.client_us - COLLECTING_US;
        let mut payload = Vec::with_capacity(6144);
        envelope.write(&mut payload, |json| match posting.content {
            Content::Joined | Content::Left | Content::Disconnected | Content::Reconnected => {}
            Content::DeviceFailed { device } => {
                json.text("device", device);
                json.text("reason", "NotReadableError");
            }
            Content::Connected { connect_ms, media_ms } => {
                json.int("time_to_connect_ms", connect_ms);
                json.int("time_to_media_ms", media_ms);
            }
            Content::Failed { reason } => json.text("reason", reason),
            Content::PeerFailed => json.text("reason", "ice-failed"),
            Content::Feedback { rating } => json.int("rating", rating),
            Content::Report => Stats { json, dialect: self.browser.dialect, client_us: stats_us }
                .write(&self.streams, &self.path),
        });
        let (event_us, shift_us) = (envelope.event_us(), envelope.shift_us());
        let outcome = if self.is_too_late(around) { Outcome::Late } else { posting.outcome };
        let event = (outcome == Outcome::Accepted)
            .then(|| self.truth_of(posting.content, event_us, stats_us, shift_us));
        let dead = (outcome == Outcome::Late).then(|| dead("late", &payload));
        out.push(self.delivery(posting.sent_us, payload, outcome, event, dead));
    }

    /// Returns the truth about an accepted record. The streams' next intervals begin here.
    fn truth_of(
        &mut self,
        content: Content,
        event_us: i64,
        stats_us: i64,
        shift_us: i64,
    ) -> truth::Event {
        let mut event = truth::Event {
            kind: content.kind(),
            event_us,
            address: self.origin.address.clone().unwrap_or_default(),
            claim: self.origin.claim.clone(),
            ..truth::Event::default()
        };
        match content {
            Content::Joined
            | Content::Left
            | Content::Disconnected
            | Content::Reconnected
            | Content::DeviceFailed { .. } => {}
            Content::Failed { .. } if self.peer_failed_us.take().is_some() => {
                // Both connections failed, but they are one failed attempt.
                event.corrections.push((event_us, -1, -1));
            }
            Content::Failed { .. } => {}
            Content::PeerFailed if self.phase == Phase::Talk => {
                event.corrections.push((event_us, -1, -1));
            }
            Content::PeerFailed => self.peer_failed_us = Some(event_us),
            Content::Connected { connect_ms, media_ms } => {
                let failed_us = self.peer_failed_us.take();
                event.corrections.extend(failed_us.map(|failed_us| (failed_us, -1, -1)));
                event.time_to_connect_ms = Some(connect_ms);
                event.time_to_media_ms = Some(media_ms);
            }
            Content::Feedback { rating } => event.rating = Some(rating),
            Content::Report => {
                let dialect = self.browser.dialect;
                let network_type = self.path.network_type;
                event.network_type = dialect.network_type.then(|| network_type.to_owned());
                event.transport = Some(self.path.route.transport.to_owned());
                event.ice = self.path.interval().filter(|_| dialect.ice_totals);
                event.pair_changes = self.path.changes().filter(|_| dialect.transport);
                for stream in &mut self.streams {
                    match stream.interval(stats_us, shift_us, dialect) {
                        Some(interval) => event.intervals.push(interval),
                        None => event.baselines += 1,
                    }
                }
            }
        }
        event
    }

    /// Sends an invalid record.
    pub(super) fn send_garbage(
        &mut self,
        now_us: i64,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) {
        let envelope = self.envelope(now_us, now_us, EventKind::Joined, around);
        let (why, payload) = garbage(&envelope, around);
        let dead = dead(why, &payload);
        out.push(self.delivery(now_us, payload, Outcome::Invalid, None, Some(dead)));
    }

    fn envelope(
        &self,
        now_us: i64,
        sent_us: i64,
        event: EventKind,
        around: &mut Environment,
    ) -> Envelope<'_> {
        let transit_us = around.rng.random_range(10_000..150_000);
        Envelope {
            event,
            app: &self.app,
            call: &self.call,
            participant: &self.participant,
            connection: self.connection,
            client_us: self.event_us(now_us) + self.clock.skew_us,
            sent_ms: self.clock.sent.then(|| (sent_us + self.clock.skew_us).div_euclid(1000)),
            received_ms: (sent_us + transit_us).div_euclid(1000),
            origin: &self.origin,
            edge: self.edge,
            client_version: self.client_version,
            user_agent: self.browser.user_agent,
        }
    }

    fn delivery(
        &mut self,
        at_us: i64,
        payload: Vec<u8>,
        outcome: Outcome,
        event: Option<truth::Event>,
        dead: Option<truth::Dead>,
    ) -> Delivery {
        let introduces = (!std::mem::replace(&mut self.introduced, true)).then(|| truth::Session {
            app: self.app.clone(),
            call: self.call.clone(),
            participant: self.participant.clone(),
            edge: self.edge.to_owned(),
            client_version: self.client_version.to_owned(),
            device: self.browser.device(),
        });
        Delivery {
            at_us,
            key: format!("{}/{}/{}", self.app, self.call, self.participant),
            payload,
            truth: truth::Record { session: self.number, outcome, introduces, event, dead },
        }
    }
}

fn dead(why: &str, payload: &[u8]) -> truth::Dead {
    truth::Dead { why: why.to_owned(), hash: truth::payload_hash(payload) }
}
