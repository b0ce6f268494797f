//! Dimensions by which figures are filtered and grouped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A dimension, named as in the query of a request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The application.
    App,
    /// The continent of the client.
    Continent,
    /// Its country, ISO 3166-1 alpha-2.
    Country,
    /// Its region within the country.
    Subdivision,
    /// Its city.
    City,
    /// Its provider: the organisation of its network.
    Provider,
    /// W3C's network type.
    NetworkType,
    /// The edge that served it.
    Edge,
    /// Desktop, mobile and so on.
    DeviceClass,
    /// The family of its browser.
    Browser,
    /// The version of its browser.
    BrowserVersion,
    /// The version of the client.
    ClientVersion,
    /// Audio or video.
    Kind,
    /// Inbound or outbound.
    Direction,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::App,
        Self::Continent,
        Self::Country,
        Self::Subdivision,
        Self::City,
        Self::Provider,
        Self::NetworkType,
        Self::Edge,
        Self::DeviceClass,
        Self::Browser,
        Self::BrowserVersion,
        Self::ClientVersion,
        Self::Kind,
        Self::Direction,
    ];

    /// Returns its name in requests, which is also that of its column in the queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Continent => "continent",
            Self::Country => "country",
            Self::Subdivision => "subdivision",
            Self::City => "city",
            Self::Provider => "provider",
            Self::NetworkType => "network_type",
            Self::Edge => "edge",
            Self::DeviceClass => "device_class",
            Self::Browser => "browser",
            Self::BrowserVersion => "browser_version",
            Self::ClientVersion => "client_version",
            Self::Kind => "kind",
            Self::Direction => "direction",
        }
    }

    /// Returns the dimension of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }

    /// Returns the dimension whose values contain its values, into which small cells are folded.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Provider | Self::Subdivision | Self::City => Some(Self::Country),
            Self::Country => Some(Self::Continent),
            Self::BrowserVersion => Some(Self::Browser),
            _ => None,
        }
    }

    /// Returns whether the table of days has it.
    #[must_use]
    pub const fn is_in_days(self) -> bool {
        !matches!(self, Self::City | Self::Edge | Self::BrowserVersion | Self::ClientVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queries_have_the_condition_of_each_dimension() {
        let condition = |dimension: Dimension| {
            let name = dimension.name();
            format!("({{{name}:String}} = '' OR {name} = {{{name}:String}})")
        };
        // The first has nothing before it.
        let joined = |with: &dyn Fn(usize) -> String| -> Vec<String> {
            let each = Dimension::ALL.into_iter().enumerate();
            each.map(|(bit, one)| match bit {
                0 => condition(one),
                _ => format!("{}{}", with(bit), condition(one)),
            })
            .collect()
        };
        let filter = include_str!("../queries/filter.sql");
        assert_eq!(conditions(filter), joined(&|_| "AND ".to_owned()));
        let lattice = include_str!("../queries/lattice.sql");
        assert_eq!(conditions(lattice), joined(&|bit| format!("+ {} * ", 1 << bit)));
        let everything = (1 << Dimension::ALL.len()) - 1;
        assert!(lattice.contains(&format!("minIf(hour, mask = {everything})")));
        assert!(lattice.contains(&format!("maxIf(hour, mask = {everything})")));
    }

    /// Returns the lines of a query that compare a column with a parameter that may be empty.
    fn conditions(query: &str) -> Vec<String> {
        let lines = query.lines().map(str::trim);
        lines.filter(|line| line.contains(":String} = '' OR ")).map(str::to_owned).collect()
    }
}
