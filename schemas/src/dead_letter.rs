//! `rtc-dead-letters-v1`: what could not be used, with its bytes.

use serde::{Deserialize, Serialize};

/// A record that could not be used, with its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Service that gave up on it.
    pub stage: String,
    /// Reason, a short code.
    pub reason: String,
    /// What was wrong and where; holds nothing of the payload.
    pub detail: String,
    /// Topic.
    pub source_topic: String,
    /// Partition.
    pub source_partition: i32,
    /// Offset.
    pub source_offset: i64,
    /// Broker's append time, ms since the Unix epoch.
    pub source_append_ms: i64,
    /// Header content-type.
    pub content_type: Option<String>,
    /// Key.
    #[serde(with = "apache_avro::serde::bytes_opt")]
    pub key: Option<Vec<u8>>,
    /// The record's bytes.
    #[serde(with = "apache_avro::serde::bytes")]
    pub payload: Vec<u8>,
}
