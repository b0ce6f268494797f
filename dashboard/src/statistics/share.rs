//! Shares with their intervals, and differences of them.

use super::normal::Z;

/// An estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// What was found.
    pub estimate: f64,
    /// Lower limit.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
}

/// The share of `successes` among `trials` independent ones with Wilson's score interval (1927);
/// none without trials.
#[must_use]
pub fn wilson(successes: u64, trials: u64) -> Option<Interval> {
    (trials > 0).then(|| score_interval(successes as f64 / trials as f64, Z * Z / trials as f64))
}

/// Wilson's interval around `share` where the normal one would have the half width
/// √(w · share · (1 − share)): w is z² / n for n independent observations.
pub(super) fn score_interval(share: f64, w: f64) -> Interval {
    let centre = (share + w / 2.0) / (1.0 + w);
    let half = (w * share * (1.0 - share) + w * w / 4.0).sqrt() / (1.0 + w);
    Interval {
        estimate: share,
        // What is 0 or 1 by the formula is so exactly, and not by rounding.
        lower: if share <= 0.0 { 0.0 } else { centre - half },
        upper: if share >= 1.0 { 1.0 } else { centre + half },
    }
}

/// By how much one share is above another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The difference with its 95 % interval.
    pub interval: Interval,
    /// The interval leaves 0 out.
    pub clear: bool,
}

/// The difference a − b of the shares of two groups that have no session in common, with the
/// interval that follows from theirs (Newcombe, 1998, method 10).
#[must_use]
pub fn difference(a: Interval, b: Interval) -> Difference {
    let estimate = a.estimate - b.estimate;
    let below = (a.estimate - a.lower).hypot(b.upper - b.estimate);
    let above = (a.upper - a.estimate).hypot(b.estimate - b.lower);
    let interval = Interval { estimate, lower: estimate - below, upper: estimate + above };
    Difference { interval, clear: interval.lower > 0.0 || interval.upper < 0.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_success_and_no_failure_have_one_sided_intervals() {
        let none = wilson(0, 50).unwrap();
        assert_eq!((none.estimate, none.lower), (0.0, 0.0));
        let all = wilson(50, 50).unwrap();
        assert_eq!((all.estimate, all.upper), (1.0, 1.0));
        assert!((none.upper - (1.0 - all.lower)).abs() < 1e-15);
        assert_eq!(wilson(0, 0), None);
    }

    proptest! {
        #[test]
        fn limits_of_a_share_solve_the_score_equation(n in 1_u64..1_000_000, part in 0.0..=1.0) {
            let k = (part * n as f64) as u64;
            let found = wilson(k, n).unwrap();
            prop_assert!(found.lower <= found.estimate && found.estimate <= found.upper);
            for limit in [found.lower, found.upper] {
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
            prop_assert_eq!(one.interval.lower, -other.interval.upper);
            prop_assert_eq!(one.interval.estimate, -other.interval.estimate);
            prop_assert_eq!(one.clear, other.clear);
            prop_assert!((-1.0..=1.0).contains(&one.interval.lower));
        }
    }
}
