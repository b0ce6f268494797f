//! Errors that end a process.

use service::{Fatal, Refusal};

/// Error that ends a process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A restart does not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A client of Kafka has stalled for good; a restart helps.
    #[error("{0}")]
    Stalled(String),
    /// A restart from the last commit helps.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}
