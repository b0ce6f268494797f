//! The service `dashboard`: an HTTP API over the views of ClickHouse, and the page that shows it.
//!
//! The core has no I/O: what a request may ask for, folding of small cells, figures, comparisons. Around it
//! are `store` (ClickHouse), `ask` (which query answers what), `server` and `program`.

pub mod access;
pub mod answers;
pub mod api;
mod ask;
pub mod cells;
pub mod comparison;
pub mod csv;
pub mod dimension;
mod endpoints;
pub mod exposed;
pub mod figure;
pub mod filter;
pub mod fold;
mod freshness;
pub mod lattice;
pub mod league;
mod live;
pub mod measure;
mod named;
mod page;
pub mod problem;
mod program;
pub mod query;
mod request;
mod server;
pub mod settings;
mod store;
mod tables;
pub mod trend;

pub use program::{NAME, main, settings_reference};
