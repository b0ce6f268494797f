#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[track_caller]
fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6, "{what}: {found} instead of {expected}");
}

// All figures were computed independently from the formulas.
#[test]
fn ratings_become_opinion_scores_that_never_leave_1_to_4_5() {
    for (r, expected) in [
        (-5.0, 1.0),
        (3.222, 1.0),
        (6.5, 1.0),
        (10.0, 1.035),
        (50.0, 2.575),
        (93.2, 4.409_286),
        (100.0, 4.5),
        (120.0, 4.5),
    ] {
        assert_close(mos(r), expected, &format!("MOS of R = {r}"));
    }
}

#[test]
fn delay_impairs_by_either_formula() {
    for (ms, g107, simplified) in [
        (0.0, 0.0, 0.0),
        (100.0, 0.0, 2.4),
        (120.0, 0.001_374, 2.88),
        (150.0, 0.163_531, 3.6),
        (200.0, 3.044_414, 7.297),
        (400.0, 24.070_089, 34.097),
        (500.0, 30.635_925, 47.497),
        (3000.0, 48.956_199, 382.497),
    ] {
        assert_close(delay_impairment(ms), g107, &format!("Idd of {ms} ms"));
        assert_close(simplified_delay_impairment(ms), simplified, &format!("Id of {ms} ms"));
    }
}

// Computed independently from the default values of Table 3. G.107 states R = 93.2 without delay.
#[test]
fn echo_of_the_default_loudness_impairs_the_more_the_later_it_comes() {
    for (ms, talker, listener, r) in [
        (0.0, 0.0, 0.149_046, 93.206_208),
        (20.0, 0.391_853, 0.432_057, 92.531_343),
        (100.0, 1.963_791, 0.727_733, 90.663_730),
        (200.0, 3.570_849, 0.935_273, 85.804_718),
        (400.0, 5.808_211, 1.230_127, 62.246_827),
        (800.0, 8.029_230, 1.671_363, 42.822_177),
    ] {
        assert_close(talker_echo_impairment(ms, TELR_DB), talker, &format!("Idte of {ms} ms"));
        let found = listener_echo_impairment(2.0 * ms, WEPL_DB);
        assert_close(found, listener, &format!("Idle of {ms} ms"));
        assert_close(rating_with_echo(ms, TELR_DB, WEPL_DB), r, &format!("R of {ms} ms"));
    }
    assert!(talker_echo_impairment(100.0, 45.0) > 20.0, "a louder echo");
}

#[test]
fn loss_impairs_by_the_codec_and_more_in_bursts() {
    for (ie, bpl, percent, burst_ratio, expected) in [
        (0.0, 4.3, 1.0, 1.0, 17.924_528),
        (0.0, 4.3, 5.0, 1.0, 51.075_269),
        (0.0, 25.1, 1.0, 1.0, 3.639_847),
        (0.0, 25.1, 50.0, 1.0, 63.249_001),
        (11.0, 19.0, 0.0, 1.0, 11.0),
        (11.0, 19.0, 2.0, 1.0, 19.0),
        (0.0, 10.0, 100.0, 1.0, 86.363_636),
        (0.0, 25.1, 2.0, 2.0, 7.279_693),
        (11.0, 19.0, 5.0, 4.0, 31.740_741),
    ] {
        let found = burst_loss_impairment(ie, bpl, percent, burst_ratio);
        assert_close(found, expected, &format!("{ie}, {bpl}, {percent} %, BurstR {burst_ratio}"));
        if burst_ratio == 1.0 {
            assert_close(loss_impairment(ie, bpl, percent), expected, "without bursts");
        }
    }
}

#[test]
fn the_shared_reference_values_are_met() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/e_model.json");
    let Ok(json) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no {path}");
        return;
    };
    let vectors: Value = serde_json::from_str(&json).unwrap();
    let rows = |name: &str| vectors[name].as_array().unwrap().clone();
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap();
    for row in rows("mos_from_r") {
        assert_close(mos(number(&row, "r")), number(&row, "mos"), &row.to_string());
    }
    for row in rows("delay_impairment_simplified") {
        let found = simplified_delay_impairment(number(&row, "delay_ms"));
        assert_close(found, number(&row, "id"), &row.to_string());
    }
    for row in rows("delay_impairment_g107") {
        let found = delay_impairment(number(&row, "delay_ms"));
        assert_close(found, number(&row, "idd"), &row.to_string());
    }
    for row in rows("loss") {
        let (ie, bpl) = (number(&row, "ie"), number(&row, "bpl"));
        let impairment = loss_impairment(ie, bpl, number(&row, "loss_percent"));
        assert_close(impairment, number(&row, "ie_eff"), &row.to_string());
        assert_close(mos(BEST - impairment), number(&row, "mos"), &row.to_string());
    }
}

/// Tolerance for rounding against the formulas.
const ROUNDING: f64 = 1e-9;

proptest! {
    #[test]
    fn mos_is_at_least_1_and_rises_with_the_rating(r in -500.0..500.0, more in 0.0..100.0) {
        prop_assert!((1.0..=4.5).contains(&mos(r)));
        prop_assert!(mos(r + more) >= mos(r) - ROUNDING);
    }

    #[test]
    fn more_delay_impairs_no_less(ms in 0.0..5_000.0, more in 0.0..1_000.0) {
        prop_assert!(delay_impairment(ms + more) >= delay_impairment(ms) - ROUNDING);
        let rating = |ms| rating_with_echo(ms, TELR_DB, WEPL_DB);
        prop_assert!(rating(ms + more) <= rating(ms) + ROUNDING);
        let simplified = simplified_delay_impairment;
        prop_assert!(simplified(ms + more) >= simplified(ms) - ROUNDING);
    }

    #[test]
    fn more_loss_and_longer_bursts_impair_no_less(
        ie in 0.0..95.0,
        bpl in 0.1..100.0,
        loss in 0.0..100.0,
        more in 0.0..100.0,
        burst in 1.0..8.0,
        longer in 0.0..8.0,
    ) {
        let impairment = |loss: f64, burst| burst_loss_impairment(ie, bpl, loss.min(100.0), burst);
        prop_assert!(impairment(loss + more, burst) >= impairment(loss, burst) - ROUNDING);
        prop_assert!(impairment(loss, burst + longer) >= impairment(loss, burst) - ROUNDING);
    }
}
