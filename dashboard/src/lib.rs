//! What a dashboard says about cells and sessions, without the page: for now the statistics.

pub mod statistics;
