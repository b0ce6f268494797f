//! The list of all measures of cells and sessions.
//!
//! Three tables define the measures: the sums of a cell or session ([`Measures`]), the quantities whose
//! distribution a cell keeps ([`Quantities`], [`Sketches`]), and the sums of one RTP stream
//! ([`StreamPartial`]). A line of a table is a doc comment and a name. It yields the record's field, its
//! addition, its place in the Avro schemas (`schemas/tests/measures.rs`), its columns in ClickHouse, and
//! its row in `docs/reference/tables.md`. How a measure is computed is in `aggregate/src/cell.rs`.

use serde::{Deserialize, Serialize};

use crate::datum::records;
use crate::report::{Direction, Kind};

/// A line of one of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Name of the field, and of the column.
    pub name: &'static str,
    /// Doc comment, with one space before each line.
    doc: &'static str,
    /// Function that combines values.
    pub fold: Fold,
}

/// Function that combines the values of a measure over intervals and blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Their sum.
    Sum,
    /// The greatest of them.
    Max,
}

impl Measure {
    /// Type of the column in ClickHouse.
    pub const COLUMN_TYPE: &'static str = "Int64";

    /// Returns the description of the measure, in one line.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        self.doc.trim()
    }

    /// Returns the expression by which ClickHouse adds up the column. It works in 128 bits and saturates
    /// at the limits of 64, so that an absurd sum keeps its sign.
    #[must_use]
    pub fn sql_sum(&self) -> String {
        match self.fold {
            Fold::Sum => format!("isobar_saturated(sum(toInt128({})))", self.name),
            Fold::Max => format!("max({})", self.name),
        }
    }
}

/// Combines two values with the function named in a table's line.
macro_rules! fold {
    (sum, $one:expr, $other:expr) => {
        $one.wrapping_add($other)
    };
    (max, $one:expr, $other:expr) => {
        $one.max($other)
    };
    (sum) => {
        Fold::Sum
    };
    (max) => {
        Fold::Max
    };
}

