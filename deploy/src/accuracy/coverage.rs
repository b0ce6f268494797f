//! How often the intervals hold the truth, in simulated worlds whose truth is known.
//!
//! A session has a share of poor time of its own, beta distributed, and as many samples as it is
//! long; each sample is poor with that share. So samples of one session go together, the more so
//! the greater the correlation. Where quality drives people off, sessions are the shorter the worse
//! they are.

use dashboard::statistics::{Estimate, Interval, Session, difference, wilson};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution, LogNormal};

use super::{Check, Claim, Deviations, Theme, largest};
use crate::failure::{Context, Failure};

const WORLDS: usize = 1000;
const SAMPLE_US: i64 = 10_000_000;
/// Samples of a session that nothing drives off, in the mean: ten minutes.
const SAMPLES: f64 = 60.0;

pub(super) const THEME: Theme = Theme {
    name: "coverage of the intervals",
    claims: &[
        Claim {
            claim: "95 % interval of a share over sessions: distance of its coverage from 95 %, the \
                    worst of four kinds of world (1 to 20 % poor, 400 to 4,000 sessions)",
            reference: "1,000 simulated worlds of each kind with clustered sessions",
            bound: 0.02,
        },
        Claim {
            claim: "The naive interval, each sample for itself, does not: its coverage, the best of \
                    the four kinds",
            reference: "The same worlds, Wilson's interval over samples",
            bound: 0.93,
        },
        Claim {
            claim: "95 % interval of the difference of two groups: distance of its coverage from \
                    95 %, the worse of two pairs",
            reference: "1,000 simulated worlds of each pair",
            bound: 0.02,
        },
        Claim {
            claim: "95 % interval of a mean over sessions: distance of its coverage from 95 %",
            reference: "1,000 simulated worlds, 400 sessions with skewed values",
            bound: 0.02,
        },
        Claim {
            claim: "At the fewest sessions that an interval is told for, 5 % poor: what its coverage \
                    lacks of 95 %",
            reference: "1,000 simulated worlds of 200 sessions, which are 100 effective ones",
            bound: 0.03,
        },
        Claim {
            claim: "The same at 1 % poor, which takes more sessions",
            reference: "1,000 simulated worlds of 200 sessions, which are 100 effective ones",
            bound: 0.12,
        },
    ],
    check: Check::Offline(deviations),
};

/// A kind of world.
#[derive(Clone, Copy)]
struct Kind {
    sessions: usize,
    /// Mean share of poor time of a session.
    poor: f64,
    /// Correlation of two samples of a session.
    rho: f64,
    /// Standard deviation of sessions' lengths over their mean.
    spread: f64,
    /// By how much a wholly poor session is shorter than a wholly good one, 0 to 1.
    leaves: f64,
}

const KINDS: [Kind; 4] = [
    Kind { sessions: 500, poor: 0.05, rho: 0.3, spread: 1.0, leaves: 0.5 },
    Kind { sessions: 1000, poor: 0.02, rho: 0.1, spread: 1.0, leaves: 0.0 },
    Kind { sessions: 400, poor: 0.2, rho: 0.5, spread: 0.5, leaves: 0.5 },
    Kind { sessions: 4000, poor: 0.01, rho: 0.3, spread: 0.8, leaves: 0.0 },
];

const FEWEST: Kind = Kind { sessions: 200, poor: 0.05, rho: 0.3, spread: 1.0, leaves: 0.0 };

fn deviations() -> Deviations {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let shares = KINDS.iter().map(|kind| kind.coverage(&mut rng)).collect::<Result<Vec<_>, _>>()?;
    let worse = Kind { poor: 0.08, ..KINDS[0] };
    let pairs = [(KINDS[0], KINDS[0]), (KINDS[0], worse)];
    let differences = pairs
        .iter()
        .map(|(one, other)| coverage_of_difference(one, other, &mut rng))
        .collect::<Result<Vec<_>, _>>()?;
    let mean = coverage_of_mean(&mut rng)?;
    let fewest = FEWEST.coverage(&mut rng)?;
    let fewest_of_little = Kind { poor: 0.01, ..FEWEST }.coverage(&mut rng)?;
    let distance = |coverage: f64| (coverage - 0.95).abs();
    Ok(vec![
        largest(shares.iter().map(|share| distance(share.told))),
        largest(shares.iter().map(|share| share.naive)),
        largest(differences.into_iter().map(distance)),
        distance(mean),
        0.95 - fewest.told,
        0.95 - fewest_of_little.told,
    ])
}

