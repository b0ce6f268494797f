//! Direct standardisation: the share that a group would have with the common mix of sessions.

use super::mix::Mix;
use super::ratio::MINIMUM_CASES;
use super::share::Interval;
use super::strata::{Strata, Stratum, Sums};
use super::weighted::{Term, Weighted};

/// Fewest effective sessions with which a stratum counts for a group.
pub const MINIMUM_IN_STRATUM: f64 = 5.0;

/// Smallest part of the common mix in which a group must have enough sessions.
pub const MINIMUM_COVERAGE: f64 = 0.8;

/// A common mix of sessions: the classified time of all groups together, by stratum. Weights and shares of
/// the mix are treated as known.
#[derive(Clone, Debug, PartialEq)]
pub struct Standard {
    strata: Vec<Share>,
    share: f64,
}

/// A stratum of the common mix.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The stratum.
    pub stratum: Stratum,
    /// Its part of the classified time of all groups; the sum over the strata is 1.
    pub weight: f64,
    /// Its share of poor time in all groups.
    pub share: f64,
    /// Its sessions in all groups.
    pub sessions: u64,
}

/// How much is known about a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has an interval.
    Known,
    /// It has one exact limit alone: the upper one of a small share, the lower one of a large.
    OneLimit,
    /// It has no limits, because the group has too little of the common mix.
    CannotTell,
    /// The group has no sessions with classified time.
    NoData,
}

/// A share of poor time with what is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// How much is known.
    pub state: State,
    /// The share, 0 to 1; none without data.
    pub value: Option<f64>,
    /// Lower 95 % limit.
    pub lower: Option<f64>,
    /// Upper 95 % limit.
    pub upper: Option<f64>,
    /// Sessions of the group. Those of several kinds or directions of one browser, device class and
    /// network type are counted as the same ones, so there may be more.
    pub sessions: u64,
    /// Number of sessions of equal length and in the common mix that have the same information.
    pub effective_sessions: f64,
    /// Standard error of the share of the strata that count, by linearisation.
    pub standard_error: Option<f64>,
    /// Degrees of freedom of Student's quantile.
    pub degrees_of_freedom: f64,
    /// Part of the common mix, 0 to 1, in which the group has [`MINIMUM_IN_STRATUM`]; 1 for a raw figure.
    pub coverage: f64,
    /// Sessions, rounded up to two digits, that the group needs in all for an interval; only without one,
    /// and none if more sessions of the same mix would not do.
    pub needs_sessions: Option<u64>,
}

impl Standard {
    /// Takes the mix of `union`, the sessions of all groups; none without classified time.
    #[must_use]
    pub fn of(union: &Strata) -> Option<Self> {
        let observed = || union.iter().filter(|(_, sums)| sums.w > 0);
        let whole = observed().map(|(_, sums)| sums.w).sum::<i128>() as f64;
        let poor = observed().map(|(_, sums)| sums.y).sum::<i128>() as f64;
        let strata = observed().map(|(stratum, sums)| Share {
            stratum: stratum.clone(),
            weight: sums.w as f64 / whole,
            share: sums.share(),
            sessions: sums.sessions,
        });
        (whole > 0.0).then(|| Self { strata: strata.collect(), share: poor / whole })
    }

    /// Returns the share of poor time of all groups.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Returns the strata with their weights.
    #[must_use]
    pub fn strata(&self) -> &[Share] {
        &self.strata
    }

    /// Returns the share of poor time that `group` would have with the common mix.
    #[must_use]
    pub fn figure(&self, group: &Strata) -> Figure {
        self.figure_of(&self.align(group))
    }

    pub(super) fn figure_of(&self, group: &[Sums]) -> Figure {
        let sessions = self.sessions(group);
        let mix = Mix::of(self, &[group]);
        let Some(found) = mix.weigh(group) else {
            return Figure { sessions, ..Figure::without(sessions, self.needs(group)) };
        };
        let enough = mix.coverage >= MINIMUM_COVERAGE;
        let interval = if enough {
            found.interval()
        } else {
            Interval { estimate: found.share, lower: None, upper: None }
        };
        let scaled = mix.scale(interval);
        let state = match (enough, interval.enough()) {
            (false, _) => State::CannotTell,
            (true, false) => State::OneLimit,
            (true, true) => State::Known,
        };
        let needs_sessions = if state == State::Known { None } else { self.needs(group) };
        let coverage = mix.coverage;
        Figure { state, coverage, needs_sessions, ..Figure::of(&found, scaled, sessions) }
    }

    /// Returns the sums of `group` in the order of the strata.
    pub(super) fn align(&self, group: &Strata) -> Vec<Sums> {
        let of = |share: &Share| group.get(&share.stratum).copied().unwrap_or_default();
        self.strata.iter().map(of).collect()
    }

