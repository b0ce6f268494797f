#![allow(clippy::unwrap_used)]

use service::{Input, Partition};

use super::*;

const SOURCE: Source = Source { input: Input(0), partition: Partition(1) };

fn settings(block_records: i64) -> AggregateSettings {
    AggregateSettings { block_records, ..AggregateSettings::default() }
}

fn audit(start: i64, upto: i64, n: i64) -> BlockAudit {
    BlockAudit {
        epoch: 1,
        partition: 1,
        block_start: start,
        upto,
        rules: settings(n).rules().text().unwrap(),
        raw: if start == 0 { String::new() } else { format!("0-{}", start - 1) },
        raw_end: upto,
        ..BlockAudit::default()
    }
}

fn recall(
    settings: AggregateSettings,
    set_to: Option<i64>,
    audits: &[BlockAudit],
    log: (i64, i64),
) -> Result<Option<(i64, Metadata)>, Refusal> {
    let mut recall = Audits::new(settings, "enriched", SOURCE, set_to.map(Offset));
    for audit in audits {
        recall.record(&schemas::encode(audit).unwrap());
    }
    let committed = recall.conclude(Offset(log.0), Offset(log.1))?;
    Ok(committed.map(|committed| (committed.offset.0, Metadata::read(&committed).unwrap().0)))
}

#[test]
fn without_audits_a_log_begins_as_one_that_was_never_read() {
    assert_eq!(recall(settings(5), None, &[], (0, 9)), Ok(None));
    let other_epoch = BlockAudit { epoch: 2, ..audit(0, 5, 5) };
    assert_eq!(recall(settings(5), None, &[other_epoch], (0, 9)), Ok(None));
}

#[test]
fn blocks_are_folded_again_as_they_were_from_the_first_that_is_in_the_log() {
    let audits =
        [audit(0, 4, 4), audit(0, 5, 4), audit(5, 9, 4), audit(9, 16, 7), audit(16, 18, 7)];
    let (start, metadata) = recall(settings(100), None, &audits, (0, 30)).unwrap().unwrap();
    assert_eq!((start, &metadata.rules), (0, &settings(4).rules()));
    let follows = metadata.follows.unwrap();
    assert_eq!(follows.starts, [5, 9, 16]);
    assert_eq!(follows.changes, [(9, settings(7).rules())]);
    let (start, metadata) = recall(settings(100), Some(6), &audits, (6, 30)).unwrap().unwrap();
    assert_eq!((start, metadata.rules), (9, settings(7).rules()), "block 5 is no longer whole");
    assert_eq!(metadata.follows.unwrap().starts, [16]);
}

#[test]
fn blocks_before_a_gap_are_left_as_they_are() {
    let audits = [audit(0, 5, 5), audit(8, 13, 5), audit(13, 15, 5)];
    let (start, metadata) = recall(settings(5), None, &audits, (0, 30)).unwrap().unwrap();
    assert_eq!((start, metadata.follows.unwrap().starts), (8, [13].into()));
}

#[test]
fn a_last_block_that_is_half_deleted_is_continued() {
    let (start, metadata) =
        recall(settings(9), None, &[audit(0, 12, 20)], (7, 30)).unwrap().unwrap();
    assert_eq!((start, metadata.rules, metadata.holds), (12, settings(9).rules(), 0));
}

#[test]
fn deleted_unfolded_records_are_named_and_then_skipped() {
    let refused = recall(settings(5), None, &[audit(0, 12, 20)], (20, 30)).unwrap_err();
    assert_eq!(refused.reason, RefusalReason::MidLog);
    for words in [
        "The 8 offsets between",
        "Nothing is lost of which the raw topic still holds the records",
        "exit-codes.md says under \"Aggregate goes by its audits\"",
    ] {
        assert!(refused.text.contains(words), "{}", refused.text);
    }
    let asked = AggregateSettings { start_mid_log: true, ..settings(5) };
    let (start, metadata) = recall(asked, None, &[audit(0, 12, 20)], (20, 30)).unwrap().unwrap();
    assert_eq!((start, metadata.holds), (20, 0));
}

#[test]
fn a_log_that_ends_before_what_was_folded_is_refused_and_the_page_named() {
    let refused = recall(settings(5), None, &[audit(0, 12, 20)], (0, 10)).unwrap_err();
    assert_eq!(refused.reason, RefusalReason::OffsetGone);
    let text = &refused.text;
    assert!(text.contains("exit-codes.md says under \"A new epoch\""), "{text}");
    // To set this group alone counts twice what enrich writes again.
    assert!(!text.contains("start_mid_log") && !text.contains("offset to"), "{text}");
    // As the page has it: the epoch is raised, and the group set to the end of the log.
    let next = AggregateSettings { epoch: 2, start_mid_log: true, ..settings(5) };
    let (start, _) = recall(next, Some(10), &[audit(0, 12, 20)], (0, 14)).unwrap().unwrap();
    assert_eq!(start, 10);
}

#[test]
fn an_offset_set_by_hand_without_an_audit_is_refused() {
    // At the beginning as well: the log may have been folded, and its audits be lost.
    for offset in [0, 10] {
        let refused = recall(settings(5), Some(offset), &[], (0, 14)).unwrap_err();
        assert_eq!(refused.reason, RefusalReason::MidLog);
        for words in ["start_mid_log = true", "the topic of audits was deleted", "code 88"] {
            assert!(refused.text.contains(words), "{}", refused.text);
        }
        let asked = AggregateSettings { start_mid_log: true, ..settings(5) };
        let (start, _) = recall(asked, Some(offset), &[], (0, 14)).unwrap().unwrap();
        assert_eq!(start, offset);
    }
    let (start, metadata) = recall(settings(5), Some(0), &[], (0, 0)).unwrap().unwrap();
    assert_eq!((start, metadata.holds), (0, 0), "nothing is there to be counted twice");
}

#[test]
fn audits_that_cannot_be_read_are_refused() {
    let mut recall = Audits::new(settings(5), "enriched", SOURCE, None);
    recall.record(b"{}");
    let refused = recall.conclude(Offset(0), Offset(3)).unwrap_err();
    assert_eq!(refused.reason, RefusalReason::Metadata);
    let rules = BlockAudit { rules: "{}".to_owned(), ..audit(0, 5, 5) };
    let mut recall = Audits::new(settings(5), "enriched", SOURCE, None);
    recall.record(&schemas::encode(&rules).unwrap());
    assert!(recall.conclude(Offset(0), Offset(9)).unwrap_err().text.contains("rules of block 0"));
}
