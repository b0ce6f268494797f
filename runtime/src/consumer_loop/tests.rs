//! The loop with librdkafka's mock broker, which supports groups and offsets but no append times.
//! The loop's error about the first record shows that it reads.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;

use prometheus::Registry;
use rdkafka::consumer::CommitMode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, TopicPartitionList};
use service::{Committed, Handler, Output, Record, Start, Topics};

use super::*;
use crate::lag;
use crate::topology::Topology;
use crate::writer::Writer;

const TOPIC: &str = "in";
const PARTITIONS: i32 = 2;
/// Longest wait for an expected event.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time within which records are read, unless the machine is very busy.
const SOON: Duration = Duration::from_secs(4);

/// Handler that keeps no state and, on request, holds reading back until its partitions are
/// revoked.
struct Idle {
    holds_back: Rc<Cell<bool>>,
    /// The number of partitions when it was last called with one.
    count: Rc<Cell<usize>>,
    /// The same value when reading began.
    count_at_start: Rc<Cell<usize>>,
}

impl Handler for Idle {
    fn topic_has(&mut self, partitions: usize) {
        self.count.set(partitions);
    }

    fn start(&self, _: Source, _: Option<&Committed>) -> Result<Start, Fatal> {
        self.count_at_start.set(self.count.get());
        Ok(Start::Committed)
    }

    fn assigned(&mut self, _: Source, _: Option<&Committed>) -> Result<(), Fatal> {
        Ok(())
    }

    fn revoked(&mut self, _: Source) {
        self.holds_back.set(false);
    }

    fn record(&mut self, _: &Record<'_>, _: &mut dyn Output) -> Result<(), Fatal> {
        Ok(())
    }

    fn tick(&mut self, _: u64, _: Pace, _: &mut dyn Output) -> Result<(), Fatal> {
        Ok(())
    }

    fn holds_back(&self) -> bool {
        self.holds_back.get()
    }

    fn drain(&mut self, _: &mut dyn Output) -> Result<(), Fatal> {
        Ok(())
    }
}

type Broker = MockCluster<'static, rdkafka::producer::DefaultProducerContext>;

struct Bench {
    broker: Broker,
    consumer: ConsumerLoop,
    holds_back: Rc<Cell<bool>>,
    count: Rc<Cell<usize>>,
    count_at_start: Rc<Cell<usize>>,
}

impl Bench {
    /// Returns a loop that has not run yet, with a topic prepared by `prepare`.
    fn new(prepare: impl FnOnce(&Broker, &Kafka)) -> Self {
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic(TOPIC, PARTITIONS, 1).unwrap();
        let kafka = Kafka {
            brokers: broker.bootstrap_servers(),
            group: "group".to_owned(),
            ..Kafka::default()
        };
        prepare(&broker, &kafka);
        let topics = Topics { inputs: vec![TOPIC.to_owned()], outputs: Vec::new() };
        let (limits, listener) = (Limits::default(), Listener::new(&kafka));
        let metrics = Metrics::new(&Registry::new(), &topics).unwrap();
        let topology = Topology::new(&kafka, listener.clone()).unwrap();
        // The mock broker has no topic ids.
        let ids = TopicIds::new(topology, &Topics::default(), &kafka, listener.clone()).unwrap();
        let writer = Writer::new(&kafka, &limits, Vec::new(), listener.clone(), &metrics).unwrap();
        let holds_back = Rc::<Cell<bool>>::default();
        let (count, count_at_start) = <(Rc<Cell<usize>>, Rc<Cell<usize>>)>::default();
        let handler = Box::new(Idle {
            holds_back: Rc::clone(&holds_back),
            count: Rc::clone(&count),
            count_at_start: Rc::clone(&count_at_start),
        });
        let (inputs, read) = (topics.inputs, lag::Read::default());
        let flow = Flow::new(handler, writer, inputs, "raw", None, metrics.clone(), read);
        let health = Arc::new(Health::new());
        let consumer =
            ConsumerLoop::new(flow, &kafka, listener, health, metrics, ids, &limits).unwrap();
        Self { broker, consumer, holds_back, count, count_at_start }
    }

