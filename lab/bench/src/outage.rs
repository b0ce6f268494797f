//! An outage of ClickHouse under load: the services' memory, and the rate at which the backlog is processed
//! afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use deploy::failure::Failure;
use deploy::service::Service;
use serde::Serialize;
use stack::options::World;
use stack::pipeline::Pipeline;
use stack::{Progress, Watch, rounded};
use world::world::Scenario;

use super::{Machine, Options};
use crate::run::{LOOK, PERIOD_S, STREAMS, folder, plan};

/// Time before the outage in which caches and states reach their usual size.
const BEFORE: Duration = Duration::from_secs(30);

/// Intervals in flight, as a duration at the live rate, that do not count as a backlog; the median
/// is half of this.
const LIVE: Duration = Duration::from_secs(10);

/// Time without progress after which missing intervals count as lost.
const STALLED: Duration = Duration::from_secs(120);

/// Figures of an outage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outage {
    machine: Machine,
    /// Duration of the outage, s.
    outage_seconds: f64,
    /// Intervals per second that were sent, before, during and after the outage.
    live_intervals_per_second: f64,
    /// Intervals that were sent but not visible when ClickHouse was back.
    backlog_intervals: u64,
    /// Time until the backlog was processed, s.
    drained_after_seconds: f64,
    /// Intervals per second that became visible until then.
    drain_intervals_per_second: f64,
    /// Ratio of that rate to the live rate.
    times_live: f64,
    /// Intervals sent that never became visible.
    lost_intervals: u64,
    /// By service: peak resident memory before the outage, MB (2²⁰ bytes).
    max_rss_mb_before: BTreeMap<&'static str, f64>,
    /// By service: peak resident memory until ClickHouse was back, MB (2²⁰ bytes).
    max_rss_mb_away: BTreeMap<&'static str, f64>,
    /// By service: peak resident memory of the whole run, MB (2²⁰ bytes).
    max_rss_mb: BTreeMap<&'static str, f64>,
}

/// Stops ClickHouse for `away`, and measures.
///
/// # Errors
/// If something does not start or stops for good.
pub(super) async fn measure(
    options: &Options,
    away: Duration,
    progress: Progress<'_>,
) -> Result<Outage, Failure> {
    let rate = options.fresh_rate / STREAMS;
    let world = World {
        seed: 1,
        sessions: (rate * PERIOD_S) as u32,
        rate,
        duration: None,
        scenario: Scenario::Steady,
    };
    let folder = folder()?;
    let mut pipeline = Pipeline::start(plan(folder.path())?, progress).await?;
    let guard = pipeline.stack.guard().clone();
    progress(&format!("playing {} intervals a second in real time", options.fresh_rate));
    let mut watch = Watch::start(&pipeline.stack, &world).await?;
    tokio::time::sleep(BEFORE).await;
    let before = memory(&pipeline);

    progress(&format!("ClickHouse is away for {} s", away.as_secs()));
    let gone = Instant::now();
    pipeline.stack.clickhouse().map(stack::ClickHouse::stop);
    tokio::time::sleep(away).await;
    if let Some(clickhouse) = pipeline.stack.clickhouse() {
        clickhouse.resume(&guard)?;
        clickhouse.wait()?;
    }
    let (outage, back, meanwhile) = (gone.elapsed(), Instant::now(), memory(&pipeline));

    watch.look().await?;
    let (arrived, backlog) = (watch.intervals(), behind(&watch));
    progress(&format!("ClickHouse is back; {backlog} intervals wait"));
    let usual = (options.fresh_rate * LIVE.as_secs_f64()) as u64;
    let mut news = (watch.intervals(), Instant::now());
    while behind(&watch) > usual {
        tokio::time::sleep(LOOK * 4).await;
        watch.look().await?;
        if watch.intervals() > news.0 {
            news = (watch.intervals(), Instant::now());
        }
        if news.1.elapsed() > STALLED {
            return Err(Failure::Refused(format!(
                "{} intervals do not arrive; is the disk full? ClickHouse refuses inserts with \
                 less than 2 % of it free",
                behind(&watch)
            )));
        }
    }
    let drained = back.elapsed().as_secs_f64();
    let drain_rate = (watch.intervals() - arrived) as f64 / drained;
    watch.drain().await?;
    pipeline.services.stop();
    Ok(Outage {
        machine: Machine::here(),
        outage_seconds: rounded(outage.as_secs_f64()),
        live_intervals_per_second: options.fresh_rate,
        backlog_intervals: backlog,
        drained_after_seconds: rounded(drained),
        drain_intervals_per_second: rounded(drain_rate),
        times_live: rounded(drain_rate / options.fresh_rate),
        lost_intervals: behind(&watch),
        max_rss_mb_before: before,
        max_rss_mb_away: meanwhile,
        max_rss_mb: memory(&pipeline),
    })
}

/// Returns the number of intervals that were sent and are not visible.
fn behind(watch: &Watch) -> u64 {
    watch.sent().intervals_sent.saturating_sub(watch.intervals())
}

fn memory(pipeline: &Pipeline) -> BTreeMap<&'static str, f64> {
    let most = |service: Service| rounded(pipeline.services.usage(service).max_rss_mb);
    Service::ALL.into_iter().map(|service| (service.name(), most(service))).collect()
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live_intervals_per_second;
        writeln!(f, "ClickHouse away for {:.0} s at {live:.0} intervals/s", self.outage_seconds)?;
        writeln!(
            f,
            "{} intervals waited; drained after {:.0} s at {:.0} intervals/s, {:.1} times the live \
             rate; {} lost",
            self.backlog_intervals,
            self.drained_after_seconds,
            self.drain_intervals_per_second,
            self.times_live,
            self.lost_intervals
        )?;
        for (service, most) in &self.max_rss_mb {
            let (before, away) = (self.max_rss_mb_before[service], self.max_rss_mb_away[service]);
            writeln!(
                f,
                "{service:>9}: most resident MB {before:.0} before, {away:.0} when it was back, \
                 {most:.0} in all"
            )?;
        }
        Ok(())
    }
}
