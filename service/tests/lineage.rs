//! Ranges of offsets compared with a plain set.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use service::{Offset, OffsetRanges};

fn expand<'a>(ranges: impl IntoIterator<Item = &'a std::ops::RangeInclusive<Offset>>) -> Vec<i64> {
    ranges.into_iter().flat_map(|range| range.start().0..=range.end().0).collect()
}

proptest! {
    #[test]
    fn a_set_of_ranges_is_a_set_of_offsets(
        inserts in prop::collection::vec((0..120_i64, 0..12_i64), 0..60)
    ) {
        let (mut ranges, mut plain) = (OffsetRanges::default(), BTreeSet::new());
        for (first, length) in inserts {
            let new = (first..first + length).filter(|one| !plain.contains(one));
            let new = new.collect::<Vec<_>>();
            plain.extend(new.iter().copied());
            let added = ranges.insert(Offset(first)..=Offset(first + length - 1));
            prop_assert_eq!(expand(&added), new);

            let kept = ranges.iter().collect::<Vec<_>>();
            prop_assert_eq!(expand(&kept), plain.iter().copied().collect::<Vec<_>>());
            // Adjacent ranges are merged, which keeps the set small.
            prop_assert!(kept.windows(2).all(|two| two[0].end().0 + 1 < two[1].start().0));
            prop_assert_eq!(ranges.holes(), kept.len().saturating_sub(1));
            prop_assert_eq!(ranges.last().map(|last| last.0), plain.last().copied());
            for offset in 0..140 {
                prop_assert_eq!(ranges.contains(Offset(offset)), plain.contains(&offset));
            }
            prop_assert_eq!(ranges.to_string().parse::<OffsetRanges>().unwrap(), ranges.clone());
        }
    }

    #[test]
    fn text_that_is_no_set_is_an_error_and_never_a_panic(text in "[0-9,\\-x]{0,12}") {
        if let Ok(ranges) = text.parse::<OffsetRanges>() {
            prop_assert_eq!(ranges.to_string().parse::<OffsetRanges>().unwrap(), ranges);
        }
    }
}

#[test]
fn the_text_is_short_and_pinned() {
    let mut ranges = OffsetRanges::default();
    ranges.insert(Offset(0)..=Offset(120));
    ranges.insert(Offset(122)..=Offset(130));
    ranges.insert(Offset(200)..=Offset(200));
    assert_eq!(ranges.to_string(), "0-120,122-130,200");
}

#[test]
fn backward_ranges_negative_offsets_and_garbage_are_refused() {
    for text in ["5-3", "-1", "1-", "a", "1,,2", ",", "9223372036854775808"] {
        assert!(text.parse::<OffsetRanges>().is_err(), "{text}");
    }
}

#[test]
fn the_largest_offset_does_not_overflow() {
    let mut ranges = OffsetRanges::default();
    ranges.insert(Offset(i64::MAX - 1)..=Offset(i64::MAX));
    assert!(ranges.insert(Offset(i64::MAX)..=Offset(i64::MAX)).is_empty());
    assert_eq!(ranges.iter().count(), 1);
}
