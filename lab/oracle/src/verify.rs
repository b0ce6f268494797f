//! Compares the results of a pipeline with the oracle: every cell, the bins of every sketch, every
//! session and dead letter, the counts of records, and that blocks cover the log without gaps.

mod clickhouse;
mod compare;
mod error;
mod kafka;
mod options;
mod settled;
mod verdict;

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use world::replayed::{self, Records};

use crate::oracle::{Expected, Geo, Oracle};
pub use compare::compare;
pub use error::VerifyError;
pub use options::{ClickHouse, Options, Topics};
pub use verdict::{Actual, Logs, Verdict};

/// Compares the results of the pipeline with the oracle's. All records must have been processed.
///
/// # Errors
/// If the truth files, Kafka or ClickHouse cannot be read. Differences are part of the verdict.
pub async fn verify(options: &Options) -> Result<Verdict, VerifyError> {
    let reader = clickhouse::Reader::new(&options.clickhouse);
    let (expected, (windows, early)) = fold(options, &reader).await?;
    let asked = options.clone();
    let logs = tokio::task::spawn_blocking(move || kafka::read(&asked)).await??;
    let (sessions, cqd) = reader.sessions().await?.into_iter().unzip();
    let actual = Actual {
        logs,
        cells: reader.cells(windows).await?,
        sessions,
        session_hours: reader.session_hours().await?,
        session_days: Some(reader.session_days().await?),
        cqd: Some(cqd),
        blocks: reader.blocks().await?,
        split_sessions: reader.split_sessions().await?,
    };
    let mut verdict = compare(&expected, &actual);
    verdict.include(early);
    Ok(verdict)
}

/// Returns the sum of the truth files. The cells of one history are compared meanwhile: all but those of the
/// returned windows, with the returned result.
async fn fold(
    options: &Options,
    reader: &clickhouse::Reader,
) -> Result<(Expected, (Range<i64>, Verdict)), VerifyError> {
    let mut oracle = Oracle::new(Geo::open(&options.city, &options.asn)?);
    let mut settled = settled::Settled::new(reader);
    let mut truths = options.truths.iter().map(open_truth).collect::<Result<Vec<_>, _>>()?;
    // Others may contribute to any cell of a history: they are folded before it.
    truths.sort_by_key(|truth| truth.is_history);
    let count = truths.len();
    for (number, Truth { path, is_history, records }) in truths.into_iter().enumerate() {
        oracle.next_truth();
        for record in records {
            let record =
                record.map_err(|source| VerifyError::Truth { path: path.clone(), source })?;
            let event_us = record.event.as_ref().map(|event| event.event_us);
            oracle.fold(record)?;
            if let (true, Some(event_us)) = (is_history && number + 1 == count, event_us) {
                settled.look(&mut oracle, event_us).await?;
            }
        }
    }
    Ok((oracle.finish(), settled.finish()))
}

struct Truth {
    path: PathBuf,
    is_history: bool,
    records: Records,
}

fn open_truth(path: &PathBuf) -> Result<Truth, VerifyError> {
    let fault = |source| VerifyError::Truth { path: path.clone(), source };
    let file = File::open(path).map_err(|error| fault(error.into()))?;
    let (header, records) = replayed::open(file).map_err(fault)?;
    Ok(Truth { path: path.clone(), is_history: header.history.is_some(), records })
}
