//! What every measurement begins with: a stack of its own, and a steady world.

use std::path::Path;
use std::time::Duration;

use deploy::failure::{Context, Failure};
use stack::options::World;
use stack::{Plan, Ports};
use world::world::Scenario;

/// Time between two reports of a session, s.
pub(crate) const PERIOD_S: f64 = 10.0;
/// Intervals of a report of a steady session.
pub(crate) const STREAMS: f64 = 4.0;

/// Returns a world of `intervals` a second for `duration`.
pub(crate) fn steady(intervals: f64, duration: Duration) -> World {
    let rate = intervals / STREAMS;
    World {
        seed: 1,
        sessions: (rate * PERIOD_S) as u32,
        rate,
        duration: Some(duration),
        scenario: Scenario::Steady,
    }
}

/// Interval of queries to ClickHouse; more of them would influence the measurement.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// Returns the plan of a stack in `folder`.
pub(crate) fn plan(folder: &Path) -> Result<Plan, Failure> {
    Ok(Plan {
        isobar: std::env::current_exe().context("isobar's own program")?,
        folder: folder.to_owned(),
        ports: Ports::free(1)?,
        kafka: None,
        clickhouse: None,
    })
}

/// Creates a folder for a stack.
pub(crate) fn folder() -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new().prefix("isobar-bench-").tempdir().context("bench")
}
