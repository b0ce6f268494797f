//! Faults of every kind that fits into two minutes, on the whole stack with real processes; and a
//! stopped host.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::Turn;

/// Kinds that must have come up in two minutes, of 27, on a machine that is busy: there a fault takes
/// longer than it was meant to, and fewer find a place.
const KINDS: usize = 14;
/// Kinds with tests of their own, below: while one of them lasts, hardly another fault finds a place.
const APART: [&str; 2] = ["host-stopped", "fenced-broker"];

/// Runs `isobar torture` and returns its report.
fn torture(turn: &Turn, duration: &str, rate: &str, faults: &str) -> Value {
    let (report, scratch) =
        (turn.folder.path().join("report.json"), turn.folder.path().join("tmp"));
    fs::create_dir(&scratch).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["torture", "--duration", duration, "--seed", "1", "--rate", rate])
        .args(["--faults", faults, "--report"])
        .arg(&report)
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["discrepancies"], 0, "{said}");
    let left: Vec<_> = fs::read_dir(&scratch).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    report
}

/// The end of the command where it is asked for a fault that there is not: it names those that there are.
fn without_fault() -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["torture", "--faults", "cut,flood", "--list"])
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
}

#[test]
fn two_minutes_of_faults_lose_and_duplicate_nothing() {
    let turn = Turn::take();
    let (_, said) = without_fault();
    let (_, kinds) = said.split_once("there are ").unwrap();
    let kinds: Vec<_> = kinds.split(", ").filter(|kind| !APART.contains(kind)).collect();
    assert!(kinds.len() > 20, "{kinds:?}");
    let report = torture(&turn, "2m", "80", &kinds.join(","));
    assert!(report["events_checked"].as_u64().unwrap() > 5_000, "{report:#}");
    assert!(report["cells_checked"].as_u64().unwrap() > 500, "{report:#}");
    let again = report["absorbed"]["reports"].as_u64().unwrap();
    assert!(again > 0, "nothing was done again: {report:#}");
    let faults = report["faults"].as_object().unwrap();
    assert!(faults.len() >= KINDS, "{faults:#?}");
}

#[test]
fn a_repeatedly_stopped_host_loses_nothing() {
    let turn = Turn::take();
    let report = torture(&turn, "1m", "60", "host-stopped");
    assert!(report["events_checked"].as_u64().unwrap() > 1_000, "{report:#}");
    assert!(report["faults"]["host-stopped"].is_object(), "{report:#}");
}

/// Zero or more clients stall after a fenced broker.
#[test]
fn repeatedly_fenced_brokers_lose_nothing() {
    let turn = Turn::take();
    let report = torture(&turn, "80s", "60", "fenced-broker");
    assert!(report["events_checked"].as_u64().unwrap() > 1_000, "{report:#}");
    let fenced = &report["faults"]["fenced-broker"];
    assert!(fenced["injected"].as_u64().unwrap() > 0, "{report:#}");
    let recovered = ["recovery_s", "recovery_among_others_s"];
    let recovered = recovered.iter().any(|times| fenced[times]["times"].as_u64().unwrap() > 0);
    // Processes end only with the exit code of a stall.
    let exits = report["exits"].as_object().unwrap().values();
    let codes: Vec<_> = exits.flat_map(|codes| codes.as_object().unwrap().keys()).collect();
    assert!(codes.iter().all(|code| *code == "90"), "{report:#}");
    assert!(recovered || !codes.is_empty(), "{report:#}");
}

#[test]
fn an_unknown_fault_kind_is_reported_with_the_known_ones() {
    let (code, said) = without_fault();
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no flood; there are kill-service,"), "{said}");
}
