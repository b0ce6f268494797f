//! The one table of what is read from RTP stats objects, and the values of one snapshot.
//!
//! A new metric is a line here and a field of [`schemas::Interval`], or of one of its groups.

use schemas::Interval;

/// Types of stats objects that tell counters (RTCStatsType); each is a bit of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Told {
    /// `inbound-rtp`
    Inbound = 1,
    /// `outbound-rtp`
    Outbound = 2,
    /// `remote-inbound-rtp`: what the far end received of an outbound stream.
    RemoteInbound = 4,
    /// `remote-outbound-rtp`: what the far end sent of an inbound stream.
    RemoteOutbound = 8,
    /// `candidate-pair`
    Pair = 16,
    /// `transport`: it outlives its candidate pairs.
    Transport = 32,
}

/// How a value may change from one snapshot to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Never goes back, unless the stream has started anew; told as a difference.
    Monotone,
    /// May go back (RFC 3550 counts a duplicate as a negative loss), but not far; told as a
    /// difference.
    Signed,
    /// A moment by the far end's clock: only whether it is another one counts.
    Moment,
    /// Told as it is at the interval's end.
    Gauge,
}

/// From W3C's unit to ours.
#[derive(Clone, Copy)]
enum Unit {
    /// As it is, rounded to an integer.
    One,
    /// The same of bytes, of which there are many.
    Byte,
    /// Seconds to us, shares to millionths.
    Micro,
}

struct Row {
    rule: Rule,
    unit: Unit,
    told: u8,
    members: &'static [&'static str],
}

/// Into a field of the interval, or of one of its groups, which is there if any of its fields is.
macro_rules! fill {
    ($interval:ident, $value:expr, ) => {};
    ($interval:ident, $value:expr, $field:ident) => {
        $interval.$field = $value;
    };
    ($interval:ident, $value:expr, $group:ident $field:ident) => {
        if let Some(value) = $value {
            $interval.$group.get_or_insert_default().$field = Some(value);
        }
    };
}

macro_rules! counters {
    ($( $counter:ident ( $($field:ident)* ) $rule:ident $unit:ident
        [$($told:ident)+] [$($member:literal)*]; )+) => {
        /// A value of a snapshot.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Counter { $( $counter, )+ }

        const COUNTERS: &[Counter] = &[$( Counter::$counter, )+];

        static TABLE: [Row; COUNTERS.len()] = [$( Row {
            rule: Rule::$rule,
            unit: Unit::$unit,
            told: $( Told::$told as u8 )|+,
            members: &[$( $member, )*],
        }, )+];

        impl Values {
            /// Fills the fields that are told without further working out.
            pub(crate) fn fill(&self, interval: &mut Interval) {
                $( fill!(interval, self.get(Counter::$counter), $($field)*); )+
            }
        }
    };
}

