//! The figures of a bench, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::demo::{Quantiles, rounded};
use crate::services::{Service, Usage};

/// What the figures were measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Processor, as the kernel names it.
    pub processor: String,
    /// Processors to run on.
    pub cores: usize,
    /// Memory, MB (2²⁰ bytes).
    pub memory_mb: u64,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let memory_kb = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
        Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: memory_kb / 1024,
        }
    }
}

/// One run of the services.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Intervals that arrived.
    pub intervals: u64,
    /// From the services' start (or the first interval sent) to the last row visible, s.
    pub seconds: f64,
    /// Intervals over seconds.
    pub intervals_per_second: f64,
    /// By service.
    pub cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    /// By service: most resident memory, MB (2²⁰ bytes).
    pub max_rss_mb: BTreeMap<&'static str, f64>,
}

impl Run {
    pub(super) fn new(intervals: u64, took: Duration, usage: &[(Service, Usage)]) -> Self {
        let seconds = took.as_secs_f64();
        let millions = intervals.max(1) as f64 / 1e6;
        let by_service = |figure: &dyn Fn(&Usage) -> f64| {
            usage.iter().map(|(service, usage)| (service.name(), rounded(figure(usage)))).collect()
        };
        Self {
            intervals,
            seconds: rounded(seconds),
            intervals_per_second: rounded(intervals as f64 / seconds),
            cpu_seconds_per_million_intervals: by_service(&|usage| usage.cpu_seconds / millions),
            max_rss_mb: by_service(&|usage| usage.max_rss_mb),
        }
    }
}

/// `--json FILE`. The figures at the top are those of the run with samples, but for freshness,
/// which is measured on a world in real time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    machine: Machine,
    intervals_per_second: f64,
    intervals_per_second_without_samples: f64,
    freshness_seconds: Quantiles,
    cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    max_rss_mb: BTreeMap<&'static str, f64>,
    runs: BTreeMap<&'static str, Run>,
}

const WITH_SAMPLES: &str = "with_samples";
const WITHOUT_SAMPLES: &str = "without_samples";
const LIVE: &str = "live";

impl Report {
    pub(super) fn new(
        machine: Machine,
        with_samples: Run,
        without_samples: Run,
        (live, freshness_seconds): (Run, Quantiles),
    ) -> Self {
        Self {
            machine,
            intervals_per_second: with_samples.intervals_per_second,
            intervals_per_second_without_samples: without_samples.intervals_per_second,
            freshness_seconds,
            cpu_seconds_per_million_intervals: with_samples
                .cpu_seconds_per_million_intervals
                .clone(),
            max_rss_mb: with_samples.max_rss_mb.clone(),
            runs: [(WITH_SAMPLES, with_samples), (WITHOUT_SAMPLES, without_samples), (LIVE, live)]
                .into(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, memory_mb } = &self.machine;
        writeln!(f, "{processor}, {cores} cores, {memory_mb} MB; Kafka and ClickHouse included")?;
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(["", "with samples", "without", "live"]);
        let runs = [WITH_SAMPLES, WITHOUT_SAMPLES, LIVE].map(|name| &self.runs[name]);
        let mut row = |name: &str, figure: &dyn Fn(&Run) -> String| {
            let figures = runs.iter().map(|run| figure(run));
            table.add_row(std::iter::once(name.to_owned()).chain(figures));
        };
        row("intervals", &|run| run.intervals.to_string());
        row("seconds", &|run| format!("{:.1}", run.seconds));
        row("intervals/s", &|run| format!("{:.0}", run.intervals_per_second));
        for service in Service::ALL.map(Service::name) {
            row(&format!("{service}: CPU s a million intervals"), &|run| {
                format!("{:.1}", run.cpu_seconds_per_million_intervals[service])
            });
            row(&format!("{service}: most resident MB"), &|run| {
                format!("{:.0}", run.max_rss_mb[service])
            });
        }
        writeln!(f, "{table}")?;
        let Quantiles { p50, p99 } = self.freshness_seconds;
        let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |s| format!("{s:.1} s"));
        writeln!(f, "sent to visible, live: p50 {}, p99 {}", seconds(p50), seconds(p99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_the_fields_that_others_read() {
        let usage =
            Service::ALL.map(|service| (service, Usage { cpu_seconds: 3.0, max_rss_mb: 50.0 }));
        let run = Run::new(2_000_000, Duration::from_secs(20), &usage);
        let fresh = Quantiles { p50: Some(1.5), p99: Some(3.0) };
        let report = Report::new(Machine::here(), run.clone(), run.clone(), (run, fresh));
        let json = serde_json::to_value(&report).unwrap_or_default();
        assert_eq!(json["intervals_per_second"], 100_000.0);
        assert_eq!(json["freshness_seconds"]["p99"], 3.0);
        for service in Service::ALL {
            assert_eq!(json["cpu_seconds_per_million_intervals"][service.name()], 1.5);
            assert_eq!(json["max_rss_mb"][service.name()], 50.0);
        }
    }
}
