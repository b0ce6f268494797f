//! The truth: the expected result and content of every raw record, as JSON lines.
//!
//! The first line is a [`Header`]; then there is one [`Record`] for every raw record, in the order
//! of sending. Increments are those of the simulation, not differences of the written counters.

use std::io::{self, BufRead, Write};

use schemas::{Claim, Device, Direction, EventKind, Kind};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::world::WorldError;
use crate::world::history::History;

/// First line of a truth file: what made the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Seed of the random numbers.
    pub seed: u64,
    /// Start of the world, µs since the Unix epoch.
    pub start_us: i64,
    /// Sessions that are live at the same time.
    pub sessions: u32,
    /// Time between two reports of a session, µs.
    pub period_us: i64,
    /// Name of the scenario.
    pub scenario: String,
    /// Size of a history. Its records are not stored in the file: they are simulated again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// Expected result of a raw record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Accepted.
    Accepted,
    /// A duplicate of an earlier record.
    Duplicate,
    /// A newer snapshot of its session came first.
    OutOfOrder,
    /// Its event is older at its arrival than `ingest.late_h` allows.
    Late,
    /// Dead-lettered.
    Invalid,
}

/// Identity of a session, stored with its first record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Application.
    pub app: String,
    /// Call.
    pub call: String,
    /// Participant.
    pub participant: String,
    /// Serving edge.
    pub edge: String,
    /// Release of the client.
    pub client_version: String,
    /// Device in its user agent.
    pub device: Device,
}

/// The true increments of one stream in a report. Values that its browser does not report are
/// missing. Units are those of [`schemas::Interval`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of schemas::Interval")]
pub struct Interval {
    pub kind: Kind,
    #[serde(rename = "dir")]
    pub direction: Direction,
    pub codec: String,
    pub ssrc: u32,
    #[serde(rename = "from")]
    pub start_us: i64,
    #[serde(rename = "to")]
    pub end_us: i64,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub stream_packets: Option<i64>,
    #[serde(rename = "rx", skip_serializing_if = "Option::is_none")]
    pub packets_received: Option<i64>,
    #[serde(rename = "lost", skip_serializing_if = "Option::is_none")]
    pub packets_lost: Option<i64>,
    #[serde(rename = "again", skip_serializing_if = "Option::is_none")]
    pub retransmitted_packets: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nack: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pli: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fir: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<i64>,
    #[serde(rename = "src", skip_serializing_if = "Option::is_none")]
    pub source_frames: Option<i64>,
    #[serde(rename = "dropped", skip_serializing_if = "Option::is_none")]
    pub frames_dropped: Option<i64>,
    #[serde(rename = "w", skip_serializing_if = "Option::is_none")]
    pub frame_width: Option<i64>,
    #[serde(rename = "h", skip_serializing_if = "Option::is_none")]
    pub frame_height: Option<i64>,
    #[serde(rename = "screen", skip_serializing_if = "Option::is_none")]
    pub screen_share: Option<bool>,
    #[serde(rename = "freezes", skip_serializing_if = "Option::is_none")]
    pub freeze_count: Option<i64>,
    #[serde(rename = "frozen", skip_serializing_if = "Option::is_none")]
    pub freeze_us: Option<i64>,
    #[serde(rename = "pauses", skip_serializing_if = "Option::is_none")]
    pub pause_count: Option<i64>,
    #[serde(rename = "paused", skip_serializing_if = "Option::is_none")]
    pub pause_us: Option<i64>,
    #[serde(rename = "samples", skip_serializing_if = "Option::is_none")]
    pub total_samples: Option<i64>,
    #[serde(rename = "concealed", skip_serializing_if = "Option::is_none")]
    pub concealed_samples: Option<i64>,
    #[serde(rename = "energy", skip_serializing_if = "Option::is_none")]
    pub audio_energy_micro: Option<i64>,
    #[serde(rename = "jb", skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_us: Option<i64>,
    #[serde(rename = "jbn", skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_emitted: Option<i64>,
    #[serde(rename = "rtt", skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<i64>,
    #[serde(rename = "rttn", skip_serializing_if = "Option::is_none")]
    pub round_trip_count: Option<i64>,
    #[serde(rename = "rttg", skip_serializing_if = "Option::is_none")]
    pub round_trip_gauge_us: Option<i64>,
    #[serde(rename = "jitter", skip_serializing_if = "Option::is_none")]
    pub jitter_us: Option<i64>,
}

