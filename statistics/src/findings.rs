//! Many findings at once: false discoveries and ranks.

use super::comparison::Verdict;
use super::standard::{Standard, State};
use super::strata::{Strata, Sums};

/// Probability that a range of [`Standard::ranks`] does not contain the true rank, for all together.
const FAMILY: f64 = 0.05;

/// Returns, for each finding, whether it stands when at most a part `q` of those that stand is expected to
/// be chance (Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995). A finding without
/// a probability does not stand, and does not count as one.
#[must_use]
pub fn benjamini_hochberg(p_values: &[Option<f64>], q: f64) -> Vec<bool> {
    let mut known: Vec<f64> = p_values.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    let all = known.len() as f64;
    let stands_at = |&(rank, p): &(usize, &f64)| *p <= (rank + 1) as f64 * q / all;
    let limit = known.iter().enumerate().rev().find(stands_at).map(|(_, p)| *p);
    let stands = |p: &Option<f64>| p.zip(limit).is_some_and(|(p, limit)| p <= limit);
    p_values.iter().map(stands).collect()
}

/// The ranks that a group can have; 1 is the least poor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankRange {
    /// 1 + the number of groups that are surely better.
    pub from: usize,
    /// The number of ranked groups − those that are surely worse.
    pub to: usize,
}

impl Standard {
    /// Returns the range of ranks of each group among those whose figure is known; none for the others.
    /// Surely better or worse is what remains of the comparisons of all pairs by Holm's method at 5 %, so
    /// that, in 95 % of cases, all ranges contain the true ranks.
    #[must_use]
    pub fn ranks(&self, groups: &[&Strata]) -> Vec<Option<RankRange>> {
        let aligned: Vec<Vec<Sums>> = groups.iter().map(|group| self.align(group)).collect();
        let known = |group: &&Vec<Sums>| self.figure_of(group).state == State::Known;
        let ranked: Vec<Option<&Vec<Sums>>> =
            aligned.iter().map(|group| Some(group).filter(known)).collect();
        let count = ranked.iter().flatten().count();
        let mut ranges: Vec<Option<RankRange>> =
            ranked.iter().map(|group| group.map(|_| RankRange { from: 1, to: count })).collect();
        for (better, worse) in self.sure_pairs(&ranked) {
            if let Some(Some(range)) = ranges.get_mut(worse) {
                range.from += 1;
            }
            if let Some(Some(range)) = ranges.get_mut(better) {
                range.to -= 1;
            }
        }
        ranges
    }

    /// Returns the pairs of which the first is surely better.
    fn sure_pairs(&self, groups: &[Option<&Vec<Sums>>]) -> Vec<(usize, usize)> {
        let mut clear = Vec::new();
        let mut pairs = 0_usize;
        for (i, a) in groups.iter().enumerate() {
            for (j, b) in groups.iter().enumerate().skip(i + 1) {
                let Some((a, b)) = a.zip(*b) else { continue };
                pairs += 1;
                let found = self.compare_aligned(a, b);
                let pair = match found.verdict {
                    Verdict::Better => (i, j),
                    Verdict::Worse => (j, i),
                    Verdict::NoEvidence | Verdict::CannotTell => continue,
                };
                clear.extend(found.p_value.map(|p| (p, pair)));
            }
        }
        clear.sort_by(|a, b| a.0.total_cmp(&b.0));
        let holm = |&(place, (p, _)): &(usize, (f64, _))| p <= FAMILY / (pairs - place) as f64;
        clear.into_iter().enumerate().take_while(holm).map(|(_, (_, pair))| pair).collect()
    }
}
