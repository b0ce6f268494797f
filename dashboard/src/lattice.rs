//! Combinations of dimensions that the default role may ask for, and the cells around a cell that decide
//! whether it is shown.

use std::collections::BTreeSet;

use crate::access::Role;
use crate::dimension::Dimension;
use crate::filter::Filter;
use crate::problem::Problem;

/// Combinations of places and providers.
const PLACES: [&[Dimension]; 9] = [
    &[],
    &[Dimension::Continent],
    &[Dimension::Country],
    &[Dimension::Country, Dimension::Subdivision],
    &[Dimension::Country, Dimension::City],
    &[Dimension::Provider],
    &[Dimension::Country, Dimension::Provider],
    &[Dimension::Continent, Dimension::Country],
    &[Dimension::Continent, Dimension::Provider],
];

/// Details, of which one may be combined with a place or provider.
const DETAILS: [Dimension; 6] = [
    Dimension::NetworkType,
    Dimension::Edge,
    Dimension::DeviceClass,
    Dimension::Browser,
    Dimension::BrowserVersion,
    Dimension::ClientVersion,
];

/// Dimensions that are in every combination.
const ALWAYS: [Dimension; 3] = [Dimension::App, Dimension::Kind, Dimension::Direction];

/// Checks that a role may see cells with these dimensions.
///
/// # Errors
/// If the combination is not one of the default role's.
pub fn check(role: Role, filter: &Filter, by: Option<Dimension>) -> Result<(), Problem> {
    if role == Role::Participants || is_allowed(&dimensions(filter, by)) {
        return Ok(());
    }
    let names: Vec<_> = dimensions(filter, by).into_iter().map(Dimension::name).collect();
    Err(Problem::forbidden(format!(
        "the combination of {} needs the role participants; others see a place or provider with one of \
         network type, edge, device class, browser and client version",
        names.join(", ")
    )))
}

fn dimensions(filter: &Filter, by: Option<Dimension>) -> BTreeSet<Dimension> {
    filter.keys().copied().chain(by).collect()
}

/// Returns whether the default role may see cells with these dimensions.
#[must_use]
pub fn is_allowed(dimensions: &BTreeSet<Dimension>) -> bool {
    let rest = || dimensions.iter().copied().filter(|dimension| !ALWAYS.contains(dimension));
    let (details, places): (BTreeSet<_>, BTreeSet<_>) =
        rest().partition(|dimension| DETAILS.contains(dimension));
    let version = BTreeSet::from([Dimension::Browser, Dimension::BrowserVersion]);
    let one_detail = details.len() <= 1 || details == version;
    let fine = [Dimension::Subdivision, Dimension::City];
    let is_fine = places.iter().any(|place| fine.contains(place));
    let place = PLACES.iter().any(|known| known.iter().copied().collect::<BTreeSet<_>>() == places)
        // The country of a row of providers or places is always known.
        || places == BTreeSet::from([Dimension::Continent, Dimension::Country, Dimension::Provider]);
    place && one_detail && (details.is_empty() || !is_fine)
}

/// Cells among which one cell lies: those of a dimension, under the rest of its filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings {
    /// The dimension.
    pub by: Dimension,
    /// What all of them have in common.
    pub filter: Filter,
    /// The value of the cell.
    pub value: String,
}

/// Returns the sets of cells in all of which a filter's cell must be visible: those of the detail, of the
/// provider or city, of the country, of the continent; and those of each of its dimensions alone.
#[must_use]
pub fn siblings(filter: &Filter) -> Vec<Siblings> {
    let order = [
        Dimension::BrowserVersion,
        Dimension::ClientVersion,
        Dimension::Browser,
        Dimension::DeviceClass,
        Dimension::Edge,
        Dimension::NetworkType,
        Dimension::City,
        Dimension::Subdivision,
        Dimension::Provider,
        Dimension::Country,
        Dimension::Continent,
    ];
    let mut rest = filter.clone();
    let mut found = Vec::new();
    for by in order {
        if let Some(value) = rest.remove(&by) {
            found.push(Siblings { by, filter: rest.clone(), value });
        }
    }
    for (by, value) in filter {
        let mut others = filter.clone();
        others.remove(by);
        let one = Siblings { by: *by, filter: others, value: value.clone() };
        if is_allowed(&dimensions(&one.filter, None)) && !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

#[cfg(test)]
mod enumeration;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn filter(names: &[&str]) -> Filter {
        names.iter().map(|name| (Dimension::named(name).unwrap(), "x".to_owned())).collect()
    }

    #[test]
    fn the_pages_combinations_are_allowed() {
        for (names, by) in [
            (&[][..], None),
            (&[], Some("country")),
            (&["continent"], Some("provider")),
            (&["country"], Some("provider")),
            (&["country"], Some("city")),
            (&["country", "provider"], Some("network_type")),
            (&["provider"], Some("country")),
            (&["app", "kind", "direction", "country", "browser"], Some("browser_version")),
        ] {
            let by = by.map(|by| Dimension::named(by).unwrap());
            assert!(check(Role::Viewer, &filter(names), by).is_ok(), "{names:?} {by:?}");
        }
    }

    #[test]
    fn other_combinations_belong_to_the_role_that_may_see_participants() {
        for (names, by) in [
            (&["country", "city"][..], Some("browser")),
            (&["country", "network_type"], Some("browser")),
            (&["country", "city", "provider"], None),
            (&["city"], None),
            (&["edge", "client_version"], None),
        ] {
            let by = by.map(|by| Dimension::named(by).unwrap());
            assert_eq!(
                check(Role::Viewer, &filter(names), by).unwrap_err().status,
                403,
                "{names:?}"
            );
            assert!(check(Role::Participants, &filter(names), by).is_ok());
        }
    }

    #[test]
    fn a_cell_is_looked_for_among_its_siblings_at_every_level() {
        let found = siblings(&filter(&["app", "country", "provider", "network_type"]));
        let by: Vec<_> = found.iter().map(|siblings| siblings.by).collect();
        assert_eq!(by[..3], [Dimension::NetworkType, Dimension::Provider, Dimension::Country]);
        assert_eq!(found[1].filter, filter(&["app", "country"]));
        assert_eq!(found[2].filter, filter(&["app"]));
        assert_eq!(by[3..], [Dimension::App, Dimension::Country, Dimension::Provider]);
        assert_eq!(found[4].filter, filter(&["app", "provider", "network_type"]));
    }
}
