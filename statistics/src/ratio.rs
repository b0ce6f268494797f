//! Ratios over sessions, with intervals that account for correlation within a session.

use super::normal::student_quantile;
use super::share::{Interval, exact_limit, score_interval};

/// Minimum number of expected cases (effective sessions times the smaller of a share and its
/// complement) for which a share has an interval. Below it the share has one exact limit.
pub const MINIMUM_CASES: f64 = 5.0;

/// Minimum number of effective sessions for which a mean has an interval.
pub const MINIMUM_SESSIONS: f64 = 100.0;

/// Largest number of degrees of freedom that is used. Intervals are up to 2 % wider than with the
/// actual number, so that two equal groups are clearly different in at most 6 % of any 5,000 simulated
/// worlds, and not only on average.
pub const MAXIMUM_FREEDOM: f64 = 60.0;

/// Contribution of one session to a ratio, such as its poor and its classified time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Contribution to the numerator.
    pub part: i64,
    /// Contribution to the denominator. A session with 0 is not an observation.
    pub whole: i64,
}

/// Estimate of the ratio Σ part / Σ whole over sessions, with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Sessions with a `whole`.
    pub sessions: u64,
    /// (Σ whole)² / Σ whole² (Kish): the number of sessions of equal length with the same information.
    pub effective_sessions: f64,
    /// The ratio.
    pub ratio: f64,
    /// Its standard error, by linearisation from the residuals e = part − ratio · whole (Cochran,
    /// Sampling Techniques, 6.4). None for a single session.
    pub standard_error: Option<f64>,
    /// Degrees of freedom of the standard error: (Σ e²)² / Σ e⁴, and at most the effective sessions
    /// less one and [`MAXIMUM_FREEDOM`]. If few sessions are poor, it is about their number.
    pub degrees_of_freedom: f64,
}

impl Estimate {
    /// Returns the estimate from `sessions`; none if none of them has a `whole`.
    #[must_use]
    pub fn of(sessions: &[Session]) -> Option<Self> {
        let observed = || sessions.iter().filter(|session| session.whole > 0);
        let n = observed().count();
        if n == 0 {
            return None;
        }
        let part = observed().map(|session| i128::from(session.part)).sum::<i128>() as f64;
        let whole = observed().map(|session| i128::from(session.whole)).sum::<i128>() as f64;
        let squares: f64 = observed().map(|session| (session.whole as f64).powi(2)).sum();
        let (ratio, effective_sessions) = (part / whole, whole * whole / squares);
        let residuals = || {
            observed().map(|session| (session.part as f64 - ratio * session.whole as f64).powi(2))
        };
        let (second, fourth) =
            residuals().fold((0.0, 0.0), |(second, fourth), e| (second + e, fourth + e * e));
        let variance = |n: f64| n / (n - 1.0) * second / (whole * whole);
        let behind = if fourth > 0.0 { second * second / fourth } else { f64::INFINITY };
        Some(Self {
            sessions: n as u64,
            effective_sessions,
            ratio,
            standard_error: (n > 1).then(|| variance(n as f64).sqrt()),
            degrees_of_freedom: behind.min(effective_sessions - 1.0).min(MAXIMUM_FREEDOM),
        })
    }

    /// Returns the ratio as a mean, with a 95 % interval around it if there are
    /// [`MINIMUM_SESSIONS`].
    #[must_use]
    pub fn mean(&self) -> Interval {
        let enough = self.effective_sessions >= MINIMUM_SESSIONS;
        let half = self.standard_error.filter(|_| enough).map(|error| self.student() * error);
        let estimate = self.ratio;
        Interval {
            estimate,
            lower: half.map(|half| estimate - half),
            upper: half.map(|half| estimate + half),
        }
    }

    /// Returns the ratio as a share, 0 to 1, with Wilson's 95 % interval for the effective number of
    /// observations that follows from the variance (Korn and Graubard, 1998). With fewer than
    /// [`MINIMUM_CASES`] it has only one exact limit: the upper one of a small share, the lower one
    /// of a large share.
    #[must_use]
    pub fn share(&self) -> Interval {
        let cases = self.effective_sessions * self.ratio.min(1.0 - self.ratio);
        let enough = cases >= MINIMUM_CASES;
        match self.standard_error.filter(|_| enough) {
            Some(error) => {
                let per_observation = error * error / (self.ratio * (1.0 - self.ratio));
                score_interval(self.ratio, self.student().powi(2) * per_observation)
            }
            None => exact_limit(self.ratio, self.effective_sessions),
        }
    }

    /// Returns the ratio of the variance of the share to that of a binomial share with the same
    /// number of sessions; none at 0 and 1. The number of sessions that a comparison needs is
    /// [`super::sample_size`] times this.
    #[must_use]
    pub fn design_effect(&self) -> Option<f64> {
        let spread = self.ratio * (1.0 - self.ratio);
        let variance = self.standard_error?.powi(2);
        (spread > 0.0).then(|| variance * self.sessions as f64 / spread)
    }

