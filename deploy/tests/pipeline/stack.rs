//! The stack itself: nothing is left of it, whatever happens to its parent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
