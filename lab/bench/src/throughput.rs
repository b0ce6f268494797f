//! Measurement of throughput: the raw topic is filled first; then the services start, and the time until
//! the last row is visible is measured.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clickhouse::Client;
use deploy::failure::{Context, Failure};
use stack::services::{Features, ServiceEnvironment, Services};
use stack::{Plan, Progress, Stack, View, pipeline};
use world::producer;
use world::world::Scenario;

use super::{Options, Run, Used};
use crate::run::{LOOK, PERIOD_S};

/// Time without progress after which missing intervals count as lost.
const STALLED: Duration = Duration::from_secs(180);

/// Time within a minute in which a run begins. Blocks end with the minute in which their records
/// were appended, and a block that is split writes most of its cells twice, so runs would differ
/// otherwise.
const EARLY: Duration = Duration::from_secs(15);

/// Measures on a new stack.
pub(super) async fn measure(
    plan: &Plan,
    options: &Options,
    features: Features,
    progress: Progress<'_>,
) -> Result<Run, Failure> {
    progress("starting Kafka and ClickHouse");
    let stack = Stack::start(plan.clone())?;
    pipeline::prepare(&stack, &progress).await?;
    let expected = fill(&stack, options, progress).await?;
    early_in_a_minute(progress).await;
    progress(if features.samples { "running with samples" } else { "running without samples" });
    let arrivals = Arrivals::of(&stack, features);
    let environment = ServiceEnvironment { features, ..ServiceEnvironment::of(&stack) };
    let started = Instant::now();
    let mut services = Services::start(&environment, stack.guard())?;
    let before = Used::by(&stack, &services);
    let took = arrivals.wait(expected, started, &services).await?;
    services.stop();
    let used = Used::by(&stack, &services).since(&before);
    Ok(Run::new(expected, took, &used))
}

/// Waits for the next minute, unless this one has just begun.
async fn early_in_a_minute(progress: Progress<'_>) {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let into = Duration::from_secs(since_1970.as_secs() % 60);
    if into > EARLY {
        progress("waiting for the next minute");
        tokio::time::sleep(Duration::from_secs(60).saturating_sub(into)).await;
    }
}

/// Fills the raw topic, and returns the number of its intervals.
async fn fill(stack: &Stack, options: &Options, progress: Progress<'_>) -> Result<u64, Failure> {
    progress(&format!("filling the raw topic with {} reports", options.reports));
    let world = producer::Options {
        brokers: stack.brokers(),
        sessions: options.sessions,
        rate: f64::from(options.sessions) / PERIOD_S,
        reports: Some(options.reports),
        scenario: Scenario::Steady,
        fast: true,
        ..producer::Options::default()
    };
    let fill = move || producer::run(&world, &AtomicBool::new(false), |_| ());
    let filled = tokio::task::spawn_blocking(fill).await.context("bench")?.context("bench")?;
    let seconds = filled.took.as_secs_f64();
    progress(&format!(
        "{} records of {} bytes on average in {seconds:.0} s",
        filled.records,
        filled.bytes / filled.records.max(1)
    ));
    Ok(filled.intervals)
}

/// Reader of the intervals that are visible in ClickHouse.
struct Arrivals {
    view: View,
    client: Client,
    /// Client of a user that reads tables.
    owner: Client,
    features: Features,
}

impl Arrivals {
    fn of(stack: &Stack, features: Features) -> Self {
        let access = stack.access();
        let (client, owner) = (access.client("dashboard"), access.client("migrate"));
        Self { view: View::of(&access), client, owner, features }
    }

    /// Returns the number of folded intervals in the block audits: a cheap query, ahead of the cells by one insert
    /// at most.
    async fn folded(&self) -> Result<u64, Failure> {
        let query = "SELECT toUInt64(ifNull(sum(intervals), 0)) FROM blocks FINAL";
        self.client.query(query).fetch_one().await.context("ClickHouse")
    }

    /// Returns the number of intervals visible in all tables. The views are read only after the cheap counts have
    /// reached `expected`, because reading them slows inserts down.
    async fn visible(&self, expected: u64) -> Result<u64, Failure> {
        // A block that was written twice counts twice here, so this number may be reached too
        // early.
        let query = "SELECT min(intervals) FROM (
            SELECT toUInt64(sum(intervals)) AS intervals FROM cell_partials GROUP BY grouping)";
        let partials = self.owner.query(query).fetch_one::<u64>().await.context("ClickHouse")?;
        if partials < expected {
            return Ok(partials);
        }
        if self.features.samples {
            let samples = self.client.query("SELECT count() FROM samples").fetch_one::<u64>();
            let samples = samples.await.context("ClickHouse")?;
            if samples < expected {
                return Ok(samples);
            }
        }
        Ok(self.view.arrived().await?.intervals.cast_unsigned())
    }

    /// Waits for `expected` intervals, and returns the time from `started` until the last one was visible. The
    /// views are read only once the blocks are complete, because reading them slows the services down.
    async fn wait(
        &self,
        expected: u64,
        started: Instant,
        services: &Services,
    ) -> Result<Duration, Failure> {
        let (mut seen, mut news) = ((0, 0), started);
        while seen.1 < expected {
            let nearly_there = seen.0 >= expected;
            tokio::time::sleep(if nearly_there { LOOK / 5 } else { LOOK }).await;
            if let Some(refusal) = services.refusal() {
                return Err(refusal);
            }
            let folded = self.folded().await?;
            // Rows that a query returns were visible when it was sent.
            let asked = Instant::now();
            let visible = if folded < expected { 0 } else { self.visible(expected).await? };
            if (folded, visible) > seen {
                (seen, news) = ((folded, visible), asked);
            }
            if news.elapsed() > STALLED {
                let (folded, visible) = seen;
                return Err(Failure::Refused(format!(
                    "of {expected} intervals {folded} were folded and {visible} became visible"
                )));
            }
        }
        if seen.1 > expected {
            return Err(Failure::Refused(format!(
                "{expected} intervals were sent, {} arrived",
                seen.1
            )));
        }
        Ok(news.duration_since(started))
    }
}
