//! What cannot be used is kept, with its bytes.

use schemas::DeadLetter;

use crate::handler::Fatal;
use crate::record::Record;

/// The framed dead letter of `record`, read from `topic` and given up by `stage` for `reason` (a
/// short code). `detail` says what was wrong and where, without any of the payload.
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
    let letter = DeadLetter {
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        detail: detail.to_owned(),
        source_topic: topic.to_owned(),
        source_partition: record.source.partition.0,
        source_offset: record.offset.0,
        source_append_ms: record.appended.0,
        content_type: record.content_type.map(str::to_owned),
        key: record.key.map(<[u8]>::to_vec),
        payload: record.payload.to_vec(),
    };
    schemas::encode(&letter).map_err(|error| Fatal(error.to_string()))
}
