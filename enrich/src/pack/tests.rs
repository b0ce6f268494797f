#![allow(clippy::unwrap_used)]

use schemas::{Audio, Direction, Video};

use super::*;
use crate::score::Scores;

mod content;
mod files;

const TEAMS: &str = Pack::EMBEDDED[1].1;

fn pack(name: &str) -> Pack {
    let mut shipped = Pack::EMBEDDED.into_iter().chain(Pack::OLDER);
    let (_, json) = shipped.find(|(known, _)| *known == name).unwrap();
    Pack::parse(json).unwrap()
}

fn verdict_and_reason(pack: &Pack, interval: &Interval) -> (Verdict, Option<String>) {
    let readings = Scores::embedded().unwrap().readings(interval, None);
    let judgement = pack.judge(interval, &readings);
    (judgement.verdict, judgement.reason.map(str::to_owned))
}

fn verdict(interval: &Interval) -> Verdict {
    verdict_and_reason(&pack("teams-cqd"), interval).0
}

fn audio() -> Interval {
    Interval { kind: Kind::Audio, stream_packets: Some(501), ..Interval::default() }
}

/// Returns ten seconds of a camera's video.
fn video() -> Interval {
    showing(Some(false))
}

/// Returns ten seconds of video of a camera, a shared screen or unknown content.
fn showing(screen_share: Option<bool>) -> Interval {
    Interval {
        kind: Kind::Video,
        end_us: 10_000_000,
        stream_packets: Some(501),
        video: Some(Video { screen_share, ..Video::default() }),
        ..Interval::default()
    }
}

fn with_frames(it: Interval, frames: i64, frames_dropped: Option<i64>) -> Interval {
    let video = it.video.map(|video| Video { frames: Some(frames), frames_dropped, ..video });
    Interval { video, ..it }
}

