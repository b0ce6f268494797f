//! Network paths: the candidate pair in use, and its transport (W3C `candidate-pair`, `transport`).

use std::borrow::Cow;
use std::ops::RangeInclusive;

use schemas::{Direction, Kind, Path};

use super::quantities::{has_implausible_gauge, round_trip_gauge};
use super::streams::{Connection, Horizon, Step};
use super::{Found, taken};
use crate::counters::{Counter, MOST_BIT_RATE, Values};
use crate::event::{Event, Pair};

/// Key type of transports.
const TRANSPORT: u8 = u8::MAX - 5;

/// Key type of candidate pairs. Streams have their [`schemas::Direction`] as key type.
const PAIR: u8 = u8::MAX;

/// Plausible values of `availableOutgoingBitrate`, bit/s.
const BIT_RATES: RangeInclusive<i64> = 0..=MOST_BIT_RATE;

impl Found {
    /// Adds the path of the candidate pair in use, with the changes of its transport's selected
    /// pair.
    pub(super) fn pair(
        &mut self,
        event: &Event<'_>,
        pair: &Pair<'_>,
        connection: &mut Connection<'_>,
        moment: Horizon,
    ) {
        self.seen += 1;
        let taken = taken(event, pair.client_us, moment);
        self.left_out.implausible += implausible(pair);
        let (name, of) = ((PAIR, &*pair.stats_id, 0), (Kind::None, Direction::None));
        let mut found = match connection.step(name, of, taken, &pair.values) {
            Step::Since { differences, went_back, implausible, .. } => {
                self.left_out.went_back += went_back;
                self.left_out.implausible += implausible;
                path(pair, &differences)
            }
            step => {
                self.stale += usize::from(step == Step::Stale);
                self.left_out.implausible += u64::from(has_implausible_gauge(&pair.values));
                path(pair, &Values::EMPTY)
            }
        };
        if let Some(transport) = &pair.transport {
            let name = (TRANSPORT, &*transport.stats_id, 0);
            if let Step::Since { differences, went_back, implausible, .. } =
                connection.step(name, of, taken, &transport.values)
            {
                self.left_out.went_back += went_back;
                self.left_out.implausible += implausible;
                found.selected_pair_changes = differences.get(Counter::PairChanges);
            }
        }
        self.paths.push(found);
    }
}

/// Returns the number of implausible quantities of a path that are not in the table of counters.
/// They are left out.
fn implausible(pair: &Pair<'_>) -> u64 {
    u64::from(pair.available_outgoing_bitrate.is_some_and(|rate| !BIT_RATES.contains(&rate)))
}

/// Returns the path of a selected candidate pair, with the differences of its counters.
fn path(pair: &Pair<'_>, differences: &Values) -> Path {
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    Path {
        local_candidate_type: text(&pair.local_candidate_type),
        remote_candidate_type: text(&pair.remote_candidate_type),
        protocol: text(&pair.protocol),
        relay_protocol: text(&pair.relay_protocol),
        network_type: text(&pair.network_type),
        ice_round_trip_us: differences.get(Counter::RoundTripTime),
        ice_round_trip_count: differences.get(Counter::RoundTripCount),
        ice_round_trip_gauge_us: round_trip_gauge(&pair.values),
        available_outgoing_bitrate: pair
            .available_outgoing_bitrate
            .filter(|bit_rate| BIT_RATES.contains(bit_rate)),
        ice_state: text(&pair.ice_state),
        dtls_state: text(&pair.dtls_state),
        selected_pair_changes: None,
    }
}
