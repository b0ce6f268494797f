//! Recognition of deltas and pieces of recordings, which are incomplete without earlier records.
//! `isobar replay` expands them. Applied only to records that no format accepts.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

use super::json::{Ends, Scalar};
use super::{Reason, Rejected, protobuf};

pub(super) const RTCSTATS: &str =
    "a piece of an rtcstats dump: `isobar replay` expands the whole of it";
const PROTOBUF: &str = "a sample of ObserveRTC's protobuf encoder: `isobar replay` expands the \
                        whole stream, recorded in base64";

/// First line of a numbered rtcstats dump.
const NUMBERED: &str = "RTCStatsDump";

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Returns the rejection of a record: as a delta if it may be one, else the given one.
pub(super) fn or_delta(rejected: Rejected, payload: &[u8]) -> Rejected {
    match rejected.reason {
        Reason::NotUtf8 | Reason::NotJson | Reason::UnknownFormat => {
            piece(payload).map_or(rejected, |of| Rejected::new(Reason::Delta, of))
        }
        _ => rejected,
    }
}

fn piece(payload: &[u8]) -> Option<&'static str> {
    if protobuf::is_sample(payload) {
        return Some(PROTOBUF);
    }
    let text = str::from_utf8(payload).ok()?;
    let text = text.trim_start_matches('\u{feff}').trim_ascii_start();
    if text.starts_with(NUMBERED) || is_line(text) {
        return Some(RTCSTATS);
    }
    is_base64(text).then_some(PROTOBUF)
}

/// Returns whether the text is `[name, peer connection, value, …, time]`, or lines of which the
/// first one is.
fn is_line(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Ends<'_>>();
    let Some(Ok(items)) = values.next() else { return false };
    items.count >= 4
        && matches!(items.first, Scalar::Text(_) | Scalar::Number(_))
        && matches!(items.second, Scalar::Text(_) | Scalar::Missing)
        && matches!(items.last, Scalar::Number(_))
}

/// Returns whether the text is a sample in base64 (RFC 4648), bare or as a JSON string, or lines or
/// an array of which the first one is.
fn is_base64(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| matches!(c, '[' | '"') || c.is_ascii_whitespace());
    let end = text.find(|c: char| c == '"' || c.is_ascii_whitespace()).unwrap_or(text.len());
    let sample = &text[..end];
    let engine = if sample.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(sample).is_ok_and(|bytes| protobuf::is_sample(&bytes))
}
