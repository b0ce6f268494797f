//! A stack for a test, and a small world to play on it.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use deploy::access::Access;
use deploy::service::Service;
use oracle::verify::Verdict;
use stack::options::World;
use stack::pipeline::{Pipeline, prepare};
use stack::{Plan, Ports, Stack, Watch, verdict};
use tempfile::TempDir;
use world::world::Scenario;

use crate::program::Program;

/// Stacks that may run at the same time: a test waits for most of its time, and a stack takes two
/// gigabytes of memory.
const MOST: usize = 3;
static STACKS: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// A folder for a stack, while not too many others have one.
pub(crate) struct Turn {
    pub(crate) folder: TempDir,
}

impl Turn {
    pub(crate) fn take() -> Self {
        let folder = tempfile::Builder::new().prefix("isobar-test-").tempdir().unwrap();
        let stacks = STACKS.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = ENDED.wait_while(stacks, |stacks| *stacks >= MOST);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Self { folder }
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan {
            isobar: Path::new(env!("CARGO_BIN_EXE_isobar")).to_owned(),
            folder: self.folder.path().to_owned(),
            ports: Ports::free(1).unwrap(),
            kafka: None,
            clickhouse: None,
        }
    }

    /// Kafka alone.
    pub(crate) fn kafka(&self) -> Stack {
        let nowhere = Some(Access::default());
        Stack::start(Plan { clickhouse: nowhere, ..self.plan() }).unwrap()
    }

    /// Kafka and ClickHouse, with topics and tables.
    pub(crate) async fn stack(&self) -> Stack {
        let stack = Stack::start(self.plan()).unwrap();
        prepare(&stack, &|_: &str| ()).await.unwrap();
        stack
    }

    /// A service on `stack`, with settings as of [`Program::start`]; a sink writes to its ClickHouse.
    pub(crate) fn service(&self, stack: &Stack, service: &str, more: &[(&str, &str)]) -> Program {
        let access = stack.access();
        let mut settings = more.to_vec();
        if service == "sink" {
            settings.push(("SINK__URL", &access.url));
            settings.push(("SINK__PASSWORD", access.passwords.of("sink")));
        }
        Program::start(service, &stack.brokers(), self.folder.path(), &settings)
    }

    pub(crate) async fn pipeline(&self) -> Pipeline {
        Pipeline::start(self.plan(), |_| ()).await.unwrap()
    }
}

/// Lines of each service's log that a test which fails shows; the folder is gone afterwards.
const LAST_LINES: usize = 25;

/// Prints the end of each service's log.
fn show_logs(folder: &Path) {
    for service in Service::ALL.map(Service::name) {
        let path = folder.join("logs").join(format!("{service}.log"));
        let Ok(log) = fs::read_to_string(&path) else { continue };
        let lines: Vec<_> = log.lines().collect();
        println!("--- end of {service}.log");
        lines.iter().skip(lines.len().saturating_sub(LAST_LINES)).for_each(|it| println!("{it}"));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if thread::panicking() {
            show_logs(self.folder.path());
        }
        *STACKS.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// Plays `seconds` of a world that contains every kind of problem.
pub(crate) fn world(seconds: u64) -> World {
    World {
        seed: 7,
        sessions: 300,
        rate: 300.0,
        duration: Some(Duration::from_secs(seconds)),
        scenario: Scenario::Usual,
    }
}

/// Waits for the end of the world and the arrival of its data, and compares it with the truth.
pub(crate) async fn verdict(watch: &mut Watch, stack: &Stack) -> Verdict {
    let patience = Instant::now() + Duration::from_secs(120);
    while !watch.sender_ended().unwrap() {
        assert!(Instant::now() < patience, "the world does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    watch.drain().await.unwrap();
    verdict::verify_stack(vec![watch.truth()], stack).await.unwrap()
}

/// Asserts that nothing is lost, duplicated or different, and that cells were compared.
pub(crate) fn assert_well(verdict: &Verdict) {
    assert_eq!(verdict.mismatches, 0, "{:#?}", verdict.differences);
    assert_eq!(
        verdict.accepted + verdict.duplicates + verdict.dead_letters + verdict.late,
        verdict.raw_records
    );
    assert!(verdict.cells_checked > 100, "{verdict:?}");
}
