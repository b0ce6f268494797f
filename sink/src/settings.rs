//! Section `[sink]` of the settings.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_methods, reason = "the password may lie in a file")
)]

use std::fmt;

use clickhouse::{Client, Compression};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{Check, Problems};

use crate::error::ConnectError;

/// Section `[sink]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SinkSettings {
    /// ClickHouse's HTTP address. `https://` requires a build with `--features tls`.
    pub url: String,
    /// Database that holds the tables.
    pub database: String,
    /// User with the right to insert.
    pub user: String,
    /// The user's password.
    pub password: Password,
    /// File with the user's password, instead of `password`.
    pub password_file: String,
    /// Id of the ClickHouse that this one permanently replaces: the sink continues from the group's
    /// commits for the former. `isobar migrate` writes and prints the ids; see exit code 89 for
    /// what to do first.
    pub adopt_target: String,
    /// Whether single intervals are stored, in `samples`. If not, reports are not read at all.
    pub samples: bool,
    /// Hours by which a report may be older than its append time for its intervals to be kept in
    /// `samples`; 0 for no limit. Cells and sessions count older ones as well.
    pub samples_within_h: u32,
    /// Maximum delay of an insert in milliseconds, even for few records. A quarter of it if no more
    /// records arrive, three times as long if the batch is full by then, and five times as long for
    /// records that are already 20 s old.
    pub flush_ms: u32,
    /// MB (2²⁰ bytes) of records that are inserted immediately: 16 MB are about 100,000 intervals.
    pub batch_mb: u32,
    /// Whether inserts are compressed (LZ4). Recommended over a network, but not on one machine.
    pub compress: bool,
    /// Interval in seconds at which the sink looks for hours of roll-ups to rebuild.
    pub rollup_s: u32,
    /// Seconds from the end of an hour until its roll-up is built.
    pub seal_grace_s: u32,
}

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "isobar".to_owned(),
            user: "sink".to_owned(),
            password: Password::default(),
            password_file: String::new(),
            adopt_target: String::new(),
            samples: true,
            samples_within_h: 0,
            flush_ms: 1000,
            batch_mb: 16,
            compress: false,
            rollup_s: 30,
            seal_grace_s: 120,
        }
    }
}

/// A password, which debug output does not show.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl SinkSettings {
    /// [`SinkSettings::batch_mb`] in bytes.
    pub(crate) const fn batch_bytes(&self) -> usize {
        self.batch_mb as usize * 1024 * 1024
    }

    /// Returns the age in µs up to which reports are kept in `samples`, if there is a limit.
    pub(crate) fn samples_within_us(&self) -> Option<i64> {
        let hours = Some(self.samples_within_h).filter(|hours| *hours > 0)?;
        Some(i64::from(hours) * 3_600_000_000)
    }

    /// Returns a client of the ClickHouse that the settings name.
    ///
    /// # Errors
    /// If the password's file cannot be read.
    pub(crate) fn client(&self) -> Result<Client, ConnectError> {
        let password = if self.password_file.is_empty() {
            self.password.0.clone()
        } else {
            std::fs::read_to_string(&self.password_file)
                .map_err(|source| {
                    let file = self.password_file.clone();
                    ConnectError::Password { file, source }
                })?
                .trim_end()
                .to_owned()
        };
        let compression = if self.compress { Compression::Lz4 } else { Compression::None };
        Ok(Client::default()
            .with_url(&self.url)
            .with_database(&self.database)
            .with_user(&self.user)
            .with_password(password)
            .with_compression(compression)
            .with_setting("async_insert", "0")
            // Merges and views select the newest version of a row. Doing this in each insert as
            // well would take four fifths of its time.
            .with_setting("optimize_on_insert", "0")
            // Late data belongs to many days, and partitions of the log are at different positions:
            // ClickHouse should split an insert rather than refuse it.
            .with_setting("max_partitions_per_insert_block", "0"))
    }
}

impl Check for SinkSettings {
    fn check(&self, problems: &mut Problems) {
        let tls = cfg!(feature = "tls") && self.url.starts_with("https://");
        if !tls && !self.url.starts_with("http://") {
            problems.push("url", "must start with http:// (https://: build with --features tls)");
        }
        for (key, value) in [("database", &self.database), ("user", &self.user)] {
            if value.trim().is_empty() {
                problems.push(key, "is empty");
            }
        }
        if !self.password_file.is_empty() && !self.password.0.is_empty() {
            problems.push("password_file", "is given beside password; give one of them");
        }
        for (key, value, range) in [
            ("flush_ms", self.flush_ms, 10..=60_000),
            ("batch_mb", self.batch_mb, 1..=256),
            ("rollup_s", self.rollup_s, 1..=3600),
            ("seal_grace_s", self.seal_grace_s, 0..=86_400),
        ] {
            if !range.contains(&value) {
                problems.push(key, format!("must be from {} to {}", range.start(), range.end()));
            }
        }
    }
}
