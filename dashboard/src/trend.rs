//! Series, hours of the week and changes against the week before.

use std::collections::{BTreeMap, BTreeSet};

use statistics::{Standard, union};

use crate::answers::{About, ChangeRow, Changes, Correction, Heat, HeatCell, Point, Series};
use crate::cells::{Cells, Distributions, Key};
use crate::comparison::{Q, change};
use crate::dimension::Dimension;
use crate::figure::{Distribution, Figure};
use crate::filter::{Question, rfc3339};
use crate::fold::{Count, fold};
use crate::league::{is_finding, mark_findings};
use crate::measure::{Basis, Measure};

/// Figures by step of time.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Sums, of a ratio.
    pub cells: Cells,
    /// Distributions of the measure, or of the round trip time.
    pub distributions: Distributions,
    /// Sessions by step; not known if there is none.
    pub sessions: Option<BTreeMap<String, u64>>,
    /// Steps in which the cell is shown; all if there is none.
    pub visible: Option<BTreeSet<String>>,
    /// Smallest number of sessions of a figure that is shown.
    pub minimum: u64,
}

impl Steps {
    fn is_visible(&self, bucket: &str) -> bool {
        self.visible.as_ref().is_none_or(|visible| visible.contains(bucket))
    }

    fn distribution(&self, bucket: &str) -> Option<&Distribution> {
        self.distributions.get(&Key { bucket: bucket.to_owned(), ..Key::default() })
    }

    fn figure(&self, measure: Measure, bucket: &str) -> Figure {
        let sessions = self.sessions.as_ref().map(|known| known.get(bucket).copied().unwrap_or(0));
        let cell = self.cells.get(&Key { bucket: bucket.to_owned(), ..Key::default() });
        if sessions == Some(0) && cell.is_none() {
            return Figure::none();
        }
        if !self.is_visible(bucket) {
            return Figure::too_few();
        }
        match measure.basis() {
            Basis::Ratio => cell.map_or_else(Figure::none, |cell| cell.raw(self.minimum)),
            Basis::Quantile { level, .. } => self
                .distribution(bucket)
                .map_or_else(Figure::none, |found| found.figure(level, sessions, self.minimum)),
        }
    }
}

/// Returns a series.
#[must_use]
pub fn series(question: &Question, steps: &Steps, distribution: &'static str) -> Series {
    let step_s = question.step().seconds();
    let mut points = Vec::new();
    let mut at = question.range.from;
    while at < question.range.to {
        let bucket = at.to_string();
        let figure = steps.figure(question.measure, &bucket);
        let shown = steps.distribution(&bucket).filter(|_| figure.is_shown());
        let quantile = |level| shown.and_then(|found| found.at(level));
        points.push(Point { at: rfc3339(at), figure, p50: quantile(0.5), p95: quantile(0.95) });
        at += step_s;
    }
    Series {
        about: About::of(question),
        measure: question.measure,
        unit: question.measure.unit(),
        step_s,
        distribution,
        points,
    }
}

/// Returns the hours of the week.
#[must_use]
pub fn heat(question: &Question, steps: &Steps) -> Heat {
    let hours = (1..=7_u8).flat_map(|weekday| (0..24_u8).map(move |hour| (weekday, hour)));
    let cell = |(weekday, hour): (u8, u8)| {
        let bucket = (u32::from(weekday) * 100 + u32::from(hour)).to_string();
        HeatCell { weekday, hour, figure: steps.figure(question.measure, &bucket) }
    };
    Heat {
        about: About::of(question),
        measure: question.measure,
        unit: question.measure.unit(),
        cells: hours.map(cell).collect(),
    }
}

/// Cells of a time range, and those of the same hours a week before.
#[derive(Clone, Debug)]
pub struct Weeks {
    /// Sums and sessions now.
    pub now: (Cells, Vec<Count>),
    /// A week before.
    pub before: (Cells, Vec<Count>),
    /// Smallest number of sessions of a figure that is shown.
    pub minimum: u64,
}

/// Returns the changes that stand after the correction for their number, the most poor time first.
#[must_use]
pub fn changes(question: &Question, weeks: &Weeks, limit: usize) -> Changes {
    let visible = |counts: &[Count], range| -> BTreeSet<(String, String)> {
        let all = 0..counts.len();
        let shown = if weeks.minimum > 1 { fold(counts, range).visible } else { all.collect() };
        shown.into_iter().map(|at| (counts[at].parent.clone(), counts[at].name.clone())).collect()
    };
    let now = visible(&weeks.now.1, question.range);
    let before = visible(&weeks.before.1, question.range.week_before());
    let mut rows = Vec::new();
    for (parent, name) in now.intersection(&before) {
        let key = Key { bucket: String::new(), parent: parent.clone(), name: name.clone() };
        let Some((a, b)) = weeks.now.0.get(&key).zip(weeks.before.0.get(&key)) else { continue };
        let (now, before) = (a.raw(weeks.minimum), b.raw(weeks.minimum));
        let Some(standard) = Standard::of(&union([&a.strata, &b.strata])) else { continue };
        if !now.is_shown() || !before.is_shown() {
            continue;
        }
        let change = change(&standard.compare(&a.strata, &b.strata), None);
        let path = [(Dimension::Country, parent), (Dimension::Provider, name)];
        let key = path.into_iter().filter(|(_, value)| !value.is_empty());
        let key = key.map(|(dimension, value)| (dimension, value.clone())).collect();
        let weight = change.difference.unwrap_or(0.0).abs() * a.weight();
        rows.push((weight, ChangeRow { key, name: name.clone(), now, before, change }));
    }
    let tests = mark_findings(rows.iter_mut().map(|(_, row)| &mut row.change).collect());
    rows.retain(|(_, row)| is_finding(&row.change));
    rows.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Changes {
        about: About::of(question),
        measure: question.measure,
        correction: Correction { method: "benjamini_hochberg", q: Q, tests },
        rows: rows.into_iter().take(limit).map(|(_, row)| row).collect(),
    }
}
