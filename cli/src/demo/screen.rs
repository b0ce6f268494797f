//! Display of the demo: the league table, with the pipeline's health below it.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, TableComponent, presets};
use console::{Term, truncate_str};
use deploy::service::Service;
use service::harmless;
use stack::services::Metrics;
use stack::{Ended, Rank};

/// Interval of lines if there is no terminal.
const PRINT: Duration = Duration::from_secs(10);
const LONGEST_NAME: usize = 30;
const SHORTEST_NAME: usize = 10;
/// Columns of a row without the provider's name.
const BESIDE_NAME: usize = 71;
/// Lines beside the ranks: above and below them, and where the cursor stands.
const BESIDE_RANKS: usize = 10;

/// Explanation of the order of the table.
const ORDER: &str = "worst first: poor for sure is the 95 % lower limit; – has too few sessions";

/// The pipeline's health.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Health {
    /// Time since the start.
    pub(super) elapsed: Duration,
    /// Intervals sent by the simulator.
    pub(super) intervals_sent: u64,
    /// Intervals visible in cells.
    pub(super) intervals_seen: u64,
    /// Intervals per second that became visible in cells in the last seconds.
    pub(super) intervals_per_second: f64,
    /// Median and 99th percentile of the freshness, s.
    pub(super) freshness: Option<(f64, f64)>,
    /// Metrics of each service, if it answers, and its number of restarts.
    pub(super) services: Vec<(Service, Option<Metrics>, u32)>,
    /// Address of the page.
    pub(super) page: String,
}

/// The output of the demo.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    lines: usize,
    printed: Option<Instant>,
}

impl Screen {
    /// Returns standard output, terminal or not.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { terminal: stdout().is_terminal(), lines: 0, printed: None }
    }

    /// Prints processes that have exited, above the next table.
    pub(super) fn print_ended(&mut self, ended: &[Ended]) {
        if ended.is_empty() {
            return;
        }
        let mut out = stdout().lock();
        if self.terminal && self.lines > 0 {
            let _ = write!(out, "\x1b[{}A\x1b[J", self.lines);
        }
        self.lines = 0;
        for ended in ended {
            let _ = writeln!(out, "{}", harmless(&ended.to_string()));
        }
        let _ = out.flush();
    }

    /// Shows the present state in place of the previous one; without a terminal, prints it at
    /// intervals.
    pub(super) fn show(&mut self, league: &[Rank], health: &Health) {
        if !self.terminal && self.printed.is_some_and(|printed| printed.elapsed() < PRINT) {
            return;
        }
        self.printed = Some(Instant::now());
        let (rows, columns) = self.size();
        let text = picture(league, health, rows, columns);
        let mut out = stdout().lock();
        if self.terminal && self.lines > 0 {
            // Moves to the beginning of the last picture, and clears from there.
            let _ = write!(out, "\x1b[{}A\x1b[J", self.lines);
        }
        self.lines = text.lines().count();
        // A closed terminal is no reason to stop.
        let _ = write!(out, "{text}").and_then(|()| out.flush());
    }

    /// Returns the present numbers of rows and columns. Without a terminal they are unlimited.
    fn size(&self) -> (usize, usize) {
        if !self.terminal {
            return (usize::MAX, usize::MAX);
        }
        let (rows, columns) = Term::stdout().size();
        (rows.into(), columns.into())
    }
}

/// Returns the present state as text that fits the terminal. Otherwise the next picture would begin
/// at another place: the terminal wraps lines that are too long, and the cursor cannot move above
/// the first row.
fn picture(league: &[Rank], health: &Health, rows: usize, columns: usize) -> String {
    let shown = &league[..league.len().min(rows.saturating_sub(BESIDE_RANKS))];
    let text = format!("{}\n{ORDER}\n\n{}", table(shown, columns), status(health));
    text.lines().map(|line| truncate_str(line.trim_end(), columns, "…") + "\n").collect()
}

