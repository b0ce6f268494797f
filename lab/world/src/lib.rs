//! Simulated WebRTC sessions with known truth: the records that clients send, and their expected
//! results.
//!
//! [`world`] and [`truth`] use no clock and no network; [`producer`] sends a world to Kafka.

pub mod producer;
pub mod replayed;
pub mod truth;
pub mod world;
