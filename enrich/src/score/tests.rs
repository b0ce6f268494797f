#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use schemas::{Audio, Direction, Inbound, Kind, Verdict, Video};

use super::*;

#[test]
fn both_scores_cite_the_same_file_of_rtcscore_and_so_does_the_page() {
    const FILE: &str = "https://github.com/ggarber/rtcscore/blob/develop/src/rtc_mos.js";
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/scores.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("[rtcscore]({FILE}) (Bpl)")));
    for json in
        [include_str!("../../packs/e-model.json"), include_str!("../../packs/rtcscore-video.json")]
    {
        let pack: serde_json::Value = serde_json::from_str(json).unwrap();
        let sources = pack["sources"].as_array().unwrap().iter().filter_map(|it| it.as_str());
        let cited: Vec<_> = sources.filter(|it| it.contains("/rtcscore/")).collect();
        assert_eq!(cited, [FILE], "{}", pack["name"]);
    }
}

fn audio() -> Interval {
    Interval {
        kind: Kind::Audio,
        codec: Some("audio/opus".to_owned()),
        end_us: 10_000_000,
        stream_packets: Some(1_000),
        packets_received: Some(500),
        packets_lost: Some(0),
        round_trip_us: Some(40_000),
        round_trip_count: Some(1),
        jitter_us: Some(5_000),
        audio: Some(Audio {
            total_samples: Some(480_000),
            concealed_samples: Some(0),
            ..Audio::default()
        }),
        ..Interval::default()
    }
}

fn video() -> Interval {
    Interval {
        kind: Kind::Video,
        codec: Some("video/VP8".to_owned()),
        bytes: Some(750_000),
        audio: None,
        video: Some(Video {
            frames: Some(300),
            frame_width: Some(640),
            frame_height: Some(480),
            screen_share: Some(false),
            ..Video::default()
        }),
        ..audio()
    }
}

/// Returns name, verdict and reason of each pack.
fn verdicts_of(interval: Interval) -> Vec<(String, Verdict, Option<String>)> {
    let scores = Scores::embedded().unwrap();
    let verdicts = scores.score(interval, None).verdicts;
    let names = scores.packs().iter().map(|pack| pack.label().split('@').next().unwrap());
    names.zip(verdicts).map(|(name, it)| (name.to_owned(), it.verdict, it.reason)).collect()
}

