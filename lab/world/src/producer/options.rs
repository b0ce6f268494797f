//! Options, progress and result of a simulation.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rdkafka::error::KafkaError;
use serde::{Deserialize, Serialize};

use schemas::topics::Topic;

use crate::truth::TruthError;
use crate::world::history::History;
use crate::world::{Scenario, Settings, WorldError};

const HOUR_US: i64 = 3_600_000_000;
/// Default of `ingest.late_h`, hours.
const LATE_H: u32 = 72;
/// Margin in hours. Clocks of clients lag by up to four hours, and sending takes time: if a world
/// starts at least this much later than the limit, its truth includes which events are late.
const TRUTH_H: u32 = 5;

/// Options of a simulation.
#[derive(Clone, Debug)]
pub struct Options {
    /// Kafka's addresses, `host:port`, separated by commas.
    pub brokers: String,
    /// Further options for librdkafka.
    pub kafka: BTreeMap<String, String>,
    /// The raw topic.
    pub topic: String,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Sessions that are live at the same time.
    pub sessions: u32,
    /// Records per second by the world's clock; each session reports every `sessions / rate` s.
    pub rate: f64,
    /// Length of the world; unlimited if none.
    pub duration: Option<Duration>,
    /// Number of reports with intervals after which the world ends.
    pub reports: Option<u64>,
    /// Events of the world.
    pub scenario: Scenario,
    /// Start of the world, µs since the Unix epoch. By default it is now or, if the world is sent
    /// as fast as possible, such that the world ends about now.
    pub start_us: Option<i64>,
    /// `ingest.late_h` of the services that read the topic: the world may start this many hours
    /// ago.
    pub late_h: u32,
    /// Sends as fast as Kafka accepts it, instead of in real time.
    pub fast: bool,
    /// Weeks of calls that end now, instead of `sessions`, `rate`, `duration` and `start_us`; sent as fast as
    /// possible.
    pub history: Option<History>,
    /// Records that the pipeline has counted, as somebody else finds out meanwhile: the simulation waits for a
    /// pipeline that is far behind.
    pub counted: Option<Arc<AtomicU64>>,
    /// File of the truth.
    pub truth: Option<PathBuf>,
    /// File of the progress: a [`Progress`] as JSON per line, five times per second.
    pub progress: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            kafka: BTreeMap::new(),
            topic: Topic::Raw.default_name().to_owned(),
            seed: 1,
            sessions: 500,
            rate: 100.0,
            duration: None,
            reports: None,
            scenario: Scenario::Usual,
            start_us: None,
            late_h: LATE_H,
            fast: false,
            history: None,
            counted: None,
            truth: None,
            progress: None,
        }
    }
}

/// Progress of a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Wall clock, ms since the Unix epoch.
    pub wall_ms: i64,
    /// Records handed to the Kafka client.
    pub records_sent: u64,
    /// Intervals of accepted records among them.
    pub intervals_sent: u64,
    /// Intervals of accepted records that Kafka has acknowledged.
    pub intervals_acknowledged: u64,
    /// Sessions that have begun.
    #[serde(default)]
    pub sessions: u64,
    /// Time in the world, µs since the Unix epoch.
    #[serde(default)]
    pub at_us: i64,
}

/// Result of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The world's settings.
    pub settings: Settings,
    /// Records, all acknowledged.
    pub records: u64,
    /// Intervals of accepted records among them.
    pub intervals: u64,
    /// Sessions that have begun.
    pub sessions: u64,
    /// Bytes of the records' values.
    pub bytes: u64,
    /// Duration of the simulation.
    pub took: Duration,
}

/// Reason why a simulation failed.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The options are not valid for a world.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The rate is invalid.
    #[error("the rate must be above 0 and at most 1,000 for each session")]
    Rate,
    /// A world that is sent as fast as possible has no end.
    #[error("to play as fast as possible, give a duration or a number of reports")]
    Endless,
    /// The world starts too early.
    #[error(
        "the world must start within the last {0} h, and what is older is late (ingest.late_h)"
    )]
    Start(u32),
    /// The world starts too early for its truth to be known.
    #[error(
        "a world with a truth must start within the last {} h: of what is older the truth does not \
         know whether it is late",
        .0.saturating_sub(TRUTH_H)
    )]
    StartOfTruth(u32),
    /// The history is longer than events may be late.
    #[error(
        "{days} days are more than the {late_h} h that events may be late (ingest.late_h); `isobar up` \
         with a ClickHouse of its own takes them"
    )]
    History {
        /// Days.
        days: u32,
        /// Hours.
        late_h: u32,
    },
    /// The truth cannot be written.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Kafka.
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
    /// Kafka refused records for good.
    #[error("kafka refused {0} records")]
    Refused(u64),
    /// Kafka has acknowledged nothing for too long.
    #[error(
        "Kafka has acknowledged nothing for {} s, and {acknowledged} of {sent} records before that; \
         {why}",
        silence.as_secs()
    )]
    Silent {
        /// Time without an acknowledgement.
        silence: Duration,
        /// Records acknowledged.
        acknowledged: u64,
        /// Records handed to the client.
        sent: u64,
        /// Result for a new client, and advice.
        why: String,
    },
    /// Records are too late for the truth to be valid.
    #[error(
        "fell {} s behind, and the truth holds for {}; choose a lower rate, or see why Kafka takes \
         nothing",
        stall.as_secs(),
        longest.as_secs()
    )]
    Behind {
        /// Delay.
        stall: Duration,
        /// Permitted delay.
        longest: Duration,
    },
}

