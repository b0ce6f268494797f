//! Breakdowns: the cells of a dimension with figures, rank ranges, harm and findings.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use statistics::{Standard, Strata, benjamini_hochberg, rest, union};

use crate::answers::{
    About, Breakdown, Change, Correction, FoldedRows, Harm, Hidden, RankRange, Row, Spark, Word,
};
use crate::cells::{Cell, Cells, Distributions, Key};
use crate::comparison::{Data, Q, change, standardised};
use crate::dimension::Dimension;
use crate::figure::{Figure, State};
use crate::filter::{Question, Range, rfc3339};
use crate::fold::{Count, Folded, by_bucket, fold};
use crate::measure::{Basis, Measure};

/// Microseconds of an hour.
const HOUR_US: f64 = 3.6e9;

/// Orders of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The greatest harm first, then the worst.
    #[default]
    Harm,
    /// The worst first.
    Value,
    /// Most sessions first.
    Sessions,
    /// By name.
    Name,
}

/// What a breakdown is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Its dimension.
    pub by: Dimension,
    /// Sessions of all cells.
    pub counts: Vec<Count>,
    /// Smallest number of sessions of a figure that is shown: 1 for a role that may see participants.
    pub minimum: u64,
    /// Whether `counts` has sessions; otherwise it has the names of cells alone.
    pub knows_sessions: bool,
    /// Sums, of a ratio.
    pub cells: Cells,
    /// Distributions, of a quantile.
    pub distributions: Distributions,
    /// All cells together.
    pub total: Data,
    /// Cells, distributions and sessions by step of time, for sparklines.
    pub sparks: Option<(Cells, Distributions, Vec<Count>)>,
    /// Largest number of rows.
    pub limit: usize,
    /// Their order.
    pub sort: Sort,
    /// Whether the weights are in the answer.
    pub weights: bool,
}

/// A row before it has figures.
struct Entry {
    key: BTreeMap<Dimension, String>,
    /// Parents and names of its cells.
    members: Vec<(String, String)>,
    is_folded: bool,
    sessions: u64,
}

/// Returns a breakdown.
#[must_use]
pub fn breakdown(question: &Question, parts: &Parts) -> Breakdown {
    let folded = if parts.minimum > 1 {
        fold(&parts.counts, question.range)
    } else {
        let visible = (0..parts.counts.len()).collect();
        Folded { visible, ..Folded::default() }
    };
    let entries = entries(parts, &folded);
    let (mut rows, standard, tests) = match question.measure.basis() {
        Basis::Ratio => ratios(question, parts, &entries),
        Basis::Quantile { level, .. } => {
            (quantiles(question.measure, level, parts, &entries), None, 0)
        }
    };
    add_sparklines(question, parts, &entries, &mut rows);
    sort(&mut rows, parts.sort, question.measure);
    let beyond_limit = rows.len().saturating_sub(parts.limit);
    rows.truncate(parts.limit);
    Breakdown {
        about: About::of(question),
        measure: question.measure,
        unit: question.measure.unit(),
        by: parts.by,
        total: parts.total.figure(question.measure, parts.minimum),
        standard: standardised(standard.as_ref(), Some(parts.by), parts.weights),
        correction: Correction { method: "benjamini_hochberg", q: Q, tests },
        rows,
        hidden: Hidden { rows: folded.hidden.len(), beyond_limit },
    }
}

fn entries(parts: &Parts, folded: &Folded) -> Vec<Entry> {
    let parent = parts.by.parent();
    let above = parent.and_then(Dimension::parent);
    let key = |levels: &[(Option<Dimension>, &String)]| -> BTreeMap<Dimension, String> {
        let named = levels.iter().filter_map(|(level, value)| Some(((*level)?, (*value).clone())));
        named.filter(|(_, value)| !value.is_empty()).collect()
    };
    let members = |cells: &BTreeSet<usize>| {
        let path = |at: &usize| {
            let cell = &parts.counts[*at];
            (cell.parent.clone(), cell.name.clone())
        };
        cells.iter().map(path).collect::<Vec<_>>()
    };
    let sessions =
        |cells: &BTreeSet<usize>| cells.iter().map(|at| parts.counts[*at].sessions).sum::<u64>();
    let single = folded.visible.iter().map(|at| {
        let cell = &parts.counts[*at];
        let levels = [(above, &cell.above), (parent, &cell.parent), (Some(parts.by), &cell.name)];
        let own = BTreeSet::from([*at]);
        let (members, sessions) = (members(&own), sessions(&own));
        Entry { key: key(&levels), members, is_folded: false, sessions }
    });
    let groups = folded.groups.iter().map(|(path, cells)| {
        let levels: Vec<_> = [above, parent].into_iter().zip(path).collect();
        let (members, sessions) = (members(cells), sessions(cells));
        Entry { key: key(&levels), members, is_folded: true, sessions }
    });
    single.chain(groups).collect()
}

