//! `isobar torture`: the pipeline under faults of every kind, compared with the truth.

mod checks;
mod cluster;
mod director;
mod fault;
mod faults;
mod fleet;
mod kafka;
mod kind;
mod links;
mod monitor;
mod poison;
pub mod proxy;
mod report;
mod report_sim;
mod run;
mod schedule;
mod stop;
mod versions;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use deploy::failure::Failure;
use service::failpoints;
use stack::Progress;
use stack::options::duration;

use kind::Kind;

/// `isobar torture`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Simulates: the services' cores over simulated logs, groups and tables.
    #[arg(long)]
    sim: bool,
    /// Seed of the schedule and the world. With --sim, the seed of the first run; each further run
    /// has the next seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Duration of faults: 90s, 10m, 1h.
    #[arg(long, default_value = "10m", value_parser = duration, conflicts_with = "sim")]
    duration: Duration,
    /// Events per second; each has one to six intervals.
    #[arg(long, default_value_t = 200.0, conflicts_with = "sim")]
    rate: f64,
    /// Only these kinds of faults, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "KINDS", conflicts_with = "sim")]
    faults: Vec<String>,
    /// Only shows the schedule.
    #[arg(long, conflicts_with = "sim")]
    list: bool,
    /// Writes the figures as JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "sim")]
    report: Option<PathBuf>,
    /// Writes the figures as a page.
    #[arg(long, value_name = "FILE", conflicts_with = "sim")]
    markdown: Option<PathBuf>,
    /// With --sim: number of runs.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// With --sim: prints the steps of each run; for one run, or a few.
    #[arg(long, requires = "sim")]
    trace: bool,
}

impl Options {
    /// Returns the requested kinds of faults; all if none is named.
    fn kinds(&self) -> Result<Vec<Kind>, Failure> {
        // Without failpoints, aborts would only be kills.
        let can = |kind: &Kind| *kind != Kind::Abort || failpoints::PRESENT;
        if self.faults.is_empty() {
            return Ok(Kind::ALL.into_iter().filter(can).collect());
        }
        let kind = |name: &String| {
            let kind = Kind::named(name).ok_or_else(|| {
                let known = Kind::ALL.map(Kind::name).join(", ");
                Failure::Refused(format!("--faults: there is no {name}; there are {known}"))
            })?;
            let built = "--faults: this build cannot abort; build with --features failpoints";
            if can(&kind) { Ok(kind) } else { Err(Failure::Refused(built.to_owned())) }
        };
        self.faults.iter().map(kind).collect()
    }
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Runs the real or simulated pipeline under faults. Returns true if there were no discrepancies.
/// `progress` receives each line of the report as soon as it is known.
///
/// # Errors
/// If something does not start, or a fault cannot be undone.
pub fn run(options: &Options, progress: Progress<'_>) -> Result<bool, Failure> {
    match options.sim {
        true => report_sim::run(options, progress),
        false => run::run(options, progress),
    }
}
