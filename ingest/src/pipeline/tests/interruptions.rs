//! Results are the same if processes are interrupted and outputs are written twice.

use std::collections::BTreeMap;

use proptest::prelude::*;
use service::OffsetRanges;

use super::*;

/// Result of reading a log: accepted records with their content, and the others by outcome.
pub(super) type Truth =
    (BTreeMap<i64, Report>, BTreeMap<i64, RawOutcome>, BTreeMap<i64, DeadLetter>);

/// Folds the output of processes as aggregate does: a record counts if its own offset is new, and
/// of the offsets that it accounts for, those count that are new.
pub(super) fn fold<'a>(lives: impl IntoIterator<Item = &'a Life> + Clone) -> Truth {
    let mut truth = Truth::default();
    let mut seen = OffsetRanges::default();
    for report in lives.clone().into_iter().flat_map(Life::reports) {
        let lineage = &report.lineage;
        if seen.contains(Offset(lineage.raw_to)) {
            continue;
        }
        for new in seen.insert(Offset(lineage.raw_from)..=Offset(lineage.raw_to)) {
            for run in &lineage.skipped {
                let offsets =
                    (run.from..run.from + run.count).filter(|at| new.contains(&Offset(*at)));
                truth.1.extend(offsets.map(|at| (at, run.outcome)));
            }
        }
        if report.event != EventKind::Cover {
            truth.0.insert(lineage.raw_to, Report { lineage: Lineage::default(), ..report });
        }
    }
    assert!(seen.holes() == 0, "{seen}");
    let letters = lives.into_iter().flat_map(Life::dead_letters);
    truth.2.extend(letters.map(|letter| (letter.source_offset, letter)));
    truth
}

pub(super) fn any_log() -> impl Strategy<Value = Vec<Raw>> {
    let payload = prop_oneof![
        4 => (0_i64..90, 0_i64..100).prop_map(|(s, packets)| stats(START_MS + s * 1000, packets)),
        1 => (0_i64..3).prop_map(|s| event("joined", START_MS + s, json!({}))),
        1 => Just(stats(0, 1)),
        1 => prop::collection::vec(any::<u8>(), 0..5),
    ];
    let record = (1_i64..3, 0_i64..60_000, payload);
    prop::collection::vec(record, 1..60).prop_map(|records| {
        let next = |at: &mut (i64, i64), (gap, ms, payload): (i64, i64, Vec<u8>)| {
            *at = (at.0 + gap, at.1 + ms);
            Some((at.0, at.1, payload))
        };
        records.into_iter().scan((6, START_MS), next).collect()
    })
}

/// End of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// All writes are acknowledged.
    Clean,
    /// The last record's writes are in the log, but were not acknowledged.
    Unacknowledged,
    /// The last record's writes are lost.
    Lost,
}

/// Processes, one after the other.
#[derive(Default)]
pub(super) struct Group {
    pub(super) past: Vec<Life>,
    /// All commits.
    pub(super) commits: Vec<Committed>,
}

impl Group {
    /// Runs a process that reads this number of uncommitted records, perhaps covers them, and ends.
    pub(super) fn live(
        &mut self,
        log: &[Raw],
        settings: Settings,
        (reads, covers, end): (usize, bool, End),
    ) {
        let mut life = Life::resume(self.commits.last(), settings, log);
        let from = self.commits.last().map(|committed| committed.offset.0);
        let unread = log.iter().filter(|record| Some(record.0) >= from).take(reads);
        let mut sent = 0;
        for (now, record) in (1..).zip(unread) {
            sent = life.out.sent.len();
            self.commit(&mut life);
            life.read(record, false);
            life.tick(if covers { now * 2000 } else { 0 });
        }
        match end {
            End::Clean => {
                life.pipeline.drain(&mut life.out).unwrap();
                while !life.pipeline.drained() {
                    self.commit(&mut life);
                    life.tick(life.now_ms);
                }
                self.commit(&mut life);
            }
            End::Unacknowledged => {}
            End::Lost => life.out.sent.truncate(sent),
        }
        self.past.push(life);
    }

    fn commit(&mut self, life: &mut Life) {
        life.out.acknowledge();
        for commit in life.out.take_commits() {
            life.pipeline.committed(&commit);
            let answered = life.reports().iter().map(|report| report.lineage.raw_to + 1).max();
            let before = self.commits.last().map(|committed| committed.offset.0);
            assert!(Some(commit.offset.0) <= answered.or(before) || self.commits.is_empty());
            let Commit { offset, metadata, .. } = commit;
            self.commits.push(Committed { offset, metadata });
        }
    }
}

proptest! {
    #[test]
    fn interruptions_change_nothing(
        log in any_log(),
        // Number of records that each process reads, whether covers fall due, and how it ends.
        lives in prop::collection::vec((
            1_usize..20,
            any::<bool>(),
            prop::sample::select(vec![End::Clean, End::Unacknowledged, End::Lost]),
        ), 0..8),
    ) {
        let mut whole = run(&log);
        whole.pipeline.drain(&mut whole.out).unwrap();

        let mut group = Group::default();
        for (reads, covers, end) in lives.into_iter().chain([(log.len(), false, End::Clean)]) {
            group.live(&log, Settings::default(), (reads, covers, end));
        }
        let past = &group.past;
        prop_assert_eq!(fold(past), fold(&[whole]));
    }

    #[test]
    fn every_offset_is_covered_once_and_invalid_records_are_dead_lettered(log in any_log()) {
        let mut life = run(&log);
        life.pipeline.drain(&mut life.out).unwrap();
        let mut next = log[0].0;
        for report in life.reports() {
            prop_assert_eq!(report.lineage.raw_from, next);
            next = report.lineage.raw_to + 1;
        }
        prop_assert_eq!(next, log[log.len() - 1].0 + 1);
        let (_, skipped, letters) = fold(&[life]);
        let dead = [RawOutcome::Invalid, RawOutcome::Late];
        let dead = skipped.iter().filter(|(_, outcome)| dead.contains(outcome)).map(|(at, _)| *at);
        prop_assert_eq!(dead.collect::<Vec<_>>(), letters.into_keys().collect::<Vec<_>>());
    }
}
