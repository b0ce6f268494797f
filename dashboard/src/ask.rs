//! Questions to ClickHouse: which query answers them, with which parameters.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{try_join, try_join_all};
use jiff::Timestamp;

use crate::access::Role;
use crate::cells::{
    Cell, Cells, Distributions, Key, SumsRow, cells, cells_without_sessions, distributions,
};
use crate::comparison::Data;
use crate::dimension::Dimension;
use crate::exposed::{self, LatticeRow, Levels};
use crate::filter::{DAY, HOUR, Question, Range, Source};
use crate::fold::{Count, MINIMUM, visible_buckets};
use crate::lattice::{Siblings, siblings};
use crate::measure::{Basis, Measure};
use crate::named::Named;
use crate::problem::Problem;
use crate::store::{Parameter, Parameters, Store};
use crate::tables::{is_in_samples, of_cells, of_sketch};

/// Column that has the same value for all.
pub(crate) const EVERYTHING: &str = "everything";
/// Column of the hour of the week.
pub(crate) const WEEKHOUR: &str = "at_weekhour";
/// Time after which the roll-up of an hour is complete.
const SEALED: i64 = 3 * HOUR;

/// Columns that cells are grouped by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouping {
    pub(crate) above: &'static str,
    pub(crate) parent: &'static str,
    pub(crate) by: &'static str,
    pub(crate) bucket: &'static str,
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

    fn levels(self) -> Levels {
        [self.above, self.parent, self.by].map(Dimension::named)
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
    /// The views that were read so far.
    pub(crate) read: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Asker {
    pub(crate) fn minimum(&self) -> u64 {
        match self.role {
            Role::Viewer => MINIMUM,
            Role::Participants => 1,
        }
    }

    /// Returns an asker of another question, which has read nothing yet.
    pub(crate) fn apart(&self) -> Self {
        Self { read: Arc::default(), ..self.clone() }
    }

    /// Returns the views that were read.
    pub(crate) fn views(&self) -> BTreeSet<&'static str> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reads(&self, views: &[&'static str]) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).extend(views);
    }

    /// Returns the question with the tables that have it: a range under an hour is read from samples where
    /// they are kept.
    pub(crate) async fn settled(&self, question: Question) -> Result<Question, Problem> {
        let has_samples = question.source == Source::Cells && self.has_samples(&question).await?;
        let source = if has_samples { Source::Samples } else { question.source };
        Ok(Question { source, ..question })
    }

    /// Returns whether `samples` has the intervals of a range: all but one of a hundred, because the two
    /// tables are written a moment apart.
    async fn has_samples(&self, question: &Question) -> Result<bool, Problem> {
        #[derive(serde::Deserialize)]
        struct Kept {
            intervals: i64,
            samples: i64,
        }
        let parameters = vec![
            ("from", text(&datetime(question.range.from))),
            ("to", text(&datetime(question.range.to))),
        ];
        let rows: Vec<Kept> = self.store.rows(Named::SamplesKept, parameters).await?;
        let has_all = |kept: &Kept| kept.samples > 0 && kept.samples >= kept.intervals / 100 * 99;
        Ok(rows.first().is_some_and(has_all))
    }

    /// Returns the sums of cells.
    pub(crate) async fn cells(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Cells, Problem> {
        let (query, view) = match question.table() {
            Source::Hours => (Named::Strata, "session_hours"),
            Source::Days => (Named::StrataDays, "session_days"),
            Source::Samples => (Named::StrataSamples, "samples"),
            Source::Cells => {
                return cells_without_sessions(self.sums(question, grouping).await?);
            }
        };
        self.reads(&[view]);
        cells(self.store.rows(query, parameters(question, grouping)).await?)
    }

    async fn sums(&self, question: &Question, grouping: Grouping) -> Result<Vec<SumsRow>, Problem> {
        let cells_of = of_cells(question, grouping).ok_or_else(|| not_in_cells(question))?;
        self.reads(&["cell_rows"]);
        let mut parameters = parameters(question, grouping);
        parameters.push(("grouping", text(cells_of)));
        self.store.rows(Named::SumsMinutes, parameters).await
    }

    /// Returns the sessions of cells. By day they are those that the poor share is known of; of cells
    /// without sessions it returns the names alone.
    pub(crate) async fn counts(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Vec<Count>, Problem> {
        let (query, view) = match question.table() {
            Source::Hours if self.role == Role::Viewer => {
                return self.counts_of_lattice(question, grouping).await;
            }
            Source::Hours => (Named::Counts, "session_hours"),
            Source::Samples => (Named::CountsSamples, "samples"),
            Source::Days => return self.counts_of_days(question, grouping).await,
            Source::Cells => {
                let rows = self.sums(question, grouping).await?;
                let is_there = |row: &SumsRow| {
                    row.w != "0" || (!question.measure.is_of_setups() && row.own_intervals > 0)
                };
                let names = rows.into_iter().filter(is_there).map(|row| Count {
                    above: row.above,
                    parent: row.parent,
                    name: row.name,
                    bucket: row.bucket,
                    ..Count::default()
                });
                return Ok(names.collect());
            }
        };
        self.reads(&[view]);
        self.store.rows(query, parameters(question, grouping)).await
    }

    async fn counts_of_lattice(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Vec<Count>, Problem> {
        self.reads(&["session_hours"]);
        let filter = question.conditions();
        // Without conditions all sessions meet them, and the cheaper query is enough.
        let query = if filter.is_empty() { Named::Counts } else { Named::Lattice };
        let rows: Vec<LatticeRow> = self.store.rows(query, parameters(question, grouping)).await?;
        Ok(exposed::counts(&rows, &filter, grouping.levels()))
    }

    async fn counts_of_days(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Vec<Count>, Problem> {
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

    /// Returns distributions of a sketch; none if no table has it for these dimensions. The role that may
    /// see participants has them from samples besides.
    pub(crate) async fn distributions(
        &self,
        question: &Question,
        sketch: &'static str,
        grouping: Grouping,
    ) -> Result<Option<Distributions>, Problem> {
        let mut parameters = parameters(question, grouping);
        parameters.push(("sketch", text(sketch)));
        let Some(table) = of_sketch(question, grouping) else {
            let may = self.role == Role::Participants && question.source != Source::Days;
            if !may || !is_in_samples(sketch) || !self.has_samples(question).await? {
                return Ok(None);
            }
            self.reads(&["samples"]);
            let rows = self.store.rows(Named::QuantilesSamples, parameters).await?;
            return Ok(Some(distributions(rows)));
        };
        self.reads(table.views);
        let sealed = match question.is_of_minutes() {
            true => question.range.from,
            false => self.now - self.now.rem_euclid(HOUR) - SEALED,
        };
        let seam = sealed.clamp(question.range.from, question.range.to);
        parameters.extend([
            ("grouping", text(table.grouping)),
            ("source", text(table.overview)),
            ("seam", text(&datetime(seam))),
        ]);
        Ok(Some(distributions(self.store.rows(table.query, parameters).await?)))
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
        let levels = siblings(&question.conditions());
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
        // A provider of several countries is shown if it is shown in each of them.
        let grouping = Grouping::of(level.by).at(bucket);
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
        let counts = self.counts_if_known(question, Grouping::NONE);
        let found = self.distributions(question, sketch, Grouping::NONE);
        let (visible, (counts, found)) =
            try_join(self.visible(question, EVERYTHING), try_join(counts, found)).await?;
        let sessions = counts.map(|counts| counts.first().map_or(0, |count| count.sessions));
        if sessions > Some(0) && visible.is_some_and(|visible| visible.is_empty()) {
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
        Ok(match (is_hidden && !cell.strata.is_empty(), question.is_of_minutes()) {
            (true, _) => Data::Hidden,
            (false, true) => Data::Minutes(cell),
            (false, false) => Data::Ratio(cell),
        })
    }

    /// Returns the sessions of cells, where a table knows them.
    pub(crate) async fn counts_if_known(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<Option<Vec<Count>>, Problem> {
        match question.table() {
            Source::Cells => Ok(None),
            _ => self.counts(question, grouping).await.map(Some),
        }
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

fn not_in_cells(question: &Question) -> Problem {
    let name = question.measure.name();
    let detail = format!(
        "`{name}` is not kept by the minute for this combination of dimensions; choose fewer, or whole hours"
    );
    Problem::parameter("measure", detail)
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
    question.source != Source::Days || !is_ratio || question.measure == Measure::PoorShare
}