fn sent(it: Interval) -> Interval {
    Interval { direction: Direction::Outbound, ..it }
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
fn audio_is_unclassified_without_metrics_or_up_to_500_packets() {
    assert_eq!(verdict(&audio()), Verdict::Unclassified);
    for stream_packets in [None, Some(500)] {
        let early = Interval { stream_packets, jitter_us: Some(90_000), ..audio() };
        assert_eq!(verdict(&early), Verdict::Unclassified);
    }
}

#[test]
fn the_first_metric_of_video_that_is_known_decides_alone() {
    let frames = |frames, dropped| with_frames(video(), frames, dropped);
    let slow = frames(69, None);
    assert_eq!(verdict(&slow), Verdict::Poor);
    assert_eq!(verdict(&frames(70, None)), Verdict::Good);
    assert_eq!(verdict(&frames(69, Some(0))), Verdict::Good, "few frames, but none dropped");
    let dropping = frames(100, Some(101));
    assert_eq!(verdict(&dropping), Verdict::Poor);
    assert_eq!(verdict(&frames(100, Some(100))), Verdict::Good);
    let lossy =
        |lost| Interval { packets_lost: Some(lost), packets_received: Some(100 - lost), ..video() };
    assert_eq!((verdict(&lossy(16)), verdict(&lossy(15))), (Verdict::Poor, Verdict::Good));
    assert_eq!(verdict(&video()), Verdict::Unclassified);
}

#[test]
fn a_camera_is_judged_above_500_packets_and_a_screen_from_the_first() {
    let early = |it: Interval| Interval { stream_packets: Some(500), ..it };
    let few = (Verdict::Unclassified, Some(FEW_PACKETS.to_owned()));
    assert_eq!(verdict_and_reason(&pack("teams-cqd"), &early(with_frames(video(), 69, None))), few);
    assert_eq!(verdict(&early(with_frames(showing(Some(true)), 10, Some(11)))), Verdict::Poor);
    let camera = early(with_frames(video(), 69, None));
    assert_eq!(
        verdict_and_reason(&pack("teams-cqd@2"), &camera).0,
        Verdict::Poor,
        "the version before"
    );
}

// A muted microphone keeps its last jitter, and a camera that is off has no frames.
#[test]
fn a_stream_on_which_nothing_was_sent_is_not_poor() {
    let off = Interval { bytes: Some(0), ..with_frames(video(), 0, Some(0)) };
    let muted = Interval { bytes: Some(0), jitter_us: Some(90_000), ..audio() };
    let lost = |lost, it: &Interval| Interval { packets_lost: Some(lost), ..it.clone() };
    let sent = |it: &Interval| Interval { direction: Direction::Outbound, ..it.clone() };
    for it in [&off, &muted] {
        for it in [it.clone(), lost(0, it), lost(-1, it), sent(it), sent(&lost(3, it))] {
            assert_eq!(verdict(&it), Verdict::Unclassified, "{it:?}");
        }
        for it in [lost(3, it), Interval { bytes: Some(1), ..it.clone() }] {
            assert_eq!(verdict(&it), Verdict::Poor, "{it:?}");
        }
        assert_eq!(verdict(&Interval { bytes: None, ..it.clone() }), Verdict::Poor, "not reported");
    }
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
    assert_eq!(
        verdict_and_reason(&pack, &concealed(8)),
        (Verdict::Poor, Some("concealment".to_owned()))
    );
    assert_eq!(verdict_and_reason(&pack, &concealed(7)).0, Verdict::Good);
    assert_eq!(verdict_and_reason(&pack, &video()), (Verdict::Unclassified, None));
}

/// Returns an audio interval with a round trip, a jitter and losses of 10,000 packets.
fn network(round_trip_ms: i64, jitter_ms: i64, lost: i64) -> Interval {
    Interval {
        round_trip_us: Some(round_trip_ms * 1_000),
        round_trip_count: Some(1),
        jitter_us: Some(jitter_ms * 1_000),
        packets_lost: Some(lost),
        packets_received: Some(10_000 - lost),
        ..audio()
    }
}

// Sums of Cloudflare's points. A value equal to a threshold counts as above it.
#[test]
fn points_add_up_to_a_class() {
    let aim = pack("aim-rtc");
    let scores = Scores::embedded().unwrap();
    let sum = |interval: &Interval| {
        let Some(Classifier { judge: Judge::Points(scales, _), .. }) = &aim.audio.inbound else {
            unreachable!("aim-rtc judges by points")
        };
        let readings = scores.readings(interval, None);
        scales.iter().map(|scale| scale.points(&readings)).sum::<Option<i64>>()
    };
    let poor = |class: &str| (Verdict::Poor, Some(class.to_owned()));
    for (interval, points, expected) in [
        (network(9, 9, 99), 40, (Verdict::Good, None)),
        (network(10, 9, 99), 30, (Verdict::Good, None)),
        (network(20, 10, 99), 20, (Verdict::Good, None)),
        (network(50, 10, 99), 15, (Verdict::Good, None)),
        (network(50, 19, 100), 10, poor("poor")),
        (network(100, 9, 100), 5, poor("poor")),
        (network(100, 10, 500), -5, poor("bad")),
        (network(500, 500, 5_000), -60, poor("bad")),
        (network(499, 499, 4_999), -30, poor("bad")),
    ] {
        assert_eq!(sum(&interval), Some(points), "{interval:?}");
        assert_eq!(verdict_and_reason(&aim, &interval), expected, "{points}");
    }
    // A loss that is not reported gives no points; without latency or jitter there is no sum.
    assert_eq!(sum(&Interval { packets_lost: None, ..network(9, 9, 0) }), Some(30));
    assert_eq!(sum(&Interval { jitter_us: None, ..network(9, 9, 0) }), None);
    assert_eq!(sum(&Interval { round_trip_us: None, ..network(9, 9, 0) }), None);
}

#[test]
fn a_band_begins_at_its_from() {
    let bands = pack("e-model-bands");
    let Some(Classifier { judge: Judge::Bands(Metric::Rating, classes), .. }) =
        &bands.audio.inbound
    else {
        unreachable!("e-model-bands judges by bands of R")
    };
    for (r, class, verdict) in [
        (93.2, "very_satisfied", Verdict::Good),
        (90.0, "very_satisfied", Verdict::Good),
        (89.9, "satisfied", Verdict::Good),
        (80.0, "satisfied", Verdict::Good),
        (79.9, "some_dissatisfied", Verdict::Good),
        (70.0, "some_dissatisfied", Verdict::Good),
        (69.9, "many_dissatisfied", Verdict::Poor),
        (60.0, "many_dissatisfied", Verdict::Poor),
        (50.0, "nearly_all_dissatisfied", Verdict::Poor),
        (49.9, "not_recommended", Verdict::Poor),
        (-20.0, "not_recommended", Verdict::Poor),
    ] {
        let judgement = Judgement::by_class(Some(r), classes);
        let reason = (verdict == Verdict::Poor).then_some(class);
        assert_eq!((judgement.verdict, judgement.reason), (verdict, reason), "{r}");
    }
}

#[test]
fn every_tag_of_twilio_makes_poor() {
    let twilio = pack("twilio");
    for (interval, reason) in [
        (network(100, 5, 0), None),
        (network(400, 30, 0), None),
        (network(401, 5, 0), Some("latency")),
        (network(100, 31, 0), Some("jitter")),
        (network(100, 5, 500), Some("audio_mos")),
    ] {
        let (_, found) = verdict_and_reason(&twilio, &interval);
        assert_eq!(found.as_deref(), reason, "{interval:?}");
    }
    // Without a round trip there is no MOS.
    let lossy = |lost| Interval { round_trip_us: None, ..network(0, 5, lost) };
    assert_eq!(verdict_and_reason(&twilio, &lossy(501)), (Verdict::Poor, Some("loss".to_owned())));
    assert_eq!(verdict_and_reason(&twilio, &lossy(500)), (Verdict::Good, None));
}
