//! Minutes of the overview.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;

use super::{Part, SHORT, SetAside, build, close, rest, within, within_time};
use crate::metrics::Metrics;
use crate::retry::summary;

/// Time after the end of a minute before it is built, and shortest time between two rebuilds of it, s.
const MINUTE_GRACE_SECONDS: u32 = 30;
const MINUTE_REBUILD_SECONDS: u32 = 60;
/// Seconds between two looks for minutes.
const MINUTE_LOOK: Duration = Duration::from_secs(5);
/// Most minutes that are built at once.
const MOST_MINUTES: usize = 60;
/// Age from which a minute that was never built is left to the build of its hour, s: that is two minutes after the
/// hour's end, and where many hours are due, their minutes are built first.
const OF_HOUR_SECONDS: u32 = 2 * 3600;

/// Task that builds minutes of the overview that are over and open, many at once.
pub(crate) struct MinuteBuilder {
    client: Client,
    metrics: Metrics,
    /// Most minutes of the next build: one after a failure, to find the minute that fails.
    most: usize,
    set_aside: SetAside,
}

impl MinuteBuilder {
    pub(super) fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, metrics, most: MOST_MINUTES, set_aside: SetAside::default() }
    }

    /// Runs for ever; builds while `leads` is true.
    pub(crate) async fn run(mut self, leads: Arc<AtomicBool>) {
        loop {
            let started = Instant::now();
            let built = leads.load(Ordering::Relaxed) && self.build_due().await;
            let pause = if built { rest(started.elapsed()) } else { MINUTE_LOOK };
            tokio::time::sleep(pause).await;
        }
    }

    /// Builds the newest minutes that are due. Returns false if there are none, or if they cannot be
    /// built now.
    async fn build_due(&mut self) -> bool {
        let (minutes, built) = match self.due().await {
            Ok(due) if due.is_empty() => return false,
            Ok(due) => {
                let built = build_all(&self.client, &due, &self.metrics).await;
                (due.into_iter().map(|(minute, _)| minute).collect(), built)
            }
            Err(error) => (Vec::new(), Err(error)),
        };
        match &built {
            Ok(()) => self.most = MOST_MINUTES.min(2 * self.most),
            Err(error) => {
                if let [minute] = minutes[..] {
                    self.set_aside.add(minute, Instant::now());
                }
                self.most = 1;
                self.metrics.rebuild_failures.inc();
                let reason = summary(error);
                tracing::warn!(?minutes, reason, "minutes of the overview cannot be rebuilt now");
            }
        }
        built.is_ok()
    }

    /// Returns the starts of the minutes to build next, each with the number to build it with.
    async fn due(&mut self) -> Result<Vec<(u32, u64)>, Error> {
        let (set_aside, newest) = (self.set_aside.starts(Instant::now()), Part::Minute.newest());
        let due = format!(
            "SELECT toUnixTimestamp(start), {newest} FROM open_parts \
             WHERE part = 'minute' AND opened > built \
             AND start + 60 + {MINUTE_GRACE_SECONDS} <= now() \
             AND if(built = 0, start > now() - {OF_HOUR_SECONDS}, \
                    built_at <= now() - {MINUTE_REBUILD_SECONDS}) \
             AND NOT has({set_aside:?}::Array(UInt32), toUnixTimestamp(start)) \
             ORDER BY start DESC LIMIT {}",
            self.most
        );
        within(SHORT, self.client.query_raw(&due).fetch_all::<(u32, u64)>()).await
    }
}

/// Builds minutes, each given by its start and the number to build it with, and closes them.
pub(super) async fn build_all(
    client: &Client,
    due: &[(u32, u64)],
    metrics: &Metrics,
) -> Result<(), Error> {
    let Some(version) = due.iter().map(|(_, version)| *version).min() else { return Ok(()) };
    let minutes: Vec<_> = due.iter().map(|(minute, _)| *minute).collect();
    let first = minutes.iter().min().copied().unwrap_or(0);
    let end = minutes.iter().max().map_or(0, |last| last + 60);
    let condition = format!(
        "{} AND has({minutes:?}::Array(UInt32), toUnixTimestamp(window_start))",
        within_time("window_start", first, end - first)
    );
    build(client, "overview_1m", "folded_overview", version, &condition).await?;
    close(client, Part::Minute, &minutes, version).await?;
    metrics.rebuilt_minutes.inc_by(minutes.len() as u64);
    Ok(())
}
