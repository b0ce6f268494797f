//! Exact one-sided limits, for shares that are too small or too large for an interval.

/// Probability beyond the limit: half of that outside a two-sided 95 % interval.
pub(super) const LEFT_OUT: f64 = 0.025;

/// Number of bisection steps on [0, 1]: a limit is within 10⁻¹⁸ of the solution, or the nearest double.
const HALVINGS: usize = 60;

/// Returns the upper 97.5 % limit for the share that `cases` of `trials` independent trials come
/// from (Clopper and Pearson, Biometrika 26, 1934): the upper end of their 95 % interval, 0.00092 for
/// none of 4,000. Trials need not be a whole number (Korn and Graubard, 1998); cases are rounded up.
/// None without trials, or with cases below 0.
#[must_use]
pub fn exact_upper_limit(cases: f64, trials: f64) -> Option<f64> {
    exact_upper_limit_at(cases, trials, LEFT_OUT)
}

/// Returns the same limit with another probability beyond it.
pub(super) fn exact_upper_limit_at(cases: f64, trials: f64, left_out: f64) -> Option<f64> {
    let cases = cases.ceil();
    if cases.is_nan() || cases < 0.0 || trials.is_nan() || trials <= 0.0 {
        return None;
    }
    if cases >= trials {
        return Some(1.0);
    }
    let logs = binomial_logs(cases as usize, trials);
    let at_most = |share: f64| -> f64 {
        let (success, failure) = (share.ln(), (-share).ln_1p());
        let terms = logs.iter().enumerate().map(|(k, log)| {
            let k = k as f64;
            (log + k * success + (trials - k) * failure).exp()
        });
        terms.sum()
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let share = (low + high) / 2.0;
        if at_most(share) > left_out {
            low = share;
        } else {
            high = share;
        }
    }
    Some(high)
}

/// Returns the logarithms of the binomial coefficients of `trials` over 0 to `cases`.
fn binomial_logs(cases: usize, trials: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let steps = (0..=cases).map(|k| {
        let k = k as f64;
        sum += if k > 0.0 { ((trials - k + 1.0) / k).ln() } else { 0.0 };
        sum
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::exact_upper_limit;

    // None of n: 1 − 0.025^(1/n). The others by bisection in decimals of 40 digits.
    #[test]
    fn limits_are_those_of_clopper_and_pearson() {
        for (cases, trials, expected) in [
            (0.0, 1.0, 0.975),
            (0.0, 10.0, 0.308_497_107_818_76),
            (0.0, 4000.0, 0.000_921_794_749_483),
            (1.0, 10.0, 0.445_016_117_028_195),
            (3.0, 4000.0, 0.002_190_238_662_875),
            (5.0, 100.0, 0.112_834_911_105_463),
            (7.0, 7.0, 1.0),
        ] {
            let found = exact_upper_limit(cases, trials).unwrap();
            assert!((found - expected).abs() <= 1e-12, "{cases} of {trials}: {found}");
        }
    }

    #[test]
    fn more_cases_have_a_higher_limit_and_more_trials_a_lower_one() {
        let limit = |cases, trials| exact_upper_limit(cases, trials).unwrap();
        assert!(limit(1.0, 200.5) > limit(0.0, 200.5));
        assert_eq!(limit(0.2, 200.5), limit(1.0, 200.5));
        assert!(limit(2.0, 300.0) < limit(2.0, 200.5));
        assert!(limit(0.0, 1e9) > 3.6e-9 && limit(0.0, 1e9) < 3.7e-9);
    }

    #[test]
    fn nothing_is_known_without_trials() {
        for (cases, trials) in [(0.0, 0.0), (-1.0, 5.0), (f64::NAN, 5.0), (0.0, f64::NAN)] {
            assert_eq!(exact_upper_limit(cases, trials), None);
        }
    }
}
