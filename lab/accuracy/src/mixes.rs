//! Error rates of standardised shares and comparisons, in worlds whose groups have different mixes.
//!
//! A world has strata whose odds of poor time differ by up to a factor of 4. Groups a and b differ in
//! nothing but their mix of the strata; group c has a's mix and twice the odds. The common mix is that of
//! the three and of other sessions together.

use std::collections::BTreeMap;

use deploy::failure::{Context, Failure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution};
use serde::Serialize;
use statistics::{
    Comparison, Session, Share, Standard, State, Strata, Stratum, Sums, Verdict, raw_comparison,
    union,
};

use super::claim::{Claim, Deviations, largest};
use super::coverage::{Grid, in_parallel, lognormal, ratio};
use super::theme::{Check, Theme};

/// Samples of a session in the mean.
const SAMPLES: f64 = 60.0;
/// Sessions of a population of one stratum.
const POPULATION: usize = 1 << 14;
/// Sessions of the common mix beside those of the groups.
const OTHERS: usize = 20_000;
const SAME_MIX: &str = "the same mix";
/// Quotient of the odds of poor time in the last stratum and in the first.
const BETWEEN_STRATA: f64 = 4.0;
/// Quotient of the odds of poor time in group c and in the others.
const BETWEEN_GROUPS: f64 = 2.0;

pub(super) const THEME: Theme = Theme {
    name: "comparisons of groups with different mixes",
    claims: &[
        Claim {
            claim: "Share standardised to a common mix: worlds in which its interval, or its limit \
                    alone, misses the truth, at the worst point of the grid",
            reference: "Simulated worlds at every point of the second grid below",
            bound: 0.07,
        },
        Claim {
            claim: "Standardised difference of two groups, one with twice the odds: worlds in which its \
                    interval misses, at the worst point",
            reference: "The same worlds",
            bound: 0.07,
        },
        Claim {
            claim: "`better` or `worse` for two groups that differ in nothing but their mix: worlds, at \
                    the worst point",
            reference: "The same worlds",
            bound: 0.06,
        },
        Claim {
            claim: "The raw comparison does not hold: worlds in which it finds nothing between these \
                    groups, at the best point with different mixes, correlation up to 0.3, and 3,000 \
                    sessions and 10 % poor (short grid: 800 and 30 %) or more",
            reference: "The same worlds, each group with its own mix",
            bound: 0.4,
        },
    ],
    check: Check::Mixes(deviations),
};

/// Distribution of the sessions of the groups over the strata.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    name: &'static str,
    others: Vec<f64>,
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
    /// Sessions have video as well, which has the same share of poor time in half of them.
    video: bool,
}

/// A point of the grid, with shares of its worlds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MixPoint {
    /// Mix of the groups.
    pub mix: &'static str,
    /// Sessions of each group.
    pub sessions: usize,
    /// Share of poor time in a stratum of medium odds.
    pub poor: f64,
    /// Correlation of two samples of a session.
    pub correlation: f64,
    /// σ of the sessions' lognormal lengths.
    pub spread: f64,
    /// Worlds.
    pub worlds: usize,
    /// c had an interval.
    pub interval: f64,
    /// The interval of c, or its limit alone, missed the truth.
    pub missed: f64,
    /// The interval of c − b missed.
    pub difference_missed: f64,
    /// a was better or worse than b.
    pub found: f64,
    /// a was better or worse than b in the raw comparison.
    pub found_raw: f64,
}

/// Population that the worlds of a point are drawn from: the groups a, b and c, and other sessions.
struct Populations {
    usual: Population,
    worse: Population,
    others: Strata,
}

/// A point of the grid without its worlds.
pub(super) struct Kind {
    pub(super) mix: Mix,
    pub(super) poor: f64,
    pub(super) correlation: f64,
    pub(super) spread: f64,
}

/// Audio and video of one session.
#[derive(Clone, Copy)]
pub(super) struct Call {
    audio: Session,
    video: Option<Session>,
}

/// Sessions to draw from, by stratum.
pub(super) type Population = Vec<Vec<Call>>;

