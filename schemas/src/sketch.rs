//! DDSketches: distributions in bins of 1 % relative accuracy, and their encoding as ClickHouse
//! states.
//!
//! The encoding is a state of `AggregateFunction(quantilesDD(0.01, …), Float64)`. It deliberately
//! differs from the state that ClickHouse makes of the same values in two ways. ClickHouse rounds
//! the keys of values below 1 towards zero, which allows an error of 3 %; here all keys are rounded
//! down, which keeps the error within 1 %. And bins are always written one by one, where ClickHouse
//! writes them as a run if few of them are empty; it reads both.

mod reader;

use std::num::NonZeroI32;

use reader::Reader;

/// Ratio of a bin's upper bound to its lower bound: (1 + a) / (1 - a) for a relative accuracy a of
/// 0.01.
const GAMMA: f64 = (1.0 + 0.01) / (1.0 - 0.01);
/// `GAMMA.ln()`, which a constant cannot compute.
const LN_GAMMA: f64 = 0.020_000_666_706_669_435;
/// The largest key; the smallest is its negative. The bins cover 10⁻²⁸⁴ to 10²⁸⁴. ClickHouse keeps
/// at most 65,536 consecutive bins: it fails to merge states that need more, and so fails every
/// query that reads them.
const MOST: f64 = 32_767.0;

const MAPPING: u8 = 2;
const POSITIVE: u8 = 1;
const NEGATIVE: u8 = 3;
const ZERO: u8 = 4;
const BINS_ONE_BY_ONE: u8 = 4;
const BINS_IN_A_RUN: u8 = 12;

/// Bin of a value: that of the zeros, or the one from GAMMA^key to GAMMA^(key + 1). The number is
/// never 0, so that an `Option<Bin>` takes no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin(NonZeroI32);

impl Bin {
    const ZERO: Self = Self(NonZeroI32::MIN);
    /// Larger than the absolute value of any key.
    const SHIFT: i32 = 1 << 16;

    const fn with_key(key: i32) -> Self {
        match NonZeroI32::new(key.saturating_add(Self::SHIFT)) {
            Some(shifted) => Self(shifted),
            // No f64 has such a key.
            None => Self::ZERO,
        }
    }

    /// Returns the key; none for the bin of the zeros.
    pub fn key(self) -> Option<i32> {
        (self != Self::ZERO).then(|| self.0.get() - Self::SHIFT)
    }

    /// Returns the bin of `value`. Values below 10⁻²⁸⁴ count as zero, negative ones as well: no
    /// quantity can be negative. NaN, infinities and values above 10²⁸⁴ have no bin.
    #[must_use]
    pub fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        if value <= 0.0 {
            return Some(Self::ZERO);
        }
        let key = (value.ln() / LN_GAMMA).floor();
        if key < -MOST {
            return Some(Self::ZERO);
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within ±MOST")]
        (key <= MOST).then_some(Self::with_key(key as i32))
    }
}

/// Counts by bin. A count has 32 bits, which is sufficient: a block has at most a million records,
/// and each record fewer than a thousand intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    zeros: u32,
    /// Keys and counts, in ascending order of keys; no count is 0. A list, because there are many
    /// cells and most have few bins.
    bins: Vec<(i32, u32)>,
}

impl Sketch {
    /// Counts one value.
    pub fn add(&mut self, bin: Bin) {
        match bin.key() {
            Some(key) => self.add_at(key, 1),
            None => self.zeros += 1,
        }
    }

    fn add_at(&mut self, key: i32, count: u32) {
        match self.bins.binary_search_by_key(&key, |&(key, _)| key) {
            Ok(found) => self.bins[found].1 += count,
            Err(place) => self.bins.insert(place, (key, count)),
        }
    }

    /// Adds what `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        for &(key, count) in &other.bins {
            self.add_at(key, count);
        }
    }

    /// Returns the quantile of `level`, 0 to 1, as ClickHouse computes it from the state: the middle
    /// of the bin with the value of rank ⌊level · (count − 1)⌋. None without values.
    #[must_use]
    pub fn quantile(&self, level: f64) -> Option<f64> {
        let counts = self.bins.iter().map(|(_, count)| u64::from(*count));
        let count = u64::from(self.zeros) + counts.sum::<u64>();
        let rank = level * count.checked_sub(1)? as f64;
        let mut below = f64::from(self.zeros);
        if below > rank {
            return Some(0.0);
        }
        let (key, _) = self.bins.iter().find(|(_, count)| {
            below += f64::from(*count);
            below > rank
        })?;
        Some((f64::from(*key) * LN_GAMMA).exp() * 1.01)
    }

    /// Overwrites `bytes` with the state.
    pub fn write_state(&self, bytes: &mut Vec<u8>) {
        write_state(self.zeros, self.bins.iter().copied(), bytes);
    }

    /// Reads a state in either of the forms that ClickHouse writes. None unless keys ascend and are
    /// within the range of [`Bin::of`].
    #[must_use]
    pub fn from_state(bytes: &[u8]) -> Option<Self> {
        let mut sketch = Self::default();
        let state = Reader::new(bytes).state(|key, count| sketch.add_at(key, count))?;
        sketch.zeros = state.zeros;
        Some(sketch)
    }
}

/// Returns whether `bytes` are exactly one state as [`write_state`] writes it. Allocates nothing.
///
/// Only such states may be inserted into a table. A state has no length prefix, so a truncated one
/// would be continued by the bytes of the next. ClickHouse fails every query that merges a state of
/// another accuracy, and allocates all bins up to an absurd key.
#[must_use]
pub fn is_written_state(bytes: &[u8]) -> bool {
    Reader::new(bytes).state(|_, _| ()).is_some_and(|state| state.is_as_written)
}

/// Overwrites `bytes` with the state of bins in ascending order of keys.
pub fn write_state(
    zeros: u32,
    bins: impl Iterator<Item = (i32, u32)> + Clone,
    bytes: &mut Vec<u8>,
) {
    bytes.clear();
    bytes.push(MAPPING);
    bytes.extend_from_slice(&GAMMA.to_le_bytes());
    bytes.extend_from_slice(&0f64.to_le_bytes());
    bytes.extend_from_slice(&[POSITIVE, BINS_ONE_BY_ONE]);
    write_varint(bytes, bins.clone().count() as u64);
    let mut previous = 0;
    for (key, count) in bins {
        write_varint(bytes, zigzag(i64::from(key) - previous));
        bytes.extend_from_slice(&f64::from(count).to_le_bytes());
        previous = i64::from(key);
    }
    bytes.extend_from_slice(&[NEGATIVE, BINS_ONE_BY_ONE, 0, ZERO]);
    bytes.extend_from_slice(&f64::from(zeros).to_le_bytes());
}

#[expect(clippy::cast_sign_loss, reason = "zigzag puts the sign into the lowest bit")]
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests;
