//! `isobar topics`: creates Kafka's topics and sets their settings as designed.

use clap::Subcommand;
use deploy::connect::Cluster;
use deploy::failure::Failure;
use deploy::topics::{Options, Topics};

use crate::output::line;

/// `isobar topics`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Shows what is missing or different, and changes nothing.
    Plan(Options),
    /// Creates what is missing and sets what is different.
    Apply(Options),
}

/// Runs `isobar topics plan` or `isobar topics apply`.
///
/// # Errors
/// If Kafka does not answer, refuses a change, or a difference cannot be changed.
pub async fn run(verb: &Verb) -> Result<(), Failure> {
    let (Verb::Plan(options) | Verb::Apply(options)) = verb;
    let cluster = options.own.or_of_up()?;
    let names = options.raw.over(cluster.names.clone());
    let topics = Topics::of(&Cluster { names, ..cluster })?;
    let changes = topics.plan(options).await?;
    for change in &changes {
        line(change)?;
    }
    match verb {
        _ if changes.is_empty() => line("topics are as they should be"),
        Verb::Plan(_) => line(format_args!("{} to change", changes.len())),
        Verb::Apply(_) => {
            topics.apply(&changes, options).await?;
            line(format_args!("{} changed", changes.len()))
        }
    }
}
