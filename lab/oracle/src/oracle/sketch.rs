//! Sketches as exact bins, and how ClickHouse writes them.

use std::collections::BTreeMap;

/// A DDSketch of non-negative values at 1 % relative accuracy: how many values fell into each bin.
/// Bin k holds the values with k = ⌊ln x / ln γ⌋, γ = 1.01 / 0.99.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins {
    /// Values by bin.
    pub positive: BTreeMap<i32, u64>,
    /// Values that are zero.
    pub zero: u64,
}

/// Bytes that are no `quantilesDD` state of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a quantilesDD(0.01) state of non-negative values: byte {at} of {length}")]
pub struct NotAState {
    at: usize,
    length: usize,
}

fn gamma() -> f64 {
    1.01 / 0.99
}

impl Bins {
    /// Counts a value.
    pub fn add(&mut self, value: f64) {
        if value == 0.0 {
            self.zero += 1;
        } else {
            let key = (value.ln() / gamma().ln()).floor() as i32;
            *self.positive.entry(key).or_default() += 1;
        }
    }

    /// Reads a state as ClickHouse's `hex` writes it.
    ///
    /// # Errors
    /// When the text is not hexadecimal, or not of such a state.
    pub fn from_hex(text: &str) -> Result<Self, NotAState> {
        let state = unhex(text).ok_or(NotAState { at: 0, length: text.len() })?;
        Self::from_state(&state)
    }

    /// Reads the state of ClickHouse's `quantilesDD(0.01, …)`; no bytes are an empty sketch.
    ///
    /// # Errors
    /// When the bytes are no such state, or one of negative values or of another accuracy.
    pub fn from_state(state: &[u8]) -> Result<Self, NotAState> {
        if state.is_empty() {
            return Ok(Self::default());
        }
        let mut reader = Reader { state, at: 0 };
        let bins = reader.sketch();
        bins.filter(|_| reader.at == state.len())
            .ok_or(NotAState { at: reader.at, length: state.len() })
    }
}

/// Bytes of a text in hexadecimal.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

struct Reader<'a> {
    state: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn sketch(&mut self) -> Option<Bins> {
        self.expect(0x02)?;
        let accurate = (self.float()? - gamma()).abs() < 1e-12 && self.float()? == 0.0;
        accurate.then_some(())?;
        self.expect(0x01)?;
        let positive = self.store()?;
        self.expect(0x03)?;
        self.store()?.is_empty().then_some(())?;
        self.expect(0x04)?;
        Some(Bins { positive, zero: self.count()? })
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.state.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then_some(())
    }

    fn float(&mut self) -> Option<f64> {
        let bytes = self.state.get(self.at..self.at + 8)?;
        self.at += 8;
        Some(f64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// A float that counts: a whole number, not negative.
    fn count(&mut self) -> Option<u64> {
        let count = self.float()?;
        (count >= 0.0 && count.fract() == 0.0).then_some(count as u64)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Bins with their keys' differences (0x04), or a run of bins from a first key on (0x0c): the
    /// server takes whichever is shorter.
    fn store(&mut self) -> Option<BTreeMap<i32, u64>> {
        let encoding = self.byte()?;
        let length = self.varint()?;
        let (mut key, step) = match encoding {
            0x04 => (0, None),
            0x0c => (self.zigzag()?, Some(self.zigzag()?)),
            _ => return None,
        };
        let mut bins = BTreeMap::new();
        for _ in 0..length {
            if step.is_none() {
                key += self.zigzag()?;
            }
            let count = self.count()?;
            if count > 0 {
                *bins.entry(i32::try_from(key).ok()?).or_default() += count;
            }
            key += step.unwrap_or(0);
        }
        Some(bins)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn state(store: &[u8], zero: f64) -> Vec<u8> {
        let mut state = vec![0x02];
        state.extend_from_slice(&(1.01_f64 / 0.99).to_le_bytes());
        state.extend_from_slice(&0_f64.to_le_bytes());
        state.push(0x01);
        state.extend_from_slice(store);
        state.extend_from_slice(&[0x03, 0x04, 0x00, 0x04]);
        state.extend_from_slice(&zero.to_le_bytes());
        state
    }

    fn bins(pairs: &[(i32, u64)], zero: u64) -> Bins {
        Bins { positive: pairs.iter().copied().collect(), zero }
    }

    #[test]
    fn a_value_falls_into_the_bin_whose_bounds_hold_it() {
        let mut sketch = Bins::default();
        for value in [0.0, 1.0, 1.5, 0.5, 0.5] {
            sketch.add(value);
        }
        // ln 1.5 / ln γ = 20.27, ln 0.5 / ln γ = -34.66.
        assert_eq!(sketch, bins(&[(-35, 2), (0, 1), (20, 1)], 1));
    }

    #[test]
    fn both_encodings_of_the_server_are_read() {
        let two = 2_f64.to_le_bytes();
        let one = 1_f64.to_le_bytes();
        let nothing = 0_f64.to_le_bytes();
        let sparse = [&[0x04, 2, 69][..], &two, &[110], &one].concat();
        assert_eq!(Bins::from_state(&state(&sparse, 3.0)).unwrap(), bins(&[(-35, 2), (20, 1)], 3));
        let dense = [&[0x0c, 3, 39, 2][..], &two, &nothing, &one].concat();
        assert_eq!(Bins::from_state(&state(&dense, 0.0)).unwrap(), bins(&[(-20, 2), (-18, 1)], 0));
    }

    #[test]
    fn states_that_clickhouse_26_7_wrote_are_read() {
        let values = "02FD4A815ABF52F03F000000000000000001040328000000000000004006000000000000F03F\
                      9E03000000000000F03F030C00FEFFFFFF0F0204000000000000F03F";
        assert_eq!(Bins::from_hex(values).unwrap(), bins(&[(20, 2), (23, 1), (230, 1)], 1));
        let nothing = "02FD4A815ABF52F03F0000000000000000010C00FEFFFFFF0F02\
                       030C00FEFFFFFF0F02040000000000000000";
        assert_eq!(Bins::from_hex(nothing).unwrap(), Bins::default());
        assert!(Bins::from_hex("0").is_err() && Bins::from_hex("xy").is_err());
    }

    #[test]
    fn a_truncated_or_overlong_state_is_refused() {
        let whole = state(&[0x04, 0], 0.0);
        assert!(Bins::from_state(&whole).is_ok());
        assert!(Bins::from_state(&whole[..whole.len() - 1]).is_err());
        assert!(Bins::from_state(&[&whole[..], &[0]].concat()).is_err());
        assert_eq!(Bins::from_state(&[]).unwrap(), Bins::default());
    }
}
