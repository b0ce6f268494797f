#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::mpsc;

use prometheus::Registry;
use service::{AppendTime, Handler as _, Input, Offset, Pace, Partition, Record, Recorder, Source};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Pipeline;
use crate::batch::Batch;
use crate::metrics::Metrics;
use crate::settings::SinkSettings;
use crate::writer::{Done, Rejected, Writer};

/// A handler with a log and a writer that are both controlled by the test.
struct Bench {
    pipeline: Pipeline,
    out: Recorder,
    batches: Vec<UnboundedReceiver<Batch>>,
    done: mpsc::Sender<Done>,
}

fn source(input: usize, partition: i32) -> Source {
    Source { input: Input(input), partition: Partition(partition) }
}

impl Bench {
    fn new() -> Self {
        let (done, results) = mpsc::channel();
        let mut writer = Writer::with(results);
        let mut batches = Vec::new();
        for _ in 0..2 {
            let (sender, receiver) = unbounded_channel();
            writer.tables.push(sender);
            batches.push(receiver);
        }
        let settings: SinkSettings =
            serde_json::from_value(serde_json::json!({ "flush_ms": 1000, "batch_mb": 1 })).unwrap();
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let topics = vec!["cells".to_owned(), "sessions".to_owned()];
        let pipeline = Pipeline::new(&settings, topics, writer, metrics);
        let mut bench = Self { pipeline, out: Recorder::default(), batches, done };
        for input in 0..2 {
            for partition in 0..2 {
                bench.assign(source(input, partition));
            }
        }
        bench
    }

    fn assign(&mut self, source: Source) {
        self.out.assign(source);
        self.pipeline.assigned(source, None).unwrap();
    }

    fn revoke(&mut self, source: Source) {
        self.pipeline.revoked(source);
        self.out.revoke(source);
    }

    fn record(&mut self, source: Source, offset: i64, payload: &[u8]) {
        let record = Record {
            source,
            offset: Offset(offset),
            appended: AppendTime(0),
            key: None,
            content_type: None,
            payload,
            look_back: false,
        };
        self.pipeline.record(&record, &mut self.out).unwrap();
    }

    fn tick(&mut self, now_ms: u64) {
        self.tick_at(now_ms, Pace::Live);
    }

    fn tick_at(&mut self, now_ms: u64, pace: Pace) {
        self.pipeline.tick(now_ms, pace, &mut self.out).unwrap();
    }

    /// Returns the offsets of the next batch handed over to a table's task.
    fn batch(&mut self, table: usize) -> Option<Vec<i64>> {
        let batch = self.batches[table].try_recv().ok()?;
        Some(batch.records().map(|record| record.offset.0).collect())
    }

    fn inserted(&mut self, table: usize, rejected: Vec<Rejected>) {
        self.done.send(Done { table, rejected }).unwrap();
        self.tick(0);
    }

    fn commits(&mut self) -> Vec<(Source, i64)> {
        let commits = self.out.take_commits().into_iter();
        commits.map(|commit| (commit.source, commit.offset.0)).collect()
    }
}

fn rejected(source: Source) -> Rejected {
    Rejected { source, reason: "unfit", key: Some(b"key".to_vec()), letter: b"letter".to_vec() }
}

#[test]
fn a_batch_is_handed_over_once_it_is_old_enough() {
    let mut bench = Bench::new();
    bench.record(source(0, 0), 4, b"a");
    bench.tick(500);
    bench.record(source(0, 1), 9, b"b");
    bench.tick(1499);
    assert_eq!(bench.batch(0), None);
    bench.tick(1500);
    assert_eq!(bench.batch(0), Some(vec![4, 9]));
}

#[test]
fn a_full_batch_is_handed_over_at_once() {
    let mut bench = Bench::new();
    for table in [0, 1] {
        let half = vec![0; 512 * 1024];
        bench.record(source(table, 0), 1, &half);
        assert_eq!(bench.batch(table), None);
        bench.record(source(table, 0), 2, &half);
        assert_eq!(bench.batch(table), Some(vec![1, 2]));
    }
}

#[test]
fn a_batch_that_is_full_soon_is_waited_for_but_not_long() {
    let mut bench = Bench::new();
    bench.tick(0);
    // A third of a full batch.
    bench.record(source(1, 0), 1, &vec![0; 350 * 1024]);
    bench.tick(0);
    bench.tick(2999);
    assert_eq!(bench.batch(1), None);
    bench.tick(3000);
    assert_eq!(bench.batch(1), Some(vec![1]));
}

