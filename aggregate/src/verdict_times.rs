//! Observed time by verdict of each threshold pack.

use schemas::{EnrichedReport, PackTime, ScoredInterval, Verdict};

use crate::block::weights;
use crate::intern::{Interner, Symbol};

/// Number of packs whose times are kept in place; there are five by default.
const FEW: usize = 5;
/// Number of verdicts: poor, good and unclassified.
const VERDICTS: usize = 3;
/// Separates names of packs in the name of their list.
const SEPARATOR: &str = "\n";

/// The packs that judged the intervals of a report, in its order.
#[derive(Clone, Debug)]
pub(crate) struct Packs {
    /// Symbol of their names, joined by [`SEPARATOR`].
    list: Symbol,
    packs: Vec<Symbol>,
}

impl Packs {
    pub(crate) fn of(report: &EnrichedReport, names: &mut Interner) -> Self {
        let packs = &report.look_ups.packs;
        let list = names.symbol(&packs.join(SEPARATOR));
        Self { list, packs: packs.iter().map(|pack| names.symbol(pack)).collect() }
    }
}

/// Poor, good and unclassified time by pack, µs.
#[derive(Clone, Debug, Default)]
pub(crate) enum VerdictTimes {
    #[default]
    None,
    /// Nearly all: small sums of the intervals that the same few packs have judged.
    Few {
        list: Symbol,
        times: [i32; FEW * VERDICTS],
    },
    Any(Vec<(Symbol, [i64; VERDICTS])>),
}

impl VerdictTimes {
    /// Adds an interval of `observed_us` that `packs` have judged. Returns the weight of the memory that was
    /// allocated for it, bytes.
    pub(crate) fn add(
        &mut self,
        packs: &Packs,
        scored: &ScoredInterval,
        observed_us: i64,
        names: &Interner,
    ) -> usize {
        if packs.packs.is_empty() {
            return 0;
        }
        if matches!(self, Self::None) && packs.packs.len() <= FEW {
            *self = Self::Few { list: packs.list, times: Default::default() };
        }
        if let Self::Few { list, times } = self
            && *list == packs.list
            && let Some(more) = added(times, scored, observed_us)
        {
            *times = more;
            return 0;
        }
        self.add_to_any(packs, scored, observed_us, names)
    }

    fn add_to_any(
        &mut self,
        packs: &Packs,
        scored: &ScoredInterval,
        observed_us: i64,
        names: &Interner,
    ) -> usize {
        let mut grown = 0;
        if !matches!(self, Self::Any(_)) {
            let any = self.by_pack(names);
            grown += (1 + any.len()) * weights::PACK;
            *self = Self::Any(any);
        }
        let Self::Any(any) = self else { return grown };
        for (pack, judged) in packs.packs.iter().zip(&scored.verdicts) {
            let place = any.iter().position(|(known, _)| known == pack).unwrap_or_else(|| {
                // Otherwise the vector would allocate space for twice as many.
                any.reserve_exact(1);
                any.push((*pack, Default::default()));
                grown += weights::PACK;
                any.len() - 1
            });
            let time = &mut any[place].1[verdict(judged.verdict)];
            *time = time.wrapping_add(observed_us);
        }
        grown
    }

    /// Returns the times by pack, in the order in which the packs came up.
    fn by_pack(&self, names: &Interner) -> Vec<(Symbol, [i64; VERDICTS])> {
        match self {
            Self::None => Vec::new(),
            Self::Few { list, times } => {
                let packs = names.name(*list).split(SEPARATOR).filter_map(|pack| names.find(pack));
                let times = times.chunks_exact(VERDICTS);
                let long = |of: &[i32]| std::array::from_fn(|verdict| i64::from(of[verdict]));
                packs.zip(times.map(long)).collect()
            }
            Self::Any(any) => any.clone(),
        }
    }

