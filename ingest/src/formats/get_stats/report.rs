//! The report: a map from ids to stats objects, as in browsers, or an array of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::object::{Found, ObjectSeed};
use super::object_type::Type;
use crate::formats::json::{Scalar, scalars_are};

/// Content of a member that should be a report.
#[derive(Debug, Default)]
pub(in crate::formats) enum GetStats<'a> {
    /// It is missing.
    #[default]
    Missing,
    /// It is neither an object nor an array.
    Wrong,
    /// Content of a report.
    Found(Found<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for GetStats<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReportVisitor)
    }
}

struct ReportVisitor;

impl<'de> Visitor<'de> for ReportVisitor {
    type Value = GetStats<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a getStats report")
    }
    scalars_are!(GetStats::Wrong);
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::with_room();
        Objects(&mut found).visit_seq(items)?;
        Ok(GetStats::Found(found))
    }
    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::with_room();
        Objects(&mut found).visit_map(members)?;
        Ok(GetStats::Found(found))
    }
}

/// Members of native SDKs' report objects that contain the stats objects (`RTCStatsReport` in Java,
/// `RTCStatisticsReport` in Objective-C).
pub(in crate::formats) const NATIVE: [&str; 2] = ["statsMap", "statistics"];

/// Reads stats objects into [`Found`].
struct Objects<'a, 'o>(&'o mut Found<'a>);

impl<'de> DeserializeSeed<'de> for Objects<'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stats objects")
    }
    scalars_are!(());
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            let seed = ObjectSeed { key: Cow::Borrowed(""), of: Type::Other, found: self.0 };
            if items.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Scalar::Text(key)) = members.next_key()? {
            if NATIVE.contains(&&*key) {
                members.next_value_seed(Objects(self.0))?;
            } else {
                members.next_value_seed(ObjectSeed { key, of: Type::Other, found: self.0 })?;
            }
        }
        Ok(())
    }
}
