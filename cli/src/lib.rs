//! The `isobar` command: one module a verb.

// A reader of standard output that has gone makes `println!` panic.
#![deny(clippy::print_stdout)]

pub mod cli;
pub mod demo;
pub mod dlq;
pub mod replay;
pub mod send;
pub mod simulate;
pub mod up;
pub mod verify;
