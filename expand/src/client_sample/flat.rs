//! ClientSamples in protobuf by ObserveRTC's schema 2: objects that schema 3 has in peer
//! connections are in lists of the sample.
//!
//! <https://www.npmjs.com/package/@observertc/samples-encoder/v/2.2.12>, `src/OutputSamples.ts`

use prost::{DecodeError, Message};
use serde::{Serialize, Serializer};
use serde_json::value::to_raw_value;

use super::super::document::Members;
use super::{ToMembers, id, named};

/// Output of its SamplesEncoder: samples of several clients.
#[derive(Clone, PartialEq, Message)]
struct Samples {
    #[prost(bytes, repeated, tag = 1)]
    clients: Vec<Vec<u8>>,
}

/// Members of every sample, with field numbers that schema 3 does not use in samples.
#[derive(Clone, PartialEq, Message)]
struct Whose {
    #[prost(bytes, optional, tag = 21)]
    client: Option<Vec<u8>>,
    #[prost(int64, optional, tag = 22)]
    timestamp: Option<i64>,
}

/// Returns the bytes of each sample in `bytes`, which may be one sample or those of several
/// clients. None if they are not samples of schema 2.
pub(crate) fn samples(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    if is_one(bytes) {
        return Some(vec![bytes.to_vec()]);
    }
    let Samples { clients } = Samples::decode(bytes).ok()?;
    (!clients.is_empty() && clients.iter().all(|sample| is_one(sample))).then_some(clients)
}

fn is_one(bytes: &[u8]) -> bool {
    Whose::decode(bytes).is_ok_and(|sample| sample.client.is_some() && sample.timestamp.is_some())
}

/// A sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatSample;

impl ToMembers for FlatSample {
    fn decode_members(bytes: &[u8]) -> Result<Members, DecodeError> {
        let mut reported = OfObjects::decode_members(bytes)?;
        reported.extend(members(&OfTexts::decode(bytes)?));
        Ok(reported)
    }
}

#[derive(Clone, PartialEq, Message, Serialize)]
#[allow(non_snake_case, reason = "members are named as in JSON")]
struct OfTexts {
    #[prost(string, repeated, tag = 10)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    iceServers: Vec<String>,
    #[prost(string, repeated, tag = 13)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    localSDPs: Vec<String>,
    #[prost(string, repeated, tag = 14)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mediaConstraints: Vec<String>,
    #[prost(string, repeated, tag = 20)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    userMediaErrors: Vec<String>,
}

lists! {
    OfObjects around AroundFlatSample {
        certificates: Certificate = 1,
        codecs: MediaCodec = 2,
        customCallEvents: CustomCallEvent = 3,
        customObserverEvents: CustomObserverEvent = 4,
        dataChannels: DataChannel = 5,
        extensionStats: Extension = 6,
        iceCandidatePairs: IceCandidatePair = 7,
        iceLocalCandidates: IceCandidate = 8,
        iceRemoteCandidates: IceCandidate = 9,
        inboundAudioTracks: InboundAudioTrack = 11,
        inboundVideoTracks: InboundVideoTrack = 12,
        mediaDevices: MediaDevice = 15,
        mediaSources: MediaSource = 16,
        outboundAudioTracks: OutboundAudioTrack = 17,
        outboundVideoTracks: OutboundVideoTrack = 18,
        pcTransports: PcTransport = 19,
    }
}