/// In which share of worlds an interval held the truth.
struct Coverage {
    told: f64,
    naive: f64,
}

impl Kind {
    /// Σ poor / Σ time in the limit of many sessions: E[(1 − leaves · p) p] / E[1 − leaves · p].
    fn truth(&self) -> f64 {
        let (a, b) = self.beta();
        let square = a * (a + 1.0) / ((a + b) * (a + b + 1.0));
        (self.poor - self.leaves * square) / (1.0 - self.leaves * self.poor)
    }

    /// The parameters of a beta distribution with this mean, whose draws make samples correlate by
    /// rho = 1 / (a + b + 1).
    fn beta(&self) -> (f64, f64) {
        let sum = 1.0 / self.rho - 1.0;
        (self.poor * sum, (1.0 - self.poor) * sum)
    }

    fn world(&self, rng: &mut ChaCha8Rng) -> Result<Vec<Session>, Failure> {
        let (a, b) = self.beta();
        let share = Beta::new(a, b).context("shares")?;
        let length = LogNormal::from_mean_cv(SAMPLES, self.spread).context("lengths")?;
        let mut session = |_| {
            let poor = share.sample(rng);
            let samples = (length.sample(rng) * (1.0 - self.leaves * poor)).round().max(1.0);
            let poor = Binomial::new(samples as u64, poor).context("samples")?.sample(rng);
            Ok(Session { part: poor as i64 * SAMPLE_US, whole: samples as i64 * SAMPLE_US })
        };
        (0..self.sessions).map(&mut session).collect()
    }

    /// In worlds that have sessions enough, which is at least every other one of every kind.
    fn coverage(&self, rng: &mut ChaCha8Rng) -> Result<Coverage, Failure> {
        let truth = self.truth();
        let (mut told, mut naive) = (0, 0);
        let mut worlds = 0;
        while worlds < WORLDS {
            let world = self.world(rng)?;
            let Some(found) = share(&world) else {
                continue;
            };
            worlds += 1;
            told += usize::from(holds(Some(found), truth));
            let sum = |of: fn(&Session) -> i64| world.iter().map(of).sum::<i64>() / SAMPLE_US;
            let poor = sum(|session| session.part).cast_unsigned();
            let all = sum(|session| session.whole).cast_unsigned();
            naive += usize::from(holds(wilson(poor, all), truth));
        }
        Ok(Coverage { told: told as f64 / WORLDS as f64, naive: naive as f64 / WORLDS as f64 })
    }
}

fn coverage_of_difference(one: &Kind, other: &Kind, rng: &mut ChaCha8Rng) -> Result<f64, Failure> {
    let truth = one.truth() - other.truth();
    let mut told = 0;
    for _ in 0..WORLDS {
        let pair = share(&one.world(rng)?).zip(share(&other.world(rng)?));
        told += usize::from(holds(pair.map(|(a, b)| difference(a, b).interval), truth));
    }
    Ok(told as f64 / WORLDS as f64)
}

/// Sessions that each have a value of their own, such as a round trip, and measure it as often as
/// they are long.
fn coverage_of_mean(rng: &mut ChaCha8Rng) -> Result<f64, Failure> {
    const MEAN_US: f64 = 80_000.0;
    let value = LogNormal::from_mean_cv(MEAN_US, 0.8).context("values")?;
    let length = LogNormal::from_mean_cv(SAMPLES, 0.5).context("lengths")?;
    let mut told = 0;
    for _ in 0..WORLDS {
        let mut session = |_| {
            let whole = length.sample(rng).round().max(1.0);
            Session { part: (whole * value.sample(rng)) as i64, whole: whole as i64 }
        };
        let world: Vec<Session> = (0..400).map(&mut session).collect();
        let mean = Estimate::of(&world).and_then(|estimate| estimate.mean());
        told += usize::from(holds(mean, MEAN_US));
    }
    Ok(told as f64 / WORLDS as f64)
}

fn share(world: &[Session]) -> Option<Interval> {
    Estimate::of(world).and_then(|estimate| estimate.share())
}

fn holds(interval: Option<Interval>, truth: f64) -> bool {
    interval.is_some_and(|interval| interval.lower <= truth && truth <= interval.upper)
}
