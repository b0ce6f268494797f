//! Comparisons of two groups, in words.

use super::exact::LEFT_OUT;
use super::mix::Mix;
use super::normal::{Z, normal_quantile};
use super::ratio::MAXIMUM_FREEDOM;
use super::share::{Difference, difference};
use super::standard::{MINIMUM_COVERAGE, Standard, raw, raw_figure, streams};
use super::strata::{Strata, Sums};
use super::student::{Student, bisect};
use super::weighted::Weighted;

/// Probability with which a difference of [`Comparison::detectable`] is found.
const POWER: f64 = 0.8;

/// One group against another, by their shares of poor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Less poor time.
    Better,
    /// More poor time.
    Worse,
    /// The interval of the difference contains 0.
    NoEvidence,
    /// There is no interval to judge by.
    CannotTell,
}

impl Verdict {
    /// Returns the verdict as pages show it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoEvidence => "no evidence",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// The difference a − b of two groups' shares of poor time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// a against b.
    pub verdict: Verdict,
    /// The difference, −1 to 1; none if a group has no data.
    pub difference: Option<f64>,
    /// Lower 95 % limit.
    pub lower: Option<f64>,
    /// Upper 95 % limit.
    pub upper: Option<f64>,
    /// Probability of a difference this clear or clearer if there is none. It is below 0.05 if and
    /// only if the verdict is better or worse, and 1 if no limit can leave 0 out.
    pub p_value: Option<f64>,
    /// The smallest difference that would be found with a probability of 80 %.
    pub detectable: Option<f64>,
    /// Part of the common mix, 0 to 1, in which both groups have enough sessions; 1 for a raw comparison.
    pub coverage: f64,
    /// Total number of sessions, rounded up to two digits, that the group with the largest deficit needs.
    /// Present only if the comparison has no result; none if more sessions of the same mix would not suffice.
    pub needs_sessions: Option<u64>,
}

impl Standard {
    /// Compares two groups in the strata of the common mix in which both have enough sessions. They must
    /// not have a session in common.
    #[must_use]
    pub fn compare(&self, a: &Strata, b: &Strata) -> Comparison {
        let (a, b) = (self.align(a), self.align(b));
        let needs = || self.needs(&a).zip(self.needs(&b)).map(|(a, b)| a.max(b));
        self.compare_aligned(&a, &b).needing(needs)
    }

    /// Compares aligned groups, without the number of further sessions needed.
    fn compare_aligned(&self, a: &[Sums], b: &[Sums]) -> Comparison {
        let mix = Mix::of(self, &[a, b]);
        let pair = mix.weigh(a).zip(mix.weigh(b));
        let Some((a, b)) = pair else { return Comparison::nothing() };
        let enough = mix.coverage >= MINIMUM_COVERAGE;
        let found =
            if enough { Comparison::of(&a, &b) } else { Comparison::without_limits(&a, &b) };
        Comparison { coverage: mix.coverage, ..found }
    }

    /// Returns whether a is better or worse than b, and the probability; none if neither is evident.
    pub(super) fn evident(&self, a: &[Sums], b: &[Sums]) -> Option<(Verdict, f64)> {
        let mix = Mix::of(self, &[a, b]);
        let (a, b) = mix.weigh(a).zip(mix.weigh(b)).filter(|_| mix.coverage >= MINIMUM_COVERAGE)?;
        let pair = Pair::of(&a, &b);
        // Student's quantiles are larger than the normal one: most pairs need no more than this.
        let found = Some(pair.at(Z)).filter(|found| found.clear)?;
        let p_value = pair.p_value()?;
        let verdict = if found.interval.estimate > 0.0 { Verdict::Worse } else { Verdict::Better };
        (p_value < 2.0 * LEFT_OUT).then_some((verdict, p_value))
    }
}

