//! `rtc-cells-v1`: partials of cells.

use crate::datum::records;
use crate::measures::{Measures, Sketches};
use crate::report::{Direction, Kind};
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
        /// Browser's major version.
        pub browser_version: String,
        /// Client version.
        pub client_version: String,
        /// Media kind.
        pub kind: Kind,
        /// Direction.
        pub direction: Direction,
    }

    /// Observed time by verdict of one threshold pack.
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

    /// Contribution of one block to one cell.
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
