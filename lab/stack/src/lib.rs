//! A local Kafka, ClickHouse and the services as processes, for `isobar up`, `demo`, the bench, torture
//! and tests.

pub mod cache;
mod clickhouse;
mod dashboard;
mod ended;
mod first_login;
mod freshness;
pub mod http;
mod kafka;
pub mod options;
mod passwords;
pub mod pipeline;
pub mod place;
mod ports;
mod process;
pub mod retention;
mod sender;
pub mod services;
pub mod signals;
mod stack;
mod tools;
mod trial;
pub mod verdict;
mod view;
mod watch;

pub use clickhouse::{ClickHouse, serve};
pub use dashboard::Dashboard;
pub use ended::{Ended, Next};
pub use freshness::{Freshness, Quantiles, rounded};
pub use kafka::{Broker, Kafka};
pub use ports::{BrokerPorts, Listener, Ports, free_ports, kept_ports};
pub use process::{Guard, Process, guard};
pub use sender::Sender;
pub use stack::{Plan, Stack};
pub use trial::Trial;
pub use view::{Arrived, Rank, View};
pub use watch::Watch;

/// Receiver of lines about the progress of a long operation. This crate and those above it never print.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);
