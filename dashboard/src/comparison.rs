//! Comparisons of two selections: raw, and in a common mix.

use statistics::{Interval, Standard, Verdict, difference, raw_comparison, union};

use crate::answers::{Change, Compared, Headline, Standardised, Weight, Word};
use crate::cells::Cell;
use crate::dimension::Dimension;
use crate::figure::{Distribution, Figure, State};
use crate::measure::{Basis, Measure};

/// Rate of false findings among the findings of a list.
pub const Q: f64 = 0.1;
/// Number of weights in an answer.
const MOST_WEIGHTS: usize = 50;

/// Data of one selection and measure.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Sums of sessions.
    Ratio(Cell),
    /// Sums of a range under an hour, which are not standardised.
    Minutes(Cell),
    /// A distribution, with the number of sessions where it is known.
    Quantile(Distribution, Option<u64>),
    /// Fewer than five sessions, or hidden with such a cell.
    Hidden,
    /// The tables do not keep enough.
    NotKept,
}

impl Data {
    /// Returns its figure.
    #[must_use]
    pub fn figure(&self, measure: Measure, minimum: u64) -> Figure {
        match (self, measure.basis()) {
            (Self::Ratio(cell) | Self::Minutes(cell), _) => cell.raw(minimum),
            (Self::Quantile(distribution, sessions), Basis::Quantile { level, .. }) => {
                distribution.figure(level, *sessions, minimum)
            }
            (Self::Hidden, _) => Figure::too_few(),
            (Self::NotKept | Self::Quantile(..), _) => Figure::not_kept(),
        }
    }

    /// Returns its sums over sessions if its figure is shown.
    fn shown(&self, minimum: u64) -> Option<&Cell> {
        match self {
            Self::Ratio(cell) | Self::Minutes(cell) => {
                Some(cell).filter(|cell| !cell.strata.is_empty() && cell.raw(minimum).is_shown())
            }
            _ => None,
        }
    }
}

/// Returns the result where a comparison is impossible: too few sessions, or sessions in both selections.
#[must_use]
pub const fn cannot_tell() -> Change {
    Change {
        difference: None,
        lower: None,
        upper: None,
        p: None,
        word: Word::CannotTell,
        finding: None,
    }
}

/// Returns a comparison of sums.
#[must_use]
pub fn change(comparison: &statistics::Comparison, finding: Option<bool>) -> Change {
    Change {
        difference: comparison.difference,
        lower: comparison.lower,
        upper: comparison.upper,
        p: comparison.p_value,
        word: match comparison.verdict {
            Verdict::Better => Word::Better,
            Verdict::Worse => Word::Worse,
            Verdict::NoEvidence => Word::NoEvidence,
            Verdict::CannotTell => Word::CannotTell,
        },
        finding,
    }
}

/// Returns a − b of two figures with limits of their own.
fn between(measure: Measure, a: &Figure, b: &Figure) -> Change {
    let interval = |figure: &Figure| {
        let estimate = figure.value.filter(|_| figure.state == State::Known)?;
        Some(Interval { estimate, lower: figure.lower, upper: figure.upper })
    };
    let Some((a, b)) = interval(a).zip(interval(b)) else { return cannot_tell() };
    let found = difference(a, b);
    let word = match (found.clear, found.interval.estimate > 0.0) {
        (false, _) if found.interval.enough() => Word::NoEvidence,
        (false, _) => Word::CannotTell,
        (true, is_above) if is_above == measure.higher_is_worse() => Word::Worse,
        (true, _) => Word::Better,
    };
    Change {
        difference: Some(found.interval.estimate),
        lower: found.interval.lower,
        upper: found.interval.upper,
        p: None,
        word,
        finding: None,
    }
}

/// Compares two selections that have no session in common.
#[must_use]
pub fn compare(measure: Measure, a: &Data, b: &Data, minimum: u64) -> Compared {
    let (a_figure, b_figure) = (a.figure(measure, minimum), b.figure(measure, minimum));
    let mut compared = Compared {
        measure,
        unit: measure.unit(),
        raw: between(measure, &a_figure, &b_figure),
        a: a_figure,
        b: b_figure,
        a_adjusted: None,
        b_adjusted: None,
        adjusted: None,
    };
    let is_adjusted = matches!((a, b), (Data::Ratio(_), Data::Ratio(_)));
    let Some((a, b)) = a.shown(minimum).zip(b.shown(minimum)) else { return compared };
    compared.raw = change(&raw_comparison(&a.strata, &b.strata), None);
    if !is_adjusted {
        return compared;
    }
    let Some(standard) = Standard::of(&union([&a.strata, &b.strata])) else { return compared };
    let adjusted =
        |cell: &Cell| Figure::of(&standard.figure(&cell.strata), cell.intervals, minimum);
    compared.a_adjusted = Some(adjusted(a));
    compared.b_adjusted = Some(adjusted(b));
    compared.adjusted = Some(change(&standard.compare(&a.strata, &b.strata), None));
    compared
}

/// Removes differences of selections that may have sessions in common.
pub fn forget_differences(compared: &mut Compared) {
    compared.raw = cannot_tell();
    compared.adjusted = compared.adjusted.map(|_| cannot_tell());
}

