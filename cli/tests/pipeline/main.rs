//! End-to-end tests on a real Kafka and a real ClickHouse, which the tests start.
//!
//! Every test has its own stack. At most three stacks run at the same time (`harness.rs`), because tests mostly
//! wait.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs
)]

mod access;
mod bounded;
mod crowded;
mod dashboard;
mod demo;
mod dlq;
mod faults;
mod fenced;
mod grafana;
mod harness;
mod history;
mod lost_tail;
mod pages;
mod partitions;
mod personal_data;
mod program;
mod questions;
mod recall;
mod recording;
mod recovery;
mod recovery_page;
mod refusals;
mod secured;
mod send;
mod sink_live;
mod stack;
mod statistics;
mod target;
mod topics;
mod unreachable;
mod world;
