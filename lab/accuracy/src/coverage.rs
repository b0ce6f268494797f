//! Error rates of the limits of shares, means and differences, in simulated worlds.
//!
//! A population has sessions of lognormal length. Each has its own share of poor time, beta
//! distributed, and a number of samples proportional to its length; each sample is poor with that
//! probability. So samples of one session are correlated. A world draws its sessions from a
//! population, whose ratio is the truth.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use deploy::failure::{Context, Failure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution, LogNormal};
use serde::Serialize;
use statistics::{Estimate, Interval, Session, difference, wilson};

use super::claim::{Claim, Deviations, largest};
use super::theme::{Check, Theme};

const SAMPLE_US: i64 = 10_000_000;
/// Mean number of samples of a session: ten minutes.
const SAMPLES: f64 = 60.0;
/// Sessions of a population.
const POPULATION: usize = 1 << 17;

pub(super) const THEME: Theme = Theme {
    name: "coverage of the intervals",
    claims: &[
        Claim {
            claim: "Share over sessions: share of worlds in which an interval or a single limit \
                    excludes the truth, at the worst point of the grid",
            reference: "Simulated worlds at every point of the grid below",
            bound: 0.07,
        },
        Claim {
            claim: "`clear` for two equal groups: share of worlds at the worst point of the grid",
            reference: "The same worlds, each compared with the next",
            bound: 0.06,
        },
        Claim {
            claim: "The naive interval over samples is insufficient: share of worlds in which it \
                    contains the truth, at the best point with 50 sessions or \
                    more, 5 to 50 % poor, correlated",
            reference: "The same worlds, Wilson's interval over samples",
            bound: 0.93,
        },
        Claim {
            claim: "Share, if poor sessions are up to half as long: share of worlds in which a \
                    limit excludes the truth, 50 to 4,000 sessions, 5 % poor",
            reference: "Simulated worlds, correlation 0.3, lengths of σ 0.7",
            bound: 0.07,
        },
        Claim {
            claim: "Difference of 8 % and 5 %: share of worlds in which its interval excludes the \
                    truth, 200 to 4,000 sessions",
            reference: "Simulated worlds, correlation 0.3, lengths of σ 0.7",
            bound: 0.07,
        },
        Claim {
            claim: "Mean over sessions: share of worlds in which its interval excludes the truth, \
                    at the worst of 100 to 4,000 sessions, values of σ 0.5 \
                    and 1, lengths of σ 0, 0.7 and 1.3",
            reference: "Simulated worlds with lognormal values and lengths",
            bound: 0.08,
        },
        Claim {
            claim: "`clear` for the means of two equal groups: share of worlds at the worst point",
            reference: "The same worlds, each compared with the next",
            bound: 0.06,
        },
    ],
    check: Check::Worlds(deviations),
};

/// Size of the grid: number of points, and of worlds at each point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grid {
    /// A few points, 2,000 worlds each: seconds.
    #[default]
    Coarse,
    /// 567 points, 5,000 worlds each: minutes.
    Whole,
}

impl Grid {
    /// Returns the whole grid or the coarse one.
    #[must_use]
    pub fn of(whole: bool) -> Self {
        if whole { Self::Whole } else { Self::Coarse }
    }

    pub(super) fn worlds(self) -> usize {
        match self {
            Self::Coarse => 2000,
            Self::Whole => 5000,
        }
    }

    fn sessions(self) -> &'static [usize] {
        match self {
            Self::Coarse => &[20, 200, 1000],
            Self::Whole => &[5, 20, 50, 100, 200, 500, 1000, 2000, 4000],
        }
    }

    fn shares(self) -> &'static [f64] {
        match self {
            Self::Coarse => &[0.002, 0.01, 0.1, 0.5],
            Self::Whole => &[0.002, 0.01, 0.03, 0.1, 0.3, 0.5, 0.99],
        }
    }

    fn correlations(self) -> &'static [f64] {
        match self {
            Self::Coarse => &[0.0, 0.5],
            Self::Whole => &[0.0, 0.3, 0.8],
        }
    }

    fn spreads(self) -> &'static [f64] {
        match self {
            Self::Coarse => &[0.0, 1.3],
            Self::Whole => &[0.0, 0.7, 1.3],
        }
    }

    fn kinds(self) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for &poor in self.shares() {
            for &correlation in self.correlations() {
                for &spread in self.spreads() {
                    kinds.push(Kind { poor, correlation, spread, leaves: 0.0 });
                }
            }
        }
        kinds
    }
}

