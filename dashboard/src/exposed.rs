//! Cells that two answers would show by their difference: a wider filter that is allowed has all but one to four
//! of its sessions in the cell.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::dimension::Dimension;
use crate::filter::Filter;
use crate::fold::{Count, MINIMUM};
use crate::lattice::is_allowed;

/// The bits of all dimensions.
const FULL: u16 = (1 << Dimension::ALL.len()) - 1;
/// Length of the lists of first and last hours.
const HOURS: usize = 9;

/// The conditions that are met where there are none.
fn all_met() -> Vec<u16> {
    vec![FULL]
}

/// A row of `lattice.sql`, or of `counts.sql` where there is no filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct LatticeRow {
    /// Value of the dimension above `parent`; empty if there is none.
    pub above: String,
    /// Value of the dimension above the cell; empty if there is none.
    pub parent: String,
    /// The cell's value.
    pub name: String,
    /// Its step of time; empty for the whole range.
    pub bucket: String,
    /// Conditions of the filter that rows of these sessions meet, a bit for each dimension.
    #[serde(default = "all_met")]
    pub masks: Vec<u16>,
    /// Sessions.
    pub sessions: u64,
    /// Their first hours in the cell, ascending.
    pub firsts: Vec<i64>,
    /// Their last hours in the cell, descending.
    pub lasts: Vec<i64>,
}

/// The dimensions that cells are grouped by: above the parent, of the parent, their own.
pub type Levels = [Option<Dimension>; 3];

/// Returns the cells of a filter with their sessions, marked where a wider filter exposes them.
#[must_use]
pub fn counts(rows: &[LatticeRow], filter: &Filter, levels: Levels) -> Vec<Count> {
    let mut buckets: BTreeMap<&str, Vec<&LatticeRow>> = BTreeMap::new();
    for row in rows {
        buckets.entry(&row.bucket).or_default().push(row);
    }
    let wider = wider(filter, levels);
    buckets.into_values().flat_map(|rows| of_bucket(&rows, &wider)).collect()
}

/// A filter that contains the cells: conditions that its sessions meet, and levels that they share with the
/// cell.
#[derive(Clone, Copy, Debug)]
struct Wider {
    mask: u16,
    levels: [bool; 3],
}

/// Returns the allowed filters that are wider than those of the cells.
fn wider(filter: &Filter, levels: Levels) -> Vec<Wider> {
    let own: Vec<Dimension> = filter.keys().copied().collect();
    let mut found = Vec::new();
    for kept in subsets(own.len()) {
        let conditions: BTreeSet<Dimension> = own
            .iter()
            .enumerate()
            .filter(|(at, _)| kept & (1 << at) != 0)
            .map(|(_, d)| *d)
            .collect();
        let mut mask = FULL;
        for dimension in own.iter().filter(|dimension| !conditions.contains(dimension)) {
            mask &= !bit(*dimension);
        }
        for shared in subsets(levels.len()) {
            let is_shared = [0, 1, 2].map(|level| shared & (1 << level) != 0);
            let named = levels.iter().zip(is_shared);
            let is_whole = named.clone().all(|(level, is_shared)| level.is_none() || is_shared);
            // A level that is no dimension has one value, which is always shared.
            if named.clone().any(|(level, is_shared)| level.is_none() && !is_shared)
                || is_whole && mask == FULL
            {
                continue;
            }
            let all: BTreeSet<Dimension> = conditions
                .iter()
                .copied()
                .chain(named.filter_map(|(level, is)| level.filter(|_| is)))
                .collect();
            // A provider of several countries is shown only if it is shown in each of them.
            let has_parents = all
                .iter()
                .filter_map(|dimension| dimension.parent())
                .all(|parent| parent == Dimension::Continent || all.contains(&parent));
            if is_allowed(&all) && has_parents {
                found.push(Wider { mask, levels: is_shared });
            }
        }
    }
    found
}

fn subsets(of: usize) -> std::ops::Range<usize> {
    0..1 << of
}

fn bit(dimension: Dimension) -> u16 {
    let place = Dimension::ALL.iter().position(|known| *known == dimension);
    place.map_or(0, |place| 1 << place)
}

/// Values of the levels that a wider filter shares with a cell.
type Shared<'a> = [Option<&'a str>; 3];

fn shared(row: &LatticeRow, levels: [bool; 3]) -> Shared<'_> {
    let [above, parent, name] = levels;
    [
        above.then_some(row.above.as_str()),
        parent.then_some(row.parent.as_str()),
        name.then_some(row.name.as_str()),
    ]
}

fn of_bucket(rows: &[&LatticeRow], wider: &[Wider]) -> Vec<Count> {
    let mut cells: BTreeMap<(&str, &str, &str), Count> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.masks.contains(&FULL)) {
        let key = (row.above.as_str(), row.parent.as_str(), row.name.as_str());
        add(cells.entry(key).or_default(), row);
    }
    for wider in wider {
        // Sessions with something in the wider filter: all of it, and what of it is in the cells.
        let mut all: BTreeMap<Shared<'_>, u64> = BTreeMap::new();
        let mut outside: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for row in rows {
            let met = |mask: &u16| mask & wider.mask == wider.mask;
            if row.masks.iter().any(met) {
                *all.entry(shared(row, wider.levels)).or_default() += row.sessions;
            }
            let key = (row.above.as_str(), row.parent.as_str(), row.name.as_str());
            let is_beside = row.masks.iter().any(|mask| met(mask) && *mask != FULL);
            *outside.entry(key).or_default() += if is_beside { row.sessions } else { 0 };
        }
        let mut own: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for row in
            rows.iter().filter(|row| row.masks.iter().any(|mask| mask & wider.mask == wider.mask))
        {
            let key = (row.above.as_str(), row.parent.as_str(), row.name.as_str());
            *own.entry(key).or_default() += row.sessions;
        }
        for (key, cell) in &mut cells {
            let [above, parent, name] = wider.levels;
            let place: Shared<'_> =
                [above.then_some(key.0), parent.then_some(key.1), name.then_some(key.2)];
            let others = all.get(&place).copied().unwrap_or(0) - own.get(key).copied().unwrap_or(0);
            let difference = others + outside.get(key).copied().unwrap_or(0);
            cell.is_exposed |= (1..MINIMUM).contains(&difference);
        }
    }
    cells.into_values().collect()
}

fn add(count: &mut Count, row: &LatticeRow) {
    count.above.clone_from(&row.above);
    count.parent.clone_from(&row.parent);
    count.name.clone_from(&row.name);
    count.bucket.clone_from(&row.bucket);
    count.sessions += row.sessions;
    count.firsts.extend(&row.firsts);
    count.firsts.sort_unstable();
    count.firsts.truncate(HOURS);
    count.lasts.extend(&row.lasts);
    count.lasts.sort_unstable_by(|a, b| b.cmp(a));
    count.lasts.truncate(HOURS);
}
