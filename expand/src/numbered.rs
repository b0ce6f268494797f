//! The numbers of rtcstats dumps in file format 3: names of methods, of types and of members, and
//! the delta between two reports.
//!
//! The tables are those of rtcstats-shared, where numbers are never reassigned:
//! <https://github.com/rtcstats/rtcstats/blob/main/packages/rtcstats-shared/compression.js>.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::document::{Stats, is_time};

/// Returns the name of a method, if it is one that is read.
pub(crate) fn method(name: &str) -> &str {
    match name {
        "g" | "1" | "getStats" => "getstats",
        "24" => "oniceconnectionstatechange",
        "25" => "onconnectionstatechange",
        "36" => "close",
        "39" => "create",
        "60" => "navigator.mediaDevices.getUserMedia",
        "61" => "navigator.mediaDevices.getUserMediaOnSuccess",
        "65" => "navigator.mediaDevices.getUserMediaOnFailure",
        name => name,
    }
}

/// RTCStatsType by number, from 1.
const TYPES: [&str; 14] = [
    "inbound-rtp",
    "outbound-rtp",
    "remote-inbound-rtp",
    "remote-outbound-rtp",
    "transport",
    "candidate-pair",
    "local-candidate",
    "remote-candidate",
    "data-channel",
    "peer-connection",
    "certificate",
    "media-source",
    "media-playout",
    "codec",
];

/// Members of stats objects by number, from [`FIRST_MEMBER`]; an empty one was never assigned.
const MEMBERS: &[&str] = &[
    "payloadType",
    "transportId",
    "mimeType",
    "clockRate",
    "channels",
    "sdpFmtpLine",
    "ssrc",
    "kind",
    "codecId",
    "",
    "packetsReceived",
    "packetsLost",
    "jitter",
    "trackIdentifier",
    "mid",
    "remoteId",
    "framesDecoded",
    "keyFramesDecoded",
    "framesDropped",
    "frameWidth",
    "frameHeight",
    "framesPerSecond",
    "qpSum",
    "totalDecodeTime",
    "totalInterFrameDelay",
    "totalSquaredInterFrameDelay",
    "pauseCount",
    "totalPausesDuration",
    "freezeCount",
    "totalFreezesDuration",
    "lastPacketReceivedTimestamp",
    "headerBytesReceived",
    "packetsDiscarded",
    "fecPacketsReceived",
    "fecPacketsDiscarded",
    "fecBytesReceived",
    "fecSsrc",
    "bytesReceived",
    "nackCount",
    "firCount",
    "pliCount",
    "totalProcessingDelay",
    "estimatedPlayoutTimestamp",
    "jitterBufferDelay",
    "jitterBufferTargetDelay",
    "jitterBufferEmittedCount",
    "jitterBufferMinimumDelay",
    "totalSamplesReceived",
    "concealedSamples",
    "silentConcealedSamples",
    "concealmentEvents",
    "insertedSamplesForDeceleration",
    "removedSamplesForAcceleration",
    "audioLevel",
    "totalAudioEnergy",
    "totalSamplesDuration",
    "framesReceived",
    "decoderImplementation",
    "playoutId",
    "powerEfficientDecoder",
    "framesAssembledFromMultiplePackets",
    "totalAssemblyTime",
    "contentType",
    "googTimingFrameInfo",
    "retransmittedPacketsReceived",
    "retransmittedBytesReceived",
    "rtxSsrc",
    "totalCorruptionProbability",
    "totalSquaredCorruptionProbability",
    "corruptionMeasurements",
    "localId",
    "roundTripTime",
    "totalRoundTripTime",
    "fractionLost",
    "roundTripTimeMeasurements",
    "packetsSent",
    "bytesSent",
    "mediaSourceId",
    "rid",
    "encodingIndex",
    "headerBytesSent",
    "retransmittedPacketsSent",
    "retransmittedBytesSent",
    "targetBitrate",
    "totalEncodedBytesTarget",
    "framesSent",
    "hugeFramesSent",
    "framesEncoded",
    "keyFramesEncoded",
    "totalEncodeTime",
    "totalPacketSendDelay",
    "qualityLimitationReason",
    "qualityLimitationDurations",
    "qualityLimitationResolutionChanges",
    "encoderImplementation",
    "powerEfficientEncoder",
    "active",
    "scalabilityMode",
    "remoteTimestamp",
    "reportsSent",
    "echoReturnLoss",
    "echoReturnLossEnhancement",
    "width",
    "height",
    "frames",
    "synthesizedSamplesDuration",
    "synthesizedSamplesEvents",
    "totalPlayoutDelay",
    "totalSamplesCount",
    "dataChannelsOpened",
    "dataChannelsClosed",
    "label",
    "protocol",
    "dataChannelIdentifier",
    "state",
    "messagesSent",
    "messagesReceived",
    "iceRole",
    "iceLocalUsernameFragment",
    "dtlsState",
    "iceState",
    "selectedCandidatePairId",
    "localCertificateId",
    "remoteCertificateId",
    "tlsVersion",
    "dtlsCipher",
    "dtlsRole",
    "srtpCipher",
    "selectedCandidatePairChanges",
    "rtcpTransportStatsId",
    "address",
    "port",
    "candidateType",
    "priority",
    "url",
    "relayProtocol",
    "foundation",
    "relatedAddress",
    "relatedPort",
    "usernameFragment",
    "tcpType",
    "networkType",
    "",
    "",
    "localCandidateId",
    "remoteCandidateId",
    "nominated",
    "lastPacketSentTimestamp",
    "currentRoundTripTime",
    "availableOutgoingBitrate",
    "availableIncomingBitrate",
    "requestsReceived",
    "requestsSent",
    "responsesReceived",
    "responsesSent",
    "consentRequestsSent",
    "packetsDiscardedOnSend",
    "bytesDiscardedOnSend",
    "",
    "fingerprint",
    "fingerprintAlgorithm",
    "base64Certificate",
    "issuerCertificateId",
    "psnrMeasurements",
    "psnrSum",
    "packetsReceivedWithEct1",
    "packetsReceivedWithCe",
    "packetsReportedAsLost",
    "packetsReportedAsLostButRecovered",
    "packetsWithBleachedEct1Marking",
    "packetsSentWithEct1",
    "ccfbMessagesSent",
    "ccfbMessagesReceived",
];