    fn student(&self) -> f64 {
        student_quantile(self.degrees_of_freedom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn sessions(pairs: &[(i64, i64)]) -> Vec<Session> {
        pairs.iter().map(|&(part, whole)| Session { part, whole }).collect()
    }

    fn estimate(pairs: &[(i64, i64)]) -> Option<Estimate> {
        Estimate::of(&sessions(pairs))
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12, "{found} instead of {expected}");
    }

    // r = 6 / 24, residuals 0.5, -1, 0.5: variance 3/2 · 1.5 / 576.
    #[test]
    fn three_sessions_are_estimated_as_by_hand() {
        let found = estimate(&[(2, 6), (1, 8), (3, 10)]).unwrap();
        assert_eq!(found.sessions, 3);
        assert_close(found.ratio, 0.25);
        assert_close(found.effective_sessions, 576.0 / 200.0);
        assert_close(found.standard_error.unwrap(), (1.5_f64 * 1.5 / 576.0).sqrt());
        assert_close(found.degrees_of_freedom, 1.88);
        assert!(!found.share().enough());
        assert_eq!((found.mean().lower, found.mean().upper), (None, None));
    }

    // With sessions of the same length that are wholly one or the other, the variance is that of a
    // binomial share, p (1 − p) / (n − 1).
    #[test]
    fn whole_sessions_of_one_length_have_the_variance_of_a_binomial_share() {
        let pairs: Vec<_> = (0..200).map(|i| (if i < 30 { 7 } else { 0 }, 7)).collect();
        let found = estimate(&pairs).unwrap();
        assert_close(found.ratio, 0.15);
        assert_close(found.effective_sessions, 200.0);
        assert_close(found.standard_error.unwrap(), (0.15_f64 * 0.85 / 199.0).sqrt());
        assert_close(found.design_effect().unwrap(), 200.0 / 199.0);
        // 30 residuals of 0.85 and 170 of 0.15: n p q / (1 − 3 p q).
        assert_close(found.degrees_of_freedom, 200.0 * 0.1275 / (1.0 - 3.0 * 0.1275));
        assert!(found.share().enough());
    }

    #[test]
    fn sessions_without_a_whole_are_no_observations() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[(0, 0), (5, 0)]), None);
        assert_eq!(estimate(&[(1, 2), (3, 0), (1, 4)]), estimate(&[(1, 2), (1, 4)]));
        assert_eq!(estimate(&[(1, 2)]).unwrap().standard_error, None);
    }

    #[test]
    fn a_share_of_nothing_has_an_exact_upper_limit_alone() {
        let none = estimate(&[(0, 9); 4000]).unwrap().share();
        assert_eq!((none.estimate, none.lower), (0.0, None));
        assert_close(none.upper.unwrap(), 1.0 - 0.025_f64.powf(1.0 / 4000.0));
        let all = estimate(&[(9, 9); 4000]).unwrap().share();
        assert_eq!((all.estimate, all.upper), (1.0, None));
        assert_close(all.lower.unwrap(), 0.025_f64.powf(1.0 / 4000.0));
    }

    // 4 of 800 are too few for an interval, 6 are not; 6 of 12 are as many as a half can have.
    #[test]
    fn sessions_are_enough_by_the_rarer_of_poor_and_good() {
        let poor = |poor: i64, of: i64| {
            let pairs: Vec<_> = (0..of).map(|i| (if i < poor { 60 } else { 0 }, 60)).collect();
            estimate(&pairs).unwrap().share()
        };
        for (cases, trials, enough) in
            [(4, 800, false), (6, 800, true), (6, 12, true), (794, 800, true), (796, 800, false)]
        {
            assert_eq!(poor(cases, trials).enough(), enough, "{cases} of {trials}");
        }
        let few = poor(4, 800);
        assert!(few.lower.is_none() && few.upper.unwrap() < 0.02, "{few:?}");
    }

    #[test]
    fn one_session_that_outweighs_all_others_is_not_enough() {
        let mut pairs = vec![(1, 10); 500];
        assert!(estimate(&pairs).unwrap().share().enough());
        assert!(estimate(&pairs).unwrap().mean().enough());
        pairs.push((0, 10_000));
        assert!(!estimate(&pairs).unwrap().share().enough());
        assert!(!estimate(&pairs).unwrap().mean().enough());
    }

    proptest! {
        #[test]
        fn units_and_order_do_not_show(
            mut pairs in prop::collection::vec((0_i64..=1000, 1000_i64..100_000), 120..300),
            scale in 1_i64..1_000_000,
        ) {
            let found = estimate(&pairs).unwrap();
            for (part, whole) in &mut pairs {
                (*part, *whole) = (*part * scale, *whole * scale);
            }
            pairs.reverse();
            let scaled = estimate(&pairs).unwrap();
            prop_assert!((found.ratio - scaled.ratio).abs() <= 1e-15);
            let errors = (found.standard_error.unwrap(), scaled.standard_error.unwrap());
            prop_assert!((errors.0 / errors.1 - 1.0).abs() <= 1e-9);
            let share = found.share();
            prop_assert!(share.lower.is_some() || share.upper.is_some());
            let (lower, upper) = (share.lower.unwrap_or(0.0), share.upper.unwrap_or(1.0));
            prop_assert!(0.0 <= lower && lower <= found.ratio);
            prop_assert!(found.ratio <= upper && upper <= 1.0);
        }
    }
}
