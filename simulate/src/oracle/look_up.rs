//! Where an address is and who carries it, read from the same files as the pipeline reads, by code
//! of its own.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use maxminddb::Reader;
use schemas::{Place, PlaceSource, Provider, UNKNOWN};
use serde_json::Value;

/// Which continent a country is on; the same table that the pipeline has.
const CONTINENTS: &str = include_str!("../../../enrich/data/continents.json");

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// Where it is.
    pub place: Place,
    /// Who carries it.
    pub provider: Provider,
    /// Where both come from.
    pub source: PlaceSource,
    /// Its network, /24 or /48.
    pub network: String,
}

/// Knows addresses.
pub trait LookUp {
    /// What is known of an address.
    fn locate(&mut self, address: &str) -> Located;
}

/// A file of look-up data that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The file itself.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither MMDB nor `first,last,asn,organisation`.
    #[error("{}: neither MMDB nor lines of first,last,asn,organisation", .0.display())]
    Format(PathBuf),
    /// The table of continents.
    #[error("continents.json: {0}")]
    Continents(serde_json::Error),
}

/// A file that knows providers.
enum Asn {
    Mmdb(Reader<Vec<u8>>),
    /// First and last address (IPv4 mapped into IPv6) and who has them, rising.
    Ranges(Vec<(Ipv6Addr, Ipv6Addr, Provider)>),
}

/// Look-up in files of the shapes of DB-IP and MaxMind, or ranges of providers in CSV.
pub struct Geo {
    city: Vec<Reader<Vec<u8>>>,
    asn: Vec<Asn>,
    continents: Value,
    known: HashMap<String, Located>,
}

impl Geo {
    /// Reads the files; of several, the first that knows an address is believed.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open(city: &[PathBuf], asn: &[PathBuf]) -> Result<Self, LookUpError> {
        let continents = serde_json::from_str(CONTINENTS).map_err(LookUpError::Continents)?;
        let mut geo = Self { city: Vec::new(), asn: Vec::new(), continents, known: HashMap::new() };
        for path in city {
            let reader = Reader::from_source(bytes(path)?);
            geo.city.push(reader.map_err(|_| LookUpError::Format(path.clone()))?);
        }
        for path in asn {
            let bytes = bytes(path)?;
            let ranges = ranges(&bytes);
            geo.asn.push(match (ranges, Reader::from_source(bytes)) {
                (_, Ok(reader)) => Asn::Mmdb(reader),
                (Some(ranges), Err(_)) => Asn::Ranges(ranges),
                (None, Err(_)) => return Err(LookUpError::Format(path.clone())),
            });
        }
        Ok(geo)
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        let record = self.city.iter().find_map(|reader| record(reader, address))?;
        let country = first(&record, &["/country_code", "/country/iso_code"]);
        let continent = first(&record, &["/continent/code"])
            .or_else(|| self.continent(country.as_deref()?))
            .unwrap_or_else(unknown);
        let subdivision = ["/state1", "/subdivisions/0/names/en", "/subdivisions/0/iso_code"];
        Some(Place {
            continent,
            country: country.unwrap_or_else(unknown),
            subdivision: first(&record, &subdivision).unwrap_or_else(unknown),
            city: first(&record, &["/city/names/en", "/city"]).unwrap_or_else(unknown),
        })
    }

    fn continent(&self, country: &str) -> Option<String> {
        let continents = self.continents["continents"].as_object()?;
        let (code, _) = continents.iter().find(|(_, countries)| {
            countries.as_str().is_some_and(|all| all.split(' ').any(|one| one == country))
        })?;
        Some(code.clone())
    }

    fn provider(&self, address: IpAddr) -> Option<Provider> {
        self.asn.iter().find_map(|file| match file {
            Asn::Mmdb(reader) => {
                let record = record(reader, address)?;
                let organisation = first(&record, &["/autonomous_system_organization"]);
                Some(Provider {
                    asn: record["autonomous_system_number"].as_i64().unwrap_or_default(),
                    organisation: organisation.unwrap_or_else(unknown),
                    connection_type: unknown(),
                })
            }
            Asn::Ranges(ranges) => {
                let wanted = mapped(address);
                let after = ranges.partition_point(|(first, ..)| *first <= wanted);
                let (_, last, provider) = ranges[..after].last()?;
                (wanted <= *last).then(|| provider.clone())
            }
        })
    }
}

