//! The `isobar` command: a local stack of Kafka and ClickHouse, Isobar's services on it, and the
//! verbs that set them up, feed them and check them.

pub mod cli;
pub mod failure;
mod http;
pub mod replay;
pub mod stack;
pub mod topics;
pub mod up;
