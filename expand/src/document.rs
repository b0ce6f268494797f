//! A JSON object in a format that ingest reads. It keeps its recorded text, except for the members
//! that Isobar adds.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

/// A stats object.
pub(crate) type Stats = BTreeMap<String, Box<RawValue>>;

/// The members of a JSON object, each with its original text.
pub(crate) type Members = BTreeMap<String, Box<RawValue>>;

/// Returns the approximate memory of members, bytes.
pub(crate) fn size(members: &Members) -> usize {
    members.iter().map(|(member, value)| size_of(member, value)).sum()
}

/// Returns the approximate memory of one member, bytes.
pub(crate) fn size_of(member: &str, value: &RawValue) -> usize {
    ENTRY + member.len() + value.get().len()
}

/// Overhead of a member, in addition to its texts.
const ENTRY: usize = 48;

/// Returns whether a value is short enough for a plain number. A longer time would be copied into
/// many objects.
pub(crate) fn is_time(value: &RawValue) -> bool {
    value.get().len() <= 64
}

/// A raw record in another project's format.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) members: Members,
    /// ms since the Unix epoch by the client's clock.
    pub(crate) recorded_ms: f64,
}

impl Document {
    /// Sets a member that Isobar reads in addition to those of the format.
    pub(crate) fn set(&mut self, member: &str, value: &impl serde::Serialize) {
        if let Ok(value) = to_raw_value(value) {
            self.members.insert(member.to_owned(), value);
        }
    }

    /// Returns the name in a member.
    pub fn name(&self, member: &str) -> Option<String> {
        name(self.members.get(member)?)
    }
}

/// Returns the value if it is a non-empty string.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(value.get()).ok().filter(|text| !text.is_empty())
}

/// Returns the value as a name, by the rules of ingest: a non-empty string or a whole number.
pub fn name(value: &RawValue) -> Option<String> {
    text(value).or_else(|| {
        let digits = value.get().strip_prefix('-').unwrap_or(value.get());
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(value.get().to_owned());
        }
        // Some languages write whole numbers as 77.0.
        let whole = number(value).filter(|it| it.fract() == 0.0 && it.abs() <= EXACT)?;
        Some((whole as i64).to_string())
    })
}

/// Largest number up to which a double holds every integer: 2⁵³.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the name in the first of these members that has one.
pub(crate) fn named(members: &Members, names: &[&str]) -> Option<String> {
    names.iter().find_map(|member| name(members.get(*member)?))
}

/// Returns the value if it is a number.
pub(crate) fn number(value: &RawValue) -> Option<f64> {
    serde_json::from_str(value.get()).ok()
}

/// Largest time that is taken for ms (the year 5138). Larger ones are in us, and beyond [`MOST_US`]
/// in ns.
const MOST_MS: f64 = 1e14;
const MOST_US: f64 = 1e17;

/// Largest time of a whole record that is taken for seconds (1e11 ms were in 1973).
pub(crate) const MOST_SECONDS: f64 = 1e11;

/// Returns a time in ms since the Unix epoch, by the rules of ingest: given in ms, us, ns, or as
/// RFC 3339.
pub(crate) fn moment_ms(value: &RawValue) -> Option<f64> {
    let written = text(value);
    let time = match &written {
        Some(text) => text.parse().ok(),
        None => number(value),
    };
    match time {
        Some(time) if time <= MOST_MS => Some(time),
        Some(time) if time <= MOST_US => Some(time / 1e3),
        Some(time) => Some(time / 1e6),
        None => {
            let time = written?.parse::<jiff::Timestamp>().ok()?;
            Some(time.as_microsecond() as f64 / 1e3)
        }
    }
}
