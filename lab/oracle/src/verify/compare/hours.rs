//! Sessions by hour and strata of days.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use serde::Serialize;

use super::{fields, members};
use crate::oracle::{Day, Expected, Hour};
use crate::verify::verdict::{Actual, Verdict};

pub(super) fn compare(expected: &Expected, actual: &Actual, verdict: &mut Verdict) {
    let hours = &actual.session_hours;
    verdict.session_hours_checked = expected.session_hours.len() as u64;
    rows("session hour", &expected.session_hours, hours, unlike_hours, verdict);
    if let Some(days) = &actual.session_days {
        verdict.session_days_checked = expected.session_days.len() as u64;
        rows("session day", &expected.session_days, days, unlike_days, verdict);
    }
}

fn rows<K: Eq + Hash + Serialize, T: PartialEq>(
    name: &str,
    expected: &HashMap<K, T>,
    actual: &[(K, T)],
    unlike: impl Fn(&T, &T) -> String,
    verdict: &mut Verdict,
) {
    let found: HashMap<&K, &T> = actual.iter().map(|(key, row)| (key, row)).collect();
    verdict.equal(&format!("rows of {name}s"), actual.len() as u64, found.len() as u64);
    for (key, must_be) in expected {
        match found.get(key) {
            None => verdict.differs(|| format!("{name} {}: missing", describe(key))),
            Some(is) if *is != must_be => {
                verdict.differs(|| format!("{name} {}: {}", describe(key), unlike(is, must_be)));
            }
            Some(_) => {}
        }
    }
    for key in found.keys().filter(|key| !expected.contains_key(key)) {
        verdict.differs(|| format!("{name} {}: must not be there", describe(key)));
    }
}

fn describe(key: &impl Serialize) -> String {
    let values = members(key).map(|(name, value)| format!("{name} {value}"));
    values.collect::<Vec<_>>().join(", ")
}

fn unlike_hours(is: &Hour, must_be: &Hour) -> String {
    let mut differences = fields(&is.measures, &must_be.measures);
    differences.extend(unlike("packs", &is.packs, &must_be.packs));
    differences.join("; ")
}

fn unlike_days(is: &Day, must_be: &Day) -> String {
    let mut differences = fields(&is.measures, &must_be.measures);
    differences.extend(unlike("sessions", &is.sessions, &must_be.sessions));
    differences.extend(unlike("judged", &is.judged, &must_be.judged));
    differences.extend(unlike("w, y, ww, wy, yy", &is.sums, &must_be.sums));
    differences.join("; ")
}

fn unlike<T: PartialEq + Debug>(name: &str, is: &T, must_be: &T) -> Option<String> {
    (is != must_be).then(|| format!("{name} is {is:?}, must be {must_be:?}"))
}
