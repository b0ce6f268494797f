//! Conversion of the states of peer connections and devices to events of a session.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::envelope::Envelope;

/// State of a peer connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Not connected yet.
    #[default]
    SettingUp,
    /// Its set-up failed; later states are not set-ups any more.
    Failed,
    Connected,
    Disconnected,
}

/// Maximum difference at which a report's own time and that of its line agree, ms.
const CLOCKS_AGREE_MS: f64 = 5_000.0;

/// Returns the time of a report, ms: its own time if that agrees with the recording's. Otherwise
/// the recording's: some browsers have clocks that stop while the machine sleeps or do not start in
/// 1970.
pub(crate) fn agreed_ms(taken_ms: f64, recorded_ms: f64) -> f64 {
    if (taken_ms - recorded_ms).abs() <= CLOCKS_AGREE_MS { taken_ms } else { recorded_ms }
}

#[derive(Debug, Default)]
struct Connection {
    created_ms: Option<f64>,
    stage: Stage,
    closed: bool,
}

/// The participant's session in a recording of one client.
#[derive(Debug)]
pub(crate) struct Session<'b> {
    joined: bool,
    connections: BTreeMap<String, Connection>,
    /// Events in the order of the recording.
    envelopes: Vec<Envelope>,
    budget: &'b Budget,
}

/// Devices that a `getUserMedia()` call requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) microphone: bool,
    pub(crate) camera: bool,
}

impl<'b> Session<'b> {
    pub(crate) const fn new(budget: &'b Budget) -> Self {
        Self { joined: false, connections: BTreeMap::new(), envelopes: Vec::new(), budget }
    }

    /// Returns the events, each with the client's user agent, which the recording has only once.
    pub(crate) fn end(mut self, user_agent: Option<&str>) -> Vec<Envelope> {
        let of_each = user_agent.map_or(0, str::len);
        if self.budget.take(of_each.saturating_mul(self.envelopes.len())).is_some() {
            for envelope in &mut self.envelopes {
                envelope.user_agent = user_agent.map(str::to_owned);
            }
        }
        self.envelopes
    }

    /// Adds an event, unless it exceeds the budget; then nothing of the recording is sent.
    fn push(&mut self, envelope: Envelope) {
        if self.budget.take(envelope.size()).is_some() {
            self.envelopes.push(envelope);
        }
    }

    /// Processes the creation of a peer connection. The first one is the event `joined`.
    pub(crate) fn create(&mut self, id: &str, time_ms: f64) {
        let created = Connection { created_ms: Some(time_ms), ..Connection::default() };
        self.connections.insert(id.to_owned(), created);
        if !self.joined {
            self.joined = true;
            self.push(Envelope::new("joined", id, time_ms));
        }
    }

    /// Processes the end of a peer connection. The last one is the event `left`.
    pub(crate) fn close(&mut self, id: &str, time_ms: f64) {
        self.connections.entry(id.to_owned()).or_default().closed = true;
        if self.connections.values().all(|connection| connection.closed) {
            self.leave(id, time_ms);
        }
    }

    /// Adds the event `left`.
    pub(crate) fn leave(&mut self, id: &str, time_ms: f64) {
        if self.joined {
            self.joined = false;
            self.push(Envelope::new("left", id, time_ms));
        }
    }

    /// Processes a change of `connectionState` or `iceConnectionState`. Both describe the same
    /// connection, so the second report of a change is ignored.
    pub(crate) fn state(&mut self, id: &str, state: &str, time_ms: f64) {
        // Chrome's own dumps have it as JSON within JSON.
        let state = state.trim_matches('"');
        let connection = self.connections.entry(id.to_owned()).or_default();
        let (stage, event) = match (connection.stage, state) {
            (Stage::SettingUp, "connected" | "completed") => (Stage::Connected, "connected"),
            (Stage::SettingUp, "failed") => (Stage::Failed, "failed"),
            (Stage::Connected, "disconnected" | "failed") => (Stage::Disconnected, "disconnected"),
            (Stage::Disconnected, "connected" | "completed") => (Stage::Connected, "reconnected"),
            _ => return,
        };
        connection.stage = stage;
        let mut envelope = Envelope::new(event, id, time_ms);
        if event == "failed" {
            envelope.reason = Some("connection_state_failed".to_owned());
        }
        if matches!(event, "connected" | "failed") {
            // Ingest needs the opening times, because connections that were opened together are one
            // attempt.
            envelope.time_to_connect_ms = connection.created_ms.map(|created| time_ms - created);
        }
        self.push(envelope);
    }

    /// Processes a failed `getUserMedia()` call: all requested devices failed.
    pub(crate) fn devices_failed(&mut self, asked: Asked, reason: Option<&str>, time_ms: f64) {
        let devices = [(asked.microphone, "microphone"), (asked.camera, "camera")];
        for (_, device) in devices.iter().filter(|(asked, _)| *asked) {
            let mut envelope = Envelope::new("device_failed", "", time_ms);
            envelope.device = Some((*device).to_owned());
            envelope.reason = reason.map(str::to_owned);
            self.push(envelope);
        }
    }

    /// Adds a report of a peer connection.
    pub(crate) fn stats(
        &mut self,
        id: &str,
        taken_ms: f64,
        sent_ms: f64,
        report: Box<serde_json::value::RawValue>,
    ) {
        let mut envelope = Envelope::new("stats", id, sent_ms);
        envelope.timestamp = agreed_ms(taken_ms, sent_ms);
        envelope.report = Some(report);
        self.push(envelope);
    }
}
