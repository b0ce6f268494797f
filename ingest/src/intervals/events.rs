//! Recognition of duplicates of events, and the last reported state of each peer connection.

use schemas::EventKind;

use super::recent::{BYTES_FOR_EACH, Forgotten, Limits, Name, Recent};
use super::streams::Horizon;

/// Maximum number of events of one session in the state.
const OF_A_SESSION: usize = 1024;

/// An event.
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
