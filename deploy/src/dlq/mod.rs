//! `isobar dlq`: the dead letters, what is in them, and back to where they came from.

mod filter;
mod letter;
mod log;
mod plan;
mod replay;
mod show;
mod summary;

use clap::{Args, Subcommand};
use runtime::TopicNames;

use crate::cluster::{Cluster, Own};
use crate::failure::Failure;
use crate::output::line;
use filter::Filter;

/// `isobar dlq`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Counts dead letters by stage, reason and source.
    Ls(Ls),
    /// Shows single dead letters.
    Show(Show),
    /// Sends dead letters back to the topics that they came from, each once.
    Replay(replay::Options),
}

/// Which dead letters.
#[derive(Clone, Debug, Default, Args)]
struct Chosen {
    #[command(flatten)]
    own: Own,
    #[command(flatten)]
    filter: Filter,
}

/// `isobar dlq ls`.
#[derive(Debug, Args)]
pub struct Ls {
    #[command(flatten)]
    chosen: Chosen,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// `isobar dlq show`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    show: show::Options,
}

/// Does what `verb` says.
///
/// # Errors
/// If Kafka does not answer or refuses, or what is asked for cannot be done.
pub fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls(Ls { chosen, json }) => {
            let summary = summary::read(&access(&chosen.own)?, &chosen.filter)?;
            line(if json { summary.json()? } else { summary.table() })?;
        }
        Verb::Show(Show { chosen, show }) => {
            show::run(&access(&chosen.own)?, &chosen.filter, &show)?;
        }
        Verb::Replay(options) => {
            let access = access(&options.chosen.own)?;
            let report = replay::run(&access, &options)?;
            line(if options.json { report.json()? } else { report.to_string() })?;
        }
    }
    Ok(())
}

/// The cluster, and what its topics are called.
struct Access {
    cluster: Cluster,
    names: TopicNames,
}

fn access(own: &Own) -> Result<Access, Failure> {
    Ok(Access { cluster: own.or_of_up()?, names: TopicNames::default() })
}
