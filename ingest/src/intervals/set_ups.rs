//! Counting of attempts to set up a call, among connected and failed events.
//!
//! A participant may open several peer connections for one call: one to a peer in addition to one
//! to a bridge, or one for each direction. Connections that are open at the same time, or were
//! opened within [`TOGETHER_US`] of each other, are one attempt, which has failed if none of them
//! was established. Every event is first counted as an attempt; this module finds the corrections.

use schemas::{Correction, EventKind};

use super::recent::{BYTES_FOR_EACH, Forgotten, Limits, Name, Recent};
use super::streams::Horizon;

/// Peer connections opened within this time of each other are one attempt, us.
const TOGETHER_US: i64 = 5_000_000;

/// Maximum number of peer connections of a session in the state.
const OF_A_SESSION: usize = 64;

/// Peer connections of all sessions.
#[derive(Default)]
pub(super) struct SetUps {
    connections: Recent<Connection>,
}

/// State of a peer connection. Each fact has the log's time of its report, ms, and its event time,
/// us. A fact that is older than the look-back by either of them is ignored.
#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    key: u128,
    /// Event time of its last event, us.
    heard_us: i64,
    /// Log time; true if it is established according to its last event; event time.
    works: Option<(i64, bool, i64)>,
    /// Log and event time of the joined event, if it had one.
    joined: Option<(i64, i64)>,
    /// Its failure, if it was counted as a failed attempt and no connection of the session was
    /// established since.
    failed: Option<Failure>,
    /// The connection that failed last while this one was open, and the log and event time of the
    /// previous event of this one.
    open_beside: Option<(u128, i64, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at_ms: i64,
    event_us: i64,
    /// Event time at which it was opened, us, if known.
    opened_us: Option<i64>,
    /// True if it had earlier events, so that it was opened earlier.
    was_known: bool,
}

/// The peer connection of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of {
    pub(super) key: u128,
    pub(super) session: u128,
    /// False for events without a connection.
    pub(super) is_named: bool,
}

/// An event of a peer connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Happening {
    pub(super) event: EventKind,
    /// Event time, us.
    pub(super) event_us: i64,
    /// Time to connect or to fail, us, if known.
    pub(super) took_us: Option<i64>,
}

impl Happening {
    /// Returns the event time at which the connection was opened, us, if known.
    fn opened_us(&self) -> Option<i64> {
        self.took_us.map(|took_us| self.event_us.saturating_sub(took_us))
    }
}

impl SetUps {
    /// Returns the number of peer connections dropped so far because of limits.
    pub(super) const fn forgotten(&self) -> Forgotten {
        self.connections.forgotten()
    }

    /// Drops peer connections last appended before `oldest_ms`.
    pub(super) fn expire(&mut self, oldest_ms: i64) {
        self.connections.expire(oldest_ms);
    }

    /// Processes a snapshot of the connection, with or without media.
    pub(super) fn seen(&mut self, of: Of, event_us: i64, has_media: bool, moment: Horizon) {
        let mut connection = self.take(of);
        if has_media {
            connection.works = Some((moment.now_ms, true, event_us));
        }
        self.put(of, connection, event_us, moment);
    }

    /// Processes a new event and adds the resulting corrections to `corrections`.
    pub(super) fn happened(
        &mut self,
        of: Of,
        happening: Happening,
        moment: Horizon,
        corrections: &mut Vec<Correction>,
    ) {
        let Happening { event, event_us, .. } = happening;
        let now_ms = moment.now_ms;
        match event {
            EventKind::Joined | EventKind::Left => {
                // A joined event begins another attempt, and a left event ends the present one.
                let all = self.connections.of_owner(of.session).map(|(number, ..)| number);
                for number in all.collect::<Vec<_>>() {
                    self.connections.take(number);
                }
                let joined = (event == EventKind::Joined).then_some((now_ms, event_us));
                let connection = Connection { key: of.key, joined, ..Connection::default() };
                self.put(of, connection, event_us, moment);
            }
            EventKind::Connected | EventKind::Reconnected => {
                if event == EventKind::Connected {
                    corrections.extend(self.connected(of, happening, moment));
                }
                let mut connection = self.take(of);
                connection.works = Some((now_ms, true, event_us));
                self.put(of, connection, event_us, moment);
            }
            EventKind::Disconnected => {
                let mut connection = self.take(of);
                connection.works = Some((now_ms, false, event_us));
                self.put(of, connection, event_us, moment);
            }
            EventKind::Failed => corrections.extend(self.failed(of, happening, moment)),
            _ => {}
        }
    }

    /// Processes a failed connection. It is not a separate attempt if another connection is
    /// established, or has already failed for both.
    fn failed(&mut self, of: Of, happening: Happening, moment: Horizon) -> Option<Correction> {
        let event_us = happening.event_us;
        let is_none = of.is_named
            && self.others(of, moment).any(|other| {
                let failed = other.failure(event_us, moment);
                other.works(event_us, moment)
                    || failed
                        .is_some_and(|failed| self.is_beside(of, happening, other, failed, moment))
            });
        let was_known = self.is_known(of, event_us, moment);
        let mut connection = self.take(of);
        connection.works = Some((moment.now_ms, false, event_us));
        let (at_ms, opened_us) = (moment.now_ms, happening.opened_us());
        let failure = Failure { at_ms, event_us, opened_us, was_known };
        connection.failed = (!is_none).then_some(failure);
        self.put(of, connection, event_us, moment);
        if is_none {
            return Some(Correction { at_us: event_us, attempted: -1, failed: -1 });
        }
        let all = self.connections.of_owner(of.session);
        let others = all.map(|(number, at_ms, _)| (number, at_ms)).collect::<Vec<_>>();
        for (number, at_ms) in others {
            if let Some(other) = self.connections.get_mut(number).filter(|it| it.key != of.key) {
                other.open_beside = Some((of.key, at_ms, other.heard_us));
            }
        }
        None
    }

