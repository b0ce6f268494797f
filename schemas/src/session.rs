//! `rtc-sessions-v1`: partials of sessions.

use crate::cell::PackTime;
use crate::datum::records;
use crate::enriched::{Device, Place, PlaceSource, Provider};
use crate::measures::{Measures, StreamPartial};
use serde::{Deserialize, Serialize};

records! {
    /// Contribution of one block to one session.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct SessionPartial {
        /// Epoch of the topics.
        pub epoch: i32,
        /// Partition.
        pub partition: i32,
        /// Offset at which the block starts in rtc-enriched-v1.
        pub block_start: i64,
        /// The next offset after the last record folded in: the row's version.
        pub upto: i64,
        /// Application.
        pub app: String,
        /// Call.
        pub call: String,
        /// Participant.
        pub participant: String,
        /// Event time of the first event, us.
        pub first_us: i64,
        /// Event time of the last event, us.
        pub last_us: i64,
        /// Raw offset of the event at last_us: breaks ties for the values below.
        pub last_raw_offset: i64,
        /// Place at the last event.
        pub place: Place,
        /// Where place and provider come from, at the last event.
        pub place_source: PlaceSource,
        /// Provider at the last event.
        pub provider: Provider,
        /// Device at the last event.
        pub device: Device,
        /// Truncated network at the last event.
        pub network: String,
        /// Event time of the last event with a candidate pair, us; the least integer if there is none.
        pub path_us: i64,
        /// Raw offset of that event: breaks ties.
        pub path_raw_offset: i64,
        /// Network type at that event.
        pub network_type: String,
        /// Transport at that event.
        pub transport: String,
        /// Edge at the last event.
        pub edge: String,
        /// Client version at the last event.
        pub client_version: String,
        /// joined events.
        pub joined: i64,
        /// connected events.
        pub connected: i64,
        /// failed events.
        pub failed: i64,
        /// left events.
        pub left: i64,
        /// disconnected events.
        pub disconnected: i64,
        /// reconnected events.
        pub reconnected: i64,
        /// device_failed events.
        pub device_failed: i64,
        /// Sum of changes of the selected candidate pair.
        pub selected_pair_changes: i64,
        /// Sum of times to connect, ms.
        pub time_to_connect_ms_sum: i64,
        /// Times to connect.
        pub time_to_connect_count: i64,
        /// Sum of ratings.
        pub rating_sum: i64,
        /// Ratings.
        pub rating_count: i64,
        /// Sum of times to media, ms.
        pub time_to_media_ms_sum: i64,
        /// Times to media.
        pub time_to_media_count: i64,
        /// Sum of round trips, us.
        pub round_trip_us: i64,
        /// Round trips measured.
        pub round_trip_count: i64,
        /// Sum of audio MOS, thousandths.
        pub audio_mos_milli_sum: i64,
        /// Intervals with an audio MOS.
        pub audio_mos_count: i64,
        /// Sum of video MOS, thousandths.
        pub video_mos_milli_sum: i64,
        /// Intervals with a video MOS.
        pub video_mos_count: i64,
        /// Additive measures over all streams.
        pub measures: Measures,
        /// By threshold pack, in the order of names.
        pub packs: Vec<PackTime>,
        /// Streams, the first of the block.
        pub streams: Vec<StreamPartial>,
        /// Intervals of further streams.
        pub streams_beyond: i64,
    }
}
