//! Whatever stops a process, and whatever is written twice, what is counted stays the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use runtime::OffsetRanges;

use super::*;

/// What reading a log comes to: accepted records and what they told, and the others by outcome.
type Truth = (BTreeMap<i64, Report>, BTreeMap<i64, RawOutcome>, BTreeMap<i64, DeadLetter>);

/// Folds what lives wrote, as aggregate does: a record counts if its own offset is new, and the
/// offsets that it answers for count where they are new.
fn fold(lives: &[Life]) -> Truth {
    let mut truth = Truth::default();
    let mut seen = OffsetRanges::default();
    for report in lives.iter().flat_map(Life::reports) {
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
    let letters = lives.iter().flat_map(Life::dead_letters);
    truth.2.extend(letters.map(|letter| (letter.source_offset, letter)));
    truth
}

fn any_log() -> impl Strategy<Value = Vec<Raw>> {
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

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// All is acknowledged.
    Clean,
    /// The last record's writes are in the log, but nobody was told.
    Unacknowledged,
    /// The last record's writes never got there.
    Lost,
}

proptest! {
    #[test]
    fn interruptions_change_nothing(
        log in any_log(),
        // How many records each life reads, whether covers fall due, and how it ends.
        lives in prop::collection::vec((
            1_usize..20,
            any::<bool>(),
            prop::sample::select(vec![End::Clean, End::Unacknowledged, End::Lost]),
        ), 0..8),
    ) {
        let mut whole = run(&log);
        whole.pipeline.drain(&mut whole.out).unwrap();

        let mut committed = None;
        let mut past = Vec::new();
        for (reads, covers, end) in lives.into_iter().chain([(log.len(), false, End::Clean)]) {
            let mut life = Life::begin(committed, &log);
            let unread = log.iter().filter(|record| Some(record.0) >= committed).take(reads);
            let mut sent = 0;
            for (now, record) in unread.enumerate() {
                sent = life.out.sent.len();
                life.out.acknowledge();
                life.read(record, false);
                if covers {
                    life.tick(now as u64 * 2000);
                }
            }
            match end {
                End::Clean => {
                    life.pipeline.drain(&mut life.out).unwrap();
                    life.out.acknowledge();
                }
                End::Unacknowledged => {}
                End::Lost => life.out.sent.truncate(sent),
            }
            if let Some(commit) = life.out.take_commits().last() {
                committed = Some(commit.offset.0);
                let answered = life.reports().iter().map(|report| report.lineage.raw_to).max();
                prop_assert!(committed <= answered.map(|raw_to| raw_to + 1));
            }
            past.push(life);
        }
        prop_assert_eq!(fold(&past), fold(&[whole]));
    }

    #[test]
    fn every_offset_is_answered_for_once_and_the_dead_letters_are_the_invalid_ones(log in any_log()) {
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
