//! `isobar simulate --days`: what the pipeline has counted of a history, and how long it still takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deploy::access::Access;
use deploy::failure::Failure;
use stack::View;
use tokio::task::JoinHandle;
use world::producer::{Progress, Report};
use world::world::history::History;

use crate::output::line;

const LOOK: Duration = Duration::from_secs(1);
/// Time without news after which the pipeline is no longer waited for.
const STALLED: Duration = Duration::from_secs(330);
const DAY_US: f64 = 86_400e6;

/// The records of a history that the pipeline has counted.
pub(super) struct Counting {
    pub(super) records: Arc<AtomicU64>,
    looks: JoinHandle<()>,
}

impl Counting {
    /// Begins to look at what is counted from now on.
    ///
    /// # Errors
    /// If ClickHouse does not answer.
    pub(super) async fn start(access: &Access) -> Result<Self, Failure> {
        let view = View::of(access);
        let before = view.raw_records().await?;
        let records = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&records);
        let looks = tokio::spawn(async move {
            loop {
                // A ClickHouse that is busy or restarts answers later.
                if let Ok(now) = view.raw_records().await {
                    counted.store(now.saturating_sub(before), Ordering::Relaxed);
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Ok(Self { records, looks })
    }

    /// Waits until everything that was sent is counted. Calls `show` with the number of counted records.
    ///
    /// # Errors
    /// If the pipeline does not move for minutes.
    pub(super) async fn wait(
        &self,
        report: &Report,
        mut show: impl FnMut(u64),
    ) -> Result<(), Failure> {
        let mut last = (0, Instant::now());
        loop {
            let counted = self.records.load(Ordering::Relaxed);
            if counted >= report.records {
                return Ok(());
            }
            if counted > last.0 {
                last = (counted, Instant::now());
            }
            if last.1.elapsed() > STALLED {
                return Err(Failure::Refused(format!(
                    "the pipeline has counted {counted} of {} events, and none for {} s: see the logs \
                     of `isobar up`",
                    report.records,
                    STALLED.as_secs()
                )));
            }
            show(counted);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.looks.abort();
    }
}

/// Progress of a history that is being sent, after `elapsed`. `ends_us` is the time now, up to which it goes.
pub(super) fn in_words(
    history: History,
    progress: &Progress,
    counted: Option<u64>,
    elapsed: Duration,
    ends_us: i64,
) -> String {
    let left_us = (ends_us - progress.at_us).max(0) as f64;
    let days = (f64::from(history.days) - left_us / DAY_US).max(0.0);
    // What is sent waits for what counts it.
    let sent = progress.records_sent.max(1) as f64;
    let done =
        days / f64::from(history.days) * counted.map_or(1.0, |counted| counted as f64 / sent);
    let mut words = format!(
        "{}: day {days:.1} of {}, {} sessions, {} events sent",
        clock(elapsed),
        history.days,
        progress.sessions,
        progress.records_sent
    );
    if let Some(counted) = counted {
        words += &format!(", {counted} counted");
    }
    words + &left(done, elapsed)
}

/// Estimates the time left if `done` of the whole has taken `elapsed`; none while the estimate is unreliable.
fn left(done: f64, elapsed: Duration) -> String {
    if done < 0.003 {
        return String::new();
    }
    format!("; about {} left", clock(elapsed.mul_f64((1.0 / done - 1.0).max(0.0))))
}

/// Progress after everything was sent.
pub(super) fn counting_in_words(report: &Report, counted: u64, elapsed: Duration) -> String {
    let done = counted as f64 / report.records.max(1) as f64;
    format!(
        "{}: all sent; {counted} of {} events counted{}",
        clock(elapsed),
        report.records,
        left(done, elapsed)
    )
}

/// Prints the result.
///
/// # Errors
/// If standard output cannot be written.
pub(super) fn print(history: History, report: &Report, took: Duration) -> Result<(), Failure> {
    let Report { sessions, records, intervals, .. } = report;
    line(format_args!(
        "{} days: {sessions} sessions, {records} events with {intervals} intervals in {}",
        history.days,
        clock(took)
    ))
}

/// A duration as minutes and seconds.
fn clock(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_shows_days_sessions_and_the_time_left() {
        let history = History { days: 30, hourly: 300 };
        let ends_us = 1_756_000_000_000_000;
        let at = |days: f64| Progress {
            at_us: ends_us - (days * DAY_US) as i64,
            sessions: 72_000,
            records_sent: 1_500_000,
            ..Progress::default()
        };
        let elapsed = Duration::from_secs(200);
        assert_eq!(
            in_words(history, &at(20.0), Some(750_000), elapsed, ends_us),
            "3 min 20 s: day 10.0 of 30, 72000 sessions, 1500000 events sent, 750000 counted; about \
             16 min 40 s left",
            "a sixth is counted"
        );
        assert_eq!(
            in_words(history, &at(30.0), None, Duration::from_secs(2), ends_us),
            "2 s: day 0.0 of 30, 72000 sessions, 1500000 events sent"
        );
    }
}
