//! Real processes under faults: 75 s of all kinds but two, and 80 s of these two, which exclude the others.
//! CONTRIBUTING names the command for a run of ten minutes or more.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::Turn;

/// Number of kinds, of 27 that are planned, that must occur. On a busy machine faults take longer than planned,
/// so that fewer fit.
const KINDS: usize = 14;
/// Kinds with a separate test below: they exclude most other faults for their duration.
const APART: [&str; 2] = ["host-stopped", "fenced-broker"];
/// Servers that a cluster counts as: each of its three brokers has a third of the load.
const CLUSTER: usize = 3;

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
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["discrepancies"], 0, "{printed}");
    let left: Vec<_> = fs::read_dir(&scratch).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    report
}

/// An unknown fault is refused, with the list of known ones.
fn without_fault() -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["torture", "--faults", "cut,flood", "--list"])
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
}

#[test]
fn faults_of_every_kind_lose_and_duplicate_nothing() {
    let turn = Turn::of(CLUSTER);
    let (_, printed) = without_fault();
    let (_, kinds) = printed.split_once("there are ").unwrap();
    let kinds: Vec<_> = kinds.split(", ").filter(|kind| !APART.contains(kind)).collect();
    assert!(kinds.len() > 20, "{kinds:?}");
    let report = torture(&turn, "75s", "100", &kinds.join(","));
    assert!(report["events_checked"].as_u64().unwrap() > 4_000, "{report:#}");
    assert!(report["cells_checked"].as_u64().unwrap() > 400, "{report:#}");
    let again = report["absorbed"]["reports"].as_u64().unwrap();
    assert!(again > 0, "nothing was written again: {report:#}");
    let faults = report["faults"].as_object().unwrap();
    println!("{} kinds", faults.len());
    assert!(faults.len() >= KINDS, "{faults:#?}");
}

/// Zero or more clients stall after a fenced broker. Each of the two kinds waits for the other's end.
#[test]
fn stopped_hosts_and_fenced_brokers_lose_nothing() {
    let turn = Turn::of(CLUSTER);
    let report = torture(&turn, "80s", "60", &APART.join(","));
    assert!(report["events_checked"].as_u64().unwrap() > 1_000, "{report:#}");
    for kind in APART {
        assert!(report["faults"][kind]["injected"].as_u64().unwrap() > 0, "{kind}: {report:#}");
    }
    let fenced = &report["faults"]["fenced-broker"];
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
    let (code, printed) = without_fault();
    assert_eq!(code, Some(1));
    assert!(printed.contains("there is no flood; there are kill-service,"), "{printed}");
}
