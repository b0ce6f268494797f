//! The `isobar` command: a local stack of Kafka and ClickHouse, Isobar's services on it, and the
//! verbs that set them up, feed them and check them.

// Where nobody reads any more, it panics.
#![deny(clippy::print_stdout)]

pub mod accuracy;
pub mod bench;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod demo;
pub mod dlq;
pub mod failure;
mod http;
pub mod migrate;
pub mod names;
mod output;
pub mod pipeline;
pub mod play;
mod private;
pub mod replay;
pub mod send;
pub mod services;
pub mod stack;
pub mod topics;
pub mod torture;
pub mod up;
