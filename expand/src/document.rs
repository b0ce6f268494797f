//! A JSON object of a format that ingest reads by itself. It keeps its recorded text, but for the
//! members that Isobar adds to it.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

/// A stats object.
pub(crate) type Stats = BTreeMap<String, Box<RawValue>>;

/// The members of a JSON object, each as it was written.
pub(crate) type Members = BTreeMap<String, Box<RawValue>>;

/// Bytes that members take, about.
pub(crate) fn size(members: &Members) -> usize {
    members.iter().map(|(member, value)| size_of(member, value)).sum()
}

/// Bytes that one of them takes.
pub(crate) fn size_of(member: &str, value: &RawValue) -> usize {
    ENTRY + member.len() + value.get().len()
}

/// Overhead of a member, in addition to its texts.
const ENTRY: usize = 48;

/// Returns whether a value is no longer than a clock's number: many objects share one time.
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
    /// Sets a member that Isobar reads beside the format's own.
    pub(crate) fn set(&mut self, member: &str, value: &impl serde::Serialize) {
        if let Ok(value) = to_raw_value(value) {
            self.members.insert(member.to_owned(), value);
        }
    }

    /// A member that names something.
    pub fn name(&self, member: &str) -> Option<String> {
        name(self.members.get(member)?)
    }
}

/// Returns the string that a value is, unless it is empty.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(value.get()).ok().filter(|text| !text.is_empty())
}

/// Returns the name that a value is, as ingest reads it: a string that is not empty, or a whole
/// number.
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

/// Up to here a double holds every integer: 2⁵³.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the name in the first of these members that has one.
pub(crate) fn named(members: &Members, names: &[&str]) -> Option<String> {
    names.iter().find_map(|member| name(members.get(*member)?))
}

/// Returns the number that a value is.
pub(crate) fn number(value: &RawValue) -> Option<f64> {
    serde_json::from_str(value.get()).ok()
}

/// Beyond this, which ms reach in the year 5138, a time is in us, and beyond [`MOST_US`] in ns.
const MOST_MS: f64 = 1e14;
const MOST_US: f64 = 1e17;

/// Up to this, the time of a whole record is in seconds: 1e11 ms were in 1973.
pub(crate) const MOST_SECONDS: f64 = 1e11;

/// A time since the Unix epoch as ingest reads it: ms, us, ns, or RFC 3339; in ms.
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
