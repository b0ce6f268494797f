//! A consumer group with one member: processes that fold the log one after the other.

use aggregate::{AggregateSettings, Pipeline};
use proptest::prelude::*;
use service::{
    AppendTime, Committed, Handler, Input, Offset, Pace, Partition, Record, Recorder, Sent, Source,
};

use crate::world::{Entry, PARTITION};

const SOURCE: Source = Source { input: Input(0), partition: Partition(PARTITION) };

/// One life of the process.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// Number of records that it reads.
    takes: usize,
    /// Number of records after which it writes due output.
    flush_every: usize,
    /// Number of records after which its writes are acknowledged.
    acknowledge_every: usize,
    /// If it is killed: the number of unacknowledged rows that are written.
    killed: Option<usize>,
    settings: AggregateSettings,
}

pub(crate) fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (1..90usize, 1..9usize, 1..30usize, 0..40usize);
    let life = life.prop_map(|(takes, flush_every, acknowledge_every, killed)| Life {
        takes,
        flush_every,
        acknowledge_every,
        killed: Some(killed),
        settings: AggregateSettings::default(),
    });
    prop::collection::vec(life, 0..5)
}

impl Life {
    pub(crate) fn stopped_cleanly(takes: usize, settings: AggregateSettings) -> Self {
        Self { takes, flush_every: 5, acknowledge_every: 5, killed: None, settings }
    }

    pub(crate) fn to_the_end(settings: AggregateSettings) -> Self {
        Self::stopped_cleanly(usize::MAX, settings)
    }

    pub(crate) fn with(&self, settings: AggregateSettings) -> Self {
        Self { settings, ..self.clone() }
    }
}

/// Commits and written records of a group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) committed: Option<Committed>,
    pub(crate) rows: Vec<Sent>,
}

impl Group {
    /// Runs a process from the committed position.
    pub(crate) fn run(&mut self, log: &[Entry], life: &Life) {
        let (committed, rows) = live(log, life, self.committed.clone());
        self.committed = committed;
        self.rows.extend(rows);
    }

    /// Runs a process whose commits the group refuses, and returns the rows that it wrote.
    pub(crate) fn fenced_off(&self, log: &[Entry], life: &Life) -> Vec<Sent> {
        live(log, life, self.committed.clone()).1
    }
}

/// Interface of one process lifetime to the outside.
struct Outside {
    out: Recorder,
    committed: Option<Committed>,
    acknowledged: usize,
}

impl Outside {
    fn acknowledge(&mut self, pipeline: &mut Pipeline) {
        self.out.acknowledge();
        self.acknowledged = self.out.sent.len();
        self.commit(pipeline);
    }

    /// Commits what is due, as the loop does at any time.
    fn commit(&mut self, pipeline: &mut Pipeline) {
        for commit in self.out.take_commits() {
            pipeline.committed(&commit);
            self.committed = Some(Committed { offset: commit.offset, metadata: commit.metadata });
        }
    }
}

fn live(
    log: &[Entry],
    life: &Life,
    committed: Option<Committed>,
) -> (Option<Committed>, Vec<Sent>) {
    let registry = prometheus::Registry::new();
    let mut pipeline = Pipeline::new(life.settings.clone(), "enriched", &registry).unwrap();
    pipeline.start(SOURCE, committed.as_ref()).unwrap();
    pipeline.assigned(SOURCE, committed.as_ref()).unwrap();
    let from = committed.as_ref().map_or(0, |committed| committed.offset.0);
    let mut outside = Outside { out: Recorder::default(), committed, acknowledged: 0 };
    outside.out.assign(SOURCE);
    let ahead = log.iter().filter(|entry| entry.offset >= from);
    for (count, entry) in (1..).zip(ahead.take(life.takes)) {
        pipeline.record(&record(entry), &mut outside.out).unwrap();
        outside.commit(&mut pipeline);
        if count % life.flush_every == 0 {
            pipeline.tick(10_000 * count as u64, Pace::Live, &mut outside.out).unwrap();
        }
        if count % life.acknowledge_every == 0 {
            outside.acknowledge(&mut pipeline);
        }
    }
    match life.killed {
        Some(more) => outside.out.sent.truncate(outside.acknowledged + more),
        None => {
            pipeline.drain(&mut outside.out).unwrap();
            outside.acknowledge(&mut pipeline);
            // As in the loop: output that waited for a commit is written at the next tick.
            for tick in 0.. {
                if pipeline.drained() {
                    break;
                }
                assert!(tick < 100, "it never ends");
                pipeline.tick(1 << 40, Pace::Idle, &mut outside.out).unwrap();
                outside.acknowledge(&mut pipeline);
            }
        }
    }
    (outside.committed, outside.out.sent)
}

fn record(entry: &Entry) -> Record<'_> {
    Record {
        source: SOURCE,
        offset: Offset(entry.offset),
        appended: AppendTime(entry.append_ms),
        key: None,
        content_type: None,
        payload: &entry.payload,
        look_back: false,
    }
}
