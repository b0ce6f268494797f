//! A JSON object of a format that ingest reads by itself. It keeps its recorded text, but for the
//! members that Isobar adds to it.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

/// The members of a JSON object, each as it was written.
pub(crate) type Members = BTreeMap<String, Box<RawValue>>;

/// A raw record of another's format.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) members: Members,
    /// ms since the Unix epoch by the client's clock.
    pub(crate) recorded_ms: f64,
}

impl Document {
    /// Sets a member that Isobar reads beside the format's own.
    pub(crate) fn set(&mut self, member: &str, value: &impl serde::Serialize) {
        if let Ok(value) = to_raw_value(value) {
            self.members.insert(member.to_owned(), value);
        }
    }

    /// A member that is a string and says something.
    pub(crate) fn text(&self, member: &str) -> Option<String> {
        text(self.members.get(member)?)
    }
}

/// The string that a value is, unless it is empty.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(value.get()).ok().filter(|text| !text.is_empty())
}

/// The number that a value is.
pub(crate) fn number(value: &RawValue) -> Option<f64> {
    serde_json::from_str(value.get()).ok()
}
