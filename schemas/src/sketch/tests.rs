#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn sketch(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::default();
    values.iter().filter_map(|value| Bin::of(*value)).for_each(|bin| sketch.add(bin));
    sketch
}

fn state(sketch: &Sketch) -> Vec<u8> {
    let mut bytes = vec![1, 2, 3];
    sketch.write_state(&mut bytes);
    bytes
}

/// Output of ClickHouse 26.7 for `hex(quantilesDDState(0.01, 0.5)(x))`.
fn clickhouse(hex: &str) -> Option<Sketch> {
    let bytes = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap());
    Sketch::from_state(&bytes.collect::<Vec<_>>())
}

const HEAD: &str = "02FD4A815ABF52F03F0000000000000000";
const NO_NEGATIVES: &str = "030C00FEFFFFFF0F02";

#[test]
fn the_constant_is_the_logarithm_of_gamma() {
    assert_eq!(LN_GAMMA.to_bits(), GAMMA.ln().to_bits());
}

#[test]
fn states_of_values_from_one_up_hold_what_clickhouse_counts() {
    let ones_and_threes = "01040400000000000000F03F44000000000000F03F280000000000000040E00200000000\
                           0000F03F";
    let huge = "01040200000000000000F03FD6F703000000000000F03F";
    let run = "010C04E601020000000000000040000000000000F03F000000000000F03F000000000000F03F";
    let tiny_and_large = "01040200000000000000F03FFC23000000000000F03F";
    let empty = "010C00FEFFFFFF0F02";
    let zeros = |count: f64| format!("04{:016X}", count.to_bits().swap_bytes());
    for (values, bins, zero_count) in [
        (&[1.0, 2.0, 3.0, 3.0, 100.0][..], ones_and_threes, 0.0),
        (&[10.0, 10.1, 10.3, 10.4, 10.7], run, 0.0),
        (&[1e-310, 1e-308, 0.0, 1.0, 1e20], tiny_and_large, 3.0),
        (&[1.0, 1e280], huge, 0.0),
        (&[0.0, 0.0], empty, 2.0),
        (&[], empty, 0.0),
    ] {
        let theirs = clickhouse(&format!("{HEAD}{bins}{NO_NEGATIVES}{}", zeros(zero_count)));
        assert_eq!(theirs, Some(sketch(values)), "{values:?}");
    }
}

#[test]
fn keys_that_do_not_rise_or_lie_beyond_every_value_are_no_state() {
    let no_zeros = format!("{NO_NEGATIVES}040000000000000000");
    let one = "000000000000F03F";
    let most = "000000E0FFFFEF41";
    for bins in [
        // Twice the same bin, whose counts together are more than 32 bits hold.
        format!("01040200{most}00{one}"),
        format!("010C020000{most}{one}"),
        // A lower one after a higher one.
        format!("01040204{one}01{one}"),
        // One above 10²⁸⁴.
        format!("0104018080 04{one}").replace(' ', ""),
    ] {
        assert_eq!(clickhouse(&format!("{HEAD}{bins}{no_zeros}")), None, "{bins}");
    }
    let whole = format!("{HEAD}010401FEFF03{one}{no_zeros}");
    assert!(clickhouse(&whole).is_some(), "the greatest key");
}

#[test]
fn a_state_is_these_bytes() {
    let bytes = state(&sketch(&[0.0, 1.0, 2.0, 3.0, 3.0, 100.0]));
    let hex = bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    let bins = "01040400000000000000F03F44000000000000F03F280000000000000040E002000000000000F03F";
    assert_eq!(hex, format!("{HEAD}{bins}03040004000000000000F03F"));
}

#[test]
fn below_one_keys_are_rounded_down_where_clickhouse_rounds_towards_zero() {
    let theirs = clickhouse(&format!(
        "{HEAD}010403E501000000000000F03FA201000000000000F03F440000000000000040{NO_NEGATIVES}\
         040000000000000000"
    ));
    assert_eq!(theirs.unwrap().bins, [(-115, 1), (-34, 1), (0, 2)]);
    let ours = sketch(&[0.1, 0.5, 0.99, 1.0]);
    assert_eq!(ours.bins, [(-116, 1), (-35, 1), (-1, 1), (0, 1)]);
}