    /// Overwrites `rows` with the times, in the order of names.
    pub(crate) fn write(&self, rows: &mut Vec<PackTime>, names: &Interner) {
        let times = self.by_pack(names);
        rows.resize_with(times.len(), PackTime::default);
        for (row, (pack, times)) in rows.iter_mut().zip(times) {
            names.name(pack).clone_into(&mut row.pack);
            [row.poor_us, row.good_us, row.unclassified_us] = times;
        }
        rows.sort_unstable_by(|one, other| one.pack.cmp(&other.pack));
    }
}

/// Returns the times with an interval added. None if a sum does not fit.
fn added(
    times: &[i32; FEW * VERDICTS],
    scored: &ScoredInterval,
    observed_us: i64,
) -> Option<[i32; FEW * VERDICTS]> {
    let (mut times, observed) = (*times, i32::try_from(observed_us).ok()?);
    for (of_pack, judged) in times.chunks_exact_mut(VERDICTS).zip(&scored.verdicts) {
        let time = &mut of_pack[verdict(judged.verdict)];
        *time = time.checked_add(observed)?;
    }
    Some(times)
}

const fn verdict(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Poor => 0,
        Verdict::Good => 1,
        Verdict::Unclassified => 2,
    }
}

#[cfg(test)]
mod tests {
    use schemas::PackVerdict;

    use super::*;

    /// Adds intervals, each judged by packs, and returns the rows with the weight of what was allocated.
    fn times(intervals: &[(&[&str], Verdict, i64)]) -> (Vec<(String, [i64; 3])>, usize) {
        let (mut names, mut times, mut grown) = (Interner::default(), VerdictTimes::default(), 0);
        for (packs, verdict, observed_us) in intervals {
            let mut report = EnrichedReport::default();
            report.look_ups.packs = packs.iter().map(|pack| (*pack).to_owned()).collect();
            let packs = Packs::of(&report, &mut names);
            let judged = PackVerdict { verdict: *verdict, ..PackVerdict::default() };
            let verdicts = vec![judged; packs.packs.len()];
            let scored = ScoredInterval { verdicts, ..ScoredInterval::default() };
            grown += times.add(&packs, &scored, *observed_us, &names);
        }
        let mut rows = vec![PackTime::default(); 3];
        times.write(&mut rows, &names);
        let sums = |row: PackTime| (row.pack, [row.poor_us, row.good_us, row.unclassified_us]);
        (rows.into_iter().map(sums).collect(), grown)
    }

    #[test]
    fn times_are_those_of_64_bits_however_great() {
        let most = i64::from(i32::MAX);
        let (rows, grown) = times(&[
            (&["b", "a"], Verdict::Poor, 5),
            (&["b", "a"], Verdict::Good, most),
            (&["b", "a"], Verdict::Good, most),
            (&["b", "a"], Verdict::Unclassified, 2 * most),
        ]);
        let expected = [5, 2 * most, 2 * most];
        assert_eq!(rows, [("a".to_owned(), expected), ("b".to_owned(), expected)]);
        assert_eq!(grown, 3 * weights::PACK);
    }

    #[test]
    fn intervals_that_other_packs_have_judged_count_apart() {
        let (rows, _) = times(&[
            (&["a@1", "b"], Verdict::Poor, 5),
            (&["a@2", "b"], Verdict::Good, 7),
            (&["a@1", "b"], Verdict::Poor, 1),
        ]);
        let expected = [("a@1", [6, 0, 0]), ("a@2", [0, 7, 0]), ("b", [6, 7, 0])];
        assert_eq!(rows, expected.map(|(pack, times)| (pack.to_owned(), times)));
    }

    #[test]
    fn more_packs_than_fit_in_place_count_as_well() {
        let packs = ["a", "b", "c", "d", "e", "f"];
        let (rows, _) = times(&[(&packs, Verdict::Poor, 5), (&packs, Verdict::Good, 1)]);
        assert_eq!(rows, packs.map(|pack| (pack.to_owned(), [5, 1, 0])));
    }

    #[test]
    fn without_packs_there_is_no_row() {
        assert_eq!(times(&[(&[], Verdict::Poor, 5)]), (Vec::new(), 0));
    }
}
