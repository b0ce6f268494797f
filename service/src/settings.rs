//! Settings that all services share, and the place for a service's own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use schemas::topics::Topic;
use serde::{Deserialize, Serialize};

/// Everything a service can be told. Each field but the last is a section of the same name in the
/// settings file; the service's own section has the name of the service.
#[derive(Clone, Debug, Default)]
pub struct Settings<S> {
    /// Connection to Kafka.
    pub kafka: Kafka,
    /// Names of topics.
    pub topics: TopicNames,
    /// The server of health and metrics.
    pub server: Server,
    /// The log.
    pub log: Log,
    /// Limits of the process.
    pub limits: Limits,
    /// The section of the service.
    pub service: S,
}

/// Section `[kafka]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kafka {
    /// Addresses to find the cluster by: `host:port`, separated by commas.
    pub brokers: String,
    /// Consumer group. Instances of a service in the same group share its partitions.
    pub group: String,
    /// Secret of 32 characters or more by which `isobar dlq replay` signs what it sends again, and
    /// services know it: give it to both, and to no other producer. Empty: nothing that is read
    /// counts as sent again, and nothing can be sent again.
    pub replay_key: String,
    /// Further options, passed to librdkafka as they are. Those of TLS and SCRAM take a build with
    /// `--features tls`.
    pub options: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            group: "isobar".to_owned(),
            replay_key: String::new(),
            options: BTreeMap::new(),
        }
    }
}

/// Defines the section `[topics]`: its keys, and the topic that each of them names.
macro_rules! topic_names {
    ($($(#[$doc:meta])* $key:ident = $topic:ident,)*) => {
        /// Section `[topics]`.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct TopicNames {
            $($(#[$doc])* pub $key: String,)*
        }

        impl Default for TopicNames {
            fn default() -> Self {
                Self { $($key: Topic::$topic.default_name().to_owned(),)* }
            }
        }

        impl TopicNames {
            /// Returns the name of a topic.
            #[must_use]
            pub const fn of(&self, topic: Topic) -> &String {
                match topic {
                    $(Topic::$topic => &self.$key,)*
                }
            }

            /// Returns the name of a topic, to be changed.
            pub const fn of_mut(&mut self, topic: Topic) -> &mut String {
                match topic {
                    $(Topic::$topic => &mut self.$key,)*
                }
            }

            /// Returns the settings' keys with their values.
            fn by_key(&self) -> impl Iterator<Item = (&'static str, &str)> {
                [$((stringify!($key), self.$key.as_str()),)*].into_iter()
            }
        }
    };
}

topic_names! {
    /// Raw events, as clients and importers send them.
    raw = Raw,
    /// Canonical reports.
    reports = Reports,
    /// Reports with place, provider, device and score.
    enriched = Enriched,
    /// Partials of cells.
    cells = Cells,
    /// Partials of sessions.
    sessions = Sessions,
    /// Partials of sessions by hour.
    hours = Hours,
    /// Audits of blocks.
    blocks = Blocks,
    /// Records that could not be processed.
    dead_letters = DeadLetters,
}

/// Section `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Server {
    /// Address of `/metrics`, `/healthz` and `/readyz`. Port 0 takes any free one.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
    }
}

/// Section `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Log {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// The least important line that is written.
    pub level: LogLevel,
}

/// Format of the lines of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Severity of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// The process ends, or somebody has to act.
    Error,
    /// Something waits or is lost.
    Warn,
    /// Start, end, assignments.
    #[default]
    Info,
    /// For finding faults.
    Debug,
    /// Everything.
    Trace,
}

/// Section `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// MB (2²⁰ bytes) of resident memory above which only an eighth of `in_flight_mb` may be in
    /// flight. State may take more (aggregate: sessions; ingest: streams): then the service says
    /// so, and goes on in small steps.
    pub memory_mb: u32,
    /// MB (2²⁰ bytes) written but not acknowledged at which reading pauses; it goes on at half.
    pub in_flight_mb: u32,
    /// Seconds that a stopping process may take to write and commit what is pending. It ends 3 s
    /// later at the latest, whatever hangs in it (exit code 75).
    pub shutdown_deadline_s: u32,
    /// Seconds without an answer of the group's coordinator and without an outcome of a rebalance,
    /// or without a write that gets on, after which the process ends (exit code 90) if a client
    /// made anew is served. While none is, Kafka is down: the service waits, and after ten times as
    /// long makes its consumer anew.
    pub stall_s: u32,
    /// Percent of what is read that may be dead-lettered. Above it the process ends (exit code 86)
    /// instead of diverting everything. 0: any share may.
    pub dead_letter_percent: u32,
    /// Dead letters in the window below which the share does not matter.
    pub dead_letter_min: u32,
    /// Seconds over which the share is taken.
    pub dead_letter_window_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mb: 240,
            in_flight_mb: 32,
            shutdown_deadline_s: 25,
            stall_s: 60,
            dead_letter_percent: 0,
            dead_letter_min: 1000,
            dead_letter_window_s: 60,
        }
    }
}

