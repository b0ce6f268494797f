//! The table of counters that are read from RTP stats objects, and the values of one snapshot.
//!
//! A new counter is a line here and a field of [`schemas::Interval`] or of one of its groups.

mod limits;
mod packed;

use schemas::{Direction, Interval, Kind};

pub(crate) use limits::{MOST_BIT_RATE, MOST_ROUND_TRIP_US, bound, bound_path};
pub(crate) use packed::Packed;

use limits::{
    BUFFERED, BYTES, Bound, DURATION, EVENTS, FRAME_RATE, FRAMES, JITTER, LEVEL, PACKETS, PIXELS,
    QUANTISERS, ROUND_TRIP, ROUND_TRIPS, SAMPLES, STANDSTILL,
};

/// Types of stats objects that have counters (RTCStatsType). Each value is a bit of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum StatsType {
    /// `inbound-rtp`
    Inbound = 1,
    /// `outbound-rtp`
    Outbound = 2,
    /// `remote-inbound-rtp`: an outbound stream as the remote end received it.
    RemoteInbound = 4,
    /// `remote-outbound-rtp`: an inbound stream as the remote end sent it.
    RemoteOutbound = 8,
    /// `candidate-pair`
    Pair = 16,
    /// `transport`: it outlives its candidate pairs.
    Transport = 32,
    /// `media-source`: captured media before encoding.
    Source = 64,
}

/// Rule for the change of a value from one snapshot to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Never decreases, unless the stream or its group restarts; yields a difference.
    Monotone,
    /// May decrease (RFC 3550 counts a duplicate as a negative loss); yields a difference.
    Signed,
    /// A time by the remote end's clock, used only to detect changes.
    Moment,
    /// Yields its value at the interval's end.
    Gauge,
}

/// Groups of counters that are kept by one part of a browser and therefore restart, wrap or underflow
/// together: if one does, all counters of its group are missing in the interval, and no others. Those in
/// [`PRIMARY`](Self::PRIMARY) are primary: if two primary counters decrease, the stream itself has
/// restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Group {
    Packets,
    Bytes,
    Frames,
    Samples,
    /// Lost packets, and their retransmissions.
    Loss,
    Nack,
    /// PLI and FIR.
    PictureRequests,
    RoundTrip,
    /// Counters of receiver reports on an outbound stream, without the round trip, which the sender
    /// measures.
    FarEnd,
    Discarded,
    Fec,
    JitterBuffer,
    Jitter,
    Concealment,
    Level,
    Energy,
    /// Counters of a camera, a screen or a microphone, which restart with the device.
    Source,
    Dropped,
    KeyFrames,
    Quantisation,
    Size,
    Freezes,
    Pauses,
    Limitation,
    Transport,
}

impl Group {
    /// Set of the groups of primary counters, one bit each.
    const PRIMARY: u32 =
        Self::Packets.bit() | Self::Bytes.bit() | Self::Frames.bit() | Self::Samples.bit();

    /// Groups whose counters are parts of another group's counters: if the second group is missing,
    /// the first is, too.
    const DIVIDED: [(Self, Self); 5] = [
        (Self::Loss, Self::Packets),
        (Self::Concealment, Self::Samples),
        (Self::Dropped, Self::Frames),
        (Self::KeyFrames, Self::Frames),
        (Self::Quantisation, Self::Frames),
    ];

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// Conversion from W3C's unit to Isobar's.
#[derive(Clone, Copy)]
enum Unit {
    /// Unchanged, rounded to an integer.
    One,
    /// The same for bytes.
    Byte,
    /// Times 10⁶: seconds to us, ratios to millionths.
    Micro,
}

struct Row {
    group: Group,
    rule: Rule,
    bound: Bound,
    unit: Unit,
    reported: u8,
    members: &'static [&'static str],
}

