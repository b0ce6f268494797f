//! Numbers of an interval, grouped by sign.

use schemas::{Direction, Interval};

/// Returns the quantities that are never negative: differences of monotone counters, and gauges.
pub(crate) fn counts(interval: &Interval) -> impl Iterator<Item = i64> {
    let inbound = interval.inbound.unwrap_or_default();
    let audio = interval.audio.unwrap_or_default();
    let video = interval.video.unwrap_or_default();
    let limitation = interval.limitation.unwrap_or_default();
    let received = interval.packets_received;
    let counts = [
        Some(interval.ssrc),
        received.filter(|_| interval.direction != Direction::Outbound),
        interval.packets_sent,
        interval.bytes,
        interval.retransmitted_packets,
        interval.nack,
        interval.round_trip_us,
        interval.round_trip_count,
        interval.round_trip_gauge_us,
        interval.jitter_us,
        inbound.packets_discarded,
        inbound.fec_packets,
        inbound.fec_packets_discarded,
        inbound.jitter_buffer_us,
        inbound.jitter_buffer_emitted,
        audio.total_samples,
        audio.concealment_events,
        audio.audio_level_micro,
        audio.audio_energy_micro,
        video.frames,
        video.source_frames,
        video.source_frame_rate_micro,
        video.frames_dropped,
        video.key_frames,
        video.qp_sum,
        video.pli,
        video.fir,
        video.frame_width,
        video.frame_height,
        video.freeze_count,
        video.freeze_us,
        video.pause_count,
        video.pause_us,
        limitation.cpu_us,
        limitation.bandwidth_us,
        limitation.other_us,
        limitation.resolution_changes,
    ];
    counts.into_iter().flatten()
}

/// Returns the quantities that may be negative: packets lost and quantities derived from them, and
/// concealed samples without silent ones.
pub(crate) fn signed(interval: &Interval) -> impl Iterator<Item = i64> {
    let signed = [
        interval.packets_received,
        interval.packets_lost,
        interval.stream_packets,
        interval.audio.and_then(|audio| audio.concealed_samples),
    ];
    signed.into_iter().flatten()
}