impl Limits {
    /// [`Limits::memory_mb`] in bytes.
    #[must_use]
    pub const fn memory_bytes(&self) -> i64 {
        self.memory_mb as i64 * 1024 * 1024
    }

    /// [`Limits::in_flight_mb`] in bytes.
    #[must_use]
    pub const fn in_flight_bytes(&self) -> usize {
        self.in_flight_mb as usize * 1024 * 1024
    }

    /// [`Limits::stall_s`] as a duration.
    #[must_use]
    pub const fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_s as u64)
    }

    /// [`Limits::shutdown_deadline_s`] as a duration.
    #[must_use]
    pub const fn shutdown_deadline(&self) -> Duration {
        Duration::from_secs(self.shutdown_deadline_s as u64)
    }
}

/// Everything that is wrong with the settings: a line each, with the path and what to do.
#[derive(Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", .found.join("; "))]
pub struct Problems {
    section: String,
    found: Vec<String>,
}

impl Problems {
    /// Adds an error of the setting at `path`, relative to the section that is being checked
    /// (`"window_s"`, `"packs.0.name"`).
    pub fn push(&mut self, path: &str, message: impl std::fmt::Display) {
        let place = [self.section.as_str(), path];
        let place = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let place = place.join(".");
        self.found.push(if place.is_empty() {
            message.to_string()
        } else {
            format!("{place}: {message}")
        });
    }

    /// Runs the check of a section; paths of its errors begin with `section`.
    pub fn check(&mut self, section: &str, checked: &dyn Check) {
        self.within(section, |problems| checked.check(problems));
    }

    /// Runs `work`; paths of its errors begin with `section`.
    pub fn within<T>(&mut self, section: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.section, section.to_owned());
        let result = work(self);
        self.section = outer;
        result
    }

    /// Returns true if there is no error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns a line for each error, `path: message`.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.found
    }
}

/// Minimum length of `kafka.replay_key`, in characters.
pub const SHORTEST_REPLAY_KEY: usize = 32;

/// Checks of settings beyond their types: ranges, and keys that must fit each other.
pub trait Check {
    /// Adds every error to `problems`.
    fn check(&self, problems: &mut Problems);
}

impl Check for Kafka {
    fn check(&self, problems: &mut Problems) {
        if self.brokers.trim().is_empty() {
            problems.push("brokers", "is empty; give at least one host:port");
        }
        if self.group.trim().is_empty() {
            problems.push("group", "is empty; give the consumer group a name");
        }
        if !self.replay_key.is_empty() && self.replay_key.chars().count() < SHORTEST_REPLAY_KEY {
            let reason = format!(
                "is too short to be a secret; use {SHORTEST_REPLAY_KEY} characters or more"
            );
            problems.push("replay_key", reason);
        }
    }
}

impl Check for TopicNames {
    fn check(&self, problems: &mut Problems) {
        let names: Vec<_> = self.by_key().collect();
        for (position, (key, name)) in names.iter().enumerate() {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if name.is_empty() || name.len() > 249 || !name.chars().all(legal) {
                problems.push(
                    key,
                    "is no name for a topic; use 1 to 249 letters, digits, '.', '_' or '-'",
                );
            }
            if let Some((other, _)) = names[..position].iter().find(|(_, other)| other == name) {
                problems.push(key, format!("is the same topic as topics.{other}; use another"));
            }
        }
    }
}

impl Check for Limits {
    fn check(&self, problems: &mut Problems) {
        if !(16..=1_048_576).contains(&self.memory_mb) {
            problems.push("memory_mb", "must be from 16 to 1048576");
        }
        if !(1..=1024).contains(&self.in_flight_mb) {
            problems.push("in_flight_mb", "must be from 1 to 1024");
        }
        if !(1..=3600).contains(&self.shutdown_deadline_s) {
            problems.push("shutdown_deadline_s", "must be from 1 to 3600");
        }
        if !(10..=3600).contains(&self.stall_s) {
            problems.push("stall_s", "must be from 10 to 3600");
        }
        if self.dead_letter_percent > 99 {
            problems.push("dead_letter_percent", "must be from 0 to 99; 0 switches it off");
        }
        if self.dead_letter_min == 0 {
            problems.push("dead_letter_min", "must be at least 1");
        }
        if !(1..=3600).contains(&self.dead_letter_window_s) {
            problems.push("dead_letter_window_s", "must be from 1 to 3600");
        }
    }
}