/// Visits the counter's field, if the interval has it.
macro_rules! visit {
    ($interval:ident, $visit:expr, $counter:ident, ) => {};
    ($interval:ident, $visit:expr, $counter:ident, $field:ident) => {
        $visit(Counter::$counter, &mut $interval.$field);
    };
    ($interval:ident, $visit:expr, $counter:ident, $group:ident $field:ident) => {
        if let Some(group) = &mut $interval.$group {
            $visit(Counter::$counter, &mut group.$field);
        }
    };
}

/// Sets a field of the interval or of one of its groups, which is present if any of its fields is.
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
    ($( $counter:ident ( $($field:ident)* ) $group:ident $rule:ident $unit:ident $bound:path =>
        [$($reported:ident)+] [$($member:literal)*]; )+) => {
        /// A counter or gauge of a snapshot.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Counter { $( $counter, )+ }

        const COUNTERS: &[Counter] = &[$( Counter::$counter, )+];

        static TABLE: [Row; COUNTERS.len()] = [$( Row {
            group: Group::$group,
            rule: Rule::$rule,
            bound: $bound,
            unit: Unit::$unit,
            reported: $( StatsType::$reported as u8 )|+,
            members: &[$( $member, )*],
        }, )+];

        impl Values {
            /// Sets the fields that are counters without further computation.
            pub(crate) fn fill(&self, interval: &mut Interval) {
                $( fill!(interval, self.get(Counter::$counter), $($field)*); )+
            }
        }

        /// Visits every field of `interval` that is a counter's.
        fn each_field(interval: &mut Interval, mut visit: impl FnMut(Counter, &mut Option<i64>)) {
            $( visit!(interval, visit, $counter, $($field)*); )+
        }
    };
}