/// Compares two groups as they are, each with its own mix. They must not have a session in common.
#[must_use]
pub fn raw_comparison(a: &Strata, b: &Strata) -> Comparison {
    let Some((one, other)) = raw(&streams(a)).zip(raw(&streams(b))) else {
        return Comparison::nothing();
    };
    Comparison::of(&one, &other)
        .needing(|| raw_figure(a).needs_sessions.max(raw_figure(b).needs_sessions))
}

impl Comparison {
    fn of(a: &Weighted, b: &Weighted) -> Self {
        let pair = Pair::of(a, b);
        let quantile = pair.student.quantile(2.0 * LEFT_OUT);
        let found = pair.at(quantile);
        let verdict = match (found.clear, found.interval.enough()) {
            (true, _) if found.interval.estimate > 0.0 => Verdict::Worse,
            (true, _) => Verdict::Better,
            (false, true) => Verdict::NoEvidence,
            (false, false) => Verdict::CannotTell,
        };
        Self {
            verdict,
            lower: found.interval.lower,
            upper: found.interval.upper,
            // Bisection ends beside the level, and it must not contradict the limits.
            p_value: pair.p_value().map(|p| match found.clear {
                true => p.min(0.05_f64.next_down()),
                false => p.max(0.05),
            }),
            detectable: pair.detectable(quantile),
            ..Self::without_limits(a, b)
        }
    }

    fn without_limits(a: &Weighted, b: &Weighted) -> Self {
        Self { difference: Some(a.share - b.share), coverage: 1.0, ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self {
            verdict: Verdict::CannotTell,
            difference: None,
            lower: None,
            upper: None,
            p_value: None,
            detectable: None,
            coverage: 0.0,
            needs_sessions: None,
        }
    }

    /// Adds the needed sessions if the comparison has no result.
    fn needing(mut self, needs: impl FnOnce() -> Option<u64>) -> Self {
        if self.verdict == Verdict::CannotTell {
            self.needs_sessions = needs();
        }
        self
    }
}

/// Two groups and the distribution of their difference.
struct Pair<'a> {
    a: &'a Weighted,
    b: &'a Weighted,
    student: Student,
}

impl<'a> Pair<'a> {
    fn of(a: &'a Weighted, b: &'a Weighted) -> Self {
        Self { a, b, student: Student::new(freedom(a, b)) }
    }

    /// Returns the difference with limits of `quantile` standard errors.
    fn at(&self, quantile: f64) -> Difference {
        let left_out = self.student.two_sided_tail(quantile) / 2.0;
        let interval = |of: &Weighted| of.interval_at(quantile, left_out);
        difference(interval(self.a), interval(self.b))
    }

    /// Returns the level at which the interval of the difference just contains 0; none without a limit.
    fn p_value(&self) -> Option<f64> {
        let interval = self.at(Z).interval;
        interval.lower.or(interval.upper)?;
        Some(self.student.two_sided_tail(bisect(|quantile| self.at(quantile).clear)))
    }

    /// Returns the difference that is beyond 0 at `quantile` with the probability [`POWER`].
    fn detectable(&self, quantile: f64) -> Option<f64> {
        let variance = self.a.usable_variance()? + self.b.usable_variance()?;
        Some((quantile + normal_quantile(POWER)?) * variance.sqrt())
    }
}

