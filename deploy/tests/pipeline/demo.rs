//! `isobar demo`, as people run it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::Turn;
use crate::program::{Program, assert_all_end};

/// A demo that plays its world, with all its files in `folder`.
fn demo(folder: &Path) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(["demo", "--sessions", "200", "--rate", "200"]).env("TMPDIR", folder);
    let mut demo = Program::spawn(command, folder.join("demo.log"));
    demo.hear_however_long("playing a world");
    demo.hear("freshness");
    demo
}

#[test]
fn a_second_signal_ends_the_demo_and_all_its_processes_without_the_drain() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let mut demo = demo(folder);
    demo.signal(Signal::SIGINT);
    demo.hear("draining");
    std::thread::sleep(Duration::from_secs(1));
    demo.signal(Signal::SIGINT);
    let (code, last) = demo.end();
    assert_eq!(code, 130, "{}", demo.said());
    assert!(last.starts_with("ended without waiting for the drain"), "{last}");
    assert_all_end(folder);
}
