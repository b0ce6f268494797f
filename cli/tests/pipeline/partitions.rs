//! Partitions that are added to topics while everything runs.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use stack::Stack;

use crate::harness::Turn;
use crate::program::Program;

const RAW: &str = "rtc-stats-raw-v1";

/// Sends a snapshot of a participant's only stream to a partition: its key was hashed there.
fn snapshot(producer: &BaseProducer, partition: i32, start_ms: i64, s: i64, packets: i64) {
    let stream = json!({"type": "inbound-rtp", "kind": "audio", "packetsReceived": packets});
    let envelope = json!({
        "v": 1, "event": "stats", "app": "added", "call": "c", "participant": "p",
        "timestamp": start_ms + s * 1000, "report": {"x": stream},
    });
    let payload = envelope.to_string();
    let record = BaseRecord::to(RAW).partition(partition).key("added/c/p").payload(&payload);
    producer.send(record).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

fn add_partitions(stack: &Stack, partitions: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(["topics", "apply", "--add-partitions", "--partitions", partitions]);
    let output = command.args(["--kafka", &stack.brokers()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn has(program: &Program, partitions: f64, within: Duration) {
    let assigned = || program.try_metrics().and_then(|it| it.sum("isobar_partitions_assigned"));
    let patience = Instant::now() + within;
    while assigned() != Some(partitions) {
        assert!(Instant::now() < patience, "{:?} partitions\n{}", assigned(), program.output());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn added_partitions_are_read_and_a_moved_session_restarts() {
    let turn = Turn::take();
    let stack = turn.stack().await;
    let start = |service, settings: &[_]| turn.service(&stack, service, settings);
    let ingest = start("ingest", &[]);
    let others = [start("enrich", &[]), start("aggregate", &[]), start("sink", &[])];
    for (program, partitions) in [(&ingest, 4.0), (&others[0], 4.0), (&others[2], 20.0)] {
        has(program, partitions, Duration::from_secs(60));
    }
    let mut config = ClientConfig::new();
    let producer: BaseProducer = config.set("bootstrap.servers", stack.brokers()).create().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let start_ms = now.as_millis() as i64 - 60_000;
    snapshot(&producer, 1, start_ms, 0, 10);
    snapshot(&producer, 1, start_ms, 5, 30);

    add_partitions(&stack, "5");
    // Metadata are five seconds old at most; the rest is the group's agreement.
    let soon = Duration::from_secs(30);
    for (program, partitions) in
        [(&ingest, 5.0), (&others[0], 5.0), (&others[1], 5.0), (&others[2], 25.0)]
    {
        has(program, partitions, soon);
    }
    let producer: BaseProducer = config.create().unwrap();
    snapshot(&producer, 4, start_ms, 10, 60);
    snapshot(&producer, 4, start_ms, 15, 100);

    // 10 to 30 in one partition, 60 to 100 in the other: what lies between is in neither.
    let reader = stack.access().client("dashboard");
    let packets = "SELECT toInt64(sum(packets_received)) FROM cells \
                   WHERE grouping = 'place' AND app = 'added'";
    let patience = Instant::now() + Duration::from_secs(90);
    loop {
        let found: i64 = reader.query(packets).fetch_one().await.unwrap();
        if found == 60 {
            break;
        }
        assert!(found < 60 && Instant::now() < patience, "{found} packets\n{}", ingest.output());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    // The row of the session shows the gap.
    let seen_in = "SELECT toInt64(max(partitions)) FROM sessions WHERE app = 'added'";
    let seen_in: i64 = reader.query(seen_in).fetch_one().await.unwrap();
    assert_eq!(seen_in, 2);

    // Only the raw topic gets a partition: its records wait, because the output has no such
    // partition.
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let one_more = NewPartitions::new(RAW, 6);
    let added = admin.create_partitions([&one_more], &AdminOptions::new()).await.unwrap();
    added.into_iter().for_each(|one| drop(one.unwrap()));
    let producer: BaseProducer = config.create().unwrap();
    snapshot(&producer, 5, start_ms, 20, 200);
    snapshot(&producer, 5, start_ms, 25, 207);
    let mut ingest = ingest;
    let (code, line) = ingest.end();
    assert_eq!(code, 83, "{}", ingest.output());
    assert!(line.contains("--partitions 6 --add-partitions"), "{line}");
    add_partitions(&stack, "6");
    let _ingest = start("ingest", &[]);
    loop {
        let found: i64 = reader.query(packets).fetch_one().await.unwrap();
        if found == 67 {
            break;
        }
        assert!(found < 67 && Instant::now() < patience + Duration::from_secs(120), "{found}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until the sum of a metric, 0 while there is none, is `wanted`.
fn comes_to(program: &Program, metric: &str, wanted: f64) {
    let sum = || program.try_metrics().map(|it| it.sum(metric).unwrap_or_default());
    let patience = Instant::now() + Duration::from_secs(30);
    while sum() != Some(wanted) {
        assert!(Instant::now() < patience, "{metric}: {:?}\n{}", sum(), program.output());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn keys_are_required_after_a_second_partition_is_added() {
    let turn = Turn::take();
    let stack = turn.kafka();
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> =
        config.set("bootstrap.servers", stack.brokers()).create().unwrap();
    let topics = ["keys.out", "keys.dead", "keys.in"];
    let one = topics.map(|topic| {
        let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
        topic.set("message.timestamp.type", "LogAppendTime")
    });
    let made = admin.create_topics(&one, &AdminOptions::new()).await.unwrap();
    made.into_iter().for_each(|one| drop(one.unwrap()));
    let settings = [
        ("TOPICS__REPORTS", topics[0]),
        ("TOPICS__DEAD_LETTERS", topics[1]),
        ("TOPICS__RAW", topics[2]),
        ("KAFKA__GROUP", "keys"),
    ];
    let ingest = Program::start("ingest", &stack.brokers(), turn.folder.path(), &settings);
    has(&ingest, 1.0, Duration::from_secs(60));
    let keyless = |partition| {
        let producer: BaseProducer = config.create().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let joined = json!({
            "v": 1, "event": "joined", "app": "a", "call": "c", "participant": "p",
            "timestamp": now.as_millis() as i64,
        });
        let payload = joined.to_string();
        let record = BaseRecord::<str, _>::to(topics[2]).partition(partition).payload(&payload);
        producer.send(record).unwrap();
        producer.flush(Duration::from_secs(30)).unwrap();
    };
    keyless(0);
    comes_to(&ingest, "isobar_ingest_records_total", 1.0);
    comes_to(&ingest, "isobar_ingest_dead_letters_total", 0.0);
    let two = topics.map(|topic| NewPartitions::new(topic, 2));
    let added = admin.create_partitions(&two, &AdminOptions::new()).await.unwrap();
    added.into_iter().for_each(|one| drop(one.unwrap()));
    has(&ingest, 2.0, Duration::from_secs(30));
    keyless(1);
    comes_to(&ingest, "isobar_ingest_dead_letters_total", 1.0);
}
