#![allow(clippy::unwrap_used)]

use schemas::{Audio, Direction, Video};

use super::*;
use crate::score::Scores;

const TEAMS: &str = Pack::EMBEDDED[1].1;

fn pack(name: &str) -> Pack {
    let mut shipped = Pack::EMBEDDED.into_iter().chain(Pack::OLDER);
    let (_, json) = shipped.find(|(known, _)| *known == name).unwrap();
    Pack::parse(json).unwrap()
}

fn said(pack: &Pack, interval: &Interval) -> (Verdict, Option<String>) {
    let readings = Scores::embedded().unwrap().readings(interval, None);
    let said = pack.judge(interval, &readings);
    (said.verdict, said.reason.map(str::to_owned))
}

fn verdict(interval: &Interval) -> Verdict {
    said(&pack("teams-cqd"), interval).0
}

fn audio() -> Interval {
    Interval { kind: Kind::Audio, stream_packets: Some(501), ..Interval::default() }
}

/// Ten seconds of a camera's video.
fn video() -> Interval {
    showing(Some(false))
}

/// Ten seconds of video of a camera, a shared screen or either.
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
    assert_eq!(said(&pack("teams-cqd"), &early(with_frames(video(), 69, None))), few);
    assert_eq!(verdict(&early(with_frames(showing(Some(true)), 10, Some(11)))), Verdict::Poor);
    let camera = early(with_frames(video(), 69, None));
    assert_eq!(said(&pack("teams-cqd@2"), &camera).0, Verdict::Poor, "the version before");
}

// A muted microphone keeps the jitter it had, a camera that is off has no frames.
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
        assert_eq!(verdict(&Interval { bytes: None, ..it.clone() }), Verdict::Poor, "not told");
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
    assert_eq!(said(&pack, &concealed(8)), (Verdict::Poor, Some("concealment".to_owned())));
    assert_eq!(said(&pack, &concealed(7)).0, Verdict::Good);
    assert_eq!(said(&pack, &video()), (Verdict::Unclassified, None));
}

#[test]
fn a_shared_screen_is_judged_by_its_direction() {
    let screen = |frames, dropped| with_frames(showing(Some(true)), frames, dropped);
    let lossy = |it| Interval { packets_lost: Some(50), packets_received: Some(50), ..it };
    let unknown = (Verdict::Unclassified, Some(NO_METRIC.to_owned()));
    let teams = pack("teams-cqd");
    // Received: frame loss or nothing.
    assert_eq!(verdict(&screen(10, Some(11))), Verdict::Poor);
    assert_eq!(verdict(&screen(1, Some(1))), Verdict::Good);
    assert_eq!(said(&teams, &lossy(screen(1, None))), unknown, "neither frame rate nor loss");
    // Sent: frame rate or nothing.
    assert_eq!(verdict(&sent(screen(9, None))), Verdict::Poor);
    assert_eq!(verdict(&sent(screen(10, None))), Verdict::Good);
    assert_eq!(verdict(&sent(screen(29, Some(100)))), Verdict::Good, "no frame loss");
    assert_eq!(said(&teams, &lossy(sent(showing(Some(true))))), unknown);
    // H264S: a screen whatever contentType says, judged as sent either way.
    let coded = |it| Interval { codec: Some("video/h264s".to_owned()), ..it };
    for content in [Some(true), Some(false), None] {
        let early = Interval { stream_packets: Some(9), ..showing(content) };
        for it in [early.clone(), sent(early)] {
            let frames = |frames, dropped| coded(with_frames(it.clone(), frames, dropped));
            assert_eq!(verdict(&frames(9, Some(0))), Verdict::Poor, "{content:?}");
            assert_eq!(verdict(&frames(10, Some(11))), Verdict::Good, "{content:?}");
            assert_eq!(said(&teams, &lossy(coded(it))), unknown, "{content:?}");
        }
    }
    // The version before.
    let before = |it: &Interval| said(&pack("teams-cqd@2"), it).0;
    assert_eq!(before(&screen(20, None)), Verdict::Good);
    assert_eq!(before(&screen(19, None)), Verdict::Poor);
}

