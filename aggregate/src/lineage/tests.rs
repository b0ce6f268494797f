use schemas::Skipped;

use super::*;

fn lineage(raw_from: i64, raw_to: i64, skipped: &[(i64, i64, RawOutcome)]) -> Lineage {
    let skipped = skipped.iter().map(|&(from, count, outcome)| Skipped { from, count, outcome });
    Lineage { raw_partition: 3, raw_from, raw_to, raw_append_ms: 0, skipped: skipped.collect() }
}

fn seen(text: &str) -> OffsetRanges {
    text.parse().unwrap_or_default()
}

#[test]
fn offsets_count_once_however_they_are_sliced() {
    use RawOutcome::{Absent, Duplicate, Invalid, Late};
    let mut seen = OffsetRanges::default();
    let runs = [(1, 2, Duplicate), (3, 1, Invalid), (5, 1, Late), (6, 2, Absent)];
    let first = account(&lineage(0, 4, &runs[..2]), &mut seen);
    assert_eq!(first, Outcomes { accepted: 2, duplicate: 2, invalid: 1, ..Outcomes::default() });
    let wider = account(&lineage(2, 9, &[(2, 1, Duplicate), runs[1], runs[2], runs[3]]), &mut seen);
    assert_eq!(wider, Outcomes { accepted: 2, late: 1, ..Outcomes::default() });
    assert_eq!(account(&lineage(0, 9, &runs), &mut seen), Outcomes::default());
    assert_eq!(seen.to_string(), "0-9");
}

#[test]
fn unverified_records_count_as_accepted_and_once() {
    use RawOutcome::{Late, Unverified};
    let mut seen = OffsetRanges::default();
    let runs = [(1, 3, Unverified), (5, 1, Late)];
    let first = account(&lineage(0, 2, &[(1, 2, Unverified)]), &mut seen);
    assert_eq!(first, Outcomes { accepted: 3, unverified: 2, ..Outcomes::default() });
    let again = account(&lineage(0, 6, &runs), &mut seen);
    assert_eq!(again, Outcomes { accepted: 3, unverified: 1, late: 1, ..Outcomes::default() });
}

#[test]
fn a_lineage_that_makes_no_sense_is_refused() {
    use RawOutcome::Duplicate;
    let here = Partition(3);
    assert_eq!(fault(&lineage(0, 4, &[(0, 2, Duplicate), (4, 1, Duplicate)]), here), None);
    assert!(fault(&lineage(0, 4, &[]), Partition(2)).is_some(), "another partition");
    assert!(fault(&lineage(5, 4, &[]), here).is_some(), "an empty range");
    assert!(fault(&lineage(-1, 4, &[]), here).is_some(), "a negative offset");
    for run in [(0, 6), (5, 1), (2, 0), (2, -1), (2, i64::MAX), (i64::MAX, 1)] {
        let run = (run.0, run.1, Duplicate);
        assert!(fault(&lineage(0, 4, &[run]), here).is_some(), "{run:?}");
    }
    let overlapping = [(0, 2, Duplicate), (1, 1, Duplicate)];
    assert!(fault(&lineage(0, 4, &overlapping), here).is_some(), "runs that overlap");
}

#[test]
fn holes_are_what_is_missing_between_ranges() {
    assert_eq!(missing(&seen("")), 0);
    assert_eq!(missing(&seen("7-9")), 0);
    assert_eq!(missing(&seen("0-4,6,9-12")), 3);
}

#[test]
fn the_oldest_holes_are_forgotten_so_that_the_newest_fit() {
    let ranges = |count: i64| (0..count).map(|i| (3 * i).to_string()).collect::<Vec<_>>().join(",");
    let mut few = seen(&ranges(64));
    assert_eq!(forget_oldest_holes(&mut few), 0);
    assert_eq!(few, seen(&ranges(64)));
    let mut many = seen(&ranges(67));
    let before = missing(&many);
    assert_eq!(forget_oldest_holes(&mut many), 6);
    assert_eq!(missing(&many), before - 6);
    assert!(many.to_string().starts_with("0-9,12,15,"), "{many}");
    assert_eq!(forget_oldest_holes(&mut seen("")), 0);
}
