//! `isobar simulate`: sends the events of a simulated world to the raw topic.

mod history;

use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use deploy::connect::{Cluster, KafkaArgs};
use deploy::failure::{Context, Failure};
use deploy::names::RawTopic;
use deploy::running::Running;
use jiff::Timestamp;
use stack::options::World;
use stack::signals;
use world::producer::{self, Progress, Report};
use world::world::history::History;

use crate::output::line;
use history::Counting;

/// `isobar simulate`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    world: World,
    #[command(flatten)]
    own: KafkaArgs,
    #[command(flatten)]
    raw: RawTopic,
    /// Writes the truth about every event, for `isobar verify`.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Writes the progress five times per second, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,
    /// As fast as Kafka accepts it, instead of in real time; needs --duration.
    #[arg(long)]
    fast: bool,
    /// When the world starts, within the last --late-h hours (67 h with --truth):
    /// 2026-11-22T10:00:00Z, or seconds since 1970; by default now, or with --fast such that it ends
    /// now.
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    start: Option<i64>,
    /// `ingest.late_h` of the services that read it, hours; by default that of `isobar up`, or 72.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=87_600))]
    late_h: Option<u32>,
    /// So many days of calls up to now, with days and nights, sent as fast as the pipeline takes them.
    ///
    /// A session lasts 5 minutes on average and reports every 15 s. Needs `isobar up`, or a --late-h of more
    /// hours than that.
    #[arg(
        long,
        value_parser = clap::value_parser!(u32).range(1..=365),
        conflicts_with_all = ["sessions", "rate", "duration", "start", "fast"]
    )]
    days: Option<u32>,
    /// With --days: sessions that begin in an hour, on average.
    #[arg(long, value_name = "SESSIONS", default_value_t = 300, requires = "days",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    hourly: u32,
}

/// Hours within which events are not late (`ingest.late_h`), unless it is known otherwise.
const LATE_H: u32 = 72;

impl Options {
    fn history(&self) -> Option<History> {
        self.days.map(|days| History { days, hourly: self.hourly })
    }

    fn producer(self, cluster: Cluster) -> producer::Options {
        let history = self.history();
        let Self { world, raw, truth, progress, fast, start, late_h, .. } = self;
        let topic = raw.over(cluster.names).topics.raw;
        producer::Options {
            brokers: cluster.brokers,
            kafka: cluster.options,
            topic,
            seed: world.seed,
            sessions: world.sessions,
            rate: world.rate,
            duration: world.duration,
            scenario: world.scenario,
            start_us: start,
            late_h: late_h.unwrap_or(LATE_H),
            fast,
            history,
            truth,
            progress,
            ..producer::Options::default()
        }
    }
}

/// Plays the world until it ends or is ended.
///
/// # Errors
/// If there is no Kafka, the options are invalid, or Kafka cannot keep up.
pub async fn run(options: Options) -> Result<(), Failure> {
    let cluster = options.own.or_of_up()?;
    // Without an `up` its topics are unknown.
    let up = options.own.cluster()?.is_none().then(Running::find).transpose()?;
    let late_h = options.late_h.or_else(|| up.as_ref()?.late_h);
    let counting = match (&up, options.days) {
        (Some(up), Some(_)) => Some(Counting::start(&up.clickhouse).await?),
        _ => None,
    };
    let mut options = Options { late_h, ..options }.producer(cluster);
    options.counted = counting.as_ref().map(|counting| Arc::clone(&counting.records));
    let history = options.history;
    let began = Instant::now();
    let report = play(options).await?;
    let Some(history) = history else {
        return line(format_args!(
            "{} events with {} intervals in {:.1} s",
            report.records,
            report.intervals,
            report.took.as_secs_f64()
        ));
    };
    if let Some(counting) = counting {
        let mut shown = Shown::new(None);
        let show = |counted| {
            shown.print(&history::counting_in_words(&report, counted, began.elapsed()));
        };
        tokio::select! {
            counted = counting.wait(&report, show) => counted?,
            ended = signals::wait_for_signal() => ended?,
        }
    }
    history::print(history, &report, began.elapsed())
}

