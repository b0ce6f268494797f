//! The check whether bytes are one whole sketch. A state has no length in front of it, so one that is not whole would
//! take the next one's bytes for its own; and a key from nowhere would have ClickHouse allocate
//! every bin up to it. So only what aggregate would write is taken, to the last bit.

const MAPPING: u8 = 2;
/// (1 + a) / (1 - a) for a relative accuracy a of 0.01. ClickHouse fails every query that merges a
/// state of another one.
const GAMMA: f64 = (1.0 + 0.01) / (1.0 - 0.01);
const POSITIVE: u8 = 1;
const NEGATIVE: u8 = 3;
const ZERO: u8 = 4;
const BINS_ONE_BY_ONE: u8 = 4;
/// From 10⁻²⁸⁴ to 10²⁸⁴: ClickHouse keeps 65,536 bins in a row, and states that need more together
/// would fail every query that merges them.
const MOST: i64 = 32_767;

/// True if `bytes` are one state of `quantilesDD(0.01, …)` as aggregate writes it, and nothing after
/// it.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    state(&mut rest).is_some() && rest.is_empty()
}

fn state(rest: &mut &[u8]) -> Option<()> {
    tag(rest, MAPPING)?;
    (number(rest)?.to_bits() == GAMMA.to_bits()).then_some(())?;
    (number(rest)?.to_bits() == 0).then_some(())?;
    tag(rest, POSITIVE)?;
    bins(rest)?;
    for byte in [NEGATIVE, BINS_ONE_BY_ONE, 0, ZERO] {
        tag(rest, byte)?;
    }
    count(rest).map(drop)
}

fn tag(rest: &mut &[u8], wanted: u8) -> Option<()> {
    (*rest.split_off_first()? == wanted).then_some(())
}

/// Bins rise by key, and none is empty.
fn bins(rest: &mut &[u8]) -> Option<()> {
    tag(rest, BINS_ONE_BY_ONE)?;
    let mut key = 0;
    for number in 0..varint(rest)? {
        let step = zigzag(varint(rest)?);
        key += step;
        if (number > 0 && step < 1) || !(-MOST..=MOST).contains(&key) || count(rest)? == 0 {
            return None;
        }
    }
    Some(())
}

/// A whole number of 32 bits, written as f64.
fn count(rest: &mut &[u8]) -> Option<u32> {
    let number = number(rest)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and what it changed is refused"
    )]
    let whole = number as u32;
    (f64::from(whole).to_bits() == number.to_bits()).then_some(whole)
}

fn number(rest: &mut &[u8]) -> Option<f64> {
    let (bytes, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(f64::from_le_bytes(*bytes))
}

/// At most 28 bits, more than anything here can need, in as few bytes as they take.
fn varint(rest: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in [0, 7, 14, 21] {
        let byte = *rest.split_off_first()?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return (byte > 0 || shift == 0).then_some(number);
        }
    }
    None
}

fn zigzag(number: u32) -> i64 {
    let half = i64::from(number >> 1);
    if number & 1 == 0 { half } else { -half - 1 }
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    const SUM: [u8; 17] =
        [2, 0xfd, 0x4a, 0x81, 0x5a, 0xbf, 0x52, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0];

    fn with_bins(bins: &[u8]) -> Vec<u8> {
        [&SUM, [1, 4].as_slice(), bins, &[3, 4, 0, 4], &[0; 8]].concat()
    }

    fn count() -> [u8; 8] {
        1_f64.to_le_bytes()
    }

    #[test]
    fn a_state_without_values_is_whole() {
        assert!(is_whole(&with_bins(&[0])));
    }

    #[test]
    fn a_state_with_bins_is_whole() {
        let bins = [&[2, 0xe8, 0x07], count().as_slice(), &[2], &count()].concat();
        assert!(is_whole(&with_bins(&bins)));
    }

    #[test]
    fn no_prefix_of_a_state_is_whole_and_nothing_longer() {
        let state = with_bins(&[[1, 8].as_slice(), &count()].concat());
        for length in 0..state.len() {
            assert!(!is_whole(&state[..length]), "{length}");
        }
        assert!(!is_whole(&[state.as_slice(), &[0]].concat()));
    }

    #[test]
    fn a_key_beyond_every_number_is_refused() {
        let bins = [[1, 0xff, 0xff, 0x7f].as_slice(), &count()].concat();
        assert!(!is_whole(&with_bins(&bins)));
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
        ] {
            assert!(!is_whole(&state), "{what}");
        }
        let changed = |place: usize, byte: u8| {
            let mut state = whole.clone();
            state[place] = byte;
            state
        };
        assert!(is_whole(&whole));
        assert!(!is_whole(&changed(1, 0xfe)), "another accuracy");
        assert!(!is_whole(&changed(9, 1)), "an offset of the bins");
        let negative = whole.len() - 10;
        assert!(!is_whole(&changed(negative, 1)), "values below zero");
    }
}
