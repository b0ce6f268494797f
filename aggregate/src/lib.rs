//! Folds enriched reports into partials of cells and sessions, block by block. Every fold of a block, by
//! any instance, writes the same rows.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod block;
mod cell;
mod fold;
mod grouping;
mod hours;
mod intern;
mod lineage;
mod metrics;
#[cfg(feature = "mutations")]
pub mod mutations;
mod partition;
mod pipeline;
mod plan;
mod recall;
mod service;
mod session;
mod settings;
mod streams;
mod sums;
mod table;
mod values;
mod verdict_times;
mod watermark;
mod window;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

pub use grouping::{Dimension, Groupings, default_groupings};
pub use pipeline::Pipeline;
pub use schemas::sketch::{Bin, Sketch};
pub use service::Aggregate;
pub use settings::{AggregateSettings, MOST_OF_AN_INTERVAL};
