//! The formulas of the E-model (ITU-T G.107), independent of codecs: the rating R by delay and
//! loss, and the mean opinion score of a rating.

/// R of a call without impairments (G.107, default values). It is rounded and includes the listener
/// echo without delay, 0.149.
pub const BEST: f64 = 93.2;

/// TELR, the default talker echo loudness rating of G.107 (Table 3), dB.
pub const TELR_DB: f64 = 65.0;

/// WEPL, the default weighted echo path loss of G.107 (Table 3), dB.
pub const WEPL_DB: f64 = 110.0;

/// Ro, the signal-to-noise ratio of G.107 (7-3) with default values.
const RO: f64 = 94.768_821_579_362_54;

/// Is, the simultaneous impairment of G.107 (7-8) with default values. It depends on the delay by
/// less than 10⁻⁷ from 25 ms on.
const IS: f64 = 1.413_568_081_343_861_6;

/// R of a call without delay, loss and echo (G.107, default values): Ro − Is.
pub const BEST_WITHOUT_ECHO: f64 = RO - IS;

/// Returns the MOS of a rating (G.107 Annex B), 1 to 4.5. Between R = 0 and 6.5 the polynomial
/// itself is below 1.
#[must_use]
pub fn mos(r: f64) -> f64 {
    let r = r.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)).clamp(1.0, 4.5)
}

/// Returns Idd, the impairment by a one-way delay from mouth to ear of `ms` (G.107 7-27 and 7-28).
#[must_use]
pub fn delay_impairment(ms: f64) -> f64 {
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// Returns Idte, the impairment by talker echo (G.107 7-21 to 7-24) of a one-way delay of `ms`;
/// `telr_db` is the talker echo loudness rating, dB. Below 1 ms there is no echo. Up to 5 ms the
/// formula itself is below 0; the result is at least 0.
#[must_use]
pub fn talker_echo_impairment(ms: f64, telr_db: f64) -> f64 {
    if ms < 1.0 {
        return 0.0;
    }
    let delayed = 40.0 * ((1.0 + ms / 10.0) / (1.0 + ms / 150.0)).log10();
    let loudness = telr_db - delayed + 6.0 * (-0.3 * ms * ms).exp();
    // Roe is Ro: with the default SLR of 8 dB, −1.5 (No − RLR) and 15 − 1.5 (SLR + No) are the
    // same.
    let half = (RO - (80.0 + 2.5 * (loudness - 14.0))) / 2.0;
    (((half * half + 100.0).sqrt() + half - 1.0) * (1.0 - (-ms).exp())).max(0.0)
}

/// Returns Idle, the impairment by listener echo (G.107 7-25 and 7-26) of a round trip of `ms` from
/// mouth to ear and back; `wepl_db` is the weighted echo path loss, dB.
#[must_use]
pub fn listener_echo_impairment(ms: f64, wepl_db: f64) -> f64 {
    let rle = 10.5 * (wepl_db + 7.0) * (ms + 1.0).powf(-0.25);
    let half = (RO - rle) / 2.0;
    half + (half * half + 169.0).sqrt()
}

/// Returns R without loss for a one-way delay of `ms` with echo: Ro − Is − Idte − Idle − Idd (G.107
/// 7-1, 7-20), with the same delay for the echo as for speech.
#[must_use]
pub fn rating_with_echo(ms: f64, telr_db: f64, wepl_db: f64) -> f64 {
    let echo = talker_echo_impairment(ms, telr_db) + listener_echo_impairment(2.0 * ms, wepl_db);
    BEST_WITHOUT_ECHO - echo - delay_impairment(ms)
}

/// Returns Id of a one-way delay of `ms`, approximated by two straight lines (Cole and Rosenbluth,
/// 2001).
#[must_use]
pub fn simplified_delay_impairment(ms: f64) -> f64 {
    0.024 * ms + 0.11 * (ms - 177.3).max(0.0)
}

/// Returns Ie,eff, the impairment by codec and random packet loss (G.107 7-29 with BurstR 1).
///
/// `ie` is the codec's impairment without loss, 0 to 95; `bpl` its robustness, above 0; `percent`
/// the loss, 0 to 100.
#[must_use]
pub fn loss_impairment(ie: f64, bpl: f64, percent: f64) -> f64 {
    burst_loss_impairment(ie, bpl, percent, 1.0)
}

/// Returns Ie,eff of loss in bursts (G.107 7-29). `burst_ratio`, BurstR, is the ratio of the mean
/// burst length to that of random loss, 1 or more.
#[must_use]
pub fn burst_loss_impairment(ie: f64, bpl: f64, percent: f64, burst_ratio: f64) -> f64 {
    ie + (95.0 - ie) * percent / (percent / burst_ratio + bpl)
}

#[cfg(test)]
mod tests;
