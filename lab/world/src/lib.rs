//! Simulated WebRTC sessions with known truth: what each client sends, and what became of it.
//!
//! [`world`] and [`truth`] use no clock and no network; [`producer`] plays a world into Kafka.

pub mod producer;
pub mod replayed;
pub mod truth;
pub mod world;
