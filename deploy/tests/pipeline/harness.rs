//! A stack for a test, and a small world to play on it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deploy::check;
use deploy::demo::Watch;
use deploy::pipeline::Pipeline;
use deploy::play::World;
use deploy::stack::{Plan, Ports, Stack};
use simulate::verify::Verdict;
use simulate::world::Scenario;
use tempfile::TempDir;

static TURN: Mutex<()> = Mutex::new(());

/// A folder for a stack, while no other test has one.
pub(crate) struct Turn {
    pub(crate) folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    pub(crate) fn take() -> Self {
        // A test that failed has dropped its stack all the same.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("isobar-test-").tempdir().unwrap();
        Self { folder, _turn: turn }
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

    pub(crate) async fn pipeline(&self) -> Pipeline {
        Pipeline::start(self.plan(), |_| ()).await.unwrap()
    }
}

/// `seconds` of a world with everything that goes wrong in one.
pub(crate) fn world(seconds: u64) -> World {
    World {
        seed: 7,
        sessions: 300,
        rate: 300.0,
        duration: Some(Duration::from_secs(seconds)),
        scenario: Scenario::Usual,
    }
}

/// Waits for the world's end and for all of it to arrive, and holds it against the truth.
pub(crate) async fn verdict(watch: &mut Watch, stack: &Stack) -> Verdict {
    let patience = Instant::now() + Duration::from_secs(120);
    while !watch.sender_ended().unwrap() {
        assert!(Instant::now() < patience, "the world does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    watch.drain().await.unwrap();
    check::verify_stack(vec![watch.truth()], stack).await.unwrap()
}

/// Nothing lost, nothing twice, no cell different, and something was compared at all.
pub(crate) fn assert_well(verdict: &Verdict) {
    assert_eq!(verdict.mismatches, 0, "{:#?}", verdict.differences);
    assert_eq!(
        verdict.accepted + verdict.duplicates + verdict.dead_letters + verdict.late,
        verdict.raw_records
    );
    assert!(verdict.cells_checked > 100, "{verdict:?}");
}
