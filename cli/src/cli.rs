//! The command line: its verbs, and the modules that run them.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use deploy::failure::{Context, Failure};

use crate::output::{complain, line};
use crate::{dlq, lab, migrate, replay, send, topics};

/// From raw WebRTC statistics to benchmarks of call quality per region and provider.
#[derive(Debug, Parser)]
#[command(name = "isobar", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Lab(lab::Verb),
    /// Sends envelopes from a file to the raw topic, and shows how to query them.
    Send(send::Options),
    /// Sends recordings of real calls to the raw topic, as if they happened now.
    Replay(replay::Options),
    /// Lists, shows and replays dead letters.
    #[command(subcommand)]
    Dlq(dlq::Verb),
    /// Creates Kafka's topics and sets their settings as designed.
    #[command(subcommand)]
    Topics(topics::Verb),
    /// Creates ClickHouse's tables and views, or shows which exist.
    Migrate(migrate::Options),
    /// The service that turns raw events into reports.
    #[command(disable_help_flag = true)]
    Ingest(ServiceArguments),
    /// The service that adds place, provider, device and score to reports.
    #[command(disable_help_flag = true)]
    Enrich(ServiceArguments),
    /// The service that folds enriched reports into partials of cells and sessions.
    #[command(disable_help_flag = true)]
    Aggregate(ServiceArguments),
    /// The service that writes all of these to ClickHouse.
    #[command(disable_help_flag = true)]
    Sink(ServiceArguments),
}

/// Arguments of a service, which the service itself parses.
#[derive(Debug, Args)]
struct ServiceArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl ServiceArguments {
    fn run<S: service::Service>(self) -> ExitCode {
        let program = OsString::from(format!("isobar {}", S::NAME));
        runtime::main::<S>(std::iter::once(program).chain(self.arguments))
    }
}

/// Runs the verb in `arguments` (the program's name first).
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    match run(Command::parse_from(arguments).verb) {
        Ok(code) => code,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Lab(verb) => return lab::run(verb),
        Verb::Replay(options) => {
            // Errors of the files are reported even if there is no Kafka.
            let recorded = replay::Recorded::read(&options).context("replay")?;
            let report = if recorded.is_empty() {
                recorded.unsent()
            } else {
                recorded.send(&options, &options.own.or_of_up()?).context("replay")?
            };
            line(&report)?;
            return Ok(exit_code(!report.is_refused()));
        }
        Verb::Send(options) => send::run(&options)?,
        Verb::Migrate(options) => block_on(migrate::run(options))?,
        Verb::Dlq(verb) => dlq::run(verb)?,
        Verb::Topics(verb) => block_on(topics::run(&verb))?,
        Verb::Ingest(service) => return Ok(service.run::<ingest::Ingest>()),
        Verb::Enrich(service) => return Ok(service.run::<enrich::Enrich>()),
        Verb::Aggregate(service) => return Ok(service.run::<aggregate::Aggregate>()),
        Verb::Sink(service) => return Ok(service.run::<sink::Sink>()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the exit code of a verb that compares: failure unless everything agrees.
pub(crate) fn exit_code(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the asynchronous work of a verb. Signals are handled on a thread beside it, also while the work
/// waits for a process.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.context("cannot start")?.block_on(work)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn every_build_shows_its_help() {
        let error = Command::try_parse_from(["isobar", "--help"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DisplayHelp);
        let names_demo = error.to_string().contains("demo");
        assert_eq!(names_demo, cfg!(feature = "lab"), "{error}");
    }

    #[cfg(not(feature = "lab"))]
    #[test]
    fn a_verb_that_is_not_built_in_is_refused_with_the_feature_that_it_needs() {
        for arguments in [&["demo", "--help"][..], &["bench", "--runs", "3"], &["down"]] {
            let command = Command::try_parse_from([&["isobar"], arguments].concat()).unwrap();
            let refused = run(command.verb).unwrap_err().to_string();
            assert!(refused.contains(arguments[0]) && refused.contains("`lab`"), "{refused}");
        }
    }
}
