//! Attempts of participants to set a call up, among connected and failed events.
//!
//! A participant may open several peer connections for one call: one to a peer beside that to a
//! bridge, one to send and one to receive. Those that are open at the same time, or were opened
//! within [`TOGETHER_US`] of each other, are one attempt, which has failed if none of them works.
//! Events are counted as they come, each as an attempt; what is found here corrects that.

use schemas::{Correction, EventKind};

use super::recent::{BYTES_FOR_EACH, Forgotten, Limits, Name, Recent};
use super::streams::Horizon;

/// Peer connections that are opened within this of each other are one attempt, us.
const TOGETHER_US: i64 = 5_000_000;

/// Peer connections of a session that are remembered.
const OF_A_SESSION: usize = 64;

/// Peer connections of all sessions.
#[derive(Default)]
pub(super) struct SetUps {
    connections: Recent<Connection>,
}

/// State of a peer connection. Each fact has the log's time at which it was reported, ms, and the
/// event time, us: what is older than the look-back by either is not known.
#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    key: u128,
    /// Event time of its last event, us.
    heard_us: i64,
    /// True if it works, by its last event, and the event time, us.
    works: Option<(i64, bool, i64)>,
    /// The participant joined, and the event time, us.
    joined: Option<(i64, i64)>,
    /// It failed, and was counted for that, and nothing of its session was connected since.
    failed: Option<Failure>,
    /// The connection that failed last while this one was open, and when this one was heard of
    /// before: the log's time, ms, and event time, us.
    open_beside: Option<(u128, i64, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at_ms: i64,
    event_us: i64,
    /// When it was opened, event time, us, if known.
    opened_us: Option<i64>,
    /// It was heard of before, and so opened before.
    was_known: bool,
}

/// Peer connection of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of {
    pub(super) key: u128,
    pub(super) session: u128,
    /// False for events without a connection.
    pub(super) is_named: bool,
}

/// Something that happened to a peer connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Happening {
    pub(super) event: EventKind,
    /// Event time, us.
    pub(super) event_us: i64,
    /// Time to connect or to fail, us, if known.
    pub(super) took_us: Option<i64>,
}

impl Happening {
    /// When the connection was opened, event time, us, if known.
    fn opened_us(&self) -> Option<i64> {
        self.took_us.map(|took_us| self.event_us.saturating_sub(took_us))
    }
}

impl SetUps {
    /// Number of peer connections dropped for others so far.
    pub(super) const fn forgotten(&self) -> Forgotten {
        self.connections.forgotten()
    }

    /// Drops peer connections last appended before `oldest_ms`.
    pub(super) fn expire(&mut self, oldest_ms: i64) {
        self.connections.expire(oldest_ms);
    }

    /// A snapshot of the connection came, in which media did or did not.
    pub(super) fn seen(&mut self, of: Of, event_us: i64, has_media: bool, moment: Horizon) {
        let mut connection = self.take(of);
        if has_media {
            connection.works = Some((moment.now_ms, true, event_us));
        }
        self.put(of, connection, event_us, moment);
    }

    /// Processes a new event and adds the changes that follow from it to `corrections`.
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
                // Whoever joins begins another attempt, and with whoever leaves this one ends.
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

    /// A connection failed: none of its own where another one works, or has failed for both.
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

    /// A connection works: those that failed beside it were no attempts of their own, and it is
    /// none beside another one that works.
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

    /// True if the connection, which has connected or failed, and another one that has failed are
    /// of one attempt.
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
                // Neither has an opening time, but both were reported together.
                None => {
                    let is_known = failed.was_known || self.is_known(of, event_us, moment);
                    !is_known && event_us.saturating_sub(failed.event_us) <= TOGETHER_US
                }
            }
    }

    /// The session's other connections.
    fn others(&self, of: Of, moment: Horizon) -> impl Iterator<Item = &Connection> {
        let all = self.connections.of_owner(of.session);
        all.filter(move |(_, at_ms, connection)| {
            *at_ms >= moment.oldest_ms && connection.key != of.key
        })
        .map(|(_, _, connection)| connection)
    }

    /// True if the connection was heard of in the look-back before `event_us`.
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
    /// True if another connection, opened at `opened_us`, was open at the same time, or was opened
    /// within [`TOGETHER_US`] of this one.
    fn was_open_beside(&self, opened_us: i64, happening: Happening) -> bool {
        let is_near = |us: i64| us.abs_diff(opened_us) <= TOGETHER_US.unsigned_abs();
        // One that has failed is open no longer; one that is connected is.
        let is_over = happening.event == EventKind::Failed
            && self.opened_us.is_some_and(|us| us > happening.event_us);
        (opened_us <= self.event_us && !is_over) || self.opened_us.is_some_and(is_near)
    }
}

impl Connection {
    /// True if it was last said to work.
    fn works(&self, event_us: i64, moment: Horizon) -> bool {
        self.works.is_some_and(|(at_ms, works, reported_us)| {
            works && at_ms >= moment.oldest_ms && moment.reaches(event_us, reported_us)
        })
    }

    /// Its failure, if it failed, was counted for it, and is not too long ago.
    fn failure(&self, event_us: i64, moment: Horizon) -> Option<Failure> {
        self.failed.filter(|failed| {
            failed.at_ms >= moment.oldest_ms && moment.reaches(event_us, failed.event_us)
        })
    }
}
