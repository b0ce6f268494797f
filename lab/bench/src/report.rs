//! The figures of a bench, as a table and as JSON.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fmt, fs};

use comfy_table::{Table, presets};
use deploy::service::Service;
use serde::Serialize;
use stack::services::{Services, Usage};
use stack::{Quantiles, Stack, rounded};

use crate::part::Part;

/// The machine of a measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Processor, as the kernel names it.
    pub processor: String,
    /// Number of available processors.
    pub cores: usize,
    /// Memory, MB (2²⁰ bytes).
    pub memory_mb: u64,
}

impl Machine {
    /// Returns a description of this machine.
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

/// Resource usage of each process of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Used {
    services: BTreeMap<&'static str, Usage>,
    servers: BTreeMap<&'static str, Usage>,
}

impl Used {
    /// Measures the usage of the services and of their stack up to now.
    #[must_use]
    pub fn by(stack: &Stack, services: &Services) -> Self {
        let of = |service: Service| (service.name(), services.usage(service));
        let usage = |process: u32| Usage::of(process).unwrap_or_default();
        let brokers = stack.processes_of_kafka().map(usage);
        let kafka = brokers.reduce(Usage::beside).map(|usage| ("kafka", usage));
        let clickhouse = stack.process_of_clickhouse().map(|id| ("clickhouse", usage(id)));
        Self {
            services: Service::ALL.map(of).into(),
            servers: kafka.into_iter().chain(clickhouse).collect(),
        }
    }

    /// Returns the usage since an `earlier` measurement.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        let earlier = earlier.services.iter().chain(&earlier.servers);
        for (name, before) in earlier {
            let now = self.services.get_mut(name).or_else(|| self.servers.get_mut(name));
            if let Some(now) = now {
                *now = now.since(*before);
            }
        }
        self
    }
}

/// One run of the services.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Intervals that arrived.
    pub intervals: u64,
    /// Time from the services' start (or the first interval sent) to the last visible row, s.
    pub seconds: f64,
    /// Intervals per second.
    pub intervals_per_second: f64,
    /// CPU time by service, s per million intervals.
    pub cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    /// CPU time by server (Kafka and ClickHouse), s per million intervals.
    pub servers_cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    /// By service: peak resident memory, MB (2²⁰ bytes).
    pub max_rss_mb: BTreeMap<&'static str, f64>,
    /// Intervals per second of all runs of which this one is the median, in their order.
    pub intervals_per_second_of_runs: Vec<f64>,
}

impl Run {
    pub(super) fn new(intervals: u64, took: Duration, used: &Used) -> Self {
        let seconds = took.as_secs_f64();
        let rate = rounded(intervals as f64 / seconds);
        let millions = intervals.max(1) as f64 / 1e6;
        let figures = |of: &BTreeMap<&'static str, Usage>, figure: &dyn Fn(&Usage) -> f64| {
            of.iter().map(|(name, usage)| (*name, rounded(figure(usage)))).collect()
        };
        let cpu = |usage: &Usage| usage.cpu_seconds / millions;
        Self {
            intervals,
            seconds: rounded(seconds),
            intervals_per_second: rate,
            cpu_seconds_per_million_intervals: figures(&used.services, &cpu),
            servers_cpu_seconds_per_million_intervals: figures(&used.servers, &cpu),
            max_rss_mb: figures(&used.services, &|usage| usage.max_rss_mb),
            intervals_per_second_of_runs: vec![rate],
        }
    }

    /// Returns the median run by intervals per second; of an even number, the slower of the middle two.
    pub(super) fn middle(mut runs: Vec<Self>) -> Option<Self> {
        let rate = |run: &Self| run.intervals_per_second;
        let rates = runs.iter().map(rate).collect();
        runs.sort_by(|one, other| rate(one).total_cmp(&rate(other)));
        let middle = runs.len().checked_sub(1)? / 2;
        Some(Self { intervals_per_second_of_runs: rates, ..runs.swap_remove(middle) })
    }

    /// Returns the slowest and the fastest run, in thousands, if there are several.
    fn range(&self) -> Option<String> {
        let rates = &self.intervals_per_second_of_runs;
        let slowest = rates.iter().copied().reduce(f64::min)? / 1000.0;
        let fastest = rates.iter().copied().reduce(f64::max)? / 1000.0;
        (rates.len() > 1).then(|| format!("{slowest:.0} to {fastest:.0}"))
    }

    /// Returns the CPU time of services and servers together.
    fn all_cpu(&self) -> f64 {
        let services = self.cpu_seconds_per_million_intervals.values();
        services.chain(self.servers_cpu_seconds_per_million_intervals.values()).sum()
    }
}

/// `--json FILE`. The figures at the top are those of the run with samples, except freshness, which
/// is measured on a world in real time. Figures that were not measured are left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    machine: Machine,
    #[serde(flatten)]
    with_samples: Option<Top>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals_per_second_without_samples: Option<f64>,
    /// Time from sending to visibility, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness_seconds: Option<Quantiles>,
    runs: BTreeMap<Part, Run>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Top {
    intervals_per_second: f64,
    cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    servers_cpu_seconds_per_million_intervals: BTreeMap<&'static str, f64>,
    max_rss_mb: BTreeMap<&'static str, f64>,
}

impl Report {
    /// Returns a report without any run.
    #[must_use]
    pub const fn of(machine: Machine) -> Self {
        Self {
            machine,
            with_samples: None,
            intervals_per_second_without_samples: None,
            freshness_seconds: None,
            runs: BTreeMap::new(),
        }
    }