/// A point of the grid, with results as shares of its worlds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// Sessions of a world.
    pub sessions: usize,
    /// Mean share of poor time of a session.
    pub poor: f64,
    /// Correlation of two samples of a session.
    pub correlation: f64,
    /// σ of the sessions' lognormal lengths.
    pub spread: f64,
    /// Share of worlds with an interval.
    pub interval: f64,
    /// Share of worlds in which an interval or a single limit excludes the truth.
    pub missed: f64,
    /// Share of worlds that are clearly different from the next.
    pub clear: f64,
    /// Share of worlds in which Wilson's interval over samples contains the truth.
    naive: f64,
}

/// A kind of population.
#[derive(Clone, Copy)]
struct Kind {
    poor: f64,
    correlation: f64,
    spread: f64,
    /// Reduction of the length of a completely poor session compared with a completely good one, 0
    /// to 1.
    leaves: f64,
}

/// Returns the points of `grid`, in its order.
///
/// # Errors
/// If a population cannot be drawn.
pub(super) fn points(grid: Grid) -> Result<Vec<Point>, Failure> {
    let found = in_parallel(grid.kinds(), |number, kind| {
        let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
        let population = kind.population(&mut rng)?;
        let at = |&sessions| kind.point(&population, sessions, grid.worlds(), &mut rng);
        Ok(grid.sessions().iter().map(at).collect::<Vec<_>>())
    })?;
    Ok(found.concat())
}

fn deviations(points: &[Point], grid: Grid) -> Deviations {
    let naive = points.iter().filter(|point| {
        point.sessions >= 50 && (0.05..=0.5).contains(&point.poor) && point.correlation > 0.0
    });
    let (means_missed, means_clear) = means(grid)?;
    Ok(vec![
        largest(points.iter().map(|point| point.missed)),
        largest(points.iter().map(|point| point.clear)),
        largest(naive.map(|point| point.naive)),
        leaving(grid)?,
        differences(grid)?,
        means_missed,
        means_clear,
    ])
}

const LEAVING: Kind = Kind { poor: 0.05, correlation: 0.3, spread: 0.7, leaves: 0.5 };

fn leaving(grid: Grid) -> Result<f64, Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(1001);
    let population = LEAVING.population(&mut rng)?;
    let at = |sessions| LEAVING.point(&population, sessions, grid.worlds(), &mut rng).missed;
    Ok(largest([50, 200, 1000, 4000].map(at)))
}

fn differences(grid: Grid) -> Result<f64, Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(1002);
    let kind = Kind { leaves: 0.0, ..LEAVING };
    let better = kind.population(&mut rng)?;
    let worse = Kind { poor: 0.08, ..kind }.population(&mut rng)?;
    let truth = ratio(&worse) - ratio(&better);
    let mut missed = |sessions| {
        let mut share = |population| share(&draw(population, sessions, &mut rng));
        let worlds = (0..grid.worlds()).filter(|_| {
            let pair = share(&worse).zip(share(&better));
            pair.is_some_and(|(a, b)| misses(&difference(a, b).interval, truth))
        });
        worlds.count() as f64 / grid.worlds() as f64
    };
    Ok(largest([200, 1000, 4000].map(&mut missed)))
}

/// Returns the shares of worlds in which the interval of a mean excludes the truth, and in which
/// two equal groups are clearly different.
fn means(grid: Grid) -> Result<(f64, f64), Failure> {
    let kinds =
        [0.5, 1.0].into_iter().flat_map(|values| [0.0, 0.7, 1.3].map(|spread| (values, spread)));
    let found = in_parallel(kinds.collect(), |number, &(values, spread)| {
        let mut rng = ChaCha8Rng::seed_from_u64(2000 + number as u64);
        let population = measured(values, spread, &mut rng)?;
        let at = |sessions| mean_point(&population, sessions, grid.worlds(), &mut rng);
        Ok([100, 400, 1000, 4000].map(at).to_vec())
    })?;
    let found = found.concat();
    Ok((largest(found.iter().map(|at| at.0)), largest(found.iter().map(|at| at.1))))
}

/// Returns a population of sessions that each have their own value, such as a round trip of 80 ms,
/// measured in proportion to their length.
fn measured(values: f64, spread: f64, rng: &mut ChaCha8Rng) -> Result<Vec<Session>, Failure> {
    let value = lognormal(80_000.0, values)?;
    let length = lognormal(SAMPLES, spread)?;
    let mut session = |_| {
        let whole = length.sample(rng).round().max(1.0);
        Session { part: (whole * value.sample(rng)) as i64, whole: whole as i64 }
    };
    Ok((0..POPULATION).map(&mut session).collect())
}

