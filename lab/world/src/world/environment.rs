//! State that all sessions of a world share: settings, places and random numbers.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::place::{Conditions, Place};
use super::settings::{INCIDENT_PROVIDER, Scenario, Settings};

/// Severity of the incident, for [`Conditions::worse`].
const INCIDENT_TIMES: i64 = 40;

/// Random state and settings that sessions share.
pub(super) struct Environment {
    pub(super) settings: Settings,
    pub(super) places: Vec<Place>,
    pub(super) rng: ChaCha8Rng,
}

impl Environment {
    /// Returns the network conditions at a place, without disturbances of single sessions.
    pub(super) fn conditions(&self, place: usize, at_us: i64) -> Conditions {
        let place = &self.places[place];
        let usual = place.conditions(at_us);
        let struck = self.settings.scenario == Scenario::IspIncident
            && place.provider == INCIDENT_PROVIDER
            && self.settings.incident().contains(&at_us);
        if struck { usual.worse(INCIDENT_TIMES) } else { usual }
    }

    pub(super) fn is_steady(&self) -> bool {
        self.settings.scenario == Scenario::Steady
    }

    /// Returns true in `share` of 10,000 cases.
    pub(super) fn chance(&mut self, share: u32) -> bool {
        self.rng.random_range(0..10_000) < share
    }
}
