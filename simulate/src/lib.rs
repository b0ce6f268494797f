//! A world of WebRTC sessions with known truth, the oracle that folds the truth, and the check of
//! a pipeline's results against it.
//!
//! [`world`], [`truth`] and [`oracle`] are pure: no clock, no network. [`producer`] plays a world
//! into Kafka, [`proxy`] makes connections fail, and [`verify`] holds ClickHouse and Kafka against
//! the oracle.

pub mod oracle;
pub mod producer;
pub mod proxy;
pub mod truth;
pub mod verify;
pub mod world;
