//! What every Isobar service does the same way: it reads topics in a consumer loop, writes with
//! contiguous acknowledgements, commits only what is acknowledged, shows its health, logs, reads
//! its settings and ends cleanly.

mod dead_letter;
mod handler;
mod ledger;
mod lineage;
mod load;
mod program;
mod record;
mod recorder;
mod reference;
mod service;
mod settings;

pub use dead_letter::dead_letter;
pub use handler::{Committed, Fatal, Handler, Output, Start, Ticket};
pub use ledger::{Commit, Ledger};
pub use lineage::{OffsetRanges, ParseRangesError};
pub use program::main;
pub use record::{AppendTime, Input, Offset, OutputTopic, Partition, Record, Source};
pub use recorder::{Recorder, Sent};
pub use reference::settings_reference;
pub use service::{Service, Topics};
pub use settings::{
    Check, Kafka, Limits, Log, LogFormat, LogLevel, Problems, Server, Settings, TopicNames,
};