#[test]
fn a_pack_without_rules_for_screens_judges_them_as_video() {
    let (camera, _) = TEAMS.split_once(",\n    \"screen_share\"").unwrap();
    let without = Pack::parse(&format!("{camera}}}}}")).unwrap();
    for content in [Some(true), Some(false), None] {
        let slow = with_frames(showing(content), 60, None);
        assert_eq!(said(&without, &slow).0, Verdict::Poor, "{content:?}");
    }
}

// Firefox and Safari do not tell a shared screen from a camera.
#[test]
fn video_of_unknown_content_is_judged_by_rules_for_camera_and_screen_alone() {
    let either = |frames, dropped| with_frames(showing(None), frames, dropped);
    let unknown = (Verdict::Unclassified, Some(UNKNOWN_CONTENT.to_owned()));
    let teams = pack("teams-cqd");
    for frames in [9, 29, 69, 300] {
        assert_eq!(said(&teams, &either(frames, None)), unknown);
        assert_eq!(said(&teams, &sent(either(frames, None))), unknown);
        assert_eq!(said(&pack("teams-cqd@2"), &either(frames, None)), unknown);
    }
    let lossy = Interval { packets_lost: Some(50), packets_received: Some(50), ..either(69, None) };
    assert_eq!(said(&teams, &lossy), unknown, "a screen has no rule on loss");
    assert_eq!(verdict(&either(10, Some(11))), Verdict::Poor);
    assert_eq!(verdict(&either(10, Some(10))), Verdict::Good);
    let early = Interval { stream_packets: Some(500), ..either(10, Some(11)) };
    assert_eq!(said(&teams, &early).1.as_deref(), Some(FEW_PACKETS));
    assert_eq!(said(&pack("comparable"), &lossy).0, Verdict::Poor);
}

