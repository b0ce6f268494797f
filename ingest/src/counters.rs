//! The one table of what is read from RTP stats objects, and the values of one snapshot.
//!
//! A new metric is a line here and a field of [`schemas::Interval`], or of one of its groups.

use schemas::{Direction, Interval, Kind, Path};

/// Types of stats objects that tell counters (RTCStatsType); each is a bit of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum StatsType {
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
    /// `media-source`: what is captured before a sender encodes it.
    Source = 64,
}

/// How a value may change from one snapshot to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Never goes back, unless the stream or its group has started anew; told as a difference.
    Monotone,
    /// May go back (RFC 3550 counts a duplicate as a negative loss); told as a difference.
    Signed,
    /// A moment by the far end's clock: only whether it is another one counts.
    Moment,
    /// Told as it is at the interval's end.
    Gauge,
}

/// Counters that are kept by one part of a browser, and so start anew, wrap or underflow together:
/// where one of them does, all of its group are missing in the interval, and nothing else is. The
/// first four are primary: where two of them go back, the stream itself has started anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Group {
    Packets,
    Bytes,
    Frames,
    Samples,
    /// What is lost, and what is sent again for it.
    Loss,
    Nack,
    /// PLI and FIR.
    PictureRequests,
    RoundTrip,
    /// What a receiver report tells of an outbound stream, but for the round trip, which the sender
    /// measures.
    FarEnd,
    Discarded,
    Fec,
    JitterBuffer,
    Jitter,
    Concealment,
    Level,
    Energy,
    /// What a camera, a screen or a microphone gives: another one has counters of its own.
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
    /// Groups of primary counters, each a bit of a set.
    const PRIMARY: u32 =
        Self::Packets.bit() | Self::Bytes.bit() | Self::Frames.bit() | Self::Samples.bit();

    /// Groups that are but parts of another one's counters: without these they tell nothing.
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

/// The most that a quantity can be in an interval, up or down. What is beyond is missing.
#[derive(Clone, Copy)]
enum Bound {
    /// In each second of the interval.
    Rate(i64),
    /// Packets, in each second of the interval.
    Packets,
    /// However long the interval is.
    Most(i64),
    /// For each that another counter counts, and in each second of the interval.
    Each(i64, Counter, i64),
    /// No quantity of an interval.
    None,
}

/// Packets of a stream: [`AUDIO_PACKETS`] or [`OTHER_PACKETS`].
const PACKETS: Bound = Bound::Packets;
/// Packets of an audio stream in a second. The shortest frame of Opus has 2.5 ms (RFC 6716, 2.1.4),
/// which is 400 packets, no other codec of WebRTC has a shorter one, and FEC has a packet for each at
/// most (RFC 8627); RED (RFC 2198) adds none. The rest is for what was held up on its way.
const AUDIO_PACKETS: i64 = 1_000;
/// Packets of any other stream in a second: RTP numbers them in 16 bits (RFC 3550, 5.1), and neither
/// loss (A.1) nor SRTP's index (RFC 3711, 3.3.1) can be told once they wrap within a round trip.
const OTHER_PACKETS: i64 = 1 << 16;
/// Bytes of a stream: a gigabit a second (IEEE 802.3ab), with all that is on the wire.
const BYTES: Bound = Bound::Rate(125_000_000);
/// Frames: no level of H.264 has more than 300 a second (ITU-T H.264, A.3.1, A.3.3), and a decoder
/// that was held up catches up.
const FRAMES: Bound = Bound::Rate(1_000);
/// Samples of audio: the highest rate at which a browser plays it (Chromium's
/// `media::limits::kMaxSampleRate`).
const SAMPLES: Bound = Bound::Rate(768_000);
/// Events of which there is at most one a frame, or a report.
const EVENTS: Bound = Bound::Rate(1_000);
/// Time in the jitter buffer of a sample or frame, us: the longest that the header extension
/// playout-delay can ask for, 40.95 s.
const BUFFERED: Bound = Bound::Each(40_950_000, Counter::JitterBufferEmitted, i64::MAX);
/// A round trip, us: after 30 s without an answer consent to send has expired (RFC 7675, 5.1).
pub(crate) const MOST_ROUND_TRIP_US: i64 = 30_000_000;
/// Sum of round trips, us: of those that are measured at the same time there is one for each report
/// or check, and no more than twenty a second are paced (RFC 8445, 14.2: Ta is 50 ms), which stay
/// under way for 5 s on the worst of links: a hundred seconds a second.
const ROUND_TRIPS: Bound = Bound::Each(MOST_ROUND_TRIP_US, Counter::RoundTripCount, 100_000_000);
const ROUND_TRIP: Bound = Bound::Most(MOST_ROUND_TRIP_US);
/// Bits a second that a sender may be told are free: the fastest port (IEEE 802.3ba).
pub(crate) const MOST_BIT_RATE: i64 = 100_000_000_000;
/// Jitter, us: no jitter buffer can hold more than 4 s (W3C webrtc-extensions, jitterBufferTarget),
/// and what comes later is lost. Jitter that is told in RTP ticks is beyond it.
const JITTER: Bound = Bound::Most(4_000_000);
/// Sum of quantisers: 255 a frame (AV1, base_q_idx).
const QUANTISERS: Bound = Bound::Rate(255_000);
/// Pixels of a side: 14 bits (RFC 6386, 9.1).
const PIXELS: Bound = Bound::Most(16_383);
/// Time of a freeze or pause, us. It is counted when the picture goes on, so that it may be longer
/// than the interval, but not than a day.
const STANDSTILL: Bound = Bound::Most(86_400_000_000);
/// Time that passes with the interval, us.
const DURATION: Bound = Bound::Rate(1_000_000);
/// audioLevel, millionths: 0 to 1 (W3C webrtc-stats).
const LEVEL: Bound = Bound::Most(1_000_000);
/// framesPerSecond, millionths: as [`FRAMES`].
const FRAME_RATE: Bound = Bound::Most(1_000_000_000);

