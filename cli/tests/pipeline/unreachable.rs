//! Errors of an unreachable Kafka, which are reported within seconds, with the reason.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::Program;

/// An envelope for `isobar send`.
const ENVELOPE: &str = r#"{"v": 1, "event": "joined", "app": "a", "call": "c",
                          "participant": "p", "timestamp": 1756000010000}"#;

/// Verbs that take `--kafka`, each as it would be used.
const VERBS: [&[&str]; 10] = [
    &["topics", "plan"],
    &["topics", "apply"],
    &["dlq", "ls"],
    &["dlq", "replay", "--all"],
    &["simulate", "--duration", "1s"],
    &["replay", concat!(env!("CARGO_MANIFEST_DIR"), "/../lab/recordings/call.jsonl")],
    &["send", "envelope.json"],
    &["up"],
    &["demo", "--duration", "1s"],
    &["verify", "--truth", "truth.jsonl"],
];

/// Runs a verb with its data in `folder` and returns its output and duration.
fn run(arguments: &[&str], brokers: &str, folder: &Path) -> (String, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(arguments).args(["--kafka", brokers]).current_dir(folder);
    command.env("XDG_STATE_HOME", folder).env("XDG_CACHE_HOME", folder).env("TMPDIR", folder);
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    (String::from_utf8(output.stderr).unwrap(), begun.elapsed())
}

#[test]
fn every_command_reports_an_unreachable_cluster_within_seconds() {
    // Its cache is empty, and nothing is fetched.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("envelope.json"), ENVELOPE).unwrap();
    for arguments in VERBS {
        for (brokers, words) in [
            ("127.0.0.1:1", "Kafka at 127.0.0.1:1: no broker answers: "),
            ("kafka.invalid:9092", "kafka.invalid:9092: its name is not known to the resolver"),
        ] {
            let (printed, took) = run(arguments, brokers, folder.path());
            assert!(printed.contains(words), "{arguments:?}: {printed}");
            assert!(took < Duration::from_secs(15), "{arguments:?}: {took:?}");
        }
    }
}

/// Returns the Kafka line of a service's check under a limit of open files.
fn check(brokers: &str, files: Option<u32>) -> String {
    let limit = files.map_or(String::new(), |files| format!("ulimit -n {files}; "));
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{limit}exec \"$0\" ingest check --connect --timeout 5"));
    command.arg(env!("CARGO_BIN_EXE_isobar")).env("ISOBAR_KAFKA__BROKERS", brokers);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn check_distinguishes_dns_fd_and_broker_errors() {
    let printed = check("127.0.0.1:1", None);
    assert!(printed.contains("no broker answers"), "{printed}");
    let printed = check("kafka.invalid:9092", None);
    assert!(printed.contains("its name is not known to the resolver"), "{printed}");
    // The limit at which descriptors are exhausted by the connection depends on the progress of
    // other threads. A lower limit fails earlier, and a higher one leaves a descriptor.
    let outputs: Vec<_> = FEW.map(|files| check("127.0.0.1:1", Some(files))).collect();
    let without =
        outputs.iter().filter(|printed| printed.contains("no free file descriptor")).count();
    assert!(without >= 1, "{outputs:#?}");
}

/// Limits of open files at which there may be none left for a connection.
const FEW: std::ops::Range<u32> = 8..17;

#[test]
fn a_waiting_service_logs_the_reason_and_returns_it_at_readyz() {
    let folder = tempfile::tempdir().unwrap();
    for (brokers, words) in [
        ("127.0.0.1:1", "no broker answers"),
        ("kafka.invalid:9092", "its name is not known to the resolver"),
    ] {
        let folder: &Path = folder.path();
        let ingest = Program::start("ingest", brokers, folder, &[]);
        ingest.wait_for(words);
        ingest.wait_for("waits for Kafka at");
        ingest.stop();
    }
}
