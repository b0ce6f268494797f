//! Results of reading a recording.

use std::fmt;

use schemas::json_numbers;
use serde::de::IgnoredAny;

use super::envelope::Envelope;
use super::raw::Raw;

/// Result of reading one recording.
#[derive(Debug, Default)]
pub struct Expanded {
    /// Records in the order in which they were sent.
    pub records: Vec<Raw>,
    /// Parts that could not be read.
    pub unread: Unread,
    /// Events and statistics without a valid time.
    pub untimed: u64,
}

impl Expanded {
    /// Returns the result of a recording that was read completely.
    pub fn new(envelopes: Vec<Envelope>) -> Self {
        Self { records: envelopes.into_iter().map(Raw::from).collect(), ..Self::default() }
    }
}

/// Lines or values that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Number of them.
    pub count: u64,
    /// Line of the first one, from 1.
    pub first_line: Option<u64>,
    /// Reason why the first one is not JSON, and what to do. None if it is JSON or does not
    /// resemble JSON.
    pub why: Option<String>,
}

impl Unread {
    /// Counts an unreadable value that begins at `line`.
    pub fn add(&mut self, line: u64) {
        self.count += 1;
        self.first_line.get_or_insert(line);
    }

    /// Counts an unreadable value with this text that begins at `line`.
    pub fn add_text(&mut self, line: u64, text: &str) {
        if self.count == 0 && text.trim_start().starts_with(['{', '[']) {
            self.why = why_no_json(text.trim());
        }
        self.add(line);
    }
}

/// Returns why a line is not JSON and what to do. None if it is JSON; numbers beyond a double are
/// allowed, because ingest treats them as missing.
fn why_no_json(line: &str) -> Option<String> {
    let error = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).err();
    let mut why = error(line.as_bytes())?;
    let mended = json_numbers::finite(line.as_bytes());
    if let Some(mended) = &mended {
        why = error(mended)?;
    }
    let text = mended.as_deref().unwrap_or(line.as_bytes());
    let hint = if json_numbers::has_no_number(text) { json_numbers::HINT } else { "" };
    // The parser's line number is not that of the recording.
    Some(format!("{why}{hint}").replacen(" at line 1 column ", " at column ", 1))
}

/// Reason why nothing of a recording is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is in none of the formats.
    UnknownFormat,
    /// It resembles JSON but is not valid.
    NotJson {
        /// Line of the first one, from 1.
        line: u64,
        /// Reason, and what to do.
        why: String,
    },
    /// It has a report without a stats object.
    EmptyReport,
    /// It is neither text nor a supported binary format.
    NotText,
    /// It holds statistics of the old, callback-based getStats().
    LegacyGetStats,
    /// It is a webrtc-internals dump without any times of its statistics.
    NoTimes,
    /// It exceeds, together with the recordings before it, the memory limit after expansion.
    TooLarge {
        /// The limit.
        limit_mb: u64,
    },
    /// It is a delta stream whose beginning is missing.
    NoBeginning,
    /// It resembles a stream of ObserveRTC's protobuf encoder, but no sample of it can be read.
    Protobuf {
        /// Line of the first one, from 1.
        line: u64,
        /// Reason, and what to do.
        why: &'static str,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge { limit_mb } => {
                return write!(
                    f,
                    "expands, with the recordings before it, to more than {limit_mb} MB; split it, \
                     or raise --limit-mb if there is memory for it"
                );
            }
            Self::Protobuf { line, why } => return write!(f, "line {line}: {why}"),
            Self::NotJson { line, why } => return write!(f, "line {line} is no JSON: {why}"),
            Self::EmptyReport => {
                "a report without a stats object (no type as inbound-rtp). JSON.stringify() makes {} \
                 of a Map, and a text of JSON is not read: record Object.fromEntries(report), or \
                 [...report.values()]"
            }
            Self::UnknownFormat => {
                "none of the formats that are read: rtcstats dumps, chrome://webrtc-internals \
                 dumps, getStats() reports, ObserveRTC samples and deltas, callstats.io REST \
                 bodies, Isobar's envelopes (all JSON) and reports (Avro), ObserveRTC's protobuf \
                 deltas (base64), each also as .gz"
            }
            Self::NotText => {
                "neither UTF-8 text nor Isobar's Avro reports; unpack it first unless it is .gz, \
                 and record ObserveRTC's protobuf samples in base64, one a line"
            }
            Self::LegacyGetStats => {
                "legacy getStats() (goog… members) is not read; record it with the promise-based \
                 getStats() instead"
            }
            Self::NoTimes => {
                "the dump's statistics have neither times nor start and end times; save it \
                 with a newer Chrome"
            }
            Self::NoBeginning => {
                "a delta stream whose beginning is missing; record it from the first sample or a \
                 reset on"
            }
        })
    }
}
