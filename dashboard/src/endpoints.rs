//! The answers of the API, from questions to ClickHouse.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join_all};

use crate::access::Role;
use crate::answers::{
    About, Breakdown, Changes, Comparison, Curve, Heat, Quantile, Series, Summary, Value, Values,
};
use crate::ask::{Asker, EVERYTHING, Grouping, WEEKHOUR, is_cut, is_ratio_kept};
use crate::cells::{Cells, Distributions};
use crate::comparison::{Data, compare, forget_differences, headline, standardised};
use crate::dimension::Dimension;
use crate::figure::LEVELS;
use crate::filter::{DAY, Question, Source};
use crate::fold::fold;
use crate::league::{Parts, Sort, breakdown};
use crate::measure::{Basis, Measure};
use crate::problem::Problem;
use crate::trend::{Steps, Weeks, changes, heat, series};

/// Options of a breakdown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BreakdownOptions {
    pub(crate) limit: usize,
    pub(crate) sort: Sort,
    pub(crate) sparkline: bool,
    pub(crate) weights: bool,
}

impl Asker {
    /// Answers `/api/v1/summary`.
    pub(crate) async fn summary(&self, question: &Question) -> Result<Summary, Problem> {
        let question = &self.settled(question.clone()).await?;
        let before = question.at(question.range.week_before(), self.now);
        let before = self.apart().settled(before).await?;
        let measures = try_join_all(Measure::ALL.map(|measure| {
            let (now, before) = (question.of(measure), before.of(measure));
            async move {
                let (now, before) = try_join(self.data(&now), self.data(&before)).await?;
                Ok::<_, Problem>(headline(measure, &now, &before, self.minimum()))
            }
        }));
        let measures = measures.await?;
        Ok(Summary { about: self.about(question), measures })
    }

    /// Answers `/api/v1/compare`.
    pub(crate) async fn compare(
        &self,
        a: &Question,
        b: &Question,
        with_weights: bool,
    ) -> Result<Comparison, Problem> {
        let overlap = may_overlap(a, b);
        let (of_a, of_b) = (&self.apart(), &self.apart());
        let (a, b) = &try_join(of_a.settled(a.clone()), of_b.settled(b.clone())).await?;
        let pairs = try_join_all(Measure::ALL.map(|measure| {
            let (a, b) = (a.of(measure), b.of(measure));
            async move { try_join(of_a.data(&a), of_b.data(&b)).await }
        }));
        let pairs = pairs.await?;
        let mut measures: Vec<_> = Measure::ALL
            .into_iter()
            .zip(&pairs)
            .map(|(measure, (a, b))| compare(measure, a, b, self.minimum()))
            .collect();
        if overlap {
            measures.iter_mut().for_each(forget_differences);
        }
        let standard = match &pairs[0] {
            (Data::Ratio(a), Data::Ratio(b)) => {
                statistics::Standard::of(&statistics::union([&a.strata, &b.strata]))
            }
            _ => None,
        };
        Ok(Comparison {
            a: of_a.about(a),
            b: of_b.about(b),
            measures,
            standard: standardised(standard.as_ref(), None, with_weights),
            overlap,
        })
    }

    /// Answers `/api/v1/breakdown`.
    pub(crate) async fn breakdown(
        &self,
        question: &Question,
        by: Dimension,
        options: BreakdownOptions,
    ) -> Result<Breakdown, Problem> {
        question.kept(Some(by))?;
        ratio_kept(question)?;
        let question = &self.settled(question.clone()).await?;
        let grouping = Grouping::of(by);
        let counts = self.counts(question, grouping);
        let (total, counts) = try_join(self.data(question), counts).await?;
        let mut parts = Parts {
            by,
            counts,
            minimum: self.minimum(),
            knows_sessions: question.table() != Source::Cells,
            cells: Cells::new(),
            distributions: Distributions::new(),
            total,
            sparks: None,
            limit: options.limit,
            sort: options.sort,
            weights: options.weights,
        };
        if parts.total == Data::Hidden {
            parts.counts.clear();
            return Ok(self.with_views(breakdown(question, &parts)));
        }
        (parts.cells, parts.distributions) = self.both(question, grouping).await?;
        if options.sparkline {
            let steps = grouping.at(question.step().column());
            let (counts, (cells, distributions)) =
                try_join(self.counts(question, steps), self.both(question, steps)).await?;
            parts.sparks = Some((cells, distributions, counts));
        }
        Ok(self.with_views(breakdown(question, &parts)))
    }

