//! `rtc-reports-v1`: the canonical record that ingest writes.

use crate::datum::{records, symbols};
use serde::{Deserialize, Serialize};

/// Outcome of a raw record that was not simply accepted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RawOutcome {
    #[default]
    /// `duplicate`
    Duplicate,
    /// `invalid`
    Invalid,
    /// `late`
    Late,
    /// `absent`
    Absent,
    /// `unverified`
    Unverified,
}

records! {
    /// A run of raw offsets in raw_from..raw_to that were not accepted, or accepted unverified.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Skipped {
        /// First raw offset of the run.
        pub from: i64,
        /// Length of the run.
        pub count: i64,
        /// Outcome of all records of the run. absent: the log has no record at these offsets
        /// (transaction markers). unverified: accepted, but so late that an earlier copy would no
        /// longer be known.
        pub outcome: RawOutcome,
    }

    /// The raw offsets that a record accounts for.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Lineage {
        /// Partition of the raw topic.
        pub raw_partition: i32,
        /// First raw offset accounted for: raw_to of the previous record + 1.
        pub raw_from: i64,
        /// The record's own raw offset, the last one accounted for.
        pub raw_to: i64,
        /// Broker's append time of raw_to, ms since the Unix epoch.
        pub raw_append_ms: i64,
        /// Runs of records that were not accepted, or accepted unverified, in ascending order.
        pub skipped: Vec<Skipped>,
    }
}

/// Kind of an event. cover: the record contains only lineage.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    #[default]
    /// `cover`
    Cover,
    /// `joined`
    Joined,
    /// `connected`
    Connected,
    /// `stats`
    Stats,
    /// `disconnected`
    Disconnected,
    /// `reconnected`
    Reconnected,
    /// `device_failed`
    DeviceFailed,
    /// `left`
    Left,
    /// `failed`
    Failed,
    /// `feedback`
    Feedback,
}

records! {
    /// Place as claimed by the client's side. It is used if the address gives no place.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Claim {
        /// Two-letter continent code.
        pub continent: Option<String>,
        /// ISO 3166-1 alpha-2.
        pub country: Option<String>,
        /// ISO 3166-2 code or name.
        pub subdivision: Option<String>,
        /// City.
        pub city: Option<String>,
        /// Autonomous system number.
        pub asn: Option<i64>,
        /// Organisation.
        pub organisation: Option<String>,
    }

    /// The selected ICE candidate pair of a transport (RTCIceCandidatePairStats and its candidates).
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Path {
        /// candidateType of the local candidate: host, srflx, prflx, relay.
        pub local_candidate_type: Option<String>,
        /// candidateType of the remote candidate.
        pub remote_candidate_type: Option<String>,
        /// protocol of the local candidate: udp or tcp.
        pub protocol: Option<String>,
        /// relayProtocol of the local candidate, or the protocol to the relay according to the
        /// candidate's url: udp, tcp or tls.
        pub relay_protocol: Option<String>,
        /// networkType of the local candidate: wifi, cellular, ethernet, ….
        pub network_type: Option<String>,
        /// Difference of totalRoundTripTime (ICE), us. The round trip ends at the SFU.
        pub ice_round_trip_us: Option<i64>,
        /// Difference of responsesReceived.
        pub ice_round_trip_count: Option<i64>,
        /// currentRoundTripTime, us, if the totals above are missing.
        pub ice_round_trip_gauge_us: Option<i64>,
        /// availableOutgoingBitrate, bit/s.
        pub available_outgoing_bitrate: Option<i64>,
        /// iceState of the transport (RTCTransportStats).
        pub ice_state: Option<String>,
        /// dtlsState of the transport.
        pub dtls_state: Option<String>,
        /// Difference of selectedCandidatePairChanges.
        pub selected_pair_changes: Option<i64>,
    }
}

/// Media kind.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `none`
    None,
}

/// Seen from the client.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    #[default]
    /// `inbound`
    Inbound,
    /// `outbound`
    Outbound,
    /// `none`
    None,
}

