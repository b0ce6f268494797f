//! Two minutes of every fault that fits into them, on the whole stack with real processes.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::Turn;

/// How long faults come: the longest ones do not come up in every schedule.
const DURATION: &str = "2m";
const SEED: &str = "1";
/// Kinds that must have come up, of 29, on a machine that is busy: there a fault takes longer than it
/// was meant to, and fewer find a place.
const KINDS: usize = 12;

#[test]
fn two_minutes_of_faults_lose_nothing_and_count_nothing_twice() {
    let turn = Turn::take();
    let (report, scratch) =
        (turn.folder.path().join("report.json"), turn.folder.path().join("tmp"));
    fs::create_dir(&scratch).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["torture", "--duration", DURATION, "--seed", SEED, "--rate", "80", "--report"])
        .arg(&report)
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["discrepancies"], 0, "{said}");
    assert!(report["events_checked"].as_u64().unwrap() > 5_000, "{report:#}");
    assert!(report["cells_checked"].as_u64().unwrap() > 500, "{report:#}");
    assert!(report["absorbed"]["reports"].as_u64().unwrap() > 0, "nothing was done again: {said}");
    let faults = report["faults"].as_object().unwrap();
    assert!(faults.len() >= KINDS, "{faults:#?}");
    let left: Vec<_> = fs::read_dir(&scratch).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_kind_of_fault_that_there_is_not_is_named_with_those_that_there_are() {
    let output = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["torture", "--faults", "cut,flood", "--list"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("there is no flood; there are kill-service,"), "{said}");
}