counters! {
    // Counter             (group field)                   group           rule     unit  bound          [types]                                      [members]
    PacketsReceived        (packets_received)              Packets         Monotone One   PACKETS     => [Inbound RemoteInbound]                      ["packetsReceived"];
    PacketsLost            (packets_lost)                  Loss            Signed   One   PACKETS     => [Inbound RemoteInbound]                      ["packetsLost"];
    PacketsSent            (packets_sent)                  Packets         Monotone One   PACKETS     => [Outbound]                                   ["packetsSent"];
    Bytes                  (bytes)                         Bytes           Monotone Byte  BYTES       => [Inbound Outbound]                           ["bytesReceived" "bytesSent"];
    RetransmittedPackets   (retransmitted_packets)         Loss            Monotone One   PACKETS     => [Inbound Outbound]                           ["retransmittedPacketsReceived" "retransmittedPacketsSent"];
    Nack                   (nack)                          Nack            Monotone One   PACKETS     => [Inbound Outbound]                           ["nackCount"];
    RoundTripTime          (round_trip_us)                 RoundTrip       Monotone Micro ROUND_TRIPS => [RemoteInbound RemoteOutbound Pair]          ["totalRoundTripTime"];
    RoundTripCount         (round_trip_count)              RoundTrip       Monotone One   EVENTS      => [RemoteInbound RemoteOutbound Pair]          ["roundTripTimeMeasurements" "responsesReceived"];
    RoundTripGauge         ()                              RoundTrip       Gauge    Micro ROUND_TRIP  => [RemoteInbound RemoteOutbound Pair]          ["roundTripTime" "currentRoundTripTime"];
    Jitter                 (jitter_us)                     Jitter          Gauge    Micro JITTER      => [Inbound RemoteInbound]                      ["jitter"];
    RemoteTime             ()                              FarEnd          Moment   One   Bound::None => [RemoteInbound]                              [];
    PacketsDiscarded       (inbound packets_discarded)     Discarded       Monotone One   PACKETS     => [Inbound]                                    ["packetsDiscarded"];
    FecPackets             (inbound fec_packets)           Fec             Monotone One   PACKETS     => [Inbound]                                    ["fecPacketsReceived"];
    FecPacketsDiscarded    (inbound fec_packets_discarded) Fec             Monotone One   PACKETS     => [Inbound]                                    ["fecPacketsDiscarded"];
    JitterBufferDelay      (inbound jitter_buffer_us)      JitterBuffer    Monotone Micro BUFFERED    => [Inbound]                                    ["jitterBufferDelay"];
    JitterBufferEmitted    (inbound jitter_buffer_emitted) JitterBuffer    Monotone One   SAMPLES     => [Inbound]                                    ["jitterBufferEmittedCount"];
    TotalSamples           (audio total_samples)           Samples         Monotone One   SAMPLES     => [Inbound]                                    ["totalSamplesReceived"];
    ConcealedSamples       ()                              Concealment     Monotone One   SAMPLES     => [Inbound]                                    ["concealedSamples"];
    SilentSamples          ()                              Concealment     Monotone One   SAMPLES     => [Inbound]                                    ["silentConcealedSamples"];
    ConcealmentEvents      (audio concealment_events)      Concealment     Monotone One   EVENTS      => [Inbound]                                    ["concealmentEvents"];
    AudioLevel             (audio audio_level_micro)       Level           Gauge    Micro LEVEL       => [Inbound Source]                             ["audioLevel"];
    AudioEnergy            (audio audio_energy_micro)      Energy          Monotone Micro DURATION    => [Inbound Source]                             ["totalAudioEnergy"];
    SourceFrames           (video source_frames)           Source          Monotone One   FRAMES      => [Source]                                     ["frames"];
    SourceFrameRate        (video source_frame_rate_micro) Source          Gauge    Micro FRAME_RATE  => [Source]                                     ["framesPerSecond"];
    Frames                 (video frames)                  Frames          Monotone One   FRAMES      => [Inbound Outbound]                           ["framesDecoded" "framesEncoded"];
    FramesDropped          (video frames_dropped)          Dropped         Monotone One   FRAMES      => [Inbound]                                    ["framesDropped"];
    KeyFrames              (video key_frames)              KeyFrames       Monotone One   FRAMES      => [Inbound Outbound]                           ["keyFramesDecoded" "keyFramesEncoded"];
    QpSum                  (video qp_sum)                  Quantisation    Monotone One   QUANTISERS  => [Inbound Outbound]                           ["qpSum"];
    Pli                    (video pli)                     PictureRequests Monotone One   EVENTS      => [Inbound Outbound]                           ["pliCount"];
    Fir                    (video fir)                     PictureRequests Monotone One   EVENTS      => [Inbound Outbound]                           ["firCount"];
    FrameWidth             (video frame_width)             Size            Gauge    One   PIXELS      => [Inbound Outbound]                           ["frameWidth"];
    FrameHeight            (video frame_height)            Size            Gauge    One   PIXELS      => [Inbound Outbound]                           ["frameHeight"];
    FreezeCount            (video freeze_count)            Freezes         Monotone One   EVENTS      => [Inbound]                                    ["freezeCount"];
    FreezeTime             (video freeze_us)               Freezes         Monotone Micro STANDSTILL  => [Inbound]                                    ["totalFreezesDuration"];
    PauseCount             (video pause_count)             Pauses          Monotone One   EVENTS      => [Inbound]                                    ["pauseCount"];
    PauseTime              (video pause_us)                Pauses          Monotone Micro STANDSTILL  => [Inbound]                                    ["totalPausesDuration"];
    LimitedCpu             (limitation cpu_us)             Limitation      Monotone Micro DURATION    => [Outbound]                                   ["qualityLimitationDurations.cpu" "qualityLimitationDurationCPU"];
    LimitedBandwidth       (limitation bandwidth_us)       Limitation      Monotone Micro DURATION    => [Outbound]                                   ["qualityLimitationDurations.bandwidth" "qualityLimitationDurationBandwidth"];
    LimitedOther           (limitation other_us)           Limitation      Monotone Micro DURATION    => [Outbound]                                   ["qualityLimitationDurations.other" "qualityLimitationDurationOther"];
    ResolutionChanges      (limitation resolution_changes) Limitation      Monotone One   EVENTS      => [Outbound]                                   ["qualityLimitationResolutionChanges"];
    PairChanges            ()                              Transport       Monotone One   EVENTS      => [Transport]                                  ["selectedCandidatePairChanges"];
}