/// Counters are not read at the very moment that the clock says.
const SLACK_US: i64 = 5_000_000;

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
    group: Group,
    rule: Rule,
    bound: Bound,
    unit: Unit,
    told: u8,
    members: &'static [&'static str],
}

/// The counter's field, if the interval has it.
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
    ($( $counter:ident ( $($field:ident)* ) $group:ident $rule:ident $unit:ident $bound:path =>
        [$($told:ident)+] [$($member:literal)*]; )+) => {
        /// A value of a snapshot.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Counter { $( $counter, )+ }

        const COUNTERS: &[Counter] = &[$( Counter::$counter, )+];

        static TABLE: [Row; COUNTERS.len()] = [$( Row {
            group: Group::$group,
            rule: Rule::$rule,
            bound: $bound,
            unit: Unit::$unit,
            told: $( StatsType::$told as u8 )|+,
            members: &[$( $member, )*],
        }, )+];

        impl Values {
            /// Fills the fields that are told without further working out.
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
    // Counter             (group field)                   group           rule     unit  bound          [told by]                                    [members]
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

    /// What cannot be: negative where nothing is, or beyond 2⁵³. It is missing, and counted.
    const BEYOND: i64 = i64::MAX;

    /// Nothing is known.
    pub(crate) const EMPTY: Self = Self([Self::MISSING; COUNTERS.len()]);

    /// The value of `counter`, if it is known.
    pub(crate) fn get(&self, counter: Counter) -> Option<i64> {
        let value = self.0[counter as usize];
        Some(value).filter(|value| ![Self::MISSING, Self::BEYOND].contains(value))
    }

    /// True if a number of `counter` was there that cannot be.
    pub(crate) fn is_beyond(&self, counter: Counter) -> bool {
        self.0[counter as usize] == Self::BEYOND
    }

    /// Takes a number as W3C has it. What makes no sense is missing, never absurd.
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
    pub(crate) fn take(&mut self, other: &Self, told: StatsType) {
        for (position, row) in TABLE.iter().enumerate() {
            if row.told & told as u8 != 0 && other.0[position] != Self::MISSING {
                self.0[position] = other.0[position];
            }
        }
    }

    /// What happened in the `length_us` since `earlier` on a stream of this kind and direction:
    /// differences, and gauges as they are now.
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
                // It tells nothing of those beside it.
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

    /// How far a stream has come: its snapshots are in order while this grows. Of what has none of
    /// the primary counters, the round trips measured.
    pub(crate) fn progress(&self) -> i64 {
        let packets = [Counter::PacketsSent, Counter::PacketsReceived];
        let packets = packets.iter().find_map(|counter| self.get(*counter));
        let others = [Counter::Bytes, Counter::Frames, Counter::TotalSamples];
        let primary = others.iter().filter_map(|counter| self.get(*counter)).chain(packets);
        let sum = primary.reduce(i64::saturating_add);
        sum.or_else(|| self.get(Counter::RoundTripCount)).unwrap_or(0)
    }

    /// The values that are there, and nothing of the others.
    pub(crate) fn pack(&self) -> Packed {
        let (mut told, mut length) = (0, 0);
        let mut bytes = [0; COUNTERS.len() * LONGEST];
        for (position, value) in self.0.iter().enumerate().filter(|(_, it)| **it != Self::MISSING) {
            told |= 1 << position;
            length += write(*value, &mut bytes[length..]);
        }
        Packed { told, values: bytes[..length].into() }
    }
}

/// [`Values`] as they are remembered: few streams tell half of them, and most are small numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Each counter a bit.
    told: u64,
    /// One after the other, as [`write`] writes them.
    values: Box<[u8]>,
}

