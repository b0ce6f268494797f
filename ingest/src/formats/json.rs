//! Tolerant reading of JSON from clients: any member may have any type, and none may cause harm.

use std::borrow::Cow;
use std::fmt;

use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Reason, Rejected};
use schemas::json_numbers::LEAST_STAND_IN;

/// Returns whether arrays and objects are nested more than `limit` deep. Unknown members are
/// skipped without recursion, so the limit protects later readers of the record, not this program.
pub(super) fn is_deeper_than(limit: usize, text: &str) -> bool {
    // Counting brackets, 16 bytes at a time, is sufficient for nearly every record.
    let opening =
        |chunk: &[u8]| chunk.iter().map(|byte| u8::from(matches!(byte, b'{' | b'['))).sum::<u8>();
    let opening = text.as_bytes().chunks(255).map(opening).map(usize::from).sum::<usize>();
    opening > limit && depth_passes(limit, text)
}

fn depth_passes(limit: usize, text: &str) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => loop {
                match bytes.next() {
                    Some(b'\\') => drop(bytes.next()),
                    Some(b'"') | None => break,
                    Some(_) => {}
                }
            },
            b'{' | b'[' if depth == limit => return true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Returns whether a text is an object, by its first byte.
pub(super) fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// Checks whether a text is JSON.
pub(super) fn check(text: &str) -> Result<(), Rejected> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(rejected)
}

/// Returns the rejection for a parser's error. Its text contains only a position and names of known
/// fields, because all values may have any type.
pub(super) fn rejected(error: serde_json::Error) -> Rejected {
    let reason = if error.is_data() { Reason::BadValue } else { Reason::NotJson };
    Rejected::new(reason, error.to_string())
}

/// Defines the methods of a visitor for scalars that it does not expect: a wrong type is reported
/// with its field or counts as missing, but its value never becomes part of an error's text.
macro_rules! scalars_are {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}
pub(super) use scalars_are;

/// Skips the rest of an object.
pub(super) fn skip_members<'de, A: MapAccess<'de>>(members: &mut A) -> Result<(), A::Error> {
    while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Skips the rest of an array.
pub(super) fn skip_items<'de, A: SeqAccess<'de>>(items: &mut A) -> Result<(), A::Error> {
    while items.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Value of a member that should be a scalar.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Missing, null, or a number beyond the range of a double.
    #[default]
    Missing,
    /// A truth value.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A whole number that a double cannot represent, such as ids of some databases.
    Whole(u64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array or an object.
    Nested,
}

impl<'a> Scalar<'a> {
    /// Returns the number, which may be in quotes.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Whole(number) => Some(*number as f64),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns whether it is true, which may be in quotes.
    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Flag(true)) || matches!(self, Self::Text(text) if text == "true")
    }

    /// Returns the name: a string, or a whole number as text, so that 77 equals "77".
    pub(super) fn name(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Whole(number) => Some(Cow::Owned(number.to_string())),
            Self::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT as f64 => {
                Some(Cow::Owned((number as i64).to_string()))
            }
            _ => None,
        }
    }

    /// Returns the string, if it has at most `limit` bytes.
    pub(super) fn text(self, limit: usize) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if text.len() <= limit => Some(text),
            _ => None,
        }
    }
}

/// Largest number up to which a double holds every integer.
const EXACT: u64 = 1 << 53;

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(if number <= EXACT { Scalar::Number(number as f64) } else { Scalar::Whole(number) })
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(if number < LEAST_STAND_IN { Scalar::Number(number) } else { Scalar::Missing })
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Missing)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(Scalar::Nested)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        skip_members(&mut members)?;
        Ok(Scalar::Nested)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// Value of a member that should be an object.
#[derive(Debug, Default)]
pub(super) enum Nested<T> {
    /// Missing, or null.
    #[default]
    Missing,
    /// Not an object.
    Wrong,
    /// A value of the expected type.
    Value(T),
}

impl<T> Nested<T> {
    /// Returns the value of the expected type; others count as missing.
    pub(super) fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Wrong => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NestedVisitor(PhantomData))
    }
}

struct NestedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NestedVisitor<T> {
    type Value = Nested<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Nested::Wrong)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Nested::Wrong)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Nested::Wrong)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Nested::Wrong)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Nested::Wrong)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Nested::Missing)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        skip_items(&mut items)?;
        Ok(Nested::Wrong)
    }
    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Nested::Value)
    }
}

/// Maximum number of items of a member: far more than happens between two snapshots.
const MAX_ITEMS: usize = 4096;

/// Items of a member that should be an array; any other value has none. If there are too many, only
/// enough of them to detect that.
#[derive(Debug)]
pub(super) struct Items<T>(Vec<T>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Items<T> {
    /// Returns all items of `member`.
    pub(super) fn all(self, member: &str) -> Result<Vec<T>, Rejected> {
        if self.0.len() > MAX_ITEMS {
            let detail = format!("{member}: more than {MAX_ITEMS} items");
            return Err(Rejected::new(Reason::TooLarge, detail));
        }
        Ok(self.0)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

struct ItemsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }
    scalars_are!(Items::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() <= MAX_ITEMS {
            let Some(item) = items.next_element()? else { return Ok(Items(list)) };
            list.push(item);
        }
        skip_items(&mut items)?;
        Ok(Items(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        skip_members(&mut members)?;
        Ok(Items::default())
    }
}

/// The first and last items of an array of any length; none of any other value.
#[derive(Debug, Default)]
pub(super) struct Ends<'a> {
    pub(super) count: usize,
    pub(super) first: Scalar<'a>,
    pub(super) second: Scalar<'a>,
    pub(super) last: Scalar<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Ends<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EndsVisitor)
    }
}

struct EndsVisitor;

impl<'de> Visitor<'de> for EndsVisitor {
    type Value = Ends<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }
    scalars_are!(Ends::default());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut ends = Ends::default();
        while let Some(item) = items.next_element()? {
            match ends.count {
                0 => ends.first = item,
                1 => ends.second = item,
                _ => ends.last = item,
            }
            ends.count += 1;
        }
        Ok(ends)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        skip_members(&mut members)?;
        Ok(Ends::default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn of_too_many_items_only_one_more_than_allowed_is_kept() {
        let items = |count: usize| {
            let text = format!("[{}]", vec!["0"; count].join(","));
            serde_json::from_str::<Items<f64>>(&text).unwrap()
        };
        assert_eq!(items(MAX_ITEMS).all("items").unwrap().len(), MAX_ITEMS);
        assert_eq!(items(500_000).0.len(), MAX_ITEMS + 1);
        let rejected = items(500_000).all("items").unwrap_err();
        let wanted = Rejected::new(Reason::TooLarge, "items: more than 4096 items");
        assert_eq!(rejected, wanted);
    }
}
