//! `isobar dlq`: lists, shows and replays dead letters.

mod filter;
mod letter;
mod log;
mod plan;
mod replay;
mod show;
mod summary;

use clap::{Args, Subcommand};
use deploy::connect::{Cluster, KafkaArgs};
use deploy::failure::Failure;
use deploy::names::RawTopic;
use service::TopicNames;

use crate::output::line;
use filter::Filter;

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

/// Selection of dead letters.
#[derive(Clone, Debug, Default, Args)]
struct Chosen {
    #[command(flatten)]
    own: KafkaArgs,
    /// The raw topic [default: rtc-stats-raw-v1, or that of the `isobar up` that runs].
    #[arg(long, value_name = "TOPIC")]
    raw_topic: Option<String>,
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

/// Runs a verb.
///
/// # Errors
/// If Kafka does not answer or refuses, or the options cannot be met.
pub fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls(Ls { chosen, json }) => {
            let summary = summary::read(&access(&chosen)?, &chosen.filter)?;
            line(if json { summary.json()? } else { summary.table() })?;
        }
        Verb::Show(Show { chosen, show }) => {
            show::run(&access(&chosen)?, &chosen.filter, &show)?;
        }
        Verb::Replay(options) => {
            let access = access(&options.chosen)?;
            let report = replay::run(&access, &options)?;
            line(if options.json { report.json()? } else { report.to_string() })?;
        }
    }
    Ok(())
}

/// The cluster, and the names of its topics.
struct Access {
    cluster: Cluster,
    names: TopicNames,
}

fn access(chosen: &Chosen) -> Result<Access, Failure> {
    let cluster = chosen.own.or_of_up()?;
    let raw = RawTopic { name: chosen.raw_topic.clone() };
    let names = raw.over(cluster.names.clone()).topics;
    Ok(Access { cluster, names })
}