counters! {
    // Counter            (group field)                   rule     unit   [told by]                  [members]
    PacketsReceived       (packets_received)                Monotone One    [Inbound RemoteInbound]    ["packetsReceived"];
    PacketsLost           (packets_lost)                    Signed   One    [Inbound RemoteInbound]    ["packetsLost"];
    PacketsSent           (packets_sent)                    Monotone One    [Outbound]                 ["packetsSent"];
    Bytes                 (bytes)                           Monotone Byte   [Inbound Outbound]         ["bytesReceived" "bytesSent"];
    RetransmittedPackets  (retransmitted_packets)           Monotone One    [Inbound Outbound]         ["retransmittedPacketsReceived" "retransmittedPacketsSent"];
    Nack                  (nack)                            Monotone One    [Inbound Outbound]         ["nackCount"];
    RoundTripTime         (round_trip_us)                   Monotone Micro  [RemoteInbound RemoteOutbound Pair] ["totalRoundTripTime"];
    RoundTripCount        (round_trip_count)                Monotone One    [RemoteInbound RemoteOutbound Pair] ["roundTripTimeMeasurements" "responsesReceived"];
    RoundTripGauge        ()                                Gauge    Micro  [RemoteInbound RemoteOutbound Pair] ["roundTripTime" "currentRoundTripTime"];
    Jitter                (jitter_us)                       Gauge    Micro  [Inbound RemoteInbound]    ["jitter"];
    RemoteTime            ()                                Moment   One    [RemoteInbound]            [];
    PacketsDiscarded      (inbound packets_discarded)       Monotone One    [Inbound]                  ["packetsDiscarded"];
    FecPackets            (inbound fec_packets)             Monotone One    [Inbound]                  ["fecPacketsReceived"];
    FecPacketsDiscarded   (inbound fec_packets_discarded)   Monotone One    [Inbound]                  ["fecPacketsDiscarded"];
    JitterBufferDelay     (inbound jitter_buffer_us)        Monotone Micro  [Inbound]                  ["jitterBufferDelay"];
    JitterBufferEmitted   (inbound jitter_buffer_emitted)   Monotone One    [Inbound]                  ["jitterBufferEmittedCount"];
    TotalSamples          (audio total_samples)             Monotone One    [Inbound]                  ["totalSamplesReceived"];
    ConcealedSamples      ()                                Monotone One    [Inbound]                  ["concealedSamples"];
    SilentSamples         ()                                Monotone One    [Inbound]                  ["silentConcealedSamples"];
    ConcealmentEvents     (audio concealment_events)        Monotone One    [Inbound]                  ["concealmentEvents"];
    AudioLevel            (audio audio_level_micro)         Gauge    Micro  [Inbound]                  ["audioLevel"];
    Frames                (video frames)                    Monotone One    [Inbound Outbound]         ["framesDecoded" "framesEncoded"];
    FramesDropped         (video frames_dropped)            Monotone One    [Inbound]                  ["framesDropped"];
    KeyFrames             (video key_frames)                Monotone One    [Inbound Outbound]         ["keyFramesDecoded" "keyFramesEncoded"];
    QpSum                 (video qp_sum)                    Monotone One    [Inbound Outbound]         ["qpSum"];
    Pli                   (video pli)                       Monotone One    [Inbound Outbound]         ["pliCount"];
    Fir                   (video fir)                       Monotone One    [Inbound Outbound]         ["firCount"];
    FrameWidth            (video frame_width)               Gauge    One    [Inbound Outbound]         ["frameWidth"];
    FrameHeight           (video frame_height)              Gauge    One    [Inbound Outbound]         ["frameHeight"];
    FreezeCount           (video freeze_count)              Monotone One    [Inbound]                  ["freezeCount"];
    FreezeTime            (video freeze_us)                 Monotone Micro  [Inbound]                  ["totalFreezesDuration"];
    PauseCount            (video pause_count)               Monotone One    [Inbound]                  ["pauseCount"];
    PauseTime             (video pause_us)                  Monotone Micro  [Inbound]                  ["totalPausesDuration"];
    LimitedCpu            (limitation cpu_us)               Monotone Micro  [Outbound]                 ["qualityLimitationDurations.cpu" "qualityLimitationDurationCPU"];
    LimitedBandwidth      (limitation bandwidth_us)         Monotone Micro  [Outbound]                 ["qualityLimitationDurations.bandwidth" "qualityLimitationDurationBandwidth"];
    LimitedOther          (limitation other_us)             Monotone Micro  [Outbound]                 ["qualityLimitationDurations.other" "qualityLimitationDurationOther"];
    ResolutionChanges     (limitation resolution_changes)   Monotone One    [Outbound]                 ["qualityLimitationResolutionChanges"];
    PairChanges           ()                                Monotone One    [Transport]                     ["selectedCandidatePairChanges"];
}

impl Counter {
    /// Every member that tells a counter; a member of a member is written `outer.inner`.
    pub(crate) fn members() -> impl Iterator<Item = (&'static str, Self)> {
        COUNTERS.iter().flat_map(|counter| {
            TABLE[*counter as usize].members.iter().map(|member| (*member, *counter))
        })
    }
}

/// Largest integer up to which a JSON number, a double, holds every integer: 2⁵³.
const MAX: f64 = 9_007_199_254_740_992.0;

impl Unit {
    const fn scale(self) -> f64 {
        match self {
            Self::One | Self::Byte => 1.0,
            Self::Micro => 1e6,
        }
    }

    /// What no stream can tell of between two snapshots. Who keeps a count in 32 bits without a
    /// sign is at 2³² − 1 where others are at −1.
    const fn leap(self) -> i64 {
        match self {
            Self::One => 1 << 31,
            // Of the delays of all samples, too.
            Self::Byte | Self::Micro => 1 << 50,
        }
    }
}

/// `number` times `scale` as an integer; missing if it is not a number, negative or beyond 2⁵³.
pub(crate) fn whole(number: f64, scale: f64) -> Option<i64> {
    let scaled = number * scale;
    if !(number >= 0.0 && scaled <= MAX) {
        return None;
    }
    // As `round`, which is a call for each of hundreds of numbers: below 2⁵³ the rest is exact.
    let down = scaled as i64;
    Some(down + i64::from(scaled - down as f64 >= 0.5))
}

