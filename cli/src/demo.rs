//! `isobar demo`: the whole pipeline on a simulated world, compared with its truth.

mod screen;
mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use deploy::connect::{Cluster, KafkaArgs};
use deploy::failure::{Context, Failure};
use deploy::names::Names;
use deploy::service::Service;
use deploy::topics::Topics;
use oracle::verify::Verdict;
use stack::options::World;
use stack::pipeline::Pipeline;
use stack::services::Usage;
use stack::{Dashboard, Plan, Ports, Quantiles, Watch, signals, verdict};

use crate::output::{line, lines, progress, step};
use crate::server_args::ServerArgs;
use crate::up;
use screen::{Health, Screen};
pub use summary::Summary;

/// Number of places and providers in the table.
const LEAGUE: u32 = 15;
const LOOK: Duration = Duration::from_millis(250);
const REDRAW: Duration = Duration::from_secs(1);

/// Suggested next commands.
const NEXT: &str = "\
next: `isobar up` starts the same without traffic and keeps what it gets; then
  isobar send FILE     one's own records (docs/reference/envelope.md)
  isobar replay FILE   recordings of real calls: rtcstats, webrtc-internals, getStats()
  README.md            questions to ask ClickHouse
";

/// `isobar demo`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    servers: ServerArgs,
    #[command(flatten)]
    world: World,
    /// Writes the figures of the last lines as JSON.
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Keeps the data, and shows the command to open it again.
    #[arg(long)]
    keep: bool,
    /// Opens the page in the browser.
    #[arg(long)]
    open: bool,
}

/// Runs the demo. Returns true if nothing was lost, nothing counted twice, and no cell differs.
///
/// # Errors
/// If something does not start or ends by itself.
pub async fn run(options: Options) -> Result<bool, Failure> {
    let home = tempfile::Builder::new().prefix("isobar-demo-").tempdir().context("demo")?;
    let kafka = options.servers.own.cluster()?.map(with_names).transpose()?;
    let keep = options.keep;
    // The path that `isobar up` uses under this home.
    let outcome = play(options, &home.path().join("isobar"), kafka.clone()).await;
    if keep || !matches!(outcome, Ok(true)) {
        let home = home.keep();
        line(format_args!("logs and data stay in {}", home.join("isobar").display()))?;
        line(format_args!("to open them again: {}", again(&home, kafka.as_ref())))?;
    }
    outcome
}

/// Returns the command that opens the data that a demo has kept under `home`.
fn again(home: &Path, kafka: Option<&Cluster>) -> String {
    let mut command = format!("XDG_STATE_HOME={} isobar up", home.display());
    if let Some(cluster) = kafka {
        for argument in KafkaArgs::from(cluster).arguments() {
            command += &format!(" {}", argument.display());
        }
        command += &format!(" --topic {}", cluster.names.topics.raw);
    }
    command
}

async fn play(options: Options, folder: &Path, kafka: Option<Cluster>) -> Result<bool, Failure> {
    let plan = Plan {
        isobar: std::env::current_exe().context("isobar's own program")?,
        folder: folder.to_owned(),
        ports: Ports::free(1)?,
        clickhouse: options.servers.access()?,
        kafka,
    };
    let mut pipeline = Pipeline::start(plan, step).await?;
    let mut dashboard = Dashboard::start(&pipeline.stack, &pipeline.services)?;
    dashboard.wait(up::READY)?;
    up::print_addresses(&pipeline.stack)?;
    line(format_args!("playing a world of {} sessions; Ctrl-C ends it", options.world.sessions))?;
    up::print_page(&dashboard, options.open)?;
    let before = usage(&pipeline);
    let mut watch = Watch::start(&pipeline.stack, &options.world).await?;
    live(&mut pipeline, &mut dashboard, &mut watch).await?;
    let place = folder.display();
    let words = format!("ended without waiting for the drain; logs and data stay in {place}");
    signals::end_at_the_next_signal(move || progress(&words));
    step("draining; a second Ctrl-C does not wait for it");
    drain(&mut pipeline, &mut watch).await?;
    pipeline.services.stop();
    let verdict = verdict::verify_stack(vec![watch.truth()], &pipeline.stack).await?;
    let cluster = pipeline.stack.cluster();
    if pipeline.stack.their_kafka().is_some() && !options.keep {
        Topics::of(&cluster)?.remove().await?;
        line(format_args!(
            "topics and groups that began with {} are deleted",
            cluster.names.prefix
        ))?;
    }
    let used = usage(&pipeline).into_iter().zip(before);
    let usage: Vec<_> =
        used.map(|((service, now), (_, then))| (service, now.since(then))).collect();
    let summary = Summary::new(&verdict, &watch, &usage);
    if let Some(file) = options.summary {
        let text = serde_json::to_vec_pretty(&summary).context("summary")?;
        fs::write(&file, text).context(file.display())?;
    }
    print_result(&summary, &verdict)?;
    Ok(verdict.mismatches == 0)
}

