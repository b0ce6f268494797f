//! Parsing of fields that several formats have.

use std::borrow::Cow;

use schemas::{Claim, Kind};
use serde::Deserialize;
use service::harmless;
use xxhash_rust::xxh3::xxh3_64;

use super::json::{Nested, Scalar};
use super::{Reason, Rejected};
use crate::counters::whole;

/// Maximum bytes of names: application, call, edge, ….
pub(super) const MAX_NAME: usize = 256;

/// Maximum number of events of one record: far more than happen between two snapshots.
pub(super) const MAX_EVENTS: usize = 64;

/// Maximum bytes of free text: reason, user agent.
pub(super) const MAX_PROSE: usize = 1024;

pub(super) const MS_TO_US: f64 = 1e3;

/// Largest time of a record that is taken for seconds (1e11 ms were in 1973).
pub(super) const MOST_SECONDS: f64 = 1e11;

pub(super) fn missing(detail: &str) -> Rejected {
    Rejected::new(Reason::MissingField, detail)
}

pub(super) fn required<T>(field: &str, value: Option<T>) -> Result<T, Rejected> {
    value.ok_or_else(|| missing(field))
}

pub(super) fn bad(field: &str, wanted: &str) -> Rejected {
    Rejected::new(Reason::BadValue, format!("{field}: not {wanted}"))
}

pub(super) fn text_up_to<'a>(
    limit: usize,
    field: &str,
    value: Scalar<'a>,
) -> Result<Option<Cow<'a, str>>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let text = value.text(limit);
    text.map(Some).ok_or_else(|| bad(field, &format!("a string of at most {limit} bytes")))
}

/// Maximum bytes of a code.
const MAX_CODE: usize = 64;

/// Returns a name for tables: unchanged if it is a code, else its hash. So different names stay
/// different, and no free text is passed on.
pub(super) fn code(name: Cow<'_, str>) -> Cow<'_, str> {
    if is_code(&name) || name.is_empty() {
        return name;
    }
    Cow::Owned(format!("h-{:016x}", xxh3_64(name.as_bytes())))
}

/// Returns whether a text is a code, as used for names of releases, hosts, regions and objects.
fn is_code(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:/+".contains(&byte);
    (1..=MAX_CODE).contains(&text.len()) && text.bytes().all(part)
}

/// Reads a field with a [`code`].
pub(super) fn code_of<'a>(
    field: &str,
    value: Scalar<'a>,
) -> Result<Option<Cow<'a, str>>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let name = value.name().filter(|name| name.len() <= MAX_NAME);
    let name = name.ok_or_else(|| bad(field, &format!("a string of at most {MAX_NAME} bytes")))?;
    Ok(Some(code(name)))
}

/// Returns a failure reason in the form of a code.
pub(super) fn reason<'a>(field: &str, value: Scalar<'a>) -> Result<Option<Cow<'a, str>>, Rejected> {
    Ok(text_up_to(MAX_PROSE, field, value)?.and_then(reason_code))
}

/// Returns the code of a reason: the text itself if it is a code, or the name of an exception at
/// its beginning. Any other text may name people, and is left out.
pub(super) fn reason_code(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if is_reason(&text) {
        return Some(text);
    }
    let name = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    EXCEPTIONS.contains(&name).then(|| Cow::Owned(name.to_owned()))
}

/// Names of exceptions: of DOMException (WebIDL, 2.8.1), of media capture and WebRTC, of
/// JavaScript, and earlier names of those of media capture.
const EXCEPTIONS: [&str; 54] = [
    // DOMException
    "AbortError",
    "ConstraintError",
    "DataCloneError",
    "DataError",
    "EncodingError",
    "HierarchyRequestError",
    "InUseAttributeError",
    "IndexSizeError",
    "InvalidAccessError",
    "InvalidCharacterError",
    "InvalidModificationError",
    "InvalidNodeTypeError",
    "InvalidStateError",
    "NamespaceError",
    "NetworkError",
    "NoModificationAllowedError",
    "NotAllowedError",
    "NotFoundError",
    "NotReadableError",
    "NotSupportedError",
    "OperationError",
    "OptOutError",
    "QuotaExceededError",
    "ReadOnlyError",
    "SecurityError",
    "SyntaxError",
    "TimeoutError",
    "TransactionInactiveError",
    "TypeMismatchError",
    "URLMismatchError",
    "UnknownError",
    "VersionError",
    "WrongDocumentError",
    // Media capture and WebRTC
    "OverconstrainedError",
    "RTCError",
    // JavaScript
    "Error",
    "AggregateError",
    "EvalError",
    "InternalError",
    "RangeError",
    "ReferenceError",
    "TypeError",
    "URIError",
    // Before media capture and WebRTC were standards
    "ConstraintNotSatisfiedError",
    "DevicesNotFoundError",
    "IncompatibleConstraintsError",
    "InvalidCandidateError",
    "InvalidSessionDescriptionError",
    "MandatoryUnsatisfiedError",
    "PermissionDeniedError",
    "PermissionDismissedError",
    "ScreenCaptureError",
    "SourceUnavailableError",
    "TrackStartError",
];

