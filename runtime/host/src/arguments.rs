//! The command line of a service.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use service::{Problems, harmless};

/// Command line or settings are wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;

/// Command line of a service: `isobar-NAME [--config FILE] [check [--connect]]`.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Settings file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Action instead of running
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Action of a service instead of running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads and checks every setting, prints all errors, and ends
    Check(CheckArguments),
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Also tries Kafka, the topics and what else the service needs
    #[arg(long)]
    pub connect: bool,
    /// Longest wait for an answer, with --connect
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
}

impl Arguments {
    /// Reads the arguments (the first is the program's name) of the service `name`.
    ///
    /// # Errors
    /// The exit code, after help or an invalid argument was printed.
    pub fn read(
        name: &str,
        about: &'static str,
        exit_codes: &'static str,
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, ExitCode> {
        let command =
            Self::command().bin_name(format!("isobar-{name}")).about(about).after_help(exit_codes);
        let matches = command.try_get_matches_from(args);
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| {
            // If neither output can be written to, the error cannot be reported.
            let _ = error.print();
            if error.use_stderr() { USAGE.into() } else { ExitCode::SUCCESS }
        })
    }
}

/// Prints the errors in the settings of the service `name`, and returns the exit code.
#[expect(clippy::print_stderr, reason = "settings say where the log goes, and these are wrong")]
#[must_use]
pub fn complain(name: &str, problems: &Problems, code: u8) -> ExitCode {
    for line in problems.lines() {
        eprintln!("isobar-{name}: {}", harmless(line));
    }
    code.into()
}