    /// Returns the sessions of `group`, those of one browser, device class and network type once.
    fn sessions(&self, group: &[Sums]) -> u64 {
        let pairs: Vec<_> = self.strata.iter().zip(group).collect();
        let profiles = pairs.chunk_by(|a, b| a.0.stratum.shares_sessions_with(&b.0.stratum));
        let sessions =
            |profile: &[(&Share, &Sums)]| profile.iter().map(|(_, sums)| sums.sessions).max();
        profiles.filter_map(sessions).sum()
    }

    /// Returns the sessions that `group` needs in all, if more of them have the same mix, to cover enough
    /// of the common mix and to have enough cases.
    pub(super) fn needs(&self, group: &[Sums]) -> Option<u64> {
        let mut strata: Vec<(f64, f64)> = self
            .strata
            .iter()
            .zip(group)
            .map(|(share, sums)| (MINIMUM_IN_STRATUM / sums.effective_sessions(), share.weight))
            .filter(|(times, _)| times.is_finite())
            .collect();
        strata.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut covered = 0.0;
        let to_cover = strata.into_iter().find_map(|(times, weight)| {
            covered += weight;
            (covered >= MINIMUM_COVERAGE).then_some(times)
        })?;
        let found = Mix::of(self, &[group]).weigh(group);
        let rarer = |share: f64| share.min(1.0 - share);
        let cases = found.map_or(0.0, |found| {
            let expected = if found.cases() > 0.0 { rarer(found.share) } else { rarer(self.share) };
            found.effective_sessions * expected
        });
        let to_know = if found.is_some() { MINIMUM_CASES / cases } else { 1.0 };
        about(self.sessions(group) as f64 * to_cover.max(to_know).max(1.0))
    }
}

impl Figure {
    pub(super) fn of(found: &Weighted, interval: Interval, sessions: u64) -> Self {
        Self {
            state: if interval.enough() { State::Known } else { State::OneLimit },
            value: Some(interval.estimate),
            lower: interval.lower,
            upper: interval.upper,
            sessions,
            effective_sessions: found.effective_sessions,
            standard_error: found.variance.map(f64::sqrt),
            degrees_of_freedom: found.degrees_of_freedom,
            coverage: 1.0,
            needs_sessions: None,
        }
    }

    /// A figure without a value.
    fn without(sessions: u64, needs_sessions: Option<u64>) -> Self {
        Self {
            state: if sessions == 0 { State::NoData } else { State::CannotTell },
            value: None,
            lower: None,
            upper: None,
            sessions,
            effective_sessions: 0.0,
            standard_error: None,
            degrees_of_freedom: 0.0,
            coverage: 0.0,
            needs_sessions,
        }
    }
}

/// Returns the share of poor time of `group` as it is, with its own mix.
#[must_use]
pub fn raw_figure(group: &Strata) -> Figure {
    let streams = streams(group);
    let Some(found) = raw(&streams) else {
        return Figure::without(0, None);
    };
    let sessions = streams.values().map(|sums| sums.sessions).max().unwrap_or(0);
    let figure = Figure::of(&found, found.interval(), sessions);
    let needed = MINIMUM_CASES / found.cases();
    let needs_sessions = match figure.state {
        State::OneLimit => about(sessions as f64 * needed.max(1.0)),
        _ => None,
    };
    Figure { needs_sessions, ..figure }
}

/// Adds up the strata of each kind and direction.
pub(super) fn streams(group: &Strata) -> Strata {
    let mut streams = Strata::new();
    for (stratum, sums) in group.iter().filter(|(_, sums)| sums.sessions > 0) {
        *streams.entry(stratum.stream()).or_default() += *sums;
    }
    streams
}

/// Returns the share of kinds and directions together.
pub(super) fn raw(streams: &Strata) -> Option<Weighted> {
    let whole = streams.values().map(|sums| sums.w).sum::<i128>() as f64;
    let poor = streams.values().map(|sums| sums.y).sum::<i128>() as f64;
    let terms: Vec<Term<'_>> = streams
        .iter()
        .map(|(stratum, sums)| Term { stratum, sums, factor: 1.0 / whole, centre: poor / whole })
        .collect();
    (whole > 0.0).then(|| Weighted::of(&terms))
}

/// Rounds a number of sessions up to two digits; none if it is not finite.
pub(super) fn about(sessions: f64) -> Option<u64> {
    if !sessions.is_finite() {
        return None;
    }
    let unit = 10_f64.powf((sessions.max(10.0).log10().floor() - 1.0).max(0.0));
    Some(((sessions / unit - 1e-9).ceil() * unit) as u64)
}
