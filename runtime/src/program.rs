//! The program around a service: `isobar-NAME [--config FILE] [check [--connect]]`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use prometheus::Registry;
use service::{
    Fatal, Handler, Problems, Refusal, RefusalReason as Reason, Service, Settings, Topics, harmless,
};

use crate::client::Listener;
use crate::consumer_loop::{ConsumerLoop, Drained};
use crate::ending::{Ending, GRACE};
use crate::failure::Failure;
use crate::flow::Flow;
use crate::health::{Health, serve};
use crate::load::{environment, load, text_of};
use crate::metrics::Metrics;
use crate::replay_key::ReplayKey;
use crate::topic_ids::{Doubt, TopicIds};
use crate::topology::{Obstacle, Topology};
use crate::writer::Writer;
use crate::{lag, logging, native};

/// Services hold many small objects for as long as a block or a session lasts (decision 0017).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Command line or settings are wrong (`EX_USAGE`).
const USAGE: u8 = 64;
/// `check --connect` found something out of reach (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// The process cannot go on and starts again from the last commit (`EX_SOFTWARE`).
const FATAL: u8 = 70;
/// A client of Kafka has stalled while others are served; a restart helps.
const STALLED: u8 = 90;
/// Time for which the health server reports a stall before the exit.
const STALL_SHOWN: Duration = Duration::from_secs(1);
/// The shutdown deadline passed: some records will be read again (`EX_TEMPFAIL`).
const DEADLINE: u8 = 75;

/// Maximum age of the clients of a service that cannot start yet.
const RENEW: Duration = Duration::from_secs(20);

const EXIT_CODES: &str = "Settings come from the file, and over it from variables of the \
environment such as ISOBAR_KAFKA__BROKERS.\n\nExit codes: 0 ended cleanly, 64 wrong arguments or \
settings, 69 `check --connect` failed, 70 cannot go on (start it again), 75 the shutdown deadline \
passed, 78 its own port is taken, 90 a client of Kafka stands still (start it again). It refuses, and starting again does not help, with 80 when the \
committed offset is no longer in the log, 81 when an input topic was created anew, 82 when the \
epoch changed, 83 when numbers of partitions differ, 84 when an input topic has no append times, 85 \
when there is no topic for dead letters, 86 when too much of the input is dead-lettered, 87 when \
another release committed what it cannot read, 88 when nothing is committed and the log has lost \
its beginning, 89 when the group is bound to another ClickHouse, 91 when a newer release wrote what \
it reads, 92 when Kafka lost the end of a log that it had read.";

#[derive(Parser)]
struct Arguments {
    /// Settings file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Reads every setting, says what is wrong with any of them, and ends
    Check(CheckArguments),
}

