//! The rule of five: cells of fewer than five sessions are folded into the cell above them, with a second
//! one if there is only one, so that the difference of two answers does not show it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::filter::{DAY, HOUR, Range};

/// Smallest number of sessions of a cell that is shown.
pub const MINIMUM: u64 = 5;

/// A cell with its sessions, and when they were seen first and last (nine smallest and nine greatest hours,
/// seconds since 1970).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Count {
    /// Value of the dimension above `parent`; empty if there is none.
    pub above: String,
    /// Value of the dimension above the cell; empty if there is none.
    pub parent: String,
    /// The cell's value.
    pub name: String,
    /// Its step of time; empty for the whole range.
    pub bucket: String,
    /// Its sessions.
    pub sessions: u64,
    /// First hours of sessions, ascending.
    #[serde(default)]
    pub firsts: Vec<i64>,
    /// Last hours of sessions, descending.
    #[serde(default)]
    pub lasts: Vec<i64>,
    /// Whether a wider filter that is allowed has all but a few of its sessions in the cell.
    #[serde(skip)]
    pub is_exposed: bool,
}

impl Count {
    /// Returns whether the cell must not be shown: it has fewer than [`MINIMUM`] sessions, or an allowed
    /// shorter range has all but so few, or it has all but so few of an allowed wider filter: the difference
    /// would show those.
    #[must_use]
    pub fn is_small(&self, range: Range) -> bool {
        if self.sessions < MINIMUM || self.is_exposed {
            return true;
        }
        let shorter = [HOUR, DAY, 7 * DAY].into_iter().filter(|length| *length < range.length());
        shorter.into_iter().any(|length| self.is_nearly_within(range, length))
    }

    /// Returns whether a window of this length has all but one to four of the sessions. Sessions that begin
    /// before it and end after it are counted twice, so that eight may be four.
    fn is_nearly_within(&self, range: Range, length: i64) -> bool {
        let mut from = range.from;
        while from + length <= range.to {
            let before = self.firsts.iter().filter(|first| **first < from).count() as u64;
            let after = self.lasts.iter().filter(|last| **last >= from + length).count() as u64;
            let (most, least) = (before + after, before.max(after));
            let some = most > 0 && least < MINIMUM && most < 2 * MINIMUM - 1;
            if some && self.sessions.saturating_sub(least) >= MINIMUM {
                return true;
            }
            from += HOUR;
        }
        false
    }
}

/// Cells that are shown together: a cell by itself, or what several are folded into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Positions of the cells that are shown.
    pub visible: BTreeSet<usize>,
    /// Folded cells, by what they are folded into: `[above, parent]`, `[above]` or `[]`.
    pub groups: BTreeMap<Vec<String>, BTreeSet<usize>>,
    /// Positions of cells that are too few to be shown even together.
    pub hidden: BTreeSet<usize>,
}

/// Folds cells of one step of time.
#[must_use]
pub fn fold(cells: &[Count], range: Range) -> Folded {
    let mut folding = Folding { cells, folded: Folded::default() };
    let everything: BTreeSet<usize> = (0..cells.len()).collect();
    folding.folded.visible.clone_from(&everything);
    let small = everything.into_iter().filter(|at| cells[*at].is_small(range)).collect();
    // Within a parent its cells are siblings, within what is above the parents are, and so on.
    let open =
        folding.level(small, &|cell| vec![cell.above.clone(), cell.parent.clone()], &|cell| {
            vec![cell.above.clone(), cell.parent.clone(), cell.name.clone()]
        });
    let open = folding.level(open, &|cell| vec![cell.above.clone()], &|cell| {
        vec![cell.above.clone(), cell.parent.clone()]
    });
    let open = folding.level(open, &|_| Vec::new(), &|cell| vec![cell.above.clone()]);
    for at in &open {
        folding.folded.visible.remove(at);
    }
    folding.folded.hidden = open;
    folding.folded
}

/// A part of a cell's path.
type Key<'a> = &'a dyn Fn(&Count) -> Vec<String>;

struct Folding<'a> {
    cells: &'a [Count],
    folded: Folded,
}