#[track_caller]
fn assert_said(interval: Interval, expected: &[(&str, Verdict, Option<&str>)]) {
    let found = verdicts_of(interval);
    let found =
        found.iter().map(|(pack, verdict, reason)| (pack.as_str(), *verdict, reason.as_deref()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

use Verdict::{Good, Poor, Unclassified};

#[test]
fn all_packs_judge_side_by_side_and_say_why_an_interval_is_poor() {
    let good = [
        ("comparable", Good, None),
        ("teams-cqd", Good, None),
        ("twilio", Good, None),
        ("e-model-bands", Good, None),
        ("aim-rtc", Good, None),
    ];
    assert_said(audio(), &good);
    // Ie,eff = 95 · 8 / 18: R = 49.53. AIM: 5 + 10 + 0.
    let lossy = Interval { packets_received: Some(460), packets_lost: Some(40), ..audio() };
    assert_said(
        lossy,
        &[
            ("comparable", Good, None),
            ("teams-cqd", Good, None),
            ("twilio", Poor, Some("audio_mos")),
            ("e-model-bands", Poor, Some("not_recommended")),
            ("aim-rtc", Good, None),
        ],
    );
    // Ta = 344 ms: R = 67.66. AIM: −20 + 5 + 10.
    let far = Interval { round_trip_us: Some(600_000), jitter_us: Some(12_000), ..audio() };
    assert_said(
        far,
        &[
            // Only sent audio is judged by the round trip.
            ("comparable", Good, None),
            ("teams-cqd", Poor, Some("round_trip")),
            ("twilio", Poor, Some("latency")),
            ("e-model-bands", Poor, Some("many_dissatisfied")),
            ("aim-rtc", Poor, Some("bad")),
        ],
    );
}

#[test]
fn video_is_judged_by_the_packs_that_have_rules_for_it() {
    let none_for_it = |pack| (pack, Unclassified, None);
    assert_said(
        video(),
        &[
            ("comparable", Good, None),
            ("teams-cqd", Good, None),
            none_for_it("twilio"),
            none_for_it("e-model-bands"),
            ("aim-rtc", Good, None),
        ],
    );
    let scored = Scores::embedded().unwrap().score(video(), None);
    assert_eq!((scored.audio_mos_milli, scored.video_mos_milli), (None, Some(3790)));
    let scores = Scores::embedded().unwrap();
    let (r, mos) = (scores.audio().rating(&video(), None), scores.video().of(&video(), None));
    assert_eq!((r, mos.map(milli)), (None, scored.video_mos_milli));
}

#[test]
fn an_unclassified_interval_has_a_reason() {
    let bare = Interval { kind: Kind::Audio, stream_packets: Some(500), ..Interval::default() };
    assert_said(
        bare,
        &[
            ("comparable", Unclassified, Some("few_packets")),
            ("teams-cqd", Unclassified, Some("few_packets")),
            ("twilio", Unclassified, Some("no_metric")),
            ("e-model-bands", Unclassified, Some("no_metric")),
            ("aim-rtc", Unclassified, Some("no_metric")),
        ],
    );
}

#[test]
fn the_label_names_both_scores() {
    assert_eq!(Scores::embedded().unwrap().label(), "e-model@3,rtcscore-video@1");
}

// A known implementation has 0.1 · delay − 150 instead of 0.1 · (delay − 150).
#[test]
fn a_round_trip_of_162_ms_scores_no_better_than_one_of_160_ms() {
    let scores = Scores::embedded().unwrap();
    for kind in [audio(), video()] {
        let of = |us| scores.score(Interval { round_trip_us: Some(us), ..kind.clone() }, None);
        let (near, far) = (of(160_000), of(162_000));
        assert!(far.audio_mos_milli <= near.audio_mos_milli);
        assert!(far.video_mos_milli <= near.video_mos_milli);
        assert_eq!(far.verdicts, near.verdicts);
    }
}

// Some servers show no loss if more packets are lost than received.
#[test]
fn a_loss_of_more_than_half_is_no_loss_of_0() {
    let scores = Scores::embedded().unwrap();
    for (received, lost, share) in [(200, 300, 0.6), (20, 480, 0.96), (0, 500, 1.0)] {
        let lossy =
            Interval { packets_received: Some(received), packets_lost: Some(lost), ..audio() };
        let loss = scores.readings(&lossy, None).get(Metric::Loss);
        assert_eq!(loss, Some(share));
        assert!(scores.score(lossy.clone(), None).audio_mos_milli < Some(2_000));
        let verdicts = verdicts_of(lossy).into_iter().map(|(_, verdict, _)| verdict);
        assert!(verdicts.take(4).all(|verdict| verdict == Poor));
        let dark =
            Interval { packets_received: Some(received), packets_lost: Some(lost), ..video() };
        assert_eq!(scores.readings(&dark, None).get(Metric::Loss), Some(share));
    }
}

// W3C: packetsReceived "includes retransmissions", packetsLost does not.
#[test]
fn packets_that_came_again_do_not_thin_the_loss() {
    let scores = Scores::embedded().unwrap();
    let loss = |interval| scores.readings(&interval, None).get(Metric::Loss);
    let inbound = Interval {
        packets_received: Some(1000),
        packets_lost: Some(180),
        retransmitted_packets: Some(180),
        ..video()
    };
    assert_eq!(loss(inbound.clone()), Some(0.18));
    assert_eq!(
        loss(Interval { retransmitted_packets: None, ..inbound.clone() }),
        Some(180.0 / 1180.0)
    );
    let far_end = Interval { direction: Direction::Outbound, ..inbound.clone() };
    assert_eq!(loss(far_end), Some(180.0 / 1180.0), "the remote end counts only the media SSRC");
    assert_eq!(
        loss(Interval { packets_received: Some(0), packets_lost: Some(0), ..inbound }),
        None
    );
}

#[test]
fn a_last_round_trip_stands_in_for_missing_totals() {
    let scores = Scores::embedded().unwrap();
    let gauge = Interval {
        round_trip_us: None,
        round_trip_count: None,
        round_trip_gauge_us: Some(620_000),
        ..audio()
    };
    let of = |metric| scores.readings(&gauge, None).get(metric);
    assert_eq!((of(Metric::RoundTrip), of(Metric::Latency)), (Some(620.0), Some(620.0)));
    let totals =
        Interval { round_trip_us: Some(80_000), round_trip_count: Some(2), ..gauge.clone() };
    assert_eq!(scores.readings(&totals, None).get(Metric::RoundTrip), Some(40.0));
    let neither = Interval { round_trip_gauge_us: None, ..gauge.clone() };
    let path = Path { ice_round_trip_gauge_us: Some(615_000), ..Path::default() };
    let readings = scores.readings(&neither, Some(&path));
    assert_eq!(
        (readings.get(Metric::RoundTrip), readings.get(Metric::Latency)),
        (None, Some(615.0))
    );
}

// Ingest subtracts silent concealed samples; late packets may make the difference negative.
#[test]
fn concealed_silence_without_loss_is_not_poor() {
    let pack = Pack::parse(
        r#"{"name": "concealed", "version": 1, "sources": [], "media": {"audio": {"mode": "any",
            "rules": [{"metric": "concealment", "comparison": "above", "threshold": 0.07,
                       "unit": "ratio"}]}}}"#,
    )
    .unwrap();
    let scores = Scores::embedded().unwrap();
    for concealed in [0, -4_800] {
        let silent = Interval {
            audio: Some(Audio { concealed_samples: Some(concealed), ..audio().audio.unwrap() }),
            ..audio()
        };
        let readings = scores.readings(&silent, None);
        assert_eq!(readings.get(Metric::Concealment), Some(0.0));
        assert_eq!(pack.judge(&silent, &readings).verdict, Good);
        assert!(verdicts_of(silent).iter().all(|(_, verdict, _)| *verdict == Good));
    }
}

