//! The process around any service, with or without Kafka: settings files, log, health and metrics, forced
//! exit, memory.

mod arguments;
mod ending;
mod health;
mod logging;
mod native;
mod process;
pub mod reference;
mod sections;

pub use arguments::{Arguments, CheckArguments, Command, USAGE, complain};
pub use ending::{Ending, GRACE};
pub use health::{Health, serve, serve_beside};
pub use logging::start as start_log;
pub use process::{Memory, resident_bytes};
pub use sections::{Sections, environment, set, text_of, variable};
