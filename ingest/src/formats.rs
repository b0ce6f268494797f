//! From a record's bytes to an [`Event`]. A new format is a variant of [`Format`] and a module.

mod envelope;
mod get_stats;
mod json;

use crate::event::Event;
use crate::settings::Settings;

/// Why a record is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Text that is not JSON.
    NotJson,
    /// More bytes or streams than allowed.
    TooLarge,
    /// More nesting than allowed.
    TooDeep,
    /// No format that is known here.
    UnknownFormat,
    /// A known format with an event that is not.
    UnknownEvent,
    /// A required field is not there.
    MissingField,
    /// A field has a value that it cannot have.
    BadValue,
    /// Event time is ahead of the append time.
    TimeAhead,
    /// Event time is too long before the append time.
    Late,
}

impl Reason {
    /// The code in dead letters and metrics.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::UnknownFormat => "unknown_format",
            Self::UnknownEvent => "unknown_event",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::TimeAhead => "time_ahead",
            Self::Late => "late",
        }
    }
}

/// A record that is not taken. The detail names fields and limits, and quotes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Why.
    pub(crate) reason: Reason,
    /// What was wrong and where.
    pub(crate) detail: String,
}

impl Rejected {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Wire formats.
enum Format {
    /// Isobar's JSON envelope: `docs/reference/envelope.md`.
    Envelope,
}

impl Format {
    /// By the header where it names a format of ours, else by the text's shape.
    fn detect(content_type: Option<&str>, text: &str) -> Option<Self> {
        let named = content_type.is_some_and(|name| name.starts_with(envelope::CONTENT_TYPE));
        (named || json::is_object(text)).then_some(Self::Envelope)
    }
}

/// Decodes a record's value.
pub(crate) fn decode<'a>(
    payload: &'a [u8],
    content_type: Option<&str>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    if payload.len() > limits.max_record_bytes {
        let detail = format!("more than {} bytes", limits.max_record_bytes);
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    let text = str::from_utf8(payload)
        .map_err(|error| Rejected::new(Reason::NotUtf8, format!("byte {}", error.valid_up_to())))?;
    if json::is_deeper_than(limits.max_depth, text) {
        let detail = format!("more than {} levels", limits.max_depth);
        return Err(Rejected::new(Reason::TooDeep, detail));
    }
    match Format::detect(content_type, text) {
        Some(Format::Envelope) => envelope::decode(text, limits),
        None => Err(json::check(text).err().unwrap_or_else(|| {
            Rejected::new(Reason::UnknownFormat, "neither its header nor its shape is known")
        })),
    }
}

#[cfg(test)]
mod tests;
