//! Maintenance of the roll-ups.
//!
//! Every insert of partials opens its hours: from then on views read them from the partials. An hour
//! that is over is built into the roll-ups and closed. Correctness depends on increasing numbers in
//! `rollup_hours` and on no clock: a rebuild reads the greatest number, then the partials, then closes
//! the hour with that number. It has seen every insert that opened the hour with a number up to that,
//! because an insert takes its number after its rows are visible. Minutes of the overview and days of
//! sessions are kept in the same way, with `rollup_parts`.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        reason = "the part that rebuilds roll-ups from time to time"
    )
)]

mod minutes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;

use crate::metrics::Metrics;
use crate::retry::summary;
use crate::settings::SinkSettings;
use minutes::MinuteBuilder;

/// The rebuilder rests for a quarter of the time that a build took: roll-ups make reads cheap and must not
/// make inserts expensive.
const REST: u32 = 4;
/// Longest pause after a build. A build that is slow because of other queries must not stop the next ones
/// for long.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Shortest time between two rebuilds of an hour that late data opened again or that failed, s.
const REBUILD_SECONDS: u32 = 600;
const DAY: u32 = 86_400;
const HOUR: u32 = 3600;
/// Length of the part of an hour that is built at once if it is built alone, s: an aggregation frees memory only
/// at its end.
const SLICE: u32 = 600;
/// Most hours that are built together: small ones, for which the cost of a statement exceeds that of its rows.
const MOST_HOURS: usize = 24;
/// Time that hours which are built together should take.
const TOGETHER: Duration = Duration::from_secs(10);

/// Timeout of a query that returns a few rows.
const SHORT: Duration = Duration::from_secs(60);
/// Timeout of a rebuild: the user's limit of a statement is 600 s, after which the server has to answer.
const LONG: Duration = Duration::from_secs(660);

/// Memory from which the sessions of a day are sorted on disk, bytes.
const IN_MEMORY: &str = "268435456";

/// A part of time whose roll-ups are open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// An hour of cells, sessions and the overview.
    Hour,
    /// A minute of the overview.
    Minute,
    /// A day of cells, sessions and the overview.
    Day,
}

impl Part {
    /// Returns the table that says which are open.
    const fn table(self) -> &'static str {
        match self {
            Self::Hour => "rollup_hours",
            Self::Minute | Self::Day => "rollup_parts",
        }
    }

    /// Returns the columns of its identity, and their values for the starts `starts`.
    fn identity(self, starts: &[u32]) -> (&'static str, String) {
        let start = format!("toDateTime(arrayJoin({starts:?}::Array(UInt32)), 'UTC')");
        match self {
            Self::Hour => ("hour", start),
            Self::Minute => ("part, start", format!("'minute', {start}")),
            Self::Day => ("part, start", format!("'day', {start}")),
        }
    }

    /// Returns the expression of the greatest number so far.
    fn newest(self) -> String {
        let table = self.table();
        format!("assumeNotNull((SELECT max(greatest(opened, built)) FROM {table}))")
    }
}

/// Returns the number of hours to build together after `hours` took this long: as many as take [`TOGETHER`], but
/// at most twice as many as before.
fn next_hours(hours: usize, took: Duration) -> usize {
    let fitting = TOGETHER.as_millis() * hours as u128 / took.as_millis().max(1);
    usize::try_from(fitting).unwrap_or(MOST_HOURS).clamp(1, MOST_HOURS.min(2 * hours))
}

/// Returns the condition for times in the hours `hours`.
fn within_hours(column: &str, hours: &[u32]) -> String {
    let first = hours.iter().min().copied().unwrap_or(0);
    let end = hours.iter().max().map_or(0, |last| last + HOUR);
    let range = within_time(column, first, end - first);
    format!("{range} AND has({hours:?}::Array(UInt32), toUnixTimestamp(toStartOfHour({column})))")
}

