//! Figures of answers: a value with its 95 % interval and its sessions.

use schemars::JsonSchema;
use serde::Serialize;
use statistics::{Z, percentile_sample_size};

/// Completeness of a figure: which of value and interval it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A value with both limits.
    Known,
    /// A share close to 0 or 1, with one limit: the upper one of a small, the lower one of a large share.
    UpperLimit,
    /// Too few sessions for an interval.
    CannotTell,
    /// Fewer than five sessions: not shown.
    TooFew,
    /// No sessions.
    NoData,
}

/// A value with its 95 % interval and its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// The value: a share from 0 to 1, milliseconds, or a score from 1 to 5.
    pub value: Option<f64>,
    /// Lower limit.
    pub lower: Option<f64>,
    /// Upper limit.
    pub upper: Option<f64>,
    /// Sessions.
    pub sessions: Option<u64>,
    /// Sessions of equal length with the same information.
    pub effective_sessions: Option<f64>,
    /// Intervals of their streams.
    pub intervals: Option<i64>,
    /// Which of value and interval the figure has, or why it has none.
    pub state: State,
    /// With `cannot_tell`: about how many sessions an interval needs.
    pub needs_sessions: Option<u64>,
}

impl Figure {
    /// Returns the figure of no sessions.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            value: None,
            lower: None,
            upper: None,
            sessions: Some(0),
            effective_sessions: None,
            intervals: Some(0),
            state: State::NoData,
            needs_sessions: None,
        }
    }

    /// Returns the figure of fewer than five sessions.
    #[must_use]
    pub const fn too_few() -> Self {
        Self { sessions: None, intervals: None, state: State::TooFew, ..Self::none() }
    }

    /// Returns the figure of sessions of which the tables keep too little to tell.
    #[must_use]
    pub const fn not_kept() -> Self {
        Self { sessions: None, intervals: None, state: State::CannotTell, ..Self::none() }
    }

    /// Returns the figure of intervals of which the sessions are not known: a value without limits.
    #[must_use]
    pub const fn of_intervals(value: f64, intervals: i64) -> Self {
        Self { value: Some(value), intervals: Some(intervals), ..Self::not_kept() }
    }

    /// Returns a share's figure with the number of its intervals; it is not shown with fewer than `minimum`
    /// sessions.
    #[must_use]
    pub fn of(figure: &statistics::Figure, intervals: i64, minimum: u64) -> Self {
        let state = match figure.state {
            statistics::State::Known => State::Known,
            statistics::State::OneLimit => State::UpperLimit,
            statistics::State::CannotTell => State::CannotTell,
            statistics::State::NoData => return Self::none(),
        };
        if figure.sessions < minimum {
            return Self::too_few();
        }
        Self {
            value: figure.value,
            lower: figure.lower,
            upper: figure.upper,
            sessions: Some(figure.sessions),
            effective_sessions: Some(figure.effective_sessions),
            intervals: Some(intervals),
            state,
            needs_sessions: figure.needs_sessions.filter(|_| state == State::CannotTell),
        }
    }

    /// Returns whether it has a value that can be shown.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.value.is_some()
    }
}

/// Levels of the quantiles of the queries, ascending.
pub const LEVELS: [f64; 32] = [
    0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75,
    0.8, 0.85, 0.88, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999,
];

/// A distribution: its quantiles at [`LEVELS`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// The quantiles; none where the distribution is empty.
    pub quantiles: Vec<Option<f64>>,
    /// Its intervals, or sessions if it is one of sessions.
    pub observations: i64,
}

impl Distribution {
    /// Returns the quantile of one of [`LEVELS`].
    #[must_use]
    pub fn at(&self, level: f64) -> Option<f64> {
        let position = LEVELS.iter().position(|known| *known >= level)?;
        self.quantiles.get(position).copied().flatten()
    }

    /// Returns the quantile of `level` with the interval between the order statistics that enclose it in
    /// 95 of 100 samples of so many sessions (Woodruff, 1952). A session counts as one observation,
    /// whatever the number of its intervals. The limits are at the next of [`LEVELS`] outwards. It is not
    /// shown with fewer than `minimum` sessions. Without a number of sessions it has no limits.
    #[must_use]
    pub fn figure(&self, level: f64, sessions: Option<u64>, minimum: u64) -> Figure {
        let Some(value) = self.at(level) else { return Figure::none() };
        let Some(sessions) = sessions else {
            return Figure::of_intervals(value, self.observations);
        };
        if sessions < minimum {
            return Figure::too_few();
        }
        let half = Z * (level * (1.0 - level) / sessions as f64).sqrt();
        let below = LEVELS.iter().rposition(|known| *known <= level - half);
        let above = LEVELS.iter().position(|known| *known >= level + half);
        let needed = percentile_sample_size(level).unwrap_or(u64::MAX);
        let limits = below.zip(above).filter(|_| sessions >= needed);
        let limit = |at: usize| self.quantiles.get(at).copied().flatten();
        Figure {
            value: Some(value),
            lower: limits.and_then(|(below, _)| limit(below)),
            upper: limits.and_then(|(_, above)| limit(above)),
            sessions: Some(sessions),
            effective_sessions: Some(sessions as f64),
            intervals: Some(self.observations),
            state: if limits.is_some() { State::Known } else { State::CannotTell },
            needs_sessions: limits.is_none().then(|| needed_sessions(level)),
        }
    }
}

/// Returns about how many sessions the interval of a quantile needs, so that both limits are at one of
/// [`LEVELS`].
fn needed_sessions(level: f64) -> u64 {
    let room = (LEVELS[LEVELS.len() - 1] - level).min(level - LEVELS[0]);
    let enough = (level * (1.0 - level) * (Z / room).powi(2)).ceil();
    percentile_sample_size(level).unwrap_or(0).max(enough as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distribution of 0 to 1.
    fn uniform() -> Distribution {
        Distribution { quantiles: LEVELS.map(Some).to_vec(), observations: 5000 }
    }

    #[test]
    fn a_quantile_has_limits_at_the_next_levels_outwards() {
        // 1.96 · √(0.95 · 0.05 / 1000) = 0.0135: from 0.9365 to 0.9635.
        let figure = uniform().figure(0.95, Some(1000), 5);
        assert_eq!(
            (figure.value, figure.lower, figure.upper),
            (Some(0.95), Some(0.93), Some(0.97))
        );
        assert_eq!(figure.state, State::Known);
    }

    #[test]
    fn a_quantile_of_few_sessions_says_how_many_it_needs() {
        let figure = uniform().figure(0.95, Some(40), 5);
        assert_eq!((figure.state, figure.lower, figure.upper), (State::CannotTell, None, None));
        let needed = figure.needs_sessions.unwrap_or_default();
        assert_eq!(uniform().figure(0.95, Some(needed), 5).state, State::Known);
        assert_eq!(uniform().figure(0.95, Some(needed - 1), 5).state, State::CannotTell);
        assert_eq!(uniform().figure(0.5, Some(4), 5).state, State::TooFew);
        assert_eq!(Distribution::default().figure(0.5, Some(40), 5), Figure::none());
    }
}
