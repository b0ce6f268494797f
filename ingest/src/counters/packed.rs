//! Compact form of values, for the state.

use super::{COUNTERS, Values};

impl Values {
    /// Returns the known values in compact form.
    pub(crate) fn pack(&self) -> Packed {
        let (mut reported, mut length) = (0, 0);
        let mut bytes = [0; COUNTERS.len() * LONGEST];
        for (position, value) in self.0.iter().enumerate().filter(|(_, it)| **it != Self::MISSING) {
            reported |= 1 << position;
            length += write(*value, &mut bytes[length..]);
        }
        Packed { reported, values: bytes[..length].into() }
    }
}

/// Compact form of [`Values`]: most streams have fewer than half of the counters, and most values
/// are small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Set of the known counters, one bit each.
    reported: u64,
    /// Their values in order, in the encoding of [`write`].
    values: Box<[u8]>,
}

/// Maximum number of bytes that [`write`] writes.
const LONGEST: usize = 10;

/// Writes a number as Avro does (zigzag, 7 bits a byte), and returns how many bytes it takes.
fn write(value: i64, bytes: &mut [u8]) -> usize {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut length = 0;
    for byte in bytes {
        length += 1;
        *byte = (rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 };
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    length
}

/// Reads a number that [`write`] wrote.
fn read(bytes: &mut impl Iterator<Item = u8>) -> i64 {
    let (mut number, mut shift) = (0_u64, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

const _: () = assert!(COUNTERS.len() <= 64, "each has a bit of `Packed::reported`");

impl Packed {
    pub(crate) fn unpack(&self) -> Values {
        let mut values = Values::EMPTY;
        let mut bytes = self.values.iter().copied();
        for position in (0..COUNTERS.len()).filter(|position| self.reported >> position & 1 == 1) {
            values.0[position] = read(&mut bytes);
        }
        values
    }

    /// Returns the number of bytes of the values.
    pub(crate) const fn bytes(&self) -> usize {
        self.values.len()
    }
}
