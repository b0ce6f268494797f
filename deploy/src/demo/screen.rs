//! The demo in the terminal: the league table, with the pipeline's health under it.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, TableComponent, presets};

use super::view::Rank;
use crate::services::{Metrics, Service};

/// How often lines are printed where they cannot be overwritten.
const PRINT: Duration = Duration::from_secs(10);
const LONGEST_NAME: usize = 30;

/// The pipeline's health.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Health {
    /// Time since the start.
    pub(super) elapsed: Duration,
    /// Sent by the simulator.
    pub(super) intervals_sent: u64,
    /// Visible in cells.
    pub(super) intervals_seen: u64,
    /// Visible in cells, each second of late.
    pub(super) intervals_per_second: f64,
    /// Median and 99th percentile, s.
    pub(super) freshness: Option<(f64, f64)>,
    /// By service: what it counts, if it answers, and how often it was started again.
    pub(super) services: Vec<(Service, Option<Metrics>, u32)>,
}

/// Where the demo is shown.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    lines: usize,
    printed: Option<Instant>,
}

impl Screen {
    /// Standard output, whatever it is.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { terminal: stdout().is_terminal(), lines: 0, printed: None }
    }

    /// Shows the present state in place of the last; now and then if there is no terminal.
    pub(super) fn show(&mut self, league: &[Rank], health: &Health) {
        if !self.terminal && self.printed.is_some_and(|printed| printed.elapsed() < PRINT) {
            return;
        }
        self.printed = Some(Instant::now());
        let text = format!("{}\n\n{}\n", table(league), status(health));
        let mut out = stdout().lock();
        if self.terminal && self.lines > 0 {
            // Up to where the last picture began, and clear from there.
            let _ = write!(out, "\x1b[{}A\x1b[J", self.lines);
        }
        self.lines = text.lines().count();
        // A terminal that is gone is no reason to stop.
        let _ = write!(out, "{text}").and_then(|()| out.flush());
    }
}

fn table(league: &[Rank]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(["country", "provider", "sessions", "poor", "RTT p50", "p95", "loss", "MOS"]);
    for rank in league {
        table.add_row([
            rank.country.clone(),
            rank.organisation.chars().take(LONGEST_NAME).collect(),
            rank.sessions.to_string(),
            number(rank.poor_share * 100.0, 1, " %"),
            number(rank.round_trip_p50_ms, 0, " ms"),
            number(rank.round_trip_p95_ms, 0, " ms"),
            number(rank.loss * 100.0, 2, " %"),
            number(rank.audio_mos_p50, 2, ""),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn number(value: f64, decimals: usize, unit: &str) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{value:.decimals$}{unit}") }
}

fn status(health: &Health) -> String {
    let freshness = health
        .freshness
        .map_or("–".to_owned(), |(p50, p99)| format!("{p50:.1} s (median), {p99:.1} s (99 %)"));
    let services = health.services.iter().map(|(service, metrics, restarts)| {
        let lag = |metrics: &Metrics| match metrics.sum("isobar_consumer_lag_records") {
            Some(lag) => format!("{lag:.0} behind"),
            None => "starting".to_owned(),
        };
        let lag = metrics.as_ref().map_or("does not answer".to_owned(), lag);
        let again = if *restarts > 0 { format!(", restarted {restarts}×") } else { String::new() };
        format!("{} {lag}{again}", service.name())
    });
    format!(
        "{:.0} s   intervals: {} sent, {} in the cells, {:.0}/s   freshness: {freshness}\n{}",
        health.elapsed.as_secs_f64(),
        health.intervals_sent,
        health.intervals_seen,
        health.intervals_per_second,
        services.collect::<Vec<_>>().join("   "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_a_terminal_of_100_columns_and_shows_what_is_missing_as_missing() {
        let rank = Rank {
            country: "DE".into(),
            organisation: "A provider with a name that is very long indeed GmbH & Co. KG".into(),
            sessions: 1_234_567,
            poor_share: 0.0625,
            round_trip_p50_ms: 41.6,
            round_trip_p95_ms: 1203.4,
            loss: 0.0123,
            audio_mos_p50: f64::NAN,
        };
        let text = table(&[rank]).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        for expected in ["6.2 %", "42 ms", "1203 ms", "1.23 %", "–"] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
