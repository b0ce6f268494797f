//! The faults: one type for each kind.

mod brokers;
mod clickhouse;
mod groups;
mod host;
mod links;
mod look_up;
mod records;
mod services;

use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::fault::Fault;
use super::kind::Kind;

/// Returns a fault of this kind, with random choices by `seed`.
pub(super) fn of_kind(kind: Kind, seed: u64, lasts: Duration) -> Box<dyn Fault> {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    match kind {
        Kind::KillService => Box::new(services::Kill::one(rng)),
        Kind::KillAll => Box::new(services::Kill::all()),
        Kind::Zombie => Box::new(services::Zombie::new(rng)),
        Kind::Storm => Box::new(services::Storm::new(rng)),
        Kind::Scale => Box::new(services::Scale::new(rng, lasts)),
        Kind::Abort => Box::new(services::Abort::new(rng)),
        Kind::Rewind => Box::new(groups::Rewind::new(rng)),
        Kind::KillBroker => Box::new(brokers::Kill::any(rng)),
        Kind::KillCoordinator => Box::new(brokers::Kill::coordinator(rng)),
        Kind::Replication => Box::new(links::Link::replication(rng)),
        Kind::Fenced => Box::new(brokers::Fenced),
        Kind::DeadLettersAway => Box::new(brokers::DeadLettersAway),
        Kind::ClickHouseKilled => Box::new(clickhouse::Killed::new(rng)),
        Kind::ClickHouseAway => Box::new(clickhouse::Away),
        Kind::ClickHouseReadOnly => Box::new(clickhouse::Setting::read_only()),
        Kind::ClickHouseSlow => Box::new(clickhouse::Slow::new()),
        Kind::ClickHouseFull => Box::new(clickhouse::Setting::full()),
        Kind::Cut => Box::new(links::Link::cut(rng)),
        Kind::Delay => Box::new(links::Link::delay(rng)),
        Kind::BlackHole => Box::new(links::Link::black_hole(rng)),
        Kind::HalfOpen => Box::new(links::Link::half_open(rng)),
        Kind::LookUpRemoved => Box::new(look_up::LookUp::removed(rng)),
        Kind::LookUpCorrupt => Box::new(look_up::LookUp::corrupt(rng)),
        Kind::LookUpSwapped => Box::new(look_up::LookUp::swapped(rng)),
        Kind::Poison => Box::new(records::Poisoned::small(rng)),
        Kind::Oversized => Box::new(records::Poisoned::oversized(rng)),
        Kind::Bomb => Box::new(records::Poisoned::bombs(rng)),
        Kind::OneCall => Box::new(records::OneCall::new(rng)),
        Kind::HostStopped => Box::new(host::Stopped),
    }
}
