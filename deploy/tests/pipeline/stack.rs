//! The stack itself: nothing is left of it, whatever happens to its parent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deploy::stack::{Access, Plan, Ports, Stack};

use crate::harness::Turn;

/// Processes that have `folder` in their command line.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(folder))
        .collect()
}

#[test]
fn everything_that_the_machine_lacks_is_named_at_once_with_the_command_that_installs_it() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let up = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["up", "--no-services"])
        .env_remove("JAVA_HOME")
        .env_remove("KAFKA_HOME")
        .env("PATH", folder)
        .env("XDG_STATE_HOME", folder)
        .env("XDG_CACHE_HOME", folder)
        .output()
        .unwrap();
    assert!(!up.status.success());
    let words = String::from_utf8(up.stderr).unwrap();
    for tool in ["java 17", "mvn 3.6.3", "npm 7", "install it with:", "default-jre"] {
        assert!(words.contains(tool), "{tool} is not in\n{words}");
    }
}

#[test]
fn three_brokers_are_one_cluster() {
    let turn = Turn::take();
    let nowhere = Access { url: String::new(), password: String::new() };
    let plan = Plan { ports: Ports::free(3).unwrap(), clickhouse: Some(nowhere), ..turn.plan() };
    let mut stack = Stack::start(plan).unwrap();
    let guard = stack.guard().clone();
    let kafka = stack.kafka().unwrap();
    kafka.brokers[1].stop();
    kafka.brokers[1].start(&guard).unwrap();
    kafka.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_isobar_leaves_no_process_behind() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut up = Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["up", "--no-services"])
        .env("XDG_STATE_HOME", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let told = lines.map(Result::unwrap).find(|line| line.starts_with("ClickHouse"));
    assert!(told.is_some_and(|line| line.contains("http://127.0.0.1:")));
    assert!(processes_of(folder).len() >= 2, "Kafka and ClickHouse run");

    up.kill().unwrap();
    up.wait().unwrap();
    let patience = Instant::now() + Duration::from_secs(30);
    while !processes_of(folder).is_empty() {
        assert!(Instant::now() < patience, "left behind: {:#?}", processes_of(folder));
        std::thread::sleep(Duration::from_millis(100));
    }
}
