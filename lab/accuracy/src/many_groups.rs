//! Error rates of findings that stand among many, and of ranges of ranks.

use deploy::failure::Failure;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use statistics::{RankRange, Standard, Strata, benjamini_hochberg, union};

use super::claim::{Claim, Deviations, largest};
use super::coverage::{Grid, in_parallel};
use super::mixes::{Kind, Mix, Population, Truth, draw, mixes};
use super::theme::{Check, Theme};

/// Nominal rate of false discoveries.
const Q: f64 = 0.1;
/// Pairs of groups that are compared in a world.
const PAIRS: usize = 20;
/// Pairs that differ, in the worlds that have such.
const REAL: usize = 5;
/// Sessions of each group of a pair.
const IN_PAIR: usize = 600;
/// Sessions of each ranked group.
const RANKED: [usize; 2] = [300, 2000];

pub(super) const THEME: Theme = Theme {
    name: "many findings at once",
    claims: &[
        Claim {
            claim: "Twenty comparisons, all between groups that differ in nothing but their mix: worlds \
                    with a finding that stands at q 0.1",
            reference: "Simulated worlds, 3 and 10 % poor, 600 sessions a group, correlation 0.3",
            bound: 0.1,
        },
        Claim {
            claim: "The same with twice the odds in five of the twenty: mean share of false findings \
                    among those that stand",
            reference: "The same worlds",
            bound: 0.1,
        },
        Claim {
            claim: "The same: true differences, of five, that do not stand, mean share at 10 % poor",
            reference: "The same worlds",
            bound: 0.5,
        },
        Claim {
            claim: "Rank ranges of eight groups whose odds differ by 10 % each: worlds in which one of \
                    them does not contain the true rank",
            reference: "The same worlds, 300 and 2,000 sessions a group",
            bound: 0.05,
        },
    ],
    check: Check::Grid(deviations),
};

fn deviations(grid: Grid) -> Deviations {
    let worlds = grid.worlds() / 10;
    let found = in_parallel(vec![0.03, 0.1], |number, &poor| {
        let mut rng = ChaCha8Rng::seed_from_u64(4000 + number as u64);
        let kind = Kind { mix: different_mixes(), poor, correlation: 0.3, spread: 0.0 };
        let none = discoveries(&kind, 0, worlds, &mut rng)?;
        let some = discoveries(&kind, REAL, worlds, &mut rng)?;
        Ok((none, some, ranks(&kind, worlds, &mut rng)?))
    })?;
    Ok(vec![
        largest(found.iter().map(|(none, ..)| none.any)),
        largest(found.iter().map(|(_, some, _)| some.false_share)),
        found.last().map_or(f64::NAN, |(_, some, _)| some.overlooked),
        largest(found.iter().map(|(.., missed)| *missed)),
    ])
}

fn different_mixes() -> Mix {
    mixes().swap_remove(2)
}

/// Means over worlds.
struct Discoveries {
    /// Worlds with a finding that stands.
    any: f64,
    /// False ones among those that stand.
    false_share: f64,
    /// True differences that are not reported.
    overlooked: f64,
}

/// Compares pairs of groups with different mixes, `real` of which differ.
fn discoveries(
    kind: &Kind,
    real: usize,
    worlds: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Discoveries, Failure> {
    let (usual, worse) = (kind.population(1.0, rng)?, kind.population(2.0, rng)?);
    let mut sum = Discoveries { any: 0.0, false_share: 0.0, overlooked: 0.0 };
    for _ in 0..worlds {
        let mut pair = |number: usize| {
            let from = if number < real { &worse } else { &usual };
            let a = draw(from, &kind.mix.a, IN_PAIR, rng);
            let b = draw(&usual, &kind.mix.b, IN_PAIR, rng);
            Standard::of(&union([&a, &b])).and_then(|standard| standard.compare(&a, &b).p_value)
        };
        let p_values: Vec<Option<f64>> = (0..PAIRS).map(&mut pair).collect();
        let stands = benjamini_hochberg(&p_values, Q);
        let (of_real, of_none) = stands.split_at(real);
        let count = |stands: &[bool]| stands.iter().filter(|stands| **stands).count() as f64;
        let (right, wrong) = (count(of_real), count(of_none));
        sum.any += f64::from(u8::from(right + wrong > 0.0));
        sum.false_share += wrong / (right + wrong).max(1.0);
        sum.overlooked += (real as f64 - right) / (real as f64).max(1.0);
    }
    let mean = |sum: f64| sum / worlds as f64;
    Ok(Discoveries {
        any: mean(sum.any),
        false_share: mean(sum.false_share),
        overlooked: mean(sum.overlooked),
    })
}

/// Returns the largest share of worlds in which a range does not contain the true rank.
fn ranks(kind: &Kind, worlds: usize, rng: &mut ChaCha8Rng) -> Result<f64, Failure> {
    let populations: Vec<Population> = (0..8)
        .map(|number| kind.population(1.1_f64.powi(number), rng))
        .collect::<Result<_, _>>()?;
    let truths: Vec<Truth> = populations.iter().map(Truth::of).collect();
    let mut missed = |sessions: usize| {
        let wrong = (0..worlds).filter(|_| {
            let groups: Vec<Strata> = populations
                .iter()
                .enumerate()
                .map(|(number, population)| {
                    let mix = if number % 2 == 0 { &kind.mix.a } else { &kind.mix.b };
                    draw(population, mix, sessions, rng)
                })
                .collect();
            Standard::of(&union(&groups)).is_some_and(|standard| {
                let shares: Vec<f64> =
                    truths.iter().map(|truth| truth.standardised(&standard)).collect();
                let ranges = standard.ranks(&groups.iter().collect::<Vec<_>>());
                !holds(&ranges, &shares)
            })
        });
        wrong.count() as f64 / worlds as f64
    };
    Ok(largest(RANKED.map(&mut missed)))
}

/// Returns true if each range contains the true rank among the groups that have one.
fn holds(ranges: &[Option<RankRange>], shares: &[f64]) -> bool {
    let ranked =
        || ranges.iter().zip(shares).filter_map(|(range, share)| Some((range.as_ref()?, share)));
    ranked().all(|(range, share)| {
        let rank = 1 + ranked().filter(|(_, other)| *other < share).count();
        (range.from..=range.to).contains(&rank)
    })
}
