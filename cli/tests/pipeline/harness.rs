//! A stack for a test, and a small world to play on it.

use std::cell::Cell;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use deploy::access::Access;
use deploy::service::Service;
use oracle::verify::Verdict;
use stack::options::World;
use stack::pipeline::{Pipeline, prepare};
use stack::services::Services;
use stack::{Plan, Ports, Stack, Watch, verdict};
use tempfile::TempDir;
use world::world::Scenario;

use crate::program::Program;

/// Servers that may run at the same time. Tests wait for most of their time, and Kafka and ClickHouse take two
/// gigabytes of memory together.
const MOST: usize = 6;
/// Servers of a stack: Kafka and ClickHouse.
const STACK: usize = 2;
static SERVERS: Mutex<Servers> = Mutex::new(Servers { running: 0, asked: 0, admitted: 0 });
static CHANGED: Condvar = Condvar::new();

/// Servers that run, and tests that wait for permission. Tests are admitted in the order of their requests:
/// otherwise one that needs many servers would wait for all others.
struct Servers {
    running: usize,
    asked: u64,
    admitted: u64,
}

/// A folder for the servers of a test, while not too many others run.
pub(crate) struct Turn {
    pub(crate) folder: TempDir,
    servers: Cell<usize>,
}

impl Turn {
    /// Waits until a stack of Kafka and ClickHouse may be started.
    pub(crate) fn take() -> Self {
        Self::of(STACK)
    }

    /// Waits until this number of servers may be started.
    pub(crate) fn of(count: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("isobar-test-").tempdir().unwrap();
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let number = servers.asked;
        servers.asked += 1;
        let waits = |it: &mut Servers| it.admitted != number || it.running + count > MOST;
        servers = CHANGED.wait_while(servers, waits).unwrap_or_else(PoisonError::into_inner);
        servers.running += count;
        servers.admitted += 1;
        CHANGED.notify_all();
        Self { folder, servers: Cell::new(count) }
    }

    /// Lets other tests start all of its servers but `count`.
    fn keep(&self, count: usize) {
        let given_back = self.servers.get() - count;
        self.servers.set(count);
        SERVERS.lock().unwrap_or_else(PoisonError::into_inner).running -= given_back;
        CHANGED.notify_all();
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
        self.keep(1);
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

/// Lines of each service's log that a failed test prints. The folder is removed afterwards.
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
        self.keep(0);
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

/// Inserts a block that is complete, so that there is a newest complete minute: services complete one only where
/// records lie on both sides of a minute's end.
pub(crate) async fn insert_complete_minute(admin: &clickhouse::Client) {
    let block = "INSERT INTO blocks (epoch, partition, block_start, upto, finished, append_minute) \
                 VALUES (0, 0, 0, 10, true, intDiv(toUnixTimestamp(now()), 60) - 1)";
    admin.query_raw(block).execute().await.unwrap();
}

/// Asserts that nothing is lost, duplicated or different, and that cells were compared.
pub(crate) fn assert_verified(verdict: &Verdict) {
    assert_eq!(verdict.mismatches, 0, "{:#?}", verdict.differences);
    assert_eq!(
        verdict.accepted + verdict.duplicates + verdict.dead_letters + verdict.late,
        verdict.raw_records
    );
    assert!(verdict.cells_checked > 100, "{verdict:?}");
}

/// Asserts that no service has ended by itself; the failure says how and why one did.
pub(crate) fn assert_not_restarted(services: &Services) {
    let ended: Vec<_> = services.news().iter().map(ToString::to_string).collect();
    let restarts = Service::ALL.map(|service| services.restarts(service));
    assert!(restarts == [0; 4] && ended.is_empty(), "restarts {restarts:?}:\n{}", ended.join("\n"));
}
