//! A world of WebRTC sessions with known truth, the oracle that folds the truth, and the check of
//! a pipeline's results against it.

pub mod oracle;
pub mod truth;
pub mod world;