impl LookUp for Geo {
    fn locate(&mut self, address: &str) -> Located {
        if let Some(known) = self.known.get(address) {
            return known.clone();
        }
        let located = address.parse().map_or_else(
            |_| nowhere(),
            |ip: IpAddr| {
                let (place, provider) = (self.place(ip), self.provider(ip));
                let known = place.is_some() || provider.is_some();
                Located {
                    place: place.unwrap_or_else(|| nowhere().place),
                    provider: provider.unwrap_or_else(|| nowhere().provider),
                    source: if known { PlaceSource::Address } else { PlaceSource::Unknown },
                    network: network(ip),
                }
            },
        );
        self.known.insert(address.to_owned(), located.clone());
        located
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, LookUpError> {
    std::fs::read(path).map_err(|source| LookUpError::Io { path: path.to_owned(), source })
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

fn nowhere() -> Located {
    Located {
        place: Place {
            continent: unknown(),
            country: unknown(),
            subdivision: unknown(),
            city: unknown(),
        },
        provider: Provider { asn: 0, organisation: unknown(), connection_type: unknown() },
        source: PlaceSource::Unknown,
        network: String::new(),
    }
}

fn record(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<Value> {
    reader.lookup(address).ok()?.decode().ok()?
}

/// The first text that is there and not empty.
fn first(record: &Value, pointers: &[&str]) -> Option<String> {
    let mut texts = pointers.iter().filter_map(|pointer| record.pointer(pointer)?.as_str());
    texts.find(|text| !text.is_empty()).map(str::to_owned)
}

fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let octets = v4.octets();
            format!("{}.{}.{}.0/24", octets[0], octets[1], octets[2])
        }
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
    }
}

const fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

fn ranges(bytes: &[u8]) -> Option<Vec<(Ipv6Addr, Ipv6Addr, Provider)>> {
    let mut ranges = std::str::from_utf8(bytes)
        .ok()?
        .lines()
        .map(|line| {
            let mut fields = line.splitn(4, ',');
            let mut address = || Some(mapped(fields.next()?.parse().ok()?));
            let (first, last) = (address()?, address()?);
            let asn = fields.next()?.parse().ok()?;
            let organisation = unquoted(fields.next()?);
            Some((first, last, Provider { asn, organisation, connection_type: unknown() }))
        })
        .collect::<Option<Vec<_>>>()?;
    ranges.sort_by_key(|(first, ..)| *first);
    Some(ranges)
}

fn unquoted(field: &str) -> String {
    match field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None if field.is_empty() => unknown(),
        None => field.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_any_address_in_them_and_none_beside() {
        let csv = b"2001:db8::,2001:db8::ffff,64501,Six\n198.51.100.0,198.51.100.255,64500,\"A, \"\"B\"\"\"\n";
        let geo = Geo {
            city: Vec::new(),
            asn: vec![Asn::Ranges(ranges(csv).unwrap())],
            continents: Value::Null,
            known: HashMap::new(),
        };
        let asn = |address: &str| geo.provider(address.parse().unwrap()).map(|found| found.asn);
        assert_eq!(asn("198.51.100.0"), Some(64500));
        assert_eq!(asn("198.51.100.255"), Some(64500));
        assert_eq!(asn("198.51.101.0"), None);
        assert_eq!(asn("2001:db8::17"), Some(64501));
        let found = geo.provider("198.51.100.9".parse().unwrap()).unwrap();
        assert_eq!(found.organisation, "A, \"B\"");
    }

    #[test]
    fn addresses_leave_as_networks() {
        assert_eq!(network("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn every_country_of_the_world_is_on_a_continent() {
        let geo = Geo::open(&[], &[]).unwrap();
        assert_eq!(geo.continent("DE").as_deref(), Some("EU"));
        assert_eq!(geo.continent("KE").as_deref(), Some("AF"));
        assert_eq!(geo.continent("ZZ"), None);
    }
}
