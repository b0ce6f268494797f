//! Are these bytes a sketch? A state has no length in front of it, so one that is not whole would
//! take the next one's bytes for its own; and a key from nowhere would have ClickHouse allocate
//! every bin up to it.

const MAPPING: u8 = 2;
const POSITIVE: u8 = 1;
const NEGATIVE: u8 = 3;
const ZERO: u8 = 4;
const BINS_ONE_BY_ONE: u8 = 4;
/// From 10⁻²⁸⁴ to 10²⁸⁴: ClickHouse keeps 65,536 bins in a row, and states that need more together
/// would fail every query that merges them.
const MOST: i64 = 32_767;

/// True if `bytes` are one state of `quantilesDD(0.01, …)` and nothing after it.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    state(&mut rest).is_some() && rest.is_empty()
}

fn state(rest: &mut &[u8]) -> Option<()> {
    tag(rest, MAPPING)?;
    rest.split_off(..16)?;
    tag(rest, POSITIVE)?;
    bins(rest)?;
    tag(rest, NEGATIVE)?;
    bins(rest)?;
    tag(rest, ZERO)?;
    rest.split_off(..8).map(drop)
}

fn tag(rest: &mut &[u8], wanted: u8) -> Option<()> {
    (*rest.split_off_first()? == wanted).then_some(())
}

fn bins(rest: &mut &[u8]) -> Option<()> {
    tag(rest, BINS_ONE_BY_ONE)?;
    let mut key = 0;
    for _ in 0..varint(rest)? {
        key += zigzag(varint(rest)?);
        if !(-MOST..=MOST).contains(&key) {
            return None;
        }
        rest.split_off(..8)?;
    }
    Some(())
}

/// At most 28 bits, more than anything here can need.
fn varint(rest: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in [0, 7, 14, 21] {
        let byte = *rest.split_off_first()?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
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
}