/// Returns Welch and Satterthwaite's degrees of freedom of a difference, from the sides that have a
/// variance.
fn freedom(a: &Weighted, b: &Weighted) -> f64 {
    let sides = || {
        let side = |of: &Weighted| Some((of.usable_variance()?, of.degrees_of_freedom));
        [a, b].into_iter().filter_map(side)
    };
    let variance: f64 = sides().map(|(variance, _)| variance).sum();
    let squares: f64 = sides().map(|(variance, freedom)| variance * variance / freedom).sum();
    if squares > 0.0 {
        (variance * variance / squares).min(MAXIMUM_FREEDOM)
    } else {
        MAXIMUM_FREEDOM
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::ratio::Session;
    use super::super::strata::{Stratum, union};
    use super::*;

    /// Sessions of one length in two strata, so many of each wholly poor.
    fn group(strata: [(usize, usize); 2]) -> Strata {
        let mut group = Strata::new();
        for ((poor, all), browser) in strata.into_iter().zip(["chrome", "safari"]) {
            let session = |i| Session { part: if i < poor { 60 } else { 0 }, whole: 60 };
            let stratum = Stratum { browser: browser.to_owned(), ..Stratum::default() };
            group.insert(stratum, Sums::of(&(0..all).map(session).collect::<Vec<_>>()));
        }
        group
    }

    fn compare(a: &Strata, b: &Strata) -> Comparison {
        Standard::of(&union([a, b])).unwrap().compare(a, b)
    }

    #[test]
    fn a_difference_of_the_mix_alone_is_raw_evidence_and_no_evidence() {
        let (a, b) = (group([(80, 800), (60, 200)]), group([(20, 200), (240, 800)]));
        assert_eq!(raw_comparison(&a, &b).verdict, Verdict::Better);
        let found = compare(&a, &b);
        assert_eq!((found.verdict, found.verdict.words()), (Verdict::NoEvidence, "no evidence"));
        assert!(found.difference.unwrap().abs() < 1e-12 && found.p_value.unwrap() > 0.99);
        assert!((0.03..0.1).contains(&found.detectable.unwrap()), "{found:?}");
    }

    #[test]
    fn a_clear_difference_is_worse_or_better() {
        let (a, b) = (group([(80, 800), (60, 200)]), group([(40, 200), (400, 800)]));
        assert_eq!(compare(&a, &b).verdict, Verdict::Better);
        assert_eq!(compare(&b, &a).verdict, Verdict::Worse);
        assert!(compare(&b, &a).p_value.unwrap() < 1e-4);
    }

    #[test]
    fn a_comparison_without_enough_common_strata_has_no_result() {
        let (a, b) = (group([(80, 800), (1, 2)]), group([(20, 200), (240, 800)]));
        let found = compare(&a, &b);
        assert_eq!((found.verdict, found.lower, found.p_value), (Verdict::CannotTell, None, None));
        assert_eq!(found.needs_sessions, Some(2100));
        assert_eq!(compare(&a, &Strata::new()).difference, None);
        // No poor session on either side: two upper limits have no difference.
        let none = group([(0, 40), (0, 40)]);
        assert_eq!(compare(&none, &none).verdict, Verdict::CannotTell);
        assert_eq!(raw_comparison(&none, &Strata::new()).verdict, Verdict::CannotTell);
    }

    #[test]
    fn a_group_with_an_upper_limit_alone_can_be_better() {
        let (a, b) = (group([(0, 400), (0, 400)]), group([(60, 400), (60, 400)]));
        let found = compare(&a, &b);
        assert_eq!((found.verdict, found.lower), (Verdict::Better, None));
        assert!(found.p_value.unwrap() < 1e-4 && found.detectable.is_none(), "{found:?}");
    }

    proptest! {
        #[test]
        fn probabilities_agree_with_limits_and_turning_round_changes_the_sign_alone(
            a in prop::array::uniform2((0_usize..60, 60_usize..200)),
            b in prop::array::uniform2((0_usize..60, 60_usize..200)),
        ) {
            let (a, b) = (group(a), group(b));
            let (found, turned) = (compare(&a, &b), compare(&b, &a));
            let clear = matches!(found.verdict, Verdict::Better | Verdict::Worse);
            prop_assert_eq!(clear, found.p_value.is_some_and(|p| p < 0.05));
            let without_0 = found.lower.is_some_and(|limit| limit > 0.0)
                || found.upper.is_some_and(|limit| limit < 0.0);
            prop_assert_eq!(clear, without_0);
            let sum = found.difference.unwrap() + turned.difference.unwrap();
            prop_assert!(sum.abs() < 1e-12);
            let limits = (found.lower, turned.upper);
            if let (Some(lower), Some(upper)) = limits {
                prop_assert!((lower + upper).abs() < 1e-9);
            }
            prop_assert_eq!(limits.0.is_some(), limits.1.is_some());
        }
    }
}
