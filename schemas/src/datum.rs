//! Field-by-field conversion of Avro datums, for the records that every interval is part of.
//!
//! A datum contains no names, only the fields in the order of the schema. So a Rust record whose
//! fields are in that order can be written and read without look-ups. The output is byte for byte
//! that of `apache-avro` (decision 0016); a test checks this for every field of every record.

/// Reason why bytes are not the datum of a record. It quotes none of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the datum does.
    #[error("it ends too early")]
    Short,
    /// A number has more bits than its type.
    #[error("a number is too large")]
    Number,
    /// A branch, symbol or truth value that the schema does not have.
    #[error("a branch, symbol or truth value is not in the schema")]
    Choice,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
}

/// A value that is part of a datum.
pub(crate) trait Datum: Default {
    /// Appends the value's bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Removes a value's bytes from the front of `input` and overwrites `self` with the value,
    /// reusing its memory. After an error the content of `self` is undefined.
    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed>;
}

/// Reads a number.
pub(crate) fn read_long(input: &mut &[u8]) -> Result<i64, Malformed> {
    let mut zigzag = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *input.split_off_first().ok_or(Malformed::Short)?;
        // A tenth byte may hold one bit.
        if shift == 63 && byte > 1 {
            return Err(Malformed::Number);
        }
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
        }
    }
    Err(Malformed::Number)
}

impl Datum for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        let mut rest = ((self << 1) ^ (self >> 63)).cast_unsigned();
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        *self = read_long(input)?;
        Ok(())
    }
}

impl Datum for i32 {
    fn write(&self, out: &mut Vec<u8>) {
        i64::from(*self).write(out);
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        *self = read_long(input)?.try_into().map_err(|_| Malformed::Number)?;
        Ok(())
    }
}

impl Datum for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        *self = match input.split_off_first().ok_or(Malformed::Short)? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::Choice),
        };
        Ok(())
    }
}

/// Reads a length and that many bytes.
pub(crate) fn read_bytes<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(read_long(input)?).map_err(|_| Malformed::Number)?;
    input.split_off(..length).ok_or(Malformed::Short)
}

impl Datum for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as i64).write(out);
        out.extend_from_slice(self);
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        self.clear();
        self.extend_from_slice(read_bytes(input)?);
        Ok(())
    }
}

impl Datum for String {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as i64).write(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        self.clear();
        self.push_str(str::from_utf8(read_bytes(input)?).map_err(|_| Malformed::Text)?);
        Ok(())
    }
}

/// A union of null and another type, in this order.
impl<T: Datum> Datum for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                1_i64.write(out);
                value.write(out);
            }
        }
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        match read_long(input)? {
            0 => *self = None,
            1 => self.get_or_insert_default().read(input)?,
            _ => return Err(Malformed::Choice),
        }
        Ok(())
    }
}

/// An array, written as one block. Other writers may use several blocks, with their lengths in bytes.
impl<T: Datum> Datum for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            (self.len() as i64).write(out);
            self.iter().for_each(|item| item.write(out));
        }
        out.push(0);
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), Malformed> {
        let mut read = 0;
        loop {
            let count = read_long(input)?;
            if count == 0 {
                self.truncate(read);
                return Ok(());
            }
            if count < 0 {
                read_long(input)?;
            }
            for _ in 0..count.unsigned_abs() {
                if read == self.len() {
                    self.push(T::default());
                }
                self[read].read(input)?;
                read += 1;
            }
        }
    }
}

/// Defines records whose fields are in the order of their schemas, and implements [`Datum`] for
/// them.
macro_rules! records {
    ($(
        $(#[$meta:meta])*
        pub struct $record:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)*
        }
    )*) => { $(
        $(#[$meta])*
        pub struct $record {
            $($(#[$field_meta])* pub $field: $kind,)*
        }

        impl $crate::datum::Datum for $record {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)*
            }

            fn read(&mut self, input: &mut &[u8]) -> Result<(), $crate::datum::Malformed> {
                $(self.$field.read(input)?;)*
                Ok(())
            }
        }
    )* };
}
pub(crate) use records;

/// Implements [`Datum`] for enums, given their symbols in the order of their schema.
macro_rules! symbols {
    ($($kind:ident { $($symbol:ident),* })*) => { $(
        impl $crate::datum::Datum for $kind {
            fn write(&self, out: &mut Vec<u8>) {
                (*self as i64).write(out);
            }

            fn read(&mut self, input: &mut &[u8]) -> Result<(), $crate::datum::Malformed> {
                const SYMBOLS: &[$kind] = &[$($kind::$symbol),*];
                let place = usize::try_from($crate::datum::read_long(input)?);
                let symbol = place.ok().and_then(|place| SYMBOLS.get(place));
                *self = *symbol.ok_or($crate::datum::Malformed::Choice)?;
                Ok(())
            }
        }
    )* };
}
pub(crate) use symbols;
