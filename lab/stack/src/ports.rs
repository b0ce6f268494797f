//! Ports of the stack, always on loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use deploy::failure::{Context, Failure};
use deploy::private;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Ports of the stack on 127.0.0.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Ports of the Kafka brokers.
    pub brokers: Vec<BrokerPorts>,
    /// Port of the controller, if it is a separate process; then the brokers are not controllers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<u16>,
    /// ClickHouse's HTTP interface.
    pub clickhouse_http: u16,
}

/// Ports of one Kafka node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerPorts {
    /// Port for clients and other brokers.
    pub clients: u16,
    /// Port for the controllers' quorum.
    pub controller: u16,
    /// Port at which the other nodes reach its controller, if different from `controller`. With
    /// [`Ports::controller`], the port at which this node reaches that controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<u16>,
    /// Further listeners, such as those behind a proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
}

/// A further listener of a Kafka node, with its advertised address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Name, in capitals; [`Listener::BROKERS`] is the other brokers'.
    pub name: String,
    /// Port that the node listens on.
    pub port: u16,
    /// Port that clients connect to.
    pub advertised: u16,
}

impl Listener {
    /// Name of the listener between brokers, if there is one.
    pub const BROKERS: &str = "BROKERS";
}

impl Ports {
    /// Returns free ports for a stack of `brokers` Kafka nodes.
    ///
    /// # Errors
    /// If the machine has no free port.
    pub fn free(brokers: usize) -> Result<Self, Failure> {
        let ports = free_ports(2 * brokers + 1)?;
        let (kafka, clickhouse) = ports.split_at(2 * brokers);
        Ok(Self {
            brokers: kafka
                .chunks_exact(2)
                .map(|pair| BrokerPorts {
                    clients: pair[0],
                    controller: pair[1],
                    quorum: None,
                    listeners: Vec::new(),
                })
                .collect(),
            controller: None,
            clickhouse_http: clickhouse[0],
        })
    }

    /// Returns the same ports, with free ones in place of those that are in use now.
    ///
    /// # Errors
    /// If the machine has no free port.
    pub fn or_free(mut self) -> Result<Self, Failure> {
        let brokers = self.brokers.iter_mut();
        let kafka = brokers.flat_map(|broker| [&mut broker.clients, &mut broker.controller]);
        for port in kafka.chain(&mut self.controller).chain([&mut self.clickhouse_http]) {
            if !is_free(*port) {
                *port = free_port()?;
            }
        }
        Ok(self)
    }
}

/// Returns true if a port of 127.0.0.1 is free.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Ports below are reserved for well-known services.
const LOWEST: u16 = 10_000;
/// Number of ports that are tried for one free port.
const ATTEMPTS: usize = 100;

/// Ports that this process has already returned: until a server listens on one, it looks free.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Returns `count` different free ports, none of them twice. They are outside the range of ephemeral ports: a
/// killed server needs its port again, which an outgoing connection could have taken.
///
/// # Errors
/// If the machine has no free port.
pub fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    // Starts at a random port, because other processes on the machine also look for free ports.
    let mut rng = ChaCha8Rng::seed_from_u64(RandomState::new().build_hasher().finish());
    let below = first_of_connections().unwrap_or(LOWEST);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut open = || {
        let mut some = || match LOWEST < below {
            true => rng.random_range(LOWEST..below),
            false => 0,
        };
        let attempts = (0..ATTEMPTS).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, some())));
        let is_new = |found: &TcpListener| {
            found.local_addr().is_ok_and(|address| given.insert(address.port()))
        };
        let found = attempts.flatten().find(is_new);
        found.map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
    };
    // All ports are held until the last is found, because a released port could be returned again.
    let held: Result<Vec<_>, _> = (0..count).map(|_| open()).collect();
    let ports = held
        .and_then(|held| held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect());
    ports.context("no free port on 127.0.0.1")
}

fn free_port() -> Result<u16, Failure> {
    let port = free_ports(1)?.pop();
    port.ok_or_else(|| Failure::Refused("no free port on 127.0.0.1".to_owned()))
}

/// Returns a port for each of `names`: the one in `file`, or, if there is none or it is in use now, a free one,
/// which is written to the file.
///
/// # Errors
/// If the machine has no free port, or the file cannot be written.
pub fn kept_ports(file: &Path, names: &[&str]) -> Result<Vec<u16>, Failure> {
    let kept = fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut kept: BTreeMap<String, u16> = kept.unwrap_or_default();
    let mut ports = Vec::new();
    for name in names {
        let port = match kept.get(*name).copied().filter(|port| is_free(*port)) {
            Some(port) if !ports.contains(&port) => port,
            _ => free_port()?,
        };
        kept.insert((*name).to_owned(), port);
        ports.push(port);
    }
    let text = serde_json::to_vec_pretty(&kept).context(file.display())?;
    private::write(file, text)?;
    Ok(ports)
}

/// Returns the lowest ephemeral port, if the system shows it.
fn first_of_connections() -> Option<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    range.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_port_is_returned_twice_before_a_server_listens_on_it() {
        let ports: Vec<_> = (0..500).flat_map(|_| free_ports(4).unwrap()).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    }

    #[test]
    fn ports_stay_the_same_unless_they_are_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ports.json");
        let names = ["ingest", "enrich", "aggregate"];
        let ports = kept_ports(&file, &names).unwrap();
        assert_eq!(kept_ports(&file, &names).unwrap(), ports);
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[1])).unwrap();
        let others = kept_ports(&file, &names).unwrap();
        assert_eq!([others[0], others[2]], [ports[0], ports[2]]);
        assert_ne!(others[1], ports[1]);
        drop(taken);
        assert_eq!(kept_ports(&file, &names).unwrap(), others);
    }

    #[test]
    fn ports_are_none_that_the_system_gives_to_a_connection() {
        let ports = free_ports(40).unwrap();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 40);
        // If all ports are ephemeral there is no other choice.
        if let Some(first) = first_of_connections().filter(|first| *first > LOWEST + 1000) {
            assert!(ports.iter().all(|port| (LOWEST..first).contains(port)), "{ports:?}");
        }
    }
}
