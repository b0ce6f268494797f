//! What every Isobar service does the same way: it reads topics in a consumer loop, writes with
//! contiguous acknowledgements, commits only what is acknowledged, shows its health, logs, reads
//! its settings and ends cleanly.

mod handler;
mod record;

pub use handler::{Committed, Fatal, Handler, Output, Start, Ticket};
pub use record::{AppendTime, Input, Offset, OutputTopic, Partition, Record, Source};
