//! Reading of dead letters from their topic.

use std::collections::HashMap;

use deploy::failure::Failure;
use rdkafka::Message as _;
use schemas::DeadLetter;
use service::{Offset, OffsetRanges};

use super::log::{Log, Span};
use super::selection::Access;

/// Position of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Origin {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// A dead letter without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Partition and offset of the letter itself.
    pub(super) place: (i32, i64),
    /// Time at which it was written, ms since the Unix epoch.
    pub(super) given_up_ms: i64,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) source: Origin,
    /// Time of the first append of the source, ms since the Unix epoch.
    pub(super) appended_ms: i64,
    pub(super) content_type: Option<String>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) payload_bytes: usize,
}

impl Letter {
    fn new(place: (i32, i64), given_up_ms: i64, letter: DeadLetter) -> (Self, Vec<u8>) {
        let source = Origin {
            topic: letter.source_topic,
            partition: letter.source_partition,
            offset: letter.source_offset,
        };
        let head = Self {
            place,
            given_up_ms,
            stage: letter.stage,
            reason: letter.reason,
            detail: letter.detail,
            source,
            appended_ms: letter.source_append_ms,
            content_type: letter.content_type,
            key: letter.key,
            payload_bytes: letter.payload.len(),
        };
        (head, letter.payload)
    }
}

/// Counts of other records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Records of the topic that are not dead letters.
    pub(super) unreadable: u64,
    /// Repeated letters of the same source and service: services write unacknowledged letters
    /// again.
    pub(super) copies: u64,
}

/// Passes every dead letter with its payload to `take`, of each source only the first one, until `take`
/// returns false.
pub(super) fn read(
    access: &Access,
    since_ms: Option<i64>,
    mut take: impl FnMut(Letter, Vec<u8>) -> Result<bool, Failure>,
) -> Result<Passed, Failure> {
    let topic = &access.names.dead_letters;
    let log = Log::open(&access.cluster)?;
    let mut spans = log.spans(topic)?;
    if let Some(since_ms) = since_ms {
        log.skip_to(topic, &mut spans, since_ms)?;
    }
    scan(&log, topic, &spans, &mut take)
}

/// Reads the letters in `spans` as [`read`] does.
pub(super) fn scan(
    log: &Log,
    topic: &str,
    spans: &[Span],
    take: &mut impl FnMut(Letter, Vec<u8>) -> Result<bool, Failure>,
) -> Result<Passed, Failure> {
    let mut passed = Passed::default();
    let mut seen = HashMap::<(String, String, i32), OffsetRanges>::new();
    log.scan(topic, spans, |message| {
        let decoded = schemas::decode::<DeadLetter>(message.payload().unwrap_or_default());
        let Ok(letter) = decoded else {
            passed.unreadable += 1;
            return Ok(true);
        };
        let place = (message.partition(), message.offset());
        let given_up_ms = message.timestamp().to_millis().unwrap_or_default();
        let (letter, payload) = Letter::new(place, given_up_ms, letter);
        let Origin { topic, partition, .. } = &letter.source;
        let source = (letter.stage.clone(), topic.clone(), *partition);
        let offset = Offset(letter.source.offset);
        if seen.entry(source).or_default().insert(offset..=offset).is_empty() {
            passed.copies += 1;
            return Ok(true);
        }
        take(letter, payload)
    })?;
    Ok(passed)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a letter of ingest from partition 3 of the raw topic. Append times of consecutive
    /// offsets are a second apart.
    pub(in super::super) fn letter(offset: i64, reason: &str) -> Letter {
        let appended_ms = 1_756_000_000_000 + offset * 1000;
        Letter {
            place: (3, offset),
            given_up_ms: appended_ms + 5,
            stage: "ingest".to_owned(),
            reason: reason.to_owned(),
            detail: String::new(),
            source: Origin { topic: "rtc-stats-raw-v1".to_owned(), partition: 3, offset },
            appended_ms,
            content_type: None,
            key: Some(b"meet/c/p".to_vec()),
            payload_bytes: 7,
        }
    }

    #[test]
    fn a_letter_keeps_all_but_its_payload() {
        let whole = DeadLetter {
            stage: "enrich".to_owned(),
            source_offset: 9,
            source_append_ms: 5,
            payload: vec![1, 2],
            ..DeadLetter::default()
        };
        let (letter, payload) = Letter::new((0, 1), 7, whole);
        assert_eq!((letter.payload_bytes, payload), (2, vec![1, 2]));
        assert_eq!((letter.place, letter.given_up_ms, letter.appended_ms), ((0, 1), 7, 5));
        assert_eq!((letter.stage.as_str(), letter.source.offset), ("enrich", 9));
    }
}
