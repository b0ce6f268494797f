//! Records without a key.

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
fn a_record_without_a_key_is_dead_lettered_and_any_other_key_is_good() {
    let (reports, letters) = without_key(2, Settings::default());
    assert_eq!(reports.len(), 2);
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.reason.as_str(), letter.source_offset), ("no_key", 0));
    for named in ["app/call/participant", "message_key_field", "ingest.require_key"] {
        assert!(letter.detail.contains(named), "{}", letter.detail);
    }
}

#[test]
fn a_key_is_not_required_where_there_is_one_partition_or_the_settings_say_so() {
    assert_eq!(without_key(1, Settings::default()).0.len(), 3);
    let lenient = Settings { require_key: false, ..Settings::default() };
    assert_eq!(without_key(2, lenient).0.len(), 3);
}
