//! Places and providers from look-up records of all vendors.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::sync::LazyLock;

use schemas::{Place, Provider, UNKNOWN};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::iso;

/// A record that may contain another kind of data than requested.
pub(crate) trait HasData {
    /// Returns true if the record contains any of the requested data.
    fn has_data(&self) -> bool;
}

/// A record of city or country data. MaxMind and DB-IP nest names by language; DB-IP Lite's npm
/// edition has `country_code` and `state1`; IPinfo has `region`, `region_code` and `country` (a
/// code, or a name beside `country_code`).
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CityRecord<'a> {
    #[serde(borrow)]
    continent: Option<Named<'a>>,
    continent_code: Option<&'a str>,
    #[serde(borrow)]
    country: Option<Named<'a>>,
    country_code: Option<&'a str>,
    state1: Option<&'a str>,
    region: Option<&'a str>,
    region_code: Option<&'a str>,
    #[serde(borrow, default)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow)]
    city: Option<Named<'a>>,
}

/// Element with a code, an English name, or both. A bare text may be either.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Words<'a> {
    #[serde(borrow)]
    code: Option<&'a str>,
    #[serde(borrow)]
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Debug, Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Debug)]
struct Named<'a> {
    code: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Named<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlatOrNested;

        impl<'de> Visitor<'de> for FlatOrNested {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a map with code and names")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Named { code: Some(text), name: Some(text) })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let words = Words::deserialize(MapAccessDeserializer::new(map))?;
                let code = words.code.or(words.iso_code);
                Ok(Named { code, name: words.names.and_then(|names| names.en).or(code) })
            }
        }

        deserializer.deserialize_any(FlatOrNested)
    }
}

impl HasData for CityRecord<'_> {
    fn has_data(&self) -> bool {
        self.place() != unknown_place()
    }
}

impl CityRecord<'_> {
    /// Returns the place; missing parts are unknown.
    pub(crate) fn place(&self) -> Place {
        let country = [self.country_code, self.country.as_ref().and_then(|named| named.code)];
        let country = country.into_iter().flatten().find_map(iso::country);
        Place {
            continent: known(self.continent().or_else(|| continent_of(country?))),
            country: known(country),
            subdivision: known(self.subdivision(country)),
            city: known(self.city.as_ref().and_then(|named| named.name)),
        }
    }

    fn continent(&self) -> Option<&str> {
        let codes = [self.continent_code, self.continent.as_ref().and_then(|named| named.code)];
        codes.into_iter().flatten().find_map(continent)
    }

    /// Returns the ISO 3166-2 code if the record has one, else the name.
    fn subdivision(&self, country: Option<&str>) -> Option<&str> {
        let first = self.subdivisions.first();
        let code = self.region_code.or(first.and_then(|named| named.code));
        country
            .and_then(|country| iso::subdivision(country, code?))
            .or(self.state1)
            .or(self.region)
            .or(first.and_then(|named| named.name))
    }
}

/// Returns the place of an address without data.
pub(crate) fn unknown_place() -> Place {
    Place {
        continent: known(None),
        country: known(None),
        subdivision: known(None),
        city: known(None),
    }
}

/// A record of ASN, ISP or connection-type data: with MaxMind's members, which DB-IP and MaxMind's
/// Enterprise data have in `traits`, or IPinfo's, whose number is written `AS3320`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkRecord<'a> {
    autonomous_system_number: Option<Asn>,
    autonomous_system_organization: Option<&'a str>,
    isp: Option<&'a str>,
    organization: Option<&'a str>,
    connection_type: Option<&'a str>,
    #[serde(borrow)]
    traits: Option<Box<NetworkRecord<'a>>>,
    asn: Option<Asn>,
    as_name: Option<&'a str>,
    name: Option<&'a str>,
}

/// An AS number: an integer of any width, or text with or without `AS`.
#[derive(Clone, Copy, Debug)]
struct Asn(Option<u32>);

