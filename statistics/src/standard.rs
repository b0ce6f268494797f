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

/// Precision of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// An interval.
    Known,
    /// One exact limit: the upper one of a small share, the lower one of a large.
    OneLimit,
    /// No limits, because the group has too little of the common mix.
    CannotTell,
    /// The group has no sessions with classified time.
    NoData,
}

/// A share of poor time with what is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Precision.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::ratio::Session;
    use super::super::strata::union;
    use super::*;

    fn stratum(browser: &str, kind: &str) -> Stratum {
        Stratum { browser: browser.to_owned(), kind: kind.to_owned(), ..Stratum::default() }
    }

    /// So many sessions of one length, the first of which are wholly poor.
    fn poor(poor: usize, sessions: usize) -> Sums {
        let session = |i| Session { part: if i < poor { 60 } else { 0 }, whole: 60 };
        Sums::of(&(0..sessions).map(session).collect::<Vec<_>>())
    }

    fn group(chrome: (usize, usize), safari: (usize, usize)) -> Strata {
        let of = |(few, all)| poor(few, all);
        let strata = [("chrome", of(chrome)), ("safari", of(safari))];
        strata.map(|(browser, sums)| (stratum(browser, "audio"), sums)).into()
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12, "{found} instead of {expected}");
    }

    // Half of all time is of each browser; a has 10 % and 30 % poor.
    #[test]
    fn two_strata_are_weighted_as_by_hand() {
        let (a, b) = (group((40, 400), (30, 100)), group((10, 100), (120, 400)));
        let standard = Standard::of(&union([&a, &b])).unwrap();
        assert_close(standard.strata()[0].weight, 0.5);
        let found = standard.figure(&a);
        assert_eq!((found.state, found.sessions, found.needs_sessions), (State::Known, 500, None));
        assert_close(found.value.unwrap(), 0.2);
        let variance = 0.25 * (0.1 * 0.9 / 399.0 + 0.3 * 0.7 / 99.0);
        assert_close(found.standard_error.unwrap(), f64::sqrt(variance));
        assert_close(found.effective_sessions, 1.0 / (0.25 / 400.0 + 0.25 / 100.0));
        assert_close(raw_figure(&a).value.unwrap(), 0.14);
        assert_close(standard.share(), 0.2);
        // The same shares in the other mix: nothing is left of the raw difference.
        assert_close(standard.figure(&b).value.unwrap(), 0.2);
        assert_close(raw_figure(&b).value.unwrap(), 0.26);
    }

    #[test]
    fn a_raw_figure_of_one_kind_has_the_standard_error_of_its_sessions() {
        let found = raw_figure(&group((40, 400), (30, 100)));
        assert_close(found.standard_error.unwrap(), f64::sqrt(0.14 * 0.86 / 499.0));
        assert_close(found.effective_sessions, 500.0);
        assert!(found.lower.unwrap() < 0.14 && found.upper.unwrap() > 0.14);
        assert_close(found.coverage, 1.0);
    }

    #[test]
    fn a_group_with_little_of_the_mix_has_no_result() {
        let (a, b) = (group((40, 400), (1, 2)), group((10, 100), (120, 400)));
        let standard = Standard::of(&union([&a, &b])).unwrap();
        let found = standard.figure(&a);
        assert_eq!(found.state, State::CannotTell);
        assert_eq!((found.lower, found.upper), (None, None));
        assert!((0.55..0.56).contains(&found.coverage), "{found:?}");
        // 5 in the stratum instead of 2.
        assert_eq!(found.needs_sessions, Some(1100));
        let without = standard.figure(&Strata::from([(stratum("chrome", "audio"), poor(9, 90))]));
        assert_eq!((without.state, without.needs_sessions), (State::CannotTell, None));
    }

    // Where nothing differs, leaving a stratum out changes nothing.
    #[test]
    fn a_small_stratum_without_sessions_is_taken_to_be_like_the_others() {
        let (a, b) = (group((40, 400), (0, 0)), group((10, 100), (15, 50)));
        let standard = Standard::of(&union([&a, &b])).unwrap();
        let found = standard.figure(&a);
        assert_eq!(found.state, State::Known);
        assert_close(found.coverage, 500.0 / 550.0);
        assert_close(found.value.unwrap(), standard.share());
        assert!(found.lower.unwrap() < standard.share() && found.upper.unwrap() > standard.share());
    }

    #[test]
    fn too_few_cases_leave_one_limit_and_say_how_many_sessions_are_needed() {
        let (a, b) = (group((0, 400), (0, 100)), group((10, 100), (20, 400)));
        let standard = Standard::of(&union([&a, &b])).unwrap();
        let found = standard.figure(&a);
        assert_eq!((found.state, found.lower), (State::OneLimit, None));
        assert!(found.upper.unwrap() < 0.02, "{found:?}");
        // 3 % are expected, of 320 effective sessions; 5 / 9.6 of them would do.
        assert_eq!(found.needs_sessions, Some(500));
        let raw = raw_figure(&group((1, 50), (1, 50)));
        assert_eq!((raw.state, raw.needs_sessions), (State::OneLimit, Some(250)));
        assert_eq!(raw_figure(&group((0, 50), (0, 50))).needs_sessions, None);
    }

    #[test]
    fn nothing_is_known_without_sessions() {
        assert_eq!(Standard::of(&Strata::new()), None);
        assert_eq!(raw_figure(&Strata::new()).state, State::NoData);
        let standard = Standard::of(&group((1, 9), (1, 9))).unwrap();
        assert_eq!(standard.figure(&Strata::new()).state, State::NoData);
    }

    // Audio and video that are poor together are worth no more than audio alone.
    #[test]
    fn kinds_of_the_same_sessions_count_once() {
        let audio = Strata::from([(stratum("", "audio"), poor(30, 200))]);
        let both = Strata::from([
            (stratum("", "audio"), poor(30, 200)),
            (stratum("", "video"), poor(30, 200)),
        ]);
        let figure = |group: &Strata| Standard::of(group).unwrap().figure(group);
        let (one, two) = (figure(&audio), figure(&both));
        assert_eq!((one.sessions, two.sessions), (200, 200));
        assert_close(one.standard_error.unwrap(), two.standard_error.unwrap());
        assert_close(one.effective_sessions, two.effective_sessions);
        assert_close(one.lower.unwrap(), two.lower.unwrap());
        assert_close(raw_figure(&both).effective_sessions, 200.0);
    }

    #[test]
    fn numbers_of_sessions_are_rounded_up_to_two_digits() {
        for (sessions, shown) in
            [(1.0, 1), (7.2, 8), (99.5, 100), (100.0, 100), (101.0, 110), (12_345.0, 13_000)]
        {
            assert_eq!(about(sessions), Some(shown), "{sessions}");
        }
        assert_eq!(about(f64::INFINITY), None);
        assert_eq!(about(f64::NAN), None);
    }
}