/// Returns the pause after a build that took this long.
fn rest(took: Duration) -> Duration {
    (took / REST).min(LONGEST_REST)
}

/// Returns the answer, or an error after `limit`: a server may accept a request and never answer.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, answer).await.unwrap_or(Err(Error::TimedOut))
}

/// Opens `minutes`, then `hours`, then the days of these, each given by its start, in seconds since the
/// Unix epoch. The order matters: an hour is built from its minutes and a day from its hours, and who sees
/// that one is open must see the same of what it is built from.
///
/// # Errors
/// Errors of ClickHouse, and a timeout after a minute.
pub(crate) async fn open(client: &Client, minutes: &[u32], hours: &[u32]) -> Result<(), Error> {
    let days: BTreeSet<_> = hours.iter().map(|hour| hour - hour % DAY).collect();
    let days: Vec<_> = days.into_iter().collect();
    for (part, starts) in [(Part::Minute, minutes), (Part::Hour, hours), (Part::Day, &days)] {
        if starts.is_empty() {
            continue;
        }
        let ((columns, values), newest) = (part.identity(starts), part.newest());
        let table = part.table();
        let opening =
            format!("INSERT INTO {table} ({columns}, opened) SELECT {values}, {newest} + 1");
        within(SHORT, client.query_raw(&opening).execute()).await?;
    }
    Ok(())
}

/// Closes parts that were built with the number `version`.
async fn close(client: &Client, part: Part, starts: &[u32], version: u64) -> Result<(), Error> {
    let (table, (columns, values)) = (part.table(), part.identity(starts));
    let closing = format!(
        "INSERT INTO {table} ({columns}, built, built_at) SELECT {values}, {version}, now()"
    );
    within(SHORT, client.query_raw(&closing).execute()).await
}

/// Builds the rows of `from` that meet `condition` into the table `into`.
async fn build(
    client: &Client,
    into: &str,
    from: &str,
    version: u64,
    condition: &str,
) -> Result<(), Error> {
    let build = format!("INSERT INTO {into} SELECT *, {version} FROM {from} WHERE {condition}");
    within(LONG, client.query_raw(&build).execute()).await
}

/// Returns the condition for windows that start within `seconds` from `start` on.
fn within_time(column: &str, start: u32, seconds: u32) -> String {
    let end = start + seconds;
    format!("{column} >= toDateTime({start}, 'UTC') AND {column} < toDateTime({end}, 'UTC')")
}

/// Task that builds hours that are over and open.
pub(crate) struct Rebuilder {
    client: Client,
    look: Duration,
    grace_s: u32,
    metrics: Metrics,
    /// Number of hours of the next build: one after a failure, to find the hour that fails.
    together: usize,
    hours_aside: SetAside,
    days_aside: SetAside,
}

/// Parts that could not be built, each with the time of its next attempt. Others do not wait
/// for them.
#[derive(Default)]
struct SetAside(BTreeMap<u32, Instant>);

impl SetAside {
    fn add(&mut self, start: u32, now: Instant) {
        self.0.insert(start, now + Duration::from_secs(REBUILD_SECONDS.into()));
    }

    /// Returns those that are still set aside at `now`.
    fn starts(&mut self, now: Instant) -> Vec<u32> {
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
            .with_setting("max_bytes_before_external_group_by", IN_MEMORY)
            .with_setting("min_insert_block_size_rows", "8192");
        let look = Duration::from_secs(settings.rollup_s.into());
        let (grace_s, metrics) = (settings.seal_grace_s, metrics.clone());
        let (hours_aside, days_aside) = <(SetAside, SetAside)>::default();
        Self { client, look, grace_s, metrics, together: 1, hours_aside, days_aside }
    }

    /// Runs for ever; builds while `leads` is true.
    pub(crate) async fn run(mut self, leads: Arc<AtomicBool>) {
        loop {
            let started = Instant::now();
            let built = leads.load(Ordering::Relaxed) && self.build_next().await;
            let pause = if built { rest(started.elapsed()) } else { self.look };
            tokio::time::sleep(pause).await;
        }
    }

