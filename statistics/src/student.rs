//! Tail probabilities of Student's distribution.

/// Coefficients of Lanczos' approximation, g = 7 and nine terms.
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

/// Steps of the continued fraction; it converges in far fewer.
const STEPS: u32 = 300;

/// Bisection steps on [0, 1000] for a quantile.
const HALVINGS: usize = 60;

/// Largest quantile that is looked for.
pub(super) const LARGEST: f64 = 1000.0;

/// Returns the probability that Student's t with `freedom` degrees of freedom is farther from 0 than
/// `t`, on either side: I(x; freedom / 2, 1 / 2) at x = freedom / (freedom + t²).
pub(super) fn two_sided_tail(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// Returns t whose [`two_sided_tail`] is `probability`.
pub(super) fn quantile(probability: f64, freedom: f64) -> f64 {
    bisect(|t| two_sided_tail(t, freedom) > probability)
}

/// Returns the smallest number of [0, 1000] for which `too_small`, true up to it, is false.
pub(super) fn bisect(too_small: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, LARGEST);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if too_small(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn ln_gamma(x: f64) -> f64 {
    let x = x - 1.0;
    let t = x + 7.5;
    let series = LANCZOS
        .iter()
        .zip(0_u8..)
        .skip(1)
        .fold(LANCZOS[0], |sum, (coefficient, i)| sum + coefficient / (x + f64::from(i)));
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// Returns the regularised incomplete beta function I(x; a, b).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    if x < (a + 1.0) / (a + b + 2.0) {
        front.exp() * continued_fraction(x, a, b) / a
    } else {
        1.0 - front.exp() * continued_fraction(1.0 - x, b, a) / b
    }
}

/// Returns the continued fraction of the incomplete beta function, by Lentz's method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    let not_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..STEPS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / not_zero(1.0 + coefficient * d);
            c = not_zero(1.0 + coefficient / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2 degrees: 1 − t / √(2 + t²). 1 degree: 1 − 2 atan(t) / π.
    #[test]
    fn tails_of_one_and_two_degrees_have_closed_forms() {
        for t in [0.0, 0.01, 0.5, 1.0, 3.0, 50.0] {
            let one = 1.0 - f64::atan(t) / std::f64::consts::FRAC_PI_2;
            let two = 1.0 - t / f64::sqrt(2.0 + t * t);
            assert!((two_sided_tail(t, 1.0) - one).abs() < 1e-13, "{t}");
            assert!((two_sided_tail(t, 2.0) - two).abs() < 1e-13, "{t}");
        }
    }

    // From tables of Student's distribution.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in
            [(2.0, 4.302_653), (5.0, 2.570_582), (10.0, 2.228_139), (60.0, 2.000_298)]
        {
            assert!((quantile(0.05, freedom) - expected).abs() < 1e-6, "{freedom}");
        }
        assert!((quantile(0.001, 20.0) - 3.849_516).abs() < 1e-6);
    }
}