fn key_of((parent, name): &(String, String)) -> Key {
    Key { bucket: String::new(), parent: parent.clone(), name: name.clone() }
}

fn row(entry: &Entry, by: Dimension, raw: Figure) -> Row {
    Row {
        key: entry.key.clone(),
        name: entry.key.get(&by).filter(|_| !entry.is_folded).cloned(),
        folded: entry.is_folded.then_some(FoldedRows { rows: entry.members.len() }),
        raw,
        adjusted: None,
        rank: None,
        harm: None,
        against_rest: None,
        sparkline: None,
    }
}

fn ratios(
    question: &Question,
    parts: &Parts,
    entries: &[Entry],
) -> (Vec<Row>, Option<Standard>, usize) {
    let sum = |entry: &Entry| {
        let found: Vec<&Cell> =
            entry.members.iter().filter_map(|member| parts.cells.get(&key_of(member))).collect();
        match found[..] {
            [one] => one.clone(),
            _ => Cell::sum(found),
        }
    };
    let sums: Vec<Cell> = entries.iter().map(sum).collect();
    let all = union(parts.cells.values().map(|cell| &cell.strata));
    let mut rows: Vec<Row> = entries
        .iter()
        .zip(&sums)
        .map(|(entry, cell)| row(entry, parts.by, cell.raw(parts.minimum)))
        .collect();
    let standard = if question.is_of_minutes() { None } else { Standard::of(&all) };
    let Some(common) = &standard else { return (rows, None, 0) };
    let is_ranked = |row: &Row| row.folded.is_none() && row.raw.is_shown();
    for (row, cell) in rows.iter_mut().zip(&sums).filter(|(row, _)| is_ranked(row)) {
        let figure = common.figure(&cell.strata);
        row.adjusted = Some(Figure::of(&figure, cell.intervals, parts.minimum));
        row.against_rest =
            Some(change(&common.compare(&cell.strata, &rest(&all, &cell.strata)), None));
        if question.measure == Measure::PoorShare {
            row.harm = Some(harm(cell.part() / HOUR_US, row.against_rest.as_ref()));
        }
    }
    let tests =
        mark_findings(rows.iter_mut().filter_map(|row| row.against_rest.as_mut()).collect());
    rank(common, &mut rows, &sums, is_ranked);
    (rows, standard, tests)
}

/// Marks the changes that stand after the correction, and returns the number of comparisons.
pub(crate) fn mark_findings(mut changes: Vec<&mut Change>) -> usize {
    let p: Vec<_> = changes.iter().map(|change| change.p).collect();
    for (change, finding) in changes.iter_mut().zip(benjamini_hochberg(&p, Q)) {
        change.finding = Some(finding);
    }
    p.into_iter().flatten().count()
}

fn harm(poor_hours: f64, against_rest: Option<&Change>) -> Harm {
    let certainty = match against_rest {
        Some(Change { p: Some(p), difference: Some(difference), .. }) if *difference > 0.0 => {
            1.0 - p
        }
        _ => 0.0,
    };
    Harm { poor_hours, certainty, value: poor_hours * certainty }
}

fn rank(standard: &Standard, rows: &mut [Row], sums: &[Cell], is_ranked: impl Fn(&Row) -> bool) {
    let at: Vec<usize> = (0..rows.len()).filter(|at| is_ranked(&rows[*at])).collect();
    let groups: Vec<&Strata> = at.iter().map(|at| &sums[*at].strata).collect();
    let ranges = standard.ranks(&groups);
    let count = ranges.iter().flatten().count();
    for (at, range) in at.into_iter().zip(ranges) {
        // Those of `statistics` begin with the least poor time.
        rows[at].rank =
            range.map(|range| RankRange { from: count + 1 - range.to, to: count + 1 - range.from });
    }
}