    /// Adds a run.
    pub fn add(&mut self, part: Part, run: Run) {
        match part {
            Part::WithSamples => {
                self.with_samples = Some(Top {
                    intervals_per_second: run.intervals_per_second,
                    cpu_seconds_per_million_intervals: run
                        .cpu_seconds_per_million_intervals
                        .clone(),
                    servers_cpu_seconds_per_million_intervals: run
                        .servers_cpu_seconds_per_million_intervals
                        .clone(),
                    max_rss_mb: run.max_rss_mb.clone(),
                });
            }
            Part::WithoutSamples => {
                self.intervals_per_second_without_samples = Some(run.intervals_per_second);
            }
            Part::Live => {}
        }
        self.runs.insert(part, run);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, memory_mb } = &self.machine;
        writeln!(f, "{processor}, {cores} cores, {memory_mb} MB; Kafka and ClickHouse included")?;
        let mut table = Table::new();
        let titles = self.runs.keys().map(|part| part.title());
        table.load_preset(presets::NOTHING).set_header(std::iter::once("").chain(titles));
        let mut row = |name: &str, figure: &dyn Fn(&Run) -> Option<String>| {
            let figures = self.runs.values().map(|run| figure(run).unwrap_or("-".to_owned()));
            table.add_row(std::iter::once(name.to_owned()).chain(figures));
        };
        row("intervals", &|run| Some(run.intervals.to_string()));
        row("seconds", &|run| Some(format!("{:.1}", run.seconds)));
        row("intervals/s", &|run| Some(format!("{:.0}", run.intervals_per_second)));
        if self.runs.values().any(|run| run.range().is_some()) {
            row("thousand intervals/s, all runs", &Run::range);
        }
        for service in Service::ALL.map(Service::name) {
            row(&format!("{service}: CPU s a million intervals"), &|run| {
                Some(format!("{:.1}", run.cpu_seconds_per_million_intervals.get(service)?))
            });
            row(&format!("{service}: most resident MB"), &|run| {
                Some(format!("{:.0}", run.max_rss_mb.get(service)?))
            });
        }
        for server in ["kafka", "clickhouse"] {
            row(&format!("{server}: CPU s a million intervals"), &|run| {
                Some(format!("{:.1}", run.servers_cpu_seconds_per_million_intervals.get(server)?))
            });
        }
        row("all: CPU s a million intervals", &|run| Some(format!("{:.1}", run.all_cpu())));
        writeln!(f, "{table}")?;
        let Some(Quantiles { p50, p99 }) = self.freshness_seconds else { return Ok(()) };
        let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |s| format!("{s:.1} s"));
        writeln!(f, "sent to visible, live: p50 {}, p99 {}", seconds(p50), seconds(p99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_run_is_shown_with_the_range_of_all_runs() {
        let run = |seconds| Run::new(2_000_000, Duration::from_secs(seconds), &Used::default());
        let middle = |seconds: &[u64]| Run::middle(seconds.iter().copied().map(run).collect());
        let of_three = middle(&[20, 16, 25]).unwrap_or_else(|| run(0));
        assert_eq!(of_three.seconds, 20.0);
        assert_eq!(of_three.intervals_per_second_of_runs, [100_000.0, 125_000.0, 80_000.0]);
        assert_eq!(of_three.range().as_deref(), Some("80 to 125"));
        assert_eq!(middle(&[16, 20]).map(|run| run.seconds), Some(20.0));
        assert_eq!(middle(&[]), None);
        let mut report = Report::of(Machine::here());
        report.add(Part::WithoutSamples, of_three);
        assert!(report.to_string().contains("80 to 125"), "{report}");
        report.add(Part::WithoutSamples, run(20));
        assert!(!report.to_string().contains("all runs"), "{report}");
    }

    #[test]
    fn the_report_has_the_fields_that_others_read() {
        let usage = |cpu_seconds| Usage { cpu_seconds, max_rss_mb: 50.0 };
        let used = |cpu_seconds| Used {
            services: Service::ALL.map(|service| (service.name(), usage(cpu_seconds))).into(),
            servers: [("kafka", usage(cpu_seconds)), ("clickhouse", usage(cpu_seconds))].into(),
        };
        let used = used(4.0).since(&used(1.0));
        let run = Run::new(2_000_000, Duration::from_secs(20), &used);
        let mut report = Report::of(Machine::here());
        for part in Part::ALL {
            report.add(part, run.clone());
        }
        report.freshness_seconds = Some(Quantiles { p50: Some(1.5), p99: Some(3.0) });
        let json = serde_json::to_value(&report).unwrap_or_default();
        assert_eq!(json["intervals_per_second"], 100_000.0);
        assert_eq!(json["intervals_per_second_without_samples"], 100_000.0);
        assert_eq!(json["runs"]["without_samples"]["seconds"], 20.0);
        assert_eq!(json["freshness_seconds"]["p99"], 3.0);
        for service in Service::ALL {
            assert_eq!(json["cpu_seconds_per_million_intervals"][service.name()], 1.5);
            assert_eq!(json["max_rss_mb"][service.name()], 50.0);
        }
        for server in ["kafka", "clickhouse"] {
            assert_eq!(json["servers_cpu_seconds_per_million_intervals"][server], 1.5);
        }
    }
}
