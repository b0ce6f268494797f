//! Why a process ends.

use service::{Fatal, Refusal};

/// Why a process ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Starting again does not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A client of Kafka stands still for good; starting again is what helps.
    #[error("{0}")]
    Stalled(String),
    /// Starting again, from the last commit, is what helps.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}
