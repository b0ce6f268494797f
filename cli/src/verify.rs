//! `isobar verify`: compares the contents of ClickHouse with the truth of simulated worlds.

use std::path::PathBuf;

use clap::Args;
use deploy::connect::Cluster;
use deploy::failure::Failure;
use deploy::names::RawTopic;
use stack::cache::{Cache, GEO};
use stack::verdict::{in_words, verify};

use crate::output::lines;
use crate::server_args::ServerArgs;

/// `isobar verify`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    servers: ServerArgs,
    #[command(flatten)]
    raw: RawTopic,
    /// Truth files of everything that was ever sent to the raw topic.
    #[arg(long, value_name = "FILE", required = true)]
    truth: Vec<PathBuf>,
}

/// Compares, prints the differences, and returns true if there are none.
///
/// # Errors
/// If Kafka, ClickHouse or a truth file cannot be read.
pub async fn run(options: Options) -> Result<bool, Failure> {
    // An unreachable cluster is reported before anything is fetched.
    let cluster = options.servers.own.or_of_up()?;
    let access = options.servers.access_or_of_up()?;
    let cache = Cache::of_user()?;
    cache.fetch(&[&GEO])?;
    let names = options.raw.over(cluster.names.clone());
    let cluster = Cluster { names, ..cluster };
    let verdict = verify(options.truth, cluster, access, cache.geo_files()).await?;
    lines(in_words(&verdict))?;
    Ok(verdict.mismatches == 0)
}