    fn with_views(&self, answer: Breakdown) -> Breakdown {
        Breakdown { about: About { source: self.views(), ..answer.about }, ..answer }
    }

    fn about(&self, question: &Question) -> About {
        About { source: self.views(), ..About::of(question) }
    }

    /// Returns the sums of a ratio's cells, or the distributions of a quantile's.
    async fn both(
        &self,
        question: &Question,
        grouping: Grouping,
    ) -> Result<(Cells, Distributions), Problem> {
        match question.measure.basis() {
            Basis::Ratio => Ok((self.cells(question, grouping).await?, Distributions::new())),
            Basis::Quantile { sketch, .. } => {
                let found = self.distributions(question, sketch, grouping).await?;
                Ok((Cells::new(), found.ok_or_else(|| no_sketch(question))?))
            }
        }
    }

    /// Answers `/api/v1/series`.
    pub(crate) async fn series(&self, question: &Question) -> Result<Series, Problem> {
        let question = &self.settled(question.clone()).await?;
        let sketch = sketch_of(question.measure);
        let steps = self.steps(question, question.step().column(), Some(sketch)).await?;
        Ok(Series { about: self.about(question), ..series(question, &steps, sketch) })
    }

    /// Answers `/api/v1/heat`.
    pub(crate) async fn heat(&self, question: &Question) -> Result<Heat, Problem> {
        if question.source == Source::Days || question.range.length() < DAY {
            let detail = "hours of the week need a range of 24 h to 30 days";
            return Err(Problem::parameter("range", detail));
        }
        let sketch = match question.measure.basis() {
            Basis::Ratio => None,
            Basis::Quantile { sketch, .. } => Some(sketch),
        };
        let steps = self.steps(question, WEEKHOUR, sketch).await?;
        Ok(Heat { about: self.about(question), ..heat(question, &steps) })
    }

    async fn steps(
        &self,
        question: &Question,
        bucket: &'static str,
        sketch: Option<&'static str>,
    ) -> Result<Steps, Problem> {
        ratio_kept(question)?;
        let grouping = Grouping::NONE.at(bucket);
        let counts = self.counts_if_known(question, grouping);
        let (visible, counts) = try_join(self.visible(question, bucket), counts).await?;
        let cells = match question.measure.basis() {
            Basis::Ratio => self.cells(question, grouping).await?,
            Basis::Quantile { .. } => Cells::new(),
        };
        let distributions = match sketch {
            Some(sketch) => self.distributions(question, sketch, grouping).await?,
            None => Some(Distributions::new()),
        };
        let is_needed = question.measure.basis() != Basis::Ratio;
        Ok(Steps {
            cells,
            distributions: match distributions {
                None if is_needed => return Err(no_sketch(question)),
                found => found.unwrap_or_default(),
            },
            sessions: counts.map(|counts| {
                counts.into_iter().map(|count| (count.bucket, count.sessions)).collect()
            }),
            visible,
            minimum: self.minimum(),
        })
    }

    /// Answers `/api/v1/distribution`.
    pub(crate) async fn distribution(
        &self,
        question: &Question,
        of: &'static str,
    ) -> Result<Curve, Problem> {
        let question = self.settled(question.of(measure_of(of))).await?;
        let counts = self.counts_if_known(&question, Grouping::NONE);
        let found = self.distributions(&question, of, Grouping::NONE);
        let (visible, (counts, found)) =
            try_join(self.visible(&question, EVERYTHING), try_join(counts, found)).await?;
        let found = found.ok_or_else(|| no_sketch(&question))?;
        let distribution = found.into_values().next().unwrap_or_default();
        let sessions = counts.map(|counts| counts.first().map_or(0, |count| count.sessions));
        let is_enough = sessions.is_none_or(|sessions| sessions >= self.minimum());
        let is_shown = is_enough && visible.is_none_or(|found| !found.is_empty());
        let points = LEVELS
            .iter()
            .zip(&distribution.quantiles)
            .filter_map(|(level, value)| value.map(|value| Quantile { level: *level, value }));
        Ok(Curve {
            about: self.about(&question),
            of,
            sessions: sessions.filter(|_| is_shown),
            observations: is_shown.then_some(distribution.observations),
            points: if is_shown { points.collect() } else { Vec::new() },
        })
    }

