//! What every Isobar service does the same way: it reads topics in a consumer loop, writes with
//! contiguous acknowledgements, commits only what is acknowledged, shows its health, logs, reads
//! its settings and ends cleanly.

#[cfg(feature = "service")]
mod append_times;
#[cfg(feature = "service")]
mod binding;
#[cfg(feature = "service")]
mod client;
#[cfg(feature = "service")]
mod consumer_loop;
mod dead_letter;
#[cfg(feature = "service")]
mod ending;
#[cfg(feature = "service")]
mod epochs;
pub mod failpoints;
#[cfg(feature = "service")]
mod flow;
#[cfg(feature = "service")]
mod group;
mod handler;
mod harmless;
#[cfg(feature = "service")]
mod health;
#[cfg(feature = "service")]
mod lag;
mod ledger;
#[cfg(feature = "service")]
mod letters;
mod lineage;
#[cfg(feature = "service")]
mod liveness;
#[cfg(feature = "service")]
mod load;
#[cfg(feature = "service")]
mod logging;
#[cfg(feature = "service")]
mod metrics;
#[cfg(feature = "mutations")]
pub mod mutations;
#[cfg(feature = "service")]
mod native;
#[cfg(feature = "service")]
mod positions;
#[cfg(feature = "service")]
mod process;
#[cfg(feature = "service")]
mod program;
#[cfg(feature = "service")]
mod quota;
#[cfg(feature = "service")]
mod reach;
mod record;
mod recorder;
#[cfg(feature = "service")]
mod reference;
mod refusal;
#[cfg(feature = "service")]
mod replay_key;
mod replayed;
mod service;
mod settings;
#[cfg(feature = "service")]
mod topic_ids;
#[cfg(feature = "service")]
mod topology;
#[cfg(feature = "service")]
mod writer;

pub use dead_letter::{DEAD_LETTER_KEY, DEAD_LETTER_PAYLOAD, dead_letter, is_cut_short};
pub use handler::{Committed, Fatal, Handler, Output, Pace, Recall, Start, Ticket};
pub use harmless::{HarmlessLines, harmless, harmless_lines};
pub use ledger::{Commit, Ledger};
pub use lineage::{OffsetRanges, ParseRangesError};
#[cfg(feature = "service")]
pub use load::{kafka_settings, replay_secret};
#[cfg(feature = "service")]
pub use program::main;
#[cfg(feature = "service")]
pub use reach::reach;
pub use record::{AppendTime, Input, Offset, OutputTopic, Partition, Record, Source};
pub use recorder::{Recorder, Sent};
#[cfg(feature = "service")]
pub use reference::settings_reference;
pub use refusal::{Reason as RefusalReason, Refusal};
#[cfg(feature = "service")]
pub use replay_key::{Claim, ReplayKey};
pub use replayed::{ParseReplayedError, Replayed};
pub use service::{Service, Topics};
pub use settings::{
    Check, Kafka, Limits, Log, LogFormat, LogLevel, Problems, Server, Settings, TopicNames,
};
