use proptest::prelude::*;

use super::{COUNTERS, Counter, MAX, Values, whole};

fn rounded(number: f64, scale: f64) -> Option<i64> {
    let scaled = (number * scale).round();
    (number >= 0.0 && scaled <= MAX).then_some(scaled as i64)
}

#[test]
fn every_member_is_named_by_the_reference_of_bounds() {
    let page = include_str!("../../../docs/reference/bounds.md");
    let groups = page.split("## Bounds").next().unwrap_or_default();
    for (member, counter) in Counter::members() {
        let name = member.split('.').next().unwrap_or(member);
        assert!(groups.contains(&format!("`{name}`")), "{name} of {counter:?}");
    }
}

#[test]
fn fractions_are_rounded_to_the_nearest_integer_and_halves_up() {
    let just_under_half = 0.499_999_999_999_999_94;
    for (number, whole_number) in
        [(0.0, 0), (just_under_half, 0), (0.5, 1), (1.5, 2), (2.5, 3), (MAX - 1.0, MAX as i64 - 1)]
    {
        assert_eq!(whole(number, 1.0), Some(whole_number), "{number}");
    }
    assert_eq!(whole(MAX, 1.0), Some(MAX as i64));
    for number in [-0.1, f64::NAN, f64::INFINITY, MAX + 2.0] {
        assert_eq!(whole(number, 1.0), None, "{number}");
    }
}

proptest! {
    #[test]
    fn packed_values_are_unpacked_unchanged(
        numbers in prop::collection::vec(prop::option::of(any::<i64>()), COUNTERS.len()),
        shift in 0..64,
    ) {
        let mut values = Values::EMPTY;
        for (counter, number) in COUNTERS.iter().zip(numbers) {
            if let Some(number) = number {
                values.put(*counter, number >> shift);
            }
        }
        prop_assert_eq!(values.pack().unpack(), values);
    }

    #[test]
    fn a_whole_number_is_taken_as_any(number in any::<u64>(), shift in 0..64) {
        for counter in COUNTERS {
            let (mut one, mut other) = (Values::EMPTY, Values::EMPTY);
            one.set_whole(*counter, number >> shift);
            other.set(*counter, (number >> shift) as f64);
            prop_assert_eq!(one, other, "{:?}", counter);
        }
    }

    #[test]
    fn rounding_agrees_with_the_standard_library(number in any::<f64>(), small in 0.0..1e10_f64) {
        for scale in [1.0, 1e3, 1e6, 1e-3] {
            prop_assert_eq!(whole(number, scale), rounded(number, scale));
            prop_assert_eq!(whole(small, scale), rounded(small, scale));
        }
    }
}
