//! Replayed dead letters.

use super::*;

/// An hour later, when the state has dropped the session.
const LATER_MS: i64 = START_MS + 3_600_000;

impl Life {
    /// Reads a replayed record at `raw` (offset, append time), which was first at `from` (offset,
    /// seconds after the start).
    fn again(&mut self, raw: (i64, i64), from: (i64, i64), heard: bool, payload: &[u8]) {
        let record = Record {
            source: SOURCE,
            offset: Offset(raw.0),
            appended: AppendTime(raw.1),
            key: Some(b"meet/c/p"),
            content_type: None,
            payload,
            look_back: false,
        };
        let from = Replayed {
            topic: "raw".to_owned(),
            partition: SOURCE.partition,
            offset: Offset(from.0),
            appended: AppendTime(START_MS + from.1 * 1000),
            heard,
            sent_ms: raw.1,
        };
        self.pipeline.replayed(&record, &from, &mut self.out).unwrap();
        self.commit();
    }

    fn packets(&self) -> Vec<Option<i64>> {
        let intervals = self.reports().into_iter().flat_map(|report| report.intervals);
        intervals.map(|interval| interval.packets_received).collect()
    }
}

fn later(offset: i64) -> (i64, i64) {
    (offset, LATER_MS + offset)
}

fn at(s: i64) -> i64 {
    START_MS + s * 1000
}

#[test]
fn a_record_replayed_twice_counts_once() {
    let mut life = run(&[]);
    let joined = event("joined", START_MS, json!({}));
    life.again(later(10), (1, 0), false, &joined);
    life.again(later(11), (1, 0), false, &joined);
    life.pipeline.drain(&mut life.out).unwrap();
    let [first, cover] = &life.reports()[..] else { panic!() };
    assert_eq!((first.event, cover.event), (EventKind::Joined, EventKind::Cover));
    let wanted = [Skipped { from: 11, count: 1, outcome: RawOutcome::Duplicate }];
    assert_eq!(cover.lineage.skipped, wanted);
}

#[test]
fn a_copy_is_known_after_a_restart_too() {
    let mut life = run(&[]);
    let joined = event("joined", START_MS, json!({}));
    // Records of a look-back are processed in the same way.
    let record = |offset| (offset, LATER_MS, joined.clone());
    let (offset, appended_ms, payload) = record(10);
    let look_back = Record {
        source: SOURCE,
        offset: Offset(offset),
        appended: AppendTime(appended_ms),
        key: Some(b"meet/c/p"),
        content_type: None,
        payload: &payload,
        look_back: true,
    };
    let from = Replayed {
        topic: "raw".to_owned(),
        partition: SOURCE.partition,
        offset: Offset(1),
        appended: AppendTime(START_MS),
        heard: false,
        sent_ms: LATER_MS,
    };
    life.pipeline.replayed(&look_back, &from, &mut life.out).unwrap();
    assert_eq!(life.out.sent, []);
    life.again(later(11), (1, 0), false, &joined);
    assert_eq!(life.reports(), [], "it was here before the restart");
}

#[test]
fn it_is_judged_as_of_its_first_append() {
    let mut life = run(&[]);
    // Ten minutes ahead of its first append, but not of the replay.
    life.again(later(10), (1, 0), false, &event("joined", at(600), json!({})));
    let [letter] = &life.dead_letters()[..] else { panic!() };
    assert_eq!((letter.reason.as_str(), letter.source_offset), ("time_ahead", 10));
    assert_eq!(letter.source_append_ms, START_MS, "so that the next copy is judged alike");
    // In time at its first append, more than 72 h old at the replay.
    let now = (11, START_MS + 80 * 3_600_000);
    life.again(now, (2, 0), false, &event("joined", START_MS, json!({})));
    assert_eq!(life.reports().len(), 1);
}

#[test]
fn replayed_snapshots_have_intervals_apart_from_live_ones() {
    let mut life = run(&[(0, LATER_MS - 10_000, stats(LATER_MS - 10_000, 900))]);
    life.again(later(10), (1, 0), false, &stats(at(0), 10));
    life.again(later(11), (2, 10), false, &stats(at(10), 30));
    life.read(&(12, LATER_MS + 12, stats(LATER_MS, 950)), false);
    assert_eq!(life.packets(), [Some(20), Some(50)]);
}

#[test]
fn snapshots_that_came_further_apart_than_the_look_back_have_none() {
    let mut life = run(&[]);
    life.again(later(10), (1, 0), false, &stats(at(0), 10));
    life.again(later(11), (2, 121), false, &stats(at(121), 30));
    life.again(later(12), (3, 130), false, &stats(at(130), 35));
    assert_eq!(life.packets(), [Some(5)]);
}

#[test]
fn snapshots_count_nothing_where_others_of_the_session_were_taken() {
    let mut life = run(&[]);
    for (offset, s) in [(1, 0), (2, 10)] {
        life.again(later(10 + offset), (offset, s), true, &stats(at(s), 10 * s));
    }
    life.again(later(13), (3, 10), true, &event("joined", at(10), json!({})));
    assert_eq!(life.packets(), []);
    let [joined] = &life.reports()[..] else { panic!() };
    assert_eq!(joined.event, EventKind::Joined, "the event is reported all the same");
    let wanted = [Skipped { from: 11, count: 2, outcome: RawOutcome::Duplicate }];
    assert_eq!(joined.lineage.skipped, wanted);
}
