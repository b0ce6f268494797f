//! `rtc-enriched-v1`: the report with place, provider, device and scores, and no address.

use crate::UNKNOWN;
use crate::datum::{records, symbols};
use crate::report::Correction;
use crate::report::EventKind;
use crate::report::Happened;
use crate::report::Interval;
use crate::report::Kind;
use crate::report::Lineage;
use crate::report::Path;
use serde::{Deserialize, Serialize};

records! {
    /// Location of the client. What is not known has the value `unknown`.
    #[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Place {
        /// Two-letter continent code, or unknown.
        pub continent: String,
        /// ISO 3166-1 alpha-2, or unknown.
        pub country: String,
        /// ISO 3166-2 code or name of the subdivision, as in the look-up data, or unknown.
        pub subdivision: String,
        /// City, or unknown.
        pub city: String,
    }
}

/// Where place and provider come from.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PlaceSource {
    #[default]
    /// `unknown`
    Unknown,
    /// `address`
    Address,
    /// `claimed`
    Claimed,
}

records! {
    /// Provider that carries the client's traffic.
    #[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Provider {
        /// Autonomous system number, 0 if unknown.
        pub asn: i64,
        /// Organisation, or unknown.
        pub organisation: String,
        /// Kind of access as named by Connection-Type data (Cable/DSL, Cellular, …), or unknown.
        pub connection_type: String,
    }

    /// Device and browser according to the user agent.
    #[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Device {
        /// desktop, mobile, tablet, tv, headset or unknown.
        pub class: String,
        /// Operating system's family.
        pub os: String,
        /// Browser's family.
        pub browser: String,
        /// Browser's major version.
        pub browser_version: String,
    }

    /// Versions of the look-up data that a record was made with.
    #[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct LookUps {
        /// City data.
        pub city: String,
        /// ASN data.
        pub asn: String,
        /// User agent rules.
        pub user_agent: String,
        /// Threshold packs, name@version each; the first is the primary one.
        pub packs: Vec<String>,
        /// Score parameters, name@version.
        pub score: String,
    }
}

/// A threshold pack's classification.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    #[default]
    /// `unclassified`
    Unclassified,
    /// `good`
    Good,
    /// `poor`
    Poor,
}

records! {
    /// Verdict of one threshold pack.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct PackVerdict {
        /// The classification.
        pub verdict: Verdict,
        /// The rule, band or class that decided.
        pub reason: Option<String>,
    }

    /// A path with its network type and transport.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct EnrichedPath {
        /// The selected candidate pair.
        pub path: Path,
        /// wifi, cellular, ethernet, … or unknown.
        pub network_type: String,
        /// udp, tcp, relay-udp, relay-tcp, relay-tls, relay-unknown or unknown.
        pub transport: String,
    }

    /// An interval with its scores.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct ScoredInterval {
        /// The interval.
        pub interval: Interval,
        /// Estimated audio MOS (E-model, ITU-T G.107), thousandths, 1000 to 4500.
        pub audio_mos_milli: Option<i32>,
        /// Estimated video MOS, thousandths, 1000 to 5000.
        pub video_mos_milli: Option<i32>,
        /// Verdicts by pack, in the order of the report's look_ups.packs.
        pub verdicts: Vec<PackVerdict>,
    }

    /// A report with place, provider, device and scores, and no address.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct EnrichedReport {
        /// Raw offsets.
        pub lineage: Lineage,
        /// Kind of the raw event.
        pub event: EventKind,
        /// Application.
        pub app: String,
        /// Call.
        pub call: String,
        /// Participant; app, call and participant are the session.
        pub participant: String,
        /// The client's name for its RTCPeerConnection.
        pub peer_connection: String,
        /// Event time, us since the Unix epoch.
        pub event_us: i64,
        /// The client's network, truncated to /24 or /48; empty if unknown.
        pub network: String,
        /// Place.
        pub place: Place,
        /// Where place and provider come from.
        pub place_source: PlaceSource,
        /// Provider.
        pub provider: Provider,
        /// Device.
        pub device: Device,
        /// That of the first path, or unknown.
        pub network_type: String,
        /// That of the first path, or unknown.
        pub transport: String,
        /// Serving edge, or unknown.
        pub edge: String,
        /// Release of the client, or unknown.
        pub client_version: String,
        /// The selected candidate pair of each transport.
        pub paths: Vec<EnrichedPath>,
        /// connected: ms from joining to ICE connected.
        pub time_to_connect_ms: Option<i64>,
        /// connected: ms from joining to the first media.
        pub time_to_media_ms: Option<i64>,
        /// failed, device_failed: the client's reason.
        pub failure_reason: Option<String>,
        /// device_failed: audio for a microphone, video for a camera.
        pub failed_device: Option<Kind>,
        /// feedback: 1 (bad) to 5 (excellent), ITU-T P.800.
        pub rating: Option<i32>,
        /// Versions of the look-up data.
        pub look_ups: LookUps,
        /// Intervals with scores.
        pub intervals: Vec<ScoredInterval>,
        /// Further events of the same raw record.
        pub more_events: Vec<Happened>,
        /// Corrections of events, in this record or an earlier one, that were wrongly counted as
        /// separate attempts.
        pub corrections: Vec<Correction>,
    }
}

impl EnrichedPath {
    /// Returns the path of a stream whose transport is unknown.
    #[must_use]
    pub fn unknown() -> Self {
        let (network_type, transport) = (UNKNOWN.to_owned(), UNKNOWN.to_owned());
        Self { path: Path::default(), network_type, transport }
    }
}

impl EnrichedReport {
    /// Returns the path of an interval's transport, if the report has it.
    #[must_use]
    pub fn path_of(&self, interval: &Interval) -> Option<&EnrichedPath> {
        self.paths.get(usize::try_from(interval.path?).ok()?)
    }
}

symbols! {
    PlaceSource { Unknown, Address, Claimed }
    Verdict { Unclassified, Good, Poor }
}

/// Implements `Clone` so that [`Clone::clone_from`] reuses the memory of the replaced value, as it
/// does for the fields. A derived `Clone` does not.
macro_rules! clones {
    ($($record:ident { $($field:ident),* })*) => { $(
        impl Clone for $record {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone()),* }
            }

            fn clone_from(&mut self, source: &Self) {
                let Self { $($field),* } = self;
                $($field.clone_from(&source.$field);)*
            }
        }
    )* };
}

clones! {
    Place { continent, country, subdivision, city }
    Provider { asn, organisation, connection_type }
    Device { class, os, browser, browser_version }
    LookUps { city, asn, user_agent, packs, score }
}
