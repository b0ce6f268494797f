//! The program around the dashboard: `isobar-dashboard [--config FILE] [check [--connect]]`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use host::{
    Arguments, CheckArguments, Command, Health, Memory, Sections, USAGE, environment, reference,
    serve_beside, set, start_log, text_of,
};
use prometheus::Registry;
use serde_json::{Map, Value};
use service::{Log, Problems, RefusalReason, Server};

use crate::freshness::{Watch, lags};
use crate::request::now;
use crate::server::{Shared, routes};
use crate::settings::DashboardSettings;
use crate::store::Store;

/// Name of the service.
pub const NAME: &str = "dashboard";
const PORT: u16 = 9605;
/// `check --connect` could not reach something (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// The process cannot go on (`EX_SOFTWARE`).
const FATAL: u8 = 70;
/// Interval between two looks at ClickHouse.
const LOOK: Duration = Duration::from_secs(2);
/// Interval between two looks at the services' backlogs.
const LOOK_AT_LAGS: Duration = Duration::from_secs(5);
/// Interval between two looks at signals.
const STEP: Duration = Duration::from_millis(50);

const EXIT_CODES: &str = "Settings come from the file, and over it from variables of the environment \
such as ISOBAR_DASHBOARD__URL.\n\nExit codes: 0 ended cleanly, 64 wrong arguments or settings, 69 \
`check --connect` failed, 70 cannot go on (start it again), 78 its own port is taken.";

/// The settings of the dashboard.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Section `[server]`.
    pub server: Server,
    /// Section `[log]`.
    pub log: Log,
    /// Section `[dashboard]`.
    pub dashboard: DashboardSettings,
}

/// Reads the settings: defaults, under the TOML `file`, under the environment's `variables`.
///
/// # Errors
/// All errors: of syntax and types, unknown keys, failed checks.
pub(crate) fn load(
    file: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    let mut sections = Sections::read(defaults(), file, variables, &mut problems);
    let settings = Settings {
        server: sections.take("server"),
        log: sections.take("log"),
        dashboard: sections.take(NAME),
    };
    sections.refuse_rest();
    problems.check(NAME, &settings.dashboard);
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn defaults() -> Map<String, Value> {
    let mut sections = Map::new();
    set(&mut sections, &["server", "listen"], Value::String(format!("127.0.0.1:{PORT}")));
    sections
}

/// Returns the settings as a Markdown table: key, type, default, environment variable, meaning.
#[must_use]
pub fn settings_reference() -> String {
    let mut table = reference::HEADER.to_owned();
    let own = defaults();
    reference::section::<Server>(&mut table, "server", &own);
    reference::section::<Log>(&mut table, "log", &own);
    reference::section::<DashboardSettings>(&mut table, NAME, &own);
    table
}

/// Runs the dashboard, from the arguments (the first is the program's name) to the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let about = "The service that answers questions about call quality: a page and an HTTP API";
    let arguments = match Arguments::read(NAME, about, EXIT_CODES, args) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let settings = match read(arguments.config.as_deref()) {
        Ok(settings) => settings,
        Err(problems) => return host::complain(NAME, &problems, USAGE),
    };
    match arguments.command {
        Some(Command::Check(arguments)) => check(&settings, &arguments),
        None => {
            start_log(&settings.log);
            run(settings).unwrap_or_else(|failure| failure.log()).into()
        }
    }
}

fn read(path: Option<&Path>) -> Result<Settings, Problems> {
    load(&path.map_or(Ok(String::new()), text_of)?, environment())
}

#[expect(clippy::print_stdout, reason = "the answer of `check`, which is no log")]
fn check(settings: &Settings, arguments: &CheckArguments) -> ExitCode {
    let mut problems = Problems::default();
    if arguments.connect {
        let timeout = Duration::from_secs(arguments.timeout);
        if let Err(reason) = connect(settings, timeout) {
            problems.push("dashboard.url", reason);
        }
    }
    if problems.is_empty() {
        println!("isobar-{NAME}: all settings are valid");
        return ExitCode::SUCCESS;
    }
    host::complain(NAME, &problems, UNAVAILABLE)
}

fn connect(settings: &Settings, timeout: Duration) -> Result<(), Failure> {
    let client = settings.dashboard.client().map_err(Failure::Password)?;
    let store = Store::new(&settings.dashboard, client, &Registry::new())?;
    let runtime = runtime()?;
    let asked =
        runtime.block_on(async { tokio::time::timeout(timeout, store.newest_minute()).await });
    match asked {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(problem)) => Err(Failure::ClickHouse(problem.detail)),
        Err(_) => Err(Failure::ClickHouse("ClickHouse does not answer in time".to_owned())),
    }
}

