//! Ratios and means of one interval, in the units people use. Absent where the interval does not
//! tell them: a missing field is missing, never 0.

use schemas::{Interval, Path};

fn quotient(numerator: i64, denominator: i64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

/// Mean RTCP round trip, ms.
pub(crate) fn round_trip_ms(interval: &Interval) -> Option<f64> {
    Some(quotient(interval.round_trip_us?, interval.round_trip_count?)? / 1000.0)
}

/// Mean ICE round trip, ms; it ends at the SFU.
pub(crate) fn ice_round_trip_ms(path: &Path) -> Option<f64> {
    Some(quotient(path.ice_round_trip_us?, path.ice_round_trip_count?)? / 1000.0)
}

/// Share of packets lost, 0 to 1. Late duplicates can make the count of lost packets negative.
pub(crate) fn loss(interval: &Interval) -> Option<f64> {
    let (lost, received) = (interval.packets_lost?, interval.packets_received?);
    quotient(lost.max(0), received + lost)
}

/// Jitter (RFC 3550) at the interval's end, ms.
pub(crate) fn jitter_ms(interval: &Interval) -> Option<f64> {
    Some(interval.jitter_us? as f64 / 1000.0)
}

/// Mean time in the jitter buffer, ms.
pub(crate) fn jitter_buffer_ms(interval: &Interval) -> Option<f64> {
    let inbound = interval.inbound.as_ref()?;
    Some(quotient(inbound.jitter_buffer_us?, inbound.jitter_buffer_emitted?)? / 1000.0)
}

/// Share of frames dropped, 0 to 1.
pub(crate) fn frame_loss(interval: &Interval) -> Option<f64> {
    let video = interval.video.as_ref()?;
    let (dropped, frames) = (video.frames_dropped?, video.frames?);
    quotient(dropped, frames + dropped)
}

/// Frames a second.
pub(crate) fn frame_rate(interval: &Interval) -> Option<f64> {
    let frames = interval.video.as_ref()?.frames?;
    Some(frames as f64 * 1e6 / (interval.end_us - interval.start_us) as f64)
}

/// Share of samples concealed, without silence, 0 to 1.
pub(crate) fn concealment(interval: &Interval) -> Option<f64> {
    let audio = interval.audio.as_ref()?;
    quotient(audio.concealed_samples?.max(0), audio.total_samples?)
}
