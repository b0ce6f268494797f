//! rtcstats dumps: one JSON array per line, `[name, peer connection, value, …, time]`.
//!
//! There are two kinds: Jitsi's, with names and full times; and numbered dumps, which begin with
//! the line `RTCStatsDump` and a line of metadata, have times relative to the previous line, and
//! numbers for names. In both, reports contain only the changes since the previous report.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::budget::Budget;
use super::document::{MOST_SECONDS, Stats, is_time, name};
use super::numbered;
use super::outcome::{Expanded, Unread};
use super::session::{Asked, Session};

/// First line of a numbered dump.
pub(crate) const NUMBERED: &str = "RTCStatsDump";

/// The objects of a report, by id.
type Report = BTreeMap<String, Stats>;

struct Dump<'b> {
    numbered: bool,
    clock_ms: f64,
    user_agent: Option<String>,
    session: Session<'b>,
    reports: BTreeMap<String, Report>,
    /// Calls of `getUserMedia()` that have not ended, with their correlation ids if they have one.
    asked: VecDeque<(Option<String>, Asked)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    user_agent: Option<String>,
}

/// Returns whether `line` is a line of a dump.
pub(crate) fn is_line(line: &str) -> bool {
    parse(line).is_some()
}

/// Expands a dump into self-contained envelopes.
pub(crate) fn expand(text: &str, budget: &Budget) -> Expanded {
    let numbered = text.trim_start().starts_with(NUMBERED);
    let mut dump = Dump {
        numbered,
        clock_ms: 0.0,
        user_agent: None,
        session: Session::new(budget),
        reports: BTreeMap::new(),
        asked: VecDeque::new(),
    };
    let mut unread = Unread::default();
    for (number, line) in (1..).zip(text.lines()) {
        if !line.trim().is_empty() && line.trim() != NUMBERED && dump.line(line).is_none() {
            unread.add_text(number, line);
        }
        if budget.exceeded().is_some() {
            break;
        }
    }
    Expanded { unread, ..Expanded::new(dump.session.end(dump.user_agent.as_deref())) }
}

struct Line<'a> {
    name: &'a str,
    connection: Option<String>,
    value: &'a RawValue,
    /// Connects a call with its result.
    correlation: Option<String>,
    time_ms: f64,
}

fn parse(line: &str) -> Option<Line<'_>> {
    let items: Vec<&RawValue> = serde_json::from_str(line).ok()?;
    let [name, connection, value, more @ .., time] = items.as_slice() else { return None };
    let number = |value: &RawValue| serde_json::from_str::<f64>(value.get()).ok();
    // Some servers append a line number after the time.
    let (more, time) = match more {
        [more @ .., before]
            if number(before) > Some(MOST_SECONDS) && number(time) < Some(MOST_SECONDS) =>
        {
            (more, before)
        }
        _ => (more, time),
    };
    Some(Line {
        name: numbered::method(name.get().trim_matches('"')),
        connection: connection_of(connection, name)?,
        value,
        correlation: more.first().and_then(|id| serde_json::from_str(id.get()).ok()),
        time_ms: serde_json::from_str(time.get()).ok()?,
    })
}

/// Returns the name of a line's peer connection: a string, a number, or null. None if it is
/// anything else.
fn connection_of(connection: &RawValue, method: &RawValue) -> Option<Option<String>> {
    match serde_json::from_str::<Option<String>>(connection.get()) {
        Ok(name) => Some(name),
        Err(_) if method.get().starts_with('"') => name(connection).map(Some),
        Err(_) => None,
    }
}