/// The values of one snapshot of a stream, in the units of [`Interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Values([i64; COUNTERS.len()]);

impl Values {
    /// A value outside all that [`whole`] yields; `Option<i64>` would double the live state.
    const MISSING: i64 = i64::MIN;

    /// Nothing is known.
    pub(crate) const EMPTY: Self = Self([Self::MISSING; COUNTERS.len()]);

    /// The value of `counter`, if it is known.
    pub(crate) fn get(&self, counter: Counter) -> Option<i64> {
        Some(self.0[counter as usize]).filter(|value| *value != Self::MISSING)
    }

    /// Takes a number as W3C has it. What makes no sense is missing, never absurd.
    pub(crate) fn set(&mut self, counter: Counter, number: f64) {
        let row = &TABLE[counter as usize];
        let scale = row.unit.scale();
        let value = match row.rule {
            Rule::Signed if number < 0.0 => whole(-number, scale).map(|value| -value),
            Rule::Signed | Rule::Monotone | Rule::Gauge | Rule::Moment => whole(number, scale),
        };
        self.0[counter as usize] = value.unwrap_or(Self::MISSING);
    }

    /// As [`Values::set`], of a number that is whole.
    pub(crate) fn set_whole(&mut self, counter: Counter, number: u64) {
        match TABLE[counter as usize].unit {
            Unit::One | Unit::Byte if number <= MAX as u64 => {
                self.0[counter as usize] = number.cast_signed();
            }
            _ => self.set(counter, number as f64),
        }
    }

    /// Takes what is an integer already.
    pub(crate) fn put(&mut self, counter: Counter, value: i64) {
        self.0[counter as usize] = value;
    }

    /// Takes from `other`, a stats object of type `told`, the counters that such objects tell.
    pub(crate) fn take(&mut self, other: &Self, told: Told) {
        for (position, row) in TABLE.iter().enumerate() {
            if row.told & told as u8 != 0 && other.0[position] != Self::MISSING {
                self.0[position] = other.0[position];
            }
        }
    }

    /// What happened since `earlier`: differences, and gauges as they are now. None if a monotone
    /// counter went back, or any leapt: the stream has started anew.
    pub(crate) fn since(&self, earlier: &Self) -> Option<Self> {
        let mut differences = *self;
        for (position, row) in TABLE.iter().enumerate() {
            differences.0[position] = match (row.rule, earlier.0[position], self.0[position]) {
                (Rule::Gauge, _, now) => now,
                (_, Self::MISSING, _) | (_, _, Self::MISSING) => Self::MISSING,
                (Rule::Monotone, then, now) if now < then => return None,
                (Rule::Moment, then, now) => now - then,
                (_, then, now) if (now - then).abs() >= row.unit.leap() => return None,
                (Rule::Monotone | Rule::Signed, then, now) => now - then,
            };
        }
        Some(differences)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{COUNTERS, MAX, Values, whole};

    fn rounded(number: f64, scale: f64) -> Option<i64> {
        let scaled = (number * scale).round();
        (number >= 0.0 && scaled <= MAX).then_some(scaled as i64)
    }

    #[test]
    fn what_lies_between_integers_goes_to_the_nearest_and_the_middle_up() {
        let just_under_half = 0.499_999_999_999_999_94;
        for (number, whole_number) in [
            (0.0, 0),
            (just_under_half, 0),
            (0.5, 1),
            (1.5, 2),
            (2.5, 3),
            (MAX - 1.0, MAX as i64 - 1),
        ] {
            assert_eq!(whole(number, 1.0), Some(whole_number), "{number}");
        }
        assert_eq!(whole(MAX, 1.0), Some(MAX as i64));
        for number in [-0.1, f64::NAN, f64::INFINITY, MAX + 2.0] {
            assert_eq!(whole(number, 1.0), None, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_whole_number_is_taken_as_any(number in any::<u64>(), shift in 0..64) {
            for counter in COUNTERS {
                let (mut one, mut other) = (Values::EMPTY, Values::EMPTY);
                one.set_whole(*counter, number >> shift);
                other.set(*counter, (number >> shift) as f64);
                prop_assert_eq!(one, other, "{:?}", counter);
            }
        }

        #[test]
        fn it_is_what_the_standard_library_rounds_to(number in any::<f64>(), small in 0.0..1e10_f64) {
            for scale in [1.0, 1e3, 1e6, 1e-3] {
                prop_assert_eq!(whole(number, scale), rounded(number, scale));
                prop_assert_eq!(whole(small, scale), rounded(small, scale));
            }
        }
    }
}
