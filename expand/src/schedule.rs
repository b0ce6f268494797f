//! Times of a replay: when each event is sent, and its `received_at`.

use std::time::Duration;

use super::raw::Raw;

/// The clock of one replay. The speed affects only the sending: the timestamps of events keep their
/// recorded distances, so intervals keep their lengths. With the default start, `received_at` of
/// the last event is the time at which it is sent, and no event is sent before its `received_at`.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// `received_at` of the first event, ms since the Unix epoch.
    start_ms: f64,
    speed: f64,
}

impl Schedule {
    /// Returns the schedule of a replay that starts at `now_ms`, of recordings of which the longest
    /// lasts `length_ms`.
    pub fn new(now_ms: f64, length_ms: f64, speed: f64, start_ms: Option<f64>) -> Self {
        Self { start_ms: start_ms.unwrap_or(now_ms - length_ms + length_ms / speed), speed }
    }

    /// Sets the times of an event of a recording that begins at `first_ms`, and returns the delay
    /// after the start of the replay at which it is due.
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
