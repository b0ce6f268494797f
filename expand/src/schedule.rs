//! Times of a replay: when each event is sent, and its `received_at`.

use std::time::Duration;

use super::raw::Raw;

/// The clock of one replay. Events keep the distances they were recorded with, whatever the
/// speed: only the sending is faster. So no interval changes its length, and with the default
/// start the last event is received when it is sent and none before its time.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// When the first event says that it was received, ms since the Unix epoch.
    start_ms: f64,
    speed: f64,
}

impl Schedule {
    /// A replay of recordings of which the longest lasts `length_ms`, begun at `now_ms`.
    pub fn new(now_ms: f64, length_ms: f64, speed: f64, start_ms: Option<f64>) -> Self {
        Self { start_ms: start_ms.unwrap_or(now_ms - length_ms + length_ms / speed), speed }
    }

    /// Stamps an event of a recording that begins at `first_ms`, and returns how long after the
    /// start of the replay it is due.
    pub fn stamp(&self, record: &mut Raw, first_ms: f64) -> Duration {
        let offset_ms = record.recorded_ms() - first_ms;
        record.stamp(round_to_us(self.start_ms + offset_ms));
        Duration::try_from_secs_f64(offset_ms / 1e3 / self.speed).unwrap_or_default()
    }
}

fn round_to_us(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

/// Returns the duration of a recording, ms. Its events are in the order in which they were sent.
pub fn length_ms(records: &[Raw]) -> f64 {
    match (records.first(), records.last()) {
        (Some(first), Some(last)) => last.recorded_ms() - first.recorded_ms(),
        _ => 0.0,
    }
}