    /// Runs the loop until `done`.
    fn until(&mut self, what: &str, done: impl Fn(&ConsumerLoop) -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !done(&self.consumer) {
            let waits = self.consumer.waits_for();
            assert!(Instant::now() < patience, "not {what} after {PATIENCE:?}: {waits:?}");
            self.consumer.round().unwrap();
        }
    }

    /// Returns whether one of two new records is read.
    fn reads(&mut self, within: Duration) -> bool {
        write(&self.consumer.kafka);
        let patience = Instant::now() + within;
        while Instant::now() < patience {
            match self.consumer.round() {
                Ok(()) => {}
                Err(Failure::Refused(Refusal { reason: Reason::TimestampType, .. })) => {
                    return true;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        false
    }
}

/// Writes a record to each partition.
fn write(kafka: &Kafka) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.brokers);
    let producer: BaseProducer = config.create().unwrap();
    for partition in 0..PARTITIONS {
        let record = BaseRecord::<(), str>::to(TOPIC).partition(partition).payload("any");
        producer.send(record).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// Commits the beginning of each partition, so that the group starts there.
fn commit_start(kafka: &Kafka) {
    let member: BaseConsumer = member(kafka).create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(TOPIC, partition, rdkafka::Offset::Offset(0)).unwrap();
    }
    member.commit(&list, CommitMode::Sync).unwrap();
}

#[test]
fn assigned_partitions_are_read_unless_held_back() {
    let mut bench = Bench::new(|_, _| {});
    bench.until("assigned", |consumer| consumer.joined);
    bench.holds_back.set(true);
    bench.until("paused", |consumer| consumer.paused);
    assert!(!bench.reads(SOON));
    bench.holds_back.set(false);
    assert!(bench.reads(PATIENCE));
}

#[test]
fn a_partition_that_was_paused_when_its_group_changed_is_read_afterwards() {
    let mut bench = Bench::new(|_, _| {});
    bench.until("assigned", |consumer| consumer.joined);
    bench.holds_back.set(true);
    bench.until("paused", |consumer| consumer.paused);

    let other: BaseConsumer = member(&bench.consumer.kafka).create().unwrap();
    other.subscribe(&[TOPIC]).unwrap();
    let is_shared = |consumer: &ConsumerLoop| {
        let _ = other.poll(Duration::ZERO);
        consumer.joined && consumer.flow.partitions() == 1
    };
    bench.until("one of two members", is_shared);
    assert!(bench.reads(PATIENCE));
}

/// The client drops a request to resume that arrives while it starts to fetch. That moment cannot
/// be chosen; the test simulates it by a pause that the loop does not know of.
#[test]
fn a_client_that_missed_a_resume_is_resumed_again() {
    let mut bench = Bench::new(|_, _| {});
    bench.until("assigned", |consumer| consumer.joined);
    let list = bench.consumer.consumer.assignment().unwrap();
    bench.consumer.consumer.pause(&list).unwrap();
    assert!(bench.reads(PATIENCE));
}

/// A client that reads nothing yet may assume for minutes that a partition has no leader.
#[test]
fn a_partition_assigned_without_a_leader_is_read_soon_after_it_has_one() {
    let mut bench = Bench::new(|broker, kafka| {
        write(kafka);
        commit_start(kafka);
        broker.partition_leader(TOPIC, 0, None).unwrap();
    });
    bench.until("waiting for a leader", |consumer| consumer.assigned.is_some());
    let waits = Instant::now() + Duration::from_secs(3);
    while Instant::now() < waits {
        bench.consumer.round().unwrap();
    }
    assert!(!bench.consumer.joined);
    bench.broker.partition_leader(TOPIC, 0, Some(1)).unwrap();
    assert!(bench.reads(PATIENCE));
}

#[test]
fn the_number_of_partitions_is_known_before_reading_and_refreshed() {
    let mut bench = Bench::new(|_, _| {});
    bench.until("assigned", |consumer| consumer.joined);
    assert_eq!(bench.count_at_start.get(), PARTITIONS as usize);
    // As if partitions had been added since then: the mock broker cannot add any.
    bench.count.set(1);
    let count = Rc::clone(&bench.count);
    bench.until("counted again", |_| count.get() == PARTITIONS as usize);
}
