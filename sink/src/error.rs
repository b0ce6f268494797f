//! Reasons why ClickHouse cannot be written to.

use std::io;
use std::time::Duration;

use clickhouse::error::Error;

use crate::retry::summary;

/// Reason why the sink cannot start, or cannot write to the ClickHouse of its settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The file of the password cannot be read.
    #[error("{file}: {source}")]
    Password {
        /// The file.
        file: String,
        /// The reason.
        source: io::Error,
    },
    /// The system cannot start threads.
    #[error("threads cannot be started: {0}")]
    Threads(#[source] io::Error),
    /// ClickHouse refuses, or cannot be reached.
    #[error("{url}: {}", summary(.source))]
    Refused {
        /// Its address.
        url: String,
        /// The reason.
        source: Error,
    },
    /// ClickHouse does not answer.
    #[error("{url}: no answer within {timeout:?}")]
    NoAnswer {
        /// Its address.
        url: String,
        /// Time that was waited.
        timeout: Duration,
    },
    /// Columns are missing.
    #[error(
        "{url}: tables of an earlier schema: there is no {}; `isobar migrate status` shows all",
        .missing.join(", ")
    )]
    Schema {
        /// Its address.
        url: String,
        /// Missing columns, as `table.column`.
        missing: Vec<String>,
    },
}
