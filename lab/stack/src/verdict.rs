//! `isobar verify`: what ClickHouse says against what really happened.

use std::path::PathBuf;

use clap::Args;
use runtime::TopicNames;
use simulate::verify::{self, ClickHouse, Verdict};

use crate::cli::Servers;
use crate::cluster::Cluster;
use crate::failure::{Context, Failure};
use crate::names::RawTopic;
use crate::output::{harmless, lines};
use crate::stack::cache::{Cache, GEO, GeoFiles};
use crate::stack::{Access, Stack};
use crate::up;

/// `isobar verify`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    servers: Servers,
    #[command(flatten)]
    raw: RawTopic,
    /// Truth files: of everything that was ever sent to the raw topic.
    #[arg(long, value_name = "FILE", required = true)]
    truth: Vec<PathBuf>,
}

/// Compares, prints what differs, and says whether nothing does.
///
/// # Errors
/// If Kafka, ClickHouse or a truth file cannot be read.
pub async fn run(options: Options) -> Result<bool, Failure> {
    // One that cannot be reached is named before anything is fetched.
    let cluster = options.servers.own.or_of_up()?;
    let access = options.servers.access()?.map_or_else(up::access, Ok)?;
    let cache = Cache::of_user()?;
    cache.fetch(&[&GEO])?;
    let names = options.raw.over(cluster.names.clone());
    let cluster = Cluster { names, ..cluster };
    let verdict = verify(options.truth, cluster, access, cache.geo_files()).await?;
    lines(in_words(&verdict))?;
    Ok(verdict.mismatches == 0)
}

/// Holds everything on a stack against the truth.
///
/// # Errors
/// If Kafka, ClickHouse or a truth file cannot be read.
pub async fn verify_stack(truths: Vec<PathBuf>, stack: &Stack) -> Result<Verdict, Failure> {
    verify(truths, stack.cluster(), stack.access(), stack.geo_files()).await
}

async fn verify(
    truths: Vec<PathBuf>,
    cluster: Cluster,
    access: Access,
    geo: GeoFiles,
) -> Result<Verdict, Failure> {
    let TopicNames { raw, enriched, dead_letters, .. } = cluster.names.topics;
    let options = verify::Options {
        truths,
        city: geo.city,
        asn: geo.asn,
        clickhouse: ClickHouse {
            url: access.url,
            database: "isobar".to_owned(),
            user: "verify".to_owned(),
            password: access.passwords.of("verify").to_owned(),
        },
        brokers: cluster.brokers,
        kafka: cluster.options,
        topics: verify::Topics { raw, enriched, dead_letters },
    };
    verify::verify(&options).await.context("verify")
}

/// The verdict for the terminal, in lines.
#[must_use]
pub fn in_words(verdict: &Verdict) -> String {
    let mut text = format!(
        "raw records {}: accepted {}, duplicates {}, dead letters {}, late {}\n\
         compared with the truth: {} cells, {} sessions; {} mismatches\n",
        verdict.raw_records,
        verdict.accepted,
        verdict.duplicates,
        verdict.dead_letters,
        verdict.late,
        verdict.cells_checked,
        verdict.sessions_checked,
        verdict.mismatches,
    );
    if verdict.split_sessions > 0 {
        text += &format!("sessions in several partitions: {}\n", verdict.split_sessions);
    }
    for difference in &verdict.differences {
        text += &format!("  {}\n", harmless(difference));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_a_harmless_line_each() {
        let differences = vec!["session (\x1b[2J, \u{202e}c)\n  ok".to_owned(), "b".to_owned()];
        let text = in_words(&Verdict { differences, ..Verdict::default() });
        assert_eq!(text, runtime::harmless_lines(&text), "a terminal obeys it");
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