/// Poor is worse than good; a verdict may not turn from known to unclassified.
fn no_better(
    worse: &[(String, Verdict, Option<String>)],
    than: &[(String, Verdict, Option<String>)],
) {
    for ((pack, worse, _), (_, better, _)) in worse.iter().zip(than) {
        let kept = worse == better || (*worse, *better) == (Poor, Good);
        assert!(kept, "{pack}: {worse:?} after {better:?}");
    }
}

fn any_interval() -> impl Strategy<Value = Interval> {
    let network = (0..2_000_000_i64, 0..600_000_i64, 0..1_000_i64, 50..1_000_i64);
    let media = (0..400_i64, 0..400_i64, 0..10_000_000_i64, 1..10_000_000_i64, 0..1_000_i64);
    (any::<[bool; 2]>(), network, media).prop_map(
        |(
            [is_audio, screen],
            (rtt, jitter, lost, received),
            (frames, dropped, frozen, bytes, buffer),
        )| {
            let network = Interval {
                round_trip_us: Some(rtt),
                jitter_us: Some(jitter),
                packets_lost: Some(lost),
                packets_received: Some(received),
                bytes: Some(bytes),
                inbound: Some(Inbound {
                    jitter_buffer_us: Some(buffer * 1_000),
                    jitter_buffer_emitted: Some(1),
                    ..Inbound::default()
                }),
                ..if is_audio { audio() } else { video() }
            };
            let video = network.video.map(|video| Video {
                frames: Some(frames),
                frames_dropped: Some(dropped),
                freeze_us: Some(frozen),
                screen_share: Some(screen),
                ..video
            });
            Interval { video, ..network }
        },
    )
}

proptest! {
    #[test]
    fn nothing_worse_scores_or_is_judged_better(it in any_interval(), by in 1..1_000_i64) {
        let scores = Scores::embedded().unwrap();
        let scored = scores.score(it.clone(), None);
        let video = |change: fn(Video, i64) -> Video| Interval {
            video: it.video.map(|video| change(video, by)),
            ..it.clone()
        };
        let more = |value: Option<i64>, by| value.map(|value| value + by);
        let later = it.inbound.map(|inbound| Inbound {
            jitter_buffer_us: more(inbound.jitter_buffer_us, by * 1_000),
            ..inbound
        });
        for worse in [
            Interval { round_trip_us: more(it.round_trip_us, by * 1_000), ..it.clone() },
            Interval { jitter_us: more(it.jitter_us, by * 100), ..it.clone() },
            Interval { packets_lost: more(it.packets_lost, by), ..it.clone() },
            Interval { inbound: later, ..it.clone() },
            video(|video, by| Video { freeze_us: video.freeze_us.map(|us| us + by * 1_000), ..video }),
            video(|video, by| Video {
                frames_dropped: video.frames_dropped.map(|frames| frames + by),
                ..video
            }),
            video(|video, by| Video { frames: video.frames.map(|frames| (frames - by).max(0)), ..video }),
        ] {
            let other = scores.score(worse.clone(), None);
            prop_assert!(other.audio_mos_milli <= scored.audio_mos_milli, "{worse:?}");
            prop_assert!(other.video_mos_milli <= scored.video_mos_milli, "{worse:?}");
            if worse.video.and_then(|video| video.frames) != Some(0) {
                no_better(&verdicts_of(worse), &verdicts_of(it.clone()));
            }
        }
    }

    #[test]
    fn every_score_stays_within_its_range(
        numbers in prop::array::uniform12(prop::option::of(any::<i64>())),
        is_audio in any::<bool>(),
    ) {
        let [lost, received, rtt, count, jitter, buffer, emitted, bytes, frames, width, freeze, end] =
            numbers;
        let wild = Interval {
            packets_lost: lost,
            packets_received: received.map(i64::saturating_abs),
            round_trip_us: rtt.map(i64::saturating_abs),
            round_trip_count: count,
            jitter_us: jitter.map(i64::saturating_abs),
            bytes: bytes.map(i64::saturating_abs),
            end_us: end.unwrap_or_default(),
            inbound: Some(Inbound {
                jitter_buffer_us: buffer.map(i64::saturating_abs),
                jitter_buffer_emitted: emitted,
                ..Inbound::default()
            }),
            video: Some(Video {
                frames: frames.map(i64::saturating_abs),
                frames_dropped: lost,
                frame_width: width,
                freeze_us: freeze,
                ..video().video.unwrap()
            }),
            ..if is_audio { audio() } else { video() }
        };
        let scored = Scores::embedded().unwrap().score(wild, None);
        prop_assert!(scored.audio_mos_milli.is_none_or(|milli| (1_000..=4_500).contains(&milli)));
        prop_assert!(scored.video_mos_milli.is_none_or(|milli| (1_000..=5_000).contains(&milli)));
    }
}