#[derive(Args)]
struct CheckArguments {
    /// Also tries Kafka, the topics and what else the service needs
    #[arg(long)]
    connect: bool,
    /// Longest wait for an answer, with --connect
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// Runs a service, from the arguments (the first is the program's name) to the exit code.
pub fn main<S: Service>(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = Arguments::command()
        .bin_name(format!("isobar-{}", S::NAME))
        .about(S::ABOUT)
        .after_help(EXIT_CODES);
    let arguments = command
        .try_get_matches_from(args)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be said if neither output can be written to.
            let _ = error.print();
            return if error.use_stderr() { USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    native::one_arena();
    let (settings, resources) = match read::<S>(arguments.config.as_deref()) {
        Ok(read) => read,
        Err(problems) => return complain::<S>(&problems, USAGE),
    };
    match arguments.command {
        Some(Command::Check(check)) => self::check::<S>(&settings, &check),
        None => self::run::<S>(&settings, resources),
    }
}

type Loaded<S> = (Settings<<S as Service>::Settings>, <S as Service>::Resources);

fn read<S: Service>(path: Option<&Path>) -> Result<Loaded<S>, Problems> {
    let text = path.map_or(Ok(String::new()), text_of)?;
    load::<S>(&text, environment())
}

#[expect(clippy::print_stderr, reason = "settings say where the log goes, and these are wrong")]
fn complain<S: Service>(problems: &Problems, code: u8) -> ExitCode {
    for line in problems.lines() {
        eprintln!("isobar-{}: {}", S::NAME, harmless(line));
    }
    code.into()
}

#[expect(clippy::print_stdout, reason = "the answer of `check`, which is no log")]
fn check<S: Service>(settings: &Settings<S::Settings>, check: &CheckArguments) -> ExitCode {
    let mut problems = Problems::default();
    if check.connect {
        let timeout = Duration::from_secs(check.timeout);
        let dead_letters = settings.topics.dead_letters.as_str();
        match Topology::new(&settings.kafka, Listener::new(&settings.kafka)) {
            Ok(topology) => {
                for obstacle in topology.obstacles(&S::topics(settings), dead_letters, timeout) {
                    problems.push("", obstacle);
                }
            }
            Err(fatal) => problems.push("", fatal),
        }
        S::connect(settings, timeout, &mut problems);
    }
    if problems.is_empty() {
        println!("isobar-{}: all settings are valid", S::NAME);
        return ExitCode::SUCCESS;
    }
    complain::<S>(&problems, UNAVAILABLE)
}

fn run<S: Service>(settings: &Settings<S::Settings>, resources: S::Resources) -> ExitCode {
    logging::start(&settings.log);
    work::<S>(settings, resources).unwrap_or_else(|failure| last_words(&Err(failure))).into()
}

/// Logs how the process ends, and returns its exit code.
fn last_words(outcome: &Result<Drained, Failure>) -> u8 {
    match outcome {
        Ok(Drained::Clean) => {
            tracing::info!("ended: all records that were read are processed and committed");
            0
        }
        Ok(Drained::Late) => {
            tracing::warn!(
                "ended at the deadline: records that are not committed will be read again"
            );
            DEADLINE
        }
        Err(Failure::Refused(refusal)) => {
            tracing::error!("refuses: {refusal}");
            refusal.reason.exit_code()
        }
        Err(Failure::Stalled(text)) => {
            tracing::error!("stalled: {text}");
            STALLED
        }
        Err(Failure::Fatal(fatal)) => {
            tracing::error!("cannot go on: {fatal}");
            FATAL
        }
    }
}

fn work<S: Service>(
    settings: &Settings<S::Settings>,
    resources: S::Resources,
) -> Result<u8, Failure> {
    let (kafka, limits) = (&settings.kafka, &settings.limits);
    let topics = S::topics(settings);
    let registry = Registry::new();
    let metrics = Metrics::new(&registry, &topics)?;
    let handler = S::handler(settings, resources, &registry)?;
    let health = Arc::new(Health::new());
    let ending = Ending::watch().map_err(|error| Fatal::failed("no thread", error))?;
    let stop = {
        let (ending, deadline) = (ending.clone(), limits.shutdown_deadline());
        move || ending.within(deadline + GRACE, DEADLINE)
    };
    let listen = settings.server.listen;
    let address = serve(listen, Arc::clone(&health), registry, stop).map_err(|error| {
        Refusal::new(Reason::Address, format!("server.listen {listen}: {error}"))
    })?;
    tracing::info!(service = S::NAME, %address, group = kafka.group, "started");

    // The lag is also watched while the service cannot join its group yet.
    let read = lag::Read::default();
    lag::watch(kafka, &topics.inputs, Arc::clone(&read), metrics.lag.clone())
        .map_err(|error| Fatal::failed("no thread for the consumer lag", error))?;
    let listener = Listener::new(kafka);
    let topology = Topology::new(kafka, listener.clone())?;
    let mut ids = TopicIds::new(topology, &topics, kafka, listener.clone())?;
    let dead_letters = settings.topics.dead_letters.as_str();
    if !wait_for_topics(&mut ids, &topics, dead_letters, &listener, &health)? {
        return Ok(last_words(&Ok(Drained::Clean)));
    }
    if !wait_to_join(&*handler, &health) {
        return Ok(last_words(&Ok(Drained::Clean)));
    }
    let writer = Writer::new(kafka, limits, topics.outputs, listener.clone(), &metrics)?;
    let (raw, key) = (settings.topics.raw.as_str(), ReplayKey::of(&kafka.replay_key));
    let flow = Flow::new(handler, writer, topics.inputs, raw, key, metrics.clone(), read);
    let loop_listener = listener.clone();
    let mut consumer = ConsumerLoop::new(flow, kafka, loop_listener, health, metrics, ids, limits)?;
    let outcome = consumer.run(limits.shutdown_deadline());
    // Its clients may still report brokers while they are dropped.
    listener.end();
    let code = last_words(&outcome);
    ending.within(GRACE, code);
    if matches!(outcome, Err(Failure::Stalled(_))) {
        std::thread::sleep(STALL_SHOWN);
        // A stalled client may hang when it is dropped.
        std::mem::forget(consumer);
    }
    Ok(code)
}

/// Waits until the topics can be used, without a limit; false if the process is asked to end before.
fn wait_for_topics(
    ids: &mut TopicIds,
    topics: &Topics,
    dead_letters: &str,
    listener: &Listener,
    health: &Health,
) -> Result<bool, Failure> {
    let mut renewed = Instant::now();
    while !health.stopping() {
        health.beat();
        // A client that was created while the cluster named no broker may never find one.
        if renewed.elapsed() >= RENEW {
            ids.renew()?;
            renewed = Instant::now();
        }
        let mut obstacles = ids.topology().obstacles(topics, dead_letters, Duration::from_secs(5));
        if obstacles.is_empty() {
            health.beat();
            match ids.check() {
                Ok(()) => return Ok(true),
                Err(Doubt::Refused(refusal)) => return Err(refusal.into()),
                Err(Doubt::Silence(reason)) => {
                    obstacles.push(Obstacle::Waits(format!("ids of topics: {reason}")));
                }
            }
        }
        let text = join(&obstacles);
        let mut refusals = obstacles.iter().filter_map(|obstacle| match obstacle {
            Obstacle::Refuses(refusal) => Some(refusal.reason),
            Obstacle::Waits(_) => None,
        });
        if let Some(reason) = refusals.next() {
            return Err(Refusal::new(reason, text).into());
        }
        listener.waits_for(&text);
        health.set_waits_for(Some(text));
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(false)
}

/// Waits until the handler is ready to join its group; false if the process is asked to end before.
fn wait_to_join(handler: &dyn Handler, health: &Health) -> bool {
    while let Some(text) = handler.waits_to_join() {
        if health.stopping() {
            return false;
        }
        health.beat();
        health.set_waits_for(Some(text));
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

fn join(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
