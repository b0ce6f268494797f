//! Tools for tests of services: an output without acknowledgements, and measurement of memory.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests start processes and read their output, and fail by a panic"
)]

use std::process::Command;

use schemas::topics::Topic;
use serde_json::Value;

use crate::handler::{Handler, Output, Ticket};
use crate::ledger::Commit;
use crate::record::{Offset, Source};

/// An [`Output`] whose writes count as acknowledged immediately. Unlike a
/// [`Recorder`](crate::Recorder) it keeps only what a test requests, so that the memory of a
/// handler can be measured.
#[derive(Debug, Default)]
pub struct ImmediateOutput {
    /// True if written records are kept.
    pub keeps_records: bool,
    /// Written records with their topics, if they are kept.
    pub records: Vec<(Topic, Vec<u8>)>,
    /// Bytes of all tickets that were opened.
    pub opened_bytes: usize,
    commits: Vec<Commit>,
}

impl ImmediateOutput {
    /// Returns an output that keeps written records.
    #[must_use]
    pub fn keeping_records() -> Self {
        Self { keeps_records: true, ..Self::default() }
    }

    /// Reports all checkpoints since the last call to `handler` as committed.
    pub fn commit(&mut self, handler: &mut dyn Handler) {
        for commit in self.commits.drain(..) {
            handler.committed(&commit);
        }
    }
}

impl Output for ImmediateOutput {
    fn send(&mut self, _: Source, topic: Topic, _: Option<&[u8]>, payload: &[u8]) {
        if self.keeps_records {
            self.records.push((topic, payload.to_vec()));
        }
    }

    fn open(&mut self, source: Source, bytes: usize) -> Ticket {
        self.opened_bytes += bytes;
        Ticket { source, assignment: 0, number: 0 }
    }

    fn close(&mut self, _: Ticket) {}

    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str) {
        self.commits.push(Commit { source, offset, metadata: metadata.to_owned() });
    }

    fn congested(&self) -> bool {
        false
    }
}

/// Environment variable with the case that a test process measures.
const CASE: &str = "ISOBAR_MEASURED_CASE";

/// Returns the case that this process measures, if [`memory_of_case`] has started it.
#[must_use]
pub fn measured_case() -> Option<String> {
    std::env::var(CASE).ok()
}

/// Returns the peak resident memory of this process so far, KB.
#[must_use]
pub fn peak_memory_kb() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KB")
}

/// Reports the growth of the peak memory since it was `before_kb` to [`memory_of_case`].
pub fn report_growth(before_kb: i64) {
    println!("took {} KB", peak_memory_kb() - before_kb);
}

/// Runs the test `test` of this program in a separate process for `case`, and returns the memory
/// that it reports, KB. A separate process, because peak memory never decreases.
#[must_use]
pub fn memory_of_case(test: &str, case: &str) -> i64 {
    let mut command = Command::new(std::env::current_exe().expect("the test program"));
    command.args(["--exact", test, "--nocapture"]).env(CASE, case);
    let output = command.output().expect("the test program starts");
    let output = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = output.split_once("took ").expect(&output);
    let kb = rest.split_once(" KB").and_then(|(kb, _)| kb.parse().ok()).expect(&output);
    println!("{case}: {kb} KB");
    kb
}

/// Removes members without a value, for short snapshots.
pub fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}