/// Contents of an accepted record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Event.
    pub kind: EventKind,
    /// Event time: time by the client's clock, corrected by the collector's, µs since the Unix
    /// epoch.
    #[serde(rename = "us")]
    pub event_us: i64,
    /// The client's address as reported at that time; empty if it was not reported.
    pub address: String,
    /// Claimed place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Serving edge and release of the client, if they differ from those of [`Session`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<(String, String)>,
    /// Network type, if the browser reports it.
    #[serde(rename = "net", default, skip_serializing_if = "Option::is_none")]
    pub network_type: Option<String>,
    /// Transport, if the report contains it: udp, tcp, relay-udp, relay-tcp, relay-tls.
    #[serde(rename = "via", default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Increments of ICE round trips, µs, and of their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice: Option<(i64, i64)>,
    /// Increment of the selected candidate pair's changes.
    #[serde(rename = "pairs", default, skip_serializing_if = "Option::is_none")]
    pub pair_changes: Option<i64>,
    /// Time to ICE connected of a connected event, ms.
    #[serde(rename = "ttc", default, skip_serializing_if = "Option::is_none")]
    pub time_to_connect_ms: Option<i64>,
    /// Time to media of a connected event, ms.
    #[serde(rename = "ttm", default, skip_serializing_if = "Option::is_none")]
    pub time_to_media_ms: Option<i64>,
    /// Rating of a feedback event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i64>,
    /// Other occurrences with their times, µs since the Unix epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<(EventKind, i64)>,
    /// Corrections of connected and failed events, in this record or an earlier one, that are not
    /// separate attempts: event time, and the numbers to add to attempts and failed attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<(i64, i64, i64)>,
    /// Number of streams that start or restart in this snapshot, and so have no interval.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub baselines: u32,
    /// Intervals that end at this snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Interval>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The truth about one raw record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the session.
    #[serde(rename = "s")]
    pub session: u32,
    /// Expected result.
    #[serde(rename = "is")]
    pub outcome: Outcome,
    /// Identity of the session; only with its first record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduces: Option<Session>,
    /// Content of an accepted record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// Expected dead letter of an invalid record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Dead>,
}

/// A record that has to be dead-lettered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dead {
    /// Code of the reason, as dead letters have it.
    pub why: String,
    /// [`payload_hash`] of its bytes.
    pub hash: u64,
}

/// Returns the hash that identifies a payload in the truth (XXH3, 64 bits).
#[must_use]
pub fn payload_hash(payload: &[u8]) -> u64 {
    xxh3_64(payload)
}

/// Error of writing or reading a truth file.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file itself.
    #[error("truth file: {0}")]
    Io(#[from] io::Error),
    /// An invalid line; line 1 is the header.
    #[error("truth file, line {line}: {source}")]
    Line {
        /// Its number.
        line: usize,
        /// Description of the error.
        source: serde_json::Error,
    },
    /// The truth of a history does not record how much of it was sent.
    #[error("truth file: the history was not sent to its end, or was killed: its count is missing")]
    Uncounted,
    /// A header that makes no world.
    #[error("truth file: {0}")]
    World(#[from] WorldError),
    /// A header of an unknown scenario.
    #[error("truth file: there is no scenario {0}")]
    Scenario(String),
}

/// Writes a truth file.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(mut out: W, header: &Header) -> Result<Self, TruthError> {
        line(&mut out, header)?;
        Ok(Self { out })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, record: &Record) -> Result<(), TruthError> {
        Ok(line(&mut self.out, record)?)
    }

    /// Flushes everything to the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), TruthError> {
        Ok(self.out.flush()?)
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Reads a truth file: the header, and an iterator over its records.
///
/// # Errors
/// When the header cannot be read.
pub fn read<R: BufRead>(
    mut from: R,
) -> Result<(Header, impl Iterator<Item = Result<Record, TruthError>>), TruthError> {
    let header = header(&mut from)?;
    Ok((header, records(from)))
}

/// Reads the first line.
pub(crate) fn header(from: &mut impl BufRead) -> Result<Header, TruthError> {
    let mut first = String::new();
    from.read_line(&mut first)?;
    serde_json::from_str(&first).map_err(|source| TruthError::Line { line: 1, source })
}

/// Reads all lines after the first.
pub(crate) fn records(from: impl BufRead) -> impl Iterator<Item = Result<Record, TruthError>> {
    from.lines().enumerate().map(|(n, text)| {
        serde_json::from_str(&text?).map_err(|source| TruthError::Line { line: n + 2, source })
    })
}
