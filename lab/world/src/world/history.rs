//! Weeks of calls: how many there are at each hour, where they come from, and the known differences
//! between providers, devices and releases.
//!
//! The mix of devices differs between providers, and devices differ in quality. So a comparison of
//! providers without regard to devices is wrong in a known way: see [`TWINS`] and [`REVERSED`].

use rand::Rng;

use super::call;
use super::device::Browser;
use super::environment::Environment;
use super::place::{Conditions, Place};
use super::session::Session;
pub use super::settings::History;
use super::settings::{DAY_US, HOUR_US, Scenario, Settings};
use crate::truth;

/// Time between two reports of a session of a history, µs.
pub const PERIOD_US: i64 = 15_000_000;

/// Calls that begin in each local hour from Monday to Friday, in 1/1000 of no particular number.
const WORKDAY: [u64; 24] = [
    120, 80, 60, 60, 80, 150, 350, 800, 1500, 2100, 2300, 2200, 1800, 2000, 2300, 2200, 1900, 1500,
    1200, 1100, 1000, 800, 500, 250,
];
/// The same on Saturday and Sunday.
const WEEKEND: [u64; 24] = [
    200, 120, 80, 60, 60, 60, 100, 200, 350, 500, 600, 650, 650, 650, 650, 650, 700, 800, 900, 950,
    900, 700, 450, 300,
];

/// Share of all calls by country, in no particular unit; every other country has [`OTHER_COUNTRY`].
const COUNTRIES: [(&str, u64); 12] = [
    ("US", 160),
    ("DE", 120),
    ("IN", 100),
    ("BR", 100),
    ("FR", 80),
    ("GB", 80),
    ("ID", 40),
    ("JP", 40),
    ("MX", 30),
    ("CA", 30),
    ("AU", 25),
    ("NG", 20),
];
const OTHER_COUNTRY: u64 = 7;

/// Participants of a call, in tenths on average: see [`call_size`].
const CALL_SIZE_TENTHS: u64 = 24;

/// Two providers of a country, by the names in `lab/world/data/places.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// ISO 3166-1 code.
    pub country: &'static str,
    /// The provider with more mobile devices.
    pub mobile: &'static str,
    /// The provider with more desktop devices.
    pub desktop: &'static str,
}

/// Two providers with the same network. Only the mix of their users' devices differs, so there is no
/// difference between them once both are standardised to the same mix.
pub const TWINS: Pair = Pair { country: "FR", mobile: "Orange", desktop: "Free" };

/// Two providers of which the second has the worse network. Without regard to devices the first appears
/// to be worse.
pub const REVERSED: Pair = Pair { country: "GB", mobile: "BT", desktop: "Virgin Media" };

/// The release in the middle of a history. It reaches mobile devices later than others.
pub const RELEASE: &str = "4.2.1";
/// The release that most clients have before.
pub const RELEASE_BEFORE: &str = "4.2.0";
/// The application in which [`RELEASE`] is worse than the one before; it is the same in all others.
pub const RELEASE_WORSE_IN: &str = "support";

/// Share of calls by place, apart from the hour.
#[derive(Debug)]
pub(super) struct Weights(Vec<u64>);

impl Weights {
    /// The share of a country is divided among its providers in the order of the list: the first has
    /// most. That of a provider is divided equally among its networks.
    pub(super) fn of(places: &[Place]) -> Self {
        let weight = |place: &Place| {
            let known = COUNTRIES.iter().find(|(country, _)| *country == place.country);
            let of_country = known.map_or(OTHER_COUNTRY, |(_, share)| *share);
            let mut rank = 1;
            for (at, other) in places.iter().enumerate() {
                let is_new = !places[..at].iter().any(|it| same_provider(it, other));
                if same_provider(other, place) {
                    break;
                }
                rank += u64::from(is_new && other.country == place.country);
            }
            let networks = places.iter().filter(|it| same_provider(it, place)).count() as u64;
            of_country * 27_720 / rank / networks
        };
        Self(places.iter().map(weight).collect())
    }
}

