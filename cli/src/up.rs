//! `isobar up` and `isobar down`: start and stop a local stack with the services.

use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use deploy::connect::Cluster;
use deploy::deadline::Deadline;
use deploy::failure::{Context, Failure};
use deploy::running::{Running, is_held, state_folder};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::pipeline::{Pipeline, Raw};
use stack::place::Place;
use stack::signals::{end_at_the_next_signal, wait_for_signal};
use stack::{Dashboard, Ended, Plan, Stack};

use crate::output::{line, progress, step};
use crate::server_args::ServerArgs;

/// Options of `isobar up`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    servers: ServerArgs,
    /// The raw topic to read [default: rtc-stats-raw-v1; in your own Kafka where it exists, otherwise
    /// one of its own].
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Starts only Kafka and ClickHouse.
    #[arg(long)]
    no_services: bool,
    /// Opens the page in the browser.
    #[arg(long, conflicts_with = "no_services")]
    open: bool,
}

/// Longest time that the dashboard may take to start.
pub(crate) const READY: Duration = Duration::from_secs(30);
/// Interval between two checks of the processes.
const LOOK: Duration = Duration::from_millis(250);

/// Starts everything and waits for Ctrl-C or `down`.
///
/// # Errors
/// If something does not start, or an `up` is running already.
pub async fn up(options: Options) -> Result<(), Failure> {
    // Released last, because its release signals to other processes that everything has ended.
    let place = Place::take(state_folder()?)?;
    let plan = Plan {
        isobar: std::env::current_exe().context("isobar's own program")?,
        folder: place.folder.clone(),
        ports: place.ports()?,
        clickhouse: options.servers.access()?,
        kafka: options.servers.own.cluster()?,
    };
    if options.no_services {
        step("starting Kafka and ClickHouse");
        let mut stack = Stack::start(plan)?;
        note(&stack, &place)?;
        return until_signal(|| stack.look()).await;
    }
    let mut pipeline = Pipeline::start_on(plan, &Raw::Theirs(options.topic), step).await?;
    for (service, port) in pipeline.services.ports() {
        line(format_args!("{:<11} http://127.0.0.1:{port}/metrics", service.name()))?;
    }
    let mut dashboard = Dashboard::start(&pipeline.stack, &pipeline.services)?;
    dashboard.wait(READY)?;
    // `isobar down` may follow as soon as the addresses are noted.
    note(&pipeline.stack, &place)?;
    print_page(&dashboard, options.open)?;
    until_signal(|| pipeline.look().into_iter().chain(dashboard.look()).collect()).await
}

/// Waits for a signal, and meanwhile prints processes that exit. After that a second signal
/// ends everything at once.
async fn until_signal(mut look: impl FnMut() -> Vec<Ended>) -> Result<(), Failure> {
    let end = wait_for_signal();
    tokio::pin!(end);
    loop {
        tokio::select! {
            signalled = &mut end => break signalled?,
            () = tokio::time::sleep(LOOK) => look().into_iter().try_for_each(line)?,
        }
    }
    end_at_the_next_signal(|| progress("ended without waiting for the drain"));
    step("draining; a second Ctrl-C does not wait for it");
    Ok(())
}

/// Prints the addresses of Kafka and ClickHouse, and the topics that are read and owned in the user's Kafka.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn print_addresses(stack: &Stack) -> Result<(), Failure> {
    let Cluster { brokers, names, .. } = stack.cluster();
    line(format_args!("Kafka       {brokers}"))?;
    line(format_args!("reads       {}", names.topics.raw))?;
    if stack.their_kafka().is_some() {
        let prefix = names.prefix;
        line(format_args!("owns        topics and groups that begin with {prefix}"))?;
    }
    let clickhouse = stack.access();
    let (url, password) = (&clickhouse.url, clickhouse.passwords.of("dashboard"));
    line(format_args!("ClickHouse  {url}/play (user dashboard, password {password})"))
}

/// Prints the address of the page, and opens it in the browser if `open` is set.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn print_page(dashboard: &Dashboard, open: bool) -> Result<(), Failure> {
    let url = dashboard.url();
    if open {
        let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let mut command = Command::new(program);
        command.arg(&url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = command.spawn() {
            progress(&format!("no browser could be opened ({program}: {error})"));
        }
    }
    line(format_args!("page        {url}"))
}

/// Prints the addresses, and writes them to the file that other processes read.
fn note(stack: &Stack, place: &Place) -> Result<(), Failure> {
    let process = std::process::id().cast_signed();
    let Cluster { brokers: kafka, config: kafka_config, names, .. } = stack.cluster();
    let clickhouse = stack.access();
    print_addresses(stack)?;
    if stack.their_kafka().is_some() {
        line("topics and groups of its own stay there for the next `isobar up`")?;
    }
    line(format_args!("logs        {}", stack.logs().display()))?;
    line("Ctrl-C or `isobar down` ends it.")?;
    let late_h = stack.trial().map(|trial| trial.late_h);
    place.note(&Running { process, kafka, kafka_config, names, clickhouse, late_h })
}

/// Ends the running `up`, and returns when it has exited.
///
/// # Errors
/// If none runs, or it does not end.
pub fn down() -> Result<(), Failure> {
    let folder = state_folder()?;
    let process = Pid::from_raw(Running::find()?.process);
    kill(process, Signal::SIGTERM).context("cannot end `isobar up`")?;
    let patience = Deadline::after(Duration::from_secs(120));
    while is_held(&folder)? {
        if patience.passed() {
            return Err(Failure::Refused("`isobar up` does not end".into()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
