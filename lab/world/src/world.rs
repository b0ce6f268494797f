//! A world of sessions whose truth is known: single-threaded, without clock and I/O. The same
//! settings give the same bytes.

mod call;
mod device;
mod envelope;
mod fault;
pub mod history;
mod json;
mod origin;
mod path;
mod place;
mod records;
mod session;
mod stats;
mod stream;

use std::collections::{BTreeMap, VecDeque};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::truth;
use history::{History, Weights};
use place::{Conditions, Place};
use session::Session;

/// The longest time between two reports of a session, µs.
pub const LONGEST_PERIOD_US: i64 = 15_000_000;

/// Longest time between the appends of two records of a session that are compared, µs: ingest's
/// look-back of 120 s, less 5 s for records in flight.
const REMEMBERED_US: i64 = 115_000_000;

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
    /// Every session only reports, for ever and without fault: a load to measure with. Nobody
    /// joins or leaves, and each report has four streams.
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

/// Severity of the incident, for [`Conditions::worse`].
const INCIDENT_TIMES: i64 = 40;

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

    /// Returns the settings of the history that a header describes; none if it describes none.
    #[must_use]
    pub fn of_header(header: &truth::Header) -> Option<Self> {
        let scenario = Scenario::named(&header.scenario)?;
        let settings = Self::of_history(header.history?, header.seed, header.start_us);
        Some(Self { scenario, ..settings })
    }

    /// If Kafka takes nothing for longer than this, µs, the truth about the world's intervals no
    /// longer holds: sessions are silent for a while themselves, and ingest does not remember both.
    #[must_use]
    pub fn longest_stall_us(&self) -> i64 {
        REMEMBERED_US - session::longest_silence_us(self.period_us)
    }

    /// Returns start and end of the incident of [`Scenario::IspIncident`], µs since the Unix epoch.
    #[must_use]
    pub fn incident(&self) -> std::ops::Range<i64> {
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

/// A raw record to send, and the truth about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Time of sending, µs since the Unix epoch.
    pub at_us: i64,
    /// Key of the raw record: app/call/participant.
    pub key: String,
    /// Value of the raw record.
    pub payload: Vec<u8>,
    /// Expected result.
    pub truth: truth::Record,
}

/// Error of the settings of a world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Sessions report too rarely for intervals, or the period is not positive.
    #[error("a session must report every 1 ms to 15 s, not every {0} µs")]
    Period(i64),
    /// Nobody is there.
    #[error("at least one session is needed")]
    Empty,
    /// A history in which that does not happen.
    #[error("a history has the scenario usual or isp-incident, not {}", .0.name())]
    History(Scenario),
    /// The list of networks is broken.
    #[error("lab/world/data/places.csv has a line that is none")]
    Places,
}

/// Random state and settings that sessions share.
struct Environment {
    settings: Settings,
    places: Vec<Place>,
    rng: ChaCha8Rng,
}

impl Environment {
    /// Returns the network conditions at a place, without disturbances of single sessions.
    fn conditions(&self, place: usize, at_us: i64) -> Conditions {
        let place = &self.places[place];
        let usual = place.conditions(at_us);
        let struck = self.settings.scenario == Scenario::IspIncident
            && place.provider == INCIDENT_PROVIDER
            && self.settings.incident().contains(&at_us);
        if struck { usual.worse(INCIDENT_TIMES) } else { usual }
    }

    /// Returns the share of reports at which a bad spell of `session` begins, of 10,000.
    fn spell_share(&self, session: &Session, usual: Conditions) -> u32 {
        match self.settings.history {
            Some(_) => history::spell_share(session, usual),
            None => 50 + (usual.loss_ppm / 2000) as u32,
        }
    }

    /// Returns the share of set-ups of `session` that fail, of 10,000.
    fn failing_share(&self, session: &Session, loss_ppm: i64) -> u32 {
        let of_release = self.settings.history.map_or(0, |_| history::failing_share(session));
        100 + (loss_ppm / 100) as u32 + of_release
    }

    fn is_steady(&self) -> bool {
        self.settings.scenario == Scenario::Steady
    }

    /// Returns true in `share` of 10,000 cases.
    fn chance(&mut self, share: u32) -> bool {
        self.rng.random_range(0..10_000) < share
    }
}

