//! Faults of the services' groups.

use std::collections::BTreeMap;

use deploy::failure::Failure;
use deploy::service::Service;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::super::cluster::{Cluster, group};
use super::super::fault::Fault;
use super::super::fleet::Instance;
use super::super::kafka::Commit;

/// Maximum number of records per partition by which a group is set back, which limits the time to
/// read them again.
const MOST_RECORDS: i64 = 100_000;

/// Stops a service, sets its group back, and restarts the service.
pub(super) struct Rewind {
    service: Service,
    rng: ChaCha8Rng,
    done: bool,
}

impl Rewind {
    pub(super) fn new(mut rng: ChaCha8Rng) -> Self {
        let service = Service::ALL[rng.random_range(0..Service::ALL.len())];
        Self { service, rng, done: false }
    }

    /// Chooses the target: any offset from the beginning on. For aggregate only a committed block,
    /// with its metadata.
    fn back(&mut self, cluster: &Cluster, topic: &str) -> Result<BTreeMap<i32, Commit>, Failure> {
        let now = cluster.kafka.committed(&group(self.service), topic)?;
        let mut back = BTreeMap::new();
        for (partition, commit) in now {
            let to = if self.service == Service::Aggregate {
                let known = cluster.blocks.get(&partition).map_or(&[][..], Vec::as_slice);
                match known.len() {
                    0 => continue,
                    count => known[self.rng.random_range(0..count)].clone(),
                }
            } else {
                let least = (commit.offset - MOST_RECORDS).max(0);
                let start = if self.rng.random() { least } else { commit.offset };
                let offset = self.rng.random_range(least..=start);
                Commit { offset, metadata: String::new() }
            };
            back.insert(partition, to);
        }
        Ok(back)
    }
}

impl Fault for Rewind {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        Instance::of(self.service).for_each(|instance| cluster.fleet.retire(instance));
        Ok(self.service.name().to_owned())
    }

    fn heal(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }

    /// The group accepts offsets from outside only once it has no members, which the broker may
    /// notice late.
    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        if Instance::of(self.service).any(|instance| cluster.fleet.is_there(instance)) {
            return Ok(false);
        }
        if !self.done {
            for topic in cluster.inputs(self.service) {
                let Ok(back) = self.back(cluster, topic) else { return Ok(false) };
                if cluster.kafka.set(&group(self.service), topic, &back).is_err() {
                    return Ok(false);
                }
            }
            self.done = true;
        }
        cluster.fleet.as_usual();
        Ok(true)
    }
}