// Rules that cameras and screens share hold for both.
#[test]
fn video_of_unknown_content_is_judged_by_the_rules_of_any_that_both_have() {
    let loss = r#"{"metric": "loss", "comparison": "above", "threshold": 0.15, "unit": "ratio"}"#;
    let slower = |least| {
        format!(
            r#"{{"metric": "frame_rate", "comparison": "below", "threshold": {least}, "unit": "1/s"}}"#
        )
    };
    let any = |rules: &[&str]| format!(r#"{{"mode": "any", "rules": [{}]}}"#, rules.join(", "));
    let own = |camera: &[&str], screen: &[&str]| {
        let (camera, screen) = (any(camera), any(screen));
        let media = format!(r#"{{"video": {camera}, "screen_share": {screen}}}"#);
        let head = r#""name": "own", "version": 1, "sources": []"#;
        Pack::parse(&format!(r#"{{{head}, "media": {media}}}"#)).unwrap()
    };
    let pack = own(&[&slower(7), loss], &[loss, &slower(2)]);
    let unknown = |lost: Option<i64>| {
        let it = with_frames(showing(None), 10, None);
        Interval { packets_lost: lost, packets_received: lost.map(|lost| 100 - lost), ..it }
    };
    let by_loss = (Verdict::Poor, Some("loss".to_owned()));
    let not_told = (Verdict::Unclassified, Some(UNKNOWN_CONTENT.to_owned()));
    assert_eq!(said(&pack, &unknown(Some(16))), by_loss);
    assert_eq!(said(&pack, &unknown(Some(15))), (Verdict::Good, None));
    assert_eq!(said(&pack, &unknown(None)), not_told, "one frame a second");
    let pack = own(&[&slower(7)], &[&slower(2)]);
    assert_eq!(said(&pack, &unknown(Some(16))), not_told, "no rule is shared");
}

#[test]
fn a_source_that_gives_nothing_is_not_judged() {
    let black = Interval {
        bytes: Some(1_200),
        packets_received: Some(20),
        packets_lost: Some(0),
        ..with_frames(video(), 10, Some(0))
    };
    let noise = Interval {
        end_us: 10_000_000,
        packets_received: Some(20),
        packets_lost: Some(5),
        jitter_us: Some(60_000),
        ..audio()
    };
    for (name, _) in Pack::EMBEDDED {
        for (it, has_rules) in
            [(&black, !["twilio", "e-model-bands"].contains(&name)), (&noise, true)]
        {
            let expected = (Verdict::Unclassified, has_rules.then(|| NO_SOURCE.to_owned()));
            assert_eq!(said(&pack(name), it), expected, "{name}: {it:?}");
        }
    }
}

/// Ten seconds of sent video of which the source gave so many frames.
fn captured(content: Option<bool>, source_frames: i64, frames: i64) -> Interval {
    let it = sent(with_frames(showing(content), frames, None));
    let video = it.video.map(|video| Video { source_frames: Some(source_frames), ..video });
    Interval { video, bytes: Some(900_000), ..it }
}

#[test]
fn a_rule_that_asks_for_more_frames_than_the_source_gave_decides_nothing() {
    let teams = pack("teams-cqd");
    let no_source = (Verdict::Unclassified, Some(NO_SOURCE.to_owned()));
    let by_frame_rate = (Verdict::Poor, Some("frame_rate".to_owned()));
    let good = (Verdict::Good, None);
    for (content, source_frames, frames, wanted) in [
        (Some(false), 69, 69, &no_source),
        (Some(false), 69, 20, &no_source),
        (Some(false), 70, 69, &by_frame_rate),
        (Some(false), 300, 69, &by_frame_rate),
        (Some(false), 0, 300, &good),
        (Some(true), 9, 9, &no_source),
        (Some(true), 3, 14, &no_source),
        (Some(true), 9, 15, &good),
        (Some(true), 10, 9, &by_frame_rate),
    ] {
        let it = captured(content, source_frames, frames);
        assert_eq!(said(&teams, &it), *wanted, "{content:?} {source_frames} {frames}");
    }
    let lossy = |lost| Interval {
        packets_lost: Some(lost),
        packets_received: Some(1000 - lost),
        ..captured(Some(false), 50, 50)
    };
    assert_eq!(said(&teams, &lossy(151)), (Verdict::Poor, Some("loss".to_owned())));
    assert_eq!(said(&teams, &lossy(150)), good);
}

#[test]
fn a_frozen_screen_and_a_muted_microphone_are_not_judged() {
    let frozen = Interval {
        packets_lost: Some(90),
        packets_received: Some(10),
        ..captured(Some(true), 0, 10)
    };
    let muted = Interval {
        end_us: 10_000_000,
        packets_sent: Some(500),
        bytes: Some(40_000),
        audio: Some(Audio { audio_energy_micro: Some(0), ..Audio::default() }),
        ..sent(network(900, 60, 4_000))
    };
    let quiet = Interval {
        audio: Some(Audio { audio_energy_micro: Some(1), ..Audio::default() }),
        ..muted.clone()
    };
    for (name, _) in Pack::EMBEDDED {
        let pack = pack(name);
        let has_rules = !["twilio", "e-model-bands"].contains(&name);
        let reason = |has_rules: bool| has_rules.then(|| NO_SOURCE.to_owned());
        assert_eq!(said(&pack, &frozen), (Verdict::Unclassified, reason(has_rules)), "{name}");
        assert_eq!(said(&pack, &muted), (Verdict::Unclassified, reason(true)), "{name}");
        assert_eq!(said(&pack, &quiet).0, Verdict::Poor, "{name}");
    }
    let readings = Scores::embedded().unwrap().readings(&muted, None);
    assert_eq!(readings.get(crate::score::Metric::AudioMos), None);
}

/// Readings of audio with a round trip, a jitter and, of 10,000 packets, losses.
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

// Sums of Cloudflare's points; a value at a threshold is past it.
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
        assert_eq!(said(&aim, &interval), expected, "{points}");
    }
    // A loss that is not told gives no points; without latency or jitter there is no sum.
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
        let said = Judgement::by_class(Some(r), classes);
        let reason = (verdict == Verdict::Poor).then_some(class);
        assert_eq!((said.verdict, said.reason), (verdict, reason), "{r}");
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
        let (_, found) = said(&twilio, &interval);
        assert_eq!(found.as_deref(), reason, "{interval:?}");
    }
    // Without a round trip there is no MOS.
    let lossy = |lost| Interval { round_trip_us: None, ..network(0, 5, lost) };
    assert_eq!(said(&twilio, &lossy(501)), (Verdict::Poor, Some("loss".to_owned())));
    assert_eq!(said(&twilio, &lossy(500)), (Verdict::Good, None));
}

#[test]
fn every_pack_says_whose_its_figures_are_and_gives_the_metrics_names() {
    for (name, json) in Pack::EMBEDDED.into_iter().chain(Pack::OLDER) {
        let label = Pack::parse(json).unwrap().label().to_owned();
        assert!(label == name || label.starts_with(&format!("{name}@")));
        let file: serde_json::Value = serde_json::from_str(json).unwrap();
        let sources = file["sources"].as_array().unwrap();
        assert!(!sources.is_empty());
        assert!(sources.iter().all(|source| source.as_str().unwrap().starts_with("https://")));
        assert!(!file["notes"].as_array().unwrap().is_empty());
    }
    for metric in ["round_trip", "loaded_latency_increase", "video_mos", "jitter_buffer"] {
        let read: Metric = serde_json::from_value(metric.into()).unwrap();
        assert_eq!(read.name(), metric);
    }
}

#[test]
fn a_broken_pack_is_refused_with_what_is_wrong_and_where() {
    let [_, teams, _, bands, aim] = Pack::EMBEDDED.map(|(_, json)| json);
    for (pack, from, to, complaint) in [
        (
            teams,
            "\"round_trip\"",
            "\"round_tip\"",
            "media.audio.rules[0].metric: unknown variant `round_tip`",
        ),
        (
            teams,
            "\"unit\": \"1/s\"",
            "\"unit\": \"ms\"",
            "media.video.rules[1].unit: has to be \"1/s\"",
        ),
        (teams, "above", "over", "media.audio.rules[0].comparison: unknown variant `over`"),
        (teams, "\"mode\": \"any\",", "", "missing field `mode`"),
        (teams, "\"mode\": \"any\"", "\"mode\": \"bands\"", "media.audio: its mode has no rules"),
        (teams, "\"mode\": \"any\"", "\"mode\": \"points\"", "media.audio: its mode needs points"),
        (teams, "minimum_packets", "minimum_packet", "unknown field `minimum_packet`"),
        (teams, "\"audio\"", "\"sound\"", "media.sound: unknown field `sound`"),
        (teams, "500,", "\"many\",", "media.audio.rules[0].threshold: invalid type: string"),
        (teams, "\"teams-cqd\"", "\"teams cqd\"", "name: has to be 1 to 64"),
        (bands, "\"R\"", "\"MOS\"", "media.audio.unit: has to be \"R\""),
        (bands, "\"from\": 80", "\"from\": 95", "media.audio.classes[1].from: has to be less"),
        (bands, "\"from\": 80, ", "", "media.audio.classes[1]: all but the last class"),
        (bands, "\"good\"", "\"fair\"", "media.audio.classes[0].verdict: unknown variant `fair`"),
        (aim, "[20, 10, 5, 0, -10, -20]", "[20, 10]", "media.audio.points[0].points: has to have"),
        (aim, "[10, 20, 50,", "[20, 10, 50,", "media.audio.points[0].thresholds: have to rise"),
        (aim, "\"missing\": 0", "\"missing\": 9000000", "media.audio.points[2].points: have to be"),
    ] {
        let json = pack.replacen(from, to, 1);
        assert_ne!(json, pack, "{from}");
        let error = Pack::parse(&json).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
    let bare = r#"{"name": "x", "version": 1, "sources": [], "media": {}}"#;
    assert!(Pack::parse(bare).unwrap_err().to_string().contains("media: has to have one of"));
}

#[test]
fn all_that_is_wrong_with_a_pack_is_told_at_once() {
    let json = TEAMS.replace("\"ratio\"", "\"percent\"");
    assert_eq!(
        Pack::parse(&json).unwrap_err().to_string().matches("has to be \"ratio\"").count(),
        4
    );
}

#[test]
fn the_documentations_pack_is_one() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/scores.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```json\n").filter_map(|block| block.split("```").next());
    let json = blocks.filter(|block| block.contains("\"media\"")).collect::<Vec<_>>();
    assert_eq!(json.len(), 1);
    let own = Pack::parse(json[0]).unwrap();
    assert_eq!(own.label(), "our-limits@1");
    // 8 of 100 packets lost: R = 49.53, MOS 2.55.
    let lossy = network(40, 5, 800);
    assert_eq!(said(&own, &lossy), (Verdict::Poor, Some("audio_mos".to_owned())));
}
