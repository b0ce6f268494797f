//! Place and provider of an address, read from the same files as the pipeline reads, by code
//! of its own.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use maxminddb::Reader;
use schemas::{Claim, Place, PlaceSource, Provider, UNKNOWN};
use serde_json::Value;

/// Returns the continent of a country, from the same table as the pipeline's.
const CONTINENTS: &str = include_str!("../../../../enrich/data/continents.json");

/// Codes and names of ISO 3166-1 and -2; the same table that the pipeline has.
const ISO_3166: &str = include_str!("../../../../enrich/data/iso3166.tsv");

/// Networks that are no client's public place (IANA's registries of special-purpose addresses), and
/// all of IPv6 outside 2000::/3.
const NOWHERE: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 \
    172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 \
    198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 \
    2001::/23 2001:db8::/32 3fff::/20 ::/3 4000::/2 8000::/1";

/// Place and provider of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// Its place.
    pub place: Place,
    /// Its provider.
    pub provider: Provider,
    /// Source of both.
    pub source: PlaceSource,
    /// Its network, /24 or /48.
    pub network: String,
}

/// Locates addresses.
pub trait LookUp {
    /// Returns the location of an address, or the claimed one where the address is not public.
    fn locate(&mut self, address: &str, claim: Option<&Claim>) -> Located;
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
    Ranges(Vec<Range>),
}

/// A range of addresses (IPv4 mapped into IPv6), among others by where they begin.
struct Range {
    first: Ipv6Addr,
    last: Ipv6Addr,
    /// The greatest `last` of this and those before it: how far back is there one with an address?
    reach: Ipv6Addr,
    provider: Provider,
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
        let country = first(&record, &["/country_code", "/country/iso_code", "/country"])
            .filter(|code| code == "XK" || (code.len() == 2 && is_in_iso_3166(code)));
        let continent = first(&record, &["/continent_code", "/continent/code"])
            .or_else(|| self.continent(country.as_deref()?))
            .unwrap_or_else(unknown);
        let code = first(&record, &["/region_code", "/subdivisions/0/iso_code"]);
        let code = country.as_ref().zip(code).map(|(country, code)| {
            if code.starts_with(&format!("{country}-")) {
                code
            } else {
                format!("{country}-{code}")
            }
        });
        let names = ["/state1", "/region", "/subdivisions/0/names/en", "/subdivisions/0/iso_code"];
        let subdivision = code.filter(|code| is_in_iso_3166(code));
        Some(Place {
            continent,
            country: country.unwrap_or_else(unknown),
            subdivision: subdivision.or_else(|| first(&record, &names)).unwrap_or_else(unknown),
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
                let text = |pointers: &[&str]| first(&record, pointers).unwrap_or_else(unknown);
                let asn = ["/autonomous_system_number", "/asn", "/traits/autonomous_system_number"];
                let mut asn = asn.iter().filter_map(|pointer| match record.pointer(pointer)? {
                    Value::String(text) => text.trim_start_matches("AS").parse().ok(),
                    number => number.as_i64(),
                });
                Some(Provider {
                    asn: asn.next().unwrap_or_default(),
                    organisation: text(&[
                        "/isp",
                        "/autonomous_system_organization",
                        "/as_name",
                        "/traits/isp",
                        "/traits/autonomous_system_organization",
                        "/traits/organization",
                        "/organization",
                        "/name",
                    ]),
                    connection_type: text(&["/connection_type", "/traits/connection_type"]),
                })
            }
            Asn::Ranges(ranges) => {
                let wanted = mapped(address);
                let after = ranges.partition_point(|range| range.first <= wanted);
                let near = ranges[..after].iter().rev().take_while(|range| wanted <= range.reach);
                let size = |range: &&Range| u128::from(range.last) - u128::from(range.first);
                let range = near.filter(|range| wanted <= range.last).min_by_key(size)?;
                Some(range.provider.clone())
            }
        })
    }
}

impl LookUp for Geo {
    fn locate(&mut self, address: &str, claim: Option<&Claim>) -> Located {
        let located = self.at(address);
        let is_public = address.parse().is_ok_and(|ip: IpAddr| !is_nowhere(carried(ip)));
        match claim {
            Some(claim) if !is_public => self.believe(claim, located),
            _ => located,
        }
    }
}

