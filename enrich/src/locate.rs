//! Look-ups of client addresses, with a cache.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use prometheus::Registry;
use quick_cache::unsync::Cache;
use schemas::{Claim, Place, PlaceSource, Provider};
use service::{Fatal, Problems};

use crate::address::{self, Kind, Network};
use crate::claim;
use crate::geo::{Geo, Key, ProviderEntry};
use crate::metrics::{Metrics, Table};
use crate::place;
use crate::settings::EnrichSettings;
use crate::sources::Sources;

/// Maximum number of cached records of one kind of data, about 300 bytes each. City data has more
/// records than this, and reading one takes longer than the rest of a look-up.
const RECORDS: usize = 65_536;

/// Result of an address look-up, without the network. It is kept small because many are cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(crate) kind: Kind,
    /// Place of the client.
    pub place: Arc<Place>,
    /// Provider of the client's traffic.
    pub provider: Arc<Provider>,
    /// Source of place and provider.
    pub source: PlaceSource,
}

/// A client's origin, and its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Result of its look-up.
    pub origin: Origin,
    network: Option<Network>,
}

impl Located {
    /// Returns the client's network, /24 or /48; empty if unknown.
    #[must_use]
    pub fn network(&self) -> String {
        let mut network = String::new();
        self.set_network(&mut network);
        network
    }

    /// Overwrites `into` with [`Located::network`].
    pub(crate) fn set_network(&self, into: &mut String) {
        into.clear();
        if let Some(network) = &self.network {
            // Writing to a text does not fail.
            let _ = write!(into, "{network}");
        }
    }
}

/// Looks up addresses, with a cache of recent ones.
pub struct Locator {
    geo: Geo,
    relays: Vec<IpNet>,
    remembered: Cache<IpAddr, Origin>,
    /// Cache of recently read records: far fewer than addresses, and expensive to read.
    places: Cache<Key, Arc<Place>>,
    providers: Cache<Key, Arc<Provider>>,
    metrics: Metrics,
    unknown_place: Arc<Place>,
    unknown_provider: Arc<Provider>,
}

impl Locator {
    /// Opens the files that the settings name.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn open(settings: &EnrichSettings, registry: &Registry) -> Result<Self, Fatal> {
        let mut problems = Problems::default();
        let sources = Sources::open(settings, &mut problems).ok_or(problems)?;
        Ok(Self::new(sources.geo(), settings, Metrics::new(registry)?))
    }

    pub(crate) fn new(geo: Geo, settings: &EnrichSettings, metrics: Metrics) -> Self {
        Self {
            geo,
            relays: settings.relay_networks.clone(),
            remembered: Cache::new(settings.address_cache),
            places: Cache::new(RECORDS),
            providers: Cache::new(RECORDS),
            metrics,
            unknown_place: Arc::new(place::unknown_place()),
            unknown_provider: Arc::new(place::unknown_provider()),
        }
    }

    /// Returns the files in use.
    pub(crate) const fn geo(&self) -> &Geo {
        &self.geo
    }

    /// Switches to other files and clears the caches.
    pub(crate) fn look_up_in(&mut self, geo: Geo) {
        self.geo = geo;
        self.remembered.clear();
        self.places.clear();
        self.providers.clear();
    }

    /// Looks up an address; the result is unknown unless it is a client's public address.
    pub fn locate(&mut self, address: &str) -> Located {
        match address::parse(address) {
            Ok(address) => {
                let origin = self.origin(address);
                let network = match origin.kind {
                    // It is not the client's network.
                    Kind::Relay | Kind::Anonymised => None,
                    _ => Some(Network::of(address)),
                };
                Located { origin, network }
            }
            Err(kind) => Located { origin: self.unknown(kind), network: None },
        }
    }

    fn origin(&mut self, address: IpAddr) -> Origin {
        if let Some(origin) = self.remembered.get(&address) {
            return origin.clone();
        }
        let origin = self.look_up(address);
        self.remembered.insert(address, origin.clone());
        origin
    }

    fn look_up(&mut self, address: IpAddr) -> Origin {
        let relay = self.relays.iter().any(|relay| relay.contains(&address));
        let kind = if relay { Kind::Relay } else { address::kind(address) };
        let mut origin = self.unknown(kind);
        if kind == Kind::Public {
            self.fill_origin(address, &mut origin);
        }
        origin
    }

    /// Returns the origin of an address without look-up data.
    fn unknown(&self, kind: Kind) -> Origin {
        let (place, provider) =
            (Arc::clone(&self.unknown_place), Arc::clone(&self.unknown_provider));
        Origin { kind, place, provider, source: PlaceSource::Unknown }
    }

    fn fill_origin(&mut self, address: IpAddr, origin: &mut Origin) {
        if let Some(place) = self.place(address).filter(|place| *place != self.unknown_place) {
            (origin.place, origin.source) = (place, PlaceSource::Address);
        }
        if let Some(provider) =
            self.provider(address).filter(|found| *found != self.unknown_provider)
        {
            (origin.provider, origin.source) = (provider, PlaceSource::Address);
        }
    }

    fn place(&mut self, address: IpAddr) -> Option<Arc<Place>> {
        let places = &mut self.places;
        let found = self.geo.place(address).and_then(|entry| {
            entry.map(|entry| remembered(places, entry.key, || entry.read())).transpose()
        });
        self.metrics.look_up(Table::City, found)
    }

    fn provider(&mut self, address: IpAddr) -> Option<Arc<Provider>> {
        let (geo, providers) = (&self.geo, &mut self.providers);
        let read = |entry: &ProviderEntry<'_>| {
            let mut provider = entry.read()?;
            geo.group(&mut provider);
            Ok(provider)
        };
        let found = geo.provider(address).and_then(|entry| {
            entry.map(|entry| remembered(providers, entry.key, || read(&entry))).transpose()
        });
        let provider = self.metrics.look_up(Table::Asn, found);
        if geo.connection_type.is_empty() {
            return provider;
        }
        match self.metrics.look_up(Table::ConnectionType, geo.connection_type(address)) {
            None => provider,
            Some(connection_type) => {
                let provider =
                    provider.map_or_else(place::unknown_provider, |found| Provider::clone(&found));
                Some(Arc::new(Provider { connection_type, ..provider }))
            }
        }
    }

    /// Returns place and provider claimed by the envelope, for a client whose address has none.
    /// None if it claims nothing that can be used.
    pub(crate) fn claimed(&self, claim: &Claim) -> Option<(Place, Provider)> {
        let (place, mut provider) = (claim::place(claim), claim::provider(claim));
        self.geo.group(&mut provider);
        (place != place::unknown_place() || provider != place::unknown_provider())
            .then_some((place, provider))
    }
}

/// Returns a record from the cache, or reads and caches it.
fn remembered<T, E>(
    cache: &mut Cache<Key, Arc<T>>,
    key: Key,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<Arc<T>, E> {
    if let Some(known) = cache.get(&key) {
        return Ok(Arc::clone(known));
    }
    let read = Arc::new(read()?);
    cache.insert(key, Arc::clone(&read));
    Ok(read)
}

#[cfg(test)]
mod tests;
