//! The formulas of the E-model (ITU-T G.107), which know no codec by name: a rating R from delay
//! and loss, and the mean opinion score of a rating.

/// R of a call without impairments (G.107, default values).
pub const BEST: f64 = 93.2;

/// MOS of a rating (G.107 Annex B), 1 to 4.5. Between R = 0 and 6.5 the polynomial dips under 1.
#[must_use]
pub fn mos(r: f64) -> f64 {
    let r = r.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)).clamp(1.0, 4.5)
}

/// Idd, the impairment by a one-way delay from mouth to ear of `ms` (G.107 7-27 and 7-28).
#[must_use]
pub fn delay_impairment(ms: f64) -> f64 {
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// Id as two straight lines (Cole and Rosenbluth, 2001), of a one-way delay of `ms`.
#[must_use]
pub fn simplified_delay_impairment(ms: f64) -> f64 {
    0.024 * ms + 0.11 * (ms - 177.3).max(0.0)
}

/// Ie,eff, the impairment by codec and random packet loss (G.107 7-29 with BurstR 1).
///
/// `ie` is the codec's impairment without loss, 0 to 95; `bpl` its robustness, above 0; `percent`
/// the loss, 0 to 100.
#[must_use]
pub fn loss_impairment(ie: f64, bpl: f64, percent: f64) -> f64 {
    burst_loss_impairment(ie, bpl, percent, 1.0)
}

/// Ie,eff of loss in bursts (G.107 7-29): `burst_ratio`, BurstR, is the mean length of the bursts
/// over that of random loss, 1 or more.
#[must_use]
pub fn burst_loss_impairment(ie: f64, bpl: f64, percent: f64, burst_ratio: f64) -> f64 {
    ie + (95.0 - ie) * percent / (percent / burst_ratio + bpl)
}

#[cfg(test)]
mod tests;
