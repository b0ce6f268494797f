//! The report: a map from ids to stats objects, as browsers have it, or an array of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::object::{Found, ObjectSeed, Type};
use crate::formats::json::{Scalar, scalars_are};

/// A report as it was found.
#[derive(Debug, Default)]
pub(in crate::formats) enum GetStats<'a> {
    /// Not there.
    #[default]
    Missing,
    /// Neither object nor array.
    Wrong,
    /// What was found in it.
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
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::with_room();
        loop {
            let key = Cow::Borrowed("");
            let seed = ObjectSeed { key, of: Type::Other, found: &mut found };
            if items.next_element_seed(seed)?.is_none() {
                return Ok(GetStats::Found(found));
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::with_room();
        while let Some(Scalar::Text(key)) = members.next_key()? {
            let seed = ObjectSeed { key, of: Type::Other, found: &mut found };
            members.next_value_seed(seed)?;
        }
        Ok(GetStats::Found(found))
    }
}
