//! ClientSamples in protobuf by ObserveRTC's schema 3; [`flat`] has those of schema 2. They are
//! converted to JSON with the member names of the JSON form.
//!
//! <https://github.com/ObserveRTC/schemas/blob/main/npm-samples-encoder/src/OutputSamples.ts>

#![allow(non_snake_case, reason = "members are named as in JSON")]

use prost::{DecodeError, Message};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::document::{Members, text};

/// Conversion of an encoded message to its JSON members.
pub(crate) trait ToMembers {
    /// Decodes the members. Unknown members are ignored.
    ///
    /// # Errors
    /// When the bytes are not exactly one such message.
    fn decode_members(bytes: &[u8]) -> Result<Members, DecodeError>;
}

macro_rules! scalar {
    (string) => {
        String
    };
    (double) => {
        f64
    };
    (int32) => {
        i32
    };
    (int64) => {
        i64
    };
    (bool) => {
        bool
    };
}

/// Defines messages whose members are scalars, ids (text or the bytes of a UUID), other messages,
/// and enumerations (numbers for names).
macro_rules! messages {
    ($($name:ident {
        $($field:ident: $kind:tt = $tag:tt,)*
        $(; $($id:ident = $id_tag:tt,)* $(; $($part:ident: $of:ty = $part_tag:tt,)*
        $(; $($number:ident: $names:literal = $number_tag:tt,)*)?)?)?
    })*) => {$(
        #[derive(Clone, PartialEq, Message, Serialize)]
        pub(crate) struct $name {
            $(
                #[prost($kind, optional, tag = $tag)]
                #[serde(skip_serializing_if = "Option::is_none")]
                $field: Option<scalar!($kind)>,
            )*
            $($(
                #[prost(bytes, optional, tag = $id_tag)]
                #[serde(skip_serializing_if = "Option::is_none", serialize_with = "id")]
                $id: Option<Vec<u8>>,
            )*
            $($(
                #[prost(message, optional, tag = $part_tag)]
                #[serde(skip_serializing_if = "Option::is_none")]
                $part: Option<$of>,
            )*
            $($(
                #[prost(int32, optional, tag = $number_tag)]
                #[serde(skip_serializing_if = "Option::is_none", serialize_with = $names)]
                $number: Option<i32>,
            )*)?)?)?
        }

        impl ToMembers for $name {
            fn decode_members(bytes: &[u8]) -> Result<Members, DecodeError> {
                Self::decode(bytes).map(|message| members(&message))
            }
        }
    )*};
}

/// Defines messages in lists. Each is kept as bytes until it is converted: an empty message takes
/// two bytes encoded, and a thousand decoded.
macro_rules! lists {
    ($($name:ident around $around:ident { $($field:ident: $of:ty = $tag:tt,)* })*) => {$(
        #[derive(Clone, PartialEq, Message)]
        pub(crate) struct $name {
            $(
                #[prost(bytes, repeated, tag = $tag)]
                $field: Vec<Vec<u8>>,
            )*
        }

        impl ToMembers for $name {
            fn decode_members(bytes: &[u8]) -> Result<Members, DecodeError> {
                let mut members = $around::decode_members(bytes)?;
                let lists = Self::decode(bytes)?;
                $(
                    if !lists.$field.is_empty() {
                        let list = lists.$field.iter();
                        let list = list.map(|message| <$of>::decode_members(message));
                        let list = to_raw_value(&list.collect::<Result<Vec<_>, _>>()?);
                        members.extend(list.ok().map(|list| (stringify!($field).to_owned(), list)));
                    }
                )*
                Ok(members)
            }
        }
    )*};
}

// The usual path, stated because fuzz targets include this file by its path.
pub(crate) mod flat;

