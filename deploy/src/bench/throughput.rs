//! The raw topic is filled first; then the services start, and the time to the last row counts.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clickhouse::Client;
use simulate::producer;
use simulate::world::Scenario;

use super::{LOOK, Options, PERIOD_S, Run, tell};
use crate::demo::View;
use crate::failure::{Context, Failure};
use crate::pipeline;
use crate::services::{Features, Service, Services, Surroundings};
use crate::stack::{Plan, Stack};

/// Nothing new for so long: what has not arrived will not.
const STALLED: Duration = Duration::from_secs(60);

/// Measures on a stack of its own.
pub(super) async fn measure(
    plan: &Plan,
    options: &Options,
    features: Features,
) -> Result<Run, Failure> {
    tell("starting Kafka and ClickHouse");
    let stack = Stack::start(plan.clone())?;
    pipeline::prepare(&stack, &tell).await?;
    let expected = fill(&stack, options).await?;
    tell(if features.samples { "running with samples" } else { "running without samples" });
    let arrivals = Arrivals::of(&stack, features);
    let surroundings = Surroundings { features, ..Surroundings::of(&stack) };
    let started = Instant::now();
    let mut services = Services::start(&surroundings, stack.guard())?;
    let took = arrivals.wait(expected, started).await?;
    services.stop();
    let usage = Service::ALL.map(|service| (service, services.usage(service)));
    Ok(Run::new(expected, took, &usage))
}

/// Fills the raw topic; returns how many intervals it holds.
async fn fill(stack: &Stack, options: &Options) -> Result<u64, Failure> {
    tell(&format!("filling the raw topic with {} reports", options.reports));
    let world = producer::Options {
        brokers: stack.brokers(),
        sessions: options.sessions,
        rate: f64::from(options.sessions) / PERIOD_S,
        reports: Some(options.reports),
        scenario: Scenario::Steady,
        fast: true,
        ..producer::Options::default()
    };
    let fill = move || producer::run(&world, &AtomicBool::new(false));
    let filled = tokio::task::spawn_blocking(fill).await.context("bench")?.context("bench")?;
    let seconds = filled.took.as_secs_f64();
    tell(&format!(
        "{} records of {} bytes on average in {seconds:.0} s",
        filled.records,
        filled.bytes / filled.records.max(1)
    ));
    Ok(filled.intervals)
}

/// What can be seen in ClickHouse.
struct Arrivals {
    view: View,
    samples: Option<Client>,
}

impl Arrivals {
    fn of(stack: &Stack, features: Features) -> Self {
        let access = stack.access();
        let samples = features.samples.then(|| access.client("dashboard"));
        Self { view: View::of(&access), samples }
    }

    /// Intervals visible everywhere where they belong.
    async fn intervals(&self) -> Result<u64, Failure> {
        let cells = self.view.arrived().await?.intervals.cast_unsigned();
        let Some(client) = &self.samples else { return Ok(cells) };
        let samples = client.query("SELECT count() FROM samples").fetch_one::<u64>().await;
        Ok(cells.min(samples.context("ClickHouse")?))
    }

    /// Waits for `expected` intervals; how long after `started` the last was visible.
    async fn wait(&self, expected: u64, started: Instant) -> Result<Duration, Failure> {
        let (mut seen, mut news) = (0, started);
        while seen < expected {
            tokio::time::sleep(LOOK).await;
            let now_seen = self.intervals().await?;
            if now_seen > seen {
                (seen, news) = (now_seen, Instant::now());
            }
            if news.elapsed() > STALLED {
                return Err(Failure(format!("of {expected} intervals only {seen} arrived")));
            }
        }
        if seen > expected {
            return Err(Failure(format!("{expected} intervals were sent, {seen} arrived")));
        }
        Ok(news.duration_since(started))
    }
}