/// Plays the world, with its progress on standard output.
async fn play(options: producer::Options) -> Result<Report, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let counted = options.counted.clone();
    let mut shown = Shown::new(options.history.map(|history| (history, counted)));
    let mut play = tokio::task::spawn_blocking(move || {
        producer::run(&options, &stopped, |progress| shown.show(progress))
    });
    let played = tokio::select! {
        played = &mut play => played,
        ended = signals::wait_for_signal() => {
            ended?;
            stop.store(true, Ordering::Relaxed);
            play.await
        }
    };
    played.context("simulate")?.context("simulate")
}

/// Display of the progress on standard output: in one line that is overwritten in a terminal,
/// otherwise in a new line at intervals.
struct Shown {
    terminal: bool,
    started: Instant,
    last: Option<Instant>,
    /// Of a history, with the number of records that are counted.
    history: Option<(History, Option<Arc<AtomicU64>>)>,
}

impl Shown {
    fn new(history: Option<(History, Option<Arc<AtomicU64>>)>) -> Self {
        Self { terminal: stdout().is_terminal(), started: Instant::now(), last: None, history }
    }

    fn show(&mut self, progress: &Progress) {
        let elapsed = self.started.elapsed();
        let words = match &self.history {
            None => in_words(progress, elapsed),
            Some((history, counted)) => {
                let counted = counted.as_ref().map(|counted| counted.load(Ordering::Relaxed));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                history::in_words(*history, progress, counted, elapsed, now.as_micros() as i64)
            }
        };
        self.print(&words);
    }

    fn print(&mut self, words: &str) {
        let pause = if self.terminal { Duration::from_secs(1) } else { Duration::from_secs(10) };
        if self.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        self.last = Some(Instant::now());
        let mut out = stdout().lock();
        // A closed pipe is no reason to stop.
        let _ = match self.terminal {
            true => write!(out, "\r\x1b[K{words}").and_then(|()| out.flush()),
            false => writeln!(out, "{words}"),
        };
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.terminal && self.last.is_some() {
            let _ = writeln!(stdout().lock());
        }
    }
}

fn in_words(progress: &Progress, elapsed: Duration) -> String {
    let Progress { records_sent, intervals_sent, intervals_acknowledged, .. } = progress;
    format!(
        "{:.0} s: {records_sent} events with {intervals_sent} intervals sent, \
         {intervals_acknowledged} acknowledged",
        elapsed.as_secs_f64()
    )
}

#[derive(Debug, thiserror::Error)]
#[error("give a time such as 2026-11-22T10:00:00Z, or seconds since 1970")]
struct TimeError;

/// Reads a time as in RFC 3339, or in seconds since 1970; µs since then.
fn time_us(text: &str) -> Result<i64, TimeError> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_microsecond());
    }
    let us = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000_000));
    us.ok_or(TimeError)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Simulate {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_world_starts_at_the_given_time() {
        let start_us = |args: &[&str]| {
            let args = ["simulate", "--kafka=a:1"].iter().chain(args);
            Simulate::try_parse_from(args).unwrap().options.producer(Cluster::at("a:1")).start_us
        };
        assert_eq!(start_us(&[]), None);
        for args in ["--start=1756000000", "--start=2025-08-24T01:46:40Z"] {
            assert_eq!(start_us(&[args]), Some(1_756_000_000_000_000), "{args}");
        }
        assert!(time_us("yesterday").is_err() && time_us("9223372036854775807").is_err());
    }

    #[test]
    fn progress_shows_sent_and_acknowledged_events() {
        let progress = Progress {
            records_sent: 250,
            intervals_sent: 1_000,
            intervals_acknowledged: 980,
            ..Progress::default()
        };
        assert_eq!(
            in_words(&progress, Duration::from_millis(9_600)),
            "10 s: 250 events with 1000 intervals sent, 980 acknowledged"
        );
    }
}