impl<'de> Deserialize<'de> for Asn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;

        impl Visitor<'_> for NumberOrText {
            type Value = Asn;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an AS number, or a text such as AS3320")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Asn, E> {
                Ok(Asn(number.try_into().ok()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Asn, E> {
                Ok(Asn(number.try_into().ok()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Asn, E> {
                Ok(Asn(text.trim_start_matches("AS").parse().ok()))
            }
        }

        deserializer.deserialize_any(NumberOrText)
    }
}

impl<'a> NetworkRecord<'a> {
    /// Returns the autonomous system's number.
    fn asn(&self) -> Option<u32> {
        let own = self.autonomous_system_number.or(self.asn);
        own.and_then(|Asn(number)| number).or_else(|| self.traits.as_ref()?.asn())
    }

    /// Returns the provider of the traffic: the ISP's name or else that of the autonomous system.
    /// `organization`, and IPinfo's `name` beside `as_name`, may be a customer.
    fn organisation(&self) -> Option<&'a str> {
        let texts = [
            self.isp,
            self.autonomous_system_organization,
            self.as_name,
            self.traits.as_ref().and_then(|traits| traits.organisation()),
            self.organization,
            self.name,
        ];
        texts.into_iter().flatten().find(|text| !text.is_empty())
    }

    /// Returns the vendor's name of the connection type: Cable/DSL, Cellular, ….
    pub(crate) fn connection_type(&self) -> Option<&'a str> {
        let own = self.connection_type.filter(|text| !text.is_empty());
        own.or_else(|| self.traits.as_ref()?.connection_type())
    }

    /// Returns the provider; missing parts are unknown.
    pub(crate) fn provider(&self) -> Provider {
        Provider {
            asn: self.asn().unwrap_or(0).into(),
            organisation: known(self.organisation()),
            connection_type: known(self.connection_type()),
        }
    }
}

/// A [`NetworkRecord`] of a file with providers.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ProviderRecord<'a>(#[serde(borrow)] pub(crate) NetworkRecord<'a>);

impl HasData for ProviderRecord<'_> {
    fn has_data(&self) -> bool {
        self.0.asn().is_some() || self.0.organisation().is_some()
    }
}

/// A [`NetworkRecord`] of a file with connection types.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ConnectionRecord<'a>(#[serde(borrow)] pub(crate) NetworkRecord<'a>);

impl HasData for ConnectionRecord<'_> {
    fn has_data(&self) -> bool {
        self.0.connection_type().is_some()
    }
}

/// Returns the provider of an address without data.
pub(crate) fn unknown_provider() -> Provider {
    Provider { asn: 0, organisation: known(None), connection_type: known(None) }
}

/// Returns the text, or unknown if there is none.
pub(crate) fn known(text: Option<&str>) -> String {
    let mut known = String::new();
    set_known(text, &mut known);
    known
}

/// Overwrites `into` with the text, or unknown if there is none.
pub(crate) fn set_known(text: Option<&str>, into: &mut String) {
    text.filter(|text| !text.is_empty()).unwrap_or(UNKNOWN).clone_into(into);
}

/// Returns the text if it is a continent's code.
pub(crate) fn continent(code: &str) -> Option<&str> {
    ["AF", "AN", "AS", "EU", "NA", "OC", "SA"].contains(&code).then_some(code)
}

/// Returns the continent of a country, for data without continents.
pub(crate) fn continent_of(country: &str) -> Option<&'static str> {
    CONTINENTS.get(country).copied()
}

/// Continent code by country code.
static CONTINENTS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        #[serde(borrow)]
        continents: BTreeMap<&'static str, &'static str>,
    }
    #[expect(clippy::expect_used, reason = "embedded file, held valid by a test")]
    let file: File =
        serde_json::from_str(include_str!("../data/continents.json")).expect("embedded table");
    file.continents
        .into_iter()
        .flat_map(|(continent, countries)| {
            countries.split(' ').map(move |country| (country, continent))
        })
        .collect()
});