impl Counter {
    /// Returns every member that contains a counter. A nested member is written `outer.inner`.
    pub(crate) fn members() -> impl Iterator<Item = (&'static str, Self)> {
        COUNTERS.iter().flat_map(|counter| {
            TABLE[*counter as usize].members.iter().map(|member| (*member, *counter))
        })
    }
}

/// Largest number up to which a JSON number, a double, holds every integer: 2⁵³.
const MAX: f64 = 9_007_199_254_740_992.0;

impl Unit {
    const fn scale(self) -> f64 {
        match self {
            Self::One | Self::Byte => 1.0,
            Self::Micro => 1e6,
        }
    }
}

/// Returns `number` times `scale` as an integer; none if it is not a number, negative or beyond
/// 2⁵³.
pub(crate) fn whole(number: f64, scale: f64) -> Option<i64> {
    let scaled = number * scale;
    if !(number >= 0.0 && scaled <= MAX) {
        return None;
    }
    // Rounds without a call of `round` for each of hundreds of numbers: below 2⁵³ the remainder is
    // exact.
    let down = scaled as i64;
    Some(down + i64::from(scaled - down as f64 >= 0.5))
}

/// The values of one snapshot of a stream, in the units of [`Interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Values([i64; COUNTERS.len()]);

impl Values {
    /// Mark of a missing value, which [`whole`] never returns. An `Option<i64>` would double the
    /// size of the state.
    const MISSING: i64 = i64::MIN;

    /// Mark of an impossible value: negative where that is impossible, or beyond 2⁵³. It is
    /// missing, and counted.
    const BEYOND: i64 = i64::MAX;

    /// Values of which none is known.
    pub(crate) const EMPTY: Self = Self([Self::MISSING; COUNTERS.len()]);

    /// Returns the value of `counter`, if it is known.
    pub(crate) fn get(&self, counter: Counter) -> Option<i64> {
        let value = self.0[counter as usize];
        Some(value).filter(|value| ![Self::MISSING, Self::BEYOND].contains(value))
    }

    /// Returns whether `counter` had an impossible value.
    pub(crate) fn is_beyond(&self, counter: Counter) -> bool {
        self.0[counter as usize] == Self::BEYOND
    }

    /// Sets a counter from a number in W3C's unit. An impossible value is missing.
    pub(crate) fn set(&mut self, counter: Counter, number: f64) {
        let row = &TABLE[counter as usize];
        let scale = row.unit.scale();
        let value = match row.rule {
            Rule::Signed if number < 0.0 => whole(-number, scale).map(|value| -value),
            Rule::Signed | Rule::Monotone | Rule::Gauge | Rule::Moment => whole(number, scale),
        };
        let none = if number.is_nan() { Self::MISSING } else { Self::BEYOND };
        self.0[counter as usize] = value.unwrap_or(none);
    }

    /// Sets a counter like [`Values::set`], from an integer.
    pub(crate) fn set_whole(&mut self, counter: Counter, number: u64) {
        match TABLE[counter as usize].unit {
            Unit::One | Unit::Byte if number <= MAX as u64 => {
                self.0[counter as usize] = number.cast_signed();
            }
            _ => self.set(counter, number as f64),
        }
    }

    /// Sets a counter in Isobar's unit.
    pub(crate) fn put(&mut self, counter: Counter, value: i64) {
        self.0[counter as usize] = value;
    }

    /// Copies the counters of objects of type `reported` from `other`, which is one.
    pub(crate) fn take(&mut self, other: &Self, reported: StatsType) {
        for (position, row) in TABLE.iter().enumerate() {
            if row.reported & reported as u8 != 0 && other.0[position] != Self::MISSING {
                self.0[position] = other.0[position];
            }
        }
    }

