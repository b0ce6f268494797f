//! The program around a service's handler: consumer loop, writes with acknowledgements, commits, health,
//! metrics, log, settings, shutdown.

mod append_times;
mod binding;
mod client;
mod consumer_loop;
mod epochs;
mod failure;
mod flow;
mod group;
mod lag;
mod letters;
mod liveness;
mod load;
mod memory_limit;
mod metrics;
mod native;
mod positions;
mod program;
mod quota;
mod reach;
mod reference;
mod replay_key;
mod topic_ids;
mod topology;
mod writer;

pub use load::{kafka_settings, replay_secret};
pub use program::main;
pub use reach::{Unreachable, Unserved, reach, takes_records};
pub use reference::settings_reference;
pub use replay_key::{Claim, ReplayKey};
