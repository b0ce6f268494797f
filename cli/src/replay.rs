//! `isobar replay`: sends recordings of real calls to the raw topic, as if they happened now.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod chrome;
mod file;
mod report;
#[cfg(test)]
mod schema_2;
mod send;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod through_ingest;
#[cfg(test)]
mod variations;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use deploy::connect::{Cluster, KafkaArgs};
use deploy::names::RawTopic;
use expand::budget::Budget;
pub use expand::outcome::{Refusal, Unread};
use expand::raw::Labels;
use expand::raw::{Raw, UnwritableEvent};
use expand::recording;
use expand::schedule::{self, Schedule};

pub use report::{FileReport, Report};

/// Options of a replay.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Recordings: rtcstats or webrtc-internals dumps, getStats() reports, ObserveRTC samples or
    /// deltas, callstats.io REST bodies, Isobar's envelopes or Avro reports; each also as .gz
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The user's own Kafka.
    #[command(flatten)]
    pub own: KafkaArgs,
    /// The raw topic.
    #[command(flatten)]
    pub raw: RawTopic,
    /// Speed relative to the recording; "inf": as fast as the broker accepts records
    #[arg(long, default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Application; a recording without one belongs to the application "replay"
    #[arg(long)]
    pub app: Option<String>,
    /// Call; every file is a participant of it. Without it, a recording that names no call is a call
    /// with the name of the file
    #[arg(long)]
    pub call: Option<String>,
    /// Client's IP address, which decides region and provider
    #[arg(long, value_name = "ADDRESS")]
    pub client_ip: Option<IpAddr>,
    /// received_at of the first event, in ms since the Unix epoch; by default such that received_at
    /// of the last one is the time at which it is sent
    #[arg(long, value_name = "MS")]
    pub start: Option<u64>,
    /// Maximum MB of an unpacked recording, and of all recordings after expansion, which are held in
    /// memory
    #[arg(long, value_name = "MB", default_value_t = LIMIT_MB)]
    pub limit_mb: u64,
}

/// Sufficient for hours of a call, but not for decompression bombs.
pub const LIMIT_MB: u64 = 4096;

/// Error of a replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A recording cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The recording.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Nothing of a recording can be sent.
    #[error("{}: {refusal}", path.display())]
    Refused {
        /// The recording.
        path: PathBuf,
        /// The cause.
        refusal: Refusal,
    },
    /// An event cannot be encoded in its format.
    #[error("cannot write an event: {0}")]
    Event(#[from] UnwritableEvent),
    /// Kafka did not accept the events.
    #[error("Kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// The topic does not exist.
    #[error("Kafka has no topic {0}; `isobar topics apply` creates it")]
    NoTopic(String),
    /// An event was not acknowledged in time.
    #[error("Kafka acknowledged {acknowledged} of {of} events; {why}")]
    Unacknowledged {
        /// Events acknowledged.
        acknowledged: u64,
        /// Events to be sent.
        of: u64,
        /// Result for a new client, and advice.
        why: String,
    },
}

/// Recordings that were read, with the events that ingest would accept.
#[derive(Debug)]
pub struct Recorded {
    report: Report,
    recordings: Vec<Vec<Raw>>,
}

impl Recorded {
    /// Reads the recordings.
    ///
    /// # Errors
    /// When nothing of the only recording can be read, or the memory limit is exceeded.
    pub fn read(options: &Options) -> Result<Self, ReplayError> {
        let (report, recordings) = read(options)?;
        Ok(Self { report, recordings })
    }

    /// Returns true if there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recordings.iter().all(Vec::is_empty)
    }

    /// Sends the recordings to the raw topic of `cluster`, all in parallel, and returns when the
    /// broker has acknowledged the last event.
    ///
    /// # Errors
    /// When Kafka does not accept them.
    pub fn send(self, options: &Options, cluster: &Cluster) -> Result<Report, ReplayError> {
        let events = stamp(options, self.recordings, since_epoch_ms());
        if !events.is_empty() {
            let names = options.raw.over(cluster.names.clone());
            send::send(&events, cluster, &names.topics.raw)?;
        }
        Ok(self.report)
    }

    /// Returns the report if nothing is sent.
    #[must_use]
    pub fn unsent(self) -> Report {
        self.report
    }
}

/// Replays the recordings to the raw topic of `cluster`. Events that ingest would refuse are not
/// sent.
///
/// # Errors
/// When nothing of any recording can be read, or Kafka does not accept the events.
pub fn run(options: &Options, cluster: &Cluster) -> Result<Report, ReplayError> {
    Recorded::read(options)?.send(options, cluster)
}

fn read(options: &Options) -> Result<(Report, Vec<Vec<Raw>>), ReplayError> {
    let client_address = options.client_ip.map(|address| address.to_string());
    let budget = Budget::of_mb(options.limit_mb);
    let mut report = Report::default();
    let mut recordings = Vec::new();
    for path in &options.files {
        let bytes = file::read(path, options.limit_mb)
            .map_err(|source| ReplayError::File { path: path.clone(), source })?;
        let labels = Labels {
            app: options.app.as_deref(),
            call: options.call.as_deref(),
            client_address: client_address.as_deref(),
            name: &file::name(path),
        };
        let refused = |refusal| ReplayError::Refused { path: path.clone(), refusal };
        match recording::read(&bytes, labels, &budget) {
            Ok(expanded) => {
                let (of_file, records) = report::examine(path, expanded)?;
                report.files.push(of_file);
                recordings.push(records);
            }
            // If there is only one file, or the memory limit is exceeded, nothing is sent.
            Err(why @ Refusal::TooLarge { .. }) => return Err(refused(why)),
            Err(why) if options.files.len() == 1 => return Err(refused(why)),
            Err(why) => report.files.push(FileReport::refused(path, why)),
        }
    }
    Ok((report, recordings))
}

/// Sets the times of all events. Every recording begins at the start of the replay.
fn stamp(options: &Options, recordings: Vec<Vec<Raw>>, now_ms: f64) -> Vec<(Duration, Raw)> {
    let length_ms = recordings.iter().map(|events| schedule::length_ms(events)).fold(0.0, f64::max);
    let start_ms = options.start.map(|start| start as f64);
    let schedule = Schedule::new(now_ms, length_ms, options.speed, start_ms);
    let mut events = Vec::new();
    for recording in recordings {
        let first_ms = recording.first().map_or(0.0, Raw::recorded_ms);
        events.extend(recording.into_iter().map(|mut event| {
            let due = schedule.stamp(&mut event, first_ms);
            (due, event)
        }));
    }
    events.sort_by_key(|(due, _)| *due);
    events
}

fn since_epoch_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}

#[derive(Debug, thiserror::Error)]
#[error("a number above 0, or inf")]
struct SpeedError;

fn speed(text: &str) -> Result<f64, SpeedError> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 => Ok(speed),
        _ => Err(SpeedError),
    }
}