lists! {
    ClientSample around AroundSample {
        clientEvents: Moment = 1,
        clientIssues: Moment = 2,
        clientMetaItems: MetaItem = 3,
        extensionStats: Extension = 4,
        peerConnections: PeerConnection = 5,
    }
    PeerConnection around AroundConnection {
        certificates: Certificate = 1,
        codecs: Codec = 2,
        dataChannels: DataChannel = 3,
        iceCandidatePairs: IceCandidatePair = 4,
        iceCandidates: IceCandidate = 5,
        iceTransports: IceTransport = 6,
        inboundRtps: InboundRtp = 7,
        inboundTracks: Track = 8,
        mediaPlayouts: MediaPlayout = 9,
        mediaSources: MediaSource = 10,
        outboundRtps: OutboundRtp = 11,
        outboundTracks: Track = 12,
        peerConnectionTransports: PeerConnectionTransport = 13,
        remoteInboundRtps: RemoteInboundRtp = 14,
        remoteOutboundRtps: RemoteOutboundRtp = 15,
    }
}

messages! {
    AroundSample {
        timestamp: double = 6, attachments: string = 7, score: double = 10,
        scoreReasons: string = 11,
        ; callId = 8, clientId = 9,
    }
    AroundConnection {
        attachments: string = 17, score: double = 18, scoreReasons: string = 19,
        ; peerConnectionId = 16,
    }
    Track {
        id: string = 1, kind: string = 2, timestamp: double = 3, attachments: string = 4,
        score: double = 5, scoreReasons: string = 6,
    }
    Codec {
        id: string = 1, mimeType: string = 2, timestamp: double = 3, attachments: string = 4,
        channels: int32 = 5, clockRate: int32 = 6, payloadType: int32 = 7, sdpFmtpLine: string = 8,
        transportId: string = 9,
    }
    InboundRtp {
        id: string = 1, kind: string = 2, ssrc: int64 = 3, timestamp: double = 4,
        attachments: string = 6, audioLevel: double = 7, bytesReceived: int64 = 8,
        codecId: string = 9, concealedSamples: int32 = 10, concealmentEvents: int32 = 11,
        corruptionMeasurements: int32 = 12, decoderImplementation: string = 13,
        estimatedPlayoutTimestamp: double = 14, fecBytesReceived: int64 = 15,
        fecPacketsDiscarded: int32 = 16, fecPacketsReceived: int32 = 17, fecSsrc: int64 = 18,
        firCount: int32 = 19, frameHeight: int32 = 20, frameWidth: int32 = 21,
        framesAssembledFromMultiplePackets: int32 = 22, framesDecoded: int32 = 23,
        framesDropped: int32 = 24, framesPerSecond: double = 25, framesReceived: int32 = 26,
        framesRendered: int32 = 27, freezeCount: int32 = 28, headerBytesReceived: int64 = 29,
        insertedSamplesForDeceleration: int32 = 30, jitter: double = 31,
        jitterBufferDelay: double = 32, jitterBufferEmittedCount: int32 = 33,
        jitterBufferMinimumDelay: double = 34, jitterBufferTargetDelay: double = 35,
        keyFramesDecoded: int32 = 36, lastPacketReceivedTimestamp: double = 37, mid: string = 38,
        nackCount: int32 = 39, packetsDiscarded: int32 = 40, packetsLost: int32 = 41,
        packetsReceived: int32 = 42, pauseCount: int32 = 43, playoutId: string = 44,
        pliCount: int32 = 45, powerEfficientDecoder: bool = 46, qpSum: double = 47,
        remoteId: string = 48, removedSamplesForAcceleration: int32 = 49,
        retransmittedBytesReceived: int64 = 50, retransmittedPacketsReceived: int32 = 51,
        rtxSsrc: int64 = 52, silentConcealedSamples: int32 = 53, totalAssemblyTime: double = 54,
        totalAudioEnergy: double = 55, totalCorruptionProbability: double = 56,
        totalDecodeTime: double = 57, totalFreezesDuration: double = 58,
        totalInterFrameDelay: double = 59, totalPausesDuration: double = 60,
        totalProcessingDelay: double = 61, totalSamplesDuration: double = 62,
        totalSamplesReceived: int32 = 63, totalSquaredCorruptionProbability: double = 64,
        totalSquaredInterFrameDelay: double = 65, transportId: string = 66,
        ; trackIdentifier = 5,
    }
    RemoteInboundRtp {
        id: string = 1, kind: string = 2, ssrc: int64 = 3, timestamp: double = 4,
        attachments: string = 5, codecId: string = 6, fractionLost: double = 7, jitter: double = 8,
        localId: string = 9, packetsLost: int32 = 10, packetsReceived: int32 = 11,
        roundTripTime: double = 12, roundTripTimeMeasurements: int32 = 13,
        totalRoundTripTime: double = 14, transportId: string = 15,
    }
    OutboundRtp {
        id: string = 1, kind: string = 2, ssrc: int64 = 3, timestamp: double = 4, active: bool = 5,
        attachments: string = 6, bytesSent: int64 = 7, codecId: string = 8,
        encoderImplementation: string = 9, firCount: int32 = 10, frameHeight: int32 = 11,
        frameWidth: int32 = 12, framesEncoded: int32 = 13, framesPerSecond: double = 14,
        framesSent: int32 = 15, headerBytesSent: int64 = 16, hugeFramesSent: int32 = 17,
        keyFramesEncoded: int32 = 18, mediaSourceId: string = 19, mid: string = 20,
        nackCount: int32 = 21, packetsSent: int32 = 22, pliCount: int32 = 23,
        powerEfficientEncoder: bool = 24, qpSum: double = 25, qualityLimitationReason: string = 27,
        qualityLimitationResolutionChanges: int32 = 28, remoteId: string = 29,
        retransmittedBytesSent: int64 = 30, retransmittedPacketsSent: int32 = 31, rid: string = 32,
        rtxSsrc: int64 = 33, scalabilityMode: string = 34, targetBitrate: double = 35,
        totalEncodeTime: double = 36, totalEncodedBytesTarget: int64 = 37,
        totalPacketSendDelay: double = 38, transportId: string = 39,
        ; ; qualityLimitationDurations: QualityLimitationDurations = 26,
    }
    QualityLimitationDurations {
        bandwidth: double = 1, cpu: double = 2, none: double = 3, other: double = 4,
    }
    RemoteOutboundRtp {
        id: string = 1, kind: string = 2, ssrc: int64 = 3, timestamp: double = 4,
        attachments: string = 5, bytesSent: int64 = 6, codecId: string = 7, localId: string = 8,
        packetsSent: int32 = 9, remoteTimestamp: double = 10, reportsSent: int32 = 11,
        roundTripTime: double = 12, roundTripTimeMeasurements: int32 = 13,
        totalRoundTripTime: double = 14, transportId: string = 15,
    }
    MediaSource {
        id: string = 1, kind: string = 2, timestamp: double = 3, attachments: string = 4,
        audioLevel: double = 5, echoReturnLoss: double = 6, echoReturnLossEnhancement: double = 7,
        frames: int32 = 8, framesPerSecond: double = 9, height: int32 = 10,
        totalAudioEnergy: double = 11, totalSamplesDuration: double = 12, width: int32 = 14,
        ; trackIdentifier = 13,
    }
    MediaPlayout {
        id: string = 1, kind: string = 2, timestamp: double = 3, attachments: string = 4,
        synthesizedSamplesDuration: double = 5, synthesizedSamplesEvents: int32 = 6,
        totalPlayoutDelay: double = 7, totalSamplesCount: int32 = 8,
        totalSamplesDuration: double = 9,
    }
    PeerConnectionTransport {
        id: string = 1, timestamp: double = 2, attachments: string = 3,
        dataChannelsClosed: int32 = 4, dataChannelsOpened: int32 = 5,
    }
    DataChannel {
        id: string = 1, timestamp: double = 2, attachments: string = 3, bytesReceived: int64 = 4,
        bytesSent: int64 = 5, dataChannelIdentifier: int32 = 6, label: string = 7,
        messagesReceived: int32 = 8, messagesSent: int32 = 9, protocol: string = 10,
        state: string = 11,
    }
    IceTransport {
        id: string = 1, timestamp: double = 2, attachments: string = 3, bytesReceived: int64 = 4,
        bytesSent: int64 = 5, dtlsCipher: string = 6, dtlsRole: string = 7, dtlsState: string = 8,
        iceLocalUsernameFragment: string = 9, iceRole: string = 10, iceState: string = 11,
        localCertificateId: string = 12, packetsReceived: int32 = 13, packetsSent: int32 = 14,
        remoteCertificateId: string = 15, selectedCandidatePairChanges: int32 = 16,
        selectedCandidatePairId: string = 17, srtpCipher: string = 18, tlsVersion: string = 19,
    }
    IceCandidate {
        id: string = 1, timestamp: double = 2, address: string = 3, attachments: string = 4,
        candidateType: string = 5, foundation: string = 6, port: int32 = 7, priority: int64 = 8,
        protocol: string = 9, relatedAddress: string = 10, relatedPort: int32 = 11,
        relayProtocol: string = 12, tcpType: string = 13, transportId: string = 14,
        url: string = 15, usernameFragment: string = 16,
    }
    IceCandidatePair {
        id: string = 1, timestamp: double = 2, attachments: string = 3,
        availableIncomingBitrate: double = 4, availableOutgoingBitrate: double = 5,
        bytesDiscardedOnSend: int64 = 6, bytesReceived: int64 = 7, bytesSent: int64 = 8,
        consentRequestsSent: int32 = 9, currentRoundTripTime: double = 10,
        lastPacketReceivedTimestamp: double = 11, lastPacketSentTimestamp: double = 12,
        localCandidateId: string = 13, nominated: bool = 14, packetsDiscardedOnSend: int32 = 15,
        packetsReceived: int32 = 16, packetsSent: int32 = 17, remoteCandidateId: string = 18,
        requestsReceived: int32 = 19, requestsSent: int32 = 20, responsesReceived: int32 = 21,
        responsesSent: int32 = 22, totalRoundTripTime: double = 24, transportId: string = 25,
        ; ; ; state: "state" = 23,
    }
    Certificate {
        id: string = 1, timestamp: double = 2, attachments: string = 3,
        base64Certificate: string = 4, fingerprint: string = 5, fingerprintAlgorithm: string = 6,
        issuerCertificateId: string = 7,
    }
    Moment {
        r#type: string = 1, payload: string = 2, timestamp: double = 3,
    }
    MetaItem {
        r#type: string = 1, payload: string = 2, ssrc: int64 = 4, timestamp: double = 5,
        ; peerConnectionId = 3, trackId = 6,
    }
    Extension {
        r#type: string = 1, payload: string = 2,
    }
}

