//! Fields that several formats have, and what is taken for them.

use std::borrow::Cow;

use schemas::{Claim, Kind};
use serde::Deserialize;

use super::json::{Nested, Scalar};
use super::{Reason, Rejected};
use crate::counters::whole;

/// Bytes of what names things: application, call, edge, ….
pub(super) const MAX_NAME: usize = 256;

/// Events of one record that are read: far more than happen between two snapshots.
pub(super) const MAX_EVENTS: usize = 64;

/// Bytes of what people or browsers wrote: reason, user agent.
pub(super) const MAX_PROSE: usize = 1024;

pub(super) const MS_TO_US: f64 = 1e3;

/// Up to this, a record's time is in seconds: 1e11 ms were in 1973.
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

/// What people or browsers wrote. Of its words, those that may be an address, a host, a URL, a mail
/// address, a fingerprint, a key or a line of SDP are left out.
pub(super) fn prose<'a>(field: &str, value: Scalar<'a>) -> Result<Option<Cow<'a, str>>, Rejected> {
    let text = text_up_to(MAX_PROSE, field, value)?;
    Ok(text.map(|text| match words(&text) {
        Some(words) => Cow::Owned(words),
        None => text,
    }))
}

/// Stands for words that are left out.
const LEFT_OUT: &str = "…";

/// Bytes of a word; longer ones are keys and certificates.
const MAX_WORD: usize = 32;

/// The text without the words that are left out; none if it has no such words.
pub(super) fn words(text: &str) -> Option<String> {
    let plain = |word: &str| {
        let inner = word.trim_matches(|c: char| c.is_ascii_punctuation() && !"@=/\\".contains(c));
        inner.len() <= MAX_WORD && !inner.contains(['.', ':', '@', '=', '/', '\\', '%', '+'])
    };
    if text.split_whitespace().all(plain) {
        return None;
    }
    let words = text.split_whitespace().map(|word| if plain(word) { word } else { LEFT_OUT });
    Some(words.collect::<Vec<_>>().join(" "))
}

/// True for what W3C and IETF name states, types, protocols and codecs by.
pub(super) fn is_token(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/');
    text.len() <= MAX_WORD && text.bytes().all(part)
}

pub(super) fn name<'a>(field: &str, value: Scalar<'a>) -> Result<Cow<'a, str>, Rejected> {
    let name = required(field, text_up_to(MAX_NAME, field, value)?)?;
    if name.is_empty() { Err(bad(field, "a name: it is empty")) } else { Ok(name) }
}

/// A number of ms, times `scale`.
pub(super) fn ms(field: &str, value: Scalar<'_>, scale: f64) -> Result<Option<i64>, Rejected> {
    if value == Scalar::Missing {
        return Ok(None);
    }
    let whole = value.number().and_then(|ms| whole(ms, scale));
    whole.map(Some).ok_or_else(|| bad(field, "a number of ms"))
}

/// Up to this, a time is in ms; beyond it, which ms reach in the year 5138, it is in us, as native
/// SDKs count.
const MOST_MS: f64 = 1e14;

/// Beyond this a time in us is one in ns.
const MOST_US: f64 = 1e17;

/// A time since the Unix epoch, in ms as browsers tell it, in us or ns, or as text (RFC 3339); us.
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

/// [`moment_us`] of a field that must tell it if it is there.
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

/// What the client's side claims of its place, as it is written.
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

/// None if nothing is claimed.
pub(super) fn claim(claimed: Nested<Claimed<'_>>) -> Result<Option<Claim>, Rejected> {
    let claimed = match claimed {
        Nested::Missing => return Ok(None),
        Nested::Wrong => return Err(bad("claim", "an object")),
        Nested::Told(claimed) => claimed,
    };
    let text = |field: &str, value: Scalar<'_>| {
        let text = text_up_to(MAX_NAME, field, value)?;
        Ok(text.filter(|text| !text.is_empty()).map(Cow::into_owned))
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

/// The device that failed, by the kind of its media.
pub(super) fn device(field: &str, value: Scalar<'_>) -> Result<Kind, Rejected> {
    match required(field, text_up_to(MAX_NAME, field, value)?)?.as_ref() {
        "microphone" => Ok(Kind::Audio),
        "camera" => Ok(Kind::Video),
        _ => Err(bad(field, "microphone or camera")),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_token, words};

    #[test]
    fn of_what_people_wrote_only_plain_words_are_kept() {
        for plain in [
            "",
            "connection state failed",
            "NotAllowedError: Permission denied",
            "(timeout) after 30 s!",
            "ICE failed. Gave up;",
            "Überlastung — später",
        ] {
            assert_eq!(words(plain), None, "{plain}");
        }
        for (text, kept) in [
            ("no route to 203.0.113.9:5000, really", "no route to … really"),
            ("fe80::dead unreachable", "… unreachable"),
            ("[2001:db8::1]:443", "…"),
            ("mail ann@example.org", "mail …"),
            ("turn:turn.example.org?transport=udp failed", "… failed"),
            ("bad SDP: a=fingerprint:sha-256 AB:CD:EF m=audio", "bad SDP: … … …"),
            ("key dGhpcyBpcyBub3QgYSBjZXJ0aWZpY2F0ZSBvZiBhbnlib2R5 wrong", "key … wrong"),
            ("C:\\Users\\ann", "…"),
        ] {
            assert_eq!(words(text).as_deref(), Some(kept));
        }
    }

    #[test]
    fn an_address_is_no_token_and_what_the_specifications_name_is_one() {
        for token in ["srflx", "ethernet", "video/x-h264", "audio/AMR-WB+", "audio/telephone-event"]
        {
            assert!(is_token(token), "{token}");
        }
        for text in ["203.0.113.9", "fe80::1", "ann@example", "a b", "wi\u{301}fi"] {
            assert!(!is_token(text), "{text}");
        }
    }
}