messages! {
    AroundFlatSample {
        timestamp: int64 = 22, marker: string = 26, roomId: string = 29, sampleSeq: int32 = 30,
        timeZoneOffsetInHours: int32 = 31, userId: string = 32,
        ; clientId = 21, callId = 24,
        ; browser: Release = 23, engine: Release = 25, os: OperationSystem = 27,
        platform: Platform = 28,
    }
    Release {
        name: string = 1, version: string = 2,
    }
    OperationSystem {
        name: string = 1, version: string = 2, versionName: string = 3,
    }
    Platform {
        model: string = 1, r#type: string = 2, vendor: string = 3,
    }
    InboundAudioTrack {
        ssrc: int64 = 1, audioLevel: double = 2, bytesReceived: int64 = 3, bytesSent: int64 = 4,
        concealedSamples: int32 = 5, concealmentEvents: int32 = 6,
        decoderImplementation: string = 7, estimatedPlayoutTimestamp: int64 = 8,
        fecPacketsDiscarded: int32 = 9, fecPacketsReceived: int32 = 10,
        headerBytesReceived: int64 = 11, insertedSamplesForDeceleration: int32 = 12,
        jitter: double = 13, jitterBufferDelay: double = 14, jitterBufferEmittedCount: int32 = 15,
        jitterBufferMinimumDelay: double = 16, jitterBufferTargetDelay: double = 17,
        lastPacketReceivedTimestamp: int64 = 18, nackCount: int32 = 19,
        packetsDiscarded: int32 = 20, packetsLost: int32 = 21, packetsReceived: int32 = 22,
        packetsSent: int32 = 23, remoteTimestamp: int64 = 26,
        removedSamplesForAcceleration: int32 = 27, reportsSent: int32 = 28,
        roundTripTime: double = 29, roundTripTimeMeasurements: int32 = 30,
        silentConcealedSamples: int32 = 33, synthesizedSamplesDuration: double = 34,
        synthesizedSamplesEvents: int32 = 35, totalAudioEnergy: double = 36,
        totalPlayoutDelay: double = 37, totalProcessingDelay: double = 38,
        totalRoundTripTime: double = 39, totalSamplesCount: int32 = 40,
        totalSamplesDuration: double = 41, totalSamplesReceived: int32 = 42,
        ; peerConnectionId = 24, remoteClientId = 25, sfuSinkId = 31, sfuStreamId = 32, trackId = 43,
    }
    InboundVideoTrack {
        ssrc: int64 = 1, bytesReceived: int64 = 2, bytesSent: int64 = 3,
        decoderImplementation: string = 4, estimatedPlayoutTimestamp: int64 = 5,
        fecPacketsDiscarded: int32 = 6, fecPacketsReceived: int32 = 7, firCount: int32 = 8,
        frameHeight: int32 = 9, frameWidth: int32 = 10, framesDecoded: int32 = 11,
        framesDropped: int32 = 12, framesPerSecond: double = 13, framesReceived: int32 = 14,
        headerBytesReceived: int64 = 15, jitter: double = 16, jitterBufferDelay: double = 17,
        jitterBufferEmittedCount: int32 = 18, jitterBufferMinimumDelay: double = 19,
        jitterBufferTargetDelay: double = 20, keyFramesDecoded: int32 = 21,
        lastPacketReceivedTimestamp: int64 = 22, nackCount: int32 = 23,
        packetsDiscarded: int32 = 24, packetsLost: int32 = 25, packetsReceived: int32 = 26,
        packetsSent: int32 = 27, pliCount: int32 = 29, qpSum: int64 = 30,
        remoteTimestamp: int64 = 32, reportsSent: int32 = 33, roundTripTime: double = 34,
        roundTripTimeMeasurements: int32 = 35, totalDecodeTime: double = 38,
        totalInterFrameDelay: double = 39, totalProcessingDelay: double = 40,
        totalRoundTripTime: double = 41, totalSquaredInterFrameDelay: double = 42,
        ; peerConnectionId = 28, remoteClientId = 31, sfuSinkId = 36, sfuStreamId = 37, trackId = 43,
    }
    OutboundAudioTrack {
        ssrc: int64 = 1, active: bool = 2, audioLevel: double = 3, averageRtcpInterval: double = 4,
        bytesSent: int64 = 5, droppedSamplesDuration: double = 6, droppedSamplesEvents: int32 = 7,
        echoReturnLoss: double = 8, echoReturnLossEnhancement: double = 9,
        encoderImplementation: string = 10, fractionLost: double = 11, headerBytesSent: int64 = 12,
        jitter: double = 13, nackCount: int32 = 14, packetsLost: int32 = 15,
        packetsReceived: int32 = 16, packetsSent: int32 = 17, relayedSource: bool = 19,
        retransmittedBytesSent: int64 = 20, retransmittedPacketsSent: int32 = 21, rid: string = 22,
        roundTripTime: double = 23, roundTripTimeMeasurements: int32 = 24,
        targetBitrate: int32 = 26, totalAudioEnergy: double = 27, totalCaptureDelay: double = 28,
        totalEncodedBytesTarget: int64 = 29, totalPacketSendDelay: double = 30,
        totalRoundTripTime: double = 31, totalSamplesCaptured: double = 32,
        totalSamplesDuration: double = 33,
        ; peerConnectionId = 18, sfuStreamId = 25, trackId = 34,
    }
    OutboundVideoTrack {
        ssrc: int64 = 1, active: bool = 2, averageRtcpInterval: double = 3, bytesSent: int64 = 4,
        encoderImplementation: string = 5, firCount: int32 = 6, fractionLost: double = 7,
        frameHeight: int32 = 8, frameWidth: int32 = 9, frames: int32 = 10,
        framesDropped: int32 = 11, framesEncoded: int32 = 12, framesPerSecond: double = 13,
        framesSent: int32 = 14, headerBytesSent: int64 = 15, height: int32 = 16,
        hugeFramesSent: int32 = 17, jitter: double = 18, keyFramesEncoded: int32 = 19,
        nackCount: int32 = 20, packetsLost: int32 = 21, packetsReceived: int32 = 22,
        packetsSent: int32 = 23, pliCount: int32 = 25, qpSum: int64 = 26,
        qualityLimitationDurationBandwidth: double = 27, qualityLimitationDurationCPU: double = 28,
        qualityLimitationDurationNone: double = 29, qualityLimitationDurationOther: double = 30,
        qualityLimitationReason: string = 31, qualityLimitationResolutionChanges: int32 = 32,
        relayedSource: bool = 33, retransmittedBytesSent: int64 = 34,
        retransmittedPacketsSent: int32 = 35, rid: string = 36, roundTripTime: double = 37,
        roundTripTimeMeasurements: int32 = 38, targetBitrate: int32 = 40,
        totalEncodeTime: double = 41, totalEncodedBytesTarget: int64 = 42,
        totalPacketSendDelay: double = 43, totalRoundTripTime: double = 44, width: int32 = 46,
        ; peerConnectionId = 24, sfuStreamId = 39, trackId = 45,
    }
    IceCandidatePair {
        candidatePairId: string = 1, availableIncomingBitrate: double = 3,
        availableOutgoingBitrate: double = 4, bytesDiscardedOnSend: int64 = 5,
        bytesReceived: int64 = 6, bytesSent: int64 = 7, consentRequestsSent: int32 = 8,
        currentRoundTripTime: double = 9, label: string = 10,
        lastPacketReceivedTimestamp: int64 = 11, lastPacketSentTimestamp: int64 = 12,
        localCandidateId: string = 13, nominated: bool = 14, packetsDiscardedOnSend: int32 = 15,
        packetsReceived: int32 = 16, packetsSent: int32 = 17, remoteCandidateId: string = 18,
        requestsReceived: int32 = 19, requestsSent: int32 = 20, responsesReceived: int32 = 21,
        responsesSent: int32 = 22, state: string = 23, totalRoundTripTime: double = 24,
        transportId: string = 25,
        ; peerConnectionId = 2,
    }
    IceCandidate {
        address: string = 1, candidateType: string = 2, id: string = 3, port: int32 = 5,
        priority: int64 = 6, url: string = 9,
        ; peerConnectionId = 4,
        ; ; protocol: "protocol" = 7, relayProtocol: "protocol" = 8,
    }
    PcTransport {
        transportId: string = 2, bytesReceived: int64 = 3, bytesSent: int64 = 4,
        dtlsCipher: string = 5, dtlsState: string = 7, iceLocalUsernameFragment: string = 8,
        iceRole: string = 9, iceState: string = 10, label: string = 11,
        localCertificateId: string = 12, packetsReceived: int32 = 13, packetsSent: int32 = 14,
        remoteCertificateId: string = 15, selectedCandidatePairChanges: int32 = 16,
        selectedCandidatePairId: string = 17, srtpCipher: string = 18, tlsGroup: string = 19,
        tlsVersion: string = 20,
        ; peerConnectionId = 1,
        ; ; dtlsRole: "dtls_role" = 6,
    }
    DataChannel {
        bytesReceived: int64 = 2, bytesSent: int64 = 3, dataChannelIdentifier: int32 = 4,
        label: string = 5, messageReceived: int32 = 6, messageSent: int32 = 7, protocol: string = 8,
        state: string = 9,
        ; peerConnectionId = 1,
    }
    MediaSource {
        audioLevel: double = 1, droppedSamplesDuration: double = 2, droppedSamplesEvents: int32 = 3,
        echoReturnLoss: double = 4, echoReturnLossEnhancement: double = 5, frames: int32 = 6,
        framesPerSecond: double = 7, height: int32 = 8, relayedSource: bool = 10,
        totalAudioEnergy: double = 11, totalCaptureDelay: double = 12,
        totalSamplesCaptured: double = 13, totalSamplesDuration: double = 14, width: int32 = 16,
        ; trackIdentifier = 15,
        ; ; kind: "kind" = 9,
    }
    MediaCodec {
        channels: int32 = 1, clockRate: int32 = 2, mimeType: string = 4, payloadType: string = 5,
        sdpFmtpLine: string = 6,
        ; ; ; codecType: "codec_type" = 3,
    }
    MediaDevice {
        id: string = 1, label: string = 3,
        ; ; ; kind: "device_kind" = 2,
    }
    Certificate {
        base64Certificate: string = 1, fingerprint: string = 2, fingerprintAlgorithm: string = 3,
        issuerCertificateId: string = 4,
    }
    CustomCallEvent {
        name: string = 1, attachments: string = 2, mediaTrackId: string = 3, message: string = 4,
        timestamp: int64 = 6, value: string = 7,
        ; peerConnectionId = 5,
    }
    CustomObserverEvent {
        name: string = 1, attachments: string = 2, mediaTrackId: string = 3, message: string = 4,
        timestamp: int64 = 5,
    }
    Extension {
        payload: string = 1, r#type: string = 2,
    }
}

fn members(message: &impl Serialize) -> Members {
    let json = serde_json::to_string(message).unwrap_or_default();
    serde_json::from_str(&json).unwrap_or_default()
}

macro_rules! named {
    ($($with:ident: $names:expr,)*) => {$(
        fn $with<S: Serializer>(number: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
            named(&$names, number, serializer)
        }
    )*};
}

named! {
    protocol: ["tcp", "udp", "tls"],
    dtls_role: ["client", "server", "unknown"],
    kind: ["audio", "video"],
    device_kind: ["videoinput", "audioinput", "audiooutput"],
    codec_type: ["encode", "decode"],
}
