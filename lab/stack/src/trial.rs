//! Settings of a stack of `isobar up`, which takes histories of weeks: `isobar simulate --days`.

/// Retention of such a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Days for which ClickHouse keeps partials, sessions and roll-ups of minutes, at least.
    pub kept_days: u16,
    /// Hours within which events are not late (`ingest.late_h`).
    pub late_h: u32,
    /// Hours within which intervals are kept in `samples` (`sink.samples_within_h`).
    pub samples_within_h: u32,
    /// Hours for which topics are kept, at least: a history can be verified for so long.
    pub topic_hours: i64,
}

impl Trial {
    /// The settings of `isobar up` with a ClickHouse of its own.
    pub const OF_UP: Self = Self {
        kept_days: 60,
        // Two days less than partials are kept: `ingest.partials_d`.
        late_h: 58 * 24,
        samples_within_h: 48,
        topic_hours: 72,
    };
}
