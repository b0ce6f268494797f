//! The requests of each page's first view, as `dashboard/page/src/pages` and `parts` send them.

use std::fmt;

use clap::ValueEnum;

/// A time range that a reader chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Range {
    #[value(name = "1h")]
    Hour,
    #[value(name = "24h")]
    Day,
    #[value(name = "7d")]
    Week,
    #[value(name = "30d")]
    Month,
}

impl Range {
    pub(crate) const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns its name in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }
}

/// A page, or a selection that only the full cube has, which a viewer or a participants' role opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    Now,
    Place,
    Provider,
    League,
    Compare,
    /// The cities of a country.
    City,
    /// The edges of a country.
    Edge,
    /// A combination of five filters, of the role `participants`.
    Free,
}

impl View {
    /// The pages.
    pub(crate) const PAGES: [Self; 5] =
        [Self::Now, Self::Place, Self::Provider, Self::League, Self::Compare];
    /// Views of the full cube.
    pub(crate) const OF_CUBE: [Self; 3] = [Self::City, Self::Edge, Self::Free];

    /// Returns the role that may open it.
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::Free => "participants",
            _ => "viewer",
        }
    }

    /// Returns the addresses that it asks for at once, in the page's order. `turn` chooses the country, so that
    /// two views in a row do not have the same selection.
    pub(crate) fn requests(self, range: Range, turn: usize) -> Vec<String> {
        let country = COUNTRIES[turn % COUNTRIES.len()];
        let (code, continent) = country;
        let here = format!("country={code}");
        let of = Requests { range };
        let mut requests = vec![address("me", ""), address("freshness", "")];
        requests.extend(match self {
            Self::Now => vec![
                of.versions(),
                of.summary(""),
                of.breakdown("country", "", "limit=1000&weights=1"),
                of.breakdown("country", "", "limit=20"),
                of.breakdown("provider", "", "limit=20"),
                of.all("changes", "", "limit=8"),
            ],
            Self::Place => {
                let mut requests = of.selection(&here);
                let panels = ["network_type", "browser", "subdivision", "provider", "edge", "client_version", "city"];
                requests.extend(panels.map(|by| of.panel(by, &here)));
                requests.push(of.neighbours("country", &format!("continent={continent}")));
                requests
            }
            Self::Provider => {
                let provider = format!("{here}&provider={code}%20Net%200");
                let mut requests = of.selection(&provider);
                let panels = ["network_type", "browser", "edge", "client_version"];
                requests.extend(panels.map(|by| of.panel(by, &provider)));
                requests.push(of.neighbours("provider", &here));
                requests
            }
            Self::League => vec![of.breakdown("provider", &here, "limit=500&sparkline=1&weights=1")],
            Self::Compare => of.comparison(&here, code),
            Self::City => vec![of.panel("city", &here), of.summary(&format!("{here}&city={code}-0%20City%201"))],
            Self::Edge => vec![of.panel("edge", &here), of.series(&format!("{here}&edge=edge-{}", 1 + turn % 6))],
            Self::Free => {
                let free = format!(
                    "{here}&network_type=wifi&device_class=desktop&browser=Chrome&client_version=4.2.0"
                );
                vec![of.summary(&free), of.series(&free), of.panel("city", &free), of.panel("edge", &free)]
            }
        });
        requests
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => "Now",
            Self::Place => "Place",
            Self::Provider => "Provider",
            Self::League => "League",
            Self::Compare => "Compare",
            Self::City => "full cube: cities",
            Self::Edge => "full cube: edges",
            Self::Free => "full cube: free filter",
        })
    }
}

/// Countries with most of the seeded sessions, each with its continent.
const COUNTRIES: [(&str, &str); 5] =
    [("US", "NA"), ("BR", "SA"), ("IN", "AS"), ("DE", "EU"), ("GB", "EU")];

/// Requests of a range, as `dashboard/page/src/api/paths.ts` writes them.
struct Requests {
    range: Range,
}

impl Requests {
    fn summary(&self, filter: &str) -> String {
        self.timed("summary", filter)
    }

    fn series(&self, filter: &str) -> String {
        self.all("series", filter, "")
    }

    /// The newest versions, for the questions at the top of a page.
    fn versions(&self) -> String {
        address("values", &joined(&["of=client_version", &self.time(), "limit=300"]))
    }

    fn breakdown(&self, by: &str, filter: &str, options: &str) -> String {
        self.all("breakdown", filter, &joined(&[&format!("by={by}"), options]))
    }

    fn panel(&self, by: &str, filter: &str) -> String {
        self.breakdown(by, filter, "sort=harm&limit=100&weights=1")
    }

    fn neighbours(&self, by: &str, filter: &str) -> String {
        self.breakdown(by, filter, "sort=sessions&limit=100&weights=1")
    }

    /// What the pages of a place and of a provider begin with.
    fn selection(&self, filter: &str) -> Vec<String> {
        let mut requests = vec![self.versions(), self.summary(filter), self.series(filter)];
        if self.range >= Range::Day {
            requests.push(self.all("heat", filter, ""));
        }
        requests
    }

    /// Wi-Fi against Ethernet.
    fn comparison(&self, filter: &str, country: &str) -> Vec<String> {
        let (range, networks) = (self.range.name(), ["wifi", "ethernet"]);
        let side = |name: &str, network: &str| {
            format!("{name}.range={range}&{name}.country={country}&{name}.network_type={network}")
        };
        let mut requests = vec![address(
            "compare",
            &joined(&[&side("a", networks[0]), &side("b", networks[1]), "weights=1"]),
        )];
        requests.extend(networks.map(|network| {
            self.timed("distribution", &format!("{filter}&network_type={network}&of=round_trip_ms"))
        }));
        requests.push(self.panel("edge", filter));
        requests
    }

    fn time(&self) -> String {
        format!("range={}", self.range.name())
    }

    fn timed(&self, name: &str, filter: &str) -> String {
        address(name, &joined(&[&self.time(), filter]))
    }

    fn all(&self, name: &str, filter: &str, options: &str) -> String {
        address(name, &joined(&[&self.time(), filter, "measure=poor_share", options]))
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("&")
}

fn address(name: &str, query: &str) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/api/v1/{name}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_pages_ask_for_every_answer_that_the_page_has_an_address_of() {
        let paths =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboard/page/src/api/paths.ts");
        let text = fs::read_to_string(paths).unwrap_or_default();
        let named: BTreeSet<_> = text
            .split("path('")
            .skip(1)
            .filter_map(|rest| rest.split_once('\''))
            .map(|(name, _)| name.to_owned())
            .collect();
        let asked: BTreeSet<_> = View::PAGES
            .into_iter()
            .flat_map(|view| view.requests(Range::Day, 0))
            .filter_map(|path| Some(path.strip_prefix("/api/v1/")?.split('?').next()?.to_owned()))
            .collect();
        assert!(named.len() >= 10, "{named:?}");
        assert_eq!(asked, named);
    }
}
