//! When rows are written and blocks end.

use super::*;

#[test]
fn only_changed_rows_are_written_again() {
    let mut run = Run::new(AggregateSettings::default());
    let mut other = report(2, EventKind::Joined, 1);
    other.participant = "q".to_owned();
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.report(1, MINUTE_MS, &other);
    run.tick(5_000, Pace::Live);
    assert_eq!(run.sent::<SessionPartial>(Topic::Sessions).len(), 2);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.report(2, MINUTE_MS, &report(3, EventKind::Left, 2));
    run.tick(10_000, Pace::Live);
    let rows = run.sent::<SessionPartial>(Topic::Sessions);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.participant.as_str(), row.joined, row.left, row.upto), ("p", 1, 1, 3));
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.tick(15_000, Pace::Idle);
    assert!(run.out.sent.is_empty(), "nothing changed");
}

#[test]
fn writes_wait_five_seconds_or_for_a_second_of_silence() {
    let mut run = Run::new(AggregateSettings::default());
    run.tick(100_000, Pace::Idle);
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.tick(100_100, Pace::Idle);
    run.tick(101_099, Pace::Idle);
    assert!(run.out.sent.is_empty(), "input may run dry between two records");
    run.tick(101_100, Pace::Idle);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(1, MINUTE_MS, &report(2, EventKind::Left, 2));
    run.tick(106_099, Pace::Live);
    assert!(run.out.sent.is_empty());
    run.tick(106_100, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
}

#[test]
fn in_a_backlog_rows_are_written_at_the_end_of_a_block_at_the_latest() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.tick(299_999, Pace::Behind);
    assert!(run.out.sent.is_empty());
    run.tick(300_000, Pace::Behind);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(1, MINUTE_MS, &report(2, EventKind::Left, 2));
    run.report(2, 2 * MINUTE_MS, &report(3, EventKind::Left, 3));
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1, "the block has ended");
}

#[test]
fn a_backlog_of_an_earlier_service_counts_as_one() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(0, MINUTE_MS + 5_000, &report(1, EventKind::Joined, 1));
    run.tick(299_999, Pace::Live);
    assert!(run.out.sent.is_empty());
    run.report(1, MINUTE_MS + 5_000, &report(2, EventKind::Stats, 2));
    run.tick(300_000, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(2, MINUTE_MS + 4_999, &report(3, EventKind::Left, 3));
    run.tick(305_000, Pace::Live);
    assert_eq!(
        run.sent::<BlockAudit>(Topic::Blocks).len(),
        1,
        "and the backlog ended with its last report"
    );
}

#[test]
fn a_wait_as_long_as_the_write_interval_is_a_backlog() {
    let mut run = Run::new(AggregateSettings { flush_s: 30, ..AggregateSettings::default() });
    run.report(0, MINUTE_MS + 29_999, &report(1, EventKind::Joined, 1));
    run.tick(30_000, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(1, MINUTE_MS + 30_000, &report(2, EventKind::Left, 2));
    run.tick(60_000, Pace::Live);
    assert!(run.out.sent.is_empty());
}

#[test]
fn a_backlog_is_written_once_its_partition_or_all_partitions_are_idle() {
    let other = Source { partition: Partition(SOURCE.partition.0 + 1), ..SOURCE };
    let mut run = Run::new(AggregateSettings::default());
    run.out.assign(other);
    run.pipeline.assigned(other, None).unwrap();
    let audits = |run: &mut Run| -> Vec<Source> {
        let sent = run.out.sent.drain(..).filter(|sent| sent.topic == Topic::Blocks);
        sent.map(|sent| sent.source).collect()
    };
    let more = |run: &mut Run, offset| {
        let mut report = report(offset, EventKind::Joined, 1);
        report.lineage.raw_partition = other.partition.0;
        run.bytes_of(other, offset, MINUTE_MS + 5_000, &schemas::encode(&report).unwrap());
    };
    run.tick(100_000, Pace::Idle);
    run.report(0, MINUTE_MS + 5_000, &report(1, EventKind::Joined, 1));
    run.tick(101_000, Pace::Idle);
    for (offset, now_ms) in (0..).zip((102_000..=105_000).step_by(1000)) {
        more(&mut run, offset);
        run.tick(now_ms, Pace::Idle);
        assert_eq!(audits(&mut run), [], "{now_ms}: records of another partition still arrive");
    }
    more(&mut run, 4);
    run.tick(106_000, Pace::Idle);
    assert_eq!(
        audits(&mut run),
        [SOURCE],
        "none of its records arrived for the interval of writes"
    );
    run.tick(106_199, Pace::Idle);
    assert_eq!(audits(&mut run), []);
    run.tick(106_200, Pace::Idle);
    assert_eq!(audits(&mut run), [other], "no records arrived for long enough");
}

#[test]
fn a_finished_block_is_written_audited_and_only_then_committed() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(7, MINUTE_MS, &report(1, EventKind::Joined, 1));
    let opened = run.out.take_commits();
    assert_eq!(opened.len(), 1, "the start of a block is committed before its rows are written");
    assert_eq!(opened[0].offset, Offset(7));
    assert!(opened[0].metadata.contains(r#""raw":"""#));
    run.report(8, MINUTE_MS + 60_000, &report(2, EventKind::Left, 2));
    let topics = run.out.sent.iter().map(|sent| sent.topic).collect::<Vec<_>>();
    assert_eq!(topics, [Topic::Sessions, Topic::Blocks], "partials before the audit");
    let audit = &run.sent::<BlockAudit>(Topic::Blocks)[0];
    assert!((audit.finished, audit.block_start, audit.upto) == (true, 7, 8), "{audit:?}");
    assert!(run.out.take_commits().is_empty(), "nothing is acknowledged yet");
    run.out.acknowledge();
    let next = run.out.take_commits();
    assert_eq!((next.len(), next[0].offset), (1, Offset(8)));
    assert!(next[0].metadata.contains(r#""raw":"1""#), "{}", next[0].metadata);
    run.pipeline.drain(&mut run.out).unwrap();
    let audit = &run.sent::<BlockAudit>(Topic::Blocks)[0];
    assert!((audit.finished, audit.block_start, audit.upto) == (false, 8, 9), "{audit:?}");
    run.out.acknowledge();
    assert!(run.out.take_commits().is_empty(), "an unfinished block is not committed");
}