/// Errors that end the process.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("dashboard.password_file cannot be read: {0}")]
    Password(#[source] std::io::Error),
    #[error("server.listen {0}: {1}")]
    Address(std::net::SocketAddr, #[source] std::io::Error),
    #[error("metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot start: {0}")]
    Start(#[source] std::io::Error),
    #[error("{0}")]
    ClickHouse(String),
}

impl Failure {
    /// Logs how the process ends, and returns its exit code.
    fn log(&self) -> u8 {
        match self {
            Self::Address(..) => {
                tracing::error!("refuses: {self}");
                RefusalReason::Address.exit_code()
            }
            Self::Password(_) => {
                tracing::error!("refuses: {self}");
                USAGE
            }
            _ => {
                tracing::error!("cannot go on: {self}");
                FATAL
            }
        }
    }
}

/// Returns the threads that compute answers, one for each core.
fn workers() -> Result<tokio::runtime::Runtime, Failure> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads.thread_name("answers").enable_all().build().map_err(Failure::Start)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Start)
}

fn run(settings: Settings) -> Result<u8, Failure> {
    let registry = Registry::new();
    registry.register(Box::new(Memory::new()?))?;
    let client = settings.dashboard.client().map_err(Failure::Password)?;
    let store = Arc::new(Store::new(&settings.dashboard, client, &registry)?);
    // Connections belong to the runtime that opened them, and clones of a client share them.
    let client = settings.dashboard.client().map_err(Failure::Password)?;
    let watcher = Store::new(&settings.dashboard, client, &Registry::new())?;
    let watch = Arc::new(Watch::new(settings.dashboard.lag_s));
    let services = settings.dashboard.services.clone();
    let workers = workers()?;
    let shared = Shared::new(
        settings.dashboard,
        store,
        Arc::clone(&watch),
        &registry,
        workers.handle().clone(),
    )?;
    let health = Arc::new(Health::new());
    let listen = settings.server.listen;
    let address =
        serve_beside(routes(Arc::new(shared)), listen, Arc::clone(&health), registry, || ())
            .map_err(|error| Failure::Address(listen, error))?;
    tracing::info!(service = NAME, %address, "started");
    let runtime = runtime()?;
    let (mut looked, mut looked_at_lags) = (None::<Instant>, None::<Instant>);
    while !health.stopping() {
        health.beat();
        if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            let minute = runtime.block_on(watcher.newest_minute());
            health.set_waits_for(minute.as_ref().err().map(|problem| problem.detail.clone()));
            watch.set_minute(minute);
            looked = Some(Instant::now());
        }
        if looked_at_lags.is_none_or(|looked| looked.elapsed() >= LOOK_AT_LAGS) {
            watch.set_lags(lags(&services), now());
            looked_at_lags = Some(Instant::now());
        }
        std::thread::sleep(STEP);
    }
    // What is still computed is for nobody.
    workers.shutdown_background();
    tracing::info!("ended");
    Ok(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn all_errors_of_settings_are_reported_at_once() {
        let file = "[dashboard]\nurl = 'ftp://x'\nqueries = 0\ntypo = 1\n\
                    [[dashboard.tokens]]\ntoken = 'short'\nrole = 'viewer'\n[kafka]\nbrokers = 'a'\n";
        let problems = load(file, []).unwrap_err();
        let starts = [
            "dashboard.typo: unknown key",
            "kafka: unknown section",
            "dashboard.url: must start with http://",
            "dashboard.tokens.0.token: is too short",
            "dashboard.queries: must be from 1 to 256",
        ];
        for start in starts {
            assert!(
                problems.lines().iter().any(|line| line.starts_with(start)),
                "{start}: {problems:?}"
            );
        }
        assert_eq!(problems.lines().len(), starts.len(), "{problems:?}");
    }

    #[test]
    fn the_environment_is_over_the_file() {
        let variables = [
            ("ISOBAR_DASHBOARD__URL".to_owned(), "http://ch:8123".to_owned()),
            ("ISOBAR_SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ];
        let settings = load("[dashboard]\nurl = 'http://file:1'\nlag_s = 90\n", variables).unwrap();
        assert_eq!(
            (settings.dashboard.url.as_str(), settings.dashboard.lag_s),
            ("http://ch:8123", 90)
        );
        assert_eq!(settings.server.listen.port(), 0);
        assert_eq!(load("", []).unwrap().server.listen.port(), PORT);
    }

    #[test]
    fn secrets_are_not_printed() {
        let file = "[dashboard]\npassword = 'secret-1'\n[[dashboard.tokens]]\n\
                    token = 'secret-secret-secret-secret'\n";
        assert!(!format!("{:?}", load(file, []).unwrap()).contains("secret-"));
    }
}
