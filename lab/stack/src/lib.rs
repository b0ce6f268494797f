//! A local Kafka, ClickHouse and the services as processes, for `isobar up`, `demo`, the bench, torture
//! and tests.

// A reader of standard output that has gone makes `println!` panic.
#![deny(clippy::print_stdout)]

pub mod cache;
mod clickhouse;
mod ended;
mod first_login;
mod freshness;
pub mod http;
mod kafka;
pub mod options;
pub mod pipeline;
pub mod place;
mod ports;
mod process;
mod sender;
pub mod services;
pub mod signals;
mod stack;
mod tools;
pub mod verdict;
mod view;
mod watch;

pub use clickhouse::{ClickHouse, serve};
pub use ended::{Ended, Next};
pub use freshness::{Freshness, Quantiles, rounded};
pub use kafka::{Broker, Kafka};
pub use ports::{BrokerPorts, Listener, Ports, free_ports, kept_ports};
pub use process::{Guard, Process, guard};
pub use sender::Sender;
pub use stack::{Plan, Stack};
pub use view::{Arrived, Rank, View};
pub use watch::Watch;
