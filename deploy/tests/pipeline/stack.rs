//! The stack itself: nothing is left of it, whatever happens to its parent.

use std::path::Path;
use std::process::Command;

use deploy::stack::{Access, Plan, Ports, Stack};
use nix::sys::signal::Signal;

use crate::harness::Turn;
use crate::program::{Program, assert_all_end, processes_of};

/// `isobar VERB…` that keeps what it keeps in `folder`.
fn isobar(folder: &Path, verb: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(verb).env("XDG_STATE_HOME", folder);
    command
}

/// An `isobar up` that has said where everything is.
fn up(folder: &Path) -> Program {
    let command = isobar(folder, &["up", "--no-services"]);
    let mut up = Program::spawn(command, folder.join("up.log"));
    up.hear_however_long("ClickHouse  http://127.0.0.1:");
    up
}

/// What is said by an `isobar VERB…` that fails.
fn failure(folder: &Path, verb: &[&str]) -> String {
    let output = isobar(folder, verb).output().unwrap();
    assert!(!output.status.success(), "{verb:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn everything_that_the_machine_lacks_is_named_at_once_with_the_command_that_installs_it() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let up = isobar(folder, &["up", "--no-services"])
        .env_remove("JAVA_HOME")
        .env_remove("KAFKA_HOME")
        .env("PATH", folder)
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
    let nowhere = Access::default();
    let plan = Plan { ports: Ports::free(3).unwrap(), clickhouse: Some(nowhere), ..turn.plan() };
    let mut stack = Stack::start(plan).unwrap();
    let guard = stack.guard().clone();
    let kafka = stack.kafka().unwrap();
    kafka.brokers[1].stop();
    kafka.brokers[1].start(&guard).unwrap();
    kafka.wait().unwrap();
}

#[test]
fn one_up_runs_at_a_time_and_down_ends_it() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut up = up(folder);
    up.hear("isobar down");
    let words = failure(folder, &["up", "--no-services"]);
    assert!(words.contains("`isobar up` is running already"), "{words}");
    assert!(isobar(folder, &["down"]).status().unwrap().success());
    assert_eq!(up.end().0, 0, "{}", up.said());
    let words = failure(folder, &["down"]);
    assert!(words.contains("no `isobar up` is running"), "{words}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_isobar_leaves_no_process_behind() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut up = up(folder);
    assert!(processes_of(folder).len() >= 2, "Kafka and ClickHouse run");

    up.signal(Signal::SIGKILL);
    up.end();
    assert_all_end(folder);
    let words = failure(folder, &["down"]);
    assert!(words.contains("no `isobar up` is running"), "{words}");
}