#[test]
fn non_measurements_are_not_counted_and_negatives_count_as_zero() {
    let odd = sketch(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(odd, Sketch::default());
    assert_eq!(sketch(&[-0.0, -1.0, f64::MIN_POSITIVE]).zeros, 3);
    assert_eq!(sketch(&[1e-284, 1e284]).bins, [(-32696, 1), (32695, 1)]);
    assert_eq!(sketch(&[1e-285, f64::MAX]), sketch(&[0.0]), "no more bins than ClickHouse keeps");
    assert_eq!(Sketch::default().quantile(0.5), None);
}

#[test]
fn states_of_another_kind_are_refused() {
    let whole = state(&sketch(&[0.0, 0.3, 7.0]));
    for length in 0..whole.len() {
        assert_eq!(Sketch::from_state(&whole[..length]), None, "{length} bytes");
    }
    assert_eq!(Sketch::from_state(&[&whole[..], &[0]].concat()), None, "a byte too many");
    let negative =
        "010C00FEFFFFFF0F0203040200000000000000F03FA001000000000000F03F040000000000000000";
    assert_eq!(clickhouse(&format!("{HEAD}{negative}")), None, "negative values");
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![Just(0.0), 1e-9..1.0, 1.0..1e4, 1e4..1e12], 1..200)
}

const START: [u8; 17] = [2, 0xfd, 0x4a, 0x81, 0x5a, 0xbf, 0x52, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0];

fn with_bins(bins: &[u8]) -> Vec<u8> {
    [&START, [1, 4].as_slice(), bins, &[3, 4, 0, 4], &[0; 8]].concat()
}

fn count() -> [u8; 8] {
    1_f64.to_le_bytes()
}

#[test]
fn a_state_without_values_is_as_written() {
    assert!(is_written_state(&with_bins(&[0])));
}

#[test]
fn a_state_with_bins_is_as_written() {
    let bins = [&[2, 0xe8, 0x07], count().as_slice(), &[2], &count()].concat();
    assert!(is_written_state(&with_bins(&bins)));
}

#[test]
fn no_prefix_of_a_state_and_nothing_longer_is_a_state() {
    let state = with_bins(&[[1, 8].as_slice(), &count()].concat());
    for length in 0..state.len() {
        assert!(!is_written_state(&state[..length]), "{length}");
    }
    assert!(!is_written_state(&[state.as_slice(), &[0]].concat()));
}

#[test]
fn a_key_beyond_every_value_is_refused() {
    let bins = [[1, 0xff, 0xff, 0x7f].as_slice(), &count()].concat();
    assert!(!is_written_state(&with_bins(&bins)));
}

#[test]
fn a_state_that_aggregate_does_not_write_is_refused() {
    let whole = with_bins(&[[1, 8].as_slice(), &count()].concat());
    let bins = |bins: &[&[u8]]| with_bins(&bins.concat());
    let (one, half) = (count(), 0.5_f64.to_le_bytes());
    for (state, what) in [
        (bins(&[&[2, 8], &one, &[0], &one]), "a bin twice"),
        (bins(&[&[2, 8], &one, &[1], &one]), "a lower bin after a higher one"),
        (bins(&[&[1, 8], &[0; 8]]), "an empty bin"),
        (bins(&[&[1, 8], &half]), "half a value"),
        (bins(&[&[1, 8], &f64::NAN.to_le_bytes()]), "no number of values"),
        (bins(&[&[1, 0x88, 0], &one]), "a longer varint than is needed"),
        (bins(&[&[1], &[0x80; 9], &[2], &one]), "a varint of more than 64 bits"),
    ] {
        assert!(!is_written_state(&state), "{what}");
    }
    let changed = |place: usize, byte: u8| {
        let mut state = whole.clone();
        state[place] = byte;
        state
    };
    assert!(is_written_state(&whole));
    assert!(!is_written_state(&changed(1, 0xfe)), "another accuracy");
    assert!(!is_written_state(&changed(9, 1)), "an offset of the bins");
    let negative = whole.len() - 10;
    assert!(!is_written_state(&changed(negative, 1)), "values below zero");
}

/// Changes to bytes: at a place, to a byte.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)
}

proptest! {
    #[test]
    fn a_state_is_taken_if_and_only_if_it_would_be_written_so(
        values in values(), changes in changes(), more in prop::collection::vec(any::<u8>(), 0..2),
    ) {
        let mut bytes = state(&sketch(&values[..values.len().min(4)]));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.extend(more);
        let written = Sketch::from_state(&bytes).is_some_and(|read| state(&read) == bytes);
        prop_assert_eq!(is_written_state(&bytes), written, "{:02x?}", bytes);
    }

    #[test]
    fn quantiles_are_within_one_percent(mut values in values(), level in 0.0..=1.0) {
        let sketch = sketch(&values);
        values.sort_by(f64::total_cmp);
        let exact = values[(level * (values.len() - 1) as f64) as usize];
        let estimate = sketch.quantile(level).unwrap();
        prop_assert!((estimate - exact).abs() <= exact * 0.010_000_001, "{estimate} for {exact}");
    }

    #[test]
    fn a_state_reads_back_and_merging_is_counting_together(a in values(), b in values()) {
        let mut merged = sketch(&a);
        merged.merge(&sketch(&b));
        prop_assert_eq!(&merged, &sketch(&[a, b].concat()));
        prop_assert_eq!(Sketch::from_state(&state(&merged)), Some(merged));
    }
}