impl Options {
    /// Returns the settings of the world, at `now_us`.
    pub(super) fn world(&self, now_us: i64) -> Result<Settings, PlayError> {
        if let Some(history) = self.history {
            return self.weeks(history, now_us);
        }
        let period_us = 1e6 * f64::from(self.sessions) / self.rate;
        if !period_us.is_finite() {
            return Err(PlayError::Rate);
        }
        let period_us = period_us.round() as i64;
        let duration_us = self.duration.map(|duration| duration.as_micros() as i64);
        let start_us = match (self.start_us, self.fast) {
            (Some(start_us), _) => start_us,
            (None, false) => now_us,
            (None, true) => {
                let rounds =
                    |reports: u64| reports.div_ceil(u64::from(self.sessions.max(1))) as i64;
                let span_us = self.reports.map(|reports| (rounds(reports) + 2) * period_us);
                now_us - duration_us.or(span_us).ok_or(PlayError::Endless)?
            }
        };
        self.reaches(start_us, now_us)?;
        Ok(Settings {
            seed: self.seed,
            start_us,
            duration_us,
            sessions: self.sessions,
            period_us,
            scenario: self.scenario,
            late_us: i64::from(self.late_h) * HOUR_US,
            history: None,
        })
    }

    /// A history that ends at `now_us`.
    fn weeks(&self, history: History, now_us: i64) -> Result<Settings, PlayError> {
        let start_us = now_us - history.span_us();
        let reach_us = i64::from(self.late_h.saturating_sub(TRUTH_H)) * HOUR_US;
        if history.span_us() > reach_us {
            return Err(PlayError::History { days: history.days, late_h: self.late_h });
        }
        let settings = Settings::of_history(history, self.seed, start_us);
        Ok(Settings { scenario: self.scenario, ..settings })
    }

    /// An error if a world cannot start at `start_us` when it is `now_us`.
    fn reaches(&self, start_us: i64, now_us: i64) -> Result<(), PlayError> {
        let within = |hours: u32| {
            (now_us.saturating_sub(i64::from(hours) * HOUR_US)..=now_us).contains(&start_us)
        };
        if !within(self.late_h) {
            return Err(PlayError::Start(self.late_h));
        }
        match &self.truth {
            Some(_) if !within(self.late_h.saturating_sub(TRUTH_H)) => {
                Err(PlayError::StartOfTruth(self.late_h))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::world::World;

    const NOW_US: i64 = 1_756_000_000_000_000;

    #[test]
    fn a_rate_becomes_the_time_between_two_reports_of_a_session() {
        let options = Options { sessions: 500, rate: 100.0, ..Options::default() };
        let settings = options.world(NOW_US).unwrap();
        assert_eq!((settings.period_us, settings.start_us), (5_000_000, NOW_US));
    }

    #[test]
    fn a_world_played_fast_lies_in_the_past() {
        let options = Options {
            fast: true,
            sessions: 100,
            rate: 10.0,
            reports: Some(1000),
            ..Options::default()
        };
        assert_eq!(options.world(NOW_US).unwrap().start_us, NOW_US - 120_000_000);
        let endless = Options { reports: None, ..options.clone() };
        assert!(matches!(endless.world(NOW_US), Err(PlayError::Endless)));
        let ahead = Options { start_us: Some(NOW_US + 1), ..options };
        assert!(matches!(ahead.world(NOW_US), Err(PlayError::Start(72))));
    }

    #[test]
    fn a_world_starts_within_the_late_limit_and_at_the_start_in_its_truth() {
        let hours_ago = |hours| Some(NOW_US - hours * HOUR_US);
        let plain = Options { start_us: hours_ago(72), ..Options::default() };
        assert!(plain.world(NOW_US).is_ok());
        let older = Options { start_us: hours_ago(73), ..plain.clone() };
        assert!(matches!(older.world(NOW_US), Err(PlayError::Start(72))));
        assert!(Options { late_h: 288, ..older.clone() }.world(NOW_US).is_ok());
        let truth = Some(PathBuf::from("truth"));
        let known = Options { truth: truth.clone(), start_us: hours_ago(67), ..Options::default() };
        assert!(known.world(NOW_US).is_ok());
        let unknown = Options { truth: truth.clone(), ..plain };
        assert!(matches!(unknown.world(NOW_US), Err(PlayError::StartOfTruth(72))));
        let more = Options { truth, late_h: 288, start_us: hours_ago(283), ..known };
        assert_eq!(more.world(NOW_US).unwrap().late_us, 288 * HOUR_US);
    }

    #[test]
    fn a_history_ends_now_and_is_no_longer_than_events_may_be_late() {
        let history = Some(History { days: 30, hourly: 300 });
        let options = Options { history, late_h: 725, ..Options::default() };
        let settings = options.world(NOW_US).unwrap();
        assert_eq!((settings.start_us, settings.history), (NOW_US - 720 * HOUR_US, history));
        let short = Options { late_h: 724, ..options };
        assert!(matches!(short.world(NOW_US), Err(PlayError::History { days: 30, late_h: 724 })));
    }

    #[test]
    fn the_same_seed_and_start_make_the_same_bytes_whenever_they_are_played() {
        let bytes = |start_us, now_us| {
            let settings = Options { start_us, ..Options::default() }.world(now_us).unwrap();
            let deliveries = World::new(settings).unwrap().take(1000);
            deliveries.map(|delivery| (delivery.key, delivery.payload)).collect::<Vec<_>>()
        };
        let start_us = NOW_US - 3_600_000_000;
        assert_eq!(bytes(Some(start_us), NOW_US), bytes(Some(start_us), NOW_US + 1_000_000));
        assert_ne!(bytes(None, NOW_US), bytes(None, NOW_US + 1_000_000));
    }
}
