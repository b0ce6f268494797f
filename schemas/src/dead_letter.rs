//! `rtc-dead-letters-v1`: records that could not be used, with their bytes.

use serde::{Deserialize, Serialize};

use crate::Subject;
use crate::datum::{read_bytes, read_long};

/// A record that could not be used, with its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Service that gave up on it.
    pub stage: String,
    /// Reason, a short code.
    pub reason: String,
    /// Description of the error and its position; contains nothing of the payload.
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

/// Head of a dead letter: all but the record's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterHead<'a> {
    /// Service that gave up on it.
    pub stage: &'a str,
    /// Reason, a short code.
    pub reason: &'a str,
    /// Description of the error and its position; contains nothing of the payload.
    pub detail: &'a str,
    /// Topic.
    pub source_topic: &'a str,
    /// Partition.
    pub source_partition: i64,
    /// Offset.
    pub source_offset: i64,
}

impl<'a> DeadLetterHead<'a> {
    /// Reads the beginning of a framed dead letter; none if it is not one.
    #[must_use]
    pub fn of(framed: &'a [u8]) -> Option<Self> {
        let (id, mut datum) = framed.strip_prefix(&[0])?.split_first_chunk::<4>()?;
        if u32::from_be_bytes(*id) != Subject::DeadLetter.schema_id() {
            return None;
        }
        let mut text = || str::from_utf8(read_bytes(&mut datum).ok()?).ok();
        let (stage, reason, detail, source_topic) = (text()?, text()?, text()?, text()?);
        let mut number = || read_long(&mut datum).ok();
        let (source_partition, source_offset) = (number()?, number()?);
        Some(Self { stage, reason, detail, source_topic, source_partition, source_offset })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_head_equals_that_of_the_whole_letter() {
        let letter = DeadLetter {
            stage: "sink".to_owned(),
            reason: "undecodable".to_owned(),
            detail: "a text is not UTF-8".to_owned(),
            source_topic: "cells".to_owned(),
            source_partition: 70,
            source_offset: 1 << 40,
            payload: vec![1; 1000],
            ..DeadLetter::default()
        };
        let bytes = crate::encode(&letter).unwrap();
        let head = DeadLetterHead::of(&bytes).unwrap();
        assert_eq!((head.stage, head.reason), ("sink", "undecodable"));
        assert_eq!((head.detail, head.source_topic), ("a text is not UTF-8", "cells"));
        assert_eq!((head.source_partition, head.source_offset), (70, 1 << 40));
        for cut in [0, 4, 9, 30] {
            assert_eq!(DeadLetterHead::of(&bytes[..cut]), None, "{cut}");
        }
        let other = crate::encode(&crate::BlockAudit::default()).unwrap();
        assert_eq!(DeadLetterHead::of(&other), None);
    }
}
