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
                let Some((verdict, p_value)) = self.evident(a, b) else { continue };
                let pair = if verdict == Verdict::Better { (i, j) } else { (j, i) };
                clear.push((p_value, pair));
            }
        }
        clear.sort_by(|a, b| a.0.total_cmp(&b.0));
        let holm = |&(place, (p, _)): &(usize, (f64, _))| p <= FAMILY / (pairs - place) as f64;
        clear.into_iter().enumerate().take_while(holm).map(|(_, (_, pair))| pair).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::ratio::Session;
    use super::super::strata::{Stratum, union};
    use super::*;

    // The fourth is above its own limit, 4 · 0.05 / 5, and stands by the fifth.
    #[test]
    fn findings_stand_up_to_the_last_that_is_below_its_limit() {
        let p_values = [Some(0.041), Some(0.01), None, Some(0.001), Some(0.05), Some(0.02)];
        let stands = benjamini_hochberg(&p_values, 0.05);
        assert_eq!(stands, [true, true, false, true, true, true]);
        let few = benjamini_hochberg(&[Some(0.06), Some(0.01), None], 0.05);
        assert_eq!(few, [false, true, false]);
        assert_eq!(benjamini_hochberg(&[Some(0.06), Some(0.7)], 0.1), [false, false]);
        assert_eq!(benjamini_hochberg(&[None], 0.1), [false]);
    }

    fn group(poor: usize, all: usize) -> Strata {
        let session = |i| Session { part: if i < poor { 60 } else { 0 }, whole: 60 };
        let sums = Sums::of(&(0..all).map(session).collect::<Vec<_>>());
        Strata::from([(Stratum::default(), sums)])
    }

    #[test]
    fn ranks_are_ranges_where_intervals_overlap() {
        let groups =
            [group(100, 1000), group(300, 1000), group(110, 1000), group(0, 9), group(600, 1000)];
        let groups: Vec<&Strata> = groups.iter().collect();
        let standard = Standard::of(&union(groups.iter().copied())).unwrap();
        let range = |from, to| Some(RankRange { from, to });
        let found = standard.ranks(&groups);
        assert_eq!(found, [range(1, 2), range(3, 3), range(1, 2), None, range(4, 4)]);
    }

    // 14 against 10 % of 600 are better at 5 %, and not as one of 28 pairs.
    #[test]
    fn a_difference_that_is_clear_by_itself_may_not_be_among_many_pairs() {
        let groups: Vec<Strata> =
            [60, 88, 72, 72, 72, 72, 72, 72].map(|poor| group(poor, 600)).into();
        let groups: Vec<&Strata> = groups.iter().collect();
        let standard = Standard::of(&union(groups.iter().copied())).unwrap();
        assert_eq!(standard.compare(groups[0], groups[1]).verdict, Verdict::Better);
        let found = standard.ranks(&groups);
        assert_eq!(found, vec![Some(RankRange { from: 1, to: 8 }); 8]);
        let pair = standard.ranks(&groups[..2]);
        assert_eq!(pair, [Some(RankRange { from: 1, to: 1 }), Some(RankRange { from: 2, to: 2 })]);
    }
}
