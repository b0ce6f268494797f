//! Keeps the roll-ups.
//!
//! Every insert of partials opens its hours: from then on they are read from the partials. An hour
//! that is over is built into the roll-ups and closed. All of it hangs on numbers in
//! `rollup_hours` that only rise, and on no clock: whoever reads the greatest number, reads the
//! partials after that and then closes with that number has seen every insert that opened an hour
//! with a number up to it, because an insert takes its number after its rows are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;

use crate::metrics::Metrics;
use crate::retry::summary;
use crate::settings::SinkSettings;

/// What is done to build an hour rests for this many times as long as it took: roll-ups make
/// reading cheap, and may not make inserting dear.
const REST: u32 = 3;
/// An hour that late data has opened again is built again at most this often.
const REBUILD_SECONDS: u32 = 600;
const DAY: u32 = 86_400;
const HOUR: u32 = 3600;
/// Minutes are built by tens: what an aggregation has allocated it keeps to its end.
const SLICE: u32 = 600;

const NEWEST: &str = "assumeNotNull((SELECT max(greatest(opened, built)) FROM rollup_hours))";

/// Opens `hours`, each given by its start, in seconds since the Unix epoch.
///
/// # Errors
/// Those of ClickHouse.
pub(crate) async fn open(client: &Client, hours: &[u32]) -> Result<(), Error> {
    if hours.is_empty() {
        return Ok(());
    }
    let opening = format!(
        "INSERT INTO rollup_hours (hour, opened) \
         SELECT toDateTime(arrayJoin({hours:?}), 'UTC'), {NEWEST} + 1"
    );
    client.query_raw(&opening).execute().await
}

/// Builds hours that are over and open.
pub(crate) struct Rebuilder {
    client: Client,
    look: Duration,
    grace_s: u32,
    metrics: Metrics,
}

impl Rebuilder {
    pub(crate) fn new(client: Client, settings: &SinkSettings, metrics: &Metrics) -> Self {
        // One nice thread: nobody waits for it. Rows come in the order of the key, so only a few
        // cells are open at a time, and blocks are short because a sketch in memory is long.
        let client = client
            .with_setting("max_threads", "1")
            .with_setting("optimize_aggregation_in_order", "1")
            .with_setting("os_threads_nice_value_query", "10")
            .with_setting("max_block_size", "1024")
            .with_setting("min_insert_block_size_rows", "8192");
        let look = Duration::from_secs(settings.rollup_s.into());
        Self { client, look, grace_s: settings.seal_grace_s, metrics: metrics.clone() }
    }

    /// Goes on for ever, while `leads` is true.
    pub(crate) async fn run(self, leads: Arc<AtomicBool>) {
        loop {
            let started = Instant::now();
            let built = leads.load(Ordering::Relaxed) && self.build_next_and_tell().await;
            let pause = if built { started.elapsed() * REST } else { self.look };
            tokio::time::sleep(pause).await;
        }
    }

    async fn build_next_and_tell(&self) -> bool {
        let built = self.build_next().await;
        if let Err(error) = &built {
            self.metrics.rebuild_failures.inc();
            tracing::warn!(reason = summary(error), "roll-ups cannot be rebuilt now");
        }
        built.unwrap_or(false)
    }

    /// Builds the next hour. False if there is none.
    async fn build_next(&self) -> Result<bool, Error> {
        let due = format!(
            "SELECT toUnixTimestamp(hour), {NEWEST} FROM open_hours WHERE opened > built \
             AND hour + {HOUR} + {} <= now() \
             AND (built = 0 OR built_at <= now() - {REBUILD_SECONDS}) \
             ORDER BY built > 0, built_at, hour LIMIT 1",
            self.grace_s
        );
        let due = self.client.query_raw(&due).fetch_optional::<(u32, u64)>().await?;
        let Some((hour, version)) = due else {
            return Ok(false);
        };
        for slice in (hour..hour + HOUR).step_by(SLICE as usize) {
            self.build("cells_1m", "folded_partials", version, slice, SLICE).await?;
        }
        self.build("cells_1h", "folded_hours", version, hour, HOUR).await?;
        self.build("cells_1d", "folded_days", version, hour - hour % DAY, DAY).await?;
        let close = format!(
            "INSERT INTO rollup_hours (hour, built, built_at) \
             SELECT toDateTime({hour}, 'UTC'), {version}, now()"
        );
        self.client.query_raw(&close).execute().await?;
        self.metrics.rebuilt.inc();
        Ok(true)
    }

    async fn build(
        &self,
        into: &str,
        from: &str,
        version: u64,
        start: u32,
        seconds: u32,
    ) -> Result<(), Error> {
        let build = format!(
            "INSERT INTO {into} SELECT *, {version} FROM {from} WHERE \
             window_start >= toDateTime({start}) AND window_start < toDateTime({})",
            start + seconds
        );
        self.client.query_raw(&build).execute().await
    }
}