    /// Compares the values with those `length_us` `earlier`, on a stream of this kind and
    /// direction.
    pub(crate) fn since(
        &self,
        earlier: &Self,
        (kind, direction): (Kind, Direction),
        length_us: i64,
    ) -> Change {
        let mut values = *self;
        let (mut back, mut implausible, mut gauges) = (0_u32, 0_u32, 0_u64);
        for (position, row) in TABLE.iter().enumerate() {
            values.0[position] = match (row.rule, earlier.0[position], self.0[position]) {
                (Rule::Gauge, _, Self::BEYOND) => {
                    gauges += 1;
                    Self::MISSING
                }
                (Rule::Gauge, _, now) => now,
                (_, Self::MISSING, _) | (_, _, Self::MISSING) => Self::MISSING,
                (_, Self::BEYOND, _) | (_, _, Self::BEYOND) => {
                    implausible |= row.group(direction).bit();
                    Self::MISSING
                }
                (Rule::Monotone, then, now) if now < then => {
                    back |= row.group(direction).bit();
                    Self::MISSING
                }
                (Rule::Monotone | Rule::Signed | Rule::Moment, then, now) => now - then,
            };
        }
        if (back & Group::PRIMARY).count_ones() >= 2 {
            return Change::Anew;
        }
        let bounded = values;
        for (position, row) in TABLE.iter().enumerate() {
            let value = bounded.0[position];
            if value == Self::MISSING
                || value.abs() <= row.most(kind, length_us, |of| bounded.get(of))
            {
                continue;
            }
            if row.rule == Rule::Gauge {
                // Other counters are not affected.
                values.0[position] = Self::MISSING;
                gauges += 1;
            } else {
                implausible |= row.group(direction).bit();
            }
        }
        let wrong = back | implausible;
        let wrong = Group::DIVIDED.iter().fold(wrong, |all, (part, whole)| {
            all | if wrong & whole.bit() == 0 { 0 } else { part.bit() }
        });
        for (position, row) in TABLE.iter().enumerate() {
            if wrong & row.group(direction).bit() != 0 {
                values.0[position] = Self::MISSING;
            }
        }
        Change::Since {
            values,
            went_back: back.count_ones().into(),
            implausible: u64::from(implausible.count_ones()) + gauges,
        }
    }

    /// Returns the progress of a stream, a number that grows from snapshot to snapshot: the sum of
    /// the primary counters or, if there are none, the number of measured round trips.
    pub(crate) fn progress(&self) -> i64 {
        let packets = [Counter::PacketsSent, Counter::PacketsReceived];
        let packets = packets.iter().find_map(|counter| self.get(*counter));
        let others = [Counter::Bytes, Counter::Frames, Counter::TotalSamples];
        let primary = others.iter().filter_map(|counter| self.get(*counter)).chain(packets);
        let sum = primary.reduce(i64::saturating_add);
        sum.or_else(|| self.get(Counter::RoundTripCount)).unwrap_or(0)
    }
}

/// Relation of a snapshot to an earlier one of the same stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, on the stack")]
pub(crate) enum Change {
    /// The stream has restarted: two of its primary counters decreased.
    Anew,
    /// The stream continued.
    Since {
        /// Differences and gauges.
        values: Values,
        /// Number of groups that are missing because a counter decreased.
        went_back: u64,
        /// Number of groups and gauges that are missing because they exceed their limits.
        implausible: u64,
    },
}

impl Row {
    /// Returns the group on a stream of this direction. On an outbound stream, a counter that
    /// remote-inbound-rtp also has is the remote end's.
    fn group(&self, direction: Direction) -> Group {
        let is_far_end = direction == Direction::Outbound && self.reported & FAR_END != 0;
        match self.group {
            Group::Packets | Group::Loss | Group::Jitter if is_far_end => Group::FarEnd,
            group => group,
        }
    }
}

const FAR_END: u8 = StatsType::RemoteInbound as u8;

#[cfg(test)]
mod tests;
