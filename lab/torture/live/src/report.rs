//! The report of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use oracle::verify::Verdict;
use serde::Serialize;

use super::checks::Checked;
use super::kind::Kind;
use super::monitor::Recovered;

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Report {
    /// Seed of the schedule, the world and the affected components.
    pub(super) seed: u64,
    /// Duration in which faults were injected, s.
    pub(super) duration_s: f64,
    /// Time from the last fault's end until everything was processed, s.
    pub(super) drain_s: f64,
    /// The tested build: development builds and those with failpoints can abort.
    pub(super) build: &'static str,
    /// Faults by kind.
    pub(super) faults: BTreeMap<&'static str, Faults>,
    /// Raw records, all of which were checked.
    pub(super) events_checked: u64,
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) dead_letters: u64,
    pub(super) late: u64,
    pub(super) cells_checked: u64,
    pub(super) sessions_checked: u64,
    /// Number of discrepancies, which must be 0.
    pub(super) discrepancies: u64,
    /// Descriptions of the first discrepancies.
    pub(super) differences: Vec<String>,
    pub(super) absorbed: Absorbed,
    /// Unexpected ends of processes, by exit code; -1 is a signal.
    pub(super) exits: BTreeMap<String, BTreeMap<i32, u32>>,
}

/// Faults of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Faults {
    pub(super) injected: usize,
    /// Time from the end of an exclusive fault until all earlier input was visible, s.
    pub(super) recovery_s: Quantiles,
    /// The same time for faults that overlap others, s.
    pub(super) recovery_among_others_s: Quantiles,
}

/// Quantiles of recovery times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Quantiles {
    pub(super) times: usize,
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

/// Duplicates, each of which counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Absorbed {
    /// Raw records that clients sent again, or out of order.
    pub(super) raw: u64,
    /// Records that ingest and enrich wrote again, among all that aggregate read.
    pub(super) reports: u64,
    pub(super) reports_share: f64,
    /// Rows that aggregate wrote again unchanged, among all that it wrote.
    pub(super) rows: u64,
    pub(super) rows_share: f64,
    /// Dead letters after the first one of their source.
    pub(super) dead_letters: u64,
}

impl Quantiles {
    fn of(mut recovery: Vec<Duration>) -> Self {
        recovery.sort();
        let quantile = |share: f64| {
            let rank = (share * recovery.len() as f64).ceil() as usize;
            recovery.get(rank.max(1) - 1).map(|time| rounded(time.as_secs_f64()))
        };
        Self { times: recovery.len(), p50: quantile(0.5), p99: quantile(0.99) }
    }

    fn summary(self) -> String {
        match (self.p50, self.p99) {
            (Some(p50), Some(p99)) => format!("{p50:.1} s, {p99:.1} s ({})", self.times),
            _ => "–".to_owned(),
        }
    }
}

pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A run before the comparison with the truth.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) lasted: Duration,
    pub(super) drained: Duration,
    pub(super) injected: BTreeMap<Kind, usize>,
    pub(super) recovered: Recovered,
    pub(super) exits: BTreeMap<String, BTreeMap<i32, u32>>,
}

impl Report {
    pub(super) fn new(mut run: Run, checked: Checked) -> Self {
        let Checked { verdict, wrong, absorbed } = checked;
        let Verdict { differences, mismatches, .. } = verdict;
        let faults = run.injected.iter().map(|(kind, injected)| {
            let mut recovery =
                |alone| Quantiles::of(run.recovered.remove(&(*kind, alone)).unwrap_or_default());
            let faults = Faults {
                injected: *injected,
                recovery_s: recovery(true),
                recovery_among_others_s: recovery(false),
            };
            (kind.name(), faults)
        });
        let faults: BTreeMap<_, _> = faults.collect();
        let late = late(&run.injected, &faults);
        Self {
            seed: run.seed,
            duration_s: rounded(run.lasted.as_secs_f64()),
            drain_s: rounded(run.drained.as_secs_f64()),
            build: build(),
            faults,
            events_checked: verdict.raw_records,
            accepted: verdict.accepted,
            duplicates: verdict.duplicates,
            dead_letters: verdict.dead_letters,
            late: verdict.late,
            cells_checked: verdict.cells_checked,
            sessions_checked: verdict.sessions_checked,
            discrepancies: mismatches + (wrong.len() + late.len()) as u64,
            differences: wrong.into_iter().chain(late).chain(differences).collect(),
            absorbed,
            exits: run.exits,
        }
    }

