//! Changed limits at a restart apply only to records that no metadata covers yet.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::interruptions::{End, Group, fold};
use super::*;
use crate::intervals::clock::TOLERANCE_US;

/// Bytes of a record that only some of the limits accept.
const LONG: usize = 400;

/// Returns the limits that processes are started with.
fn variants() -> [Settings; 4] {
    let usual = Settings::default();
    [
        usual.clone(),
        Settings { max_record_bytes: LONG - 1, ..usual.clone() },
        Settings { look_back_s: 20, ..usual.clone() },
        Settings { look_back_s: 45, max_record_bytes: LONG - 1, ..usual },
    ]
}

/// Generates a stream's snapshots in the order of time, some of them long, some sent twice, with
/// holes among the offsets as transactions leave them. The log is shorter than twice the longer
/// look-back, so that no span is dropped.
fn any_log() -> impl Strategy<Value = Vec<Raw>> {
    let record = (1_i64..400, 0_i64..1_500, any::<bool>(), prop::bool::weighted(0.2));
    prop::collection::vec(record, 1..60).prop_map(|records| {
        let (mut offset, mut at_ms, mut packets) = (5, START_MS, 0);
        let mut log: Vec<Raw> = Vec::new();
        for (gap, ms, is_long, again) in records {
            offset += gap;
            at_ms += ms;
            packets += gap;
            let value = match log.last() {
                Some(last) if again => last.2.clone(),
                _ => {
                    let mut value = stats(at_ms, packets);
                    value.resize(if is_long { LONG } else { value.len() }, b' ');
                    value
                }
            };
            log.push((offset, at_ms, value));
        }
        log
    })
}

/// Returns the limits of each record in the first commit that covers it.
fn limits_of(log: &[Raw], commits: &[Committed]) -> Value {
    let metadata = commits
        .iter()
        .map(|commit| (commit.offset.0, serde_json::from_str::<Value>(&commit.metadata).unwrap()));
    let metadata = metadata.collect::<Vec<_>>();
    let spans = log.iter().map(|(offset, ..)| {
        let (_, covering) = metadata.iter().find(|(next, _)| next > offset).unwrap();
        assert!(
            covering["until"].as_i64().unwrap() > *offset || covering["until"] == json!(offset + 1)
        );
        let mut spans = covering["spans"].as_array().unwrap().iter().rev();
        let span = spans.find(|span| span["from"].as_i64().unwrap() <= *offset).unwrap();
        let mut span = span.clone();
        span["from"] = json!(offset);
        span
    });
    json!({"v": 1, "until": i64::MAX, "spans": spans.collect::<Vec<_>>()})
}

proptest! {
    #[test]
    fn each_record_keeps_its_outcome_under_changing_limits(
        log in any_log(),
        lives in prop::collection::vec((
            (1_usize..25, any::<bool>(), prop::sample::select(vec![
                End::Clean, End::Unacknowledged, End::Lost,
            ])),
            0_usize..4,
        ), 0..8),
    ) {
        let mut group = Group::default();
        for (life, variant) in lives.into_iter().chain([((log.len(), false, End::Clean), 0)]) {
            group.live(&log, variants()[variant].clone(), life);
        }
        let metadata = limits_of(&log, &group.commits).to_string();
        let whole = Committed { offset: Offset(log[0].0), metadata };
        let mut alone = Group { commits: vec![whole], ..Group::default() };
        alone.live(&log, Settings::default(), (log.len(), false, End::Clean));
        prop_assert_eq!(fold(&group.past), fold(&alone.past));
        let mut counted = BTreeMap::new();
        for (offset, report) in fold(&group.past).0 {
            for interval in report.intervals {
                let before = counted.range(..=offset).next_back();
                // A clock that is ahead of the log by more than the tolerance is corrected.
                let start_us = interval.start_us + TOLERANCE_US;
                prop_assert!(before.is_none_or(|(_, end_us)| *end_us <= start_us));
                counted.insert(offset, interval.end_us);
            }
        }
    }
}

/// Returns the number of records dead-lettered by processes with these settings and ends.
fn letters(log: &[Raw], lives: &[(usize, usize, End)]) -> Vec<usize> {
    let mut group = Group::default();
    for (variant, reads, end) in lives {
        group.live(log, variants()[*variant].clone(), (*reads, false, *end));
    }
    group.past.iter().map(|life| life.dead_letters().len()).collect()
}

#[test]
fn changed_limits_apply_at_once_only_after_a_clean_end() {
    let value = |s: i64| {
        let mut value = stats(START_MS + s * 1000, s);
        value.resize(LONG, b' ');
        (s, START_MS + s * 1000, value)
    };
    let log = (0..3000).map(value).collect::<Vec<_>>();
    assert_eq!(letters(&log, &[(0, 10, End::Clean), (1, 10, End::Clean)]), [0, 10]);
    let killed = letters(&log, &[(0, 10, End::Unacknowledged), (1, 2000, End::Clean)]);
    assert!((900..1100).contains(&killed[1]), "{killed:?}");
}

#[test]
fn reading_continues_during_a_commit_until_too_much_is_pending() {
    let value = |s: i64| (s, START_MS + s, stats(START_MS + s, s));
    let mut life = Life::resume(None, Settings::default(), &[]);
    assert!(!life.pipeline.awaits_commit());
    life.read(&value(0), false);
    life.read(&value(1), false);
    life.tick(100);
    assert!(life.pipeline.awaits_commit() && !life.pipeline.holds_back());
    let held_back = (2..1_000_000).find(|s| {
        life.read(&value(*s), false);
        life.pipeline.holds_back()
    });
    assert!(held_back.is_some_and(|records| records > 1000), "{held_back:?}");
    assert!(life.out.sent.is_empty());
    // A commit lets the covered records be written, and that lets the metadata cover more.
    for _ in 0..20 {
        for commit in life.out.take_commits() {
            life.pipeline.committed(&commit);
        }
        life.tick(life.now_ms + 100);
        life.out.acknowledge();
    }
    assert!(!life.pipeline.awaits_commit() && !life.pipeline.holds_back());
    let ranges = life.reports().into_iter().map(|report| report.lineage);
    let last = ranges.fold(-1, |last, range| {
        assert_eq!(range.raw_from, last + 1);
        range.raw_to
    });
    assert_eq!(Some(last), held_back);
}

#[test]
fn metadata_of_a_newer_release_is_refused() {
    let committed = Committed { offset: Offset(7), metadata: r#"{"v":2}"#.to_owned() };
    let error = pipeline(Settings::default()).start(SOURCE, Some(&committed)).unwrap_err();
    assert!(error.to_string().contains("form 2"), "{error}");
}

#[test]
fn metadata_is_ascii_and_under_4_kb_however_often_limits_change() {
    let log = (0..200).map(|s| (s, START_MS + s * 10, stats(START_MS + s * 10, s)));
    let log = log.collect::<Vec<_>>();
    let mut group = Group::default();
    for variant in 0..100 {
        group.live(&log, variants()[variant % 4].clone(), (2, false, End::Clean));
    }
    assert!(group.commits.len() > 100);
    let most = group.commits.iter().map(|commit| commit.metadata.len()).max();
    assert!(most.is_some_and(|most| (1000..4000).contains(&most)), "{most:?}");
    assert!(group.commits.iter().all(|commit| commit.metadata.is_ascii()));
}
