//! The code that applies topics, tables and views, and the commands' connections to Kafka and ClickHouse.

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