impl Geo {
    /// Returns the location of an address.
    fn at(&mut self, address: &str) -> Located {
        if let Some(known) = self.known.get(address) {
            return known.clone();
        }
        let located = address.parse().map_or_else(
            |_| nowhere(),
            |ip: IpAddr| {
                let ip = carried(ip);
                let asked = Some(ip).filter(|ip| !is_nowhere(*ip));
                let nowhere = nowhere();
                let place = asked.and_then(|ip| self.place(ip)).unwrap_or(nowhere.place.clone());
                let provider = asked.and_then(|ip| self.provider(ip));
                let provider = provider.unwrap_or(nowhere.provider.clone());
                let located = place != nowhere.place || provider != nowhere.provider;
                let source = if located { PlaceSource::Address } else { PlaceSource::Unknown };
                let network = if ip.is_unspecified() { String::new() } else { network(ip) };
                Located { place, provider, source, network }
            },
        );
        self.known.insert(address.to_owned(), located.clone());
        located
    }
}

impl Geo {
    /// Returns the claimed location, or that of the address if nothing is claimed.
    fn believe(&self, claim: &Claim, of_address: Located) -> Located {
        let non_empty = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let code = |text: &Option<String>| non_empty(text).map(|text| text.to_ascii_uppercase());
        let country = code(&claim.country)
            .filter(|code| code == "XK" || (code.len() == 2 && is_in_iso_3166(code)));
        let continent = code(&claim.continent)
            .filter(|code| self.continents["continents"].get(code).is_some() || code == "AN")
            .or_else(|| self.continent(country.as_deref()?));
        let subdivision = country.as_ref().zip(code(&claim.subdivision)).map(|(country, code)| {
            match code.strip_prefix(&format!("{country}-")) {
                Some(_) => code,
                None => format!("{country}-{code}"),
            }
        });
        let subdivision = subdivision
            .filter(|code| is_in_iso_3166(code))
            .or_else(|| non_empty(&claim.subdivision));
        let asn = claim.asn.filter(|asn| *asn > 0 && *asn < 1 << 32);
        let organisation = non_empty(&claim.organisation);
        if continent.is_none()
            && subdivision.is_none()
            && asn.is_none()
            && organisation.is_none()
            && non_empty(&claim.city).is_none()
        {
            return of_address;
        }
        let or_unknown = |text: Option<String>| text.unwrap_or_else(unknown);
        Located {
            place: Place {
                continent: or_unknown(continent),
                country: or_unknown(country),
                subdivision: or_unknown(subdivision),
                city: or_unknown(non_empty(&claim.city)),
            },
            provider: Provider {
                asn: asn.unwrap_or_default(),
                organisation: or_unknown(organisation),
                connection_type: unknown(),
            },
            source: PlaceSource::Claimed,
            network: of_address.network,
        }
    }
}

fn is_in_iso_3166(code: &str) -> bool {
    ISO_3166.lines().any(|line| line.split('\t').next() == Some(code))
}

/// The bits of an address and how many there are.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (v4.to_bits().into(), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn is_in(address: IpAddr, network: &str) -> bool {
    let Some((first, length)) = network.split_once('/') else { return false };
    let (Ok(first), Ok(length)) = (first.parse().map(bits), length.parse::<u32>()) else {
        return false;
    };
    let address = bits(address);
    let host = address.1.saturating_sub(length);
    address.1 == first.1 && address.0 >> host == first.0 >> host
}

fn is_nowhere(address: IpAddr) -> bool {
    NOWHERE.split_whitespace().any(|network| is_in(address, network))
}