fn same_provider(one: &Place, other: &Place) -> bool {
    (&one.country, &one.provider) == (&other.country, &other.provider)
}

/// Makes the networks of [`TWINS`] the same.
pub(super) fn equalise(places: &mut [Place]) {
    let is =
        |place: &Place, provider| (&*place.country, &*place.provider) == (TWINS.country, provider);
    let Some(one) = places.iter().find(|it| is(it, TWINS.mobile)).cloned() else { return };
    places.iter_mut().filter(|it| is(it, TWINS.desktop)).for_each(|it| it.behave_as(&one));
}

/// Calls that begin at `at_us`, in 1/1000 of those of the same place in another hour.
fn busy(place: &Place, at_us: i64) -> u64 {
    let local_us = at_us + place.utc_hours * HOUR_US;
    let hour = local_us.rem_euclid(DAY_US) / HOUR_US;
    // 1970-01-01 was a Thursday.
    let weekday = (local_us.div_euclid(DAY_US) + 3).rem_euclid(7);
    if weekday < 5 { WORKDAY[hour as usize] } else { WEEKEND[hour as usize] }
}

/// Mean of [`busy`] over a week.
fn usually_busy() -> u64 {
    (5 * WORKDAY.iter().sum::<u64>() + 2 * WEEKEND.iter().sum::<u64>()) / (7 * 24)
}

/// The calls of a moment by place.
struct Moment {
    shares: Vec<u64>,
    total: u64,
}

impl Moment {
    fn at(weights: &Weights, places: &[Place], at_us: i64) -> Self {
        let shares =
            weights.0.iter().zip(places).map(|(weight, place)| weight * busy(place, at_us));
        let shares: Vec<u64> = shares.collect();
        Self { total: shares.iter().sum(), shares }
    }

    fn draw(&self, rng: &mut impl Rng) -> usize {
        drawn(self.shares.iter().copied(), self.total, rng)
    }
}

/// Draws a position by the shares, whose sum is `total`.
fn drawn(shares: impl Iterator<Item = u64>, total: u64, rng: &mut impl Rng) -> usize {
    let mut left = rng.random_range(0..total.max(1));
    let mut last = 0;
    for (at, share) in shares.enumerate() {
        if share == 0 {
            continue;
        }
        last = at;
        if left < share {
            break;
        }
        left -= share;
    }
    last
}

/// The call that begins at `now_us`, and the time until the next one, µs.
pub(super) fn next_call(
    around: &mut Environment,
    weights: &Weights,
    history: History,
    number: u32,
    now_us: i64,
) -> (Vec<Session>, i64) {
    let moment = Moment::at(weights, &around.places, now_us);
    let usual: u64 = weights.0.iter().sum::<u64>() * usually_busy();
    // Calls in an hour are sessions / size; the gap between them is an hour / calls.
    let gap_us = u128::from(usual) * u128::from(CALL_SIZE_TENTHS) * HOUR_US as u128
        / (u128::from(moment.total.max(1)) * 10 * u128::from(history.hourly.max(1)));
    let gap_us = around.rng.random_range(0..=2 * gap_us as i64);
    let size = call_size(around);
    let home = moment.draw(&mut around.rng);
    let mut places = vec![home];
    while places.len() < size {
        places.push(if around.chance(7500) {
            neighbour(around, weights, home)
        } else {
            moment.draw(&mut around.rng)
        });
    }
    (call::begin_in(around, number, &places, now_us), gap_us)
}

fn call_size(around: &mut Environment) -> usize {
    match around.rng.random_range(0..10) {
        0..7 => 2,
        7..9 => 3,
        _ => 4,
    }
}

/// A place of the same country.
fn neighbour(around: &mut Environment, weights: &Weights, home: usize) -> usize {
    let (places, country) = (&around.places, &around.places[home].country);
    let share = |at: usize| if places[at].country == *country { weights.0[at] } else { 0 };
    let shares: Vec<u64> = (0..places.len()).map(share).collect();
    drawn(shares.iter().copied(), shares.iter().sum(), &mut around.rng)
}

