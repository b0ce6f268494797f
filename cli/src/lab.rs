//! Verbs that need the laboratory: a local stack, simulated worlds, measurements.
//!
//! The default feature `lab` includes them. A build without it knows their names and explains how
//! to get them.

#[cfg(feature = "lab")]
mod present {
    use std::ffi::OsString;
    use std::path::PathBuf;
    use std::process::ExitCode;

    use clap::Subcommand;
    use deploy::failure::Failure;

    use crate::cli::{block_on, exit_code};
    use crate::{accuracy, bench, demo, simulate, torture, up, verify};

    /// Verbs of the laboratory.
    #[derive(Debug, Subcommand)]
    pub(crate) enum Verb {
        /// Runs the whole pipeline on a simulated world, and compares the result with the truth.
        ///
        /// In your own Kafka it creates its own topics and groups, and deletes them at the end.
        Demo(demo::Options),
        /// Starts Kafka, ClickHouse and the services, and shows their addresses, until Ctrl-C.
        ///
        /// In your own Kafka it reads the existing raw topic from its beginning. It creates all other
        /// topics and the groups, with names that begin with ClickHouse's id, and keeps them.
        Up(up::Options),
        /// Ends an `up` that runs in another terminal.
        Down,
        /// Sends a simulated world to the raw topic.
        Simulate(simulate::Options),
        /// Compares the contents of ClickHouse with the truth of simulated worlds.
        Verify(verify::Options),
        /// Compares formulas, statistics, sketches and intervals with independent references.
        Accuracy(::accuracy::Options),
        /// Measures throughput, freshness and resource usage of the services.
        Bench(::bench::Options),
        /// Runs the pipeline under faults of every kind, and compares the result with the truth.
        Torture(torture_live::Options),
        #[command(hide = true)]
        Guard,
        #[command(hide = true)]
        ClickhouseServer {
            port: u16,
            engine: PathBuf,
            #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
            arguments: Vec<OsString>,
        },
    }

    /// Runs a verb.
    ///
    /// # Errors
    /// Fails as the verb does.
    pub(crate) fn run(verb: Verb) -> Result<ExitCode, Failure> {
        match verb {
            Verb::Demo(options) => return block_on(demo::run(options)).map(exit_code),
            Verb::Up(options) => block_on(up::up(options))?,
            Verb::Down => up::down()?,
            Verb::Simulate(options) => block_on(simulate::run(options))?,
            Verb::Verify(options) => return block_on(verify::run(options)).map(exit_code),
            Verb::Accuracy(options) => return block_on(accuracy::run(options)).map(exit_code),
            Verb::Bench(options) => block_on(bench::run(&options))?,
            Verb::Torture(options) => return torture::run(&options).map(exit_code),
            Verb::Guard => stack::guard(std::io::stdin().lock()),
            Verb::ClickhouseServer { port, engine, arguments } => {
                stack::serve(port, &engine, arguments)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(feature = "lab")]
pub(crate) use present::{Verb, run};

#[cfg(not(feature = "lab"))]
mod absent {
    use std::ffi::OsString;
    use std::process::ExitCode;

    use clap::{Args, Subcommand};
    use deploy::failure::Failure;

    /// Verbs of the laboratory, none of which this build has.
    #[derive(Debug, Subcommand)]
    pub(crate) enum Verb {
        #[command(hide = true, disable_help_flag = true)]
        Demo(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Up(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Down(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Simulate(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Verify(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Accuracy(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Bench(Arguments),
        #[command(hide = true, disable_help_flag = true)]
        Torture(Arguments),
    }

    /// Arguments that are not read.
    #[derive(Debug, Args)]
    pub(crate) struct Arguments {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        _arguments: Vec<OsString>,
    }

    impl Verb {
        const fn name(&self) -> &'static str {
            match self {
                Self::Demo(_) => "demo",
                Self::Up(_) => "up",
                Self::Down(_) => "down",
                Self::Simulate(_) => "simulate",
                Self::Verify(_) => "verify",
                Self::Accuracy(_) => "accuracy",
                Self::Bench(_) => "bench",
                Self::Torture(_) => "torture",
            }
        }
    }

    /// Refuses a verb.
    ///
    /// # Errors
    /// Always: names the verb and the feature that it needs.
    pub(crate) fn run(verb: Verb) -> Result<ExitCode, Failure> {
        Err(Failure::Refused(format!(
            "`isobar {}` is not part of this build, which was made without the feature `lab`; \
             `cargo build --release` in Isobar's sources makes one that has it",
            verb.name()
        )))
    }
}

#[cfg(not(feature = "lab"))]
pub(crate) use absent::{Verb, run};