/// The IPv4 address that an IPv6 address carries, if it does.
fn carried(address: IpAddr) -> IpAddr {
    let v4 = |bits: u128| IpAddr::V4((bits as u32).into());
    let (whole, _) = bits(address);
    if is_in(address, "::ffff:0:0/96") || is_in(address, "64:ff9b::/96") {
        v4(whole)
    } else if is_in(address, "2002::/16") {
        v4(whole >> 80)
    } else if is_in(address, "2001::/32") {
        v4(!whole)
    } else {
        address
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

fn ranges(bytes: &[u8]) -> Option<Vec<Range>> {
    let mut ranges = std::str::from_utf8(bytes)
        .ok()?
        .lines()
        .map(|line| {
            let mut fields = line.splitn(4, ',');
            let mut address = || Some(mapped(fields.next()?.parse().ok()?));
            let (first, last) = (address()?, address()?);
            let asn = fields.next()?.parse().ok()?;
            let organisation = unquoted(fields.next()?);
            let provider = Provider { asn, organisation, connection_type: unknown() };
            Some(Range { first, last, reach: last, provider })
        })
        .collect::<Option<Vec<_>>>()?;
    ranges.sort_by_key(|range| range.first);
    let mut reach = Ipv6Addr::UNSPECIFIED;
    for range in &mut ranges {
        reach = reach.max(range.last);
        range.reach = reach;
    }
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
    fn a_range_in_another_has_its_addresses_and_the_other_has_the_rest() {
        let mut geo = Geo::open(&[], &[]).unwrap();
        let csv = b"10.0.0.0,10.9.0.0,1,A\n10.1.0.0,10.1.0.9,2,B\n10.1.0.2,10.1.0.3,3,C\n";
        geo.asn.push(Asn::Ranges(ranges(csv).unwrap()));
        for (address, wanted) in
            [("10.0.0.9", 1), ("10.1.0.1", 2), ("10.1.0.2", 3), ("10.1.0.4", 2), ("10.1.0.10", 1)]
        {
            let found = geo.provider(address.parse().unwrap()).unwrap();
            assert_eq!(found.asn, wanted, "{address}");
        }
        assert!(geo.provider("10.9.0.1".parse().unwrap()).is_none());
    }

    #[test]
    fn addresses_leave_as_networks() {
        assert_eq!(network("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn special_addresses_are_nowhere_and_carried_ones_are_their_own() {
        let mut geo = Geo::open(&[], &[]).unwrap();
        let range = b"0.0.0.0,255.255.255.255,1,All\n2000::,ffff::,2,Six\n";
        geo.asn.push(Asn::Ranges(ranges(range).unwrap()));
        for (address, asn, network) in [
            ("81.254.3.77", 1, "81.254.3.0/24"),
            ("::ffff:81.254.3.77", 1, "81.254.3.0/24"),
            ("64:ff9b::51fe:34d", 1, "81.254.3.0/24"),
            ("2002:51fe:34d::9", 1, "81.254.3.0/24"),
            ("2001:0:1:2:3:4:ae01:fcb2", 1, "81.254.3.0/24"),
            ("2a01:c000::1", 2, "2a01:c000::/48"),
            ("10.1.2.3", 0, "10.1.2.0/24"),
            ("100.127.0.1", 0, "100.127.0.0/24"),
            ("203.0.113.9", 0, "203.0.113.0/24"),
            ("fe80::1", 0, "fe80::/48"),
            ("fd00::1", 0, "fd00::/48"),
            ("2001:db8::1", 0, "2001:db8::/48"),
            ("::ffff:10.1.2.3", 0, "10.1.2.0/24"),
            ("0.0.0.0", 0, ""),
            ("::", 0, ""),
            ("redacted", 0, ""),
        ] {
            let located = geo.locate(address, None);
            assert_eq!((located.provider.asn, located.network.as_str()), (asn, network));
            let by_address = located.source == PlaceSource::Address;
            assert_eq!(by_address, asn != 0, "{address}");
        }
    }

    #[test]
    fn a_claim_counts_only_if_the_address_is_not_public() {
        let mut geo = Geo::open(&[], &[]).unwrap();
        geo.asn.push(Asn::Ranges(ranges(b"0.0.0.0,255.255.255.255,1,All\n").unwrap()));
        let text = |text: &str| Some(text.to_owned());
        let claim = Claim {
            country: text("de"),
            subdivision: text(" be "),
            city: text(""),
            asn: Some(64_500),
            ..Claim::default()
        };
        for (address, asn, source) in [
            ("81.254.3.77", 1, PlaceSource::Address),
            ("::ffff:81.254.3.77", 1, PlaceSource::Address),
            ("10.1.2.3", 64_500, PlaceSource::Claimed),
            ("redacted", 64_500, PlaceSource::Claimed),
            ("", 64_500, PlaceSource::Claimed),
        ] {
            let located = geo.locate(address, Some(&claim));
            assert_eq!((located.provider.asn, located.source), (asn, source), "{address}");
        }
        let place = geo.locate("::", Some(&claim)).place;
        let names = [place.continent, place.country, place.subdivision, place.city];
        assert_eq!(names, ["EU", "DE", "DE-BE", UNKNOWN]);
        let nothing = Claim { country: text("Atlantis"), continent: text("x"), ..Claim::default() };
        assert_eq!(geo.locate("::", Some(&nothing)), nowhere());
    }

    #[test]
    fn every_country_of_the_world_is_on_a_continent() {
        let geo = Geo::open(&[], &[]).unwrap();
        assert_eq!(geo.continent("DE").as_deref(), Some("EU"));
        assert_eq!(geo.continent("KE").as_deref(), Some("AF"));
        assert_eq!(geo.continent("ZZ"), None);
    }
}