fn mean_point(
    population: &[Session],
    sessions: usize,
    worlds: usize,
    rng: &mut ChaCha8Rng,
) -> (f64, f64) {
    let truth = ratio(population);
    let mut mean = || Estimate::of(&draw(population, sessions, rng)).map(|found| found.mean());
    let (mut missed, mut clear, mut before) = (0, 0, mean());
    for _ in 0..worlds {
        let now = mean();
        missed += usize::from(now.is_some_and(|now| misses(&now, truth)));
        clear += usize::from(before.zip(now).is_some_and(|(a, b)| difference(a, b).clear));
        before = now;
    }
    (missed as f64 / worlds as f64, clear as f64 / worlds as f64)
}

impl Kind {
    fn population(&self, rng: &mut ChaCha8Rng) -> Result<Vec<Session>, Failure> {
        // The correlation of two samples is 1 / (a + b + 1).
        let sum = 1.0 / self.correlation - 1.0;
        let share = match self.correlation > 0.0 {
            true => Some(Beta::new(self.poor * sum, (1.0 - self.poor) * sum).context("shares")?),
            false => None,
        };
        let length = lognormal(SAMPLES, self.spread)?;
        let mut session = |_| {
            let poor = share.map_or(self.poor, |share| share.sample(rng));
            let samples = (length.sample(rng) * (1.0 - self.leaves * poor)).round().max(1.0);
            let poor = Binomial::new(samples as u64, poor).context("samples")?.sample(rng);
            Ok(Session { part: poor as i64 * SAMPLE_US, whole: samples as i64 * SAMPLE_US })
        };
        (0..POPULATION).map(&mut session).collect()
    }

    fn point(
        &self,
        population: &[Session],
        sessions: usize,
        worlds: usize,
        rng: &mut ChaCha8Rng,
    ) -> Point {
        let truth = ratio(population);
        let (mut interval, mut missed, mut clear, mut naive) = (0, 0, 0, 0);
        let mut before = share(&draw(population, sessions, rng));
        for _ in 0..worlds {
            let world = draw(population, sessions, rng);
            let now = share(&world);
            interval += usize::from(now.is_some_and(|now| now.enough()));
            missed += usize::from(now.is_some_and(|now| misses(&now, truth)));
            clear += usize::from(before.zip(now).is_some_and(|(a, b)| difference(a, b).clear));
            naive += usize::from(by_samples(&world).is_some_and(|found| !misses(&found, truth)));
            before = now;
        }
        let share = |count: usize| count as f64 / worlds as f64;
        Point {
            sessions,
            poor: self.poor,
            correlation: self.correlation,
            spread: self.spread,
            interval: share(interval),
            missed: share(missed),
            clear: share(clear),
            naive: share(naive),
        }
    }
}

/// A lognormal distribution with this mean, which is the only value if `sigma` is 0.
pub(super) fn lognormal(mean: f64, sigma: f64) -> Result<LogNormal<f64>, Failure> {
    LogNormal::new(mean.ln() - sigma * sigma / 2.0, sigma).context("a lognormal distribution")
}

fn draw(population: &[Session], sessions: usize, rng: &mut ChaCha8Rng) -> Vec<Session> {
    (0..sessions).map(|_| population[rng.random_range(0..population.len())]).collect()
}

pub(super) fn ratio(population: &[Session]) -> f64 {
    let sum = |of: fn(&Session) -> i64| population.iter().map(of).sum::<i64>() as f64;
    sum(|session| session.part) / sum(|session| session.whole)
}

fn share(world: &[Session]) -> Option<Interval> {
    Estimate::of(world).map(|estimate| estimate.share())
}

fn by_samples(world: &[Session]) -> Option<Interval> {
    let sum = |of: fn(&Session) -> i64| world.iter().map(of).sum::<i64>() / SAMPLE_US;
    let (poor, all) = (sum(|session| session.part), sum(|session| session.whole));
    wilson(poor.cast_unsigned(), all.cast_unsigned())
}

/// Returns whether an existing limit excludes `truth`.
fn misses(interval: &Interval, truth: f64) -> bool {
    interval.lower.is_some_and(|lower| lower > truth)
        || interval.upper.is_some_and(|upper| upper < truth)
}

/// Does `work` for every item on all processors, and returns what came out in the items' order.
pub(super) fn in_parallel<T: Sync, R: Send>(
    items: Vec<T>,
    work: impl Fn(usize, &T) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, |number| number.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { break };
                    let result = work(number, item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
