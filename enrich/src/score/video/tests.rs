#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use schemas::{Inbound, Video};

use super::*;

fn embedded() -> VideoScore {
    VideoScore::parse(VideoScore::EMBEDDED).unwrap()
}

fn vga() -> Footage<'static> {
    Footage {
        codec: Some("video/VP8"),
        screen_share: false,
        bit_rate: 600_000.0,
        pixels: 640.0 * 480.0,
        frame_rate: 30.0,
        delay_ms: 25.0,
        frozen: 0.0,
    }
}

/// Returns ten seconds of 640×480 at 30 frames/s and 600 kbit/s, with a delay of 50 ms.
fn interval() -> Interval {
    Interval {
        kind: Kind::Video,
        end_us: 10_000_000,
        codec: Some("video/VP8".to_owned()),
        bytes: Some(750_000),
        round_trip_us: Some(100_000),
        round_trip_count: Some(2),
        video: Some(video()),
        ..Interval::default()
    }
}

fn video() -> Video {
    Video { frames: Some(300), frame_width: Some(640), frame_height: Some(480), ..Video::default() }
}

// Computed independently from the formula.
#[test]
fn a_picture_is_scored_by_bits_per_pixel_codec_frame_rate_freezes_and_delay() {
    let screen = Footage { screen_share: true, pixels: 1920.0 * 1080.0, frame_rate: 5.0, ..vga() };
    for (footage, expected) in [
        (vga(), 3.780_211),
        (Footage { codec: None, ..vga() }, 3.780_211),
        (Footage { codec: Some("video/vp9"), ..vga() }, 3.882_311),
        (Footage { codec: Some("video/AV1"), ..vga() }, 3.980_508),
        (Footage { frame_rate: 15.0, ..vga() }, 2.851_393),
        (Footage { frame_rate: 60.0, ..vga() }, 3.780_211),
        (Footage { frozen: 0.1, ..vga() }, 3.502_190),
        (Footage { frozen: 1.0, ..vga() }, 1.0),
        (screen, 3.714_252),
        (Footage { screen_share: false, ..screen }, 1.0),
        (Footage { frame_rate: 0.0, ..vga() }, 1.0),
    ] {
        let found = embedded().mos(&footage);
        assert!((found - expected).abs() < 1e-6, "{footage:?}: {found} instead of {expected}");
    }
}

#[test]
fn an_interval_of_640_by_480_at_30_frames_and_600_kbit_is_worth_3_78() {
    let found = embedded().of(&interval(), None).unwrap();
    assert!((found - 3.780_211).abs() < 1e-6, "{found}");
}

#[test]
fn the_jitter_buffer_adds_to_the_delay_and_reported_freezes_count() {
    let buffered = Inbound {
        jitter_buffer_us: Some(300 * 50_000),
        jitter_buffer_emitted: Some(300),
        ..Inbound::default()
    };
    let found = embedded().of(&Interval { inbound: Some(buffered), ..interval() }, None).unwrap();
    assert!((found - (3.780_211 - 0.1)).abs() < 1e-6, "{found}");
    let frozen = Video { freeze_us: Some(1_000_000), ..video() };
    let found = embedded().of(&Interval { video: Some(frozen), ..interval() }, None).unwrap();
    assert!((found - 3.502_190).abs() < 1e-6, "{found}");
}

#[test]
fn missing_values_are_not_guessed_and_a_camera_that_is_off_is_not_scored() {
    let video = |video| Interval { video: Some(video), ..interval() };
    for without in [
        Interval { kind: Kind::Audio, ..interval() },
        Interval { bytes: None, ..interval() },
        Interval { bytes: Some(0), ..interval() },
        Interval { round_trip_us: None, ..interval() },
        Interval { end_us: 0, ..interval() },
        Interval { video: None, ..interval() },
        video(Video { frames: None, ..self::video() }),
        video(Video { frame_width: None, ..self::video() }),
        video(Video { frame_height: Some(0), ..self::video() }),
    ] {
        assert_eq!(embedded().of(&without, None), None, "{without:?}");
    }
    let still = video(Video { frames: Some(0), ..self::video() });
    assert_eq!(embedded().of(&still, None), Some(1.0), "bits were received, but no picture");
}

#[test]
fn broken_parameters_are_refused_with_the_error_and_its_place() {
    for (from, to, complaint) in [
        ("\"video/av1\": 1.43", "\"video/av1\": 0", "codec_factors.video/av1: has to be above 0"),
        ("\"expected_frame_rate\": 30", "\"expected_frame_rate\": -1", "expected_frame_rate: "),
        ("\"per_ln_missing_frames\": 1.9", "\"per_ln_missing_frames\": 0.1", "at least per_ln"),
        ("\"frozen_weight\": 1", "\"frozen_weight\": 2", "frozen_weight: has to be in 0..=1"),
        ("\"per_ms_of_delay\": 0.002", "\"per_ms_of_delay\": \"x\"", "per_ms_of_delay: invalid"),
    ] {
        let json = VideoScore::EMBEDDED.replacen(from, to, 1);
        let error = VideoScore::parse(&json).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

fn footage() -> impl Strategy<Value = Footage<'static>> {
    let codec = prop_oneof![Just(None), Just(Some("video/VP8")), Just(Some("video/AV1"))];
    let numbers = (1.0..1e8, 1.0..1e7, 0.0..120.0, 0.0..2_000.0, 0.0..1.0);
    (codec, any::<bool>(), numbers).prop_map(
        |(codec, screen_share, (bit_rate, pixels, frame_rate, delay_ms, frozen))| Footage {
            codec,
            screen_share,
            bit_rate,
            pixels,
            frame_rate,
            delay_ms,
            frozen,
        },
    )
}

proptest! {
    #[test]
    fn nothing_worse_scores_better(it in footage(), by in 1.0..10.0, frozen in 0.0..1.0) {
        let score = embedded();
        let mos = score.mos(&it);
        prop_assert!((1.0..=5.0).contains(&mos));
        for worse in [
            Footage { bit_rate: it.bit_rate / by, ..it },
            Footage { pixels: it.pixels * by, ..it },
            Footage { frame_rate: it.frame_rate / by, ..it },
            Footage { delay_ms: it.delay_ms * by, ..it },
            Footage { frozen: it.frozen + frozen, ..it },
        ] {
            prop_assert!(score.mos(&worse) <= mos + 1e-9, "{worse:?}");
        }
    }
}
