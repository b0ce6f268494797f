//! The comparison of a stack with the truth, and its result in words.

use std::path::PathBuf;

use deploy::access::Access;
use deploy::connect::Cluster;
use deploy::failure::{Context, Failure};
use oracle::verify::{self, ClickHouse, Verdict};
use service::{TopicNames, harmless};

use crate::Stack;
use crate::cache::GeoFiles;

/// Holds everything on a stack against the truth.
///
/// # Errors
/// If Kafka, ClickHouse or a truth file cannot be read.
pub async fn verify_stack(truths: Vec<PathBuf>, stack: &Stack) -> Result<Verdict, Failure> {
    verify(truths, stack.cluster(), stack.access(), stack.geo_files()).await
}

/// Holds what is in `access` and `cluster` against the truth.
///
/// # Errors
/// If Kafka, ClickHouse or a truth file cannot be read.
pub async fn verify(
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
         compared with the truth: {} cells, {} sessions, {} sessions by hour, {} strata of days; \
         {} mismatches\n",
        verdict.raw_records,
        verdict.accepted,
        verdict.duplicates,
        verdict.dead_letters,
        verdict.late,
        verdict.cells_checked,
        verdict.sessions_checked,
        verdict.session_hours_checked,
        verdict.session_days_checked,
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
    fn each_difference_is_one_harmless_line() {
        let differences = vec!["session (\x1b[2J, \u{202e}c)\n  ok".to_owned(), "b".to_owned()];
        let text = in_words(&Verdict { differences, ..Verdict::default() });
        assert_eq!(text, service::harmless_lines(&text), "a terminal obeys it");
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
