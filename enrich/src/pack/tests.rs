#![allow(clippy::unwrap_used)]

use schemas::{Audio, Video};

use super::*;

fn verdict(interval: &Interval) -> Verdict {
    Pack::parse(Pack::EMBEDDED).unwrap().verdict(interval)
}

fn audio() -> Interval {
    Interval { kind: Kind::Audio, stream_packets: Some(500), ..Interval::default() }
}

/// Ten seconds of video.
fn video() -> Interval {
    Interval { kind: Kind::Video, end_us: 10_000_000, ..Interval::default() }
}

#[test]
fn audio_is_poor_only_above_one_of_the_limits() {
    let round_trip =
        |us| Interval { round_trip_us: Some(us), round_trip_count: Some(2), ..audio() };
    let loss = |lost| Interval {
        packets_lost: Some(lost),
        packets_received: Some(1000 - lost),
        ..audio()
    };
    let jitter = |us| Interval { jitter_us: Some(us), ..audio() };
    for (at_limit, above) in [
        (round_trip(1_000_000), round_trip(1_000_001)),
        (loss(100), loss(101)),
        (jitter(30_000), jitter(30_001)),
    ] {
        assert_eq!(verdict(&at_limit), Verdict::Good, "{at_limit:?}");
        assert_eq!(verdict(&above), Verdict::Poor, "{above:?}");
    }
}

#[test]
fn one_poor_metric_of_audio_outweighs_the_good_ones() {
    let mixed = Interval {
        jitter_us: Some(1_000),
        packets_lost: Some(50),
        packets_received: Some(50),
        ..audio()
    };
    assert_eq!(verdict(&mixed), Verdict::Poor);
}

#[test]
fn audio_is_unclassified_without_metrics_or_before_500_packets() {
    assert_eq!(verdict(&audio()), Verdict::Unclassified);
    for stream_packets in [None, Some(499)] {
        let early = Interval { stream_packets, jitter_us: Some(90_000), ..audio() };
        assert_eq!(verdict(&early), Verdict::Unclassified);
    }
}

#[test]
fn the_first_metric_of_video_that_is_known_decides_alone() {
    let frames = |frames, frames_dropped| Interval {
        video: Some(Video { frames: Some(frames), frames_dropped, ..Video::default() }),
        ..video()
    };
    let slow = frames(69, None);
    assert_eq!(verdict(&slow), Verdict::Poor);
    assert_eq!(verdict(&frames(70, None)), Verdict::Good);
    assert_eq!(verdict(&frames(69, Some(0))), Verdict::Good, "few frames, but none dropped");
    let dropping = frames(100, Some(101));
    assert_eq!(verdict(&dropping), Verdict::Poor);
    let lossy = Interval { packets_lost: Some(16), packets_received: Some(84), ..video() };
    assert_eq!(verdict(&lossy), Verdict::Poor);
    assert_eq!(verdict(&video()), Verdict::Unclassified);
}

#[test]
fn negative_loss_is_no_loss_and_data_streams_are_unclassified() {
    let found_again = Interval { packets_lost: Some(-3), packets_received: Some(100), ..audio() };
    assert_eq!(verdict(&found_again), Verdict::Good);
    let data = Interval { kind: Kind::None, jitter_us: Some(90_000), ..audio() };
    assert_eq!(verdict(&data), Verdict::Unclassified);
}

#[test]
fn another_pack_brings_its_own_rules() {
    let pack = Pack::parse(
        r#"{"name": "concealed", "version": 7, "sources": [], "media": {"audio": {"mode": "first",
            "rules": [{"metric": "concealment", "comparison": "above", "threshold": 0.07,
                       "unit": "ratio"}]}}}"#,
    )
    .unwrap();
    assert_eq!(pack.label(), "concealed@7");
    let concealed = |samples| Interval {
        audio: Some(Audio {
            concealed_samples: Some(samples),
            total_samples: Some(100),
            ..Audio::default()
        }),
        ..audio()
    };
    assert_eq!(pack.verdict(&concealed(8)), Verdict::Poor);
    assert_eq!(pack.verdict(&concealed(7)), Verdict::Good);
    assert_eq!(pack.verdict(&video()), Verdict::Unclassified);
}

#[test]
fn a_broken_pack_is_refused_with_what_is_wrong() {
    for (from, to, complaint) in [
        ("round_trip", "round_tip", "unknown variant `round_tip`"),
        ("\"unit\": \"1/s\"", "\"unit\": \"ms\"", "media.video.rules[1].unit: has to be \"1/s\""),
        ("above", "over", "unknown variant `over`"),
        ("\"mode\": \"any\",", "", "missing field `mode`"),
        ("minimum_packets", "minimum_packet", "unknown field `minimum_packet`"),
        ("\"audio\"", "\"sound\"", "unknown field `sound`"),
        ("500,", "\"many\",", "invalid type: string"),
    ] {
        let json = Pack::EMBEDDED.replacen(from, to, 1);
        let error = Pack::parse(&json).unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
}
