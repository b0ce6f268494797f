//! Decoding of rtcstats dumps in file format 3: numbers for names of methods, types and members,
//! and deltas between reports.
//!
//! The tables are those of rtcstats-shared, which never reassigns numbers:
//! <https://github.com/rtcstats/rtcstats/blob/main/packages/rtcstats-shared/compression.js>.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::document::{Stats, is_time};

/// Returns the name of a method that is read; other methods keep their number.
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

/// Members of stats objects by number, from [`FIRST_MEMBER`]. Empty names were never assigned.
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

/// Member of a report with the time of all objects that have no time of their own.
const TIME: &str = "t";

/// Returns the name of a member. Members of later releases keep their number.
fn member(key: &str) -> &str {
    if key == TIME {
        return "timestamp";
    }
    let number = key.parse::<usize>().ok().and_then(|number| number.checked_sub(FIRST_MEMBER));
    number.and_then(|at| MEMBERS.get(at)).copied().filter(|name| !name.is_empty()).unwrap_or(key)
}

/// Returns the name of a type. Types of later releases keep their number and are not read.
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

/// Applies a delta to the objects of the previous report, and returns the time of objects that have
/// none of their own. Objects that are not named stay, those that are null are removed, and nested
/// objects are merged. A complete report, as in Chrome's own dumps, replaces the previous one. None
/// if it is neither; `objects` is then unchanged.
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
    // Objects without a time in the delta have the report's time. An unnamed object of the remote
    // end, however, is still the earlier report.
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

/// Returns whether an object is complete, as in Chrome's own dumps, with all of its members by
/// name.
fn is_whole(object: &RawValue) -> bool {
    members(object).is_some_and(|members| {
        ["id", "type", "timestamp"].iter().all(|member| members.contains_key(*member))
    })
}

/// Returns whether the object is a report of the remote end, which has a separate time.
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

/// Returns the changed members of an object. Nested objects are merged with those of `before`.
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
        // The parser accepts a lone surrogate as raw JSON, but no string can contain it.
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
