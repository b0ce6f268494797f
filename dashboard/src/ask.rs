//! Questions to ClickHouse: which query answers them, with which parameters.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::{try_join, try_join_all};
use jiff::Timestamp;

use crate::access::Role;
use crate::cells::{Cell, Cells, Distributions, Key, cells, distributions};
use crate::comparison::Data;
use crate::dimension::Dimension;
use crate::filter::{DAY, HOUR, Question, Range, Source};
use crate::fold::{Count, MINIMUM, visible_buckets};
use crate::lattice::{Siblings, siblings};
use crate::measure::{Basis, Measure};
use crate::problem::Problem;
use crate::store::{Named, Parameter, Parameters, Store};

/// Column that has the same value for all.
pub(crate) const EVERYTHING: &str = "everything";
/// Column of the hour of the week.
pub(crate) const WEEKHOUR: &str = "at_weekhour";
/// Time after which the roll-up of an hour is complete.
const SEALED: i64 = 3 * HOUR;

/// Columns that cells are grouped by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouping {
    above: &'static str,
    parent: &'static str,
    by: &'static str,
    bucket: &'static str,
}

impl Grouping {
    /// One cell.
    pub(crate) const NONE: Self =
        Self { above: EVERYTHING, parent: EVERYTHING, by: EVERYTHING, bucket: EVERYTHING };

    /// Cells of a dimension below what contains them.
    pub(crate) fn of(by: Dimension) -> Self {
        let column = |dimension: Option<Dimension>| dimension.map_or(EVERYTHING, Dimension::name);
        let parent = by.parent();
        Self {
            above: column(parent.and_then(Dimension::parent)),
            parent: column(parent),
            by: by.name(),
            ..Self::NONE
        }
    }

    pub(crate) const fn at(self, bucket: &'static str) -> Self {
        Self { bucket, ..self }
    }
}

/// Asks ClickHouse what requests ask for.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) store: Arc<Store>,
    pub(crate) role: Role,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

impl Asker {
    pub(crate) fn minimum(&self) -> u64 {
        match self.role {
            Role::Viewer => MINIMUM,
            Role::Participants => 1,
        }
    }