    /// Processes an established connection. Connections that failed beside it were no separate
    /// attempts, and it is none itself if another one is established.
    fn connected(&mut self, of: Of, happening: Happening, moment: Horizon) -> Vec<Correction> {
        let event_us = happening.event_us;
        let mut corrections = Vec::new();
        for other in self.others(of, moment) {
            if let Some(failed) = other.failure(event_us, moment)
                && self.is_beside(of, happening, other, failed, moment)
            {
                let at_us = failed.event_us;
                corrections.push(Correction { at_us, attempted: -1, failed: -1 });
            }
        }
        if of.is_named && self.others(of, moment).any(|other| other.works(event_us, moment)) {
            corrections.push(Correction { at_us: event_us, attempted: -1, failed: 0 });
        }
        let all = self.connections.of_owner(of.session);
        let numbers = all.map(|(number, ..)| number).collect::<Vec<_>>();
        for number in numbers {
            if let Some(connection) = self.connections.get_mut(number) {
                connection.failed = None;
            }
        }
        corrections
    }

    /// Returns whether the connection, which was established or has failed, and another one that
    /// has failed are one attempt.
    fn is_beside(
        &self,
        of: Of,
        happening: Happening,
        other: &Connection,
        failed: Failure,
        moment: Horizon,
    ) -> bool {
        let (event_us, opened_us) = (happening.event_us, happening.opened_us());
        let is_remembered = |at_ms: i64, reported_us: i64| {
            at_ms >= moment.oldest_ms && moment.reaches(event_us, reported_us)
        };
        let was_open = self.connections.of(of.key).any(|(_, _, connection)| {
            let beside = connection.open_beside.filter(|(key, ..)| *key == other.key);
            beside.is_some_and(|(_, at_ms, heard_us)| is_remembered(at_ms, heard_us))
        });
        // Both were opened after the participant joined.
        let joined = self.connections.of_owner(of.session).find_map(|(_, _, one)| one.joined);
        let joined_us = joined.filter(|(at_ms, us)| is_remembered(*at_ms, *us));
        let at_latest_us = opened_us.unwrap_or(event_us);
        was_open
            || joined_us.is_some_and(|(_, us)| at_latest_us.saturating_sub(us) <= TOGETHER_US)
            || match opened_us {
                Some(opened_us) => failed.was_open_beside(opened_us, happening),
                // Without opening times, they were open together if both were reported at that
                // time.
                None => {
                    let is_known = failed.was_known || self.is_known(of, event_us, moment);
                    !is_known && event_us.saturating_sub(failed.event_us) <= TOGETHER_US
                }
            }
    }

    /// Returns the session's other connections.
    fn others(&self, of: Of, moment: Horizon) -> impl Iterator<Item = &Connection> {
        let all = self.connections.of_owner(of.session);
        all.filter(move |(_, at_ms, connection)| {
            *at_ms >= moment.oldest_ms && connection.key != of.key
        })
        .map(|(_, _, connection)| connection)
    }

    /// Returns whether the connection had an event in the look-back before `event_us`.
    fn is_known(&self, of: Of, event_us: i64, moment: Horizon) -> bool {
        let known = self.connections.of(of.key).next();
        known.is_some_and(|(_, at_ms, connection)| {
            at_ms >= moment.oldest_ms && moment.reaches(event_us, connection.heard_us)
        })
    }

    fn take(&mut self, of: Of) -> Connection {
        let number = self.connections.of(of.key).next().map(|(number, ..)| number);
        let known = number.and_then(|number| self.connections.take(number));
        known.unwrap_or(Connection { key: of.key, ..Connection::default() })
    }

    fn put(&mut self, of: Of, connection: Connection, event_us: i64, moment: Horizon) {
        let (each, all) = (OF_A_SESSION, moment.limits.all / BYTES_FOR_EACH);
        let limits = Limits { each, part: each, all };
        let connection = Connection { heard_us: event_us, ..connection };
        let name = Name::whole(of.key, of.session);
        self.connections.push(name, moment.now_ms, (connection, 1), limits);
    }
}

impl Failure {
    /// Returns whether another connection, opened at `opened_us`, was open at the same time, or was
    /// opened within [`TOGETHER_US`] of this one.
    fn was_open_beside(&self, opened_us: i64, happening: Happening) -> bool {
        let is_near = |us: i64| us.abs_diff(opened_us) <= TOGETHER_US.unsigned_abs();
        // A failed connection is no longer open; an established one is.
        let is_over = happening.event == EventKind::Failed
            && self.opened_us.is_some_and(|us| us > happening.event_us);
        (opened_us <= self.event_us && !is_over) || self.opened_us.is_some_and(is_near)
    }
}

impl Connection {
    /// Returns whether it is established according to its last report.
    fn works(&self, event_us: i64, moment: Horizon) -> bool {
        self.works.is_some_and(|(at_ms, works, reported_us)| {
            works && at_ms >= moment.oldest_ms && moment.reaches(event_us, reported_us)
        })
    }

    /// Returns its failure, if it was counted and is within the look-back.
    fn failure(&self, event_us: i64, moment: Horizon) -> Option<Failure> {
        self.failed.filter(|failed| {
            failed.at_ms >= moment.oldest_ms && moment.reaches(event_us, failed.event_us)
        })
    }
}