records! {
    /// Quantities of received streams (RTCInboundRtpStreamStats).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Inbound {
        /// Difference of packetsDiscarded.
        pub packets_discarded: Option<i64>,
        /// Difference of fecPacketsReceived.
        pub fec_packets: Option<i64>,
        /// Difference of fecPacketsDiscarded.
        pub fec_packets_discarded: Option<i64>,
        /// Difference of jitterBufferDelay, us (summed over emitted samples or frames).
        pub jitter_buffer_us: Option<i64>,
        /// Difference of jitterBufferEmittedCount.
        pub jitter_buffer_emitted: Option<i64>,
    }

    /// Quantities of audio.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Audio {
        /// Difference of totalSamplesReceived.
        pub total_samples: Option<i64>,
        /// Difference of concealedSamples - silentConcealedSamples, signed.
        pub concealed_samples: Option<i64>,
        /// Difference of concealmentEvents.
        pub concealment_events: Option<i64>,
        /// audioLevel at the interval's end, millionths of full scale (outbound: the media source's).
        pub audio_level_micro: Option<i64>,
        /// Difference of totalAudioEnergy, millionths of a second at full scale (outbound: the media
        /// source's).
        pub audio_energy_micro: Option<i64>,
    }

    /// Quantities of video.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Video {
        /// Difference of framesDecoded or framesEncoded.
        pub frames: Option<i64>,
        /// Outbound: difference of frames of the media source (RTCVideoSourceStats).
        pub source_frames: Option<i64>,
        /// Outbound: framesPerSecond of the media source at the interval's end, millionths.
        pub source_frame_rate_micro: Option<i64>,
        /// Difference of framesDropped.
        pub frames_dropped: Option<i64>,
        /// Difference of keyFramesDecoded or keyFramesEncoded.
        pub key_frames: Option<i64>,
        /// Difference of qpSum.
        pub qp_sum: Option<i64>,
        /// Difference of pliCount.
        pub pli: Option<i64>,
        /// Difference of firCount.
        pub fir: Option<i64>,
        /// frameWidth at the interval's end, pixels.
        pub frame_width: Option<i64>,
        /// frameHeight at the interval's end, pixels.
        pub frame_height: Option<i64>,
        /// Difference of freezeCount.
        pub freeze_count: Option<i64>,
        /// Difference of totalFreezesDuration, us.
        pub freeze_us: Option<i64>,
        /// Difference of pauseCount.
        pub pause_count: Option<i64>,
        /// Difference of totalPausesDuration, us.
        pub pause_us: Option<i64>,
        /// True if contentType is screenshare.
        pub screen_share: Option<bool>,
    }

    /// Times for which the quality of sent video was limited (RTCOutboundRtpStreamStats).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Limitation {
        /// Difference of qualityLimitationDurations.cpu, us.
        pub cpu_us: Option<i64>,
        /// Difference of qualityLimitationDurations.bandwidth, us.
        pub bandwidth_us: Option<i64>,
        /// Difference of qualityLimitationDurations.other, us.
        pub other_us: Option<i64>,
        /// Difference of qualityLimitationResolutionChanges.
        pub resolution_changes: Option<i64>,
    }

    /// Differences between two snapshots of one RTP stream. A field that is not reported is missing, never 0.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Interval {
        /// Media kind.
        pub kind: Kind,
        /// Seen from the client.
        pub direction: Direction,
        /// RTP synchronisation source, 0 if not reported.
        pub ssrc: i64,
        /// id of the RTP stream's stats object.
        pub stats_id: String,
        /// mimeType of the codec.
        pub codec: Option<String>,
        /// Position of the path of its transport in the report's paths.
        pub path: Option<i32>,
        /// Event time of the earlier snapshot, us since the Unix epoch.
        pub start_us: i64,
        /// Event time of the later snapshot, us since the Unix epoch.
        pub end_us: i64,
        /// Packets of the stream since its start, at the interval's end: packetsReceived +
        /// packetsLost, or packetsSent.
        pub stream_packets: Option<i64>,
        /// Difference of packetsReceived (outbound: the remote end's).
        pub packets_received: Option<i64>,
        /// Difference of packetsLost, signed (outbound: the remote end's).
        pub packets_lost: Option<i64>,
        /// Difference of packetsSent.
        pub packets_sent: Option<i64>,
        /// Difference of bytesReceived or bytesSent.
        pub bytes: Option<i64>,
        /// Difference of retransmittedPacketsReceived or retransmittedPacketsSent.
        pub retransmitted_packets: Option<i64>,
        /// Difference of nackCount.
        pub nack: Option<i64>,
        /// Difference of totalRoundTripTime (RTCP), us.
        pub round_trip_us: Option<i64>,
        /// Difference of roundTripTimeMeasurements.
        pub round_trip_count: Option<i64>,
        /// roundTripTime at the interval's end, us, if the totals above are missing.
        pub round_trip_gauge_us: Option<i64>,
        /// jitter at the interval's end, us (outbound: the remote end's).
        pub jitter_us: Option<i64>,
        /// Further quantities of a received stream.
        pub inbound: Option<Inbound>,
        /// Further quantities of an audio stream.
        pub audio: Option<Audio>,
        /// Further quantities of a video stream.
        pub video: Option<Video>,
        /// Further quantities of a sent video stream.
        pub limitation: Option<Limitation>,
    }

    /// An event with its time.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Happened {
        /// Kind.
        pub event: EventKind,
        /// Time of the event, us since the Unix epoch.
        pub event_us: i64,
    }

    /// Correction of the numbers of attempts to set up a call. Every connected or failed event of a
    /// peer connection is first counted as an attempt, but attempts are counted per participant.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Correction {
        /// Event time of the event that was counted, us since the Unix epoch.
        pub at_us: i64,
        /// Number to add to the attempts: -1.
        pub attempted: i64,
        /// Number to add to the failed attempts: -1 or 0.
        pub failed: i64,
    }

    /// The canonical record: one session's intervals from one raw event.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Report {
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
        /// Event time, us since the Unix epoch: the client's clock corrected by received_at - sent_at.
        pub event_us: i64,
        /// The client's IP address. Enrich removes it.
        pub client_address: Option<String>,
        /// Place and provider as claimed by the client's side.
        pub claim: Option<Claim>,
        /// Serving edge.
        pub edge: Option<String>,
        /// Release of the client.
        pub client_version: Option<String>,
        /// User agent.
        pub user_agent: Option<String>,
        /// The selected candidate pair of each transport, if the event reports it.
        pub paths: Vec<Path>,
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
        /// Intervals that end at this event.
        pub intervals: Vec<Interval>,
        /// Further events of the same raw record.
        pub more_events: Vec<Happened>,
        /// Corrections of events, in this record or an earlier one, that were wrongly counted as
        /// separate attempts.
        #[serde(default)]
        pub corrections: Vec<Correction>,
    }
}