pub(super) fn mixes() -> Vec<Mix> {
    let falling = vec![0.35, 0.25, 0.15, 0.1, 0.06, 0.04, 0.03, 0.02];
    let rising = vec![0.05, 0.05, 0.1, 0.1, 0.1, 0.15, 0.2, 0.25];
    let many = |at: fn(f64) -> f64| (0..24_u8).map(|i| at(f64::from(i)) / 300.0).collect();
    let different = Mix {
        name: "different mixes",
        others: vec![0.125; 8],
        a: rising,
        b: falling.clone(),
        video: false,
    };
    vec![
        Mix {
            name: SAME_MIX,
            others: falling.clone(),
            a: falling.clone(),
            b: falling,
            video: false,
        },
        Mix { name: "different mixes, audio and video", video: true, ..different.clone() },
        different,
        Mix {
            name: "a has few sessions in the largest stratum",
            others: vec![0.4, 0.25, 0.15, 0.1, 0.06, 0.04],
            a: vec![0.03, 0.37, 0.3, 0.1, 0.1, 0.1],
            b: vec![0.4, 0.25, 0.15, 0.1, 0.06, 0.04],
            video: false,
        },
        Mix {
            name: "24 strata, different mixes",
            others: vec![1.0 / 24.0; 24],
            a: many(|i| i + 1.0),
            b: many(|i| 24.0 - i),
            video: false,
        },
    ]
}

fn kinds(grid: Grid) -> Vec<Kind> {
    let (shares, lengths): (&[f64], &[(f64, f64)]) = match grid {
        Grid::Coarse => (&[0.03, 0.3], &[(0.3, 0.7)]),
        Grid::Whole => (&[0.01, 0.1, 0.5], &[(0.3, 0.7), (0.8, 1.3)]),
    };
    let mut kinds = Vec::new();
    for mix in mixes() {
        for &poor in shares {
            for &(correlation, spread) in lengths {
                kinds.push(Kind { mix: mix.clone(), poor, correlation, spread });
            }
        }
    }
    kinds
}

fn worlds(grid: Grid) -> usize {
    match grid {
        Grid::Coarse => 1000,
        Grid::Whole => 5000,
    }
}

fn sessions(grid: Grid) -> &'static [usize] {
    match grid {
        Grid::Coarse => &[200, 800],
        Grid::Whole => &[60, 300, 3000],
    }
}

/// Returns the points of `grid`, in its order.
///
/// # Errors
/// If a population cannot be drawn.
pub(super) fn points(grid: Grid) -> Result<Vec<MixPoint>, Failure> {
    let found = in_parallel(kinds(grid), |number, kind| {
        let mut rng = ChaCha8Rng::seed_from_u64(3000 + number as u64);
        let usual = kind.population(1.0, &mut rng)?;
        let worse = kind.population(BETWEEN_GROUPS, &mut rng)?;
        let others = draw(&usual, &kind.mix.others, OTHERS, &mut rng);
        let populations = Populations { usual, worse, others };
        let at = |&sessions| kind.point(&populations, sessions, worlds(grid), &mut rng);
        Ok(sessions(grid).iter().map(at).collect::<Vec<_>>())
    })?;
    Ok(found.concat())
}

fn deviations(points: &[MixPoint], grid: Grid) -> Deviations {
    let (sessions, poor) = match grid {
        Grid::Coarse => (800, 0.3),
        Grid::Whole => (3000, 0.1),
    };
    let raw = points.iter().filter(|point| {
        let visible = point.sessions == sessions && point.poor >= poor && point.correlation <= 0.3;
        visible && point.mix != SAME_MIX
    });
    Ok(vec![
        largest(points.iter().map(|point| point.missed)),
        largest(points.iter().map(|point| point.difference_missed)),
        largest(points.iter().map(|point| point.found)),
        largest(raw.map(|point| 1.0 - point.found_raw)),
    ])
}

