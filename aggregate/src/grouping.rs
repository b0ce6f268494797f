//! Groupings: the dimensions by which cells differ.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemas::{Dimensions, Direction, Kind};
use serde::{Deserialize, Serialize};

use crate::intern::{Interner, Symbol};

/// A dimension of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Application.
    App,
    /// Continent of the client.
    Continent,
    /// Country of the client.
    Country,
    /// Subdivision of the country.
    Subdivision,
    /// Organisation that runs the client's network.
    Organisation,
    /// How the client is connected: wifi, cellular, ….
    NetworkType,
    /// Serving edge.
    Edge,
    /// Desktop, mobile, tablet, ….
    DeviceClass,
    /// Operating system's family.
    Os,
    /// Browser's family.
    Browser,
    /// Browser's major version.
    BrowserVersion,
    /// Release of the client.
    ClientVersion,
    /// Number of the autonomous system.
    Asn,
    /// Audio or video.
    Kind,
    /// Inbound or outbound, seen from the client.
    Direction,
}

/// Number of dimensions that are names: those before [`Dimension::Asn`].
pub(crate) const NAMED: usize = Dimension::Asn as usize;

/// Groupings by name, each a list of dimensions.
pub type Groupings = BTreeMap<String, Vec<Dimension>>;

/// The groupings *place* and *client*.
#[must_use]
pub fn default_groupings() -> Groupings {
    use Dimension::*;
    let place = vec![
        App,
        Continent,
        Country,
        Subdivision,
        Asn,
        Organisation,
        NetworkType,
        Edge,
        Kind,
        Direction,
    ];
    let client = vec![
        App,
        Country,
        DeviceClass,
        Os,
        Browser,
        BrowserVersion,
        ClientVersion,
        Kind,
        Direction,
    ];
    BTreeMap::from([("place".to_owned(), place), ("client".to_owned(), client)])
}

/// Dimension values of a report: names in the order of [`Dimension`], and the ASN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Labels {
    pub(crate) names: [Symbol; NAMED],
    pub(crate) asn: i64,
}

impl Labels {
    /// Returns the same values with another network type.
    pub(crate) fn over(mut self, network_type: Symbol) -> Self {
        self.names[Dimension::NetworkType as usize] = network_type;
        self
    }

    /// Overwrites `row` with the values.
    pub(crate) fn write(&self, row: &mut Dimensions, interner: &Interner) {
        let names: [&mut String; NAMED] = [
            &mut row.app,
            &mut row.continent,
            &mut row.country,
            &mut row.subdivision,
            &mut row.organisation,
            &mut row.network_type,
            &mut row.edge,
            &mut row.device_class,
            &mut row.os,
            &mut row.browser,
            &mut row.browser_version,
            &mut row.client_version,
        ];
        for (name, symbol) in names.into_iter().zip(self.names) {
            interner.name(symbol).clone_into(name);
        }
        row.asn = self.asn;
    }

    /// Returns the symbol of a dimension that is a name.
    pub(crate) fn name(&self, dimension: Dimension) -> Symbol {
        self.names.get(dimension as usize).copied().unwrap_or(Symbol::EMPTY)
    }
}

/// A grouping in a form that is fast to apply to each interval.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    pub(crate) name: String,
    keeps: [bool; Dimension::Direction as usize + 1],
}

impl Grouping {
    pub(crate) fn new(name: &str, dimensions: &[Dimension]) -> Self {
        let mut keeps = [false; Dimension::Direction as usize + 1];
        for dimension in dimensions {
            keeps[*dimension as usize] = true;
        }
        Self { name: name.to_owned(), keeps }
    }

    /// Returns the labels by which cells of this grouping differ; the others are empty, or 0.
    pub(crate) fn labels(&self, labels: &Labels) -> Labels {
        let mut names = [Symbol::EMPTY; NAMED];
        for (place, name) in names.iter_mut().enumerate().filter(|(place, _)| self.keeps[*place]) {
            *name = labels.names[place];
        }
        Labels { names, asn: if self.keeps(Dimension::Asn) { labels.asn } else { 0 } }
    }

    /// Returns kind and direction if cells of this grouping differ by them; else none.
    pub(crate) fn stream(&self, kind: Kind, direction: Direction) -> (Kind, Direction) {
        (
            if self.keeps(Dimension::Kind) { kind } else { Kind::None },
            if self.keeps(Dimension::Direction) { direction } else { Direction::None },
        )
    }

    const fn keeps(&self, dimension: Dimension) -> bool {
        self.keeps[dimension as usize]
    }
}
