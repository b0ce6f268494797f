//! Links between all processes, each through a proxy of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use deploy::connect::Cluster;
use deploy::failure::{Context, Failure};
use deploy::service::Service;
use stack::{Listener, Ports, free_ports};

use crate::proxy::{BROKER_HEARTBEAT, Condition, Link, Proxies};

/// Client of a link to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// Producer of raw records.
    World,
    /// All instances of a service.
    Service(Service),
    /// The other brokers.
    Brokers,
}

impl Party {
    const ALL: [Self; 6] = [
        Self::World,
        Self::Service(Service::Ingest),
        Self::Service(Service::Enrich),
        Self::Service(Service::Aggregate),
        Self::Service(Service::Sink),
        Self::Brokers,
    ];

    /// Returns all clients.
    pub(super) fn clients() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|party| *party != Self::Brokers)
    }

    /// Returns its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::World => "clients",
            Self::Service(service) => service.name(),
            Self::Brokers => "the other brokers",
        }
    }

    fn listener(self) -> String {
        match self {
            Self::World => "WORLD".to_owned(),
            Self::Service(service) => service.name().to_uppercase(),
            Self::Brokers => Listener::BROKERS.to_owned(),
        }
    }
}

/// A link, by its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// From a client to a broker.
    Broker(Party, usize),
    /// From the other nodes to a node's controller; where the controller is a process of its own, from
    /// a node to that.
    Controller(usize),
    /// From all sinks to ClickHouse.
    ClickHouse,
}

impl Way {
    /// Returns the name of the link.
    pub(super) fn name(self) -> String {
        match self {
            Self::Broker(party, broker) => format!("{} and broker {}", party.name(), broker + 1),
            Self::Controller(node) => format!("node {} and the controllers", node + 1),
            Self::ClickHouse => "sink and ClickHouse".to_owned(),
        }
    }
}

/// All links.
#[derive(Debug)]
pub(super) struct Links {
    links: BTreeMap<Way, Link>,
    brokers: usize,
    /// True if the controller is a separate process.
    apart: bool,
    _proxies: Proxies,
}

impl Links {
    /// Opens the links between all processes on `ports`, and gives each broker a listener for each
    /// client. The controller is a separate process if `apart`.
    pub(super) fn open(ports: &mut Ports, apart: bool) -> Result<Self, Failure> {
        if apart {
            ports.controller = free_ports(1)?.pop();
        }
        let apart = ports.controller;
        let proxies = Proxies::start().context("proxies")?;
        let open = |port| {
            let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            proxies.open(target).context("a proxy")
        };
        let mut links = BTreeMap::new();
        links.insert(Way::ClickHouse, open(ports.clickhouse_http)?);
        let mut free = free_ports(ports.brokers.len() * Party::ALL.len())?.into_iter();
        for (broker, listens) in ports.brokers.iter_mut().enumerate() {
            let controller = apart.unwrap_or(listens.controller);
            let target = SocketAddr::from((Ipv4Addr::LOCALHOST, controller));
            let link = proxies.open_kafka(target).context("a proxy")?;
            listens.quorum = Some(link.port());
            links.insert(Way::Controller(broker), link);
            for (party, port) in Party::ALL.into_iter().zip(&mut free) {
                let link = open(port)?;
                let (name, advertised) = (party.listener(), link.port());
                listens.listeners.push(Listener { name, port, advertised });
                links.insert(Way::Broker(party, broker), link);
            }
        }
        Ok(Self { links, brokers: ports.brokers.len(), apart: apart.is_some(), _proxies: proxies })
    }

    /// Returns the cluster as `party` reaches it.
    pub(super) fn kafka(&self, party: Party) -> Cluster {
        let ways = (0..self.brokers).filter_map(|at| self.links.get(&Way::Broker(party, at)));
        let addresses = ways.map(|link| format!("127.0.0.1:{}", link.port()));
        Cluster::at(&addresses.collect::<Vec<_>>().join(","))
    }

    /// Returns the address at which sinks reach ClickHouse.
    pub(super) fn clickhouse(&self) -> String {
        let port = self.links.get(&Way::ClickHouse).map_or(0, Link::port);
        format!("http://127.0.0.1:{port}")
    }

    /// Sets the condition of a link.
    pub(super) fn set(&self, way: Way, condition: Condition) {
        if let Some(link) = self.links.get(&way) {
            link.set(condition);
        }
    }

    /// Blocks or unblocks heartbeats of all brokers to the controller.
    ///
    /// # Errors
    /// If the controller is not a separate process: then brokers need no link to it.
    pub(super) fn hold_heartbeats(&self, hold: bool) -> Result<(), Failure> {
        if !self.apart {
            return Err(Failure::Refused("the brokers are controllers themselves".to_owned()));
        }
        let condition = if hold { Condition::Holds(BROKER_HEARTBEAT) } else { Condition::Open };
        (0..self.brokers).for_each(|node| self.set(Way::Controller(node), condition));
        Ok(())
    }

    /// Blocks all traffic between the world and the brokers.
    pub(super) fn hide_from_world(&self) {
        let ways = (0..self.brokers).map(|broker| Way::Broker(Party::World, broker));
        ways.for_each(|way| self.set(way, Condition::BlackHole));
    }

    /// Ends [`Links::hide_from_world`], with new connections.
    pub(super) fn show_to_world(&self) {
        for way in (0..self.brokers).map(|broker| Way::Broker(Party::World, broker)) {
            self.set(way, Condition::Open);
            self.reset(way);
        }
    }

    /// Closes the connections of a link.
    pub(super) fn reset(&self, way: Way) {
        if let Some(link) = self.links.get(&way) {
            link.reset();
        }
    }

    /// Opens all links.
    pub(super) fn mend(&self) {
        self.links.values().for_each(|link| link.set(Condition::Open));
    }
}