impl Kind {
    /// Returns sessions to draw from, with so many times the odds of poor time.
    pub(super) fn population(
        &self,
        times: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Population, Failure> {
        let last = (self.mix.others.len() - 1) as f64;
        let stratum = |index: usize| {
            let quotient = BETWEEN_STRATA.powf(index as f64 / last - 0.5) * times;
            let odds = self.poor / (1.0 - self.poor) * quotient;
            self.calls(odds / (1.0 + odds), rng)
        };
        (0..self.mix.others.len()).map(stratum).collect()
    }

    fn calls(&self, poor: f64, rng: &mut ChaCha8Rng) -> Result<Vec<Call>, Failure> {
        // The correlation of two samples is 1 / (a + b + 1).
        let sum = 1.0 / self.correlation - 1.0;
        let shares = match self.correlation > 0.0 {
            true => Some(Beta::new(poor * sum, (1.0 - poor) * sum).context("shares")?),
            false => None,
        };
        let length = lognormal(SAMPLES, self.spread)?;
        let mut session = |_| {
            let samples = length.sample(rng).round().max(1.0) as u64;
            let mut share = || shares.map_or(poor, |shares| shares.sample(rng));
            let (audio, other) = (share(), share());
            let video = if rng.random_bool(0.5) { audio } else { other };
            let mut stream = |share: f64| -> Result<Session, Failure> {
                let poor = Binomial::new(samples, share).context("samples")?.sample(rng);
                Ok(Session { part: poor.cast_signed(), whole: samples.cast_signed() })
            };
            let audio = stream(audio)?;
            Ok(Call { audio, video: self.mix.video.then(|| stream(video)).transpose()? })
        };
        (0..POPULATION).map(&mut session).collect()
    }

    fn point(
        &self,
        populations: &Populations,
        sessions: usize,
        worlds: usize,
        rng: &mut ChaCha8Rng,
    ) -> MixPoint {
        let (usual, worse) = (Truth::of(&populations.usual), Truth::of(&populations.worse));
        let mut counts = [0_usize; 5];
        for _ in 0..worlds {
            let a = draw(&populations.usual, &self.mix.a, sessions, rng);
            let b = draw(&populations.usual, &self.mix.b, sessions, rng);
            let c = draw(&populations.worse, &self.mix.a, sessions, rng);
            let all = union([&populations.others, &a, &b, &c]);
            let Some(standard) = Standard::of(&all) else { continue };
            let (usual, worse) = (usual.standardised(&standard), worse.standardised(&standard));
            let figure = standard.figure(&c);
            let difference = standard.compare(&c, &b);
            let found = [
                figure.state == State::Known,
                misses(figure.lower, figure.upper, worse),
                misses(difference.lower, difference.upper, worse - usual),
                finds(&standard.compare(&a, &b)),
                finds(&raw_comparison(&a, &b)),
            ];
            for (count, found) in counts.iter_mut().zip(found) {
                *count += usize::from(found);
            }
        }
        let [interval, missed, difference_missed, found, found_raw] =
            counts.map(|count| count as f64 / worlds as f64);
        MixPoint {
            mix: self.mix.name,
            sessions,
            poor: self.poor,
            correlation: self.correlation,
            spread: self.spread,
            worlds,
            interval,
            missed,
            difference_missed,
            found,
            found_raw,
        }
    }
}

/// True shares of each stratum.
pub(super) struct Truth(BTreeMap<Stratum, f64>);

impl Truth {
    pub(super) fn of(population: &Population) -> Self {
        let mut shares = BTreeMap::new();
        for (index, calls) in population.iter().enumerate() {
            for (kind, stream) in STREAMS {
                let sessions: Vec<Session> = calls.iter().filter_map(stream).collect();
                if !sessions.is_empty() {
                    shares.insert(stratum(index, kind), ratio(&sessions));
                }
            }
        }
        Self(shares)
    }

    /// Returns the true share with the common mix.
    pub(super) fn standardised(&self, standard: &Standard) -> f64 {
        let term = |share: &Share| share.weight * self.0.get(&share.stratum).unwrap_or(&f64::NAN);
        standard.strata().iter().map(term).sum()
    }
}

type Stream = (&'static str, fn(&Call) -> Option<Session>);

const STREAMS: [Stream; 2] = [("audio", |call| Some(call.audio)), ("video", |call| call.video)];

fn stratum(index: usize, kind: &str) -> Stratum {
    Stratum { browser: format!("{index:02}"), kind: kind.to_owned(), ..Stratum::default() }
}

/// Draws sessions, each of stratum i with the probability `mix[i]`.
pub(super) fn draw(
    population: &Population,
    mix: &[f64],
    sessions: usize,
    rng: &mut ChaCha8Rng,
) -> Strata {
    let mut sums = vec![[Sums::default(); 2]; mix.len()];
    for _ in 0..sessions {
        let place: f64 = rng.random();
        let mut below = 0.0;
        let within = |weight: &f64| {
            below += weight;
            place < below
        };
        let index = mix.iter().position(within).unwrap_or(mix.len() - 1);
        let call = population[index][rng.random_range(0..population[index].len())];
        for (sums, (_, stream)) in sums[index].iter_mut().zip(STREAMS) {
            if let Some(session) = stream(&call) {
                *sums += Sums::of(&[session]);
            }
        }
    }
    let mut strata = Strata::new();
    for (index, of_kinds) in sums.into_iter().enumerate() {
        for (sums, (kind, _)) in of_kinds.into_iter().zip(STREAMS) {
            if sums.sessions > 0 {
                strata.insert(stratum(index, kind), sums);
            }
        }
    }
    strata
}

fn finds(comparison: &Comparison) -> bool {
    matches!(comparison.verdict, Verdict::Better | Verdict::Worse)
}

fn misses(lower: Option<f64>, upper: Option<f64>, truth: f64) -> bool {
    lower.is_some_and(|lower| lower > truth) || upper.is_some_and(|upper| upper < truth)
}
