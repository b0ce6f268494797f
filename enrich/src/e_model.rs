//! The E-model's formulas (ITU-T G.107), for whoever holds them against reference values.

use crate::score::{self, Codec, Delay};

/// MOS of a rating R, 1 to 4.5.
#[must_use]
pub fn mos(rating: f64) -> f64 {
    score::mos(rating)
}

/// Impairment Idd of a one-way delay of `ms` (7-27, 7-28).
#[must_use]
pub fn delay_impairment(ms: f64) -> f64 {
    Delay::G107.impairment(ms)
}

/// Impairment Id of a one-way delay of `ms` by two straight lines (Cole and Rosenbluth, 2001).
#[must_use]
pub fn simplified_delay_impairment(ms: f64) -> f64 {
    Delay::Simplified.impairment(ms)
}

/// Impairment Ie,eff of a codec with `ie` and `bpl` by random loss, 0 to 100 percent (7-29).
#[must_use]
pub fn loss_impairment(ie: f64, bpl: f64, percent: f64) -> f64 {
    score::loss_impairment(&Codec { ie, bpl, delay_ms: 0.0 }, percent)
}
