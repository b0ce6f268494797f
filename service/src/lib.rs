//! The parts of a service that need neither Kafka nor a clock: handlers and their outputs, the
//! ledger of acknowledgements, records and offsets, settings, refusals. The services depend on this
//! crate; `runtime` runs them.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod dead_letter;
pub mod failpoints;
mod handler;
mod harmless;
mod ledger;
mod lineage;
#[cfg(feature = "mutations")]
pub mod mutations;
mod record;
mod recorder;
mod refusal;
mod replayed;
mod service;
mod settings;
#[cfg(feature = "testing")]
pub mod testing;

pub use schemas::topics::Topic;

pub use dead_letter::{DEAD_LETTER_KEY, DEAD_LETTER_PAYLOAD, dead_letter, is_cut_short};
pub use handler::{Committed, Fatal, Handler, Output, Pace, Recall, Start, Ticket};
pub use harmless::{HarmlessLines, harmless, harmless_lines};
pub use ledger::{Commit, Ledger, LedgerError};
pub use lineage::{OffsetRanges, ParseRangesError};
pub use record::{AppendTime, Input, Offset, Partition, Record, Source};
pub use recorder::{Recorder, Sent};
pub use refusal::{Reason as RefusalReason, Refusal};
pub use replayed::{ParseReplayedError, Replayed};
pub use service::{Service, Topics};
pub use settings::{
    Check, Kafka, Limits, Log, LogFormat, LogLevel, Problems, SHORTEST_REPLAY_KEY, Server,
    Settings, TopicNames,
};
