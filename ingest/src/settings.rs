//! Section `[ingest]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Check, Problems};

/// Section `[ingest]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Look-back: seconds of the raw log, by append time, that the state covers. The predecessor of a
    /// snapshot and the first copy of a duplicate are searched for in it; copies that arrive later
    /// count again. A longer look-back takes more memory (about 0.4 KB for each stream and 0.1 KB for
    /// each event in that time), and more of the log is read again after a restart. A change of this
    /// setting or the limits below applies to records for which nothing is committed yet.
    pub look_back_s: u32,
    /// Maximum bytes of a raw record and its key. A larger record is dead-lettered.
    pub max_record_bytes: usize,
    /// Maximum levels of nesting in a raw record. A deeper record is dead-lettered.
    pub max_depth: usize,
    /// Maximum number of RTP streams of one type (inbound-rtp, …) in a raw record, of all its peer
    /// connections together. A record with more is dead-lettered.
    pub max_streams: usize,
    /// Maximum number of snapshots of RTP streams, candidate pairs and transports of one session in
    /// the state: usually one of each. If there are more, the oldest are dropped: these streams have
    /// no interval until they are reported twice again. One peer connection of a session may have at
    /// most three quarters of them, so that it does not displace those of another.
    pub session_streams: usize,
    /// MB (2²⁰ bytes) for snapshots in the state of a partition. Each takes 256 bytes and those of its
    /// counters; the default is sufficient for about 80,000 streams, candidate pairs and transports.
    /// For each MB the state also holds up to 655 events, states and peer connections. If there are
    /// more, the oldest are dropped.
    pub state_mb: u32,
    /// Whether records with a missing or empty key are dead-lettered, because all records of a session
    /// must be in one partition. They are always accepted if the topic has only one partition.
    pub require_key: bool,
    /// Maximum age of an event at its append time, in hours. At most 24 × (`partials_d` − 2): 288 by
    /// default. An older event is dead-lettered.
    pub late_h: u32,
    /// Days for which ClickHouse keeps partials and samples. Must match the TTL of the tables: with a
    /// larger value here, `late_h` can accept events whose rows ClickHouse deletes.
    pub partials_d: u32,
    /// Minutes that an event may be ahead of its append time; beyond it is dead-lettered.
    pub ahead_min: u32,
    /// Accepted applications, by their `app`. Records of others are dead-lettered. Empty: all are
    /// accepted.
    pub apps: Vec<String>,
}

/// Maximum bytes of the names of applications.
const MOST_APPS: usize = 1000;

/// Number of days by which the maximum age of events is shorter than the retention of partials. Roll-ups
/// of an hour are rebuilt until a day before partials expire, and the rebuild may take another day.
const SPARE_DAYS: u32 = 2;

impl Default for Settings {
    fn default() -> Self {
        Self {
            look_back_s: 120,
            max_record_bytes: 1 << 20,
            max_depth: 32,
            max_streams: 512,
            session_streams: 2048,
            state_mb: 24,
            require_key: true,
            late_h: 72,
            partials_d: 14,
            ahead_min: 5,
            apps: Vec::new(),
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
        if !(1..=65_536).contains(&self.state_mb) {
            problems.push("state_mb", "must be from 1 to 65536");
        }
        // One session may take at most about half of the state.
        if !(64..=(self.state_mb as usize).saturating_mul(1024)).contains(&self.session_streams) {
            problems.push("session_streams", "must be from 64 to 1024 for each MB of state_mb");
        }
        if !(3..=3650).contains(&self.partials_d) {
            problems.push("partials_d", "must be from 3 to 3650");
        }
        let latest_h = self.partials_d.saturating_sub(SPARE_DAYS).saturating_mul(24);
        if !(1..=latest_h).contains(&self.late_h) {
            let (days, again) = (self.partials_d, self.partials_d.saturating_sub(1));
            let message = format!(
                "must be from 1 to {latest_h}: ClickHouse keeps partials and samples for {days} days \
                 (partials_d), and builds an hour of roll-ups again for {again}"
            );
            problems.push("late_h", message);
        }
        // The names are part of the committed metadata, which may have 4 KB.
        if self.apps.iter().map(String::len).sum::<usize>() > MOST_APPS {
            problems.push("apps", "must have no more than 1000 bytes of names");
        }
        if self.apps.iter().any(String::is_empty) {
            problems.push("apps", "must not have an empty name");
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

    /// [`Settings::state_mb`] in bytes.
    pub(crate) const fn state_bytes(&self) -> usize {
        self.state_mb as usize * 1024 * 1024
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
        let problems = |late_h, partials_d| {
            let mut problems = Problems::default();
            Settings { late_h, partials_d, ..Settings::default() }.check(&mut problems);
            problems.lines().to_vec()
        };
        assert_eq!(problems(288, 14), [""; 0]);
        let found = problems(289, 14);
        assert!(found.len() == 1 && found[0].starts_with("late_h: must be from 1 to 288"));
        assert_eq!(problems(1392, 60), [""; 0]);
        assert!(problems(1393, 60)[0].starts_with("late_h: must be from 1 to 1392"));
        assert!(problems(1, 2)[0].starts_with("partials_d: must be from 3 to 3650"));
    }
}
