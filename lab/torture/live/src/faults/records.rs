//! Faulty and additional input.

use deploy::failure::Failure;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use stack::Sender;
use stack::options::World;
use world::world::Scenario;

use super::super::cluster::Cluster;
use super::super::fault::Fault;
use super::super::links::Party;
use super::super::poison::Poison;

/// Sends invalid records.
pub(super) struct Poisoned {
    make: fn(&mut ChaCha8Rng) -> Poison,
    count: usize,
    rng: ChaCha8Rng,
}

impl Poisoned {
    pub(super) fn small(mut rng: ChaCha8Rng) -> Self {
        Self { make: Poison::small, count: rng.random_range(10..200), rng }
    }

    pub(super) fn oversized(mut rng: ChaCha8Rng) -> Self {
        Self { make: Poison::oversized, count: rng.random_range(1..6), rng }
    }

    pub(super) fn bombs(mut rng: ChaCha8Rng) -> Self {
        Self { make: Poison::bomb, count: rng.random_range(1..4), rng }
    }
}

impl Fault for Poisoned {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        for _ in 0..self.count {
            cluster.poisoner.send(&(self.make)(&mut self.rng))?;
        }
        Ok(format!("{} records", self.count))
    }

    fn heal(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }
}

/// Adds a second world that consists almost entirely of one call.
pub(super) struct OneCall {
    seed: u64,
    /// True once the world was signalled to end.
    asked: bool,
}

/// Time between two reports of a session, s.
const PERIOD_S: f64 = 3.0;

impl OneCall {
    pub(super) fn new(mut rng: ChaCha8Rng) -> Self {
        Self { seed: rng.random(), asked: false }
    }
}

impl Fault for OneCall {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        let sessions = cluster.crowd;
        let world = World {
            seed: self.seed,
            sessions,
            rate: f64::from(sessions) / PERIOD_S,
            duration: None,
            scenario: Scenario::OneCall,
        };
        let name = format!("one-call-{}", cluster.guests.len() + 1);
        let kafka = cluster.links.kafka(Party::World);
        cluster.guests.push(Sender::start_at(&kafka, &name, &cluster.stack, &world)?);
        Ok(format!("{sessions} sessions"))
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        self.asked = cluster.guests.last_mut().map_or(Ok(true), Sender::ask_to_end)?;
        Ok(())
    }

    /// The world first sends its remaining events. It may have been stopped with the host before it
    /// began.
    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        if !self.asked {
            self.heal(cluster)?;
        }
        let Some(guest) = cluster.guests.last_mut() else { return Ok(true) };
        match guest.ended() {
            // It could not reach Kafka while it started, and so ended without sending anything.
            Err(_) if !guest.has_begun()? => {
                cluster.guests.pop();
                Ok(true)
            }
            ended => ended,
        }
    }
}
