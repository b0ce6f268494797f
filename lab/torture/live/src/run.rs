//! `isobar torture`: the whole stack with real processes, faults by the schedule, a drain, and then
//! the comparison with the truth.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deploy::failure::{Context, Failure};
use deploy::service::Service;
use nix::sys::signal::Signal;
use stack::options::World;
use stack::{Progress, Sender};
use tokio::runtime::{Builder, Runtime};
use world::world::Scenario;

use super::checks::check;
use super::cluster::{Cluster, group};
use super::director::Director;
use super::fleet::Instance;
use super::kafka::{Kafka, Positions};
use super::kind::{FaultGroup, Kind};
use super::links::Party;
use super::monitor::{Eyes, Monitor, answered, reached};
use super::report::{Report, Run};
use super::schedule::{Planned, plan};
use super::stop::Stop;
use super::{Options, secs};

/// Poll interval of faults.
const BEAT: Duration = Duration::from_millis(100);
/// Time without progress after which missing data counts as lost. Longer than any client timeout:
/// sink gives an insert five minutes.
const STALLED: Duration = Duration::from_secs(400);
/// Poll interval of progress.
const LOOK: Duration = Duration::from_secs(1);
/// Interval of progress lines during the drain.
const PROGRESS: Duration = Duration::from_secs(10);
/// Consecutive polls that must find all work done.
const QUIET: usize = 3;
/// Time between two reports of a session, s.
const PERIOD_S: f64 = 3.0;

/// Runs, and returns true if there are no discrepancies.
pub(super) fn run(options: &Options, progress: Progress<'_>) -> Result<bool, Failure> {
    let kinds = options.kinds()?;
    let planned = plan(options.seed, options.duration, &kinds);
    if options.list {
        for Planned { at, kind, lasts, .. } in planned {
            let (at, lasts) = (at.as_secs_f64(), lasts.as_secs_f64());
            let (name, words) = (kind.name(), kind.words());
            progress(&format!("{at:7.1} s  {name} for {lasts:.1} s: {words}"));
        }
        return Ok(true);
    }
    let mut threads = Builder::new_multi_thread();
    let runtime = threads.worker_threads(2).enable_all().build().context("threads")?;
    let stop = Stop::default();
    stop.on_signal(&runtime);
    let folder = tempfile::Builder::new().prefix("isobar-torture-").tempdir().context("torture")?;
    let outcome = torture(options, planned, runtime, &stop, folder.path(), progress);
    if !matches!(outcome, Ok(true)) && stop.check().is_ok() {
        progress(&format!("logs and data stay in {}", folder.keep().display()));
    }
    outcome
}

