//! The `isobar` command: one module per verb. The only crate of the workspace that prints.

#[cfg(feature = "lab")]
pub mod accuracy;
#[cfg(feature = "lab")]
pub mod bench;
pub mod cli;
#[cfg(feature = "lab")]
pub mod demo;
pub mod dlq;
mod lab;
pub mod migrate;
mod output;
pub mod replay;
pub mod send;
#[cfg(feature = "lab")]
mod server_args;
#[cfg(feature = "lab")]
pub mod simulate;
pub mod topics;
#[cfg(feature = "lab")]
pub mod torture;
#[cfg(feature = "lab")]
pub mod up;
#[cfg(feature = "lab")]
pub mod verify;
