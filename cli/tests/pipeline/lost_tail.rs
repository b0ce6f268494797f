//! Kafka that was killed before a flush, and lost the end of a log that was already read.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stack::Stack;

use crate::harness::Turn;
use crate::program::Program;
use crate::recovery_page::{commands, run};

const RAW: &str = "rtc-stats-raw-v1";

/// Kafka with topics of one partition.
fn kafka(turn: &Turn) -> Stack {
    let stack = turn.kafka();
    let made = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["topics", "apply", "--partitions", "1", "--kafka", &stack.brokers()])
        .status();
    assert!(made.unwrap().success());
    stack
}

/// Writes `count` records, each as a batch of its own.
fn produce(stack: &Stack, count: usize) {
    let mut config = ClientConfig::new();
    let producer: BaseProducer = config.set("bootstrap.servers", stack.brokers()).create().unwrap();
    for _ in 0..count {
        producer.send(BaseRecord::<str, str>::to(RAW).key("k").payload("{")).unwrap();
        producer.flush(Duration::from_secs(30)).unwrap();
    }
}

/// Kills the broker, cuts the log behind its first `batches`, and starts the broker again.
fn lose_tail(stack: &mut Stack, folder: &Path, batches: usize) {
    let guard = stack.guard().clone();
    let broker = &mut stack.kafka().unwrap().brokers[0];
    broker.process().unwrap().signal(Signal::SIGKILL);
    broker.stop();
    let log = folder.join("kafka-1/data").join(format!("{RAW}-0"));
    let segment = log.join("00000000000000000000.log");
    let bytes = fs::read(&segment).unwrap();
    let mut end = 0;
    for _ in 0..batches {
        // Base offset (8 bytes), then the length of what follows (4 bytes big-endian).
        let length: [u8; 4] = bytes[end + 8..end + 12].try_into().unwrap();
        end += 12 + u32::from_be_bytes(length) as usize;
    }
    assert!(end < bytes.len());
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    file.set_len(end as u64).unwrap();
    broker.start(&guard).unwrap();
    stack.kafka().unwrap().wait().unwrap();
}

fn start(stack: &Stack, turn: &Turn) -> Program {
    turn.service(stack, "ingest", &[])
}

/// Waits until ingest has committed all that it has read so far, of `total` records.
fn reads(program: &Program, total: f64) {
    let patience = Instant::now() + Duration::from_secs(60);
    while program.try_metrics().and_then(|it| it.sum("isobar_records_read_total")) < Some(total) {
        assert!(Instant::now() < patience, "{}", program.output());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn refuses(mut program: Program, words: &[&str]) {
    let (code, line) = program.end();
    assert_eq!(code, 92, "{}", program.output());
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line}");
    }
}

#[tokio::test]
async fn a_lost_log_end_is_detected_before_reading() {
    let turn = Turn::take();
    let mut stack = kafka(&turn);
    let folder = turn.folder.path().to_owned();

    produce(&stack, 10);
    let ingest = start(&stack, &turn);
    reads(&ingest, 10.0);
    ingest.stop();
    // A restart without a loss is a new leader epoch, too.
    let guard = stack.guard().clone();
    let broker = &mut stack.kafka().unwrap().brokers[0];
    broker.stop();
    broker.start(&guard).unwrap();
    stack.kafka().unwrap().wait().unwrap();
    produce(&stack, 2);
    let ingest = start(&stack, &turn);
    ingest.wait_for("assigned partitions");
    reads(&ingest, 2.0);
    ingest.stop();

    lose_tail(&mut stack, &folder, 6);
    let words = ["rtc-stats-raw-v1/0: Kafka lost the end of the log: it ends at 6", "up to 12"];
    refuses(start(&stack, &turn), &words);
    produce(&stack, 20);
    let words = ["Kafka lost the end of the log", "offset 12", "from 6 to 11 were never read"];
    refuses(start(&stack, &turn), &words);

    // Recovery of the page: all later records are read.
    for command in commands("A log that lost", RAW) {
        let command = command.replace("PARTITION", "0").replace("FIRST", "6");
        run(&command, &stack.brokers()).await;
    }
    let ingest = start(&stack, &turn);
    reads(&ingest, 20.0);
    ingest.stop();
}

#[test]
fn a_running_service_detects_a_lost_log_end() {
    let turn = Turn::take();
    let mut stack = kafka(&turn);
    produce(&stack, 10);
    let ingest = start(&stack, &turn);
    reads(&ingest, 10.0);
    std::thread::sleep(Duration::from_secs(2));
    // Positions beyond the end of the log are not resolved.
    ingest.signal(Signal::SIGSTOP);
    let folder = turn.folder.path().to_owned();
    lose_tail(&mut stack, &folder, 5);
    produce(&stack, 20);
    ingest.signal(Signal::SIGCONT);
    refuses(ingest, &["Kafka lost the end of"]);
}
