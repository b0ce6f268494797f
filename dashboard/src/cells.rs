//! Cells with their strata, from the rows of the queries.

use std::collections::BTreeMap;

use serde::Deserialize;
use statistics::{Strata, Stratum, Sums, raw_figure, union};

use crate::figure::{Distribution, Figure};
use crate::problem::Problem;

/// A row of `strata.sql` or `strata_days.sql`. Sums are texts, because they are larger than the
/// numbers of JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct StrataRow {
    /// Value of the dimension above the cell.
    pub parent: String,
    /// The cell's value.
    pub name: String,
    /// Its step of time.
    pub bucket: String,
    /// Stratum: browser family.
    pub browser: String,
    /// Stratum: device class.
    pub device_class: String,
    /// Stratum: network type.
    pub network_type: String,
    /// Stratum: kind.
    pub kind: String,
    /// Stratum: direction, where sessions are not added over both.
    #[serde(default)]
    pub direction: String,
    /// Sessions.
    pub sessions: u64,
    /// Σ w.
    pub w: String,
    /// Σ y.
    pub y: String,
    /// Σ w².
    pub ww: String,
    /// Σ w y.
    pub wy: String,
    /// Σ y².
    pub yy: String,
    /// Intervals of their streams.
    pub intervals: i64,
}

/// A row of the queries of quantiles.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct QuantileRow {
    /// Value of the dimension above the cell.
    pub parent: String,
    /// The cell's value.
    pub name: String,
    /// Its step of time.
    pub bucket: String,
    /// Intervals, or sessions.
    pub observations: i64,
    /// Quantiles at [`LEVELS`](crate::figure::LEVELS).
    pub quantiles: Vec<Option<f64>>,
}

/// A row of `sums_minutes.sql`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct SumsRow {
    /// Value of the dimension above `parent`.
    pub above: String,
    /// Value of the dimension above the cell.
    pub parent: String,
    /// The cell's value.
    pub name: String,
    /// Its step of time.
    pub bucket: String,
    /// Σ w.
    pub w: String,
    /// Σ y.
    pub y: String,
    /// Intervals.
    pub own_intervals: i64,
}

/// Identity of a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its step of time; empty for the whole range.
    pub bucket: String,
    /// Value of the dimension above it.
    pub parent: String,
    /// Its value.
    pub name: String,
}

/// A cell: sums of its strata and its intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Sums of its strata.
    pub strata: Strata,
    /// Intervals of its streams.
    pub intervals: i64,
    /// Sums of a table that knows no sessions, instead of the strata.
    pub totals: Option<Totals>,
}

/// Sums of a ratio over intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Σ y.
    pub part: i128,
    /// Σ w.
    pub whole: i128,
}

/// Cells by identity.
pub type Cells = BTreeMap<Key, Cell>;

/// Distributions by identity.
pub type Distributions = BTreeMap<Key, Distribution>;

impl Cell {
    /// Returns its figure, in its own mix.
    #[must_use]
    pub fn raw(&self, minimum: u64) -> Figure {
        if let Some(Totals { part, whole }) = self.totals.filter(|totals| totals.whole > 0) {
            let value = part.max(0) as f64 / whole as f64;
            return Figure::of_intervals(value, self.intervals);
        }
        Figure::of(&raw_figure(&self.strata), self.intervals, minimum)
    }

    /// Returns Σ y over its strata, µs for the poor share.
    #[must_use]
    pub fn part(&self) -> f64 {
        self.strata.values().map(|sums| sums.y as f64).sum()
    }

    /// Returns Σ w over its strata, µs for the poor share.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.strata.values().map(|sums| sums.w as f64).sum()
    }

    /// Adds cells.
    #[must_use]
    pub fn sum<'a>(cells: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
        Self {
            strata: union(cells.clone().into_iter().map(|cell| &cell.strata)),
            intervals: cells.into_iter().map(|cell| cell.intervals).sum(),
            // Cells without sessions are never added: only a role that sees each of them sees any.
            totals: None,
        }
    }
}

/// Reads the rows of a query of strata.
///
/// # Errors
/// If a sum is no number.
pub fn cells(rows: Vec<StrataRow>) -> Result<Cells, Problem> {
    let mut cells = Cells::new();
    for row in rows {
        let sums = sums(&row)?;
        let key = Key { bucket: row.bucket, parent: row.parent, name: row.name };
        let stratum = Stratum {
            browser: row.browser,
            device_class: row.device_class,
            network_type: row.network_type,
            kind: row.kind,
            direction: row.direction,
        };
        let cell = cells.entry(key).or_default();
        *cell.strata.entry(stratum).or_default() += sums;
        cell.intervals += row.intervals;
    }
    Ok(cells)
}

fn number(text: &str) -> Result<i128, Problem> {
    let wrong = |_| Problem::unavailable(format!("ClickHouse answers `{text}` for a sum"));
    text.parse().map_err(wrong)
}

/// Reads the rows of a query of sums without sessions.
///
/// # Errors
/// If a sum is no number.
pub fn cells_without_sessions(rows: Vec<SumsRow>) -> Result<Cells, Problem> {
    let mut cells = Cells::new();
    for row in rows {
        let totals = Totals { part: number(&row.y)?, whole: number(&row.w)? };
        let key = Key { bucket: row.bucket, parent: row.parent, name: row.name };
        // A parent below two others is one cell for each of them.
        let cell: &mut Cell = cells.entry(key).or_default();
        let before = cell.totals.unwrap_or_default();
        cell.totals =
            Some(Totals { part: before.part + totals.part, whole: before.whole + totals.whole });
        cell.intervals += row.own_intervals;
    }
    Ok(cells)
}

fn sums(row: &StrataRow) -> Result<Sums, Problem> {
    let sums = Sums {
        sessions: row.sessions,
        w: number(&row.w)?,
        y: number(&row.y)?,
        ww: number(&row.ww)?,
        wy: number(&row.wy)?,
        yy: number(&row.yy)?,
    };
    // Packets that were counted as lost and arrived later may outweigh the lost ones.
    Ok(if sums.y < 0 { Sums { y: 0, wy: 0, yy: 0, ..sums } } else { sums })
}

/// Reads the rows of a query of quantiles.
#[must_use]
pub fn distributions(rows: Vec<QuantileRow>) -> Distributions {
    let distribution = |row: QuantileRow| {
        let key = Key { bucket: row.bucket, parent: row.parent, name: row.name };
        (key, Distribution { quantiles: row.quantiles, observations: row.observations })
    };
    rows.into_iter().map(distribution).collect()
}