/// Returns whether a text is a code of letters, digits, `_`, `.` and `-`.
pub(super) fn is_reason(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=MAX_CODE).contains(&text.len()) && text.bytes().all(part)
}

/// Maximum characters of the name of a place or an organisation.
const MAX_PLACE: usize = 128;

/// Returns whether a text may be the name of a place or an organisation: words, without characters
/// of addresses and messages, characters that are not displayed, and the beginning of a formula of a
/// spreadsheet.
pub(super) fn is_place(text: &str) -> bool {
    let is_displayed = *harmless(text) == *text;
    text.chars().count() <= MAX_PLACE
        && is_displayed
        && !text.contains(['@', '<', '>', '{', '}', '\\', '|', '=', '%'])
        && !text.starts_with(['+', '-'])
        && !text.contains("://")
}

/// Maximum bytes of a token.
const MAX_WORD: usize = 32;

/// Returns whether a text has the form of W3C's and IETF's names of states, types, protocols and
/// codecs.
pub(super) fn is_token(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/');
    text.len() <= MAX_WORD && text.bytes().all(part)
}

/// Reads the name of an application, a call or a participant: a string, or a whole number.
pub(super) fn name<'a>(field: &str, value: Scalar<'a>) -> Result<Cow<'a, str>, Rejected> {
    if value == Scalar::Missing {
        return Err(missing(field));
    }
    let name = value.name().ok_or_else(|| bad(field, "a string, or a whole number"))?;
    id(field, &name)?;
    Ok(name)
}

/// Refuses empty and too long names.
pub(super) fn id(field: &str, name: &str) -> Result<(), Rejected> {
    if name.is_empty() {
        return Err(bad(field, "a name: it is empty"));
    }
    if name.len() > MAX_NAME {
        let detail = format!("{field}: an id of more than {MAX_NAME} bytes");
        return Err(Rejected::new(Reason::IdTooLong, detail));
    }
    Ok(())
}

/// Reads a number of ms and multiplies it by `scale`.
pub(super) fn ms(field: &str, value: Scalar<'_>, scale: f64) -> Result<Option<i64>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let whole = value.number().and_then(|ms| whole(ms, scale));
    whole.map(Some).ok_or_else(|| bad(field, "a number of ms"))
}

/// Reads the duration of a wait, ms. An impossible value is limited to the nearest integer; later
/// it counts as missing, without affecting the record.
pub(super) fn wait_ms(field: &str, value: Scalar<'_>) -> Result<Option<i64>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let ms = value.number().filter(|ms| !ms.is_nan()).map(|ms| ms.round() as i64);
    ms.map(Some).ok_or_else(|| bad(field, "a number of ms"))
}

/// Largest time that is taken for ms (the year 5138). Larger ones are in us, as in native SDKs.
const MOST_MS: f64 = 1e14;

/// Largest time that is taken for us. Larger ones are in ns.
const MOST_US: f64 = 1e17;

/// Returns a time in us since the Unix epoch, given in ms as by browsers, in us, in ns, or as text
/// (RFC 3339).
pub(super) fn moment_us(value: &Scalar<'_>) -> Option<i64> {
    match value.number() {
        Some(time) if time <= MOST_MS => whole(time, MS_TO_US),
        Some(time) if time <= MOST_US => whole(time, 1.0),
        Some(time) => whole(time, 1e-3),
        None => match value {
            Scalar::Text(text) => {
                let time = text.parse::<jiff::Timestamp>().ok()?;
                Some(time.as_microsecond()).filter(|us| *us >= 0)
            }
            _ => None,
        },
    }
}

/// Reads a field with a time, which must be valid if it is present; us.
pub(super) fn moment(field: &str, value: Scalar<'_>) -> Result<Option<i64>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let us = moment_us(&value);
    us.map(Some).ok_or_else(|| bad(field, "a time: ms since the Unix epoch, or RFC 3339"))
}

pub(super) fn rating(field: &str, value: Scalar<'_>) -> Result<Option<i32>, Rejected> {
    match value {
        Scalar::Missing => Ok(None),
        Scalar::Number(rating) if [1.0, 2.0, 3.0, 4.0, 5.0].contains(&rating) => {
            Ok(Some(rating as i32))
        }
        _ => Err(bad(field, "an integer from 1 to 5")),
    }
}

