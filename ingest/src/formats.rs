//! Decoding of a record's bytes to an [`Event`]. A new format requires a variant of [`Format`] and
//! a module.

mod callstats;
mod canonical;
mod client_sample;
mod delta;
mod envelope;
mod envelope_fields;
mod fields;
mod get_stats;
mod json;
mod plain;
mod protobuf;
mod rejected;
mod source;

use schemas::Report;
use schemas::json_numbers as numbers;

use self::envelope::Envelope;
use self::envelope_fields::{Around, Shape};
use self::json::{Ends, Scalar};
pub(crate) use self::rejected::{Reason, Rejected};
pub(crate) use self::source::Source;
use crate::event::Event;
use crate::settings::Settings;

/// Content of a raw record.
#[derive(Debug)]
pub(crate) enum Decoded<'a> {
    /// An event, with snapshots to compare with earlier ones.
    Event(Event<'a>),
    /// A report that was already canonical.
    Report(Report),
}

/// Wire formats, each described in `docs/reference/formats.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Isobar's JSON envelope.
    Envelope,
    /// A getStats report as a member of an object that names the session.
    Wrapped,
    /// A getStats report by itself.
    Bare,
    /// ObserveRTC's ClientSample.
    ClientSample,
    /// A body of callstats.io's REST API.
    Callstats,
}

impl Format {
    /// Returns the format that a header names.
    fn named(content_type: &str) -> Option<Self> {
        let named = |name| content_type.starts_with(name);
        if named(envelope::CONTENT_TYPE) {
            Some(Self::Envelope)
        } else if named(plain::CONTENT_TYPE) {
            Some(Self::Wrapped)
        } else if named(client_sample::CONTENT_TYPE) {
            Some(Self::ClientSample)
        } else if named(callstats::CONTENT_TYPE) {
            Some(Self::Callstats)
        } else {
            None
        }
    }

    /// Returns the format of an object by its members.
    const fn of(shape: Shape) -> Option<Self> {
        if shape.envelope {
            Some(Self::Envelope)
        } else if shape.client_sample || shape.unlisted_sample {
            Some(Self::ClientSample)
        } else if shape.callstats {
            Some(Self::Callstats)
        } else if shape.report {
            Some(Self::Wrapped)
        } else if shape.objects {
            Some(Self::Bare)
        } else {
            None
        }
    }
}

/// The media types that name a format.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) const CONTENT_TYPES: [&str; 5] = [
    envelope::CONTENT_TYPE,
    plain::CONTENT_TYPE,
    client_sample::CONTENT_TYPE,
    callstats::CONTENT_TYPE,
    canonical::CONTENT_TYPE,
];

/// Decodes a record.
pub(crate) fn decode<'a>(source: Source<'a>, limits: &Settings) -> Result<Decoded<'a>, Rejected> {
    let Source { payload, key, .. } = source;
    // The report keeps the key.
    if payload.len() + key.map_or(0, <[u8]>::len) > limits.max_record_bytes {
        let detail = format!("more than {} bytes", limits.max_record_bytes);
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    known(source, limits).map_err(|rejected| delta::or_delta(rejected, payload))
}

/// Decodes like [`decode`] a record that may have numbers beyond the range of a double, such as
/// `1e999`. They are valid JSON, but the parser would refuse the whole record. So they are
/// replaced, and count as missing, in a copy of the record in `mended`.
pub(crate) fn decode_finite<'a>(
    source: Source<'a>,
    limits: &Settings,
    mended: &'a mut Option<Vec<u8>>,
) -> Result<Decoded<'a>, Rejected> {
    match decode(source, limits) {
        Err(rejected) if rejected.reason == Reason::NotJson => {
            let Some(payload) = numbers::finite(source.payload) else {
                return Err(hinted(rejected, source.payload));
            };
            let payload: &'a [u8] = mended.insert(payload);
            let decoded = decode(Source { payload, ..source }, limits);
            decoded.map_err(|rejected| hinted(rejected, payload))
        }
        decoded => decoded,
    }
}

/// Returns what to do about a record that is not JSON because of an invalid number.
fn hinted(rejected: Rejected, payload: &[u8]) -> Rejected {
    if rejected.reason != Reason::NotJson || !numbers::has_no_number(payload) {
        return rejected;
    }
    let detail = format!("{}{}", rejected.detail, numbers::HINT);
    Rejected { detail, ..rejected }
}

fn known<'a>(source: Source<'a>, limits: &Settings) -> Result<Decoded<'a>, Rejected> {
    let Source { payload, content_type, .. } = source;
    let is_avro = content_type.is_some_and(|name| name.starts_with(canonical::CONTENT_TYPE));
    if is_avro || payload.first() == Some(&canonical::MAGIC) {
        return canonical::decode(payload, limits).map(Decoded::Report);
    }
    let text = simdutf8::compat::from_utf8(payload)
        .map_err(|error| Rejected::new(Reason::NotUtf8, format!("byte {}", error.valid_up_to())))?;
    if json::is_deeper_than(limits.max_depth, text) {
        let detail = format!("more than {} levels", limits.max_depth);
        return Err(Rejected::new(Reason::TooDeep, detail));
    }
    of_text(text, source, limits).map(Decoded::Event)
}

fn of_text<'a>(
    text: &'a str,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    let named = source.content_type.and_then(Format::named);
    if named != Some(Format::Envelope) && !json::is_object(text) {
        return of_array(text, source, limits);
    }
    // Nearly all records are envelopes, so they are parsed only once.
    if matches!(named, None | Some(Format::Envelope)) {
        let envelope = Envelope::read(text)?;
        if named.is_some() || envelope.is_one() {
            return envelope::decode(envelope, limits);
        }
    }
    let shape = Around::read(text)?.shape;
    match named.or_else(|| Format::of(shape)) {
        Some(Format::Wrapped) if !shape.report && shape.objects => {
            plain::bare(text, source, limits)
        }
        Some(Format::Wrapped) => plain::wrapped(text, source, limits),
        Some(Format::Bare) => plain::bare(text, source, limits),
        Some(Format::ClientSample) => client_sample::decode(text, source, limits),
        Some(Format::Callstats) => callstats::decode(text, source, limits),
        Some(Format::Envelope) | None => Err(envelope_fields::unknown(shape)),
    }
}

/// An array is a report.
fn of_array<'a>(
    text: &'a str,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    match serde_json::from_str::<Ends<'_>>(text).map_err(json::rejected)?.first {
        Scalar::Nested => plain::bare(text, source, limits),
        _ => Err(envelope_fields::unknown(Shape::default())),
    }
}

#[cfg(test)]
mod tests;
