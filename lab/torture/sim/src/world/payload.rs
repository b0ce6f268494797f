//! Raw records as text.

use std::fmt::Write as _;

use schemas::EventKind;

use super::session::{Counters, Session};
use super::{Content, LATE_MS, Line, START_MS};

/// Reason of the dead letters of truncated records.
pub(super) const GARBAGE: &str = "not_json";

impl Session {
    /// Returns the raw record of a line.
    pub(super) fn payload(&self, line: &Line) -> Vec<u8> {
        let mut text = String::with_capacity(1024);
        match line.content {
            Content::Garbage => {
                self.begin(&mut text, "joined", START_MS);
                text.truncate(40 + line.offset as usize % 8);
            }
            Content::Late => {
                self.begin(&mut text, "left", line.appended_ms - LATE_MS);
                text.push('}');
            }
            Content::Event { kind, client_ms } => self.event_text(kind, client_ms, &mut text),
            Content::Snapshot { client_ms, video } => self.report_text(client_ms, video, &mut text),
        }
        text.into_bytes()
    }

    fn begin(&self, text: &mut String, event: &str, client_ms: i64) {
        let of_session = || (self.edge.to_owned(), self.client_version.to_owned());
        let (edge, client_version) = self.release(client_ms).unwrap_or_else(of_session);
        let _ = write!(
            text,
            "{{\"v\":1,\"event\":\"{event}\",\"app\":\"{}\",\"call\":\"{}\",\"participant\":\"{}\",\
             \"timestamp\":{client_ms},\"client_address\":\"{}\",\"edge\":\"{}\",\
             \"client_version\":\"{}\"",
            self.app, self.call, self.participant, self.address, edge, client_version
        );
    }

    fn event_text(&self, kind: EventKind, client_ms: i64, text: &mut String) {
        let (name, more) = match kind {
            EventKind::Joined => ("joined", ""),
            EventKind::Connected => {
                ("connected", ",\"time_to_connect_ms\":120,\"time_to_media_ms\":340")
            }
            EventKind::Failed => ("failed", ",\"reason\":\"ice\""),
            EventKind::Feedback => ("feedback", ",\"rating\":4"),
            _ => ("left", ""),
        };
        self.begin(text, name, client_ms);
        text.push_str(more);
        text.push('}');
    }

    fn report_text(&self, client_ms: i64, video: bool, text: &mut String) {
        self.begin(text, "stats", client_ms);
        let audio = self.audio(client_ms);
        let Counters { packets, lost, bytes, jitter_us, .. } = audio;
        let _ = write!(
            text,
            ",\"report\":[{{\"id\":\"C\",\"type\":\"codec\",\"mimeType\":\"audio/opus\"}},\
             {{\"id\":\"A\",\"type\":\"inbound-rtp\",\"timestamp\":{client_ms},\"ssrc\":11,\
             \"kind\":\"audio\",\"codecId\":\"C\",\"packetsReceived\":{packets},\
             \"packetsLost\":{lost},\"bytesReceived\":{bytes},\"jitter\":0.{jitter_us:06}}},\
             {{\"id\":\"R\",\"type\":\"remote-outbound-rtp\",\"ssrc\":11,\"kind\":\"audio\",\
             \"localId\":\"A\",\"totalRoundTripTime\":{}.{:06},\
             \"roundTripTimeMeasurements\":{}}}",
            audio.round_trip_us / 1_000_000,
            audio.round_trip_us % 1_000_000,
            audio.round_trips
        );
        if video {
            let Counters { packets, lost, bytes, frames, pauses, paused_us, .. } =
                self.video(client_ms);
            let paused_s = paused_us / 1_000_000;
            let _ = write!(
                text,
                ",{{\"id\":\"V\",\"type\":\"inbound-rtp\",\"timestamp\":{client_ms},\"ssrc\":12,\
                 \"kind\":\"video\",\"packetsReceived\":{packets},\"packetsLost\":{lost},\
                 \"bytesReceived\":{bytes},\"framesDecoded\":{frames},\
                 \"pauseCount\":{pauses},\"totalPausesDuration\":{paused_s}}}"
            );
        }
        text.push_str("]}");
    }
}
