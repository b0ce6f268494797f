//! Options of a comparison.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemas::topics::Topic;

/// Options of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Truth files. Together they describe all records of the raw topic.
    pub truths: Vec<PathBuf>,
    /// The MMDB files that places were looked up in.
    pub city: Vec<PathBuf>,
    /// The files (MMDB or CSV) that providers were looked up in.
    pub asn: Vec<PathBuf>,
    /// Access to the views.
    pub clickhouse: ClickHouse,
    /// Kafka's addresses, `host:port`, separated by commas.
    pub brokers: String,
    /// Further options for librdkafka.
    pub kafka: BTreeMap<String, String>,
    /// Names of topics.
    pub topics: Topics,
}

/// Access to ClickHouse.
#[derive(Clone, Debug, Default)]
pub struct ClickHouse {
    /// `http://host:port`.
    pub url: String,
    /// Database.
    pub database: String,
    /// A user who may read the views and `blocks`.
    pub user: String,
    /// The user's password.
    pub password: String,
}

/// Names of the topics that are read.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Raw events.
    pub raw: String,
    /// Enriched reports.
    pub enriched: String,
    /// Dead letters.
    pub dead_letters: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            raw: Topic::Raw.default_name().to_owned(),
            enriched: Topic::Enriched.default_name().to_owned(),
            dead_letters: Topic::DeadLetters.default_name().to_owned(),
        }
    }
}
