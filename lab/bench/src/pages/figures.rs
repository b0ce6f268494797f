//! Figures of `bench --pages`, as a table and as JSON.

use std::fmt;

use comfy_table::{Table, presets};
use serde::Serialize;
use stack::{Quantiles, rounded};

use super::reading::Opened;
use super::requests::{Range, View};
use super::seed::Size;
use crate::report::Machine;

/// Time within which 95 of 100 first views of the last hour are to be complete, s.
const HOUR_S: f64 = 0.3;
/// The same for 30 days.
const MONTH_S: f64 = 1.0;
/// The same for views that need the full cube, of any range.
const CUBE_S: f64 = 5.0;
/// Most that ten readers are to raise the 99th percentile of freshness by, as a ratio.
const FRESHNESS_RATIO: f64 = 1.2;

/// Figures of `bench --pages`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pages {
    pub(crate) machine: Machine,
    pub(crate) asked: Size,
    pub(crate) seeded: Size,
    /// Time that seeding took, s.
    pub(crate) seed_seconds: f64,
    /// Size of the seeded tables on the disk, MB (2²⁰ bytes), and their rows.
    pub(crate) disk_mb: f64,
    pub(crate) rows: u64,
    pub(crate) views: Vec<Timed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) readers: Option<Readers>,
}

/// Times of one view of one range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Timed {
    pub(crate) view: String,
    pub(crate) range: &'static str,
    pub(crate) runs: usize,
    pub(crate) p50_seconds: f64,
    pub(crate) p95_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_met: Option<bool>,
    /// Answers that were refused or had no figures.
    pub(crate) failed: Vec<String>,
    /// The slowest request of all runs.
    pub(crate) slowest: String,
}

impl Timed {
    /// Returns the quantiles of the times of `runs` of a view.
    pub(crate) fn of(view: View, range: Range, runs: Vec<Opened>) -> Self {
        let mut seconds: Vec<_> = runs.iter().map(|run| run.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let (p50, p95) = (quantile(&seconds, 0.5), quantile(&seconds, 0.95));
        let slowest =
            runs.iter().map(|run| &run.slowest).max_by(|one, other| one.1.total_cmp(&other.1));
        let slowest = slowest.map(|(path, _)| path.clone()).unwrap_or_default();
        let failed: Vec<_> = runs.iter().flat_map(|run| run.failed.clone()).collect();
        let target = target(view, range);
        Self {
            view: view.to_string(),
            range: range.name(),
            runs: runs.len(),
            p50_seconds: rounded(p50),
            p95_seconds: rounded(p95),
            target_seconds: target,
            target_met: target.map(|target| p95 < target && failed.is_empty()),
            failed,
            slowest,
        }
    }
}

fn target(view: View, range: Range) -> Option<f64> {
    match range {
        _ if View::OF_CUBE.contains(&view) => Some(CUBE_S),
        Range::Hour => Some(HOUR_S),
        Range::Month => Some(MONTH_S),
        Range::Day | Range::Week => None,
    }
}

/// Returns the smallest value that a share of the sorted values does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Freshness with and without readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Readers {
    pub(crate) readers: usize,
    pub(crate) intervals_per_second: f64,
    pub(crate) pages_opened: usize,
    pub(crate) pages_failed: usize,
    /// Time from sending to visibility, s.
    pub(crate) freshness_seconds_without: Quantiles,
    pub(crate) freshness_seconds_with: Quantiles,
    /// Ratio of the 99th percentiles; at most 1.2 is the target.
    pub(crate) p99_ratio: Option<f64>,
    pub(crate) target_met: Option<bool>,
}

impl Readers {
    /// Sets the ratio, and whether it meets the target.
    pub(crate) fn compare(&mut self) {
        let (with, without) = (self.freshness_seconds_with.p99, self.freshness_seconds_without.p99);
        let ratio = with.zip(without).map(|(with, without)| with / without);
        self.p99_ratio = ratio.map(rounded);
        self.target_met = ratio.map(|ratio| ratio <= FRESHNESS_RATIO);
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, memory_mb } = &self.machine;
        writeln!(f, "{processor}, {cores} cores, {memory_mb} MB; Kafka and ClickHouse included")?;
        let Size { cells_per_minute, days, minute_hours, sessions } = self.seeded;
        writeln!(
            f,
            "{cells_per_minute} cells a minute over {days} days (hours and days of cells; minutes of the last \
             {minute_hours} h), {sessions} sessions: {} rows, {:.0} MB, seeded in {:.0} s",
            self.rows, self.disk_mb, self.seed_seconds
        )?;
        if self.asked != self.seeded {
            let Size { cells_per_minute, minute_hours, sessions, .. } = self.asked;
            writeln!(
                f,
                "scaled down to the free disk from {cells_per_minute} cells a minute, minutes of {minute_hours} h, \
                 {sessions} sessions"
            )?;
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header([
            "first view",
            "range",
            "runs",
            "p50 s",
            "p95 s",
            "target s",
            "",
            "failed answers",
        ]);
        for timed in &self.views {
            table.add_row([
                timed.view.clone(),
                timed.range.to_owned(),
                timed.runs.to_string(),
                format!("{:.2}", timed.p50_seconds),
                format!("{:.2}", timed.p95_seconds),
                timed.target_seconds.map_or("-".to_owned(), |target| target.to_string()),
                met(timed.target_met).to_owned(),
                timed.failed.len().to_string(),
            ]);
        }
        writeln!(f, "{table}")?;
        for failed in self.views.iter().filter_map(|timed| timed.failed.first()) {
            writeln!(f, "failed: {failed}")?;
        }
        writeln!(f, "answers are not reused (dashboard.reuse_s = 0)")?;
        self.readers.as_ref().map_or(Ok(()), |readers| readers.fmt(f))
    }
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |s| format!("{s:.1} s"));
        writeln!(
            f,
            "{} readers at {} intervals/s opened {} pages, {} of them with a failed answer; sent to visible p99 {} \
             with them, {} without: ratio {} (target {FRESHNESS_RATIO}: {})",
            self.readers,
            self.intervals_per_second,
            self.pages_opened,
            self.pages_failed,
            seconds(self.freshness_seconds_with.p99),
            seconds(self.freshness_seconds_without.p99),
            self.p99_ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            met(self.target_met)
        )
    }
}

const fn met(target: Option<bool>) -> &'static str {
    match target {
        Some(true) => "met",
        Some(false) => "not met",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_answer_misses_the_target() {
        let opened = |seconds, failed: &[&str]| Opened {
            seconds,
            failed: failed.iter().map(ToString::to_string).collect(),
            slowest: ("a".to_owned(), seconds),
        };
        let timed = |runs| Timed::of(View::Now, Range::Hour, runs);
        let fast = timed(vec![opened(0.1, &[]), opened(0.2, &[])]);
        assert_eq!((fast.p50_seconds, fast.p95_seconds, fast.target_met), (0.1, 0.2, Some(true)));
        assert_eq!(timed(vec![opened(0.1, &["503: x"])]).target_met, Some(false));
        assert_eq!(timed(vec![opened(0.4, &[])]).target_met, Some(false));
    }
}
