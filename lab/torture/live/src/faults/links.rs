//! Faults of connections.

use std::time::Duration;

use deploy::failure::Failure;
use rand::Rng as _;
use rand::seq::IteratorRandom as _;
use rand_chacha::ChaCha8Rng;

use super::super::cluster::Cluster;
use super::super::fault::Fault;
use super::super::links::{Party, Way};
use crate::proxy::{Condition, Side};

/// Sets the condition of one or more links.
pub(super) struct Link {
    ways: Vec<Way>,
    condition: Condition,
}

impl Link {
    pub(super) fn cut(mut rng: ChaCha8Rng) -> Self {
        Self { ways: any(&mut rng), condition: Condition::Cut }
    }

    pub(super) fn delay(mut rng: ChaCha8Rng) -> Self {
        let delay = Duration::from_millis(rng.random_range(100..1000));
        Self { ways: any(&mut rng), condition: Condition::Delayed(delay) }
    }

    pub(super) fn black_hole(mut rng: ChaCha8Rng) -> Self {
        Self { ways: any(&mut rng), condition: Condition::BlackHole }
    }

    pub(super) fn half_open(mut rng: ChaCha8Rng) -> Self {
        let side = if rng.random() { Side::Client } else { Side::Server };
        Self { ways: any(&mut rng), condition: Condition::HalfOpen(side) }
    }

    /// Returns a fault of the links between one node and the others: those of replication or those
    /// of the controllers' quorum.
    pub(super) fn replication(mut rng: ChaCha8Rng) -> Self {
        let node = rng.random_range(0..3);
        let mut ways = vec![Way::Broker(Party::Brokers, node), Way::Controller(node)];
        match rng.random_range(0..3) {
            0 => ways.truncate(1),
            1 => drop(ways.remove(0)),
            _ => {}
        }
        let condition = match rng.random_range(0..3) {
            0 => Condition::Cut,
            1 => Condition::BlackHole,
            _ => Condition::Delayed(Duration::from_millis(500)),
        };
        Self { ways, condition }
    }
}

/// Returns the link of one client to one broker or to all, or that of sink to ClickHouse.
fn any(rng: &mut ChaCha8Rng) -> Vec<Way> {
    if rng.random_range(0..4) == 0 {
        return vec![Way::ClickHouse];
    }
    let party = Party::clients().choose(rng).unwrap_or(Party::World);
    match rng.random_range(0..4) {
        broker @ 0..3 => vec![Way::Broker(party, broker)],
        _ => (0..3).map(|broker| Way::Broker(party, broker)).collect(),
    }
}

impl Fault for Link {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        self.ways.iter().for_each(|way| cluster.links.set(*way, self.condition));
        let names = self.ways.iter().map(|way| way.name()).collect::<Vec<_>>();
        Ok(format!("between {}: {:?}", names.join(", "), self.condition))
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        for way in &self.ways {
            cluster.links.set(*way, Condition::Open);
            // Services have to detect this themselves. The world is excluded: its truth holds only
            // if it does not wait for a minute.
            if matches!(way, Way::Broker(Party::World, _)) {
                cluster.links.reset(*way);
            }
        }
        Ok(())
    }

    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        let replication = |way: &Way| matches!(way, Way::Broker(Party::Brokers, _));
        Ok(!self.ways.iter().any(replication) || cluster.kafka.is_in_sync())
    }
}