/// Returns `cluster` with names of the demo's own, none of which exists in the user's Kafka.
fn with_names(cluster: Cluster) -> Result<Cluster, Failure> {
    let names = match cluster.names.prefix.as_str() {
        "" => {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let (at, process) = (since_1970.as_secs(), std::process::id());
            Names::with_prefix(&format!("isobar-demo-{at:x}-{process:x}-"))
        }
        _ => cluster.names.clone(),
    };
    let there = Topics::of(&cluster)?.names()?;
    if let Some(taken) = names.all().into_iter().find(|name| there.contains(*name)) {
        return Err(Failure::Refused(format!(
            "Kafka at {} has a topic {taken} already, and the demo deletes its own at the end: give \
             another --prefix",
            cluster.brokers
        )));
    }
    Ok(Cluster { names, ..cluster })
}

/// Shows the state of the pipeline until a signal or the end of the world.
async fn live(
    pipeline: &mut Pipeline,
    dashboard: &mut Dashboard,
    watch: &mut Watch,
) -> Result<(), Failure> {
    let mut screen = Screen::new();
    let end = signals::wait_for_signal();
    tokio::pin!(end);
    let mut drawn: Option<Instant> = None;
    while !watch.sender_ended()? {
        tokio::select! {
            ended = &mut end => return ended,
            () = tokio::time::sleep(LOOK) => {}
        }
        screen.print_ended(&pipeline.look());
        screen.print_ended(dashboard.look().as_slice());
        watch.look().await?;
        if drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            drawn = Some(Instant::now());
            // If ClickHouse does not respond, the last picture stays.
            if let Ok(league) = watch.view.league(LEAGUE).await {
                screen.show(&league, &health(pipeline, watch, dashboard.url()));
            }
        }
    }
    Ok(())
}

/// Waits until all data has arrived, or until no more arrives.
async fn drain(pipeline: &mut Pipeline, watch: &mut Watch) -> Result<(), Failure> {
    let drained = watch.drain();
    tokio::pin!(drained);
    loop {
        tokio::select! {
            drained = &mut drained => return drained,
            () = tokio::time::sleep(LOOK) => pipeline.look().into_iter().try_for_each(line)?,
        }
    }
}

fn usage(pipeline: &Pipeline) -> [(Service, Usage); 4] {
    Service::ALL.map(|service| (service, pipeline.services.usage(service)))
}

fn health(pipeline: &Pipeline, watch: &Watch, page: String) -> Health {
    let quantiles = Quantiles::of(&watch.freshness);
    let services = &pipeline.services;
    let service =
        |service: Service| (service, services.metrics(service), services.restarts(service));
    Health {
        elapsed: watch.started.elapsed(),
        intervals_sent: watch.sent().intervals_sent,
        intervals_seen: watch.intervals(),
        intervals_per_second: watch.per_second(),
        freshness: quantiles.p50.zip(quantiles.p99),
        services: Service::ALL.map(service).into(),
        page,
    }
}

/// Prints the result of the comparison and the usage of the services.
fn print_result(summary: &Summary, verdict: &Verdict) -> Result<(), Failure> {
    lines(verdict::in_words(verdict))?;
    let cpu = &summary.cpu_seconds_per_million_intervals;
    for service in Service::ALL.map(Service::name) {
        let of = |figures: &BTreeMap<_, f64>| figures.get(service).copied().unwrap_or_default();
        let (cpu, memory) = (of(cpu), of(&summary.max_rss_mb));
        let words = "CPU s a million intervals";
        line(format_args!("{service:>9}: {cpu:.1} {words}, {memory:.0} MB at most"))?;
    }
    line(match verdict.mismatches {
        0 => "ClickHouse matches the truth: nothing lost, nothing twice.",
        _ => "ClickHouse does not match the truth.",
    })?;
    lines(NEXT)
}
