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

/// Largest quantile that is looked for.
const LARGEST: f64 = 1000.0;

/// Bisection steps on [0, 1000]: the result is within 10⁻⁹.
const HALVINGS: usize = 40;

/// Student's distribution with some degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Student {
    freedom: f64,
    /// Logarithm of the beta function of freedom / 2 and 1 / 2.
    ln_beta: f64,
}

impl Student {
    pub(super) fn new(freedom: f64) -> Self {
        let half = freedom / 2.0;
        Self { freedom, ln_beta: ln_gamma(half) + ln_gamma(0.5) - ln_gamma(half + 0.5) }
    }

    /// Returns the probability to be farther from 0 than `t`, on either side: the regularised incomplete beta
    /// function I(x; freedom / 2, 1 / 2) at x = freedom / (freedom + t²).
    pub(super) fn two_sided_tail(&self, t: f64) -> f64 {
        let (a, b) = (self.freedom / 2.0, 0.5);
        let square = t * t;
        if square <= 0.0 {
            return 1.0;
        }
        let (x, rest) = (self.freedom / (self.freedom + square), square / (self.freedom + square));
        let front = (a * x.ln() + b * rest.ln() - self.ln_beta).exp();
        if x < (a + 1.0) / (a + b + 2.0) {
            front * continued_fraction(x, a, b) / a
        } else {
            1.0 - front * continued_fraction(rest, b, a) / b
        }
    }

    /// Returns t whose [`Self::two_sided_tail`] is `probability`.
    pub(super) fn quantile(&self, probability: f64) -> f64 {
        bisect(|t| self.two_sided_tail(t) > probability)
    }
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
            assert!((Student::new(1.0).two_sided_tail(t) - one).abs() < 1e-13, "{t}");
            assert!((Student::new(2.0).two_sided_tail(t) - two).abs() < 1e-13, "{t}");
        }
    }

    // From tables of Student's distribution.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in
            [(2.0, 4.302_653), (5.0, 2.570_582), (10.0, 2.228_139), (60.0, 2.000_298)]
        {
            assert!((Student::new(freedom).quantile(0.05) - expected).abs() < 1e-6, "{freedom}");
        }
        assert!((Student::new(20.0).quantile(0.001) - 3.849_516).abs() < 1e-6);
    }
}
