#![allow(clippy::unwrap_used)]

use schemas::Inbound;

use super::*;

fn embedded() -> AudioScore {
    AudioScore::parse(AudioScore::EMBEDDED).unwrap()
}

/// Returns the built-in parameters with one text replaced.
fn with(from: &str, to: &str) -> AudioScore {
    let json = AudioScore::EMBEDDED.replacen(from, to, 1);
    assert_ne!(json, AudioScore::EMBEDDED, "{from}");
    AudioScore::parse(&json).unwrap()
}

fn audio() -> Interval {
    Interval {
        kind: Kind::Audio,
        codec: Some("audio/opus".to_owned()),
        end_us: 10_000_000,
        bytes: Some(40_000),
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

fn milli(score: &AudioScore, interval: &Interval) -> i32 {
    (e_model::mos(score.rating(interval, None).unwrap()) * 1000.0).round() as i32
}

/// R of 130 ms without loss: Ro − Is = 93.355253, Idte = 2.474767, Idle = 0.806940, Idd = 0.012188.
const R_OF_130_MS: f64 = 90.061_358;

// 1 % loss: Ie,eff = 95 / 11. Ta = 100 / 2 + 60 + 20 = 130 ms. R = 81.424994.
#[test]
fn an_interval_is_scored_by_its_loss_round_trip_jitter_buffer_and_codec() {
    assert!((embedded().rating(&audio(), None).unwrap() - 81.424_994).abs() < 1e-6);
    assert_eq!(milli(&embedded(), &audio()), 4077);
}

#[test]
fn the_delay_formula_is_the_files_choice() {
    // Id = 0.024 · 130; Idd alone: R = 84.551448.
    assert_eq!(milli(&with("\"delay\": \"g107\"", "\"delay\": \"simplified\""), &audio()), 4077);
    let without_echo = with("\"delay\": \"g107\"", "\"delay\": \"g107-without-echo\"");
    assert_eq!(milli(&without_echo, &audio()), 4184);
    let open_ear = with("\"wepl_db\": 110", "\"wepl_db\": 20");
    let loud = with("\"telr_db\": 65", "\"telr_db\": 45");
    for echo in [open_ear, loud] {
        assert!(milli(&echo, &audio()) < milli(&embedded(), &audio()));
    }
}

#[test]
fn the_burst_ratio_is_the_files_choice() {
    // Ie,eff = 95 / (1 / 2 + 10).
    let bursts = with("\"burst_ratio\": 1,", "\"burst_ratio\": 2,");
    let expected = R_OF_130_MS - 95.0 / 10.5;
    assert!((bursts.rating(&audio(), None).unwrap() - expected).abs() < 1e-6);
}

#[test]
fn twice_the_jitter_stands_in_for_an_unknown_jitter_buffer() {
    let by_jitter = Interval { inbound: None, jitter_us: Some(30_000), ..audio() };
    assert_eq!(embedded().rating(&by_jitter, None), embedded().rating(&audio(), None));
}

#[test]
fn the_round_trip_of_the_path_stands_in_for_an_unknown_one_of_rtcp() {
    let path =
        Path { ice_round_trip_us: Some(300_000), ice_round_trip_count: Some(3), ..Path::default() };
    let without = Interval { round_trip_count: Some(0), ..audio() };
    assert_eq!(embedded().rating(&without, Some(&path)), embedded().rating(&audio(), None));
    assert_eq!(embedded().rating(&without, None), None);
}

#[test]
fn without_a_known_loss_there_is_no_score() {
    for without in [
        Interval { packets_lost: None, ..audio() },
        Interval { packets_received: None, ..audio() },
        Interval { packets_received: Some(0), packets_lost: Some(0), ..audio() },
        Interval { kind: Kind::Video, ..audio() },
    ] {
        assert_eq!(embedded().rating(&without, None), None);
    }
}

#[test]
fn codecs_are_found_in_any_case_and_unknown_ones_count_as_the_default() {
    let score = |codec: Option<&str>| {
        let interval = Interval { codec: codec.map(str::to_owned), ..audio() };
        milli(&embedded(), &interval)
    };
    assert_eq!(score(Some("audio/PCMU")), score(Some("audio/pcma")));
    assert!(score(Some("audio/PCMU")) > score(Some("audio/opus")));
    assert!(score(Some("audio/red")) > score(Some("audio/PCMU")));
    assert!(score(Some("audio/G729")) < score(Some("audio/opus")));
    assert_eq!(score(Some("audio/x")), score(Some("audio/opus")));
    assert_eq!(score(None), score(Some("audio/opus")));
}

#[test]
fn g711_without_concealment_is_a_change_of_one_line() {
    let bare = with("\"audio/pcmu\": \"g711-plc\"", "\"audio/pcmu\": \"g711\"");
    let interval = Interval { codec: Some("audio/PCMU".to_owned()), ..audio() };
    let expected = R_OF_130_MS - 17.924_528;
    assert!((bare.rating(&interval, None).unwrap() - expected).abs() < 1e-6);
}

// Ie,eff = 95 / 21: R = 85.537548.
#[test]
fn opus_is_more_robust_with_forward_error_correction() {
    let fec = |packets| Interval {
        inbound: Some(Inbound { fec_packets: packets, ..audio().inbound.unwrap() }),
        ..audio()
    };
    assert_eq!(milli(&embedded(), &fec(Some(3))), 4215);
    assert_eq!(milli(&embedded(), &fec(Some(0))), 4077);
    assert_eq!(milli(&embedded(), &fec(None)), 4077);
}

// 32 kbit/s: Ie = 55 − 4.6 · ln 32000 = 7.281941, Ie,eff = Ie + (95 − Ie) / 11.
#[test]
fn the_impairment_of_opus_may_be_made_to_depend_on_the_bit_rate() {
    let table = r#""ie_by_bit_rate":
        { "intercept": 55, "per_ln": 4.6, "min": 0, "max": 30, "unknown": 6 }"#;
    let score = with("\"ie\": 0", table);
    let rating = |bytes| score.rating(&Interval { bytes, ..audio() }, None).unwrap();
    let expected = |ie: f64| R_OF_130_MS - ie - (95.0 - ie) / 11.0;
    for (bytes, ie) in
        [(Some(40_000), 7.281_941), (Some(1), 30.0), (Some(1 << 40), 0.0), (None, 6.0)]
    {
        assert!((rating(bytes) - expected(ie)).abs() < 1e-6, "{bytes:?}");
    }
}

#[test]
fn a_table_by_mime_type_alone_is_enough() {
    let score = AudioScore::parse(
        r#"{"name": "own", "version": 3, "sources": [], "delay": "g107", "default_codec": "audio/X",
            "codecs": {"audio/X": {"ie": 0, "bpl": 10, "delay_ms": 20}}}"#,
    )
    .unwrap();
    assert_eq!(score.label(), "own@3");
    assert_eq!(milli(&score, &audio()), 4077);
}

#[test]
fn broken_parameters_are_refused_with_the_error_and_its_place() {
    for (from, to, complaint) in [
        ("\"ie\": 11", "\"ie\": 99", "codecs.g729a-vad: ie "),
        ("\"ie\": 11, ", "", "codecs.g729a-vad: needs either ie or ie_by_bit_rate"),
        ("\"bpl\": 10", "\"bpl\": 0", "codecs.opus: bpl"),
        ("\"default_codec\": \"opus\"", "\"default_codec\": \"x\"", "default_codec: codecs has no"),
        ("\"audio/red\": \"opus-red\"", "\"audio/red\": \"red\"", "audio/red: codecs has no"),
        ("\"burst_ratio\": 1,", "\"burst_ratio\": 0.5,", "burst_ratio: has to be 1 or more"),
        ("\"g107\"", "\"g108\"", "delay: unknown variant `g108`"),
        ("\"telr_db\": 65", "\"telr_db\": 70", "echo: telr_db has to be in 5..=65"),
        ("\"wepl_db\"", "\"welp_db\"", "unknown field `welp_db`"),
        ("\"delay\"", "\"dealy\"", "unknown field `dealy`"),
    ] {
        let json = AudioScore::EMBEDDED.replacen(from, to, 1);
        let error = AudioScore::parse(&json).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}
