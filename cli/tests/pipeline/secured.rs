//! Kafka with SASL authentication.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use deploy::access::Access;
use serde_json::Value;
use stack::{Plan, Stack};

use crate::harness::Turn;

/// Message for a rejected login.
const LET_IN: &str = "it does not let this client in, by SASL or TLS";
const LOGIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                     username=\"isobar\" password=\"open sesame\" user_isobar=\"open sesame\";";

/// Restarts the stack's broker with password authentication.
fn secured(turn: &Turn) -> Stack {
    let nowhere = Access::default();
    let mut stack = Stack::start(Plan { clickhouse: Some(nowhere), ..turn.plan() }).unwrap();
    let guard = stack.guard().clone();
    let broker = &mut stack.kafka().unwrap().brokers[0];
    broker.stop();
    let file = turn.folder.path().join("kafka-1/server.properties");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("=CLIENTS:PLAINTEXT", "=CLIENTS:SASL_PLAINTEXT");
    let more = format!(
        "sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.inter.broker.protocol=PLAIN\n\
         listener.name.clients.plain.sasl.jaas.config={LOGIN}\n"
    );
    fs::write(&file, text + &more).unwrap();
    broker.start(&guard).unwrap();
    stack
}

/// Writes a service's settings file with the credentials.
fn settings(stack: &Stack, folder: &Path) -> PathBuf {
    let file = folder.join("ingest.toml");
    let text = format!(
        "[kafka]\nbrokers = \"{}\"\n\n[kafka.options]\n\"security.protocol\" = \"sasl_plaintext\"\n\
         \"sasl.mechanisms\" = \"PLAIN\"\n\"sasl.username\" = \"isobar\"\n\
         \"sasl.password\" = \"open sesame\"\n\n[ingest]\nmax_depth = 16\n",
        stack.brokers()
    );
    fs::write(&file, text).unwrap();
    file
}

/// Runs `isobar …` on that Kafka and returns its output and whether it succeeded.
fn isobar(config: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.env("TMPDIR", config.parent().unwrap());
    let output = command.args(arguments).arg("--kafka-config").arg(config).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

#[test]
fn every_command_authenticates_to_kafka() {
    let turn = Turn::take();
    let stack = secured(&turn);
    let config = settings(&stack, turn.folder.path());

    let patience = Instant::now() + Duration::from_secs(60);
    while !isobar(&config, &["topics", "apply"]).0 {
        assert!(Instant::now() < patience, "{}", isobar(&config, &["topics", "apply"]).1);
    }
    let summary = turn.folder.path().join("summary.json");
    let world = ["--duration", "8s", "--sessions", "100", "--rate", "50"];
    let demo = [&["demo", "--summary", summary.to_str().unwrap()], &world[..]].concat();
    let (success, printed) = isobar(&config, &demo);
    assert!(success, "{printed}");
    let summary: Value = serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
    assert!(summary["cells_checked"].as_u64().unwrap() > 100, "{summary}");

    let wrong = turn.folder.path().join("wrong.toml");
    fs::write(&wrong, fs::read_to_string(&config).unwrap().replace("sesame", "barley")).unwrap();
    for arguments in [&["topics", "plan"][..], &["simulate", "--duration", "1s"]] {
        let (success, printed) = isobar(&wrong, arguments);
        assert!(
            !success && printed.contains("Invalid username or password"),
            "{arguments:?}: {printed}"
        );
        assert!(printed.contains(LET_IN), "{printed}");
        assert!(!printed.contains("barley"), "{printed}");
    }

    // Without a login.
    let plain = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["topics", "plan", "--kafka", &stack.brokers()])
        .output()
        .unwrap();
    let printed = String::from_utf8(plain.stderr).unwrap();
    let words = "a broker hangs up on this client, as one does that wants SASL or TLS";
    assert!(!plain.status.success() && printed.contains(words), "{printed}");

    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/../lab/recordings/call.jsonl");
    for (arguments, words) in [
        (&["topics", "plan"][..], "topics are as they should be"),
        (&["replay", "--speed", "inf", recording], "reports"),
        (&["simulate", "--duration", "1s"], "events with"),
        (&["dlq", "ls"], ""),
    ] {
        let (success, printed) = isobar(&config, arguments);
        assert!(success && printed.contains(words), "{arguments:?}: {printed}");
    }
}
