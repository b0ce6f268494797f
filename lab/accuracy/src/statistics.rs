//! Statistics, compared with published formulas and tables.

use statistics::{
    Estimate, Interval, Session, difference, exact_upper_limit, normal_quantile,
    percentile_sample_size, sample_size, wilson,
};

use super::claim::{Claim, Deviations, largest};
use super::reference::{Estimated, Reference};
use super::theme::{Check, Theme};

pub(super) const THEME: Theme = Theme {
    name: "statistics",
    claims: &[
        Claim {
            claim: "Wilson's 95 % interval, from 0 of 1 to 3 of 1,000,000",
            reference: "Wilson (1927), in decimals (`reference.py`)",
            bound: 1e-12,
        },
        Claim {
            claim: "95 % interval of a difference of two shares, to the four digits printed",
            reference: "Newcombe (1998), eight worked examples of method 10",
            bound: 5.1e-5,
        },
        Claim {
            claim: "Ratio over sessions: estimate and standard error, relative",
            reference: "Cochran, Sampling Techniques, 6.4, in decimals (`reference.py`)",
            bound: 1e-12,
        },
        Claim {
            claim: "95 % limits of a mean and of a share over sessions",
            reference: "The same, with Student's quantile by numerical integration",
            bound: 1e-6,
        },
        Claim {
            claim: "Single upper limit of a share, from 0 of 1 to 3 of 1,000,000",
            reference: "Clopper and Pearson (1934), in decimals (`reference.py`)",
            bound: 1e-12,
        },
        Claim {
            claim: "Sample size to distinguish two shares, sessions",
            reference: "Fleiss, Levin and Paik, 4.14, in decimals (`reference.py`): 5 % against \
                        6, 7, 10 % at 80 % power take 8,158, 2,212, 434",
            bound: 0.0,
        },
        Claim {
            claim: "Minimum number of observations for an interval of a percentile",
            reference: "By search (`reference.py`): p50 6, p75 11, p90 29, p95 59, p99 299",
            bound: 0.0,
        },
        Claim {
            claim: "Normal quantiles of 10⁻⁹ to 0.9999",
            reference: "Python's `statistics.NormalDist`",
            bound: 1e-12,
        },
    ],
    check: Check::Offline(deviations),
};

fn deviations() -> Deviations {
    let reference = Reference::load()?;
    let wilson_limits = reference
        .wilson
        .iter()
        .map(|&(k, n, low, high)| wilson(k, n).map_or(f64::NAN, |found| limits(found, low, high)));
    let newcombe = reference.newcombe.iter().map(|&(k, n, l, m, low, high)| {
        let pair = wilson(k, n).zip(wilson(l, m));
        pair.map_or(f64::NAN, |(a, b)| limits(difference(a, b).interval, low, high))
    });
    let exact = reference.exact_upper_limit.iter().map(|&(cases, trials, wanted)| {
        exact_upper_limit(cases, trials).map_or(f64::NAN, |found| (found - wanted).abs())
    });
    let sizes = reference.sample_size.iter().map(|&(p, q, power, wanted)| {
        sample_size(p, q, power).map_or(f64::NAN, |found| (found - wanted).abs())
    });
    let percentiles = reference.percentile_sample_size.iter().map(|&(level, wanted)| {
        percentile_sample_size(level).map_or(f64::NAN, |found| found.abs_diff(wanted) as f64)
    });
    let quantiles = reference
        .normal_quantile
        .iter()
        .map(|&(p, wanted)| normal_quantile(p).map_or(f64::NAN, |found| (found - wanted).abs()));
    Ok(vec![
        largest(wilson_limits),
        largest(newcombe),
        largest(reference.estimate.iter().map(|row| estimated(row).0)),
        largest(reference.estimate.iter().map(|row| estimated(row).1)),
        largest(exact),
        largest(sizes),
        largest(percentiles),
        largest(quantiles),
    ])
}

fn limits(found: Interval, low: f64, high: f64) -> f64 {
    let off = |found: Option<f64>, wanted: f64| found.map_or(f64::NAN, |it| (it - wanted).abs());
    largest([off(found.lower, low), off(found.upper, high)])
}

/// Returns the relative deviation of an estimate, and of its limits.
fn estimated(wanted: &Estimated) -> (f64, f64) {
    let sessions = sessions(wanted.seed, wanted.sessions, wanted.never_poor);
    let Some(found) = Estimate::of(&sessions) else {
        return (f64::NAN, f64::NAN);
    };
    let relative = |found: f64, wanted: f64| {
        if found == wanted { 0.0 } else { (found / wanted - 1.0).abs() }
    };
    let estimate = largest([
        relative(found.effective_sessions, wanted.effective_sessions),
        relative(found.ratio, wanted.ratio),
        relative(found.standard_error.unwrap_or(f64::NAN), wanted.standard_error),
        relative(found.degrees_of_freedom, wanted.degrees_of_freedom),
    ]);
    let [low, high] = wanted.mean;
    let mean = limits(found.mean(), low, high);
    let share = match wanted.share {
        (Some(low), Some(high)) => limits(found.share(), low, high),
        (None, Some(high)) if found.share().lower.is_none() => {
            found.share().upper.map_or(f64::NAN, |upper| (upper - high).abs())
        }
        _ => f64::NAN,
    };
    (estimate, largest([mean, share]))
}

/// Returns the sessions of `reference.py`: a multiplicative generator (Park and Miller) gives each
/// a time of up to ten minutes and, unless it is never poor, a poor share of it.
pub(super) fn sessions(seed: u64, count: usize, never_poor: u64) -> Vec<Session> {
    let mut state = seed;
    let mut next = move || {
        state = state * 48_271 % 2_147_483_647;
        state
    };
    let session = |_| {
        let whole = (1_000_000 + next() % 600_000_000).cast_signed();
        let luck = next();
        let poor = luck / 1000 % 10 >= never_poor;
        let part = if poor { whole * (luck % 1000).cast_signed() / 1000 } else { 0 };
        Session { part, whole }
    };
    (0..count).map(session).collect()
}
