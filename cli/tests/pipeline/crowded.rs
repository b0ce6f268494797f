//! Clients that send too many distinct values, and sessions in two partitions, in all services.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clickhouse::Client;
use deploy::service::Service;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use stack::verdict;

use crate::harness::Turn;

const PATIENCE: Duration = Duration::from_secs(90);
/// Number of records of the client that sends a new release and provider in each record.
const RESTLESS: i64 = 60;
/// Delay between a session and its upload, s.
const LATE_S: i64 = 7200;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

struct Clients {
    producer: BaseProducer,
    start_ms: i64,
}

impl Clients {
    /// Builds a report of a session, one second after the previous one.
    fn report(&self, participant: &str, partition: i32, second: i64, release: &str) {
        let at_ms = self.start_ms + second * 1000;
        let event = json!({
            "v": 1, "event": "stats", "app": "meet", "call": "crowded", "participant": participant,
            "timestamp": at_ms, "client_version": release,
            "claim": {"country": "DE", "organisation": format!("Provider {release}")},
            "report": [{
                "id": "A", "type": "inbound-rtp", "timestamp": at_ms, "ssrc": 7, "kind": "audio",
                "packetsReceived": 1_000_000 + second * 50, "packetsLost": 10_000 + second,
                "bytesReceived": (1_000_000 + second * 50) * 120, "jitter": 0.004,
            }],
        });
        let (key, event) = (format!("meet/crowded/{participant}"), event.to_string());
        let record = BaseRecord::to("rtc-stats-raw-v1").key(&key).payload(&event);
        self.producer.send(record.partition(partition)).unwrap();
    }
}

async fn number(view: &Client, sql: &str) -> u64 {
    view.query(sql).fetch_one::<u64>().await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn until(view: &Client, sql: &str, wanted: u64) {
    let patience = Instant::now() + PATIENCE;
    loop {
        let found = number(view, sql).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < patience, "{sql}: {found}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn excess_values_become_other_and_split_sessions_are_reported() {
    let turn = Turn::take();
    let pipeline = turn.pipeline().await;
    let producer = ClientConfig::new()
        .set("bootstrap.servers", pipeline.stack.brokers())
        .create::<BaseProducer>()
        .unwrap();
    let clients = Clients { producer, start_ms: now_ms() - 90_000 };
    for second in 0..RESTLESS {
        clients.report("restless", 0, second, &format!("r{second}"));
        clients.report("calm", 0, second, "4.2");
        // The producer changes its hash after half of the time.
        let partition = i32::from(second >= RESTLESS / 2);
        clients.report("split", partition, second, "4.2");
        // A phone that was offline during its session.
        clients.report("late", partition, second - LATE_S, "4.2");
    }
    clients.producer.flush(PATIENCE).unwrap();

    let view = pipeline.stack.access().client("dashboard");
    let intervals = "SELECT toUInt64(sum(intervals)) FROM cells WHERE grouping = 'client'";
    // The first report of each session and partition is a baseline.
    until(&view, intervals, 4 * RESTLESS as u64 - 6).await;
    let of = |release: &str| format!("{intervals} AND client_version {release}");
    assert_eq!(
        number(&view, &of("= '4.2'")).await,
        3 * RESTLESS as u64 - 5,
        "other clients are not affected"
    );
    // Append times may lie in two minutes, which are two blocks.
    let blocks = number(&view, "SELECT count() FROM blocks FINAL WHERE partition = 0").await;
    let releases = "SELECT uniqExact(client_version) FROM cells WHERE client_version LIKE 'r%'";
    assert!((3..=4 * blocks).contains(&number(&view, releases).await));
    let others = number(&view, &of("= 'other'")).await;
    // The first report is a baseline.
    assert!(others >= RESTLESS as u64 - 1 - 4 * blocks, "{others} of {blocks} blocks");
    let organisations = "SELECT uniqExact(organisation) FROM cells WHERE grouping = 'place'";
    assert!(number(&view, organisations).await <= 4 * blocks + 2);
    let capped = "SELECT toUInt64(sum(capped_by_session)) FROM blocks FINAL";
    assert!(number(&view, capped).await >= others);
    let metrics = pipeline.services.metrics(Service::Aggregate).unwrap();
    assert!(metrics.sum("isobar_aggregate_capped_reports_total") >= Some(others as f64));

    let partitions =
        |who: &str| format!("SELECT partitions FROM sessions WHERE participant = '{who}'");
    assert_eq!(number(&view, &partitions("calm")).await, 1);
    assert_eq!(number(&view, &partitions("split")).await, 2);
    assert_eq!(number(&view, &partitions("late")).await, 2);
    let patience = Instant::now() + PATIENCE;
    let counted = || {
        let metrics = pipeline.services.metrics(Service::Sink).unwrap();
        metrics.sum("isobar_sink_split_sessions") == Some(2.0)
    };
    while !counted() {
        assert!(Instant::now() < patience, "no metric counts it");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let verdict = verdict::verify_stack(Vec::<PathBuf>::new(), &pipeline.stack).await.unwrap();
    assert_eq!(verdict.split_sessions, 2);
    let words = verdict::in_words(&verdict);
    for who in ["split", "late"] {
        let line = format!("\"{who}\"): its records lie in partitions [0, 1]");
        assert!(words.contains(&line), "{words}");
    }
}
