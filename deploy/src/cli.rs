//! The command line: which verbs there are, and who does them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::failure::Failure;
use crate::{stack, up};

/// From raw WebRTC statistics to benchmarks of call quality per region and provider.
#[derive(Debug, Parser)]
#[command(name = "isobar", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Starts Kafka, ClickHouse and the services, and shows where they are, until Ctrl-C.
    Up(up::Options),
    /// Ends an `up` that runs in another terminal.
    Down,
    #[command(hide = true)]
    Guard,
    #[command(hide = true)]
    ClickhouseServer {
        library: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Somebody's own servers, instead of those that `isobar` starts.
#[derive(Clone, Debug, Default, Args)]
pub struct Servers {
    /// Your own Kafka: host:port, separated by commas.
    #[arg(long, value_name = "BROKERS")]
    pub kafka: Option<String>,
    /// Your own ClickHouse: http://host:port.
    #[arg(long, value_name = "URL")]
    pub clickhouse: Option<String>,
}

/// Does what `arguments` (the program's name first) ask for.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    match run(Command::parse_from(arguments).verb) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("isobar: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Up(options) => up::up(options)?,
        Verb::Down => up::down()?,
        Verb::Guard => stack::guard(std::io::stdin().lock()),
        Verb::ClickhouseServer { library, arguments } => stack::serve(&library, arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
