//! The local stack: start, restart and end of its processes.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use deploy::access::Access;
use deploy::service::Service;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::{Plan, Ports, Stack};

use crate::harness::Turn;
use crate::program::{Program, assert_all_end, processes_of};

/// Builds an `isobar VERB…` command whose data is in `folder`.
fn isobar(folder: &Path, verb: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(verb).env("XDG_STATE_HOME", folder);
    command
}

/// Returns a running `isobar up` that has printed all addresses.
fn up(folder: &Path) -> Program {
    let command = isobar(folder, &["up", "--no-services"]);
    let mut up = Program::spawn(command, folder.join("up.log"));
    up.wait_for_without_timeout("ClickHouse  http://127.0.0.1:");
    up
}

/// Returns the error of an `isobar VERB…` that fails.
fn failure(folder: &Path, verb: &[&str]) -> String {
    let output = isobar(folder, verb).output().unwrap();
    assert!(!output.status.success(), "{verb:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn all_missing_tools_are_reported_with_their_install_command() {
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
    up.wait_for("isobar down");
    let words = failure(folder, &["up", "--no-services"]);
    assert!(words.contains("`isobar up` is running already"), "{words}");
    assert!(isobar(folder, &["down"]).status().unwrap().success());
    assert_eq!(up.end().0, 0, "{}", up.output());
    let words = failure(folder, &["down"]);
    assert!(words.contains("no `isobar up` is running"), "{words}");
}

/// Returns all folders and files under `folder`, with their modes.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        found.push((entry.path(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found
}

/// Checks the modes from the start on, also for an existing folder that was open to all.
#[test]
fn stack_folder_is_private_under_any_umask() {
    let turn = Turn::take();
    let place = turn.folder.path().join("place");
    let state = place.join("isobar");
    fs::create_dir_all(state.join("logs")).unwrap();
    for folder in [&place, &state, &state.join("logs")] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$0\" up"]).arg(env!("CARGO_BIN_EXE_isobar"));
    command.env("XDG_STATE_HOME", &place);
    let mut up = Program::spawn(command, place.join("up.log"));
    // Other users could read files that are written while the folder is still open.
    let open = || fs::metadata(&state).unwrap().permissions().mode() & 0o077 != 0;
    while open() {
        // The process may have continued immediately after restricting the folder.
        let written = modes(&state).len() > 1;
        assert!(!written || !open(), "a file was written before that");
    }
    up.wait_for_without_timeout("ClickHouse  http://127.0.0.1:");
    up.wait_for("isobar down");
    let modes = modes(&state);
    let ours = ["logs", "clickhouse", "clickhouse/user_files", "kafka-1", "services"];
    for folder in ours {
        let found = modes.iter().find(|(path, _)| *path == state.join(folder)).unwrap();
        assert_eq!(found.1, 0o700, "{folder}");
    }
    let secrets = ["clickhouse/passwords.json", "replay.key", "services/sink.toml", "up.json"];
    for file in secrets {
        let found = modes.iter().find(|(path, _)| *path == state.join(file)).unwrap();
        assert_eq!(found.1, 0o600, "{file}");
    }
    assert!(isobar(&place, &["down"]).status().unwrap().success());
    assert_eq!(up.end().0, 0, "{}", up.output());
}

/// Returns the process that has `words` and the folder in its command line.
fn process(folder: &Path, words: &str) -> Pid {
    let found = processes_of(folder).into_iter().find(|(_, line)| line.contains(words));
    found.unwrap_or_else(|| panic!("no {words}: {:?}", processes_of(folder))).0
}

/// Waits until `done`.
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(90);
    while !done() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn up_reports_and_restarts_ended_processes_on_the_same_ports() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let start = || {
        let mut up = Program::spawn(isobar(folder, &["up"]), folder.join("up.log"));
        up.wait_for_without_timeout("isobar down");
        up
    };
    let mut up = start();
    let text = up.output();
    let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap().to_owned();
    let address = |line: &str| {
        let (_, rest) = line.split_once("http://").unwrap();
        rest.split('/').next().unwrap().to_owned()
    };
    let (clickhouse, sink) = (line("ClickHouse  http"), line("sink  "));
    // It prints the addresses once all services are ready, without a warning.
    for service in Service::ALL {
        let log = folder.join(format!("isobar/logs/{}.log", service.name()));
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains("assigned partitions"), "{log}");
        assert!(!log.contains(" WARN ") && !log.contains("ERROR"), "{log}");
    }
    for (words, name) in [
        ("clickhouse-server", "ClickHouse ended (SIGKILL"),
        ("kafka.Kafka", "Kafka at 127.0.0.1:"),
        (" sink --config ", "sink ended (SIGKILL"),
    ] {
        let old = process(folder, words);
        kill(old, Signal::SIGKILL).unwrap();
        up.wait_for(name);
        up.wait_for("starting it again; its log is");
        wait_until("it is not started again", || {
            processes_of(folder).iter().any(|(pid, line)| line.contains(words) && *pid != old)
        });
    }
    // Everything works again, at the addresses that were printed.
    wait_until("ClickHouse does not answer", || TcpStream::connect(address(&clickhouse)).is_ok());
    wait_until("sink is not ready", || {
        let asked = TcpStream::connect(address(&sink)).and_then(|mut stream| {
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        });
        asked.is_ok_and(|answer| answer.contains(" 200 "))
    });
    assert!(isobar(folder, &["down"]).status().unwrap().success());
    assert_eq!(up.end().0, 0, "{}", up.output());

    let mut again = start();
    for printed in ["ingest ", "enrich ", "aggregate ", "sink ", "Kafka ", "ClickHouse "] {
        let before = text.lines().find(|line| line.starts_with(printed)).unwrap();
        assert!(again.output().lines().any(|line| line == before), "{before}: {}", again.output());
    }
    assert!(isobar(folder, &["down"]).status().unwrap().success());
    assert_eq!(again.end().0, 0, "{}", again.output());
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
