//! What every Isobar service does the same way: it reads topics in a consumer loop, writes with
//! contiguous acknowledgements, commits only what is acknowledged, shows its health, logs, reads
//! its settings and ends cleanly.

mod client;
mod consumer_loop;
mod dead_letter;
mod flow;
mod group;
mod handler;
mod health;
mod ledger;
mod lineage;
mod load;
mod logging;
mod metrics;
#[cfg(feature = "mutations")]
pub mod mutations;
mod native;
mod positions;
mod program;
mod quota;
mod record;
mod recorder;
mod reference;
mod refusal;
mod replayed;
mod service;
mod settings;
mod topic_ids;
mod topology;
mod writer;

pub use dead_letter::dead_letter;
pub use handler::{Committed, Fatal, Handler, Output, Pace, Start, Ticket};
pub use ledger::{Commit, Ledger};
pub use lineage::{OffsetRanges, ParseRangesError};
pub use program::main;
pub use record::{AppendTime, Input, Offset, OutputTopic, Partition, Record, Source};
pub use recorder::{Recorder, Sent};
pub use reference::settings_reference;
pub use refusal::{Reason as RefusalReason, Refusal};
pub use replayed::{ParseReplayedError, Replayed};
pub use service::{Service, Topics};
pub use settings::{
    Check, Kafka, Limits, Log, LogFormat, LogLevel, Problems, Server, Settings, TopicNames,
};
