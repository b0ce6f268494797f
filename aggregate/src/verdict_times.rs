//! Observed time by verdict of each threshold pack.

use schemas::{EnrichedReport, PackTime, ScoredInterval, Verdict};

use crate::intern::{Interner, Symbol};

/// Poor, good and unclassified time, µs.
type Times = [i64; 3];

/// Returns the packs of a report, in its order.
pub(crate) fn packs(report: &EnrichedReport, names: &mut Interner) -> Vec<Symbol> {
    report.look_ups.packs.iter().map(|pack| names.symbol(pack)).collect()
}

/// Times by pack. A list, because there are few packs, nearly always the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct VerdictTimes(Vec<(Symbol, Times)>);

impl VerdictTimes {
    /// Adds an interval of `observed_us` that `packs` have judged.
    pub(crate) fn add(&mut self, packs: &[Symbol], scored: &ScoredInterval, observed_us: i64) {
        for (pack, judged) in packs.iter().zip(&scored.verdicts) {
            let time = &mut self.times(*pack)[place(judged.verdict)];
            *time = time.wrapping_add(observed_us);
        }
    }

    fn times(&mut self, pack: Symbol) -> &mut Times {
        let place = match self.0.iter().position(|(known, _)| *known == pack) {
            Some(place) => place,
            None => {
                // Otherwise the vector would allocate space for four.
                self.0.reserve_exact(1);
                self.0.push((pack, Times::default()));
                self.0.len() - 1
            }
        };
        &mut self.0[place].1
    }

    /// Overwrites `rows` with the times, in the order of names.
    pub(crate) fn write(&self, rows: &mut Vec<PackTime>, names: &Interner) {
        rows.resize_with(self.0.len(), PackTime::default);
        for (row, (pack, times)) in rows.iter_mut().zip(&self.0) {
            names.name(*pack).clone_into(&mut row.pack);
            [row.poor_us, row.good_us, row.unclassified_us] = *times;
        }
        rows.sort_unstable_by(|one, other| one.pack.cmp(&other.pack));
    }
}

const fn place(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Poor => 0,
        Verdict::Good => 1,
        Verdict::Unclassified => 2,
    }
}
