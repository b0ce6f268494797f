//! Section `[ingest]`.

use runtime::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `[ingest]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Seconds of the raw log, by append time, that the state remembers: a snapshot's predecessor
    /// and a duplicate's first copy are looked for in them. Changed, this and the limits below hold
    /// for records of which nothing is committed yet.
    pub look_back_s: u32,
    /// Bytes of a raw record and its key; a larger one is dead-lettered.
    pub max_record_bytes: usize,
    /// Levels of nesting in a raw record; a deeper one is dead-lettered.
    pub max_depth: usize,
    /// RTP streams of one type (inbound-rtp, …) in a raw record, those of all of its peer
    /// connections; one with more is dead-lettered.
    pub max_streams: usize,
    /// Hours that an event may be older than its append time, at most 288; an older one is
    /// dead-lettered.
    pub late_h: u32,
    /// Minutes that an event may be ahead of its append time; beyond it is dead-lettered.
    pub ahead_min: u32,
}

/// A day less than an hour of roll-ups is built again, which is a day less than partials are kept.
const LATEST_H: u32 = 12 * 24;

impl Default for Settings {
    fn default() -> Self {
        Self {
            look_back_s: 120,
            max_record_bytes: 1 << 20,
            max_depth: 32,
            max_streams: 512,
            late_h: 72,
            ahead_min: 5,
        }
    }
}

impl Check for Settings {
    fn check(&self, problems: &mut Problems) {
        if !(1..=3600).contains(&self.look_back_s) {
            problems.push("look_back_s", "must be from 1 to 3600");
        }
        if !(1024..=64 << 20).contains(&self.max_record_bytes) {
            problems.push("max_record_bytes", "must be from 1024 to 67108864");
        }
        if !(4..=128).contains(&self.max_depth) {
            problems.push("max_depth", "must be from 4 to 128; a stats report needs 4");
        }
        if !(1..=10_000).contains(&self.max_streams) {
            problems.push("max_streams", "must be from 1 to 10000");
        }
        if !(1..=LATEST_H).contains(&self.late_h) {
            let message = "must be from 1 to 288: ClickHouse keeps partials and samples for 14 \
                           days, and builds an hour of roll-ups again for 13";
            problems.push("late_h", message);
        }
        if !(1..=24 * 60).contains(&self.ahead_min) {
            problems.push("ahead_min", "must be from 1 to 1440");
        }
    }
}

impl Settings {
    /// [`Settings::look_back_s`] in ms.
    pub(crate) fn look_back_ms(&self) -> i64 {
        i64::from(self.look_back_s) * 1000
    }

    /// [`Settings::late_h`] in ms.
    pub(crate) fn late_ms(&self) -> i64 {
        i64::from(self.late_h) * 3_600_000
    }

    /// [`Settings::ahead_min`] in ms.
    pub(crate) fn ahead_ms(&self) -> i64 {
        i64::from(self.ahead_min) * 60_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_may_be_later_than_clickhouse_counts_it() {
        let problems = |late_h| {
            let mut problems = Problems::default();
            Settings { late_h, ..Settings::default() }.check(&mut problems);
            problems.lines().to_vec()
        };
        assert_eq!(problems(288), [""; 0]);
        let found = problems(289);
        assert!(found.len() == 1 && found[0].starts_with("late_h: must be from 1 to 288"));
    }
}
