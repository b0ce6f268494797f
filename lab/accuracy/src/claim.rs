//! Claims, and the deviations that decide whether they hold.

use deploy::failure::Failure;
use serde::Serialize;

/// A claim about the accuracy of Isobar.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The claim, with the unit of the deviation.
    pub claim: &'static str,
    /// The reference.
    pub reference: &'static str,
    /// The largest permitted deviation.
    pub bound: f64,
}

/// A claim with its result.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The claim.
    pub claim: &'static str,
    /// The reference.
    pub reference: &'static str,
    /// The largest permitted deviation.
    pub bound: f64,
    /// The largest deviation found; none (`null`) if something could not be compared.
    pub deviation: Option<f64>,
    /// True if the deviation is within the bound.
    pub ok: bool,
}

/// Largest deviation of each claim of a theme, in order.
pub(crate) type Deviations = Result<Vec<f64>, Failure>;

impl Claim {
    /// Returns the claim with its result.
    pub(crate) fn finding(&self, deviation: f64) -> Finding {
        Finding {
            claim: self.claim,
            reference: self.reference,
            bound: self.bound,
            deviation: Some(deviation).filter(|deviation| deviation.is_finite()),
            ok: deviation <= self.bound,
        }
    }
}

/// Returns the largest of `distances`; NaN if one of them is.
pub(crate) fn largest(distances: impl IntoIterator<Item = f64>) -> f64 {
    distances.into_iter().fold(0.0, |largest, distance| {
        if distance.is_nan() || distance > largest { distance } else { largest }
    })
}

#[cfg(test)]
mod tests {
    use super::{Claim, largest};

    #[test]
    fn a_claim_that_cannot_be_compared_fails() {
        let claim = Claim { claim: "", reference: "", bound: 1.0 };
        assert!(claim.finding(1.0).ok);
        for deviation in [1.1, f64::NAN, f64::INFINITY] {
            assert!(!claim.finding(deviation).ok, "{deviation}");
        }
        assert!(largest([1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
    }
}
