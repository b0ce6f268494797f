//! Replayed dead letters: each counts once, with any number of senders and replays.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use runtime::ReplayKey;
use serde_json::{Value, json};
use service::{AppendTime, Offset, Partition, Replayed};
use stack::Stack;

use crate::harness::Turn;

const RAW: &str = "rtc-stats-raw-v1";
/// Secret of the services and `dlq replay`.
const SECRET: &str = "known to the services and to isobar dlq";
const CONTENT_TYPE: &str = "application/vnd.isobar.envelope+json";

/// `isobar dlq …` on the stack.
fn dlq(stack: &Stack, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.arg("dlq").args(arguments).args(["--kafka", &stack.brokers()]);
    command.env("ISOBAR_KAFKA__REPLAY_KEY", SECRET);
    command
}

fn output_of(stack: &Stack, arguments: &[&str]) -> String {
    let output = dlq(stack, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(stack: &Stack, arguments: &[&str]) -> Value {
    serde_json::from_str(&output_of(stack, arguments)).unwrap()
}

/// Waits until there is this number of letters.
fn letters(stack: &Stack, count: u64) {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let rows = json_of(stack, &["ls", "--json"]);
        let found = rows.as_array().unwrap().iter().map(|row| row["letters"].as_u64().unwrap());
        let found: u64 = found.sum();
        assert!(found <= count, "{rows}");
        if found == count {
            return;
        }
        assert!(Instant::now() < patience, "{rows}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

struct Sender {
    producer: BaseProducer,
    start_ms: i64,
    sent: u64,
}

impl Sender {
    fn new(stack: &Stack) -> Self {
        let mut config = ClientConfig::new();
        let producer = config.set("bootstrap.servers", stack.brokers()).create().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Self { producer, start_ms: now.as_millis() as i64 - 60_000, sent: 0 }
    }

    /// Sends an event of 40 days ago with a header that claims an append at that time, and a
    /// signature of so many seconds ago: with the services' secret, like a copy of a replayed
    /// record, or with an invalid signature.
    fn old(&self, participant: &str, signed_s_ago: i64, secret: Option<&str>) {
        const DAY_MS: i64 = 24 * 3_600_000;
        let then = self.start_ms - 40 * DAY_MS;
        let envelope = json!({
            "v": 1, "event": "joined", "app": "dlq", "call": "c", "participant": participant,
            "timestamp": then,
        });
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let from = Replayed {
            topic: RAW.to_owned(),
            partition: Partition(1),
            offset: Offset(1),
            appended: AppendTime(then),
            heard: false,
            sent_ms: now.as_millis() as i64 - signed_s_ago * 1000,
        };
        let (from, payload) = (from.to_string(), envelope.to_string());
        let key = format!("dlq/c/{participant}");
        let signature = secret.map_or("ab".repeat(32), |secret| {
            let by = ReplayKey::of(secret).unwrap();
            by.sign(&from, Some(CONTENT_TYPE), Some(key.as_bytes()), payload.as_bytes())
        });
        let headers = OwnedHeaders::new()
            .insert(Header { key: "content-type", value: Some(CONTENT_TYPE) })
            .insert(Header { key: "isobar-replayed-from", value: Some(&from) })
            .insert(Header { key: "isobar-replayed-signature", value: Some(&signature) });
        let record = BaseRecord::to(RAW).partition(1).key(&key).payload(&payload);
        self.producer.send(record.headers(headers)).unwrap();
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// Sends a snapshot of a participant's only stream, `s` seconds after the start; above the size
    /// limit if it is `large`.
    fn snapshot(&mut self, participant: &str, s: i64, packets: i64, large: bool) {
        let stream = json!({"type": "inbound-rtp", "kind": "audio", "packetsReceived": packets});
        let envelope = json!({
            "v": 1, "event": "stats", "app": "dlq", "call": "c", "participant": participant,
            "timestamp": self.start_ms + s * 1000, "client_address": "203.0.113.9",
            "report": {"x": stream}, "padding": "x".repeat(if large { 5000 } else { 0 }),
        });
        let (key, payload) = (format!("dlq/c/{participant}"), envelope.to_string());
        let header = Header { key: "content-type", value: Some(CONTENT_TYPE) };
        let record = BaseRecord::to(RAW)
            .partition(1)
            .key(&key)
            .payload(&payload)
            .headers(OwnedHeaders::new().insert(header));
        self.producer.send(record).unwrap();
        self.sent += 1;
    }
}

#[tokio::test]
async fn a_replayed_dead_letter_counts_once() {
    let turn = Turn::take();
    let stack = turn.stack().await;
    let start = |service, settings: &[_]| turn.service(&stack, service, settings);
    let _services = [start("enrich", &[]), start("aggregate", &[]), start("sink", &[])];
    let secret = ("KAFKA__REPLAY_KEY", SECRET);
    let strict = start("ingest", &[("INGEST__MAX_RECORD_BYTES", "4096"), secret]);

    let mut sender = Sender::new(&stack);
    // All snapshots of one participant are too large, and one of another participant.
    for (s, packets) in [(0, 10), (5, 30), (10, 60)] {
        sender.snapshot("all", s, packets, true);
        sender.snapshot("some", s, packets, s == 5);
    }
    sender.producer.flush(Duration::from_secs(30)).unwrap();
    letters(&stack, 4);

    // Output contains no address, and a dry run sends nothing.
    let plan = ["replay", "--reason", "too_large", "--dry-run", "--json"];
    let report = json_of(&stack, &plan);
    assert_eq!((&report["sent"], &report["heard"]), (&json!(4), &json!(1)), "{report}");
    let shown = output_of(&stack, &["show"]);
    assert!(shown.contains("given up by ingest: too_large"), "{shown}");
    assert!(shown.contains(CONTENT_TYPE) && !shown.contains("203.0.113.9"), "{shown}");
    let shown = output_of(&stack, &["show", "--payload", "--limit", "1"]);
    assert!(shown.contains("203.0.113.9"), "{shown}");

    // After the cause is removed, two replays run in parallel, then a third one.
    strict.stop();
    let ingest = start("ingest", &[secret]);
    let replay = ["replay", "--stage", "ingest", "--json"];
    let both = [0, 1].map(|_| dlq(&stack, &replay).spawn().unwrap());
    for mut one in both {
        assert!(one.wait().unwrap().success());
    }
    ingest.wait_for("assigned");
    let report = json_of(&stack, &replay);
    let counts = ["chosen", "sent", "sent_before"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [4, 0, 4], "{report}");
    assert_eq!(ingest.metrics().sum("isobar_unproven_replays_total"), Some(0.0));
    let mut without = dlq(&stack, &replay);
    let without = without.env_remove("ISOBAR_KAFKA__REPLAY_KEY").output().unwrap();
    let words = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(!without.status.success() && words.contains("kafka.replay_key"), "{words}");

    // 10 to 60 packets of each participant, once.
    let reader = stack.access().client("dashboard");
    let packets = "SELECT toInt64(sum(packets_received)) FROM cells \
                   WHERE grouping = 'place' AND app = 'dlq'";
    let outcomes = "SELECT toInt64(sum(accepted)), toInt64(sum(duplicate)), toInt64(sum(invalid)) \
                    FROM (SELECT * FROM blocks FINAL)";
    let patience = Instant::now() + Duration::from_secs(90);
    loop {
        let (accepted, duplicate, invalid): (i64, i64, i64) =
            reader.query(outcomes).fetch_one().await.unwrap();
        // Five accepted, at first or after the replay. Duplicates are records that were sent twice,
        // and snapshots of a session with other accepted records.
        let all_there = accepted == 5 && duplicate >= 1 && invalid == 4;
        let found: i64 = reader.query(packets).fetch_one().await.unwrap();
        if all_there && found == 100 {
            break;
        }
        let state = format!("{found} packets, {accepted} {duplicate} {invalid}");
        assert!(found <= 100 && Instant::now() < patience, "{state}\n{}", ingest.output());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // A forged header, or a later copy of a record with its signature, has no effect: an event of
    // 40 days ago is late in any case.
    sender.old("forger", 0, None);
    sender.old("copier", 40, Some(SECRET));
    sender.old("signer", 0, Some(SECRET));
    let unproven = || ingest.metrics().sum("isobar_unproven_replays_total");
    letters(&stack, 6);
    assert_eq!(unproven(), Some(2.0), "{}", ingest.output());
    let shown = output_of(&stack, &["show", "--reason", "late"]);
    assert!(shown.contains("given up by ingest: late"), "{shown}");
    for (participant, is_late) in [("forger", true), ("copier", true), ("signer", false)] {
        assert_eq!(shown.contains(participant), is_late, "{participant}: {shown}");
    }
    // No further records arrive.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let found: i64 = reader.query(packets).fetch_one().await.unwrap();
    assert_eq!(found, 100);
}

#[tokio::test]
async fn letters_written_before_a_refusal_count_once() {
    let turn = Turn::take();
    let stack = turn.stack().await;
    let start = |service, settings: &[_]| turn.service(&stack, service, settings);
    let _services = [start("enrich", &[]), start("aggregate", &[]), start("sink", &[])];
    let (secret, look_back) = (("KAFKA__REPLAY_KEY", SECRET), ("INGEST__LOOK_BACK_S", "10"));

    let mut sender = Sender::new(&stack);
    for (s, packets) in [(0, 10), (5, 30), (10, 60), (15, 100)] {
        sender.snapshot("all", s, packets, true);
    }
    sender.producer.flush(Duration::from_secs(30)).unwrap();
    let limits = [("LIMITS__DEAD_LETTER_PERCENT", "50"), ("LIMITS__DEAD_LETTER_MIN", "4")];
    let strict = [&[("INGEST__MAX_RECORD_BYTES", "4096"), secret, look_back], &limits[..]].concat();
    let mut strict = start("ingest", &strict);
    let (code, line) = strict.end();
    assert_eq!(code, 86, "{}", strict.output());
    assert!(line.contains("isobar dlq ls"), "{line}");

    // As documented: the cause is removed, the service is restarted, and `dlq replay` runs after
    // the look-back.
    let ingest = start("ingest", &[secret, look_back]);
    ingest.wait_for("assigned");
    tokio::time::sleep(Duration::from_secs(12)).await;
    let report = json_of(&stack, &["replay", "--reason", "too_large", "--json"]);
    let reader = stack.access().client("dashboard");
    let packets = "SELECT toInt64(sum(packets_received)) FROM cells \
                   WHERE grouping = 'place' AND app = 'dlq'";
    let patience = Instant::now() + Duration::from_secs(90);
    while reader.query(packets).fetch_one::<i64>().await.unwrap() != 90 {
        assert!(Instant::now() < patience, "{report}\n{}", ingest.output());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(reader.query(packets).fetch_one::<i64>().await.unwrap(), 90, "{report}");
}
