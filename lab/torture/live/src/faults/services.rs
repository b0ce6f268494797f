//! Faults of the services' processes.

use std::time::{Duration, Instant};

use deploy::failure::Failure;
use deploy::service::Service;
use nix::sys::signal::Signal;
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use service::failpoints;

use super::super::cluster::Cluster;
use super::super::fault::Fault;
use super::super::fleet::{Instance, MOST, USUAL};

/// Time between two changes of a storm.
const BEAT: Duration = Duration::from_secs(3);

fn any_service(rng: &mut ChaCha8Rng) -> Service {
    Service::ALL[rng.random_range(0..Service::ALL.len())]
}

fn any_instance(rng: &mut ChaCha8Rng) -> Instance {
    Instance { service: any_service(rng), number: rng.random_range(0..USUAL) }
}

/// Kills instances; their supervisor restarts them.
pub(super) struct Kill(Vec<Instance>);

impl Kill {
    pub(super) fn one(mut rng: ChaCha8Rng) -> Self {
        Self(vec![any_instance(&mut rng)])
    }

    pub(super) fn all() -> Self {
        Self(Instance::all().collect())
    }
}

impl Fault for Kill {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        self.0.iter().for_each(|instance| cluster.fleet.signal(*instance, Signal::SIGKILL));
        Ok(match self.0[..] {
            [one] => one.name(),
            _ => "all".to_owned(),
        })
    }

    fn heal(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }
}

/// Stops an instance for longer than its session timeout, and then continues it.
pub(super) struct Zombie(Instance);

impl Zombie {
    pub(super) fn new(mut rng: ChaCha8Rng) -> Self {
        Self(any_instance(&mut rng))
    }
}

impl Fault for Zombie {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        cluster.fleet.signal(self.0, Signal::SIGSTOP);
        Ok(self.0.name())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.fleet.signal(self.0, Signal::SIGCONT);
        Ok(())
    }
}

/// Rebalances the group continuously.
pub(super) struct Storm {
    instance: Instance,
    rng: ChaCha8Rng,
    changed: Option<Instant>,
}

impl Storm {
    pub(super) fn new(mut rng: ChaCha8Rng) -> Self {
        let instance = any_instance(&mut rng);
        Self { instance, rng, changed: None }
    }
}

impl Fault for Storm {
    fn inject(&mut self, _: &mut Cluster) -> Result<String, Failure> {
        Ok(self.instance.name())
    }

    fn go_on(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        if self.changed.is_some_and(|changed| changed.elapsed() < BEAT) {
            return Ok(());
        }
        self.changed = Some(Instant::now());
        if !cluster.fleet.is_there(self.instance) {
            cluster.fleet.run(self.instance);
            return Ok(());
        }
        cluster.fleet.retire(self.instance);
        if self.rng.random() {
            cluster.fleet.signal(self.instance, Signal::SIGKILL);
        }
        Ok(())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.fleet.run(self.instance);
        Ok(())
    }
}

/// Scales to one instance, three, and one again.
pub(super) struct Scale {
    service: Service,
    third: Duration,
    began: Instant,
}

impl Scale {
    pub(super) fn new(mut rng: ChaCha8Rng, lasts: Duration) -> Self {
        Self { service: any_service(&mut rng), third: lasts / 3, began: Instant::now() }
    }

    fn set(&self, cluster: &Cluster, wanted: usize) {
        for instance in Instance::of(self.service) {
            let there = cluster.fleet.is_there(instance);
            match instance.number < wanted {
                true if !there => cluster.fleet.run(instance),
                false if there => cluster.fleet.retire(instance),
                _ => {}
            }
        }
    }
}

impl Fault for Scale {
    fn inject(&mut self, _: &mut Cluster) -> Result<String, Failure> {
        self.began = Instant::now();
        Ok(self.service.name().to_owned())
    }

    fn go_on(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        let in_the_middle = (self.third..self.third * 2).contains(&self.began.elapsed());
        self.set(cluster, if in_the_middle { MOST } else { 1 });
        Ok(())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.fleet.as_usual();
        Ok(())
    }
}

/// Aborts an instance at an edge, restarts it, and aborts it there again.
pub(super) struct Abort {
    instance: Instance,
    edge: &'static str,
    times: u64,
}

impl Abort {
    pub(super) fn new(mut rng: ChaCha8Rng) -> Self {
        let instance = any_instance(&mut rng);
        let edges: &[&'static str] = match instance.service {
            Service::Sink => &failpoints::SINK_EDGES,
            _ => &failpoints::EDGES,
        };
        let edge = edges.choose(&mut rng).copied().unwrap_or(failpoints::COMMITTING);
        // Commits and inserts occur at most twice a second, records by the thousand.
        let often = matches!(
            edge,
            failpoints::ACKNOWLEDGED
                | failpoints::SETTLED
                | failpoints::WRITING
                | failpoints::WRITTEN
        );
        let times = rng.random_range(1..=if often { 200 } else { 4 });
        Self { instance, edge, times }
    }
}

impl Fault for Abort {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        cluster.fleet.abort_at(self.instance, Some((self.edge, self.times)));
        cluster.fleet.signal(self.instance, Signal::SIGKILL);
        Ok(format!("{} {}:{}", self.instance.name(), self.edge, self.times))
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.fleet.abort_at(self.instance, None);
        Ok(())
    }
}
