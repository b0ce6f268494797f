//! Names that specifications define for the values of members.

use std::borrow::Cow;

use crate::formats::json::Scalar;

/// RTCIceCandidateType, and the names that Firefox used until release 65.
pub(super) const CANDIDATE_TYPES: [(&str, &str); 7] = [
    ("host", "host"),
    ("srflx", "srflx"),
    ("prflx", "prflx"),
    ("relay", "relay"),
    ("serverreflexive", "srflx"),
    ("peerreflexive", "prflx"),
    ("relayed", "relay"),
];

/// RTCIceProtocol, and the third of `relayProtocol`.
pub(super) const PROTOCOLS: [(&str, &str); 3] = [("udp", "udp"), ("tcp", "tcp"), ("tls", "tls")];

/// RTCNetworkType.
pub(super) const NETWORK_TYPES: [(&str, &str); 7] = [
    ("wifi", "wifi"),
    ("cellular", "cellular"),
    ("ethernet", "ethernet"),
    ("vpn", "vpn"),
    ("bluetooth", "bluetooth"),
    ("wimax", "wimax"),
    ("unknown", "unknown"),
];

/// Returns whether it is a name of RTCNetworkType.
pub(in crate::formats) fn is_network(name: &str) -> bool {
    NETWORK_TYPES.iter().any(|(known, _)| name.eq_ignore_ascii_case(known))
}

/// RTCIceTransportState.
pub(super) const ICE_STATES: [(&str, &str); 7] = [
    ("new", "new"),
    ("checking", "checking"),
    ("connected", "connected"),
    ("completed", "completed"),
    ("disconnected", "disconnected"),
    ("failed", "failed"),
    ("closed", "closed"),
];

/// RTCDtlsTransportState.
pub(super) const DTLS_STATES: [(&str, &str); 5] = [
    ("new", "new"),
    ("connecting", "connecting"),
    ("connected", "connected"),
    ("closed", "closed"),
    ("failed", "failed"),
];

/// Returns the name of a value in an enumeration; any other value is missing.
pub(super) fn one_of<'a>(
    value: Scalar<'_>,
    names: &[(&str, &'static str)],
) -> Option<Cow<'a, str>> {
    let Scalar::Text(text) = value else { return None };
    let known = names.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map(|(_, name)| Cow::Borrowed(*name))
}

/// Returns whether it is the mimeType of a codec of audio or video.
pub(super) fn is_media(mime_type: &str) -> bool {
    let kind = mime_type.split_once('/').map_or("", |(kind, _)| kind);
    kind.eq_ignore_ascii_case("audio") || kind.eq_ignore_ascii_case("video")
}

/// Returns the protocol to a TURN server by its URI (RFC 7065): `turns:` is TLS, and `turn:`
/// without `transport` is UDP.
pub(super) fn url_protocol(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme.eq_ignore_ascii_case("turns") {
        return Some("tls");
    }
    let transport = rest.split_once('?').and_then(|(_, query)| query.strip_prefix("transport="));
    match transport {
        _ if !scheme.eq_ignore_ascii_case("turn") => None,
        None => Some("udp"),
        Some(transport) if transport.eq_ignore_ascii_case("udp") => Some("udp"),
        Some(transport) if transport.eq_ignore_ascii_case("tcp") => Some("tcp"),
        Some(_) => None,
    }
}
