//! ISO 3166: codes of countries (part 1) and of their subdivisions (part 2).

use std::collections::HashMap;
use std::sync::LazyLock;

/// `code<TAB>name`; a code with a hyphen is a subdivision's.
const TABLE: &str = include_str!("../data/iso3166.tsv");

/// Code of Kosovo. ISO assigns none, but vendors of look-up data, the European Commission and the
/// Unicode CLDR use this one, which is reserved for users.
const KOSOVO: &str = "XK";

/// English short names by code.
static NAMES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| TABLE.lines().filter_map(|line| line.split_once('\t')).collect());

/// Returns the text if it is an alpha-2 code of ISO 3166-1 (or Kosovo's).
pub(crate) fn country(code: &str) -> Option<&str> {
    (code.len() == 2 && (NAMES.contains_key(code) || code == KOSOVO)).then_some(code)
}

/// Returns the ISO 3166-2 code of a subdivision, from the country's code and the subdivision's,
/// which may include the country's. None if ISO has no such code.
pub(crate) fn subdivision(country: &str, code: &str) -> Option<&'static str> {
    let own = code.strip_prefix(country).and_then(|rest| rest.strip_prefix('-')).unwrap_or(code);
    let full = format!("{country}-{own}");
    NAMES.get_key_value(full.as_str()).map(|(code, _)| *code)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_table_has_all_countries_and_no_others() {
        let countries = NAMES.keys().filter(|code| code.len() == 2).count();
        assert_eq!((countries, NAMES.len()), (249, TABLE.lines().count()));
        assert_eq!((NAMES["DE"], NAMES["DE-BE"]), ("Germany", "Berlin"));
        for code in ["ZZ", "EU", "AP", "A1", "UK", "de", "DEU", "", "DE-BE"] {
            assert_eq!(country(code), None, "{code}");
        }
        assert_eq!((country("GB"), country("XK")), (Some("GB"), Some("XK")));
    }

    #[test]
    fn every_country_is_on_a_continent_and_the_other_way_round() {
        let json = include_str!("../data/continents.json");
        let table: serde_json::Value = serde_json::from_str(json).unwrap();
        let continents: BTreeMap<String, String> =
            serde_json::from_value(table["continents"].clone()).unwrap();
        let on_one = continents.values().flat_map(|codes| codes.split(' ')).collect::<Vec<_>>();
        // The codes of Ascension and Tristan da Cunha are reserved in ISO 3166-1, but not assigned.
        let others = on_one.iter().filter(|code| country(code).is_none());
        assert_eq!(others.collect::<Vec<_>>(), [&"AC", &"TA"]);
        for code in NAMES.keys().filter(|code| code.len() == 2) {
            assert!(on_one.contains(code), "{code} is on no continent");
        }
    }

    #[test]
    fn a_subdivisions_code_comes_with_or_without_its_country() {
        assert_eq!(subdivision("DE", "BE"), Some("DE-BE"));
        assert_eq!(subdivision("DE", "DE-BE"), Some("DE-BE"));
        assert_eq!(subdivision("US", "CA"), Some("US-CA"));
        assert_eq!(subdivision("DE", "US-CA"), None);
        assert_eq!(subdivision("DE", "Berlin"), None);
        assert_eq!(subdivision("DE", ""), None);
    }
}
