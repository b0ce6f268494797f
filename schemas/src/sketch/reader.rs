//! Reader of states in both forms that ClickHouse writes.

use super::{BINS_IN_A_RUN, BINS_ONE_BY_ONE, GAMMA, MAPPING, MOST, NEGATIVE, POSITIVE, ZERO};

/// Result of reading a state.
pub(super) struct State {
    pub(super) zeros: u32,
    /// True if [`super::write_state`] would write the same bytes.
    pub(super) is_as_written: bool,
}

/// Remaining bytes, and whether the bytes before them are as [`super::write_state`] writes them.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
    is_as_written: bool,
}

impl<'b> Reader<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, is_as_written: true }
    }

    /// Reads one state, which must end with the bytes. Passes every non-empty bin to `each`, in
    /// ascending order of keys.
    pub(super) fn state(mut self, mut each: impl FnMut(i32, u32)) -> Option<State> {
        self.tag(MAPPING)?;
        (self.number()? == GAMMA).then_some(())?;
        let offset = self.number()?;
        (offset == 0.0).then_some(())?;
        self.is_as_written &= offset.to_bits() == 0;
        self.tag(POSITIVE)?;
        self.bins(&mut each)?;
        self.tag(NEGATIVE)?;
        // No quantity is negative.
        let (bins_before, mut negative) = (self.rest, false);
        self.bins(&mut |_, _| negative = true)?;
        self.is_as_written &= bins_before.starts_with(&[BINS_ONE_BY_ONE, 0]);
        self.tag(ZERO)?;
        let zeros = self.count()?;
        let is_whole = self.rest.is_empty() && !negative;
        is_whole.then_some(State { zeros, is_as_written: self.is_as_written })
    }

    fn bins(&mut self, each: &mut impl FnMut(i32, u32)) -> Option<()> {
        let [form] = self.take()?;
        let bins = self.varint()?;
        let (mut key, step) = match form {
            BINS_ONE_BY_ONE => (0, None),
            BINS_IN_A_RUN => {
                self.is_as_written = false;
                let first = unzigzag(self.varint()?);
                let step = unzigzag(self.varint()?);
                (first.checked_sub(step)?, Some(step))
            }
            _ => return None,
        };
        for number in 0..bins {
            let step = match step {
                Some(step) => step,
                None => unzigzag(self.varint()?),
            };
            if number > 0 && step < 1 {
                return None;
            }
            key = i64::checked_add(key, step)?;
            match self.count()? {
                0 => self.is_as_written = false,
                count => {
                    each(
                        i32::try_from(key).ok().filter(|key| f64::from(*key).abs() <= MOST)?,
                        count,
                    );
                }
            }
        }
        Some(())
    }

    fn tag(&mut self, wanted: u8) -> Option<()> {
        (self.take()? == [wanted]).then_some(())
    }

    /// Reads a whole number of 32 bits, written as f64.
    fn count(&mut self) -> Option<u32> {
        let count = self.number()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and what it changed is refused"
        )]
        let whole = count as u32;
        self.is_as_written &= f64::from(whole).to_bits() == count.to_bits();
        (f64::from(whole) == count).then_some(whole)
    }

    fn number(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            // A tenth byte may hold one bit.
            (shift < 63 || byte < 2).then_some(())?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.is_as_written &= byte > 0 || shift == 0;
                return Some(value);
            }
        }
        None
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*first)
    }
}

#[expect(clippy::cast_possible_wrap, reason = "zigzag keeps the sign in the lowest bit")]
const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