const FIRST_MEMBER: usize = 4;

/// Member of a report with the time of all objects that have none of their own.
const TIME: &str = "t";

/// The name of a member; those of later releases keep their number.
fn member(key: &str) -> &str {
    if key == TIME {
        return "timestamp";
    }
    let number = key.parse::<usize>().ok().and_then(|number| number.checked_sub(FIRST_MEMBER));
    number.and_then(|at| MEMBERS.get(at)).copied().filter(|name| !name.is_empty()).unwrap_or(key)
}

/// The name of a type; a later release's keeps its number, and is of no type that is read.
fn stats_type(value: &RawValue) -> Option<Box<RawValue>> {
    let number = value.get().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match number.and_then(|at| TYPES.get(at)) {
        Some(name) => to_raw_value(name).ok(),
        None => Some(value.to_owned()),
    }
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

type Members = BTreeMap<String, Box<RawValue>>;

fn members(value: &RawValue) -> Option<Members> {
    serde_json::from_str(value.get()).ok()
}

/// Applies a delta to the objects of the report before it, and returns the time that objects
/// without one have. Objects that are not named stay; those that are null are gone; objects in
/// objects are laid over each other, too. A report that is whole, as in Chrome's own dumps, takes
/// the place of the one before it. None if it is neither; `objects` is then as it was.
pub(crate) fn expand(
    objects: &mut BTreeMap<String, Stats>,
    delta: &RawValue,
) -> Option<Option<Box<RawValue>>> {
    let mut changes = members(delta)?;
    let time = changes.remove(TIME);
    if !time.as_deref().is_none_or(is_time) {
        return None;
    }
    let whole = time.is_none() && changes.values().all(|object| is_whole(object));
    let changes = changes
        .into_iter()
        .map(|(id, value)| {
            let before = objects.get(&id).filter(|_| !whole);
            let changed =
                if value.get() == "null" { None } else { Some(changed(before, named(&value)?)?) };
            Some((id, changed))
        })
        .collect::<Option<BTreeMap<_, _>>>()?;
    if whole {
        objects.clear();
    }
    // Where the delta does not say an object's time, the report's own is meant; but of what the far
    // end reported, an object that is not named at all is still the one that was reported before.
    if let Some(time) = &time {
        let is_new =
            |(id, object): &(&String, &mut Stats)| changes.contains_key(*id) || !is_remote(object);
        for (_, object) in objects.iter_mut().filter(is_new) {
            object.insert("timestamp".to_owned(), time.clone());
        }
    }
    for (id, changed) in changes {
        let Some(changed) = changed else {
            objects.remove(&id);
            continue;
        };
        objects.entry(id).or_default().extend(changed);
    }
    Some(time)
}

/// True for an object as Chrome's own dumps have it: with all of its members, in full.
fn is_whole(object: &RawValue) -> bool {
    members(object).is_some_and(|members| {
        ["id", "type", "timestamp"].iter().all(|member| members.contains_key(*member))
    })
}

/// Returns whether the object is a report of the remote end, which has a time of its own.
fn is_remote(object: &Stats) -> bool {
    let of = object.get("type").map_or("", |of| of.get());
    matches!(of, "\"remote-inbound-rtp\"" | "\"remote-outbound-rtp\"")
}

fn named(object: &RawValue) -> Option<Stats> {
    let named = |(key, value): (String, Box<RawValue>)| {
        let name = member(&key).to_owned();
        let value = if name == "type" { stats_type(&value)? } else { value };
        Some((name, value))
    };
    members(object)?.into_iter().map(named).collect()
}

/// The members of an object that change. Objects in it are laid over those of `before`.
fn changed(before: Option<&Stats>, members: Stats) -> Option<Stats> {
    let member = |(name, value): (String, Box<RawValue>)| {
        let value = match before.and_then(|before| before.get(&name)) {
            Some(before) if is_object(before) && is_object(&value) => laid_over(before, &value)?,
            _ => value,
        };
        Some((name, value))
    };
    members.into_iter().map(member).collect()
}

fn laid_over(before: &RawValue, value: &RawValue) -> Option<Box<RawValue>> {
    let mut both = members(before)?;
    both.extend(members(value)?);
    to_raw_value(&both).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn an_invalid_delta_leaves_the_previous_report_unchanged() {
        let mut objects = BTreeMap::new();
        let first = r#"{"t": 1, "A": {"14": 5, "96": {"cpu": 1}}, "B": {"14": 7}}"#;
        expand(&mut objects, &raw(first)).unwrap();
        let before = format!("{objects:?}");
        // The parser takes a lone surrogate for a text, and no text can hold it.
        for broken in [
            r#"{"t": 2, "A": {"14": 6}, "B": 1}"#,
            r#"{"t": 2, "A": {"14": 6, "96": {"\ud800": 2}}, "B": null}"#,
            r#"{"t": 2, "A": null, "B": {"\ud800": 2}}"#,
        ] {
            assert!(expand(&mut objects, &raw(broken)).is_none(), "{broken}");
            assert_eq!(format!("{objects:?}"), before, "{broken}");
        }
        expand(&mut objects, &raw(r#"{"t": 2, "A": {"96": {"other": 3}}, "B": null}"#)).unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!(objects["A"]["qualityLimitationDurations"].get(), r#"{"cpu":1,"other":3}"#);
        assert_eq!(objects["A"]["packetsReceived"].get(), "5");
    }

    #[test]
    fn numbers_stand_where_the_table_of_rtcstats_has_them() {
        for (key, name) in [
            ("t", "timestamp"),
            ("4", "payloadType"),
            ("10", "ssrc"),
            ("11", "kind"),
            ("14", "packetsReceived"),
            ("15", "packetsLost"),
            ("20", "framesDecoded"),
            ("41", "bytesReceived"),
            ("53", "silentConcealedSamples"),
            ("66", "contentType"),
            ("74", "localId"),
            ("78", "roundTripTimeMeasurements"),
            ("80", "bytesSent"),
            ("96", "qualityLimitationDurations"),
            ("101", "scalabilityMode"),
            ("118", "state"),
            ("125", "selectedCandidatePairId"),
            ("132", "selectedCandidatePairChanges"),
            ("136", "candidateType"),
            ("139", "relayProtocol"),
            ("145", "networkType"),
            ("148", "localCandidateId"),
            ("153", "availableOutgoingBitrate"),
            ("157", "responsesReceived"),
            ("161", "bytesDiscardedOnSend"),
            ("163", "fingerprint"),
            ("167", "psnrMeasurements"),
            ("176", "ccfbMessagesReceived"),
            ("177", "177"),
            ("13", "13"),
            ("type", "type"),
            ("mediaType", "mediaType"),
        ] {
            assert_eq!(member(key), name, "{key}");
        }
    }
}