/// Bytes of the longest that [`write`] writes.
const LONGEST: usize = 10;

/// Writes a number as Avro does (zigzag, 7 bits a byte), and returns how many bytes it takes.
fn write(value: i64, bytes: &mut [u8]) -> usize {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut length = 0;
    for byte in bytes {
        length += 1;
        *byte = (rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 };
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    length
}

/// Reads a number that [`write`] wrote.
fn read(bytes: &mut impl Iterator<Item = u8>) -> i64 {
    let (mut number, mut shift) = (0_u64, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

const _: () = assert!(COUNTERS.len() <= 64, "each has a bit of `Packed::told`");

impl Packed {
    pub(crate) fn unpack(&self) -> Values {
        let mut values = Values::EMPTY;
        let mut bytes = self.values.iter().copied();
        for position in (0..COUNTERS.len()).filter(|position| self.told >> position & 1 == 1) {
            values.0[position] = read(&mut bytes);
        }
        values
    }

    /// Bytes that the values take.
    pub(crate) const fn bytes(&self) -> usize {
        self.values.len()
    }
}

/// What a snapshot is to an earlier one of the same stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, on the stack")]
pub(crate) enum Change {
    /// The stream has started anew: two of its primary counters went back.
    Anew,
    /// It went on.
    Since {
        /// Differences and gauges.
        values: Values,
        /// Groups that are missing because a counter went back.
        went_back: u64,
        /// Groups that are missing, or gauges, because they are beyond their bounds.
        implausible: u64,
    },
}

impl Row {
    /// The group on a stream of this direction. Of an outbound one, what remote-inbound-rtp tells as
    /// well is the far end's.
    fn group(&self, direction: Direction) -> Group {
        let is_far_end = direction == Direction::Outbound && self.told & FAR_END != 0;
        match self.group {
            Group::Packets | Group::Loss | Group::Jitter if is_far_end => Group::FarEnd,
            group => group,
        }
    }

    /// The most that a difference or gauge of `length_us` may be on a stream of this kind.
    fn most(&self, kind: Kind, length_us: i64, value: impl Fn(Counter) -> Option<i64>) -> i64 {
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

const FAR_END: u8 = StatsType::RemoteInbound as u8;

/// Takes out of an interval that came as one what no stream can tell, and returns how many
/// quantities that were.
pub(crate) fn bound(interval: &mut Interval) -> u64 {
    let (kind, length_us) = (interval.kind, interval.end_us.saturating_sub(interval.start_us));
    let mut told = Values::EMPTY;
    each_field(interval, |counter, field| {
        if let Some(value) = field {
            told.0[counter as usize] = *value;
        }
    });
    let mut taken = 0;
    each_field(interval, |counter, field| {
        let most = TABLE[counter as usize].most(kind, length_us, |of| told.get(of));
        if field.take_if(|value| value.saturating_abs() > most).is_some() {
            taken += 1;
        }
    });
    let most = TABLE[Counter::ConcealedSamples as usize].most(kind, length_us, |of| told.get(of));
    let concealed = interval.audio.as_mut().and_then(|audio| {
        audio.concealed_samples.take_if(|samples| samples.saturating_abs() > most)
    });
    let gauge = interval.round_trip_gauge_us.take_if(|us| *us > MOST_ROUND_TRIP_US);
    taken + u64::from(concealed.is_some()) + u64::from(gauge.is_some())
}

/// Changes of the selected pair in the longest look-back, an hour: as [`EVENTS`]. A path has no length.
const MOST_CHANGES: i64 = 3_600_000;

/// As [`bound`], of the path of a report that came as one.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{COUNTERS, Counter, MAX, Values, whole};

    fn rounded(number: f64, scale: f64) -> Option<i64> {
        let scaled = (number * scale).round();
        (number >= 0.0 && scaled <= MAX).then_some(scaled as i64)
    }

    #[test]
    fn every_member_is_named_by_the_reference_of_bounds() {
        let page = include_str!("../../docs/reference/bounds.md");
        let groups = page.split("## Bounds").next().unwrap_or_default();
        for (member, counter) in Counter::members() {
            let name = member.split('.').next().unwrap_or(member);
            assert!(groups.contains(&format!("`{name}`")), "{name} of {counter:?}");
        }
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
        fn what_is_packed_is_unpacked_the_same(
            numbers in prop::collection::vec(prop::option::of(any::<i64>()), COUNTERS.len()),
            shift in 0..64,
        ) {
            let mut values = Values::EMPTY;
            for (counter, number) in COUNTERS.iter().zip(numbers) {
                if let Some(number) = number {
                    values.put(*counter, number >> shift);
                }
            }
            prop_assert_eq!(values.pack().unpack(), values);
        }

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
