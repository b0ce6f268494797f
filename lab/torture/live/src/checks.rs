//! Checks of all invariants after the drain, using only Kafka, ClickHouse and the truth files.

use std::path::PathBuf;

use clickhouse::Row;
use deploy::failure::{Context, Failure};
use oracle::verify::Verdict;
use serde::Deserialize;
use stack::services::supervisor::is_hopeless;
use stack::verdict::verify_stack;

use super::cluster::Cluster;
use super::report::{Absorbed, rounded};
use super::versions;

/// Findings.
pub(super) struct Checked {
    /// Result of the comparison with the oracle.
    pub(super) verdict: Verdict,
    /// Descriptions of other discrepancies.
    pub(super) wrong: Vec<String>,
    pub(super) absorbed: Absorbed,
}

/// Sums over audit rows and tables.
#[derive(Row, Deserialize)]
struct Sums {
    read: i64,
    replayed: i64,
    undecodable: i64,
    intervals: i64,
    samples: u64,
}

const SUMS: &str = "SELECT toInt64(sum(read)) AS read, toInt64(sum(replayed)) AS replayed,
        toInt64(sum(undecodable)) AS undecodable, toInt64(sum(intervals)) AS intervals,
        ifNull((SELECT count() FROM samples FINAL), 0) AS samples
    FROM blocks FINAL";

/// Exit code of a service with invalid settings or files.
const SETTINGS: i32 = 64;

/// Checks everything. `look_up` is true if files of look-up data were damaged by faults.
pub(super) fn check(
    cluster: &Cluster,
    truths: Vec<PathBuf>,
    look_up: bool,
) -> Result<Checked, Failure> {
    let verdict = cluster.block_on(verify_stack(truths, &cluster.stack))?;
    let found = versions::read(&cluster.stack.brokers(), &cluster.kafka, &cluster.topics)?;
    let client = cluster.stack.access().client("dashboard");
    let sums = cluster.block_on(client.query(SUMS).fetch_one::<Sums>()).context("ClickHouse")?;
    let letters: i64 = cluster.kafka.ends(&cluster.topics.dead_letters)?.values().sum();
    let mut wrong = found.wrong;
    if sums.undecodable != 0 {
        wrong.push(format!("{} enriched records could not be read", sums.undecodable));
    }
    if i64::try_from(sums.samples) != Ok(sums.intervals) {
        wrong.push(format!("{} samples, but {} intervals", sums.samples, sums.intervals));
    }
    for (name, exits) in cluster.fleet.exits() {
        for (code, times) in exits {
            let is_expected = look_up && code == SETTINGS && name.starts_with("enrich");
            if is_hopeless(code) && !is_expected {
                wrong.push(format!("{name} refused to continue {times} times, with code {code}"));
            }
        }
    }
    let given_up = verdict.dead_letters + verdict.late;
    let absorbed = Absorbed {
        raw: verdict.duplicates,
        reports: sums.replayed.unsigned_abs(),
        reports_share: share(sums.replayed as f64, sums.read as f64),
        rows: found.again,
        rows_share: share(found.again as f64, found.written as f64),
        dead_letters: letters.unsigned_abs().saturating_sub(given_up),
    };
    Ok(Checked { verdict, wrong, absorbed })
}

fn share(of: f64, all: f64) -> f64 {
    if all > 0.0 { rounded(of / all) } else { 0.0 }
}
