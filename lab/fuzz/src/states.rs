//! Stored states, as bytes and as text.

use schemas::sketch::is_written_state;
use service::OffsetRanges;

/// Reads the rest of `input` as the kind of state that its first byte chooses.
pub fn check(input: &[u8]) {
    let Some((chosen, bytes)) = input.split_first() else { return };
    match (chosen % 3, str::from_utf8(bytes)) {
        (0, _) => sketch(bytes),
        (1, Ok(text)) => ranges(text),
        (2, Ok(text)) => aggregate::fuzzing::metadata(text),
        _ => {}
    }
}

/// Checks that sink accepts a sketch if and only if aggregate would write it in this form.
fn sketch(bytes: &[u8]) {
    assert_eq!(is_written_state(bytes), aggregate::fuzzing::is_written_here(bytes), "{bytes:02x?}");
}

fn ranges(text: &str) {
    let Ok(mut ranges) = text.parse::<OffsetRanges>() else { return };
    assert_eq!(ranges.to_string().parse(), Ok(ranges.clone()));
    let mut last = None;
    for range in ranges.iter() {
        assert!(range.start() <= range.end());
        assert!(last.is_none_or(|last: i64| last + 1 < range.start().0), "ranges touch: {ranges}");
        last = Some(range.end().0);
    }
    // Ranges of the set are not new to it.
    for range in ranges.clone().iter() {
        assert_eq!(ranges.insert(range), []);
    }
}