fn table(league: &[Rank], columns: usize) -> Table {
    let longest = columns.saturating_sub(BESIDE_NAME).clamp(SHORTEST_NAME, LONGEST_NAME);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header([
        "country", "provider", "sessions", "poor", "sure", "RTT p50", "p95", "loss", "MOS",
    ]);
    for rank in league {
        table.add_row([
            harmless(&rank.country).into_owned(),
            truncate_str(&harmless(&rank.organisation), longest, "").into_owned(),
            rank.sessions.to_string(),
            number(rank.poor_share * 100.0, 1, " %"),
            number(rank.poor_at_least * 100.0, 1, " %"),
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
    let services: Vec<_> = services.collect();
    let services: Vec<_> = services.chunks(2).map(|pair| pair.join("   ")).collect();
    format!(
        "{:.0} s   intervals: {} sent, {} in the cells, {:.0}/s\nfreshness: {freshness}\n{}\npage: {}",
        health.elapsed.as_secs_f64(),
        health.intervals_sent,
        health.intervals_seen,
        health.intervals_per_second,
        services.join("\n"),
        health.page,
    )
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;

    fn rank(organisation: &str) -> Rank {
        Rank {
            country: "DE".into(),
            organisation: organisation.into(),
            sessions: 1_234_567,
            poor_share: 0.0625,
            poor_at_least: 0.0425,
            round_trip_p50_ms: 41.6,
            round_trip_p95_ms: 1203.4,
            loss: 0.0123,
            audio_mos_p50: f64::NAN,
        }
    }

    #[test]
    fn names_of_others_do_nothing_in_the_table() {
        let hostile =
            ["\x1b[2J\x1b]0;owned\x07 Ltd", "a\u{9b}31m", "\u{202e}moc", "x\nDE  y", "a\tb"];
        for columns in [80, 200] {
            let league: Vec<_> = hostile.map(rank).into();
            let text = picture(&league, &Health::default(), usize::MAX, columns);
            assert_eq!(text, service::harmless_lines(&text), "a terminal obeys it");
            let ranks = text.lines().filter(|line| line.starts_with(" DE"));
            assert_eq!(ranks.count(), hostile.len(), "{text}");
        }
        let country = Rank { country: "\x1b[1m".into(), ..rank("x") };
        assert!(!picture(&[country], &Health::default(), 99, 99).contains('\x1b'));
    }

    fn health() -> Health {
        Health {
            elapsed: Duration::from_secs(3600),
            intervals_sent: 12_345_678,
            intervals_seen: 12_345_678,
            intervals_per_second: 12_345.6,
            freshness: Some((3.21, 65.4)),
            services: Service::ALL.map(|service| (service, None, 12)).into(),
            page: "http://127.0.0.1:21013/".to_owned(),
        }
    }

    #[test]
    fn the_screen_fits_80_columns_and_marks_missing_values() {
        let league = [
            rank("A provider with a name that is very long indeed GmbH & Co. KG"),
            rank("一家名字很长很长很长很长很长很长很长很长的网络服务提供商"),
        ];
        let text = picture(&league, &health(), 24, 80);
        assert!(text.lines().all(|line| measure_text_width(line) <= 80), "{text}");
        for expected in
            ["6.2 %", "42 ms", "1203 ms", "4.2 %", "1.23 %", "–", "65.4 s (99 %)", "sink"]
        {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        let text = picture(&league, &health(), 24, 20);
        assert!(text.lines().all(|line| measure_text_width(line) <= 20), "{text}");
    }

    #[test]
    fn a_picture_leaves_a_row_for_the_cursor() {
        let league = vec![rank("A provider"); 15];
        assert_eq!(picture(&league, &health(), usize::MAX, 80).lines().count(), 24);
        assert_eq!(picture(&league, &health(), 24, 80).lines().count(), 23);
        assert_eq!(picture(&league, &health(), 15, 80).lines().count(), 14);
    }
}
