//! Isobar's own JSON envelope.

use serde::Serialize;
use serde_json::value::RawValue;

use super::document::{Document, Members, moment_ms};

/// Returns a recorded envelope. It is sent unchanged, except for `sent_at` and `received_at`.
/// Ingest refuses invalid members.
pub(crate) fn document(members: Members) -> Document {
    let reported = |member| members.get(member).and_then(|time| moment_ms(time));
    let recorded_ms = reported("sent_at").or_else(|| reported("timestamp")).unwrap_or_default();
    Document { members, recorded_ms }
}

/// One raw event. A report keeps its recorded text, so that no number changes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Envelope {
    /// Version of the envelope, 1.
    pub v: u8,
    /// Kind of event.
    pub event: String,
    /// Application.
    pub app: String,
    /// Call.
    pub call: String,
    /// Participant.
    pub participant: String,
    /// Peer connection, if the recording names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_connection: Option<String>,
    /// ms since the Unix epoch by the client's clock.
    pub timestamp: f64,
    /// ms since the Unix epoch by the client's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<f64>,
    /// ms since the Unix epoch by the collector's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_at: Option<f64>,
    /// Address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// User agent of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Text of a `getStats()` report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<RawValue>>,
    /// ms from the creation of the peer connection to `connected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_connect_ms: Option<f64>,
    /// Code of the reason of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// camera or microphone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Envelope {
    /// Returns an event of a recording that names no session.
    pub fn new(event: &str, peer_connection: &str, recorded_ms: f64) -> Self {
        Self {
            v: 1,
            event: event.to_owned(),
            peer_connection: Some(peer_connection.to_owned()).filter(|id| !id.is_empty()),
            timestamp: recorded_ms,
            sent_at: Some(recorded_ms),
            ..Self::default()
        }
    }

    /// Returns the time at which the client sent it, ms since the Unix epoch by the client's clock.
    pub fn recorded_ms(&self) -> f64 {
        self.sent_at.unwrap_or(self.timestamp)
    }

    /// Returns the approximate memory of the event, bytes: its own size and that of texts from the
    /// recording.
    pub fn size(&self) -> usize {
        let texts = [&self.peer_connection, &self.user_agent, &self.reason];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        size_of::<Self>() + texts + self.report.as_ref().map_or(0, |report| report.get().len())
    }
}
