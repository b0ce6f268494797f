//! A world of sessions whose truth is known: single-threaded, without clock and I/O. The same
//! settings give the same bytes.

mod call;
mod device;
mod envelope;
mod environment;
mod fault;
pub mod history;
mod json;
mod origin;
mod path;
mod place;
mod records;
mod session;
mod settings;
mod stats;
mod stream;

use std::collections::{BTreeMap, VecDeque};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use environment::Environment;
use history::{History, Weights};
use place::Place;
pub use records::Delivery;
use session::Session;
pub use settings::{
    INCIDENT_COUNTRY, INCIDENT_PROVIDER, LONGEST_PERIOD_US, Scenario, Settings, WorldError,
};

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
    /// Items by time, then by the order of scheduling.
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

    /// Begins calls until enough sessions are live. In a history, calls begin on schedule instead.
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

    /// Schedules the participants of a call to join, one after another.
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
