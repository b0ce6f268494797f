//! Reasons why records are rejected.

/// Reason why a record is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text is not JSON.
    NotJson,
    /// It has more bytes or streams than allowed.
    TooLarge,
    /// It has deeper nesting than allowed.
    TooDeep,
    /// Its format is unknown.
    UnknownFormat,
    /// It is a delta, which is incomplete without an earlier record.
    Delta,
    /// It has statistics of the callback-based getStats().
    LegacyGetStats,
    /// Its format is known, but its event is not.
    UnknownEvent,
    /// A required field is missing.
    MissingField,
    /// A field has an invalid value.
    BadValue,
    /// It has no key, so it may be in another partition than other records of its session.
    NoKey,
    /// It has statistics without any stats object.
    EmptyReport,
    /// The name of the application, call or participant is too long.
    IdTooLong,
    /// The application is not among the accepted ones.
    UnknownApp,
    /// Its event time is ahead of the append time.
    TimeAhead,
    /// Its event time is too long before the append time.
    Late,
}

impl Reason {
    /// Returns the code in dead letters and metrics.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::UnknownFormat => "unknown_format",
            Self::Delta => "delta",
            Self::LegacyGetStats => "legacy_get_stats",
            Self::UnknownEvent => "unknown_event",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::NoKey => "no_key",
            Self::EmptyReport => "empty_report",
            Self::IdTooLong => "id_too_long",
            Self::UnknownApp => "unknown_app",
            Self::TimeAhead => "time_ahead",
            Self::Late => "late",
        }
    }
}

/// Error: a record is rejected. The detail names fields and limits, and never quotes the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Reason.
    pub(crate) reason: Reason,
    /// Description of the error and its position.
    pub(crate) detail: String,
}

impl Rejected {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}