fn torture(
    options: &Options,
    planned: Vec<Planned>,
    runtime: Runtime,
    stop: &Stop,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<bool, Failure> {
    let crowd = ((options.rate * PERIOD_S) as u32).max(20);
    let apart = planned.iter().any(|planned| planned.kind == Kind::Fenced);
    let mut cluster = Cluster::start(folder, crowd, apart, runtime, stop, progress)?;
    let eyes = Eyes {
        kafka: Kafka::of(&cluster.stack.brokers(), cluster.partitions)?,
        client: cluster.stack.access().client("dashboard"),
        topics: cluster.topics.clone(),
        handle: cluster.handle(),
    };
    let monitor = Monitor::start(eyes)?;
    let look_up = planned.iter().any(|planned| planned.kind.lane() == FaultGroup::LookUp);
    let (faults, lasts, seed) = (planned.len(), secs(options.duration), options.seed);
    progress(&format!("{faults} faults in {lasts:.0} s, seed {seed}"));
    let mut world = world(options, crowd, &cluster)?;
    cluster.world = Some(world.process());
    let mut director = Director::new(planned, options.duration);
    while !director.is_done() {
        stop.check()?;
        if world.ended()? {
            return Err(Failure::Refused("the world ended by itself".to_owned()));
        }
        cluster.blocks = monitor.blocks();
        director.step(&mut cluster, &monitor, progress)?;
        std::thread::sleep(BEAT);
    }
    progress(&format!(
        "{:7.1} s  all faults are over; draining …",
        secs(director.started.elapsed())
    ));
    let ended = Instant::now();
    let lasted = director.started.elapsed();
    let truths = rest(&mut cluster, &mut world, stop, progress)?;
    let drained = ended.elapsed();
    let (recovered, injected) = (monitor.recovered(), director.injected);
    drop(monitor);
    progress(&format!("{:7.1} s  at rest; checking …", secs(director.started.elapsed())));
    let checked = check(&cluster, truths, look_up)?;
    let exits = cluster.fleet.exits();
    let run = Run { seed: options.seed, lasted, drained, injected, recovered, exits };
    let report = Report::new(run, checked);
    describe(&report, progress);
    write(options.report.as_ref(), || serde_json::to_vec_pretty(&report).context("report"))?;
    write(options.markdown.as_ref(), || Ok(report.markdown().into_bytes()))?;
    Ok(report.discrepancies == 0)
}

fn world(options: &Options, sessions: u32, cluster: &Cluster) -> Result<Sender, Failure> {
    let world = World {
        seed: options.seed,
        sessions,
        rate: options.rate,
        duration: None,
        scenario: Scenario::Usual,
    };
    Sender::start_at(&cluster.links.kafka(Party::World), "world", &cluster.stack, &world)
}

/// Ends the world, heals all faults, and waits until there is no more progress. Returns the truth
/// files.
fn rest(
    cluster: &mut Cluster,
    world: &mut Sender,
    stop: &Stop,
    progress: Progress<'_>,
) -> Result<Vec<PathBuf>, Failure> {
    cluster.links.mend();
    cluster.signal_all(Signal::SIGCONT);
    Instance::all().for_each(|instance| cluster.fleet.abort_at(instance, None));
    cluster.fleet.as_usual();
    world.stop()?;
    cluster.world = None;
    let mut truths = vec![world.truth.clone(), cluster.poisoner.finish()?];
    for guest in &mut cluster.guests {
        guest.stop()?;
        truths.push(guest.truth.clone());
    }
    come_to_rest(cluster, stop, progress)?;
    Ok(truths)
}

/// Waits until all work is done, or until there is no progress for much longer.
fn come_to_rest(cluster: &Cluster, stop: &Stop, progress: Progress<'_>) -> Result<(), Failure> {
    let (mut last, mut quiet, mut moved) = (None, 0, Instant::now());
    let mut shown = Instant::now();
    while quiet < QUIET {
        stop.check()?;
        std::thread::sleep(LOOK);
        let look = state(cluster);
        let words = match look {
            Ok(State { is_done, left, positions }) => {
                quiet = if is_done { quiet + 1 } else { 0 };
                if last.as_ref() != Some(&positions) {
                    (last, moved) = (Some(positions), Instant::now());
                }
                left
            }
            Err(failure) => failure.to_string(),
        };
        if quiet == 0 && shown.elapsed() > PROGRESS {
            shown = Instant::now();
            progress(&format!("           {words}"));
        }
        if moved.elapsed() > STALLED {
            let stalled = secs(STALLED);
            progress(&format!("no progress for {stalled:.0} s: {words}"));
            return Ok(());
        }
    }
    Ok(())
}

/// Progress of all services.
struct State {
    /// Everything has been read, folded and inserted.
    is_done: bool,
    /// Description of the missing part.
    left: String,
    /// Positions, which show whether there is progress.
    positions: Vec<i64>,
}

fn state(cluster: &Cluster) -> Result<State, Failure> {
    let client = cluster.stack.access().client("dashboard");
    let answered = cluster.block_on(answered(&client))?;
    let raw = cluster.kafka.ends(&cluster.topics.raw)?;
    let mut is_done = reached(&answered, &raw);
    let sum = |positions: &Positions| positions.values().sum::<i64>();
    let mut left = format!("{} of {} raw records are answered for", sum(&answered), sum(&raw));
    let mut positions: Vec<i64> = answered.into_values().collect();
    for service in Service::ALL {
        for topic in cluster.inputs(service) {
            let ends = cluster.kafka.ends(topic)?;
            let committed = cluster.kafka.committed(&group(service), topic)?;
            let committed = committed.into_iter().map(|(partition, at)| (partition, at.offset));
            let committed = committed.collect();
            // Aggregate commits only starts of blocks, so it does not reach the end.
            if service != Service::Aggregate && !reached(&committed, &ends) {
                is_done = false;
                let behind = sum(&ends) - sum(&committed);
                left += &format!("; {} is {behind} behind in {topic}", service.name());
            }
            positions.extend(ends.into_values().chain(committed.into_values()));
        }
    }
    Ok(State { is_done, left, positions })
}

/// Sends the last lines of the report to `progress`.
fn describe(report: &Report, progress: Progress<'_>) {
    progress(&format!(
        "{} events: {} accepted, {} duplicates, {} dead letters, {} late; {} cells and {} sessions",
        report.events_checked,
        report.accepted,
        report.duplicates,
        report.dead_letters,
        report.late,
        report.cells_checked,
        report.sessions_checked,
    ));
    progress(&format!(
        "absorbed: {} reports ({:.1} % of those read), {} rows, {} dead letters",
        report.absorbed.reports,
        report.absorbed.reports_share * 100.0,
        report.absorbed.rows,
        report.absorbed.dead_letters,
    ));
    for difference in &report.differences {
        progress(&format!("  {difference}"));
    }
    let faults: usize = report.faults.values().map(|faults| faults.injected).sum();
    progress(&format!(
        "{faults} faults of {} kinds, seed {}: {} discrepancies",
        report.faults.len(),
        report.seed,
        report.discrepancies
    ));
}

fn write(
    file: Option<&PathBuf>,
    text: impl FnOnce() -> Result<Vec<u8>, Failure>,
) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    fs::write(file, text()?).context(file.display())
}
