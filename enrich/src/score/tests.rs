#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use serde_json::Value;

use schemas::Inbound;

use super::*;

#[track_caller]
fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6, "{what}: {found} instead of {expected}");
}

const PCMU_WITHOUT_PLC: Codec = Codec { ie: 0.0, bpl: 4.3, delay_ms: 0.0 };

// Reference points worked out from the formulas of G.107 by other means.
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
    for (delay, ms, expected) in [
        (Delay::G107, 0.0, 0.0),
        (Delay::G107, 100.0, 0.0),
        (Delay::G107, 150.0, 0.163_531),
        (Delay::G107, 500.0, 30.635_925),
        (Delay::Simplified, 100.0, 2.4),
        (Delay::Simplified, 177.3, 4.2552),
        (Delay::Simplified, 400.0, 34.097),
    ] {
        assert_close(delay.impairment(ms), expected, &format!("{delay:?} of {ms} ms"));
    }
}

#[test]
fn loss_impairs_less_where_the_codec_conceals_it() {
    let found = loss_impairment(&PCMU_WITHOUT_PLC, 1.0);
    assert_close(found, 17.924_528, "without concealment");
    let plc = Codec { bpl: 25.1, ..PCMU_WITHOUT_PLC };
    assert_close(loss_impairment(&plc, 1.0), 3.639_847, "with concealment");
    assert_close(loss_impairment(&plc, 0.0), 0.0, "no loss");
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
    for (name, delay, key) in [
        ("delay_impairment_simplified", Delay::Simplified, "id"),
        ("delay_impairment_g107", Delay::G107, "idd"),
    ] {
        for row in rows(name) {
            let found = delay.impairment(number(&row, "delay_ms"));
            assert_close(found, number(&row, key), &row.to_string());
        }
    }
    for row in rows("loss") {
        let codec = Codec { ie: number(&row, "ie"), bpl: number(&row, "bpl"), delay_ms: 0.0 };
        let impairment = loss_impairment(&codec, number(&row, "loss_percent"));
        assert_close(impairment, number(&row, "ie_eff"), &row.to_string());
        assert_close(mos(R_BEST - impairment), number(&row, "mos"), &row.to_string());
    }
}

fn model() -> EModel {
    EModel::parse(EModel::EMBEDDED).unwrap()
}

fn audio() -> Interval {
    Interval {
        kind: Kind::Audio,
        codec: Some("audio/opus".to_owned()),
        packets_received: Some(495),
        packets_lost: Some(5),
        round_trip_us: Some(300_000),
        round_trip_count: Some(3),
        jitter_us: Some(10_000),
        inbound: Some(Inbound {
            jitter_buffer_us: Some(2_880_000_000),
            jitter_buffer_emitted: Some(48_000),
            ..Inbound::default()
        }),
        ..Interval::default()
    }
}

// 1 % loss: Ie,eff = 95 / 11. Ta = 100 / 2 + 60 + 20 = 130 ms: Idd = 0.012188. R = 84.551448.
#[test]
fn an_interval_is_scored_by_its_loss_round_trip_jitter_buffer_and_codec() {
    assert_eq!(model().audio_mos_milli(&audio(), None), Some(4184));
}

#[test]
fn twice_the_jitter_stands_in_for_an_unknown_jitter_buffer() {
    let by_jitter = Interval { inbound: None, jitter_us: Some(30_000), ..audio() };
    let by_buffer = audio();
    let model = model();
    let score = |interval| model.audio_mos_milli(&interval, None);
    assert_eq!(score(by_jitter), score(by_buffer));
}

#[test]
fn the_round_trip_of_the_path_stands_in_for_an_unknown_one_of_rtcp() {
    let path =
        Path { ice_round_trip_us: Some(300_000), ice_round_trip_count: Some(3), ..Path::default() };
    let without = Interval { round_trip_count: Some(0), ..audio() };
    assert_eq!(model().audio_mos_milli(&without, Some(&path)), Some(4184));
    assert_eq!(model().audio_mos_milli(&without, None), None);
}

#[test]
fn without_a_known_loss_there_is_no_score() {
    for without in [
        Interval { packets_lost: None, ..audio() },
        Interval { packets_received: None, ..audio() },
        Interval { packets_received: Some(0), packets_lost: Some(0), ..audio() },
    ] {
        assert_eq!(model().audio_mos_milli(&without, None), None);
    }
}

#[test]
fn codecs_are_found_in_any_case_and_unknown_ones_count_as_the_default() {
    let model = model();
    let score = |codec: Option<&str>| {
        let interval = Interval { codec: codec.map(str::to_owned), ..audio() };
        model.audio_mos_milli(&interval, None)
    };
    assert_eq!(score(Some("audio/PCMU")), score(Some("audio/pcmu")));
    assert_ne!(score(Some("audio/PCMU")), score(Some("audio/opus")));
    assert_eq!(score(Some("audio/x")), score(Some("audio/opus")));
    assert_eq!(score(None), score(Some("audio/opus")));
}

#[test]
fn broken_parameters_are_refused_with_what_is_wrong() {
    for (from, to, complaint) in [
        ("\"ie\": 0", "\"ie\": 99", "codecs.audio/"),
        ("\"bpl\": 10", "\"bpl\": 0", "codecs.audio/opus: "),
        ("\"default_codec\": \"audio/opus\"", "\"default_codec\": \"x\"", "default_codec: "),
        ("g107", "g108", "unknown variant `g108`"),
        ("\"delay\"", "\"dealy\"", "unknown field `dealy`"),
    ] {
        let json = EModel::EMBEDDED.replace(from, to);
        let error = EModel::parse(&json).unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
}