    /// Answers `/api/v1/changes`.
    pub(crate) async fn changes(
        &self,
        question: &Question,
        limit: usize,
    ) -> Result<Changes, Problem> {
        if !question.measure.is_adjusted() {
            let detail = "changes exist only for poor_share, loss and setup_failures";
            return Err(Problem::parameter("measure", detail));
        }
        ratio_kept(question)?;
        if question.is_of_minutes() {
            return Err(Problem::parameter("from", "changes are found in whole hours"));
        }
        let before = question.at(question.range.week_before(), self.now);
        if is_cut(&before) || !is_ratio_kept(&before) {
            let detail =
                "the week before this range is not kept by the hour; choose one of up to 7 days";
            return Err(Problem::parameter("range", detail));
        }
        let grouping = Grouping::of(Dimension::Provider);
        let of = |question: Question| async move {
            try_join(self.cells(&question, grouping), self.counts(&question, grouping)).await
        };
        let (now, before) = try_join(of(question.clone()), of(before)).await?;
        let found = changes(question, &Weeks { now, before, minimum: self.minimum() }, limit);
        Ok(Changes { about: self.about(question), ..found })
    }

    /// Answers `/api/v1/values`.
    pub(crate) async fn values(
        &self,
        question: &Question,
        of: Dimension,
        prefix: &str,
        limit: usize,
    ) -> Result<Values, Problem> {
        question.kept(Some(of))?;
        // Sessions with any interval.
        let question = self.settled(question.of(Measure::RoundTripP95)).await?;
        let counts = self.counts(&question, Grouping::of(of));
        let (visible, counts) = try_join(self.visible(&question, EVERYTHING), counts).await?;
        if visible.is_some_and(|found| found.is_empty()) {
            return Ok(Values { of, values: Vec::new() });
        }
        let shown = match self.role {
            Role::Viewer => fold(&counts, question.range).visible,
            Role::Participants => (0..counts.len()).collect(),
        };
        let prefix = prefix.to_lowercase();
        let mut sessions: BTreeMap<&str, u64> = BTreeMap::new();
        for count in shown.into_iter().map(|at| &counts[at]) {
            if count.name.to_lowercase().starts_with(&prefix) {
                *sessions.entry(&count.name).or_default() += count.sessions;
            }
        }
        let mut values: Vec<_> = sessions
            .into_iter()
            .map(|(value, sessions)| Value {
                value: value.to_owned(),
                sessions: Some(sessions).filter(|_| question.table() != Source::Cells),
            })
            .collect();
        values.sort_by(|a, b| b.sessions.cmp(&a.sessions).then_with(|| a.value.cmp(&b.value)));
        values.truncate(limit);
        Ok(Values { of, values })
    }
}

/// Returns the sketch whose p50 and p95 accompany a measure.
fn sketch_of(measure: Measure) -> &'static str {
    match measure.basis() {
        Basis::Quantile { sketch, .. } => sketch,
        Basis::Ratio if measure == Measure::Loss => "loss",
        Basis::Ratio => "round_trip_ms",
    }
}

/// Returns the measure that has the observations of a sketch.
fn measure_of(sketch: &str) -> Measure {
    match sketch {
        "time_to_media_ms" => Measure::TimeToMedia,
        "audio_mos" => Measure::Mos,
        _ => Measure::RoundTripP95,
    }
}

fn ratio_kept(question: &Question) -> Result<(), Problem> {
    if is_ratio_kept(question) {
        return Ok(());
    }
    let name = question.measure.name();
    Err(Problem::parameter(
        "measure",
        format!("`{name}` is kept by session for 30 days; choose a newer range"),
    ))
}

fn no_sketch(question: &Question) -> Problem {
    let name = question.measure.name();
    let detail = format!(
        "distributions such as that of `{name}` are not kept for this combination of dimensions; choose \
         fewer, or the measure poor_share (the role participants has them where `samples` are kept)"
    );
    Problem::parameter("measure", detail)
}

/// Returns whether two selections may have a session in common: none of their values differ, and their time
/// ranges meet.
fn may_overlap(a: &Question, b: &Question) -> bool {
    // A session has streams of both kinds and directions.
    let of_sessions = |question: &Question| {
        let mut conditions = question.conditions();
        conditions
            .retain(|dimension, _| !matches!(dimension, Dimension::Kind | Dimension::Direction));
        conditions
    };
    let (own, other) = (of_sessions(a), of_sessions(b));
    let differ = |(dimension, value): (&Dimension, &String)| {
        other.get(dimension).is_some_and(|other| other != value)
    };
    let apart = a.range.to <= b.range.from || b.range.to <= a.range.from;
    !apart && !own.iter().any(differ)
}
