//! Maintenance of the roll-ups.
//!
//! Every insert of partials opens its hours: from then on views read them from the partials. An hour
//! that is over is built into the roll-ups and closed. Correctness depends on increasing numbers in
//! `rollup_hours` and on no clock: a rebuild reads the greatest number, then the partials, then closes
//! the hour with that number. It has seen every insert that opened the hour with a number up to that,
//! because an insert takes its number after its rows are visible.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        reason = "the part that rebuilds roll-ups from time to time"
    )
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;

use crate::metrics::Metrics;
use crate::retry::summary;
use crate::settings::SinkSettings;

/// Multiple of the time that an hour took to build for which the rebuilder then rests: roll-ups make
/// reads cheap and must not make inserts expensive.
const REST: u32 = 3;
/// Shortest time between two rebuilds of an hour that late data opened again or that failed, s.
const REBUILD_SECONDS: u32 = 600;
const DAY: u32 = 86_400;
const HOUR: u32 = 3600;
/// Length of the part of an hour that is built at once, s: an aggregation frees memory only at its end.
const SLICE: u32 = 600;

/// Timeout of a query that returns a few rows.
const SHORT: Duration = Duration::from_secs(60);
/// Timeout of a rebuild: the user's limit of a statement is 600 s, after which the server has to answer.
const LONG: Duration = Duration::from_secs(660);

const NEWEST: &str = "assumeNotNull((SELECT max(greatest(opened, built)) FROM rollup_hours))";

/// Returns the answer, or an error after `limit`: a server may accept a request and never answer.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, answer).await.unwrap_or(Err(Error::TimedOut))
}

/// Opens `hours`, each given by its start, in seconds since the Unix epoch.
///
/// # Errors
/// Errors of ClickHouse, and a timeout after a minute.
pub(crate) async fn open(client: &Client, hours: &[u32]) -> Result<(), Error> {
    if hours.is_empty() {
        return Ok(());
    }
    let opening = format!(
        "INSERT INTO rollup_hours (hour, opened) \
         SELECT toDateTime(arrayJoin({hours:?}), 'UTC'), {NEWEST} + 1"
    );
    within(SHORT, client.query_raw(&opening).execute()).await
}

/// Task that builds hours that are over and open.
pub(crate) struct Rebuilder {
    client: Client,
    look: Duration,
    grace_s: u32,
    metrics: Metrics,
    set_aside: SetAside,
}

/// Hours that could not be built, each with the time of its next attempt. Other hours do not wait for
/// them.
#[derive(Default)]
struct SetAside(BTreeMap<u32, Instant>);

impl SetAside {
    fn add(&mut self, hour: u32, now: Instant) {
        self.0.insert(hour, now + Duration::from_secs(REBUILD_SECONDS.into()));
    }

    /// Returns the hours that are still set aside at `now`.
    fn hours(&mut self, now: Instant) -> Vec<u32> {
        self.0.retain(|_, until| *until > now);
        self.0.keys().copied().collect()
    }
}

impl Rebuilder {
    pub(crate) fn new(client: Client, settings: &SinkSettings, metrics: &Metrics) -> Self {
        // One thread of low priority, because no request waits for it. Rows come in the order of
        // the key, so only a few cells are open at a time, and blocks are short because a sketch in
        // memory is long.
        let client = client
            .with_setting("max_threads", "1")
            .with_setting("optimize_aggregation_in_order", "1")
            .with_setting("os_threads_nice_value_query", "10")
            .with_setting("max_block_size", "1024")
            .with_setting("min_insert_block_size_rows", "8192");
        let look = Duration::from_secs(settings.rollup_s.into());
        let (grace_s, set_aside) = (settings.seal_grace_s, SetAside::default());
        Self { client, look, grace_s, metrics: metrics.clone(), set_aside }
    }

    /// Runs for ever; builds while `leads` is true.
    pub(crate) async fn run(mut self, leads: Arc<AtomicBool>) {
        loop {
            let started = Instant::now();
            let built = leads.load(Ordering::Relaxed) && self.build_next().await;
            let pause = if built { started.elapsed() * REST } else { self.look };
            tokio::time::sleep(pause).await;
        }
    }

    /// Builds the next hour. Returns false if there is none, or if it cannot be built now.
    async fn build_next(&mut self) -> bool {
        let (hour, built) = match self.due().await {
            Ok(None) => return false,
            Ok(Some((hour, version))) => (Some(hour), self.build_hour(hour, version).await),
            Err(error) => (None, Err(error)),
        };
        if let Err(error) = &built {
            if let Some(hour) = hour {
                self.set_aside.add(hour, Instant::now());
            }
            self.metrics.rebuild_failures.inc();
            tracing::warn!(hour, reason = summary(error), "roll-ups cannot be rebuilt now");
        }
        built.is_ok()
    }

    /// Returns the start of the hour to build next, and the number to build it with.
    async fn due(&mut self) -> Result<Option<(u32, u64)>, Error> {
        let set_aside = self.set_aside.hours(Instant::now());
        let due = format!(
            "SELECT toUnixTimestamp(hour), {NEWEST} FROM open_hours WHERE opened > built \
             AND hour + {HOUR} + {} <= now() \
             AND (built = 0 OR built_at <= now() - {REBUILD_SECONDS}) \
             AND NOT has({set_aside:?}::Array(UInt32), toUnixTimestamp(hour)) \
             ORDER BY built > 0, built_at, hour LIMIT 1",
            self.grace_s
        );
        within(SHORT, self.client.query_raw(&due).fetch_optional::<(u32, u64)>()).await
    }

    async fn build_hour(&self, hour: u32, version: u64) -> Result<(), Error> {
        for slice in (hour..hour + HOUR).step_by(SLICE as usize) {
            self.build("cells_1m", "folded_partials", version, slice, SLICE).await?;
        }
        self.build("cells_1h", "folded_hours", version, hour, HOUR).await?;
        self.build("cells_1d", "folded_days", version, hour - hour % DAY, DAY).await?;
        let close = format!(
            "INSERT INTO rollup_hours (hour, built, built_at) \
             SELECT toDateTime({hour}, 'UTC'), {version}, now()"
        );
        within(SHORT, self.client.query_raw(&close).execute()).await?;
        self.metrics.rebuilt.inc();
        Ok(())
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
        within(LONG, self.client.query_raw(&build).execute()).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_hour_that_failed_is_left_out_for_some_minutes_and_others_are_not() {
        let start = Instant::now();
        let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let mut set_aside = SetAside::default();
        assert!(set_aside.hours(start).is_empty());
        set_aside.add(7200, start);
        set_aside.add(3600, minutes(4));
        assert_eq!(set_aside.hours(minutes(9)), [3600, 7200]);
        assert_eq!(set_aside.hours(minutes(11)), [3600]);
        set_aside.add(3600, minutes(12));
        assert_eq!(set_aside.hours(minutes(21)), [3600], "it failed again");
        assert!(set_aside.hours(minutes(22)).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_accepts_a_request_and_hangs_times_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::default().with_url(url);
        assert!(matches!(open(&client, &[3600]).await, Err(Error::TimedOut)));
    }
}