impl Folding<'_> {
    /// Folds `open` cells into their nodes, with further children of the same node until there are two
    /// and five sessions. Returns the cells of nodes that have too few.
    fn level(&mut self, open: BTreeSet<usize>, node: Key<'_>, child: Key<'_>) -> BTreeSet<usize> {
        let mut left = BTreeSet::new();
        let mut nodes: BTreeMap<Vec<String>, BTreeSet<usize>> = BTreeMap::new();
        for at in open {
            nodes.entry(node(&self.cells[at])).or_default().insert(at);
        }
        for (key, mut pool) in nodes {
            while !self.is_enough(&pool, child) {
                let Some(next) = self.smallest_other(&key, &pool, node, child) else { break };
                pool.extend(next);
            }
            if self.is_enough(&pool, child) {
                self.hide(&pool);
                self.folded.groups.insert(key, pool);
            } else {
                left.extend(pool);
            }
        }
        left
    }

    fn is_enough(&self, pool: &BTreeSet<usize>, child: Key<'_>) -> bool {
        let children: BTreeSet<_> = pool.iter().map(|at| child(&self.cells[*at])).collect();
        children.len() > 1 && self.sessions(pool) >= MINIMUM
    }

    fn sessions(&self, pool: &BTreeSet<usize>) -> u64 {
        pool.iter().map(|at| self.cells[*at].sessions).sum()
    }

    /// Returns all cells of the child of the node `key` that has the fewest sessions and is not in the pool.
    fn smallest_other(
        &self,
        key: &[String],
        pool: &BTreeSet<usize>,
        node: Key<'_>,
        child: Key<'_>,
    ) -> Option<BTreeSet<usize>> {
        let taken: BTreeSet<_> = pool.iter().map(|at| child(&self.cells[*at])).collect();
        let mut others: BTreeMap<Vec<String>, BTreeSet<usize>> = BTreeMap::new();
        for (at, cell) in self.cells.iter().enumerate() {
            if node(cell) == key && !taken.contains(&child(cell)) {
                others.entry(child(cell)).or_default().insert(at);
            }
        }
        others.into_values().min_by_key(|cells| self.sessions(cells))
    }

    /// Takes cells from those that are shown, and from what they were folded into before.
    fn hide(&mut self, pool: &BTreeSet<usize>) {
        self.folded.visible.retain(|at| !pool.contains(at));
        self.folded.groups.retain(|_, cells| {
            cells.retain(|at| !pool.contains(at));
            !cells.is_empty()
        });
    }
}

/// Returns the steps of time in which the cell of this value is shown, among its siblings.
#[must_use]
pub fn visible_buckets(
    cells: Vec<Count>,
    value: &str,
    range_of: impl Fn(&str) -> Range,
) -> BTreeSet<String> {
    by_bucket(cells)
        .into_iter()
        .filter(|(bucket, cells)| {
            let folded = fold(cells, range_of(bucket));
            let of_value = |at: &usize| cells[*at].name == value;
            let mut all = (0..cells.len()).filter(of_value).peekable();
            all.peek().is_some() && all.all(|at| folded.visible.contains(&at))
        })
        .map(|(bucket, _)| bucket)
        .collect()
}

