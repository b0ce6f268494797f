//! Sample sizes.

use super::normal::{Z, normal_quantile};

/// Returns the independent observations that each of two groups needs, so that a two-sided test at 5 %
/// distinguishes the shares `p` and `q` with this power (Fleiss, Levin and Paik, Statistical Methods for
/// Rates and Proportions, 4.14); to the nearest one. None if they are the same, or if shares or
/// power are not between 0 and 1.
#[must_use]
pub fn sample_size(p: f64, q: f64, power: f64) -> Option<f64> {
    let share = |x: f64| (0.0..=1.0).contains(&x);
    if p == q || !share(p) || !share(q) {
        return None;
    }
    let if_the_same = ((p + q) * (1.0 - (p + q) / 2.0)).sqrt();
    let if_not = (p * (1.0 - p) + q * (1.0 - q)).sqrt();
    let sum = Z * if_the_same + normal_quantile(power)? * if_not;
    Some((sum / (p - q)).powi(2).round())
}

/// Returns the factor by which more observations are needed if each session gives `m` of them, with
/// correlation `rho` within a session (Kish).
#[must_use]
pub fn design_effect(m: f64, rho: f64) -> f64 {
    1.0 + (m - 1.0) * rho
}

/// Returns the smallest number of independent observations whose minimum and maximum enclose the quantile of
/// `level` with 95 % confidence, for any distribution: 1 − levelⁿ − (1 − level)ⁿ ≥ 0.95. None if `level` is
/// not between 10⁻⁶ and 1 − 10⁻⁶.
#[must_use]
pub fn percentile_sample_size(level: f64) -> Option<u64> {
    if !(1e-6..=1.0 - 1e-6).contains(&level) {
        return None;
    }
    let missed = |n: u64| level.powf(n as f64) + (1.0 - level).powf(n as f64);
    (1..).find(|&n| missed(n) <= 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_have_no_sample_size() {
        assert_eq!(sample_size(0.05, 0.05, 0.8), None);
        assert_eq!(sample_size(-0.1, 0.05, 0.8), None);
        assert_eq!(sample_size(0.05, 1.5, 0.8), None);
        assert_eq!(sample_size(0.05, 0.06, 1.0), None);
        assert_eq!(sample_size(0.05, 0.06, f64::NAN), None);
        assert_eq!(percentile_sample_size(1.0), None);
        assert_eq!(percentile_sample_size(f64::NAN), None);
    }

    #[test]
    fn more_power_and_a_smaller_difference_take_more() {
        assert!(sample_size(0.05, 0.06, 0.9) > sample_size(0.05, 0.06, 0.8));
        assert!(sample_size(0.05, 0.055, 0.8) > sample_size(0.05, 0.06, 0.8));
        assert_eq!(sample_size(0.05, 0.06, 0.8), sample_size(0.06, 0.05, 0.8));
    }

    #[test]
    fn ten_samples_of_a_session_that_correlate_by_0_3_count_as_2_7() {
        assert!((10.0 / design_effect(10.0, 0.3) - 2.7).abs() < 0.01);
    }
}