/// Defines [`Measures`].
macro_rules! measures {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        records! {
            /// Additive integers.
            #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
            pub struct Measures {
                $($(#[doc = $doc])+ pub $name: i64,)*
            }
        }

        impl Measures {
            /// All measures, in the order of the fields.
            pub const ALL: [Measure; [$(stringify!($name)),*].len()] = [$(
                Measure { name: stringify!($name), doc: concat!($($doc),+), fold: Fold::Sum },
            )*];

            /// Adds `more`. With as many intervals as a block may fold, and values within the limits of
            /// ingest, no sum wraps; addition is modular, so that even then the order of additions would
            /// not matter.
            pub const fn add(&mut self, more: &Self) {
                $(self.$name = fold!(sum, self.$name, more.$name);)*
            }

            /// Returns the measures with these values, in the order of [`Self::ALL`].
            #[must_use]
            pub const fn of_values(values: [i64; Self::ALL.len()]) -> Self {
                let [$($name),*] = values;
                Self { $($name),* }
            }

            /// Returns the values in the order of [`Self::ALL`].
            #[must_use]
            pub const fn values(&self) -> [i64; Self::ALL.len()] {
                [$(self.$name),*]
            }
        }
    };
}

measures! {
    /// Intervals.
    intervals,
    /// Time that the intervals cover, in microseconds.
    observed_us,
    /// Packets received, without retransmissions if the browser reports these separately. On a sent
    /// stream: as reported by the remote end, or else packets sent − retransmitted − lost. Signed.
    packets_received,
    /// Packets lost. Signed: a packet that was counted as lost may still arrive.
    packets_lost,
    /// Packets that arrived for the first time or were lost, in intervals that report packet loss.
    /// Signed.
    packets_expected,
    /// Retransmitted packets received; they are among the packets received.
    retransmitted_packets_received,
    /// Packets sent again.
    retransmitted_packets_sent,
    /// Bytes of media received or sent.
    bytes,
    /// Frames decoded or encoded.
    frames,
    /// Time for which received video was frozen, in microseconds, if the browser reports it.
    freeze_us,
    /// Freezes of received video.
    freeze_count,
    /// Time for which received video was paused (no frame for five seconds), in microseconds, if the
    /// browser reports it.
    pause_us,
    /// Pauses of received video.
    pause_count,
    /// Concealed samples of received audio, without silent ones.
    concealed_samples,
    /// Samples of received audio, in intervals that report concealed samples.
    total_samples,
    /// NACKs: requests to retransmit packets.
    nack,
    /// PLIs: requests for a key frame after a loss.
    pli,
    /// FIRs: requests for a full key frame.
    fir,
    /// Attempts of participants to set up a call. A correction of an earlier count is negative.
    setups_attempted,
    /// Attempts in which no peer connection was established.
    setups_failed,
    /// Time in intervals that the primary threshold pack classifies as poor, in microseconds.
    poor_us,
    /// Time in intervals that the primary threshold pack classifies as good, in microseconds.
    good_us,
    /// Time in intervals that the primary threshold pack leaves unclassified, in microseconds.
    unclassified_us,
}

/// Defines [`Quantities`] and [`Sketches`].
macro_rules! quantities {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// One value for each quantity whose distribution a cell keeps.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Quantities<T> {
            $($(#[doc = $doc])+ pub $name: T,)*
        }

        impl Quantities<()> {
            /// Names of all quantities, in the order of the fields.
            pub const NAMES: [&'static str; [$(stringify!($name)),*].len()] =
                [$(stringify!($name)),*];

            /// Descriptions of all quantities, in the same order.
            pub const MEANINGS: [&'static str; Self::NAMES.len()] = [$(concat!($($doc),+)),*];
        }

        impl<T> Quantities<T> {
            /// Returns the values in the order of [`Quantities::NAMES`].
            pub fn values(self) -> [T; Quantities::NAMES.len()] {
                [$(self.$name),*]
            }
        }

        records! {
            /// DDSketches (1 % relative accuracy) as ClickHouse quantilesDD states.
            #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
            pub struct Sketches {
                $(
                    $(#[doc = $doc])+
                    #[serde(with = "apache_avro::serde::bytes")]
                    pub $name: Vec<u8>,
                )*
            }
        }

        impl Sketches {
            /// Returns the states in the order of [`Quantities::NAMES`].
            #[must_use]
            pub const fn states(&self) -> [&Vec<u8>; Quantities::NAMES.len()] {
                [$(&self.$name),*]
            }

            /// Returns the states in the order of [`Quantities::NAMES`], to be changed.
            #[must_use]
            pub const fn states_mut(&mut self) -> [&mut Vec<u8>; Quantities::NAMES.len()] {
                [$(&mut self.$name),*]
            }
        }
    };
}

quantities! {
    /// Round trip time of an interval's stream, in milliseconds.
    round_trip_ms,
    /// Jitter of the received stream, in milliseconds, in intervals in which media was sent.
    jitter_ms,
    /// Share of packets lost, 0 to 1.
    loss,
    /// Bit rate of the media, in bits per second.
    bit_rate_bps,
    /// Frames decoded or encoded per second, in intervals in which the source gave a picture.
    frame_rate,
    /// Estimated mean opinion score of audio, 1 to 5.
    audio_mos,
    /// Estimated mean opinion score of video, 1 to 5.
    video_mos,
    /// Time from joining to the first media, in milliseconds, for calls that were set up.
    time_to_media_ms,
}

/// Defines [`StreamPartial`].
macro_rules! stream_sums {
    ($($(#[doc = $doc:literal])+ $name:ident: $fold:ident,)*) => {
        records! {
            /// Contribution of one block to one RTP stream of a session: sums for averages over the whole
            /// stream.
            #[derive(
                Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
            )]
            pub struct StreamPartial {
                /// XXH3 of peer connection, stats id and SSRC.
                pub stream: i64,
                /// Media kind.
                pub kind: Kind,
                /// Seen from the client.
                pub direction: Direction,
                /// True for a shared screen, false for a camera, missing if unknown.
                pub screen_share: Option<bool>,
                /// True if the codec is H264S, which carries shared screens.
                pub h264s: bool,
                $($(#[doc = $doc])+ pub $name: i64,)*
            }
        }

        impl StreamPartial {
            /// Sums over a stream's intervals, in the order of the fields.
            pub const SUMS: [Measure; [$(stringify!($name)),*].len()] = [$(
                Measure { name: stringify!($name), doc: concat!($($doc),+), fold: fold!($fold) },
            )*];

            /// Adds the sums of `more`, which is of the same stream. No sum wraps, for the same reason as
            /// in [`Measures::add`].
            pub fn add(&mut self, more: &Self) {
                $(self.$name = fold!($fold, self.$name, more.$name);)*
            }

            /// Returns the same stream with these values, in the order of [`Self::SUMS`].
            #[must_use]
            pub const fn with_sums(mut self, sums: [i64; Self::SUMS.len()]) -> Self {
                [$(self.$name),*] = sums;
                self
            }

            /// Returns the values in the order of [`Self::SUMS`].
            #[must_use]
            pub const fn sums(&self) -> [i64; Self::SUMS.len()] {
                [$(self.$name),*]
            }
        }
    };
}

stream_sums! {
    /// Observed time, us.
    observed_us: sum,
    /// Packets since the stream's start, the maximum of all intervals.
    packets: max,
    /// Packets lost, signed, in intervals that report packet loss.
    packets_lost: sum,
    /// Packets expected in those intervals.
    packets_expected: sum,
    /// Sum of round trips, us.
    round_trip_us: sum,
    /// Round trips measured.
    round_trip_count: sum,
    /// Sum of jitter over intervals in which media was sent, us.
    jitter_us: sum,
    /// Number of these intervals.
    jitter_count: sum,
    /// Frames dropped.
    frames_dropped: sum,
    /// Frames decoded or dropped, in intervals that report both.
    frames_offered: sum,
    /// Frames decoded or encoded while the source gave a picture.
    frames: sum,
    /// Time of these intervals, us.
    frames_us: sum,
    /// Frames that the source gave (media-source), in intervals that report them.
    source_frames: sum,
    /// Time of these intervals, us.
    source_us: sum,
    /// Time in which the source gave no media, us.
    withheld_us: sum,
}

impl StreamPartial {
    /// Names of the integers by which ClickHouse distinguishes streams.
    pub const IDENTITY: [&'static str; 5] = ["stream", "is_video", "is_sent", "content", "h264s"];

    /// Returns the integers that distinguish streams, in the order of [`Self::IDENTITY`]. The
    /// content is 0 if unknown, 1 for a camera, 2 for a screen.
    #[must_use]
    pub fn identity(&self) -> [i64; 5] {
        [
            self.stream,
            i64::from(self.kind == Kind::Video),
            i64::from(self.direction == Direction::Outbound),
            self.screen_share.map_or(0, |is_screen| 1 + i64::from(is_screen)),
            i64::from(self.h264s),
        ]
    }
}