fn quantiles(measure: Measure, level: f64, parts: &Parts, entries: &[Entry]) -> Vec<Row> {
    let figure = |entry: &Entry| match &entry.members[..] {
        [member] if !entry.is_folded => {
            let found = parts.distributions.get(&key_of(member));
            found.map_or_else(Figure::none, |found| {
                found.figure(level, parts.knows_sessions.then_some(entry.sessions), parts.minimum)
            })
        }
        // Quantiles of several cells do not follow from theirs.
        _ => Figure { sessions: Some(entry.sessions), ..Figure::not_kept() },
    };
    let mut rows: Vec<Row> =
        entries.iter().map(|entry| row(entry, parts.by, figure(entry))).collect();
    let limits = |row: &Row| {
        let (lower, upper) = (row.raw.lower?, row.raw.upper?);
        // Worse is more.
        Some(if measure.higher_is_worse() { (lower, upper) } else { (-upper, -lower) })
    };
    let all: Vec<_> = rows.iter().filter_map(limits).collect();
    for row in &mut rows {
        row.rank = limits(row).map(|(lower, upper)| RankRange {
            from: 1 + all.iter().filter(|other| other.0 > upper).count(),
            to: all.len() - all.iter().filter(|other| other.1 < lower).count(),
        });
    }
    rows
}

fn add_sparklines(question: &Question, parts: &Parts, entries: &[Entry], rows: &mut [Row]) {
    let Some((cells, distributions, counts)) = &parts.sparks else { return };
    let step = question.step().seconds();
    let mut shown: BTreeMap<i64, BTreeMap<(String, String), u64>> = BTreeMap::new();
    for (bucket, counts) in by_bucket(counts.clone()) {
        let Ok(at) = bucket.parse::<i64>() else { continue };
        let range = Range { from: at, to: at + step };
        let folded = (parts.minimum > 1).then(|| fold(&counts, range));
        let is_visible =
            |at: &usize| folded.as_ref().is_none_or(|folded| folded.visible.contains(at));
        let visible = (0..counts.len()).filter(is_visible).map(|at| {
            let cell = &counts[at];
            ((cell.parent.clone(), cell.name.clone()), cell.sessions)
        });
        shown.insert(at, visible.collect());
    }
    for (row, entry) in rows.iter_mut().zip(entries) {
        let [member] = &entry.members[..] else { continue };
        if entry.is_folded {
            continue;
        }
        let spark = |at: i64| {
            let sessions = shown.get(&at).and_then(|cells| cells.get(member)).copied();
            let key = Key { bucket: at.to_string(), ..key_of(member) };
            let figure = sessions.and_then(|sessions| match question.measure.basis() {
                Basis::Ratio => Some(cells.get(&key)?.raw(parts.minimum)),
                Basis::Quantile { level, .. } => {
                    let known = parts.knows_sessions.then_some(sessions);
                    Some(distributions.get(&key)?.figure(level, known, parts.minimum))
                }
            });
            Spark {
                at: rfc3339(at),
                value: figure.and_then(|figure| figure.value),
                sessions: sessions.filter(|_| parts.knows_sessions),
            }
        };
        let Range { from, to } = question.range;
        let steps = std::iter::successors(Some(from), |at| Some(at + step));
        row.sparkline = Some(steps.take_while(|at| *at < to).map(spark).collect());
    }
}

fn sort(rows: &mut [Row], order: Sort, measure: Measure) {
    let value = |row: &Row| {
        let is_known = |figure: &Figure| matches!(figure.state, State::Known | State::UpperLimit);
        let adjusted = row.adjusted.filter(|figure| figure.value.is_some());
        let figure = adjusted.unwrap_or(row.raw);
        let sign = if measure.higher_is_worse() { 1.0 } else { -1.0 };
        // A raw share is of another mix, so it is no reason to be above rows that can be compared.
        let class = match adjusted {
            Some(figure) if is_known(&figure) => 2,
            _ => u8::from(is_known(&figure)),
        };
        (class, figure.value.map_or(f64::NEG_INFINITY, |value| sign * value))
    };
    let worst_first = |a: &Row, b: &Row| {
        let ((a_class, a), (b_class, b)) = (value(a), value(b));
        b_class.cmp(&a_class).then(b.total_cmp(&a))
    };
    let harm = |row: &Row| row.harm.map_or(0.0, |harm| harm.value);
    let compare = |a: &Row, b: &Row| match order {
        Sort::Harm => harm(b).total_cmp(&harm(a)).then_with(|| worst_first(a, b)),
        Sort::Value => worst_first(a, b),
        Sort::Sessions => b.raw.sessions.cmp(&a.raw.sessions),
        Sort::Name => Ordering::Equal,
    };
    rows.sort_by(|a, b| {
        let folded_last = a.folded.is_some().cmp(&b.folded.is_some());
        folded_last.then_with(|| compare(a, b)).then_with(|| a.key.cmp(&b.key))
    });
}

