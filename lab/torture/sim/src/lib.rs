//! The pipeline under every fault: a simulator that runs the real cores of ingest, enrich,
//! aggregate and sink, one step after the other on one thread, over simulated logs, groups and
//! tables, and compares the result with the oracle.
//!
//! Everything is determined by a seed. There is no thread, clock or network: a run takes less than
//! a millisecond, and a failed run can be repeated.

mod campaign;
mod check;
mod cluster;
mod cores;
mod faults;
mod process;
mod run;
mod table;
mod world;

pub use campaign::{Campaign, Outcome, Totals};

/// Error: the simulation cannot continue, or a service has ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A service ended by itself.
    #[error("a service ended: {0}")]
    Ended(#[from] service::Fatal),
    /// A service refuses to start.
    #[error("a service refuses to begin: {0}")]
    Refused(#[from] service::Refusal),
    /// A row does not decode as a row of its table.
    #[error("a table was sent a row that is none: {0}")]
    Row(#[from] schemas::DecodeError),
    /// An audit has invalid rules.
    #[error("an audit has rules that are none: {0}")]
    Rules(#[from] serde_json::Error),
    /// A sketch is invalid.
    #[error("a row has a sketch that is none: {0}")]
    Sketch(#[from] oracle::oracle::NotAState),
    /// The oracle's tables are broken.
    #[error(transparent)]
    LookUp(#[from] oracle::oracle::LookUpError),
    /// The world's truth lacks lines.
    #[error(transparent)]
    Truth(#[from] oracle::oracle::Stranger),
    /// Without any faults, the pipeline does not become idle.
    #[error("after {0} rounds without a fault the pipeline still has work to do")]
    Restless(usize),
}
