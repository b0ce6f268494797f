//! Reading of members' names and of counters into their final places.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::members::{Member, duration};
use crate::counters::{Counter, Values};
use crate::formats::json::{Scalar, scalars_are, skip_items, skip_members};

/// The member of a name, looked up without copying the name.
pub(super) struct MemberName(pub(super) Option<Member>);

impl<'de> Deserialize<'de> for MemberName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = MemberName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_str<E>(self, name: &str) -> Result<MemberName, E> {
                Ok(MemberName(Member::named(name)))
            }
        }
        deserializer.deserialize_identifier(NameVisitor)
    }
}

/// Reads the value of a counter into its final place, because a report has a hundred of them. A
/// value that is not a number is missing.
pub(super) struct CounterSeed<'v>(pub(super) Counter, pub(super) &'v mut Values);

impl CounterSeed<'_> {
    fn set<E>(self, number: f64) -> Result<(), E> {
        self.1.set(self.0, number);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for CounterSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CounterSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.set(f64::NAN)
    }
    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.set(number as f64)
    }
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.1.set_whole(self.0, number);
        Ok(())
    }
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.set(number)
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.set(text.parse().unwrap_or(f64::NAN))
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.set(f64::NAN)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.set(f64::NAN)?;
        skip_items(&mut items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.set(f64::NAN)?;
        skip_members(&mut members)
    }
}

/// Reads `qualityLimitationDurations`.
pub(super) struct DurationsSeed<'v>(pub(super) &'v mut Values);

impl<'de> DeserializeSeed<'de> for DurationsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DurationsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("durations by reason")
    }
    scalars_are!(());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        skip_items(&mut items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some((Scalar::Text(name), value)) = members.next_entry::<Scalar, Scalar>()? {
            if let Some(counter) = duration(&name) {
                self.0.set(counter, value.number().unwrap_or(f64::NAN));
            }
        }
        Ok(())
    }
}