/// Returns whether a change is a finding.
pub(crate) fn is_finding(change: &Change) -> bool {
    change.finding == Some(true) && matches!(change.word, Word::Better | Word::Worse)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use statistics::{Session, Stratum, Sums};

    use super::*;
    use crate::filter::{HOUR, Source};

    /// A breakdown by provider in Brazil: names, sessions, and poor ones of ten.
    fn league(cells: &[(&str, u64, i64)], sort: Sort) -> Breakdown {
        let question = Question {
            filter: [(Dimension::Country, "BR".to_owned())].into(),
            apps: Vec::new(),
            range: Range { from: 0, to: HOUR },
            source: Source::Hours,
            measure: Measure::PoorShare,
        };
        let count = |(name, sessions, _): &(&str, u64, i64)| Count {
            above: "SA".to_owned(),
            parent: "BR".to_owned(),
            name: (*name).to_owned(),
            sessions: *sessions,
            ..Count::default()
        };
        let cell = |(name, sessions, poor): &(&str, u64, i64)| {
            let part = |number: i64| if number % 10 < *poor { 3_600_000_000 } else { 0 };
            let sessions = (0..*sessions as i64)
                .map(|number| Session { part: part(number), whole: 3_600_000_000 });
            let sums = Sums::of(&sessions.collect::<Vec<_>>());
            let strata = [(Stratum { kind: "audio".to_owned(), ..Stratum::default() }, sums)];
            let cell = Cell { strata: strata.into(), intervals: 1, totals: None };
            (key_of(&("BR".to_owned(), (*name).to_owned())), cell)
        };
        let found: Cells = cells.iter().map(cell).collect();
        let parts = Parts {
            by: Dimension::Provider,
            counts: cells.iter().map(count).collect(),
            minimum: 5,
            knows_sessions: true,
            total: Data::Ratio(Cell::sum(found.values())),
            cells: found,
            distributions: Distributions::new(),
            sparks: None,
            limit: 100,
            sort,
            weights: true,
        };
        breakdown(&question, &parts)
    }

    fn names(answer: &Breakdown) -> Vec<Option<&str>> {
        answer.rows.iter().map(|row| row.name.as_deref()).collect()
    }

    #[test]
    fn the_worst_is_first_with_its_rank_and_small_cells_are_folded_at_the_end() {
        let cells = [
            ("good", 300, 1),
            ("bad", 300, 6),
            ("middle", 300, 3),
            ("small", 8, 3),
            ("tiny", 2, 3),
        ];
        for sort in [Sort::Harm, Sort::Value] {
            let answer = league(&cells, sort);
            assert_eq!(names(&answer), [Some("bad"), Some("middle"), Some("good"), None]);
            let worst = &answer.rows[0];
            assert_eq!(worst.rank, Some(RankRange { from: 1, to: 1 }));
            let against = worst.against_rest.unwrap();
            assert_eq!((against.word, against.finding), (Word::Worse, Some(true)));
            assert!((worst.harm.unwrap().poor_hours - 180.0).abs() < 1e-9);
            let folded = answer.rows.last().unwrap();
            assert_eq!(folded.folded, Some(FoldedRows { rows: 2 }));
            assert_eq!(folded.key.get(&Dimension::Country).map(String::as_str), Some("BR"));
            assert_eq!((folded.raw.sessions, folded.rank), (Some(10), None));
        }
    }

    #[test]
    fn a_row_without_an_adjusted_figure_is_below_those_that_can_be_compared() {
        let answer = league(&[("good", 300, 1), ("bad", 300, 6)], Sort::Name);
        let mut rows = answer.rows;
        // Its mix cannot be compared.
        let apart = Row { adjusted: None, harm: None, ..rows[0].clone() };
        rows.push(Row { name: Some("apart".to_owned()), ..apart });
        for row in &mut rows {
            row.harm = None;
        }
        for order in [Sort::Harm, Sort::Value] {
            sort(&mut rows, order, Measure::PoorShare);
            let names: Vec<_> = rows.iter().map(|row| row.name.as_deref()).collect();
            assert_eq!(names, [Some("bad"), Some("good"), Some("apart")]);
        }
    }

    #[test]
    fn equal_providers_share_all_ranks_and_none_is_a_finding() {
        let answer = league(&[("a", 200, 3), ("b", 200, 3), ("c", 200, 3)], Sort::Name);
        for row in &answer.rows {
            assert_eq!(row.rank, Some(RankRange { from: 1, to: 3 }));
            assert_eq!(row.against_rest.unwrap().finding, Some(false));
            assert!(row.harm.unwrap().value < row.harm.unwrap().poor_hours);
        }
        assert_eq!(answer.correction.tests, 3);
    }
}
