//! The selected candidate pair of a peer connection.

use rand::Rng;

use super::place::Conditions;

/// Candidate type, protocol and relay protocol of the local candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) candidate: &'static str,
    pub(super) protocol: &'static str,
    pub(super) relay: Option<&'static str>,
    /// Its name in the pipeline.
    pub(super) transport: &'static str,
}

const fn direct(candidate: &'static str, protocol: &'static str) -> Route {
    Route { candidate, protocol, relay: None, transport: protocol }
}

const fn relay(protocol: &'static str, transport: &'static str) -> Route {
    Route { candidate: "relay", protocol: "udp", relay: Some(protocol), transport }
}

/// Routes, each with the same probability.
const ROUTES: [Route; 10] = [
    direct("srflx", "udp"),
    direct("srflx", "udp"),
    direct("srflx", "udp"),
    direct("prflx", "udp"),
    direct("host", "udp"),
    direct("host", "udp"),
    direct("host", "tcp"),
    relay("udp", "relay-udp"),
    relay("tcp", "relay-tcp"),
    relay("tls", "relay-tls"),
];

/// A candidate pair, with its round trips by STUN.
#[derive(Debug)]
pub(super) struct Path {
    number: u32,
    pub(super) route: Route,
    pub(super) network_type: &'static str,
    pub(super) current_us: i64,
    /// Sum (µs) and number of round trips since the pair's start.
    pub(super) total: (i64, i64),
    /// Sum (µs) and number of round trips since the last snapshot that counted.
    since: (i64, i64),
    counted: bool,
    /// Pairs that the peer connection has selected so far.
    pub(super) selected: i64,
    /// This number in the last accepted snapshot, if there was one.
    selected_then: Option<i64>,
}

impl Path {
    /// Returns pair number `number` of a session.
    pub(super) fn new(number: u32, network_type: &'static str, rng: &mut impl Rng) -> Self {
        Self {
            number,
            route: ROUTES[rng.random_range(0..ROUTES.len())],
            network_type,
            current_us: 0,
            total: (0, 0),
            since: (0, 0),
            counted: false,
            selected: 1,
            selected_then: None,
        }
    }

    /// Returns the first pair of the next peer connection.
    pub(super) fn next(&self, network_type: &'static str, rng: &mut impl Rng) -> Self {
        Self::new(self.number + 1, network_type, rng)
    }

    /// Returns the next pair of the same peer connection.
    pub(super) fn change(&self, network_type: &'static str, rng: &mut impl Rng) -> Self {
        let (selected, selected_then) = (self.selected + 1, self.selected_then);
        Self { selected, selected_then, ..self.next(network_type, rng) }
    }

    pub(super) fn pair_id(&self) -> String {
        format!("CP{}_IrF4k2", self.local_id())
    }

    pub(super) fn local_id(&self) -> String {
        format!("Il{}", self.number)
    }

    /// Simulates `us`: a check is answered about every 2.5 s.
    pub(super) fn pass(&mut self, us: i64, conditions: Conditions, rng: &mut impl Rng) {
        let checks = (us + rng.random_range(0..2_500_000)) / 2_500_000;
        self.current_us = conditions.round_trip_us + rng.random_range(0..=conditions.jitter_us);
        for sum in [&mut self.total, &mut self.since] {
            sum.0 += checks * self.current_us;
            sum.1 += checks;
        }
    }

    /// Records an accepted snapshot. Returns the round trips since the previous one; none if it is
    /// the first.
    pub(super) fn interval(&mut self) -> Option<(i64, i64)> {
        let since = std::mem::take(&mut self.since);
        std::mem::replace(&mut self.counted, true).then_some(since)
    }

    /// Records an accepted snapshot. Returns how often another pair was selected since the previous
    /// one.
    pub(super) fn changes(&mut self) -> Option<i64> {
        let then = self.selected_then.replace(self.selected)?;
        Some(self.selected - then)
    }
}
