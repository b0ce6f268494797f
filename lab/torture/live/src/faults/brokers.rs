//! Faults of Kafka.

use std::time::{Duration, Instant};

use deploy::failure::Failure;
use deploy::service::Service;
use nix::sys::signal::Signal;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::super::cluster::{Cluster, group};
use super::super::fault::Fault;

/// Poll interval for a restarting broker.
const ASK: Duration = Duration::from_secs(1);
/// More replicas than there are brokers.
const TOO_MANY: i32 = 4;

enum Target {
    Broker(usize),
    CoordinatorOf(Service),
}

/// Kills a broker and restarts it.
pub(super) struct Kill {
    target: Target,
    killed: usize,
    asked: Option<Instant>,
}

impl Kill {
    pub(super) fn any(mut rng: ChaCha8Rng) -> Self {
        Self { target: Target::Broker(rng.random_range(0..3)), killed: 0, asked: None }
    }

    pub(super) fn coordinator(mut rng: ChaCha8Rng) -> Self {
        let service = Service::ALL[rng.random_range(0..Service::ALL.len())];
        Self { target: Target::CoordinatorOf(service), killed: 0, asked: None }
    }
}

impl Fault for Kill {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        let (at, why) = match self.target {
            Target::Broker(at) => (at, String::new()),
            Target::CoordinatorOf(service) => {
                let number = cluster.kafka.coordinator(&group(service))?;
                let at = usize::try_from(number - 1).unwrap_or(0);
                (at, format!(", which coordinates {}", service.name()))
            }
        };
        self.killed = at;
        if let Some(broker) = cluster.stack.kafka().and_then(|kafka| kafka.brokers.get_mut(at)) {
            broker.process().iter().for_each(|process| process.signal(Signal::SIGKILL));
            broker.stop();
        }
        Ok(format!("broker {}{why}", at + 1))
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        let guard = cluster.stack.guard().clone();
        let kafka = cluster.stack.kafka();
        match kafka.and_then(|kafka| kafka.brokers.get_mut(self.killed)) {
            Some(broker) => broker.start(&guard),
            None => Ok(()),
        }
    }

    /// Only one broker may be down at a time: with two, nothing can be written.
    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK) {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        let kafka = cluster.stack.kafka();
        let Some(broker) = kafka.and_then(|kafka| kafka.brokers.get_mut(self.killed)) else {
            return Ok(true);
        };
        broker.check()?;
        let address = broker.address.clone();
        Ok(cluster.kafka.is_in_sync_at(&address) && cluster.kafka.is_in_sync())
    }
}

/// Delays the brokers' heartbeats to the controller, which fences them all: connections stay open,
/// and metadata responses contain no broker. Clients that receive such a response may never find a
/// broker again (librdkafka#5301). The world's client has no supervisor, so it gets no response
/// meanwhile.
pub(super) struct Fenced;

impl Fault for Fenced {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        cluster.links.hold_heartbeats(true)?;
        cluster.links.hide_from_world();
        Ok("all brokers".to_owned())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.links.hold_heartbeats(false)
    }

    /// Uses a new client, because an old one may have lost its brokers.
    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        let over = cluster.kafka.is_in_sync_at(&cluster.stack.brokers());
        if over {
            cluster.links.show_to_world();
        }
        Ok(over)
    }
}

/// Makes the topic of dead letters unavailable.
pub(super) struct DeadLettersAway;

impl Fault for DeadLettersAway {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        cluster.dead_letters_need(TOO_MANY)?;
        Ok(format!("min.insync.replicas is {TOO_MANY}"))
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.dead_letters_as_usual()
    }
}
