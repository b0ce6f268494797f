//! `isobar bench`: measures throughput, freshness, and the resource usage of each service. Broker and
//! database run on the same machine.

mod outage;
mod pages;
mod part;
mod report;
mod run;
mod throughput;

use std::fmt::{self, Display};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use deploy::failure::{Context, Failure};
use serde::Serialize;
use stack::options::duration;
use stack::pipeline::Pipeline;
use stack::services::Features;
use stack::{Progress, Quantiles, Watch};

pub use outage::Outage;
pub use pages::{Pages, PagesOptions};
pub use part::Part;
pub use report::{Machine, Report, Run, Used};
use run::{LOOK, folder, plan, steady};

/// `isobar bench`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Reports in the raw topic before the services start; each has four intervals.
    #[arg(long, default_value_t = 500_000)]
    reports: u64,
    /// Sessions that are live at the same time.
    #[arg(long, default_value_t = 50_000)]
    sessions: u32,
    /// Intervals per second while freshness is measured.
    #[arg(long, default_value_t = 10_000.0)]
    fresh_rate: f64,
    /// Duration of the measurement of freshness.
    #[arg(long, default_value = "60s", value_parser = duration)]
    fresh_duration: Duration,
    /// Measures only these parts.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Runs of each part whose topic is filled beforehand. The figures are those of the median run by
    /// intervals per second, because runs differ by other load on the machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measures only an outage of ClickHouse of this duration, at the rate of freshness.
    #[arg(long, value_parser = duration)]
    outage: Option<Duration>,
    #[command(flatten)]
    of_pages: PagesOptions,
    /// Writes the figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Figures of a bench. Displayed as tables, serialized as one JSON object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// Speed, freshness and usage.
    Speed(Report),
    /// Recovery after an outage of ClickHouse.
    Outage(Outage),
    /// Times of the dashboard's pages.
    Pages(Pages),
}

impl Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Speed(report) => report.fmt(f),
            Self::Outage(outage) => outage.fmt(f),
            Self::Pages(pages) => pages.fmt(f),
        }
    }
}

/// Measures what `options` ask for; `progress` receives each step that begins.
///
/// # Errors
/// If something does not start, or what arrives is not what was sent.
pub async fn run(options: &Options, progress: Progress<'_>) -> Result<Figures, Failure> {
    if let Some(away) = options.outage {
        return outage::measure(options, away, progress).await.map(Figures::Outage);
    }
    if options.of_pages.pages {
        let live = steady(options.fresh_rate, options.fresh_duration);
        return pages::measure(&options.of_pages, &live, progress).await.map(Figures::Pages);
    }
    let parts = if options.only.is_empty() { &Part::ALL[..] } else { &options.only };
    let mut report = Report::of(Machine::here());
    for part in parts {
        match part {
            Part::WithSamples => {
                let features = Features { samples: true };
                report.add(*part, filled(options, features, progress).await?);
            }
            Part::WithoutSamples => {
                let features = Features { samples: false };
                report.add(*part, filled(options, features, progress).await?);
            }
            Part::Live => {
                let (run, freshness) = live(options, progress).await?;
                report.add(*part, run);
                report.freshness_seconds = Some(freshness);
            }
        }
    }
    Ok(Figures::Speed(report))
}

impl Figures {
    /// Writes the figures as JSON to the file that `options` name, if they name one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_json(&self, options: &Options) -> Result<(), Failure> {
        let Some(file) = &options.json else { return Ok(()) };
        let text = serde_json::to_vec_pretty(self).context("bench")?;
        fs::write(file, text).context(file.display())
    }
}

/// Measures the services on a topic that was filled beforehand, each time on a new stack.
async fn filled(
    options: &Options,
    features: Features,
    progress: Progress<'_>,
) -> Result<Run, Failure> {
    let mut runs = Vec::new();
    for _ in 0..options.runs {
        let folder = folder()?;
        runs.push(throughput::measure(&plan(folder.path())?, options, features, progress).await?);
    }
    Run::middle(runs).ok_or_else(|| Failure::Refused("no run was made".into()))
}

/// Measures the services on a world that is simulated in real time.
async fn live(options: &Options, progress: Progress<'_>) -> Result<(Run, Quantiles), Failure> {
    let world = steady(options.fresh_rate, options.fresh_duration);
    let folder = folder()?;
    let mut pipeline = Pipeline::start(plan(folder.path())?, progress).await?;
    progress(&format!("playing {} intervals a second in real time", options.fresh_rate));
    let before = Used::by(&pipeline.stack, &pipeline.services);
    let mut watch = Watch::start(&pipeline.stack, &world).await?;
    while !watch.sender_ended()? {
        tokio::time::sleep(LOOK).await;
        watch.look().await?;
    }
    watch.drain().await?;
    pipeline.services.stop();
    let used = Used::by(&pipeline.stack, &pipeline.services).since(&before);
    let run = Run::new(watch.intervals(), watch.took(), &used);
    Ok((run, Quantiles::of(&watch.freshness)))
}
