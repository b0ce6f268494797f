//! One self-contained raw record of a recording.

use schemas::Report;

use super::document::Document;
use super::envelope::Envelope;

/// Labels of the events of a recording. They take precedence over those in the recording.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// Application.
    pub app: Option<&'a str>,
    /// Call.
    pub call: Option<&'a str>,
    /// Address of the client, for the look-up of place and provider.
    pub client_address: Option<&'a str>,
    /// Name of the recording. It is used for the participant and, if there is no other name, for
    /// the call.
    pub name: &'a str,
}

/// Application of recordings that name none.
pub const APP: &str = "replay";

/// A raw record, in one of the formats that ingest reads.
#[derive(Clone, Debug)]
pub enum Raw {
    /// Isobar's envelope.
    Envelope(Box<Envelope>),
    /// A JSON object of another format.
    Document(Document),
    /// A canonical report.
    Canonical(Box<Report>),
}

/// Members of other formats that contain statistics.
const REPORTS: [&str; 8] = [
    "report",
    "peerConnections",
    "pcTransports",
    "inboundAudioTracks",
    "inboundVideoTracks",
    "outboundAudioTracks",
    "outboundVideoTracks",
    "body",
];

impl From<Envelope> for Raw {
    fn from(envelope: Envelope) -> Self {
        Self::Envelope(Box::new(envelope))
    }
}

impl Raw {
    /// Returns the time at which the client sent it, ms since the Unix epoch by the client's clock.
    pub fn recorded_ms(&self) -> f64 {
        match self {
            Self::Envelope(envelope) => envelope.recorded_ms(),
            Self::Document(document) => document.recorded_ms,
            Self::Canonical(report) => report.event_us as f64 / 1e3,
        }
    }

    /// Returns whether it contains statistics.
    pub fn has_report(&self) -> bool {
        match self {
            Self::Envelope(envelope) => envelope.report.is_some(),
            Self::Document(document) => {
                document.members.keys().any(|member| REPORTS.contains(&member.as_str()))
            }
            Self::Canonical(report) => !report.intervals.is_empty(),
        }
    }

    /// Applies labels, which take precedence over those of the recording.
    pub fn label(&mut self, labels: Labels<'_>) {
        match self {
            Self::Envelope(envelope) => {
                set(&mut envelope.app, labels.app, APP);
                set(&mut envelope.call, labels.call, labels.name);
                set(&mut envelope.participant, None, labels.name);
                if let Some(address) = labels.client_address {
                    envelope.client_address = Some(address.to_owned());
                }
            }
            Self::Document(document) => {
                for (member, given, default) in [
                    ("app", labels.app, APP),
                    ("call", labels.call, labels.name),
                    ("participant", None, labels.name),
                ] {
                    let mut value = document.name(member).unwrap_or_default();
                    set(&mut value, given, default);
                    document.set(member, &value);
                }
                if let Some(address) = labels.client_address {
                    document.set("client_address", &address);
                }
            }
            Self::Canonical(report) => {
                set(&mut report.app, labels.app, APP);
                set(&mut report.call, labels.call, labels.name);
                set(&mut report.participant, None, labels.name);
                if let Some(address) = labels.client_address {
                    report.client_address = Some(address.to_owned());
                }
            }
        }
    }

    /// Sets the time at which it was sent, and `received_ms` as the time at which it was received.
    pub fn stamp(&mut self, received_ms: f64) {
        let recorded_ms = self.recorded_ms();
        match self {
            Self::Envelope(envelope) => {
                envelope.sent_at = Some(recorded_ms);
                envelope.received_at = Some(received_ms);
            }
            Self::Document(document) => {
                document.set("sent_at", &recorded_ms);
                document.set("received_at", &received_ms);
            }
            // A canonical report has only the corrected time.
            Self::Canonical(report) => {
                let shift_us = ((received_ms - recorded_ms) * 1e3).round() as i64;
                report.event_us = report.event_us.saturating_add(shift_us);
                for interval in &mut report.intervals {
                    interval.start_us = interval.start_us.saturating_add(shift_us);
                    interval.end_us = interval.end_us.saturating_add(shift_us);
                }
            }
        }
    }

    /// Returns application, call and participant.
    pub fn session(&self) -> [String; 3] {
        match self {
            Self::Envelope(envelope) => {
                [&envelope.app, &envelope.call, &envelope.participant].map(String::clone)
            }
            Self::Document(document) => ["app", "call", "participant"]
                .map(|member| document.name(member).unwrap_or_default()),
            Self::Canonical(report) => {
                [&report.app, &report.call, &report.participant].map(String::clone)
            }
        }
    }

    /// Returns the key for the raw topic: the session.
    pub fn key(&self) -> String {
        self.session().join("/")
    }

    /// Returns the value for the raw topic.
    ///
    /// # Errors
    /// When it cannot be written in its format.
    pub fn payload(&self) -> Result<Vec<u8>, UnwritableEvent> {
        Ok(match self {
            Self::Envelope(envelope) => serde_json::to_vec(envelope)?,
            Self::Document(document) => serde_json::to_vec(&document.members)?,
            Self::Canonical(report) => schemas::encode(&**report)?,
        })
    }
}

/// Error of an event that cannot be written in its format.
#[derive(Debug, thiserror::Error)]
pub enum UnwritableEvent {
    /// JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Avro.
    #[error(transparent)]
    Avro(#[from] schemas::EncodeError),
}

fn set(field: &mut String, given: Option<&str>, default: &str) {
    if let Some(value) = given.or(field.is_empty().then_some(default)) {
        value.clone_into(field);
    }
}