fn members(message: &impl Serialize) -> Members {
    let json = serde_json::to_string(message).unwrap_or_default();
    let mut members: Members = serde_json::from_str(&json).unwrap_or_default();
    // Text in one of the schemas, an object in the other.
    if let Some(attachments) = members.remove("attachments").and_then(|reported| text(&reported)) {
        let object = RawValue::from_string(attachments).ok();
        members.extend(object.map(|object| ("attachments".to_owned(), object)));
    }
    members
}

/// Writes the name of an enumeration's number.
fn named<S: Serializer>(
    names: &[&str],
    number: &Option<i32>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let name = number.and_then(|number| names.get(usize::try_from(number).ok()?));
    name.serialize(serializer)
}

/// Writes the state of a candidate pair.
fn state<S: Serializer>(number: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    let names = ["new", "in-progress", "waiting", "failed", "succeeded", "cancelled"];
    named(&names, number, serializer)
}

/// Writes an id. An encoder may pack it as the 16 bytes of a UUID (RFC 9562); no readable text has
/// the bits of a UUID.
fn id<S: Serializer>(id: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = id.as_deref().unwrap_or_default();
    let is_text = |text: &&str| !text.contains(char::is_control);
    match (str::from_utf8(bytes).ok().filter(is_text), <[u8; 16]>::try_from(bytes)) {
        (Some(text), _) => serializer.serialize_str(text),
        (None, Ok(bytes)) => {
            let digits = format!("{:032x}", u128::from_be_bytes(bytes));
            let parts =
                [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
            serializer.serialize_str(&parts.join("-"))
        }
        (None, Err(_)) => serializer.serialize_none(),
    }
}
