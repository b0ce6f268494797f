//! `isobar up` and `isobar down`: the stack and the services, for as long as one wants.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Servers;
use crate::failure::{Context, Failure};
use crate::pipeline::Pipeline;
use crate::stack::{Access, Deadline, PASSWORD, Plan, Ports, Stack};

/// How to start.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    servers: Servers,
    /// Only Kafka and ClickHouse.
    #[arg(long)]
    no_services: bool,
}

/// What an `up` writes down for other terminals.
#[derive(Debug, Serialize, Deserialize)]
pub struct Running {
    process: i32,
    /// Where it listens, now and next time.
    ports: Ports,
    /// Addresses to find Kafka by.
    pub kafka: String,
    /// ClickHouse's HTTP interface.
    pub clickhouse: String,
}

impl Running {
    /// The `up` that runs now.
    ///
    /// # Errors
    /// If there is none.
    pub fn find() -> Result<Self, Failure> {
        let known = Self::read(&state_folder()?);
        let running = known.filter(|known| kill(Pid::from_raw(known.process), None).is_ok());
        running.ok_or_else(|| Failure("no `isobar up` is running".into()))
    }

    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join("up.json")).ok()?).ok()
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).context("up.json")?;
        fs::write(folder.join("up.json"), text).context(folder.display())
    }
}

/// The Kafka to work on: the user's own, or else that of the `up` that runs.
///
/// # Errors
/// If there is neither.
pub fn kafka(own: Option<String>) -> Result<String, Failure> {
    own.map_or_else(|| Ok(Running::find().context("no --kafka is given")?.kafka), Ok)
}

/// How to reach the ClickHouse of the `up` that runs.
///
/// # Errors
/// If there is none.
pub fn access() -> Result<Access, Failure> {
    Ok(Access { url: clickhouse(None)?, password: PASSWORD.to_owned() })
}

/// The ClickHouse to work on: the user's own, or else that of the `up` that runs.
///
/// # Errors
/// If there is neither.
pub fn clickhouse(own: Option<String>) -> Result<String, Failure> {
    own.map_or_else(|| Ok(Running::find().context("no --clickhouse is given")?.clickhouse), Ok)
}

/// Starts everything and waits for Ctrl-C or `down`.
///
/// # Errors
/// If something does not start, or an `up` is running already.
pub async fn up(options: Options) -> Result<(), Failure> {
    let folder = state_folder()?;
    fs::create_dir_all(&folder).context(folder.display())?;
    if Running::find().is_ok() {
        return Err(Failure("`isobar up` is running already; end it with `isobar down`".into()));
    }
    let before = Running::read(&folder).map(|known| known.ports).filter(Ports::are_free);
    let ports = before.map_or_else(|| Ports::free(1), Ok)?;
    let plan = Plan {
        isobar: std::env::current_exe().context("isobar's own program")?,
        folder: folder.clone(),
        ports: ports.clone(),
        clickhouse: options.servers.access()?,
        kafka: options.servers.kafka,
    };
    let tell = |step: &str| println!("{step} …");
    if options.no_services {
        tell("starting Kafka and ClickHouse");
        let stack = Stack::start(plan)?;
        note(&stack, ports)?;
        return wait_for_signal().await;
    }
    let pipeline = Pipeline::start(plan, tell).await?;
    for (service, port) in pipeline.services.ports() {
        println!("{:<11} http://127.0.0.1:{port}/metrics", service.name());
    }
    note(&pipeline.stack, ports)?;
    wait_for_signal().await?;
    tell("draining");
    Ok(())
}

/// Tells this terminal and the others where everything is.
fn note(stack: &Stack, ports: Ports) -> Result<(), Failure> {
    let process = std::process::id().cast_signed();
    let (kafka, clickhouse) = (stack.brokers(), stack.clickhouse_url());
    println!("Kafka       {kafka}");
    println!("ClickHouse  {clickhouse}/play (user dashboard, password {PASSWORD})");
    println!("logs        {}", stack.logs().display());
    println!("Ctrl-C or `isobar down` ends it.");
    Running { process, ports, kafka, clickhouse }.write(stack.folder())
}

/// Ends the `up` that runs, and returns when it is gone.
///
/// # Errors
/// If none runs, or it does not end.
pub fn down() -> Result<(), Failure> {
    let process = Pid::from_raw(Running::find()?.process);
    kill(process, Signal::SIGTERM).context("cannot end `isobar up`")?;
    let patience = Deadline::after(Duration::from_secs(120));
    while kill(process, None).is_ok() {
        if patience.passed() {
            return Err(Failure("`isobar up` does not end".into()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// `$XDG_STATE_HOME/isobar`, by default `~/.local/state/isobar`.
fn state_folder() -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.filter(|folder| folder.is_absolute());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let state = state.or_else(home);
    let state = state.ok_or_else(|| Failure("neither HOME nor XDG_STATE_HOME is set".into()))?;
    Ok(state.join("isobar"))
}

/// Waits for Ctrl-C, SIGTERM or the terminal's end. Before the first call they end the process at
/// once, and the guard the rest.
///
/// # Errors
/// If signals cannot be heard.
pub async fn wait_for_signal() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("SIGINT"),
    }
}
