//! Limits of the quantities of an interval, each with its source. `docs/reference/bounds.md` lists
//! them.

use schemas::{Interval, Kind, Path};

use super::{Counter, Row, TABLE, Values, each_field};

/// Limit of a quantity's absolute value in an interval. A value beyond it is missing.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// The limit per second of the interval.
    Rate(i64),
    /// The limit of packets per second of the interval, by media kind.
    Packets,
    /// The limit for an interval of any length.
    Most(i64),
    /// A limit per unit of another counter, and a limit per second of the interval.
    Each(i64, Counter, i64),
    /// No limit: not a quantity of an interval.
    None,
}

/// Packets of a stream: [`AUDIO_PACKETS`] or [`OTHER_PACKETS`].
pub(super) const PACKETS: Bound = Bound::Packets;
/// Packets of an audio stream per second. The shortest frame of any WebRTC codec is that of Opus
/// with 2.5 ms (RFC 6716, 2.1.4), which is 400 packets. FEC adds at most as many (RFC 8627), RED
/// (RFC 2198) none. The rest is for delayed packets.
const AUDIO_PACKETS: i64 = 1_000;
/// Packets of any other stream per second. RTP sequence numbers have 16 bits (RFC 3550, 5.1); if
/// they wrap within a round trip, neither loss (A.1) nor SRTP's index (RFC 3711, 3.3.1) can be
/// determined.
const OTHER_PACKETS: i64 = 1 << 16;
/// Bytes of a stream: a gigabit per second (IEEE 802.3ab), including all headers.
pub(super) const BYTES: Bound = Bound::Rate(125_000_000);
/// Frames: no level of H.264 has more than 300 per second (ITU-T H.264, A.3.1, A.3.3). The rest is
/// for a delayed decoder that catches up.
pub(super) const FRAMES: Bound = Bound::Rate(1_000);
/// Samples of audio: the highest rate at which a browser plays it (Chromium's
/// `media::limits::kMaxSampleRate`).
pub(super) const SAMPLES: Bound = Bound::Rate(768_000);
/// Events that occur at most once for each frame, or report.
pub(super) const EVENTS: Bound = Bound::Rate(1_000);
/// Time of a sample or frame in the jitter buffer, us: the maximum of the header extension
/// playout-delay, 40.95 s.
pub(super) const BUFFERED: Bound = Bound::Each(40_950_000, Counter::JitterBufferEmitted, i64::MAX);
/// A round trip, us: after 30 s without a response, consent to send has expired (RFC 7675, 5.1).
pub(crate) const MOST_ROUND_TRIP_US: i64 = 30_000_000;
/// Sum of round trips, us. At most twenty checks or reports are sent per second (RFC 8445, 14.2: Ta
/// is 50 ms), and each takes 5 s on the worst links: a hundred seconds per second.
pub(super) const ROUND_TRIPS: Bound =
    Bound::Each(MOST_ROUND_TRIP_US, Counter::RoundTripCount, 100_000_000);
pub(super) const ROUND_TRIP: Bound = Bound::Most(MOST_ROUND_TRIP_US);
/// Maximum available bit rate, bit/s: the fastest port (IEEE 802.3ba).
pub(crate) const MOST_BIT_RATE: i64 = 100_000_000_000;
/// Jitter, us: no jitter buffer can hold more than 4 s (W3C webrtc-extensions, jitterBufferTarget),
/// and later packets are lost. The limit also detects jitter that is reported in RTP ticks.
pub(super) const JITTER: Bound = Bound::Most(4_000_000);
/// Sum of quantisers: 255 per frame (AV1, base_q_idx).
pub(super) const QUANTISERS: Bound = Bound::Rate(255_000);
/// Pixels of a side: 14 bits (RFC 6386, 9.1).
pub(super) const PIXELS: Bound = Bound::Most(16_383);
/// Time of freezes or pauses, us. It is counted when the picture continues, so it may be longer
/// than the interval. The limit is a day.
pub(super) const STANDSTILL: Bound = Bound::Most(86_400_000_000);
/// Time that passes with the interval, us.
pub(super) const DURATION: Bound = Bound::Rate(1_000_000);
/// audioLevel, millionths: 0 to 1 (W3C webrtc-stats).
pub(super) const LEVEL: Bound = Bound::Most(1_000_000);
/// framesPerSecond, millionths: as [`FRAMES`].
pub(super) const FRAME_RATE: Bound = Bound::Most(1_000_000_000);

/// Tolerance, because counters are not read exactly at the time of the snapshot.
const SLACK_US: i64 = 5_000_000;

impl Row {
    /// Returns the limit of a difference or gauge in an interval of `length_us` on a stream of this
    /// kind.
    pub(super) fn most(
        &self,
        kind: Kind,
        length_us: i64,
        value: impl Fn(Counter) -> Option<i64>,
    ) -> i64 {
        let at_rate = |rate| {
            let us = i128::from(length_us.max(0).saturating_add(SLACK_US));
            i64::try_from(us * i128::from(rate) / 1_000_000).unwrap_or(i64::MAX)
        };
        match self.bound {
            Bound::Rate(rate) => at_rate(rate),
            Bound::Packets if kind == Kind::Audio => at_rate(AUDIO_PACKETS),
            Bound::Packets => at_rate(OTHER_PACKETS),
            Bound::Most(most) => most,
            Bound::Each(most, of, rate) => {
                most.saturating_mul(value(of).unwrap_or(1).max(1)).min(at_rate(rate))
            }
            Bound::None => i64::MAX,
        }
    }
}

/// Removes impossible quantities from an interval of a canonical report, and returns their number.
pub(crate) fn bound(interval: &mut Interval) -> u64 {
    let (kind, length_us) = (interval.kind, interval.end_us.saturating_sub(interval.start_us));
    let mut reported = Values::EMPTY;
    each_field(interval, |counter, field| {
        if let Some(value) = field {
            reported.0[counter as usize] = *value;
        }
    });
    let mut taken = 0;
    each_field(interval, |counter, field| {
        let most = TABLE[counter as usize].most(kind, length_us, |of| reported.get(of));
        if field.take_if(|value| value.saturating_abs() > most).is_some() {
            taken += 1;
        }
    });
    let most =
        TABLE[Counter::ConcealedSamples as usize].most(kind, length_us, |of| reported.get(of));
    let concealed = interval.audio.as_mut().and_then(|audio| {
        audio.concealed_samples.take_if(|samples| samples.saturating_abs() > most)
    });
    let gauge = interval.round_trip_gauge_us.take_if(|us| *us > MOST_ROUND_TRIP_US);
    taken + u64::from(concealed.is_some()) + u64::from(gauge.is_some())
}

/// Limit for changes of the selected pair: [`EVENTS`] for an hour, the longest look-back, because a
/// path has no length.
const MOST_CHANGES: i64 = 3_600_000;

/// Removes impossible quantities from a path of a canonical report, and returns their number.
pub(crate) fn bound_path(path: &mut Path) -> u64 {
    let most = MOST_ROUND_TRIP_US.saturating_mul(path.ice_round_trip_count.unwrap_or(1).max(1));
    let beyond = [
        path.ice_round_trip_us.take_if(|us| *us > most),
        path.ice_round_trip_gauge_us.take_if(|us| *us > MOST_ROUND_TRIP_US),
        path.available_outgoing_bitrate.take_if(|rate| *rate > MOST_BIT_RATE),
        path.selected_pair_changes.take_if(|changes| *changes > MOST_CHANGES),
    ];
    beyond.into_iter().flatten().count() as u64
}
