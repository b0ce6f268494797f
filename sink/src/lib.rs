//! Sink: reads enriched reports, partials and audits, and inserts them into ClickHouse.
//!
//! Delivery is at least once. Every row has an identity and a version, so inserting it again, in
//! any order, does not change the result of any query.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod batch;
mod column;
mod error;
mod metrics;
mod pipeline;
mod retry;
mod rollup;
mod rows;
pub mod seam;
mod server;
mod service;
mod settings;
mod split;
mod streams;
mod table;
mod target;
mod writer;

#[cfg(test)]
mod tests;

pub use service::Sink;
pub use settings::SinkSettings;