/// Place claimed by the client's side, unparsed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Claimed<'a> {
    #[serde(borrow)]
    continent: Scalar<'a>,
    country: Scalar<'a>,
    subdivision: Scalar<'a>,
    city: Scalar<'a>,
    asn: Scalar<'a>,
    organisation: Scalar<'a>,
}

/// Largest number of an autonomous system (RFC 6793).
pub(super) const MAX_ASN: i64 = u32::MAX as i64;

/// Parses a claim; none if nothing is claimed.
pub(super) fn claim(claimed: Nested<Claimed<'_>>) -> Result<Option<Claim>, Rejected> {
    let claimed = match claimed {
        Nested::Missing => return Ok(None),
        Nested::Wrong => return Err(bad("claim", "an object")),
        Nested::Value(claimed) => claimed,
    };
    let text = |field: &str, value: Scalar<'_>| {
        let text = text_up_to(MAX_NAME, field, value)?;
        Ok(text.filter(|text| !text.is_empty() && is_place(text)).map(Cow::into_owned))
    };
    let asn = match claimed.asn {
        Scalar::Missing => None,
        value => {
            let number = value.number().and_then(|number| whole(number, 1.0));
            let asn = number.filter(|asn| (1..=MAX_ASN).contains(asn));
            Some(asn.ok_or_else(|| bad("claim.asn", "the number of an autonomous system"))?)
        }
    };
    let claim = Claim {
        continent: text("claim.continent", claimed.continent)?,
        country: text("claim.country", claimed.country)?,
        subdivision: text("claim.subdivision", claimed.subdivision)?,
        city: text("claim.city", claimed.city)?,
        asn,
        organisation: text("claim.organisation", claimed.organisation)?,
    };
    Ok((claim != Claim::default()).then_some(claim))
}

/// Reads a failed device as its media kind.
pub(super) fn device(field: &str, value: Scalar<'_>) -> Result<Kind, Rejected> {
    match required(field, text_up_to(MAX_NAME, field, value)?)?.as_ref() {
        "microphone" => Ok(Kind::Audio),
        "camera" => Ok(Kind::Video),
        _ => Err(bad(field, "microphone or camera")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Cow, code, is_place, is_token, reason_code};

    #[test]
    fn of_a_reason_a_code_or_the_name_of_an_exception_is_kept() {
        for code in ["NotAllowedError", "ice_failed", "timeout-30.5", "408", &"x".repeat(64)] {
            assert_eq!(reason_code(Cow::Borrowed(code)).as_deref(), Some(code));
        }
        for (text, kept) in [
            ("NotAllowedError: Permission denied", Some("NotAllowedError")),
            ("OverconstrainedError (deviceId) by Ann", Some("OverconstrainedError")),
            ("RTCError: DTLS failed at 203.0.113.9", Some("RTCError")),
            ("MeierError: call +49 30 123456", None),
            ("NotAllowedErrorOfAnn: denied", None),
            ("AnnError 7", None),
            ("Ann Example hung up, +49 30 123456", None),
            ("no route to 203.0.113.9:5000", None),
            ("Überlastung", None),
            ("", None),
            (&"x".repeat(65), None),
        ] {
            assert_eq!(reason_code(Cow::Borrowed(text)).as_deref(), kept, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_no_code_becomes_its_hash_and_stays_apart() {
        let code = |name: &str| code(Cow::Borrowed(name)).into_owned();
        for name in ["", "pc-0", "4.2.1+sha.5", "fra1/rack:3", "IT01A1997416779"] {
            assert_eq!(code(name), name);
        }
        let names = ["Ann's laptop", "Ann's  laptop", "ann@example.org", &"x".repeat(65), "東京"];
        let hashes = names.map(code);
        for hash in &hashes {
            assert!(hash.len() == 18 && hash.starts_with("h-"), "{hash}");
        }
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash));
        }
    }

    #[test]
    fn a_place_is_named_by_words() {
        for place in ["São Paulo", "'s-Hertogenbosch", "Yahoo! Inc", "AT&T (Mobility)", "東京"] {
            assert!(is_place(place), "{place}");
        }
        for text in [
            "ann@example.org",
            "a\u{1b}[31m",
            "http://x",
            "=1+1",
            "+1+1",
            "A\u{202e}B",
            "A\u{200b}",
            &"x".repeat(129),
        ] {
            assert!(!is_place(text), "{text}");
        }
    }

    #[test]
    fn an_address_is_no_token_and_specified_names_are_tokens() {
        for token in ["srflx", "ethernet", "video/x-h264", "audio/AMR-WB+", "audio/telephone-event"]
        {
            assert!(is_token(token), "{token}");
        }
        for text in ["203.0.113.9", "fe80::1", "ann@example", "a b", "wi\u{301}fi"] {
            assert!(!is_token(text), "{text}");
        }
    }
}
