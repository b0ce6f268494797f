//! Records without a key, or with an empty one.

use super::*;

fn without_key(partitions: usize, settings: Settings) -> (Vec<Report>, Vec<DeadLetter>) {
    let mut life = Life { commits: true, ..Life::resume(None, settings.clone(), &[]) };
    life.pipeline = pipeline(settings);
    life.pipeline.topic_has(partitions);
    life.pipeline.assigned(SOURCE, None).unwrap();
    let joined = event("joined", START_MS, json!({}));
    for (offset, key) in [(0, None), (1, Some(b"".as_slice())), (2, Some(b"any".as_slice()))] {
        let record = Record {
            source: SOURCE,
            offset: Offset(offset),
            appended: AppendTime(START_MS + 200_000 * offset),
            key,
            content_type: None,
            payload: &joined,
            look_back: false,
        };
        life.pipeline.record(&record, &mut life.out).unwrap();
        life.commit();
    }
    (life.reports(), life.dead_letters())
}

#[test]
fn a_record_without_a_key_is_dead_lettered_and_any_other_key_is_accepted() {
    let (reports, letters) = without_key(2, Settings::default());
    assert_eq!(reports.len(), 1);
    let reported = letters.iter().map(|letter| (letter.reason.as_str(), letter.source_offset));
    // librdkafka's consistent_random spreads records with an empty key as those without any.
    assert_eq!(reported.collect::<Vec<_>>(), [("no_key", 0), ("no_key", 1)]);
    for named in ["app/call/participant", "message_key_field", "ingest.require_key"] {
        assert!(letters[0].detail.contains(named), "{}", letters[0].detail);
    }
}

#[test]
fn no_key_is_required_with_one_partition_or_by_the_setting() {
    assert_eq!(without_key(1, Settings::default()).0.len(), 3);
    let lenient = Settings { require_key: false, ..Settings::default() };
    assert_eq!(without_key(2, lenient).0.len(), 3);
}

/// Reads a joined event without a key at an offset of a partition.
fn keyless(life: &mut Life, source: Source, offset: i64) {
    let at_ms = START_MS + 1000 * offset;
    let payload = event("joined", at_ms, json!({}));
    let record = Record {
        source,
        offset: Offset(offset),
        appended: AppendTime(at_ms),
        key: None,
        content_type: None,
        payload: &payload,
        look_back: false,
    };
    life.pipeline.record(&record, &mut life.out).unwrap();
    life.commit();
}

#[test]
fn a_key_is_required_once_a_topic_has_more_than_one_partition() {
    let mut life = Life { commits: true, ..Life::resume(None, Settings::default(), &[]) };
    life.pipeline = pipeline(Settings::default());
    life.pipeline.topic_has(1);
    life.pipeline.assigned(SOURCE, None).unwrap();
    keyless(&mut life, SOURCE, 0);
    assert_eq!((life.reports().len(), life.dead_letters().len()), (1, 0));
    life.pipeline.topic_has(2);
    let added = Source { partition: service::Partition(4), ..SOURCE };
    life.out.assign(added);
    life.pipeline.assigned(added, None).unwrap();
    keyless(&mut life, added, 0);
    assert_eq!(life.dead_letters()[0].reason, "no_key", "at once in the new partition");
    // In the old partition the limits that are committed ahead still apply, as after a restart.
    for offset in (1..3_000).step_by(100) {
        keyless(&mut life, SOURCE, offset);
    }
    let refused = life.dead_letters().iter().map(|letter| letter.source_offset).max();
    assert_eq!(refused, Some(2_901));
    let refused = life.dead_letters().len();
    assert!(refused > 15, "{refused}");
}

#[test]
fn no_key_is_required_once_it_is_known_that_there_is_but_one_partition() {
    let mut life = Life { commits: true, ..Life::resume(None, Settings::default(), &[]) };
    life.pipeline = pipeline(Settings::default());
    life.pipeline.assigned(SOURCE, None).unwrap();
    keyless(&mut life, SOURCE, 0);
    assert_eq!(life.dead_letters().len(), 1, "the number of partitions is unknown");
    life.pipeline.topic_has(1);
    for offset in (1..3_000).step_by(100) {
        keyless(&mut life, SOURCE, offset);
    }
    let refused = life.dead_letters().iter().map(|letter| letter.source_offset).max().unwrap();
    assert!(refused < 2_000, "what is committed ahead holds, and nothing behind it: {refused}");
}
