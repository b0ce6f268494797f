//! A weighted share over strata, with its variance by linearisation, from sums of squares.

use super::exact::LEFT_OUT;
use super::normal::student_quantile;
use super::ratio::{MAXIMUM_FREEDOM, MINIMUM_CASES};
use super::share::{Interval, exact_limit, score_interval};
use super::strata::{Stratum, Sums};

/// Fewest degrees of freedom that are used: [`student_quantile`] is not defined for fewer.
const MINIMUM_FREEDOM: f64 = 2.0;

/// One stratum with its factor: the weighted share is Σ factor · Σ y, where Σ factor · Σ w is 1.
#[derive(Clone, Copy)]
pub(super) struct Term<'a> {
    pub(super) stratum: &'a Stratum,
    pub(super) sums: &'a Sums,
    pub(super) factor: f64,
    /// The share that the time of its sessions varies about.
    pub(super) centre: f64,
}

/// A weighted share and what is known about its error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighted {
    pub(super) share: f64,
    /// Variance by linearisation; none if a stratum has one session.
    pub(super) variance: Option<f64>,
    /// Amount that one more session in the most influential stratum would add to it.
    pub(super) one_more: f64,
    pub(super) effective_sessions: f64,
    pub(super) degrees_of_freedom: f64,
}

/// Sums of the strata of one browser, device class and network type. The same sessions may be in all of them
/// (kinds and directions), and how they vary together is not known: standard deviations are added, which is
/// their largest possible sum.
#[derive(Default)]
struct Profile {
    sessions: u64,
    deviation: f64,
    binomial: f64,
    length: f64,
    equal_length: f64,
    poor: f64,
    good: f64,
    freedom: f64,
}

impl Weighted {
    /// Returns the weighted share of `terms`, which are sorted by stratum and have sessions.
    pub(super) fn of(terms: &[Term<'_>]) -> Self {
        let share = terms.iter().map(|term| term.factor * term.sums.y as f64).sum();
        let profiles: Vec<Profile> = terms
            .chunk_by(|a, b| a.stratum.shares_sessions_with(b.stratum))
            .map(Profile::of)
            .collect();
        let sum = |of: fn(&Profile) -> f64| profiles.iter().map(|at| of(at).powi(2)).sum::<f64>();
        let (variance, length) = (sum(|at| at.deviation), sum(|at| at.length));
        // How much of a session is poor if it is poor at all: 1 if sessions are wholly one or the other.
        let binomial = sum(|at| at.binomial);
        let spread = if binomial > 0.0 { (variance / binomial).min(1.0) } else { 1.0 };
        let largest = profiles.iter().map(|at| at.length.powi(2) / at.sessions as f64);
        let single = terms.iter().any(|term| term.sums.sessions < 2);
        let rarer = if share <= 0.5 {
            f64::powi(share, 2) / sum(|at| at.poor)
        } else {
            f64::powi(1.0 - share, 2) / sum(|at| at.good)
        };
        let by_length = profiles.iter().map(|at| at.length.powi(4) / at.freedom).sum::<f64>();
        let degrees_of_freedom = (rarer * sum(|at| at.equal_length) / length)
            .min(length * length / by_length)
            .min(1.0 / length - 1.0)
            .clamp(MINIMUM_FREEDOM, MAXIMUM_FREEDOM);
        Self {
            share,
            variance: (!single).then_some(variance),
            one_more: spread * largest.fold(0.0, f64::max),
            effective_sessions: 1.0 / length,
            degrees_of_freedom,
        }
    }

    /// Returns effective sessions × the smaller of the share and its complement.
    pub(super) fn cases(&self) -> f64 {
        self.effective_sessions * self.share.min(1.0 - self.share)
    }

    /// Returns the variance that the interval uses; none where there are too few cases for one.
    pub(super) fn usable_variance(&self) -> Option<f64> {
        let variance = self.variance.filter(|_| self.cases() >= MINIMUM_CASES)?;
        Some(variance + self.one_more)
    }

    /// Returns the 95 % interval, or the exact limit alone if there are too few cases.
    pub(super) fn interval(&self) -> Interval {
        self.interval_at(student_quantile(self.degrees_of_freedom), LEFT_OUT)
    }

    /// Returns the interval of `quantile` standard errors on each side, or the exact limit beyond which
    /// the probability is `left_out`.
    pub(super) fn interval_at(&self, quantile: f64, left_out: f64) -> Interval {
        match self.usable_variance() {
            Some(variance) => {
                let per_observation = variance / (self.share * (1.0 - self.share));
                score_interval(self.share, quantile * quantile * per_observation)
            }
            None => exact_limit(self.share, self.effective_sessions, left_out),
        }
    }
}

impl Profile {
    fn of(terms: &[Term<'_>]) -> Self {
        let mut profile = Self { freedom: f64::INFINITY, ..Self::default() };
        for Term { sums, factor, centre, .. } in terms {
            let (n, ww) = (sums.sessions as f64, sums.ww as f64);
            let corrected = n / (n - 1.0).max(1.0) * sums.residuals(*centre);
            profile.sessions = profile.sessions.max(sums.sessions);
            profile.deviation += factor * corrected.sqrt();
            profile.binomial += factor * (ww * centre * (1.0 - centre)).sqrt();
            profile.length += factor * ww.sqrt();
            profile.equal_length += factor * sums.w as f64 / n.sqrt();
            profile.poor += factor * (sums.yy as f64).sqrt();
            profile.good += factor * sums.good_squared().sqrt();
            // Sessions of unequal length count once for what they are worth, and once more for how
            // well the squares of their residuals are known.
            let known_by = sums.effective_sessions().powi(2) / n - 1.0;
            profile.freedom = profile.freedom.min(known_by.max(1.0));
        }
        profile
    }
}
