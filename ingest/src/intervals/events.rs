//! Recognition of duplicates of events, and the last reported state of each peer connection.

use schemas::{Correction, EventKind, Happened, Kind, Report};

use super::recent::{BYTES_FOR_EACH, Forgotten, Limits, Name, Recent};
use super::set_ups::{Happening, Of};
use super::streams::Horizon;
use super::{Engine, NewContent, Observed, STATE};
use crate::event::Event;

/// Maximum number of events of one session in the state.
const OF_A_SESSION: usize = 1024;

/// Recent events, and the last state of each peer connection.
#[derive(Default)]
pub(super) struct Events {
    seen: Recent<()>,
    states: Recent<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    event: EventKind,
    event_us: i64,
}

/// One occurrence of an event or a reported state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    pub(super) kind: EventKind,
    /// True if it only reports the current state of the connection.
    pub(super) is_state: bool,
    /// Event time, us.
    pub(super) event_us: i64,
}

impl Events {
    /// Returns the number of events in memory.
    #[cfg(test)]
    pub(super) fn live(&self) -> usize {
        self.seen.keys()
    }

    /// Returns the number of events dropped so far because of limits.
    pub(super) fn forgotten(&self) -> Forgotten {
        [self.seen.forgotten(), self.states.forgotten()].into_iter().sum()
    }

    /// Drops events appended before `oldest_ms`.
    pub(super) fn expire(&mut self, oldest_ms: i64) {
        self.seen.expire(oldest_ms);
        self.states.expire(oldest_ms);
    }

    /// Returns true for the first event of a key in the look-back. Events without an owner count
    /// only towards the total limit.
    pub(super) fn is_new(&mut self, (key, owner): (u128, Option<u128>), moment: Horizon) -> bool {
        let before = self.seen.of(key).next().map(|(number, at_ms, ())| (number, at_ms));
        if let Some((number, _)) = before {
            self.seen.take(number);
        }
        let each = owner.map_or(usize::MAX, |_| OF_A_SESSION);
        let limits = Limits { each, part: each, all: moment.limits.all / BYTES_FOR_EACH };
        let name = Name::whole(key, owner.unwrap_or(key));
        self.seen.push(name, moment.now_ms, ((), 1), limits);
        before.is_none_or(|(_, at_ms)| at_ms < moment.oldest_ms)
    }

    /// Returns the transition of the peer connection with this key. If the event is a state, the
    /// transition follows from the previous state. A repeated state (reported by both ICE and the
    /// connection) is no transition.
    pub(super) fn transition(
        &mut self,
        (key, owner): (u128, u128),
        reported: Occurrence,
        moment: Horizon,
    ) -> Option<EventKind> {
        let Occurrence { kind, is_state, event_us } = reported;
        let state = match kind {
            EventKind::Connected | EventKind::Reconnected => EventKind::Connected,
            EventKind::Disconnected | EventKind::Failed => kind,
            _ => return Some(kind),
        };
        let before = self.states.of(key).next();
        let before = before.map(|(number, at_ms, state)| (number, at_ms, *state));
        if let Some((number, ..)) = before {
            self.states.take(number);
        }
        let before = before
            .filter(|(_, at_ms, before)| {
                *at_ms >= moment.oldest_ms && moment.reaches(event_us, before.event_us)
            })
            .map(|(_, _, before)| before.event);
        let change = match (before, state) {
            _ if !is_state => Some(kind),
            (Some(before), state) if before == state => None,
            (Some(_), EventKind::Connected) => Some(EventKind::Reconnected),
            (Some(EventKind::Connected), _) => Some(EventKind::Disconnected),
            (Some(_), _) => None,
            (None, state) => Some(state),
        };
        let (each, all) = (OF_A_SESSION, moment.limits.all / BYTES_FOR_EACH);
        let limits = Limits { each, part: each, all };
        let state = State { event: state, event_us };
        self.states.push(Name::whole(key, owner), moment.now_ms, (state, 1), limits);
        change
    }
}

impl Engine {
    /// Returns the new ones of several events. The most significant one for the course of the call
    /// is the event.
    pub(super) fn new_events(&mut self, event: &Event<'_>, moment: Horizon) -> Option<NewContent> {
        let mut content = Vec::with_capacity(event.all.len());
        let mut corrections = Vec::new();
        for one in &event.all {
            let connection = one.connection.as_deref().unwrap_or(&event.peer_connection);
            let session = self.begin(event);
            self.connection(connection);
            let event_us = one.client_us + event.shift_us;
            let reported = Occurrence { kind: one.kind, is_state: one.is_state, event_us };
            let key = self.key(one.kind as u8, b"", one.client_us);
            let took_us = None;
            let change = self.connection_event(
                (session, key),
                !connection.is_empty(),
                (reported, took_us),
                moment,
                &mut corrections,
            );
            content.extend(change.map(|event| Happened { event, event_us }));
        }
        let rank = |kind: EventKind| RANKS.iter().position(|ranked| *ranked == kind);
        let most =
            (0..content.len()).min_by_key(|at| rank(content[*at].event).unwrap_or(RANKS.len()))?;
        let Happened { event, event_us } = content.remove(most);
        let event_us = Some(event_us);
        Some(NewContent { event, event_us, more: content, corrections, ..NewContent::of(event) })
    }

