//! `rtc-hours-v1`: partials of sessions by hour.

use crate::cell::PackTime;
use crate::datum::records;
use crate::enriched::{Device, Place, Provider};
use crate::measures::Measures;
use crate::report::{Direction, Kind};
use serde::{Deserialize, Serialize};

records! {
    /// Sums of one kind and direction of a session in an hour.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct HourStream {
        /// Media kind.
        pub kind: Kind,
        /// Seen from the client.
        pub direction: Direction,
        /// Additive measures.
        pub measures: Measures,
        /// By threshold pack, in the order of names.
        pub packs: Vec<PackTime>,
    }

    /// Contribution of one block to one session in one hour, under one value of each dimension.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct HourPartial {
        /// Epoch of the topics.
        pub epoch: i32,
        /// Partition.
        pub partition: i32,
        /// Offset at which the block starts in rtc-enriched-v1.
        pub block_start: i64,
        /// The next offset after the last record folded in: the row's version.
        pub upto: i64,
        /// Start of the hour, s since the Unix epoch.
        pub hour: i64,
        /// Application.
        pub app: String,
        /// Call.
        pub call: String,
        /// Participant.
        pub participant: String,
        /// Place.
        pub place: Place,
        /// Provider.
        pub provider: Provider,
        /// Device.
        pub device: Device,
        /// Network type.
        pub network_type: String,
        /// Transport.
        pub transport: String,
        /// Edge.
        pub edge: String,
        /// Client version.
        pub client_version: String,
        /// Sums by kind and direction, in the order in which they came up.
        pub streams: Vec<HourStream>,
    }
}
