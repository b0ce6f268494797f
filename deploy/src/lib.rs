//! What operators apply: topics, tables and views; and how a verb reaches Kafka and ClickHouse.

// A reader of standard output that has gone makes `println!` panic.
#![deny(clippy::print_stdout)]

pub mod access;
pub mod connect;
pub mod deadline;
pub mod failure;
pub mod migrate;
pub mod names;
pub mod output;
pub mod private;
pub mod running;
pub mod service;
pub mod topics;