    /// Returns the event, if it is new.
    pub(super) fn once(&mut self, event: &Event<'_>, moment: Horizon) -> Option<NewContent> {
        let session = self.begin(event);
        self.connection(&event.peer_connection);
        let device = event.failed_device.map_or(b"".as_slice(), |device| match device {
            Kind::Audio => b"audio",
            _ => b"video",
        });
        let key = self.key(event.kind as u8, device, event.client_us);
        let (kind, is_state, event_us) = (event.kind, event.is_state, event.event_us());
        let took_us = event.time_to_connect_ms.map(|ms| ms.saturating_mul(1000));
        let mut corrections = Vec::new();
        let change = self.connection_event(
            (session, key),
            !event.peer_connection.is_empty(),
            (Occurrence { kind, is_state, event_us }, took_us),
            moment,
            &mut corrections,
        );
        change.map(|event| NewContent { corrections, ..NewContent::of(event) })
    }

    /// Returns the kind of a new event of the connection that the key names; `seen` is the key of
    /// the event itself.
    fn connection_event(
        &mut self,
        (session, seen): (u128, u128),
        is_named: bool,
        (reported, took_us): (Occurrence, Option<i64>),
        moment: Horizon,
        corrections: &mut Vec<Correction>,
    ) -> Option<EventKind> {
        let key = self.key(STATE, b"", 0);
        let is_new = self.events.is_new((seen, Some(session)), moment);
        // A duplicate updates the last reported state as well: the state must depend only on the
        // look-back.
        let change = self.events.transition((key, session), reported, moment).filter(|_| is_new)?;
        let happening = Happening { event: change, event_us: reported.event_us, took_us };
        self.set_ups.happened(Of { key, session, is_named }, happening, moment, corrections);
        Some(change)
    }

    /// Returns true once in the look-back for each original offset of replayed records.
    pub(crate) fn is_first_again(&mut self, offset: i64) -> bool {
        self.key.clear();
        let key = self.key(AGAIN, b"", offset);
        self.events.is_new((key, None), self.moment(self.now_ms))
    }

    /// Compares a canonical report, first appended at `first_ms`. It is new only once, regardless
    /// of its content.
    pub(crate) fn observe_report(&mut self, report: &Report, first_ms: i64) -> Observed {
        let moment = self.moment(first_ms);
        let mut session = Event::new(0);
        (session.app, session.call) = (report.app.as_str().into(), report.call.as_str().into());
        session.participant = report.participant.as_str().into();
        let session = self.begin(&session);
        self.connection(&report.peer_connection);
        let mut kind = report.event as u8;
        if report.event == EventKind::Stats {
            kind = REPORT;
        }
        let seen = self.key(kind, b"", report.event_us);
        if !self.events.is_new((seen, Some(session)), moment) {
            return Observed::Duplicate;
        }
        let of = Of {
            key: self.key(STATE, b"", 0),
            session,
            is_named: !report.peer_connection.is_empty(),
        };
        let mut corrections = Vec::new();
        let took_us = report.time_to_connect_ms.map(|ms| ms.saturating_mul(1000));
        let event = Happening { event: report.event, event_us: report.event_us, took_us };
        self.set_ups.happened(of, event, moment, &mut corrections);
        for more in &report.more_events {
            let Happened { event, event_us } = *more;
            let happening = Happening { event, event_us, took_us: None };
            self.set_ups.happened(of, happening, moment, &mut corrections);
        }
        let is_unverified = moment.may_miss_a_copy(report.event_us);
        Observed::New(NewContent { corrections, is_unverified, ..NewContent::of(report.event) })
    }
}

/// Kinds of events that a record may have several of, the most significant first.
const RANKS: [EventKind; 6] = [
    EventKind::Failed,
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::Reconnected,
    EventKind::Left,
    EventKind::Joined,
];

/// Key type of canonical stats reports.
const REPORT: u8 = u8::MAX - 2;

/// Key type of the original offsets of replayed records.
const AGAIN: u8 = u8::MAX - 3;
