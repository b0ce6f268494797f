//! What look-up data says about an address, whichever vendor's shape its records have.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemas::{Place, Provider, UNKNOWN};
use serde::Deserialize;

/// A record of city or country data. MaxMind and DB-IP nest names by language, DB-IP Lite's npm
/// edition has `country_code` and `state1`, IPinfo has `country` (a code, in IPinfo Lite a name
/// beside `country_code`) and `region`.
#[derive(Debug, Deserialize)]
pub(crate) struct CityRecord<'a> {
    #[serde(borrow)]
    continent: Option<Named<'a>>,
    continent_code: Option<&'a str>,
    #[serde(borrow)]
    country: Option<Named<'a>>,
    country_code: Option<&'a str>,
    #[serde(alias = "state1", alias = "region")]
    subdivision: Option<&'a str>,
    #[serde(borrow, default)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow)]
    city: Option<Named<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named<'a> {
    Flat(&'a str),
    Nested {
        #[serde(alias = "iso_code")]
        code: Option<&'a str>,
        #[serde(borrow)]
        names: Option<Names<'a>>,
    },
}

#[derive(Debug, Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn name(&self) -> Option<&'a str> {
        match self {
            Self::Flat(name) => Some(name),
            Self::Nested { code, names } => names.as_ref().and_then(|names| names.en).or(*code),
        }
    }

    fn code(&self) -> Option<&'a str> {
        match self {
            Self::Flat(code) => Some(code),
            Self::Nested { code, .. } => *code,
        }
    }
}

impl CityRecord<'_> {
    /// The place it names; what it does not tell is unknown.
    pub(crate) fn place(&self) -> Place {
        let country = code([self.country_code, self.country.as_ref().and_then(Named::code)])
            .filter(|country| *country != UNASSIGNED);
        let continent = code([self.continent_code, self.continent.as_ref().and_then(Named::code)])
            .or_else(|| CONTINENTS.get(country?).copied());
        Place {
            continent: known(continent),
            country: known(country),
            subdivision: known(
                self.subdivision.or_else(|| self.subdivisions.first().and_then(Named::name)),
            ),
            city: known(self.city.as_ref().and_then(Named::name)),
        }
    }
}

/// The place of an address that no data knows.
pub(crate) fn nowhere() -> Place {
    Place {
        continent: known(None),
        country: known(None),
        subdivision: known(None),
        city: known(None),
    }
}

/// A record of ASN data: MaxMind's and DB-IP's numbers, or IPinfo's `AS3320`.
#[derive(Debug, Deserialize)]
pub(crate) struct AsnRecord<'a> {
    #[serde(borrow, alias = "autonomous_system_number")]
    asn: Option<Asn<'a>>,
    #[serde(alias = "autonomous_system_organization", alias = "as_name")]
    name: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Asn<'a> {
    Number(u32),
    Text(&'a str),
}

impl AsnRecord<'_> {
    /// The provider it names; what it does not tell is unknown.
    pub(crate) fn provider(&self) -> Provider {
        let asn = match self.asn {
            Some(Asn::Number(number)) => number,
            Some(Asn::Text(text)) => text.trim_start_matches("AS").parse().unwrap_or(0),
            None => 0,
        };
        Provider { asn: asn.into(), organisation: known(self.name), connection_type: known(None) }
    }
}

/// The provider of an address that no data knows.
pub(crate) fn nobody() -> Provider {
    Provider { asn: 0, organisation: known(None), connection_type: known(None) }
}

/// The text, or unknown if there is none.
pub(crate) fn known(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(UNKNOWN).to_owned()
}

/// What vendors write for reserved addresses: a code that ISO 3166 assigns to nobody.
const UNASSIGNED: &str = "ZZ";

/// The first that is a two-letter code; a full name in a code's place is passed over.
fn code<const N: usize>(candidates: [Option<&str>; N]) -> Option<&str> {
    candidates
        .into_iter()
        .flatten()
        .find(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Continent code by country code, for data that names no continent.
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
