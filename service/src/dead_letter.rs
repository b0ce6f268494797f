//! Dead letters: records that cannot be processed, kept with their bytes.

use schemas::DeadLetter;

use crate::handler::Fatal;
use crate::record::Record;

/// Maximum bytes of a payload in a dead letter: the limit of the raw topic, uncompressed. A compressed
/// batch can hold records of any size, and the topic of dead letters must accept their letters.
pub const DEAD_LETTER_PAYLOAD: usize = 2 << 20;
/// Maximum bytes of a key.
pub const DEAD_LETTER_KEY: usize = 64 << 10;
/// Maximum bytes of a content type.
const CONTENT_TYPE: usize = 1 << 10;

/// Suffix of the detail of a letter that does not hold its whole record.
const CUT_SHORT: &str = "the letter holds only the beginning of its record";

/// Returns true if `detail` is that of a letter that does not hold its whole record. Such a letter
/// cannot be replayed: it would be a different record.
#[must_use]
pub fn is_cut_short(detail: &str) -> bool {
    detail.ends_with(CUT_SHORT)
}

/// Returns the framed dead letter of `record`, which `stage` has read from `topic` and rejected for
/// `reason` (a short code). `detail` describes the error and its position, without any of the payload.
///
/// # Errors
/// When the dead letter itself cannot be encoded.
pub fn dead_letter(
    stage: &str,
    topic: &str,
    record: &Record<'_>,
    reason: &str,
    detail: &str,
) -> Result<Vec<u8>, Fatal> {
    let payload = &record.payload[..record.payload.len().min(DEAD_LETTER_PAYLOAD)];
    let key = record.key.map(|key| &key[..key.len().min(DEAD_LETTER_KEY)]);
    let content_type = record.content_type.filter(|name| name.len() <= CONTENT_TYPE);
    let is_whole = payload.len() == record.payload.len()
        && key.map(<[u8]>::len) == record.key.map(<[u8]>::len)
        && content_type == record.content_type;
    let letter = DeadLetter {
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        detail: if is_whole { detail.to_owned() } else { format!("{detail}; {CUT_SHORT}") },
        source_topic: topic.to_owned(),
        source_partition: record.source.partition.0,
        source_offset: record.offset.0,
        source_append_ms: record.appended.0,
        content_type: content_type.map(str::to_owned),
        key: key.map(<[u8]>::to_vec),
        payload: payload.to_vec(),
    };
    schemas::encode(&letter).map_err(Fatal::caused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::record::{AppendTime, Input, Offset, Partition, Source};

    fn letter(key: &[u8], content_type: &str, payload: &[u8]) -> DeadLetter {
        let record = Record {
            source: Source { input: Input(0), partition: Partition(1) },
            offset: Offset(7),
            appended: AppendTime(9),
            key: Some(key),
            content_type: Some(content_type),
            payload,
            look_back: false,
        };
        let letter = dead_letter("ingest", "raw", &record, "too_large", "bytes").unwrap();
        schemas::decode(&letter).unwrap()
    }

    #[test]
    fn a_letter_of_an_ordinary_record_holds_all_of_it() {
        let letter = letter(b"key", "text/plain", &[b'x'; DEAD_LETTER_PAYLOAD]);
        assert_eq!((letter.payload.len(), letter.detail.as_str()), (DEAD_LETTER_PAYLOAD, "bytes"));
        assert!(!is_cut_short(&letter.detail));
    }

    #[test]
    fn a_letter_is_bounded_in_size_and_marked_if_truncated() {
        let huge = vec![b'x'; 30 << 20];
        let text = str::from_utf8(&huge).unwrap();
        for letter in [letter(b"k", "t", &huge), letter(&huge, "t", b"p"), letter(b"k", text, b"p")]
        {
            assert!(is_cut_short(&letter.detail), "{}", letter.detail);
            assert!(schemas::encode(&letter).unwrap().len() < 3 << 20);
        }
    }
}
