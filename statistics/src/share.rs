//! Shares with their intervals, and differences of them.

use super::exact::exact_upper_limit_at;
use super::normal::Z;

/// An estimate and its 95 % limits: both, or only one or none if there are too few data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower limit.
    pub lower: Option<f64>,
    /// Upper limit.
    pub upper: Option<f64>,
}

impl Interval {
    /// Returns whether there are both limits.
    #[must_use]
    pub fn enough(&self) -> bool {
        self.lower.is_some() && self.upper.is_some()
    }
}

/// Returns the share of `successes` among `trials` independent ones with Wilson's score interval
/// (1927); none without trials.
#[must_use]
pub fn wilson(successes: u64, trials: u64) -> Option<Interval> {
    (trials > 0).then(|| score_interval(successes as f64 / trials as f64, Z * Z / trials as f64))
}

/// Returns Wilson's interval around `share`, where the normal interval has the half width √(w ·
/// share · (1 − share)). For n independent observations, w is z² / n.
pub(super) fn score_interval(share: f64, w: f64) -> Interval {
    let centre = (share + w / 2.0) / (1.0 + w);
    let half = (w * share * (1.0 - share) + w * w / 4.0).sqrt() / (1.0 + w);
    Interval {
        estimate: share,
        // Avoids rounding errors where the formula is exactly 0 or 1.
        lower: Some(if share <= 0.0 { 0.0 } else { centre - half }),
        upper: Some(if share >= 1.0 { 1.0 } else { centre + half }),
    }
}

/// Returns the exact limit alone of a share of `trials`, which is too close to 0 or 1 for an
/// interval: the upper one up to 0.5, the lower one above. The probability beyond it is `left_out`.
pub(super) fn exact_limit(share: f64, trials: f64, left_out: f64) -> Interval {
    let limit = |share: f64| exact_upper_limit_at(share * trials, trials, left_out);
    let (lower, upper) = if share <= 0.5 {
        (None, limit(share))
    } else {
        (limit(1.0 - share).map(|q| 1.0 - q), None)
    };
    Interval { estimate: share, lower, upper }
}

/// The amount by which one share or mean is above another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The difference with its 95 % limits.
    pub interval: Interval,
    /// True if the limits exclude 0.
    pub clear: bool,
}

/// Returns the difference a − b of two shares, or of two means, of groups that have no session in
/// common, with limits computed from theirs (Newcombe, 1998, method 10; for means, whose intervals are
/// symmetric, it is the root of the sum of squares). A limit is missing if one that it needs is missing.
#[must_use]
pub fn difference(a: Interval, b: Interval) -> Difference {
    let estimate = a.estimate - b.estimate;
    let apart = |low: Option<f64>, high: Option<f64>, one: f64, other: f64| {
        low.zip(high).map(|(low, high)| (one - low).hypot(high - other))
    };
    let below = apart(a.lower, b.upper, a.estimate, b.estimate);
    let above = apart(b.lower, a.upper, b.estimate, a.estimate);
    let (lower, upper) = (below.map(|by| estimate - by), above.map(|by| estimate + by));
    let interval = Interval { estimate, lower, upper };
    let clear = lower.is_some_and(|low| low > 0.0) || upper.is_some_and(|high| high < 0.0);
    Difference { interval, clear }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::exact::LEFT_OUT;
    use super::*;

    #[test]
    fn no_success_and_no_failure_have_one_sided_intervals() {
        let none = wilson(0, 50).unwrap();
        assert_eq!((none.estimate, none.lower), (0.0, Some(0.0)));
        let all = wilson(50, 50).unwrap();
        assert_eq!((all.estimate, all.upper), (1.0, Some(1.0)));
        assert!((none.upper.unwrap() - (1.0 - all.lower.unwrap())).abs() < 1e-15);
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn a_small_share_may_have_only_an_upper_limit_and_a_large_one_only_a_lower() {
        let small = exact_limit(0.0, 200.0, LEFT_OUT);
        let large = exact_limit(1.0, 200.0, LEFT_OUT);
        assert_eq!((small.lower, large.upper), (None, None));
        assert!((small.upper.unwrap() - (1.0 - large.lower.unwrap())).abs() < 1e-15);
        assert!(!small.enough() && !large.enough());
    }

    #[test]
    fn a_share_with_only_an_upper_limit_can_be_below_another_but_not_above() {
        let none = exact_limit(0.0, 4000.0, LEFT_OUT);
        let many = wilson(200, 4000).unwrap();
        let below = difference(none, many);
        assert_eq!((below.interval.lower, below.clear), (None, true));
        assert!(below.interval.upper.unwrap() < -0.04, "{below:?}");
        assert!(difference(many, none).clear);
        assert_eq!(difference(none, none).interval.upper, None);
        assert!(!difference(none, none).clear);
    }

    // Half widths 3 and 4 make 5.
    #[test]
    fn means_differ_by_the_root_of_the_squares_of_their_half_widths() {
        let mean = |estimate: f64, half: f64| Interval {
            estimate,
            lower: Some(estimate - half),
            upper: Some(estimate + half),
        };
        let found = difference(mean(120.0, 3.0), mean(110.0, 4.0));
        assert_eq!(found.interval, mean(10.0, 5.0));
        assert!(found.clear && !difference(mean(114.0, 3.0), mean(110.0, 4.0)).clear);
    }

    proptest! {
        #[test]
        fn limits_of_a_share_solve_the_score_equation(n in 1_u64..1_000_000, part in 0.0..=1.0) {
            let k = (part * n as f64) as u64;
            let found = wilson(k, n).unwrap();
            let (lower, upper) = (found.lower.unwrap(), found.upper.unwrap());
            prop_assert!(lower <= found.estimate && found.estimate <= upper);
            for limit in [lower, upper] {
                let score = (found.estimate - limit).powi(2) * n as f64;
                let wanted = Z * Z * limit * (1.0 - limit);
                prop_assert!((score - wanted).abs() <= 1e-7 * wanted.max(1e-3), "{score} {wanted}");
            }
        }

        #[test]
        fn turning_a_difference_round_changes_its_sign_alone(
            k in 0_u64..=80, l in 0_u64..=300,
        ) {
            let (a, b) = (wilson(k, 80).unwrap(), wilson(l, 300).unwrap());
            let (one, other) = (difference(a, b), difference(b, a));
            prop_assert_eq!(one.interval.lower, other.interval.upper.map(|limit| -limit));
            prop_assert_eq!(one.interval.estimate, -other.interval.estimate);
            prop_assert_eq!(one.clear, other.clear);
            prop_assert!((-1.0..=1.0).contains(&one.interval.lower.unwrap()));
        }
    }
}
