//! The part of a common mix in which all compared groups have enough sessions.

use super::share::Interval;
use super::standard::{MINIMUM_IN_STRATUM, Share, Standard};
use super::strata::Sums;
use super::weighted::{Term, Weighted};

/// The strata in which all compared groups have [`MINIMUM_IN_STRATUM`] effective sessions.
pub(super) struct Mix<'a> {
    strata: Vec<(usize, &'a Share)>,
    /// Their part of the common mix, 0 to 1.
    pub(super) coverage: f64,
    /// Odds of poor time in the whole mix over those in these strata, for all groups.
    odds_ratio: f64,
}

impl<'a> Mix<'a> {
    /// Takes the strata in which each of `groups`, aligned with `standard`, has enough sessions.
    pub(super) fn of(standard: &'a Standard, groups: &[&[Sums]]) -> Self {
        let enough = |index: usize| {
            let effective =
                |group: &&[Sums]| group.get(index).map_or(0.0, Sums::effective_sessions);
            // 5 sessions of one length are 5 up to rounding.
            groups.iter().all(|group| effective(group) >= MINIMUM_IN_STRATUM - 1e-9)
        };
        let strata: Vec<_> =
            standard.strata().iter().enumerate().filter(|(index, _)| enough(*index)).collect();
        let coverage: f64 = strata.iter().map(|(_, share)| share.weight).sum();
        let poor: f64 = strata.iter().map(|(_, share)| share.weight * share.share).sum();
        let odds_ratio = odds(standard.share()) / odds(poor / coverage);
        let complete = strata.len() == standard.strata().len();
        let comparable = !complete && odds_ratio.is_finite() && odds_ratio > 0.0;
        Self { strata, coverage, odds_ratio: if comparable { odds_ratio } else { 1.0 } }
    }

    /// Returns the share of `group` with the weights of these strata; none if there is no stratum.
    pub(super) fn weigh(&self, group: &[Sums]) -> Option<Weighted> {
        let terms: Vec<Term<'_>> = self
            .strata
            .iter()
            .filter_map(|(index, share)| {
                let sums = group.get(*index)?;
                let factor = share.weight / self.coverage / sums.w as f64;
                Some(Term { stratum: &share.stratum, sums, factor, centre: sums.share() })
            })
            .collect();
        (!terms.is_empty()).then(|| Weighted::of(&terms))
    }

    /// Extends a share of these strata to the whole mix: in the strata that are missing, its odds are
    /// taken to be to those of all groups as they are in these strata.
    pub(super) fn scale(&self, interval: Interval) -> Interval {
        let scale = |share: f64| {
            let good = 1.0 - share;
            if good > 0.0 {
                self.odds_ratio * share / (good + self.odds_ratio * share)
            } else {
                1.0
            }
        };
        Interval {
            estimate: scale(interval.estimate),
            lower: interval.lower.map(scale),
            upper: interval.upper.map(scale),
        }
    }
}

fn odds(share: f64) -> f64 {
    share / (1.0 - share)
}