    /// Builds the next hours, or the next day if no hour is due. Returns false if there are none, or if they
    /// cannot be built now.
    async fn build_next(&mut self) -> bool {
        self.build_hours_due().await || self.build_day_due().await
    }

    async fn build_hours_due(&mut self) -> bool {
        let started = Instant::now();
        let (hours, built) = match self.due_hours().await {
            Ok(due) if due.is_empty() => return false,
            Ok(due) => {
                let version = due.iter().map(|(_, version)| *version).min().unwrap_or(0);
                let hours: Vec<_> = due.into_iter().map(|(hour, _)| hour).collect();
                let built = self.build_hours(&hours, version).await;
                (hours, built)
            }
            Err(error) => (Vec::new(), Err(error)),
        };
        match &built {
            Ok(()) => self.together = next_hours(hours.len(), started.elapsed()),
            Err(error) => {
                if let [hour] = hours[..] {
                    self.hours_aside.add(hour, Instant::now());
                }
                self.together = 1;
                self.failed(Part::Hour, &hours, error);
            }
        }
        built.is_ok()
    }

    async fn build_day_due(&mut self) -> bool {
        let (day, built) = match self.due_day().await {
            Ok(None) => return false,
            Ok(Some((day, version))) => (Some(day), self.build_day(day, version).await),
            Err(error) => (None, Err(error)),
        };
        if let Err(error) = &built {
            if let Some(day) = day {
                self.days_aside.add(day, Instant::now());
            }
            self.failed(Part::Day, day.as_slice(), error);
        }
        built.is_ok()
    }

    fn failed(&self, part: Part, starts: &[u32], error: &Error) {
        self.metrics.rebuild_failures.inc();
        tracing::warn!(?part, ?starts, reason = summary(error), "roll-ups cannot be rebuilt now");
    }

    /// Returns the starts of the hours to build next, each with the number to build it with: of those that are
    /// due, the newest and others of the day before it.
    async fn due_hours(&mut self) -> Result<Vec<(u32, u64)>, Error> {
        let (aside, newest) = (self.hours_aside.starts(Instant::now()), Part::Hour.newest());
        let due = format!(
            "SELECT toUnixTimestamp(hour), {newest} FROM open_hours WHERE opened > built \
             AND hour + {HOUR} + {} <= now() \
             AND (built = 0 OR built_at <= now() - {REBUILD_SECONDS}) \
             AND NOT has({aside:?}::Array(UInt32), toUnixTimestamp(hour)) \
             ORDER BY built > 0, built_at, hour DESC LIMIT {}",
            self.grace_s, self.together
        );
        let due = self.client.query_raw(&due).fetch_all::<(u32, u64)>();
        let mut due = within(SHORT, due).await?;
        if let Some((first, _)) = due.first().copied() {
            due.retain(|(hour, _)| hour.abs_diff(first) < DAY);
        }
        Ok(due)
    }

    /// Returns the same for days that are over, once all of their hours are built.
    async fn due_day(&mut self) -> Result<Option<(u32, u64)>, Error> {
        let (aside, newest) = (self.days_aside.starts(Instant::now()), Part::Day.newest());
        let due = format!(
            "SELECT toUnixTimestamp(start), {newest} FROM open_parts \
             WHERE part = 'day' AND opened > built AND start + {DAY} + {} <= now() \
             AND start NOT IN (SELECT toStartOfDay(hour) FROM open_hours WHERE opened > built) \
             AND NOT has({aside:?}::Array(UInt32), toUnixTimestamp(start)) \
             ORDER BY built > 0, built_at, start DESC LIMIT 1",
            self.grace_s
        );
        within(SHORT, self.client.query_raw(&due).fetch_optional::<(u32, u64)>()).await
    }

