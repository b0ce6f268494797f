//! Computation of an interval's quantities from snapshots and their differences.

use schemas::{Direction, Interval, Kind, Video};

use crate::counters::{Counter, MOST_ROUND_TRIP_US, Values};
use crate::event::Stream;

/// Returns the quantities of an interval of `stream`, without its times.
pub(super) fn interval(stream: &Stream<'_>, differences: &Values) -> Interval {
    let mut interval = Interval {
        kind: stream.kind,
        direction: stream.direction,
        ssrc: stream.ssrc,
        stats_id: stream.stats_id.to_string(),
        codec: stream.codec.as_deref().map(str::to_owned),
        ..Interval::default()
    };
    differences.fill(&mut interval);
    // Concealed silence is inaudible, so without the number of silent samples the value is unknown.
    let (concealed, silent) = (Counter::ConcealedSamples, Counter::SilentSamples);
    if let Some((concealed, silent)) = differences.get(concealed).zip(differences.get(silent)) {
        interval.audio.get_or_insert_default().concealed_samples = Some(concealed - silent);
    }
    if let Some(screen_share) = stream.screen_share {
        interval.video.get_or_insert_default().screen_share = Some(screen_share);
    }
    if stream.is_uncoded {
        uncoded(&mut interval);
    }
    let total = |counter| stream.values.get(counter);
    interval.stream_packets = match stream.direction {
        Direction::Outbound => total(Counter::PacketsSent),
        _ => total(Counter::PacketsReceived)
            .zip(total(Counter::PacketsLost).filter(|lost| LOST_PACKETS.contains(lost)))
            .map(|(received, lost)| received + lost),
    };
    interval.round_trip_gauge_us = round_trip_gauge(&stream.values)
        .filter(|_| differences.get(Counter::RemoteTime) != Some(0));
    if stream.direction == Direction::Outbound {
        far_end(&mut interval, stream, differences);
    }
    if interval.packets_received.is_none() {
        // Packets lost are meaningless without packets received.
        interval.packets_lost = None;
    }
    interval
}

/// Possible totals of lost packets of a stream: 24 bits with a sign (RFC 3550, 6.4.1). Libraries
/// that store the number without a sign report 2³² − 1 for −1.
const LOST_PACKETS: std::ops::Range<i64> = -(1 << 23)..1 << 23;

/// Returns the last measured round trip, us, if totals are missing. Browsers report 0 before the
/// first measurement.
pub(super) fn round_trip_gauge(values: &Values) -> Option<i64> {
    let has_totals = values.get(Counter::RoundTripTime).is_some()
        && values.get(Counter::RoundTripCount).is_some();
    let plausible = 1..=MOST_ROUND_TRIP_US;
    values.get(Counter::RoundTripGauge).filter(|us| plausible.contains(us) && !has_totals)
}

/// Returns whether a snapshot without a predecessor has an impossible round trip. For others the
/// differences show this.
pub(super) fn has_implausible_gauge(values: &Values) -> bool {
    let gauge = Counter::RoundTripGauge;
    values.is_beyond(gauge) || values.get(gauge) > Some(MOST_ROUND_TRIP_US)
}

/// Removes quantities that only a coder counts.
fn uncoded(interval: &mut Interval) {
    if interval.kind == Kind::Audio {
        interval.audio = None;
        if let Some(inbound) = &mut interval.inbound {
            (inbound.jitter_buffer_us, inbound.jitter_buffer_emitted) = (None, None);
        }
    }
    if let Some(video) = &mut interval.video {
        let Video { pli, fir, screen_share, source_frames, source_frame_rate_micro, .. } = *video;
        *video = Video {
            pli,
            fir,
            screen_share,
            source_frames,
            source_frame_rate_micro,
            ..Video::default()
        };
    }
}

/// Sets the remote end's quantities of an outbound stream.
fn far_end(interval: &mut Interval, stream: &Stream<'_>, differences: &Values) {
    // Few browsers report how many packets the remote end received. Otherwise they are computed.
    // The remote end may report more lost packets than were sent in the interval, so the number is
    // signed: otherwise sums would depend on how a stream is cut into intervals. packetsSent
    // includes retransmissions, even on a separate SSRC; the remote end does not count these.
    let again = match stream.values.get(Counter::RetransmittedPackets) {
        Some(_) => interval.retransmitted_packets,
        None => Some(0),
    };
    interval.packets_received = interval.packets_received.or_else(|| {
        let (sent, lost) = interval.packets_sent.zip(interval.packets_lost)?;
        Some(sent - again? - lost)
    });
    if differences.get(Counter::RemoteTime) == Some(0) {
        // No receiver report arrived in the interval, so its loss is unknown. The next report
        // covers both intervals, so sums over several intervals are complete.
        interval.packets_lost = None;
        interval.jitter_us = None;
    }
}
