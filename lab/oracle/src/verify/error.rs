//! Errors of a comparison.

use std::path::PathBuf;

use world::truth::TruthError;

use crate::oracle::{LookUpError, NotAState, Stranger};

/// Reason why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A truth file cannot be read.
    #[error("{}: {source}", path.display())]
    Truth {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: TruthError,
    },
    /// A truth file has no line for a record.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// A file of look-up data cannot be read.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// ClickHouse cannot be reached or returns an error.
    #[error("clickhouse: {0}")]
    ClickHouse(#[from] ::clickhouse::error::Error),
    /// A response of ClickHouse ended early.
    #[error("clickhouse: {0}")]
    Answer(#[from] std::io::Error),
    /// A row of ClickHouse has other columns than expected.
    #[error("clickhouse: {table}: {source}")]
    Row {
        /// View or table.
        table: &'static str,
        /// Cause.
        source: serde_json::Error,
    },
    /// A sketch that cannot be read.
    #[error("clickhouse: cells: {sketch}: {source}")]
    Sketch {
        /// Column.
        sketch: &'static str,
        /// Cause.
        source: NotAState,
    },
    /// A sum that cannot be read.
    #[error("clickhouse: session_days: {sum:?}: {source}")]
    Sum {
        /// Its text.
        sum: String,
        /// Cause.
        source: std::num::ParseIntError,
    },
    /// Kafka cannot be reached or returns an error.
    #[error("kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// A dead letter that cannot be read.
    #[error("kafka: dead letter: {0}")]
    DeadLetter(#[from] schemas::DecodeError),
    /// The thread that reads Kafka panicked.
    #[error("kafka: {0}")]
    Background(#[from] tokio::task::JoinError),
}
