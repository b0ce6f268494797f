//! `rtc-cells-v1`: partials of cells.

use crate::datum::records;
use crate::report::Direction;
use crate::report::Kind;
use serde::{Deserialize, Serialize};

records! {
    /// Dimension values of a cell; those its grouping leaves out are empty (asn: 0).
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct Dimensions {
        /// Application.
        pub app: String,
        /// Continent.
        pub continent: String,
        /// Country.
        pub country: String,
        /// Subdivision.
        pub subdivision: String,
        /// ASN.
        pub asn: i64,
        /// Organisation.
        pub organisation: String,
        /// Network type.
        pub network_type: String,
        /// Edge.
        pub edge: String,
        /// Device class.
        pub device_class: String,
        /// Os.
        pub os: String,
        /// Browser.
        pub browser: String,
        /// Client version.
        pub client_version: String,
        /// Media kind.
        pub kind: Kind,
        /// Direction.
        pub direction: Direction,
    }

    /// Additive integers.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Measures {
        /// Intervals.
        pub intervals: i64,
        /// Observed time, us.
        pub observed_us: i64,
        /// Packets received.
        pub packets_received: i64,
        /// Packets lost, signed.
        pub packets_lost: i64,
        /// Packets that came or should have, where it is known how many were lost: signed.
        pub packets_expected: i64,
        /// Retransmitted packets received; they are among packets_received.
        pub retransmitted_packets_received: i64,
        /// Retransmitted packets sent.
        pub retransmitted_packets_sent: i64,
        /// Bytes.
        pub bytes: i64,
        /// Frames decoded or encoded.
        pub frames: i64,
        /// Frozen time, us.
        pub freeze_us: i64,
        /// Freezes.
        pub freeze_count: i64,
        /// Concealed samples without silence.
        pub concealed_samples: i64,
        /// Samples received, where it is told which were concealed.
        pub total_samples: i64,
        /// NACKs.
        pub nack: i64,
        /// PLIs.
        pub pli: i64,
        /// FIRs.
        pub fir: i64,
        /// Attempts of participants to set a call up.
        pub setups_attempted: i64,
        /// Those in which no connection worked.
        pub setups_failed: i64,
        /// Time in intervals poor by the primary pack, us.
        pub poor_us: i64,
        /// Time in good ones, us.
        pub good_us: i64,
        /// Time in unclassified ones, us.
        pub unclassified_us: i64,
    }

    /// Observed time by what one threshold pack says of it.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct PackTime {
        /// name@version.
        pub pack: String,
        /// Time in poor intervals, us.
        pub poor_us: i64,
        /// Time in good intervals, us.
        pub good_us: i64,
        /// Time in unclassified intervals, us.
        pub unclassified_us: i64,
    }

    /// DDSketches (1 % relative accuracy) as ClickHouse quantilesDD states.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Sketches {
        /// Sketch of round_trip_ms.
        #[serde(with = "apache_avro::serde::bytes")]
        pub round_trip_ms: Vec<u8>,
        /// Sketch of jitter_ms.
        #[serde(with = "apache_avro::serde::bytes")]
        pub jitter_ms: Vec<u8>,
        /// Sketch of loss.
        #[serde(with = "apache_avro::serde::bytes")]
        pub loss: Vec<u8>,
        /// Sketch of bit_rate_bps.
        #[serde(with = "apache_avro::serde::bytes")]
        pub bit_rate_bps: Vec<u8>,
        /// Sketch of frame_rate.
        #[serde(with = "apache_avro::serde::bytes")]
        pub frame_rate: Vec<u8>,
        /// Sketch of audio_mos.
        #[serde(with = "apache_avro::serde::bytes")]
        pub audio_mos: Vec<u8>,
        /// Sketch of video_mos.
        #[serde(with = "apache_avro::serde::bytes")]
        pub video_mos: Vec<u8>,
        /// Sketch of time_to_media_ms.
        #[serde(with = "apache_avro::serde::bytes")]
        pub time_to_media_ms: Vec<u8>,
    }

    /// What one block contributes to one cell.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct CellPartial {
        /// Epoch of the topics.
        pub epoch: i32,
        /// Partition.
        pub partition: i32,
        /// Offset at which the block starts in rtc-enriched-v1.
        pub block_start: i64,
        /// The next offset after the last record folded in: the row's version.
        pub upto: i64,
        /// Name of the grouping: place or client.
        pub grouping: String,
        /// Start of the window, s since the Unix epoch.
        pub window_start: i64,
        /// Length of the window, s.
        pub window_s: i32,
        /// Dimension values.
        pub dimensions: Dimensions,
        /// Additive measures.
        pub measures: Measures,
        /// By threshold pack, in the order of names.
        pub packs: Vec<PackTime>,
        /// Sketches.
        pub sketches: Sketches,
    }
}
