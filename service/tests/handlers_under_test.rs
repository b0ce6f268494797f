//! The recorder of handlers, and dead letters.
#![allow(clippy::unwrap_used, missing_docs)]

use service::{
    AppendTime, Input, Offset, Output as _, Partition, Record, Recorder, Source, Topic, dead_letter,
};

const SOURCE: Source = Source { input: Input(0), partition: Partition(3) };

#[test]
fn a_recorder_commits_only_what_is_acknowledged() {
    let mut out = Recorder::default();
    out.assign(SOURCE);
    out.send(SOURCE, Topic::DeadLetters, Some(b"key"), b"payload");
    out.checkpoint(SOURCE, Offset(8), "meta");
    assert!(out.take_commits().is_empty());
    out.acknowledge();
    assert_eq!(out.take_commits(), out.checkpoints);
    assert_eq!(out.sent[0].key.as_deref(), Some(&b"key"[..]));
}

#[test]
fn a_dead_letter_keeps_the_bytes_and_where_they_were() {
    let record = Record {
        source: SOURCE,
        offset: Offset(41),
        appended: AppendTime(1_756_000_000_000),
        key: Some(&[0xff, 0xfe]),
        content_type: Some("application/json"),
        payload: &[0x00, 0xc3, 0x28],
        look_back: false,
    };
    let bytes = dead_letter("ingest", "raw", &record, "utf8", "at byte 1").unwrap();
    let letter: schemas::DeadLetter = schemas::decode(&bytes).unwrap();
    assert_eq!((letter.source_partition, letter.source_offset), (3, 41));
    assert_eq!((letter.source_topic.as_str(), letter.reason.as_str()), ("raw", "utf8"));
    assert_eq!(letter.key.as_deref(), Some(&[0xff, 0xfe][..]));
    assert_eq!(letter.payload, [0x00, 0xc3, 0x28]);
    assert_eq!(letter.source_append_ms, 1_756_000_000_000);
}
