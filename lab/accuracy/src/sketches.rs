//! Sketches, compared with the exact quantiles of a million values.

use aggregate::{Bin, Sketch};
use deploy::failure::{Context, Failure};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution as _, Exp, LogNormal, Pareto};

use super::claim::{Claim, Deviations, largest};
use super::theme::{Check, Theme};

/// Permitted relative error: 1 %, and some rounding in the computation of the middle of a bin.
pub(super) const ONE_PERCENT: f64 = 0.01 + 1e-9;

/// The percentiles that are compared.
pub(super) const LEVELS: [f64; 13] =
    [0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0];

const VALUES: usize = 1_000_000;
pub(super) const PARTIALS: usize = 1000;

pub(super) const THEME: Theme = Theme {
    name: "sketches",
    claims: &[
        Claim {
            claim: "Percentiles of one partial: relative error, the worst of 1,000 partials of \
                    each of five distributions, including 0 and 10⁻²⁸⁰ to \
                    10²⁸⁰",
            reference: "Exact percentiles of the about 1,000 values of each partial",
            bound: ONE_PERCENT,
        },
        Claim {
            claim: "Percentiles of 1,000 partials merged: relative error",
            reference: "Exact percentiles of the 1,000,000 values of each distribution",
            bound: ONE_PERCENT,
        },
        Claim {
            claim: "Merging in any order gives the same result: number of merges that differ from \
                    counting all at once, of five random orders of each \
                    distribution",
            reference: "One sketch of the 1,000,000 values",
            bound: 0.0,
        },
    ],
    check: Check::Offline(deviations),
};

/// A million values, each of which belongs to one of a thousand partials.
pub(super) struct Values {
    /// Partial and value.
    pub(super) values: Vec<(usize, f64)>,
    /// The same values, sorted.
    pub(super) sorted: Vec<f64>,
}

/// Returns the values of all five distributions, the same ones every time.
pub(super) fn distributions() -> impl Iterator<Item = Result<Values, Failure>> {
    (0..5).map(|number| {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        let rng = &mut rng;
        Ok(match number {
            // Round trips, ms.
            0 => values(rng, LogNormal::new(4.0, 1.0).context("round trips")?),
            // Jitter, ms, a fifth of it below 1.
            1 => values(rng, Exp::new(0.2).context("jitter")?),
            // Bit rates with a heavy-tailed distribution, bit/s.
            2 => values(rng, Pareto::new(1e4, 1.2).context("bit rates")?),
            // Loss, nearly always 0.
            3 => {
                let lossy = Beta::new(0.5, 20.0).context("loss")?;
                draw(rng, |rng| if rng.random_bool(0.7) { 0.0 } else { lossy.sample(rng) })
            }
            // The whole range of a sketch.
            _ => draw(rng, |rng| match rng.random_range(0..20) {
                0 => 0.0,
                _ => 10_f64.powf(rng.random_range(-280.0..280.0)),
            }),
        })
    })
}

fn values(rng: &mut ChaCha8Rng, distribution: impl rand_distr::Distribution<f64>) -> Values {
    draw(rng, |rng| distribution.sample(rng))
}

fn draw(rng: &mut ChaCha8Rng, mut one: impl FnMut(&mut ChaCha8Rng) -> f64) -> Values {
    let mut value = |_| {
        let value = one(rng);
        (rng.random_range(0..PARTIALS), value)
    };
    let values: Vec<(usize, f64)> = (0..VALUES).map(&mut value).collect();
    let mut sorted: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    Values { values, sorted }
}

impl Values {
    /// Returns a sketch of each partial's values.
    pub(super) fn partials(&self) -> Vec<Sketch> {
        let mut partials = vec![Sketch::default(); PARTIALS];
        for (partial, value) in &self.values {
            add(&mut partials[*partial], *value);
        }
        partials
    }
}

/// Returns a sketch of all of `values`.
pub(super) fn sketch(values: impl IntoIterator<Item = f64>) -> Sketch {
    let mut sketch = Sketch::default();
    values.into_iter().for_each(|value| add(&mut sketch, value));
    sketch
}

fn add(sketch: &mut Sketch, value: f64) {
    if let Some(bin) = Bin::of(value) {
        sketch.add(bin);
    }
}

/// Returns the largest relative error of the percentiles of [`LEVELS`] of `sorted` values.
pub(super) fn error(sorted: &[f64], mut estimate: impl FnMut(usize, f64) -> Option<f64>) -> f64 {
    largest(LEVELS.iter().enumerate().map(|(number, level)| {
        let exact = sorted[(level * (sorted.len() - 1) as f64) as usize];
        match estimate(number, *level) {
            Some(estimate) if estimate == exact => 0.0,
            Some(estimate) => (estimate / exact - 1.0).abs(),
            None => f64::NAN,
        }
    }))
}

fn deviations() -> Deviations {
    let (mut one, mut merged, mut reordered) = (0.0, 0.0, 0.0);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for distribution in distributions() {
        let distribution = distribution?;
        let mut partials = distribution.partials();
        one = largest([one, error_of_partials(&distribution, &partials)]);
        let whole = sketch(distribution.sorted.iter().copied());
        for _ in 0..5 {
            partials.shuffle(&mut rng);
            let all = merge(&partials, &mut rng);
            merged = largest([merged, error(&distribution.sorted, |_, level| all.quantile(level))]);
            reordered += f64::from(u8::from(all != whole));
        }
    }
    Ok(vec![one, merged, reordered])
}

fn error_of_partials(distribution: &Values, partials: &[Sketch]) -> f64 {
    let mut values = vec![Vec::new(); PARTIALS];
    for (partial, value) in &distribution.values {
        values[*partial].push(*value);
    }
    largest(values.iter_mut().zip(partials).map(|(values, sketch)| {
        values.sort_unstable_by(f64::total_cmp);
        error(values, |_, level| sketch.quantile(level))
    }))
}

/// Merges groups of random sizes, and then the groups, like roll-ups of roll-ups.
fn merge(partials: &[Sketch], rng: &mut ChaCha8Rng) -> Sketch {
    let (mut rest, mut all) = (partials, Sketch::default());
    while !rest.is_empty() {
        let (group, others) = rest.split_at(rng.random_range(1..=rest.len().min(200)));
        let mut merged = Sketch::default();
        group.iter().for_each(|partial| merged.merge(partial));
        all.merge(&merged);
        rest = others;
    }
    all
}