impl Dump<'_> {
    /// Processes a line. None if it cannot be read.
    fn line(&mut self, line: &str) -> Option<()> {
        if self.numbered && line.starts_with('{') {
            return self.describe(line);
        }
        let Line { name, connection, value, correlation, time_ms } = parse(line)?;
        self.clock_ms = if self.numbered { self.clock_ms + time_ms } else { time_ms };
        let now_ms = self.clock_ms;
        match (name, connection) {
            ("connectionInfo", _) => self.describe(value.get())?,
            ("create", Some(connection)) => self.session.create(&connection, now_ms),
            // Chrome writes `remove` when a page with an open connection is closed.
            ("close" | "remove", Some(connection)) => self.session.close(&connection, now_ms),
            ("close", None) if self.numbered => self.session.leave("", now_ms),
            ("oniceconnectionstatechange" | "onconnectionstatechange", Some(connection)) => {
                let state: String = serde_json::from_str(value.get()).ok()?;
                self.session.state(&connection, &state, now_ms);
            }
            ("navigator.mediaDevices.getUserMedia", _) => {
                self.asked.push_back((correlation, asked(value)?));
            }
            ("navigator.mediaDevices.getUserMediaOnSuccess", _) => {
                self.answered(correlation.as_deref());
            }
            ("navigator.mediaDevices.getUserMediaOnFailure", _) => {
                let asked = self.answered(correlation.as_deref()).unwrap_or_default();
                self.session.devices_failed(asked, reason(value).as_deref(), now_ms);
            }
            ("getstats", Some(connection)) => self.stats(&connection, value)?,
            _ => {}
        }
        Some(())
    }

    fn describe(&mut self, info: &str) -> Option<()> {
        let info: Info = serde_json::from_str(info).ok()?;
        self.user_agent = info.user_agent.or_else(|| self.user_agent.take());
        Some(())
    }

    /// Returns the devices requested by the call that now ended: the one with the same correlation
    /// id, or else the oldest, because browsers respond in order.
    fn answered(&mut self, correlation: Option<&str>) -> Option<Asked> {
        let same = |(id, _): &(Option<String>, Asked)| id.as_deref() == correlation;
        let at = self.asked.iter().position(same).unwrap_or(0);
        self.asked.remove(at).map(|(_, asked)| asked)
    }

    fn stats(&mut self, id: &str, delta: &RawValue) -> Option<()> {
        let report = self.reports.entry(id.to_owned()).or_default();
        let time = if self.numbered {
            numbered::expand(report, delta)?
        } else {
            expand_named(report, delta)?
        };
        let time = match time {
            Some(time) => time,
            None => to_raw_value(&self.clock_ms).ok()?,
        };
        for (stats_id, stats) in report.iter_mut() {
            stats.entry("id".to_owned()).or_insert(to_raw_value(stats_id).ok()?);
            if stats.get("timestamp").is_none_or(|time| time.get() == "0") {
                stats.insert("timestamp".to_owned(), time.clone());
            }
        }
        let taken_ms = serde_json::from_str(time.get()).ok()?;
        let report = to_raw_value(report).ok()?;
        self.session.stats(id, taken_ms, self.clock_ms, report);
        Some(())
    }
}

/// Applies a delta of Jitsi's format, which has the changed members of each existing stats object.
/// A timestamp of 0 means the report's time. None if it is not a delta; `report` is then unchanged.
fn expand_named(report: &mut Report, delta: &RawValue) -> Option<Option<Box<RawValue>>> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(delta.get()).ok()?;
    let time = members.remove("timestamp").map(ToOwned::to_owned);
    if !time.as_deref().is_none_or(is_time) {
        return None;
    }
    let changed = members
        .into_iter()
        .map(|(id, fields)| Some((id, serde_json::from_str::<Stats>(fields.get()).ok()?)))
        .collect::<Option<Vec<_>>>()?;
    let mut before = std::mem::take(report);
    for (id, changed) in changed {
        let mut stats = before.remove(&id).unwrap_or_default();
        stats.extend(changed);
        report.insert(id, stats);
    }
    Some(time)
}

/// Returns the kinds of media that the constraints of a `getUserMedia()` call request: present and
/// not false.
fn asked(constraints: &RawValue) -> Option<Asked> {
    #[derive(Deserialize)]
    struct Constraints<'a> {
        #[serde(borrow)]
        audio: Option<&'a RawValue>,
        #[serde(borrow)]
        video: Option<&'a RawValue>,
    }
    // Without constraints the failure is not that of a device.
    let Ok(constraints) = serde_json::from_str::<Option<Constraints<'_>>>(constraints.get()) else {
        return None;
    };
    let wants = |kind: Option<&RawValue>| kind.is_some_and(|kind| kind.get() != "false");
    Some(constraints.map_or_else(Asked::default, |constraints| Asked {
        microphone: wants(constraints.audio),
        camera: wants(constraints.video),
    }))
}

/// Returns the DOMException's name, with its message if there is one.
fn reason(value: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Error {
        Name(String),
        Parts(Vec<String>),
        Exception {
            #[serde(alias = "error")]
            name: String,
        },
    }
    match serde_json::from_str(value.get()).ok()? {
        Error::Name(name) | Error::Exception { name } => Some(name),
        Error::Parts(parts) => Some(parts.join(": ")),
    }
}
