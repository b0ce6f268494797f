//! Types of stats objects.

use crate::counters::StatsType;

/// The types (RTCStatsType) that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::formats) enum Type {
    /// No type, or one that W3C does not name.
    #[default]
    Other,
    /// A W3C type without values that are read.
    Unread,
    /// A type of the callback-based getStats() that Chrome had until 2023.
    Legacy,
    /// An RTP stream whose direction follows from its counters.
    Stream,
    /// `track`: values that are now members of the RTP stream.
    Track,
    /// An RTP stream or a candidate pair, which have counters.
    Counting(StatsType),
    /// `codec`
    Codec,
    /// `transport`
    Transport,
    /// `local-candidate`, `remote-candidate`
    Candidate,
    /// `media-source`: the camera, screen or microphone that senders encode.
    Source,
}

impl Type {
    /// Returns the type of this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "inbound-rtp" => Self::Counting(StatsType::Inbound),
            "outbound-rtp" => Self::Counting(StatsType::Outbound),
            "remote-inbound-rtp" => Self::Counting(StatsType::RemoteInbound),
            "remote-outbound-rtp" => Self::Counting(StatsType::RemoteOutbound),
            "candidate-pair" => Self::Counting(StatsType::Pair),
            "codec" => Self::Codec,
            "transport" => Self::Transport,
            "local-candidate" | "remote-candidate" => Self::Candidate,
            "track" => Self::Track,
            "media-source" => Self::Source,
            "certificate" | "data-channel" | "media-playout" | "peer-connection" => Self::Unread,
            "ssrc" | "VideoBwe" => Self::Legacy,
            name if name.starts_with("goog") => Self::Legacy,
            name => Self::written_otherwise(name),
        }
    }

    /// Returns a type by its name in SDKs and early browsers: without dashes, with capitals or
    /// underscores.
    fn written_otherwise(name: &str) -> Self {
        /// Maximum bytes of the name of a type.
        const LONGEST: usize = 24;
        if name.len() > LONGEST {
            return Self::Other;
        }
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        match &*letters.map(|letter| letter.to_ascii_lowercase()).collect::<String>() {
            "inboundrtp" => Self::Counting(StatsType::Inbound),
            "outboundrtp" => Self::Counting(StatsType::Outbound),
            "remoteinboundrtp" => Self::Counting(StatsType::RemoteInbound),
            "remoteoutboundrtp" => Self::Counting(StatsType::RemoteOutbound),
            "candidatepair" => Self::Counting(StatsType::Pair),
            "codec" => Self::Codec,
            "transport" => Self::Transport,
            "localcandidate" | "remotecandidate" => Self::Candidate,
            "track" => Self::Track,
            "mediasource" => Self::Source,
            "certificate" | "csrc" | "datachannel" | "iceserver" | "mediaplayout"
            | "peerconnection" | "receiver" | "sctptransport" | "sender" | "stream"
            | "transceiver" => Self::Unread,
            _ => Self::Other,
        }
    }

    /// Returns whether objects of this type are not read.
    pub(super) const fn is_skipped(self) -> bool {
        matches!(self, Self::Other | Self::Unread)
    }
}