    /// Returns the sums of cells.
    pub(crate) async fn cells(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Cells, Problem> {
        let query = match question.source {
            Source::Hours => Named::StrataHours,
            Source::Days => Named::StrataDays,
        };
        cells(self.store.rows(query, parameters(question, grouping)).await?)
    }

    /// Returns the sessions of cells. By day they are those that the poor share is known of.
    pub(crate) async fn counts(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Vec<Count>, Problem> {
        if question.source == Source::Hours {
            return self.store.rows(Named::CountsHours, parameters(question, grouping)).await;
        }
        let cells = self.cells(&question.of(Measure::PoorShare), grouping).await?;
        let count = |(key, cell): (Key, Cell)| Count {
            sessions: statistics::raw_figure(&cell.strata).sessions,
            parent: key.parent,
            name: key.name,
            bucket: key.bucket,
            ..Count::default()
        };
        Ok(cells.into_iter().map(count).collect())
    }

    /// Returns distributions of a sketch; none if the tables do not have it for these dimensions.
    pub(crate) async fn distributions(
        &self,
        question: &Question,
        sketch: &'static str,
        grouping: Grouping,
    ) -> Result<Option<Distributions>, Problem> {
        let Some((query, cells_of)) = sketch_table(question, grouping) else { return Ok(None) };
        let mut parameters = parameters(question, grouping);
        let source = match question.source {
            Source::Hours => "overview_hours",
            Source::Days => "overview_days",
        };
        let seam = (self.now - self.now.rem_euclid(HOUR) - SEALED)
            .clamp(question.range.from, question.range.to);
        parameters.extend([
            ("sketch", text(sketch)),
            ("grouping", text(cells_of)),
            ("source", text(source)),
            ("seam", text(&datetime(seam))),
        ]);
        Ok(Some(distributions(self.store.rows(query, parameters).await?)))
    }

    /// Returns the steps of time in which the cell of a filter may be shown; none if the role sees all.
    pub(crate) async fn visible(
        &self,
        question: &Question,
        bucket: &'static str,
    ) -> Result<Option<BTreeSet<String>>, Problem> {
        if self.role == Role::Participants {
            return Ok(None);
        }
        let range_of = |bucket_of: &str| bucket_range(question.range, bucket, bucket_of);
        let levels = siblings(&question.filter);
        let rows =
            try_join_all(levels.iter().map(|level| self.sibling_counts(question, level, bucket)));
        let (alone, rows) =
            try_join(self.counts(question, Grouping::NONE.at(bucket)), rows).await?;
        let mut visible = visible_buckets(alone, "", range_of);
        for (level, rows) in levels.iter().zip(rows) {
            let shown = visible_buckets(rows, &level.value, range_of);
            visible.retain(|bucket| shown.contains(bucket));
        }
        Ok(Some(visible))
    }

    async fn sibling_counts(
        &self,
        question: &Question,
        level: &Siblings,
        bucket: &'static str,
    ) -> Result<Vec<Count>, Problem> {
        let mut grouping = Grouping::of(level.by).at(bucket);
        let is_narrow = level.by.parent().is_none_or(|parent| level.filter.contains_key(&parent));
        if level.by != Dimension::Country && !is_narrow {
            grouping = Grouping { above: EVERYTHING, parent: EVERYTHING, ..grouping };
        }
        self.counts(&question.with(level.filter.clone()), grouping).await
    }

    /// Returns the data of one selection.
    pub(crate) async fn data(&self, question: &Question) -> Result<Data, Problem> {
        let Basis::Quantile { sketch, .. } = question.measure.basis() else {
            return self.ratio(question).await;
        };
        if is_cut(question) {
            return Ok(Data::NotKept);
        }
        let counts = self.counts(question, Grouping::NONE);
        let found = self.distributions(question, sketch, Grouping::NONE);
        let (visible, (counts, found)) =
            try_join(self.visible(question, EVERYTHING), try_join(counts, found)).await?;
        let sessions = counts.first().map_or(0, |count| count.sessions);
        if sessions > 0 && visible.is_some_and(|visible| visible.is_empty()) {
            return Ok(Data::Hidden);
        }
        Ok(match found {
            None => Data::NotKept,
            Some(found) => Data::Quantile(found.into_values().next().unwrap_or_default(), sessions),
        })
    }

    async fn ratio(&self, question: &Question) -> Result<Data, Problem> {
        if is_cut(question) || !is_ratio_kept(question) {
            return Ok(Data::NotKept);
        }
        let cells = self.cells(question, Grouping::NONE);
        let (visible, cells) = try_join(self.visible(question, EVERYTHING), cells).await?;
        let cell = cells.into_values().next().unwrap_or_default();
        let is_hidden = visible.is_some_and(|visible| visible.is_empty());
        Ok(if is_hidden && !cell.strata.is_empty() { Data::Hidden } else { Data::Ratio(cell) })
    }
}

fn text(value: &str) -> Parameter {
    Parameter::Text(value.to_owned())
}

/// Returns a time as ClickHouse reads it, UTC.
fn datetime(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn parameters(question: &Question, grouping: Grouping) -> Parameters {
    let filter =
        Dimension::ALL.map(|dimension| (dimension.name(), text(question.value(dimension))));
    let mut parameters = Parameters::from(filter);
    parameters.extend([
        ("apps", Parameter::Texts(question.apps.clone())),
        ("from", text(&datetime(question.range.from))),
        ("to", text(&datetime(question.range.to))),
        ("measure", text(question.measure.observed_as().name())),
        ("above", text(grouping.above)),
        ("parent", text(grouping.parent)),
        ("by", text(grouping.by)),
        ("bucket", text(grouping.bucket)),
    ]);
    parameters
}

/// Returns the query and the grouping of cells that has all dimensions of a question.
fn sketch_table(question: &Question, grouping: Grouping) -> Option<(Named, &'static str)> {
    const OVERVIEW: [(&str, &[&str]); 3] = [
        ("country", &["app", "continent", "country"]),
        ("provider", &["app", "continent", "country", "provider"]),
        ("browser", &["app", "country", "browser", "browser_version"]),
    ];
    const CELLS: [(&str, &[&str]); 2] = [
        (
            "place",
            &["app", "continent", "country", "subdivision", "provider", "network_type", "edge"],
        ),
        (
            "client",
            &["app", "country", "device_class", "browser", "browser_version", "client_version"],
        ),
    ];
    let filtered = question.filter.keys().map(|dimension| dimension.name());
    // What is above the parent is not in the answer.
    let wanted: BTreeSet<_> = filtered
        .chain([grouping.parent, grouping.by])
        .filter(|column| ![EVERYTHING, "kind", "direction"].contains(column))
        .collect();
    let find = |tables: &[(&'static str, &[&str])]| {
        let has = |columns: &[&str]| wanted.iter().all(|column| columns.contains(column));
        tables.iter().find(|(_, columns)| has(columns)).map(|(name, _)| *name)
    };
    let overview = find(&OVERVIEW).map(|name| (Named::QuantilesOverview, name));
    overview.or_else(|| find(&CELLS).map(|name| (Named::QuantilesCells, name)))
}

fn bucket_range(range: Range, column: &str, bucket: &str) -> Range {
    let length = match column {
        "at_hour" | WEEKHOUR => HOUR,
        "at_day" => DAY,
        _ => return range,
    };
    let from = bucket.parse().unwrap_or(range.from);
    Range { from, to: from + length }
}

/// Returns whether the table of days would have to be cut within a day, or lacks a dimension.
pub(crate) fn is_cut(question: &Question) -> bool {
    let whole = question.range.from.rem_euclid(DAY) == 0 && question.range.to.rem_euclid(DAY) == 0;
    let has_all = question.filter.keys().all(|dimension| dimension.is_in_days());
    question.source == Source::Days && !(whole && has_all)
}

pub(crate) fn is_ratio_kept(question: &Question) -> bool {
    let is_ratio = question.measure.basis() == Basis::Ratio;
    question.source == Source::Hours || !is_ratio || question.measure == Measure::PoorShare
}
