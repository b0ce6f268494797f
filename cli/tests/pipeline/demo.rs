//! `isobar demo`, as users run it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use deploy::service::Service;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::Turn;
use crate::program::{Program, assert_all_end, processes_of};

/// Starts a demo with all its files in `folder`.
fn demo(folder: &Path) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(["demo", "--sessions", "200", "--rate", "200"]).env("TMPDIR", folder);
    command.arg("--summary").arg(folder.join("summary.json"));
    let mut demo = Program::spawn(command, folder.join("demo.log"));
    demo.wait_for_without_timeout("playing a world");
    demo.wait_for("freshness");
    demo
}

#[test]
fn demo_with_a_killed_service_matches_the_truth() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut demo = demo(folder);
    let is_aggregate = |(_, line): &(Pid, String)| line.contains(" aggregate --config ");
    let (aggregate, _) = processes_of(folder).into_iter().find(is_aggregate).unwrap();
    kill(aggregate, Signal::SIGKILL).unwrap();
    demo.wait_for("aggregate ended (SIGKILL");
    demo.wait_for("restarted 1×");
    demo.signal(Signal::SIGINT);
    let (code, _) = demo.end();
    let printed = demo.output();
    assert_eq!(code, 0, "{printed}");
    for words in
        ["ClickHouse  http://127.0.0.1:", "nothing lost, nothing twice.", "isobar send FILE"]
    {
        assert!(printed.contains(words), "{words:?} is not in\n{printed}");
    }
    assert_all_end(folder);

    let summary = fs::read(folder.join("summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    let count = |field: &str| summary[field].as_u64().unwrap();
    assert_eq!(count("mismatches"), 0, "{summary}");
    assert!(count("cells_checked") > 100, "{summary}");
    let outcomes: u64 = ["accepted", "duplicates", "dead_letters", "late"].map(count).iter().sum();
    assert_eq!(outcomes, count("raw_records"), "{summary}");
    assert!(summary["intervals_per_second"].as_f64() > Some(0.0), "{summary}");
    let freshness = &summary["freshness_seconds"];
    assert!(freshness["p99"].as_f64() >= freshness["p50"].as_f64(), "{summary}");
    assert!(freshness["p50"].as_f64() > Some(0.0), "{summary}");
    for figure in ["cpu_seconds_per_million_intervals", "max_rss_mb"] {
        for service in Service::ALL.map(Service::name) {
            assert!(summary[figure][service].as_f64() > Some(0.0), "{figure} of {service}");
        }
    }
}

#[test]
fn demo_keep_prints_a_command_that_reopens_its_data() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let isobar = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command.args(arguments).env("TMPDIR", folder);
        command
    };
    let world = ["--duration", "6s", "--sessions", "100", "--rate", "50"];
    let demo = isobar(&["demo", "--keep"]).args(world).output().unwrap();
    let printed = String::from_utf8(demo.stdout).unwrap();
    assert!(demo.status.success(), "{printed}");
    let home =
        printed.split("XDG_STATE_HOME=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let mut up = isobar(&["up"]);
    up.env("XDG_STATE_HOME", home);
    let mut up = Program::spawn(up, folder.join("up.log"));
    up.wait_for_without_timeout("isobar down");
    let truth = format!("{home}/isobar/world.truth.jsonl");
    let verify =
        isobar(&["verify", "--truth", &truth]).env("XDG_STATE_HOME", home).output().unwrap();
    let verified = String::from_utf8_lossy(&verify.stdout);
    assert!(verify.status.success() && verified.contains("0 mismatches"), "{verified}");
    up.signal(Signal::SIGINT);
    assert_eq!(up.end().0, 0, "{}", up.output());
}

#[test]
fn a_second_signal_ends_the_demo_and_all_its_processes_without_the_drain() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut demo = demo(folder);
    demo.signal(Signal::SIGINT);
    demo.wait_for("draining");
    std::thread::sleep(Duration::from_secs(1));
    demo.signal(Signal::SIGINT);
    let (code, last) = demo.end();
    assert_eq!(code, 130, "{}", demo.output());
    assert!(last.starts_with("ended without waiting for the drain"), "{last}");
    assert_all_end(folder);
}
