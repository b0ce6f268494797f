//! Holds a pipeline's results against the oracle: every cell, every sketch's bins, every session,
//! every dead letter, the counts of records, and the tiling of blocks.

mod clickhouse;
mod compare;
mod kafka;
mod settled;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use schemas::{BlockAudit, SessionPartial};
use serde::Serialize;
use world::replayed::{self, Records};
use world::truth::{Dead, TruthError};

use crate::oracle::{
    Cell, CellKey, Day, DayKey, Expected, Geo, Hour, HourKey, LookUpError, NotAState, Oracle,
    SessionKey, Stranger,
};
pub use compare::compare;

/// Options of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Truth files: of all that was ever sent to the raw topic.
    pub truths: Vec<PathBuf>,
    /// The MMDB files that places were looked up in.
    pub city: Vec<PathBuf>,
    /// The files (MMDB or CSV) that providers were looked up in.
    pub asn: Vec<PathBuf>,
    /// Access to the views.
    pub clickhouse: ClickHouse,
    /// Kafka's addresses, `host:port`, separated by commas.
    pub brokers: String,
    /// Further options for librdkafka.
    pub kafka: BTreeMap<String, String>,
    /// Names of topics.
    pub topics: Topics,
}

/// Access to ClickHouse.
#[derive(Clone, Debug, Default)]
pub struct ClickHouse {
    /// `http://host:port`.
    pub url: String,
    /// Database.
    pub database: String,
    /// A user who may read the views and `blocks`.
    pub user: String,
    /// The user's password.
    pub password: String,
}

/// Names of the topics that are looked at.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Raw events.
    pub raw: String,
    /// Enriched reports.
    pub enriched: String,
    /// Dead letters.
    pub dead_letters: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            raw: "rtc-stats-raw-v1".to_owned(),
            enriched: "rtc-enriched-v1".to_owned(),
            dead_letters: "rtc-dead-letters-v1".to_owned(),
        }
    }
}

/// Result of a comparison. The counts of records are those of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Records of the raw topic.
    pub raw_records: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Repeated or overtaken.
    pub duplicates: u64,
    /// Dead-lettered as invalid.
    pub dead_letters: u64,
    /// Dead-lettered as too late.
    pub late: u64,
    /// Cells compared.
    pub cells_checked: u64,
    /// Sessions compared.
    pub sessions_checked: u64,
    /// Rows of sessions by hour compared.
    pub session_hours_checked: u64,
    /// Strata of days compared.
    pub session_days_checked: u64,
    /// Sessions whose records lie in several partitions.
    pub split_sessions: u64,
    /// Things that differ.
    pub mismatches: u64,
    /// The first few of them, in words.
    pub differences: Vec<String>,
}

/// Results of the pipeline.
#[derive(Debug, Default)]
pub struct Actual {
    /// Contents of Kafka's logs.
    pub logs: Logs,
    /// The view `cells`.
    pub cells: Vec<(CellKey, Cell)>,
    /// The view `sessions`; what identifies rows (epoch, partition, offsets) is 0.
    pub sessions: Vec<SessionPartial>,
    /// The view `session_hours`.
    pub session_hours: Vec<(HourKey, Hour)>,
    /// The view `session_days`, where there is one.
    pub session_days: Option<Vec<(DayKey, Day)>>,
    /// Poor, good and unclassified streams of sessions by the rules of CQD, where a view says so.
    pub cqd: Option<HashMap<SessionKey, [i64; 3]>>,
    /// Audits of blocks, of each in its newest version.
    pub blocks: Vec<BlockAudit>,
    /// Sessions whose records lie in several partitions, with these.
    pub split_sessions: Vec<(SessionKey, Vec<i32>)>,
}

/// Contents of Kafka's logs.
#[derive(Debug, Default)]
pub struct Logs {
    /// Records of the raw topic.
    pub raw_records: u64,
    /// First and next offset of each partition of the enriched topic.
    pub enriched: BTreeMap<i32, (i64, i64)>,
    /// Dead letters, each source offset once.
    pub dead_letters: Vec<Dead>,
}

/// Reason why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A truth file.
    #[error("{}: {source}", path.display())]
    Truth {
        /// Which.
        path: PathBuf,
        /// Why.
        source: TruthError,
    },
    /// A truth file that lacks lines.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// A file of look-up data.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// ClickHouse.
    #[error("clickhouse: {0}")]
    ClickHouse(#[from] ::clickhouse::error::Error),
    /// ClickHouse's answer ended early.
    #[error("clickhouse: {0}")]
    Answer(#[from] std::io::Error),
    /// ClickHouse answered with rows of another shape.
    #[error("clickhouse: {table}: {source}")]
    Row {
        /// View or table.
        table: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A sketch that cannot be read.
    #[error("clickhouse: cells: {sketch}: {source}")]
    Sketch {
        /// Column.
        sketch: &'static str,
        /// What is wrong.
        source: NotAState,
    },
    /// A sum that cannot be read.
    #[error("clickhouse: session_days: {sum:?}: {source}")]
    Sum {
        /// Its text.
        sum: String,
        /// What is wrong.
        source: std::num::ParseIntError,
    },
    /// Kafka.
    #[error("kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// A dead letter that cannot be read.
    #[error("kafka: dead letter: {0}")]
    DeadLetter(#[from] schemas::DecodeError),
    /// Work in the background that was lost.
    #[error("kafka: {0}")]
    Background(#[from] tokio::task::JoinError),
}

/// Compares what the pipeline says with what the oracle says. Everything must have been drained.
///
/// # Errors
/// When either side cannot be read; differences are no errors.
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
    let mut truths = options.truths.iter().map(opened).collect::<Result<Vec<_>, _>>()?;
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

fn opened(path: &PathBuf) -> Result<Truth, VerifyError> {
    let fault = |source| VerifyError::Truth { path: path.clone(), source };
    let file = File::open(path).map_err(|error| fault(error.into()))?;
    let (header, records) = replayed::open(file).map_err(fault)?;
    Ok(Truth { path: path.clone(), is_history: header.history.is_some(), records })
}