enum Item {
    Step(Box<Session>),
    Send(Box<Delivery>),
    /// A call begins: in a history.
    Call,
}

/// All sessions, played in the order of time.
pub struct World {
    around: Environment,
    /// Shares of calls by place: of a history.
    weights: Weights,
    /// By time, then in the order of scheduling.
    queue: BTreeMap<(i64, u64), Item>,
    scheduled: u64,
    ready: VecDeque<Delivery>,
    calls: u32,
    introduced: u32,
    live: u32,
}

impl World {
    /// Returns a world at its start.
    ///
    /// # Errors
    /// When the settings are invalid.
    pub fn new(settings: Settings) -> Result<Self, WorldError> {
        if !(1_000..=LONGEST_PERIOD_US).contains(&settings.period_us) {
            return Err(WorldError::Period(settings.period_us));
        }
        if settings.sessions == 0 {
            return Err(WorldError::Empty);
        }
        let mut places = Place::all().ok_or(WorldError::Places)?;
        let weights = Weights::of(&places);
        if settings.history.is_some() {
            if !matches!(settings.scenario, Scenario::Usual | Scenario::IspIncident) {
                return Err(WorldError::History(settings.scenario));
            }
            history::equalise(&mut places);
        }
        let rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut world = Self {
            around: Environment { settings, places, rng },
            weights,
            queue: BTreeMap::new(),
            scheduled: 0,
            ready: VecDeque::new(),
            calls: 0,
            introduced: 0,
            live: 0,
        };
        match settings.history {
            Some(_) => world.schedule(settings.start_us, Item::Call),
            None => world.populate(settings.start_us),
        }
        Ok(world)
    }

    /// Begins calls until enough sessions are live. In a history calls begin by themselves.
    fn populate(&mut self, now_us: i64) {
        while self.around.settings.history.is_none() && self.live < self.around.settings.sessions {
            let room = self.around.settings.sessions - self.live;
            let call = call::begin(&mut self.around, self.calls, room);
            self.introduce(call, now_us);
        }
    }

    /// Begins a call of a history, and schedules the next one.
    fn begin_call(&mut self, history: History, now_us: i64) {
        let Self { around, weights, calls, .. } = self;
        let (call, gap_us) = history::next_call(around, weights, history, *calls, now_us);
        self.introduce(call, now_us);
        self.schedule(now_us + gap_us, Item::Call);
    }

    /// Lets the participants of a call join, one after another.
    fn introduce(&mut self, call: Vec<Session>, now_us: i64) {
        self.calls += 1;
        for mut session in call {
            session.number = self.introduced;
            self.introduced += 1;
            self.live += 1;
            let joins_us = now_us + self.around.rng.random_range(0..self.around.settings.period_us);
            session.ends_us = session.ends_us.saturating_add(joins_us);
            session.passed_us = joins_us - self.around.settings.period_us;
            self.schedule(joins_us, Item::Step(Box::new(session)));
        }
    }

    fn schedule(&mut self, at_us: i64, item: Item) {
        self.queue.insert((at_us, self.scheduled), item);
        self.scheduled += 1;
    }

    fn step(&mut self, mut session: Box<Session>, now_us: i64) {
        let mut deliveries = Vec::new();
        let next = session.step(now_us, &mut self.around, &mut deliveries);
        for delivery in deliveries {
            if delivery.at_us <= now_us {
                self.ready.push_back(delivery);
            } else {
                self.schedule(delivery.at_us, Item::Send(Box::new(delivery)));
            }
        }
        match next {
            Some(at_us) => self.schedule(at_us, Item::Step(session)),
            None => {
                self.live -= 1;
                self.populate(now_us);
            }
        }
    }
}

impl Iterator for World {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        let end_us = self
            .around
            .settings
            .duration_us
            .map_or(i64::MAX, |duration| self.around.settings.start_us + duration);
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                return Some(delivery);
            }
            let ((now_us, _), item) = self.queue.pop_first()?;
            if now_us >= end_us {
                return None;
            }
            match item {
                Item::Send(delivery) => return Some(*delivery),
                Item::Step(session) => self.step(session, now_us),
                Item::Call => {
                    if let Some(history) = self.around.settings.history {
                        self.begin_call(history, now_us);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
