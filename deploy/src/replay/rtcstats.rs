//! rtcstats dumps: one JSON array a line, `[name, peer connection, value, …, time]`.
//!
//! Two generations are read: Jitsi's, with names and times in full and delta-compressed
//! `getstats`; and numbered dumps, which open with the line `RTCStatsDump` and a line of metadata
//! and count time from the line before. Statistics of numbered dumps are counted, not expanded:
//! their fields are numbers of a table that belongs to the writer's release.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::envelope::Envelope;
use super::recording::Expanded;

/// First line of a numbered dump.
pub(crate) const NUMBERED: &str = "RTCStatsDump";

type Stats = BTreeMap<String, Box<RawValue>>;

#[derive(Default)]
struct Connection {
    created_ms: Option<f64>,
    /// Reached `connected` or `failed`: what follows is no set-up any more.
    settled: bool,
    closed: bool,
    stats: BTreeMap<String, Stats>,
}

struct Dump {
    numbered: bool,
    clock_ms: f64,
    joined: bool,
    user_agent: Option<String>,
    connections: BTreeMap<String, Connection>,
    expanded: Expanded,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    user_agent: Option<String>,
}

/// True if `line` is one of a dump's.
pub(crate) fn is_line(line: &str) -> bool {
    parse(line).is_some()
}

/// Expands a dump into self-contained envelopes.
pub(crate) fn expand(text: &str) -> Expanded {
    let numbered = text.trim_start().starts_with(NUMBERED);
    let mut dump = Dump {
        numbered,
        clock_ms: 0.0,
        joined: false,
        user_agent: None,
        connections: BTreeMap::new(),
        expanded: Expanded::default(),
    };
    for line in text.lines().filter(|line| !line.trim().is_empty() && line.trim() != NUMBERED) {
        if dump.line(line).is_none() {
            dump.expanded.unread += 1;
        }
    }
    for envelope in &mut dump.expanded.envelopes {
        envelope.user_agent = dump.user_agent.clone();
    }
    dump.expanded
}

struct Line<'a> {
    name: &'a str,
    connection: Option<String>,
    value: &'a RawValue,
    time_ms: f64,
}

fn parse(line: &str) -> Option<Line<'_>> {
    let items: Vec<&RawValue> = serde_json::from_str(line).ok()?;
    let [name, connection, value, .., time] = items.as_slice() else { return None };
    Some(Line {
        name: method(name.get().trim_matches('"')),
        connection: serde_json::from_str(connection.get()).ok()?,
        value,
        time_ms: serde_json::from_str(time.get()).ok()?,
    })
}

/// The name of a numbered method, among those that tell something here.
fn method(name: &str) -> &str {
    match name {
        "g" | "getStats" => "getstats",
        "24" => "oniceconnectionstatechange",
        "25" => "onconnectionstatechange",
        "36" => "close",
        "39" => "create",
        name => name,
    }
}

impl Dump {
    /// None if the line cannot be read.
    fn line(&mut self, line: &str) -> Option<()> {
        if self.numbered && line.starts_with('{') {
            return self.describe(line);
        }
        let Line { name, connection, value, time_ms } = parse(line)?;
        self.clock_ms = if self.numbered { self.clock_ms + time_ms } else { time_ms };
        match (name, connection) {
            ("connectionInfo", _) => self.describe(value.get())?,
            ("create", Some(connection)) => self.create(&connection),
            ("close", Some(connection)) => self.close(&connection),
            ("close", None) if self.numbered => self.leave(""),
            ("oniceconnectionstatechange" | "onconnectionstatechange", Some(connection)) => {
                self.state(&connection, serde_json::from_str(value.get()).ok()?);
            }
            ("getstats", _) if self.numbered => self.expanded.not_expanded += 1,
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

    fn push(&mut self, envelope: Envelope) {
        self.expanded.envelopes.push(envelope);
    }

    fn create(&mut self, id: &str) {
        let created = Connection { created_ms: Some(self.clock_ms), ..Connection::default() };
        self.connections.insert(id.to_owned(), created);
        if !self.joined {
            self.joined = true;
            self.push(Envelope::new("joined", id, self.clock_ms));
        }
    }

    fn close(&mut self, id: &str) {
        self.connections.entry(id.to_owned()).or_default().closed = true;
        if self.connections.values().all(|connection| connection.closed) {
            self.leave(id);
        }
    }

    fn leave(&mut self, id: &str) {
        if self.joined {
            self.joined = false;
            self.push(Envelope::new("left", id, self.clock_ms));
        }
    }

    /// Only the first `connected` or `failed` tells of the set-up.
    fn state(&mut self, id: &str, state: &str) {
        let connection = self.connections.entry(id.to_owned()).or_default();
        let event = match state {
            "connected" | "completed" => "connected",
            "failed" => "failed",
            _ => return,
        };
        if connection.settled {
            return;
        }
        connection.settled = true;
        let mut envelope = Envelope::new(event, id, self.clock_ms);
        if event == "failed" {
            envelope.reason = Some("connection state failed".to_owned());
        } else {
            envelope.time_to_connect_ms =
                connection.created_ms.map(|created| self.clock_ms - created);
        }
        self.push(envelope);
    }

    /// A delta holds, for each stats object that still exists, the fields that changed. A member's
    /// timestamp of 0 stands for the report's own.
    fn stats(&mut self, id: &str, delta: &RawValue) -> Option<()> {
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(delta.get()).ok()?;
        let time = match members.remove("timestamp") {
            Some(time) => time.to_owned(),
            None => to_raw_value(&self.clock_ms).ok()?,
        };
        let changed = members
            .into_iter()
            .map(|(id, fields)| Some((id, serde_json::from_str::<Stats>(fields.get()).ok()?)))
            .collect::<Option<Vec<_>>>()?;

        let connection = self.connections.entry(id.to_owned()).or_default();
        let mut before = std::mem::take(&mut connection.stats);
        for (stats_id, changed) in changed {
            let mut stats = before.remove(&stats_id).unwrap_or_default();
            stats.extend(changed);
            stats.entry("id".to_owned()).or_insert(to_raw_value(&stats_id).ok()?);
            if stats.get("timestamp").is_none_or(|time| time.get() == "0") {
                stats.insert("timestamp".to_owned(), time.clone());
            }
            connection.stats.insert(stats_id, stats);
        }
        let report = to_raw_value(&connection.stats).ok()?;
        let mut envelope = Envelope::new("stats", id, self.clock_ms);
        envelope.timestamp = serde_json::from_str(time.get()).ok()?;
        envelope.report = Some(report);
        self.push(envelope);
        Some(())
    }
}
