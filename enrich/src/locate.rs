//! What a client's address tells, remembered.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use prometheus::Registry;
use quick_cache::unsync::Cache;
use runtime::{Fatal, Problems};
use schemas::{Place, Provider};

use crate::address::{self, Kind};
use crate::geo::Geo;
use crate::metrics::{Metrics, Table};
use crate::place;
use crate::settings::EnrichSettings;
use crate::sources::Sources;

/// What an address tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(crate) kind: Kind,
    /// The client's network, /24 or /48; empty if it is not known.
    pub network: String,
    /// Where the client is.
    pub place: Place,
    /// Who carries the client's traffic.
    pub provider: Provider,
    /// Cable/DSL, Cellular, … in the words of the look-up data, or unknown.
    pub connection_type: String,
}

impl Origin {
    /// Of an address that tells nothing.
    fn none(kind: Kind) -> Arc<Self> {
        let (place, provider) = (place::nowhere(), place::nobody());
        let connection_type = place::known(None);
        Arc::new(Self { kind, network: String::new(), place, provider, connection_type })
    }
}

/// Looks addresses up, and remembers those it was asked for lately.
pub struct Locator {
    geo: Geo,
    relays: Vec<IpNet>,
    remembered: Cache<IpAddr, Arc<Origin>>,
    metrics: Metrics,
    missing: Arc<Origin>,
    anonymised: Arc<Origin>,
    unreadable: Arc<Origin>,
}

impl Locator {
    /// Opens the files that the settings name.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn open(settings: &EnrichSettings, registry: &Registry) -> Result<Self, Fatal> {
        let mut problems = Problems::default();
        let sources = Sources::open(settings, &mut problems)
            .ok_or_else(|| Fatal(problems.lines().join("; ")))?;
        Ok(Self::new(sources.geo(), settings, Metrics::new(registry)?))
    }

    pub(crate) fn new(geo: Geo, settings: &EnrichSettings, metrics: Metrics) -> Self {
        Self {
            geo,
            relays: settings.relay_networks.clone(),
            remembered: Cache::new(settings.address_cache),
            metrics,
            missing: Origin::none(Kind::Missing),
            anonymised: Origin::none(Kind::Anonymised),
            unreadable: Origin::none(Kind::Unreadable),
        }
    }

    /// The files in use.
    pub(crate) const fn geo(&self) -> &Geo {
        &self.geo
    }

    /// Takes other files into use and forgets what the old ones said.
    pub(crate) fn look_up_in(&mut self, geo: Geo) {
        self.geo = geo;
        self.remembered.clear();
    }

    /// What an address tells; nothing if it is no client's public address.
    pub fn locate(&mut self, address: &str) -> Arc<Origin> {
        let address = match address::parse(address) {
            Ok(address) => address,
            Err(Kind::Missing) => return Arc::clone(&self.missing),
            Err(Kind::Anonymised) => return Arc::clone(&self.anonymised),
            Err(_) => return Arc::clone(&self.unreadable),
        };
        if let Some(origin) = self.remembered.get(&address) {
            return Arc::clone(origin);
        }
        let origin = Arc::new(self.look_up(address));
        self.remembered.insert(address, Arc::clone(&origin));
        origin
    }

    fn look_up(&self, address: IpAddr) -> Origin {
        let relay = self.relays.iter().any(|relay| relay.contains(&address));
        let kind = if relay { Kind::Relay } else { address::kind(address) };
        let network = match kind {
            // Not the client's network.
            Kind::Relay | Kind::Anonymised => String::new(),
            _ => address::network(address),
        };
        let (place, provider) = (place::nowhere(), place::nobody());
        let connection_type = place::known(None);
        let mut origin = Origin { kind, network, place, provider, connection_type };
        if kind == Kind::Public {
            let (geo, metrics) = (&self.geo, &self.metrics);
            if let Some(place) = metrics.look_up(Table::City, geo.place(address)) {
                origin.place = place;
            }
            let mut connection_type = None;
            if let Some(found) = metrics.look_up(Table::Asn, geo.provider(address)) {
                (origin.provider, connection_type) = (found.provider, found.connection_type);
            }
            if !geo.connection_type.is_empty() {
                let found = metrics.look_up(Table::ConnectionType, geo.connection_type(address));
                connection_type = found.or(connection_type);
            }
            origin.connection_type = place::known(connection_type.as_deref());
            geo.group(&mut origin.provider);
        }
        origin
    }
}

#[cfg(test)]
mod tests;