/// Returns the cells of each step of time.
#[must_use]
pub fn by_bucket(cells: Vec<Count>) -> BTreeMap<String, Vec<Count>> {
    let mut buckets: BTreeMap<String, Vec<Count>> = BTreeMap::new();
    for cell in cells {
        buckets.entry(cell.bucket.clone()).or_default().push(cell);
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { from: 0, to: HOUR };

    fn cell(path: [&str; 3], sessions: u64) -> Count {
        let [above, parent, name] = path.map(str::to_owned);
        Count { above, parent, name, sessions, ..Count::default() }
    }

    fn names(cells: &[Count], at: &BTreeSet<usize>) -> Vec<String> {
        at.iter().map(|at| cells[*at].name.clone()).collect()
    }

    #[test]
    fn small_cells_are_folded_into_their_parent_with_a_second_one_where_there_is_one_alone() {
        let cells = [
            cell(["SA", "BR", "large"], 50),
            cell(["SA", "BR", "second"], 7),
            cell(["SA", "BR", "small"], 2),
            cell(["SA", "AR", "one"], 3),
            cell(["SA", "AR", "two"], 4),
            cell(["SA", "AR", "three"], 9),
        ];
        let folded = fold(&cells, RANGE);
        assert_eq!(names(&cells, &folded.visible), ["large", "three"]);
        let group = |parent: &str| {
            names(&cells, &folded.groups[&["SA", parent].map(str::to_owned).to_vec()])
        };
        assert_eq!(
            (group("BR"), group("AR")),
            (vec!["second".into(), "small".into()], vec!["one".into(), "two".into()])
        );
        assert!(folded.hidden.is_empty());
    }

    #[test]
    fn a_parent_that_is_small_itself_is_folded_further_up_with_a_second_parent() {
        let cells = [
            cell(["SA", "BR", "a"], 50),
            cell(["SA", "BR", "b"], 60),
            cell(["SA", "UY", "only"], 2),
            cell(["SA", "AR", "c"], 10),
            cell(["SA", "AR", "d"], 20),
        ];
        let folded = fold(&cells, RANGE);
        assert_eq!(names(&cells, &folded.visible), ["a", "b"]);
        assert_eq!(names(&cells, &folded.groups[&vec!["SA".to_owned()]]), ["only", "c", "d"]);
        let alone = [cell(["", "", "only"], 3)];
        assert_eq!(names(&alone, &fold(&alone, RANGE).hidden), ["only"]);
    }

    #[test]
    fn a_cell_whose_shorter_range_shows_all_but_a_few_is_small() {
        let day = Range { from: 0, to: DAY };
        let mut seen = cell(["", "", "x"], 20);
        // Nineteen sessions in the first hour, and one in the fifth.
        seen.firsts = vec![0; 9];
        seen.lasts = [&[4 * HOUR][..], &[0; 8]].concat();
        assert!(seen.is_small(day));
        seen.lasts = [&[4 * HOUR; 9][..]].concat();
        assert!(!seen.is_small(day));
        assert!(!cell(["", "", "x"], 20).is_small(RANGE));
    }

    /// A day that is shown and an hour of it that is shown never differ by one to four sessions.
    #[test]
    fn differences_of_nested_ranges_are_never_a_few_sessions() {
        let day = Range { from: 0, to: DAY };
        let hours = [0, 5 * HOUR, 23 * HOUR];
        for code in 0..12_usize.pow(3) {
            let sizes = [code % 12, code / 12 % 12, code / 144];
            let seen: Vec<i64> = hours
                .into_iter()
                .zip(sizes)
                .flat_map(|(hour, size)| std::iter::repeat_n(hour, size))
                .collect();
            let mut whole = cell(["", "", "x"], seen.len() as u64);
            whole.firsts = seen.iter().copied().take(9).collect();
            whole.lasts = seen.iter().rev().copied().take(9).collect();
            for size in sizes.into_iter().filter(|size| *size as u64 >= MINIMUM) {
                let difference = seen.len() - size;
                let safe = whole.is_small(day) || difference == 0 || difference as u64 >= MINIMUM;
                assert!(safe, "{sizes:?}");
            }
        }
    }

    /// No sum of shown cells, taken from the sum of all, leaves one to four sessions.
    #[test]
    fn what_is_not_shown_is_never_one_small_cell_of_a_small_world() {
        for code in 0..5_u64.pow(6) {
            let sizes =
                (0..6).map(|place| [0, 1, 4, 5, 20][(code / 5_u64.pow(place) % 5) as usize]);
            let paths = [
                ["A", "1", "a"],
                ["A", "1", "b"],
                ["A", "2", "c"],
                ["A", "2", "d"],
                ["B", "3", "e"],
                ["B", "4", "f"],
            ];
            let cells: Vec<_> = paths
                .into_iter()
                .zip(sizes)
                .filter(|(_, size)| *size > 0)
                .map(|(path, size)| cell(path, size))
                .collect();
            let folded = fold(&cells, RANGE);
            for key in [&[][..], &["A"], &["B"], &["A", "1"], &["A", "2"], &["B", "3"], &["B", "4"]]
            {
                let within = |cell: &Count| {
                    let path = [&cell.above, &cell.parent];
                    key.iter().zip(path).all(|(wanted, found)| wanted == found)
                };
                let all: u64 =
                    cells.iter().filter(|cell| within(cell)).map(|cell| cell.sessions).sum();
                let at = |at: &usize| within(&cells[*at]).then_some(cells[*at].sessions);
                let shown: u64 = folded.visible.iter().filter_map(at).sum();
                let folded_within: u64 = folded
                    .groups
                    .iter()
                    .filter(|(group, _)| {
                        group.len() >= key.len() && group.iter().zip(key).all(|(a, b)| a == b)
                    })
                    .flat_map(|(_, cells)| cells)
                    .filter_map(at)
                    .sum();
                // The total of the node is an answer only if it has five sessions itself.
                let left = all - shown - folded_within;
                let safe = all < MINIMUM || left == 0 || left >= MINIMUM;
                assert!(safe, "{key:?} {cells:?} {folded:?}");
            }
        }
    }
}