/// Returns a measure with that of the same hours a week before.
#[must_use]
pub fn headline(measure: Measure, now: &Data, before: &Data, minimum: u64) -> Headline {
    let compared = compare(measure, now, before, minimum);
    Headline {
        measure,
        unit: compared.unit,
        now: compared.a,
        before: compared.b,
        before_adjusted: compared.b_adjusted,
        change: compared.adjusted.unwrap_or(compared.raw),
    }
}

/// Describes the common mix of an answer; `by` is the dimension that its groups differ by.
#[must_use]
pub fn standardised(
    standard: Option<&Standard>,
    by: Option<Dimension>,
    with_weights: bool,
) -> Standardised {
    let strata =
        [Dimension::Browser, Dimension::DeviceClass, Dimension::NetworkType, Dimension::Kind];
    let own = if by == Some(Dimension::BrowserVersion) { Some(Dimension::Browser) } else { by };
    Standardised {
        used: standard.is_some(),
        strata: strata.into_iter().filter(|dimension| Some(*dimension) != own).collect(),
        empty_strata: "a stratum counts for a group with five effective sessions or more in it, and at least \
                       80 % of the mix must count; the rest is assumed to differ from all groups together \
                       by the same odds ratio",
        note: "the weights are the mix of all groups of this answer together, by their time",
        weights: standard.filter(|_| with_weights).map(weights),
    }
}

fn weights(standard: &Standard) -> Vec<Weight> {
    let weight = |weight: &statistics::Share| Weight {
        browser: weight.stratum.browser.clone(),
        device_class: weight.stratum.device_class.clone(),
        network_type: weight.stratum.network_type.clone(),
        kind: weight.stratum.kind.clone(),
        weight: weight.weight,
        share: weight.share,
        sessions: weight.sessions,
    };
    let mut weights: Vec<_> = standard.strata().iter().map(weight).collect();
    weights.retain(|weight| weight.sessions >= crate::fold::MINIMUM);
    weights.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    weights.truncate(MOST_WEIGHTS);
    weights
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use statistics::{Session, Stratum, Sums};

    use super::*;
    use crate::cells::Totals;
    use crate::figure::LEVELS;

    fn cell(poor: i64, sessions: usize) -> Data {
        let sessions: Vec<_> = (0..sessions as i64)
            .map(|i| Session { part: if i % 10 < poor { 100 } else { 0 }, whole: 100 })
            .collect();
        let strata = [(Stratum::default(), Sums::of(&sessions))].into();
        Data::Ratio(Cell { strata, intervals: 10, totals: None })
    }

    #[test]
    fn more_poor_time_is_worse_and_few_sessions_cannot_tell() {
        let compared = compare(Measure::PoorShare, &cell(5, 400), &cell(1, 400), 5);
        assert_eq!(
            (compared.raw.word, compared.adjusted.unwrap().word),
            (Word::Worse, Word::Worse)
        );
        assert!((compared.raw.difference.unwrap() - 0.4).abs() < 1e-9);
        let same = compare(Measure::PoorShare, &cell(3, 400), &cell(3, 400), 5);
        assert_eq!(same.raw.word, Word::NoEvidence);
        let few = compare(Measure::PoorShare, &cell(3, 400), &cell(3, 4), 5);
        assert_eq!((few.raw.word, few.b.state), (Word::CannotTell, State::TooFew));
        let hidden = compare(Measure::PoorShare, &Data::Hidden, &cell(3, 400), 5);
        assert_eq!((hidden.a.state, hidden.adjusted), (State::TooFew, None));
    }

    #[test]
    fn minutes_are_compared_as_they_are() {
        let minutes = |data| match data {
            Data::Ratio(cell) => Data::Minutes(cell),
            other => other,
        };
        let (a, b) = (minutes(cell(5, 400)), minutes(cell(1, 400)));
        let compared = compare(Measure::PoorShare, &a, &b, 1);
        assert_eq!((compared.raw.word, compared.adjusted), (Word::Worse, None));
        let unknown =
            Cell { totals: Some(Totals { part: 3, whole: 10 }), intervals: 4, ..Cell::default() };
        let compared = compare(Measure::PoorShare, &Data::Minutes(unknown), &b, 1);
        assert_eq!((compared.a.value, compared.a.sessions), (Some(0.3), None));
        assert_eq!((compared.a.intervals, compared.raw.word), (Some(4), Word::CannotTell));
    }

    #[test]
    fn a_higher_score_is_better_and_a_higher_round_trip_is_worse() {
        let data = |by: f64| {
            let quantiles = LEVELS.map(|level| Some(by + level)).to_vec();
            Data::Quantile(Distribution { quantiles, observations: 5000 }, Some(5000))
        };
        let word = |measure| compare(measure, &data(2.0), &data(1.0), 5).raw.word;
        assert_eq!(word(Measure::Mos), Word::Better);
        assert_eq!(word(Measure::RoundTripP95), Word::Worse);
        assert_eq!(compare(Measure::Mos, &data(1.0), &data(1.0), 5).raw.word, Word::NoEvidence);
    }
}