    async fn build_hours(&self, hours: &[u32], version: u64) -> Result<(), Error> {
        let client = &self.client;
        self.build_minutes_of(hours).await?;
        let slices = match hours {
            [hour] => (*hour..hour + HOUR)
                .step_by(SLICE as usize)
                .map(|slice| within_time("window_start", slice, SLICE))
                .collect(),
            _ => vec![within_hours("window_start", hours)],
        };
        for slice in slices {
            build(client, "cells_1m", "folded_partials", version, &slice).await?;
        }
        let of_hours = within_hours("window_start", hours);
        let sessions = within_hours("hour", hours);
        for (into, from, condition) in [
            ("cells_1h", "folded_hours", &of_hours),
            ("session_hours_1h", "folded_session_hours", &sessions),
            ("overview_1h", "folded_overview_hours", &of_hours),
        ] {
            build(client, into, from, version, condition).await?;
        }
        close(client, Part::Hour, hours, version).await?;
        self.metrics.rebuilt.inc_by(hours.len() as u64);
        Ok(())
    }

    /// Builds the minutes of hours that were never built. The overview of an hour is built from its minutes, and
    /// from the partials for those that are open, which takes many times as long.
    async fn build_minutes_of(&self, hours: &[u32]) -> Result<(), Error> {
        let (of_hours, newest) = (within_hours("start", hours), Part::Minute.newest());
        let open = format!(
            "SELECT toUnixTimestamp(start), {newest} FROM open_parts \
             WHERE part = 'minute' AND opened > built AND built = 0 AND {of_hours}"
        );
        let due = within(SHORT, self.client.query_raw(&open).fetch_all()).await?;
        minutes::build_all(&self.client, &due, &self.metrics).await
    }

    async fn build_day(&self, day: u32, version: u64) -> Result<(), Error> {
        let client = &self.client;
        let of_day = within_time("window_start", day, DAY);
        let date = format!("day = toDate(toDateTime({day}, 'UTC'))");
        build(client, "cells_1d", "folded_days", version, &of_day).await?;
        build(client, "session_days_1d", "folded_session_days", version, &date).await?;
        build(client, "overview_1d", "folded_overview_days", version, &of_day).await?;
        close(client, Part::Day, &[day], version).await
    }

    /// Returns the task that keeps the minutes of the overview.
    pub(crate) fn minutes(&self) -> MinuteBuilder {
        MinuteBuilder::new(self.client.clone(), self.metrics.clone())
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
        assert!(set_aside.starts(start).is_empty());
        set_aside.add(7200, start);
        set_aside.add(3600, minutes(4));
        assert_eq!(set_aside.starts(minutes(9)), [3600, 7200]);
        assert_eq!(set_aside.starts(minutes(11)), [3600]);
        set_aside.add(3600, minutes(12));
        assert_eq!(set_aside.starts(minutes(21)), [3600], "it failed again");
        assert!(set_aside.starts(minutes(22)).is_empty());
    }

    #[test]
    fn a_slow_build_delays_the_next_one_by_seconds_only() {
        assert_eq!(rest(Duration::from_secs(2)), Duration::from_millis(500));
        assert_eq!(rest(Duration::from_secs(100)), LONGEST_REST);
    }

    #[test]
    fn small_hours_are_built_together_and_large_ones_alone() {
        let seconds = Duration::from_secs;
        assert_eq!(next_hours(1, seconds(1)), 2, "at most twice as many");
        assert_eq!(next_hours(8, seconds(4)), 16);
        assert_eq!(next_hours(16, seconds(40)), 4);
        assert_eq!(next_hours(24, seconds(1)), MOST_HOURS);
        assert_eq!((next_hours(4, seconds(900)), next_hours(1, Duration::ZERO)), (1, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_accepts_a_request_and_hangs_times_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::default().with_url(url);
        assert!(matches!(open(&client, &[], &[3600]).await, Err(Error::TimedOut)));
    }
}