symbols! {
    RawOutcome { Duplicate, Invalid, Late, Absent, Unverified }
    EventKind { Cover, Joined, Connected, Stats, Disconnected, Reconnected, DeviceFailed, Left, Failed, Feedback }
    Kind { Audio, Video, None }
    Direction { Inbound, Outbound, None }
}

impl Interval {
    /// Returns the packets expected in an interval with known loss: packets received without
    /// retransmissions, plus packets lost (W3C webrtc-stats, packetsReceived: "this includes
    /// retransmissions"). None if the loss is unknown or no packet was expected.
    #[must_use]
    pub fn expected_packets(&self) -> Option<i64> {
        self.packets_lost.and(self.counted_packets()).filter(|expected| *expected > 0)
    }

    /// Returns the denominator for sums of lost packets. On a sent stream, the remote end counts packets of
    /// the media SSRC, without retransmissions. If no receiver report arrived in the interval, its packets
    /// count nevertheless, because the loss in the next report includes them. The number is signed like
    /// packetsLost, because packets that were counted as lost may still arrive. None if packets received or,
    /// on a received stream, packets lost are not reported.
    #[must_use]
    pub fn counted_packets(&self) -> Option<i64> {
        let (received, lost) = (self.packets_received?, self.packets_lost);
        let (again, lost) = match self.direction {
            Direction::Outbound => (0, lost.unwrap_or(0)),
            Direction::Inbound | Direction::None => {
                (self.retransmitted_packets.unwrap_or(0), lost?)
            }
        };
        Some(received.saturating_sub(again).saturating_add(lost))
    }
}
