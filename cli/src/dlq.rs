//! `isobar dlq`: lists, shows and replays dead letters.

mod filter;
mod letter;
mod log;
mod plan;
mod replay;
mod selection;
mod show;
mod summary;

use clap::{Args, Subcommand};
use deploy::failure::Failure;

use crate::output::line;
use selection::Selection;

/// `isobar dlq`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Counts dead letters by stage, reason and source.
    Ls(Ls),
    /// Shows single dead letters.
    Show(Show),
    /// Sends dead letters back to the topics that they came from, each only once.
    Replay(replay::Options),
}

/// `isobar dlq ls`.
#[derive(Debug, Args)]
pub struct Ls {
    #[command(flatten)]
    selection: Selection,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// `isobar dlq show`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    show: show::Options,
}

/// Runs a verb.
///
/// # Errors
/// If Kafka does not answer or refuses, or the options cannot be met.
pub fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls(Ls { selection, json }) => {
            let summary = summary::read(&selection.access()?, &selection.filter)?;
            line(if json { summary.json()? } else { summary.table() })?;
        }
        Verb::Show(Show { selection, show }) => {
            show::run(&selection.access()?, &selection.filter, &show)?;
        }
        Verb::Replay(options) => {
            let access = options.selection.access()?;
            let report = replay::run(&access, &options)?;
            line(if options.json { report.json()? } else { report.to_string() })?;
        }
    }
    Ok(())
}