    /// The report as a page.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "| | |\n|---|---|\n\
             | seed | {} |\n\
             | faults came for | {:.0} s |\n\
             | until everything had come to rest | {:.0} s |\n\
             | build | {} |\n\
             | events checked | {} |\n\
             | accepted, duplicates, dead letters, late | {}, {}, {}, {} |\n\
             | cells and sessions compared | {}, {} |\n\
             | **discrepancies** | **{}** |\n\
             | reports written again, and absorbed | {} ({:.1} % of those read) |\n\
             | rows written again, and absorbed | {} ({:.1} % of those written) |\n\
             | dead letters written again | {} |\n\n",
            self.seed,
            self.duration_s,
            self.drain_s,
            self.build,
            self.events_checked,
            self.accepted,
            self.duplicates,
            self.dead_letters,
            self.late,
            self.cells_checked,
            self.sessions_checked,
            self.discrepancies,
            self.absorbed.reports,
            self.absorbed.reports_share * 100.0,
            self.absorbed.rows,
            self.absorbed.rows_share * 100.0,
            self.absorbed.dead_letters,
        );
        for difference in &self.differences {
            let _ = writeln!(text, "- {difference}");
        }
        text += "| fault | times | fresh rows after: median, 99 % (of how many) | \
                 among other faults |\n|---|---|---|---|\n";
        for (kind, faults) in &self.faults {
            let (alone, others) = (faults.recovery_s, faults.recovery_among_others_s);
            let (alone, others) = (alone.summary(), others.summary());
            let _ = writeln!(text, "| {kind} | {} | {alone} | {others} |", faults.injected);
        }
        text
    }
}

/// Returns descriptions of the kinds after which fresh rows took longer than documented.
fn late(injected: &BTreeMap<Kind, usize>, faults: &BTreeMap<&str, Faults>) -> Vec<String> {
    let late = injected.keys().filter_map(|kind| {
        let (most, took) = (kind.recovers_within()?, faults.get(kind.name())?.recovery_s.p99?);
        let (name, most) = (kind.name(), most.as_secs_f64());
        (took > most).then(|| format!("{name}: fresh rows after {took:.1} s, must be {most:.0} s"))
    });
    late.collect()
}

const fn build() -> &'static str {
    match (cfg!(debug_assertions), service::failpoints::PRESENT) {
        (true, _) => "development",
        (false, true) => "release, with failpoints",
        (false, false) => "release, without failpoints",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_that_takes_longer_than_promised_is_a_discrepancy() {
        let most = Kind::Fenced.recovers_within().unwrap_or_default();
        let injected = BTreeMap::from([(Kind::Fenced, 1), (Kind::Cut, 1)]);
        let after = |time| {
            let recovery_s = Quantiles::of(vec![time]);
            let faults = Faults { injected: 1, recovery_s, ..Faults::default() };
            let faults = BTreeMap::from([("fenced-broker", faults.clone()), ("cut", faults)]);
            late(&injected, &faults)
        };
        assert_eq!(after(most), Vec::<String>::new());
        let words = after(most + Duration::from_secs(1));
        assert!(words.len() == 1 && words[0].starts_with("fenced-broker: "), "{words:?}");
    }

    #[test]
    fn recovery_is_shown_by_rank_and_absent_without_faults() {
        let times = Quantiles::of((1..=100).map(Duration::from_secs).collect());
        assert_eq!((times.p50, times.p99), (Some(50.0), Some(99.0)));
        assert_eq!(times.summary(), "50.0 s, 99.0 s (100)");
        assert_eq!(Quantiles::of(Vec::new()).summary(), "–");
    }
}
