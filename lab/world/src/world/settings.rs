//! Settings of a world.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::truth;

pub(super) const HOUR_US: i64 = 3_600_000_000;
pub(super) const DAY_US: i64 = 24 * HOUR_US;

/// The longest time between two reports of a session, µs.
pub const LONGEST_PERIOD_US: i64 = 15_000_000;

/// Events of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing.
    #[default]
    Usual,
    /// The network of one provider, [`INCIDENT_PROVIDER`], is bad for the middle third of the
    /// time; for ten minutes from the third on if there is no end; in a history, for the last
    /// afternoon.
    IspIncident,
    /// Every session only reports, without end and without fault: a constant load. No session
    /// starts or ends, and each report has four streams.
    Steady,
    /// Nine sessions of ten are in one call, which lasts as long as the world.
    OneCall,
}

impl Scenario {
    /// Returns its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::IspIncident => "isp-incident",
            Self::Steady => "steady",
            Self::OneCall => "one-call",
        }
    }

    /// Returns the scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Usual, Self::IspIncident, Self::Steady, Self::OneCall];
        all.into_iter().find(|it| it.name() == name)
    }
}

/// The provider of [`Scenario::IspIncident`].
pub const INCIDENT_PROVIDER: &str = "Deutsche Telekom";
/// Its country.
pub const INCIDENT_COUNTRY: &str = "DE";

/// Size of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Days from its start to its end.
    pub days: u32,
    /// Sessions that begin in an hour, averaged over a week.
    pub hourly: u32,
}

impl History {
    /// Returns the time from the start to the end, µs.
    #[must_use]
    pub fn span_us(&self) -> i64 {
        i64::from(self.days) * DAY_US
    }

    /// Returns the time when [`RELEASE`](super::history::RELEASE) comes out, for a history that starts at `start_us`.
    #[must_use]
    pub fn release_us(&self, start_us: i64) -> i64 {
        start_us + self.span_us() / 2
    }

    /// Returns start and end of the incident: the last afternoon of its country that began at least an
    /// hour before the end. It is the same whatever the hour of the day at which a history ends, and
    /// lasts up to the end in an afternoon.
    pub(crate) fn incident(&self, start_us: i64) -> Range<i64> {
        let end_us = start_us + self.span_us();
        let mut from_us = end_us.div_euclid(DAY_US) * DAY_US + 14 * HOUR_US;
        if from_us + HOUR_US > end_us {
            from_us -= DAY_US;
        }
        from_us..from_us + 4 * HOUR_US
    }
}

/// Settings of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seed of the random numbers.
    pub seed: u64,
    /// Start, µs since the Unix epoch.
    pub start_us: i64,
    /// Length, µs; unlimited if none.
    pub duration_us: Option<i64>,
    /// Sessions that are live at the same time.
    pub sessions: u32,
    /// Time between two reports of a session, µs; at most [`LONGEST_PERIOD_US`].
    pub period_us: i64,
    /// Events of the world.
    pub scenario: Scenario,
    /// Age from which on events are late, µs: `ingest.late_h`.
    pub late_us: i64,
    /// Weeks of calls, instead of a number of sessions that are live all the time.
    pub history: Option<History>,
}

impl Settings {
    /// Returns the first line of the world's truth.
    #[must_use]
    pub fn header(&self) -> truth::Header {
        truth::Header {
            seed: self.seed,
            start_us: self.start_us,
            sessions: self.sessions,
            period_us: self.period_us,
            scenario: self.scenario.name().to_owned(),
            history: self.history,
        }
    }

    /// Returns start and end of the incident of [`Scenario::IspIncident`], µs since the Unix epoch.
    #[must_use]
    pub fn incident(&self) -> Range<i64> {
        if let Some(history) = self.history {
            return history.incident(self.start_us);
        }
        let (from, to) = match self.duration_us {
            Some(duration) => (duration / 3, duration / 3 * 2),
            None => (180_000_000, 780_000_000),
        };
        self.start_us + from..self.start_us + to
    }
}

/// Error of the settings of a world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Sessions report too rarely for intervals, or the period is not positive.
    #[error("a session must report every 1 ms to 15 s, not every {0} µs")]
    Period(i64),
    /// There are no sessions.
    #[error("at least one session is needed")]
    Empty,
    /// A history does not support the scenario.
    #[error("a history has the scenario usual or isp-incident, not {}", .0.name())]
    History(Scenario),
    /// The list of networks has an invalid line.
    #[error("lab/world/data/places.csv has an invalid line")]
    Places,
}
