//! Ratios and means of one interval, in common units. They are none if the interval does not report
//! their fields: a missing field is missing, never 0.

use schemas::{Interval, Path};

fn quotient(numerator: i64, denominator: i64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

/// Returns the RTCP round trip, ms: the mean, or the last measured one if totals are not reported.
pub(crate) fn round_trip_ms(interval: &Interval) -> Option<f64> {
    mean_or_gauge_ms(
        interval.round_trip_us.zip(interval.round_trip_count),
        interval.round_trip_gauge_us,
    )
}

fn mean_or_gauge_ms(totals: Option<(i64, i64)>, gauge_us: Option<i64>) -> Option<f64> {
    let mean = totals.and_then(|(us, count)| quotient(us, count));
    mean.or_else(|| gauge_us.map(|us| us as f64)).map(|us| us / 1000.0)
}

/// Returns the ICE round trip, ms, like [`round_trip_ms`]. It ends at the SFU.
fn ice_round_trip_ms(path: &Path) -> Option<f64> {
    mean_or_gauge_ms(
        path.ice_round_trip_us.zip(path.ice_round_trip_count),
        path.ice_round_trip_gauge_us,
    )
}

/// Returns the mean round trip, ms: that of RTCP, or that of the path if RTCP reports none.
pub(crate) fn latency_ms(interval: &Interval, path: Option<&Path>) -> Option<f64> {
    round_trip_ms(interval).or_else(|| ice_round_trip_ms(path?))
}

/// Returns the share of packets lost, limited to 0 to 1: late duplicates can make the number of
/// lost packets negative, and the remote end may report more lost packets than were sent since its
/// last report.
pub(crate) fn loss(interval: &Interval) -> Option<f64> {
    let (lost, expected) = (interval.packets_lost?, interval.expected_packets()?);
    quotient(lost, expected).map(|share| share.clamp(0.0, 1.0))
}

/// Returns the jitter (RFC 3550) at the interval's end, ms. None if no packets were sent: it would
/// be an old value.
pub(crate) fn jitter_ms(interval: &Interval) -> Option<f64> {
    Some(interval.jitter_us.filter(|_| !interval.is_idle())? as f64 / 1000.0)
}

/// Returns the mean time in the jitter buffer, ms.
pub(crate) fn jitter_buffer_ms(interval: &Interval) -> Option<f64> {
    let inbound = interval.inbound.as_ref()?;
    Some(quotient(inbound.jitter_buffer_us?, inbound.jitter_buffer_emitted?)? / 1000.0)
}

/// Returns the share of frames dropped, 0 to 1.
pub(crate) fn frame_loss(interval: &Interval) -> Option<f64> {
    let video = interval.video.as_ref()?;
    let (dropped, frames) = (video.frames_dropped?, video.frames?);
    quotient(dropped, frames.saturating_add(dropped))
}

/// Returns the length, µs; none if it is 0.
fn observed_us(interval: &Interval) -> Option<f64> {
    let us = interval.end_us.saturating_sub(interval.start_us);
    (us > 0).then_some(us as f64)
}

/// Returns the frames per second; none if the source gave no picture.
pub(crate) fn frame_rate(interval: &Interval) -> Option<f64> {
    let frames = interval.video.as_ref()?.frames.filter(|_| !interval.is_withheld())?;
    Some(frames as f64 * 1e6 / observed_us(interval)?)
}

/// Returns the share of time for which the picture was frozen, 0 to 1.
pub(crate) fn freeze(interval: &Interval) -> Option<f64> {
    let frozen_us = interval.video.as_ref()?.freeze_us?;
    Some((frozen_us as f64 / observed_us(interval)?).clamp(0.0, 1.0))
}

/// Returns the bits of media per second.
pub(crate) fn bit_rate(interval: &Interval) -> Option<f64> {
    Some(interval.bytes? as f64 * 8.0 * 1e6 / observed_us(interval)?)
}

/// Returns the share of samples concealed, without silent ones, 0 to 1.
pub(crate) fn concealment(interval: &Interval) -> Option<f64> {
    let audio = interval.audio.as_ref()?;
    quotient(audio.concealed_samples?.max(0), audio.total_samples?)
}