#[test]
fn little_is_waited_for_when_nothing_comes() {
    let mut bench = Bench::new();
    bench.record(source(1, 0), 1, &vec![0; 350 * 1024]);
    bench.tick(0);
    // Between two bursts it is dry for a moment.
    bench.tick_at(300, Pace::Idle);
    bench.tick(600);
    bench.tick_at(700, Pace::Idle);
    bench.tick_at(849, Pace::Idle);
    assert_eq!(bench.batch(1), None);
    bench.tick_at(850, Pace::Idle);
    assert_eq!(bench.batch(1), Some(vec![1]));
    bench.inserted(1, Vec::new());
    // A batch after a silence has the usual patience.
    bench.record(source(1, 0), 2, b"a");
    bench.tick_at(1200, Pace::Idle);
    bench.tick_at(1449, Pace::Idle);
    assert_eq!(bench.batch(1), None);
    bench.tick_at(1450, Pace::Idle);
    assert_eq!(bench.batch(1), Some(vec![2]));
}

#[test]
fn late_records_go_in_larger_batches() {
    let mut bench = Bench::new();
    bench.record(source(1, 0), 1, b"a");
    bench.tick_at(0, Pace::Behind);
    bench.tick_at(4999, Pace::Behind);
    assert_eq!(bench.batch(1), None);
    bench.tick_at(5000, Pace::Behind);
    assert_eq!(bench.batch(1), Some(vec![1]));
}

#[test]
fn a_batch_grows_while_the_one_before_it_is_inserted() {
    let mut bench = Bench::new();
    for (offset, now) in [(1, 0), (2, 1000), (3, 9000)] {
        bench.record(source(0, 0), offset, b"x");
        bench.tick(now);
    }
    assert_eq!(bench.batch(0), Some(vec![1, 2]));
    assert_eq!(bench.batch(0), None);
    bench.inserted(0, Vec::new());
    bench.tick(10_000);
    assert_eq!(bench.batch(0), Some(vec![3]));
}

#[test]
fn offsets_are_committed_when_their_rows_are_inserted_and_not_before() {
    let mut bench = Bench::new();
    bench.record(source(0, 0), 4, b"a");
    bench.record(source(0, 1), 9, b"b");
    bench.record(source(1, 0), 7, b"c");
    bench.pipeline.drain(&mut bench.out).unwrap();
    assert!(!bench.pipeline.drained());
    assert_eq!(bench.commits(), []);
    bench.inserted(0, Vec::new());
    assert_eq!(bench.commits(), [(source(0, 0), 5), (source(0, 1), 10)]);
    assert!(!bench.pipeline.drained());
    bench.inserted(1, Vec::new());
    assert_eq!(bench.commits(), [(source(1, 0), 8)]);
    assert!(bench.pipeline.drained());
}

#[test]
fn a_commit_waits_for_the_dead_letters_of_its_batch() {
    let mut bench = Bench::new();
    bench.record(source(0, 0), 4, b"a");
    bench.pipeline.drain(&mut bench.out).unwrap();
    bench.inserted(0, vec![rejected(source(0, 0))]);
    assert_eq!(bench.out.sent.len(), 1);
    assert_eq!(bench.commits(), []);
    bench.out.acknowledge();
    assert_eq!(bench.commits(), [(source(0, 0), 5)]);
}

#[test]
fn a_partition_that_came_back_commits_nothing_that_was_read_before() {
    let mut bench = Bench::new();
    bench.record(source(0, 0), 4, b"a");
    bench.pipeline.drain(&mut bench.out).unwrap();
    bench.record(source(0, 0), 5, b"b");
    bench.revoke(source(0, 0));
    bench.assign(source(0, 0));
    bench.inserted(0, vec![rejected(source(0, 0))]);
    assert_eq!(bench.commits(), []);
    assert_eq!(bench.out.sent, []);
    bench.record(source(0, 0), 2, b"c");
    bench.pipeline.drain(&mut bench.out).unwrap();
    bench.inserted(0, Vec::new());
    assert_eq!(bench.commits(), [(source(0, 0), 3)]);
}

#[test]
fn the_reader_of_partition_0_of_the_cells_maintains_the_roll_ups() {
    let leads =
        |bench: &Bench| bench.pipeline.writer.leads.load(std::sync::atomic::Ordering::Relaxed);
    let mut bench = Bench::new();
    assert!(leads(&bench));
    bench.revoke(source(0, 1));
    bench.revoke(source(1, 0));
    assert!(leads(&bench));
    bench.revoke(source(0, 0));
    assert!(!leads(&bench));
}

/// Records without content also take memory. As with other records, their number is limited by the
/// size of a batch, and batches at the writer count as in flight.
#[test]
fn empty_records_fill_a_batch() {
    let mut bench = Bench::new();
    let records = (1 << 20) / 32;
    for offset in 0..records {
        bench.record(source(0, 0), offset, b"");
    }
    let batch = bench.batches[0].try_recv().unwrap();
    assert!(batch.bytes() >= 1 << 20 && batch.records().count() < 40_000);
}