/// Time that a call lasts, µs: 5 min on average for a participant, who leaves early or not.
pub(super) fn call_length_us(around: &mut Environment) -> i64 {
    around.rng.random_range(60..220) * around.rng.random_range(1..=4) * 1_000_000
}

/// Share of calls without video, of 10,000.
pub(super) const AUDIO_ONLY: u32 = 4000;

fn is_mobile(browser: &Browser) -> bool {
    matches!(browser.class, "mobile" | "tablet")
}

/// Share of mobile devices among the users of a place, of 10,000.
fn mobile_share(place: &Place) -> u32 {
    let is = |pair: Pair, provider| (&*place.country, &*place.provider) == (pair.country, provider);
    if is(TWINS, TWINS.mobile) || is(REVERSED, REVERSED.mobile) {
        8000
    } else if is(TWINS, TWINS.desktop) || is(REVERSED, REVERSED.desktop) {
        1200
    } else if place.access == "cellular" {
        7000
    } else {
        3000
    }
}

/// The browser of a participant at `place`.
pub(super) fn browser(around: &mut Environment, place: usize) -> &'static Browser {
    let share = mobile_share(&around.places[place]);
    let wants_mobile = around.chance(share);
    loop {
        let browser = Browser::at(around.rng.random_range(0..1000));
        if is_mobile(browser) == wants_mobile {
            return browser;
        }
    }
}

/// The release of a participant's client at `now_us`.
pub(super) fn version(around: &mut Environment, browser: &Browser, now_us: i64) -> &'static str {
    let Some(history) = around.settings.history else { return RELEASE_BEFORE };
    // It takes a day to reach most desktops, and a week to reach most mobile devices.
    let day_us = history.span_us() / 30;
    let (waits_us, takes_us) = if is_mobile(browser) { (day_us, 6 * day_us) } else { (0, day_us) };
    let since_us = now_us - history.release_us(around.settings.start_us) - waits_us;
    let share = 9000 * since_us.clamp(0, takes_us) / takes_us.max(1);
    let is_new = around.chance(share as u32);
    match around.rng.random_range(0..10) {
        _ if is_new => RELEASE,
        0..2 => "4.1.7",
        _ => RELEASE_BEFORE,
    }
}

/// Share of reports at which a bad spell begins, of 10,000. It depends on the network's own loss, and
/// is the same for all sessions with the same device class, network type, application and release.
pub(super) fn spell_share(session: &Session, usual: Conditions) -> u32 {
    let of_network = 40 + (usual.loss_ppm / 100) as u32;
    let of_device = if is_mobile(session.browser) { 20 } else { 10 };
    let of_access = if session.path.network_type == "ethernet" { 10 } else { 15 };
    let of_release = if has_bad_release(session) { 30 } else { 10 };
    (of_network * of_device * of_access * of_release / 1000).min(3000)
}

/// Share of set-ups that fail in addition to the usual ones, of 10,000.
pub(super) fn failing_share(session: &Session) -> u32 {
    if has_bad_release(session) { 500 } else { 0 }
}

fn has_bad_release(session: &Session) -> bool {
    session.client_version == RELEASE && session.app == RELEASE_WORSE_IN
}

impl Settings {
    /// Returns the settings of the history that a header describes; none if it describes none.
    #[must_use]
    pub fn of_header(header: &truth::Header) -> Option<Self> {
        let scenario = Scenario::named(&header.scenario)?;
        let settings = Self::of_history(header.history?, header.seed, header.start_us);
        Some(Self { scenario, ..settings })
    }

    /// Returns the settings of a history of `history` that starts at `start_us`. It has no end of its
    /// own: whoever plays it ends it.
    #[must_use]
    pub fn of_history(history: History, seed: u64, start_us: i64) -> Self {
        Self {
            seed,
            start_us,
            duration_us: None,
            // A session lasts a twelfth of an hour.
            sessions: history.hourly.div_ceil(12),
            period_us: PERIOD_US,
            scenario: Scenario::Usual,
            // No session keeps its events for longer than hours.
            late_us: i64::MAX,
            history: Some(history),
        }
    }
}

#[cfg(test)]
mod tests;
