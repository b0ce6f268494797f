//! What operators apply: topics, tables and views; and how a verb reaches Kafka and ClickHouse.

pub mod access;
pub mod connect;
pub mod deadline;
pub mod failure;
pub mod migrate;
pub mod names;
pub mod private;
pub mod running;
pub mod service;
pub mod topics;
