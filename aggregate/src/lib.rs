//! Folds enriched reports into partials of cells and sessions, block by block, so that whoever
//! folds a block, however often, writes the same rows.

mod block;
mod cell;
mod fold;
mod grouping;
mod intern;
mod judged;
mod lane;
mod lineage;
mod metrics;
#[cfg(feature = "mutations")]
pub mod mutations;
mod pipeline;
mod plan;
mod recall;
mod service;
mod session;
mod settings;
mod sketch;
mod streams;
mod table;
mod values;
mod watermark;
mod window;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

pub use grouping::{Dimension, Groupings, default_groupings};
pub use pipeline::Pipeline;
pub use service::Aggregate;
pub use settings::{AggregateSettings, MOST_OF_AN_INTERVAL};
pub use sketch::{Bin, Sketch};
