//! Cameras, screens, and sources without media.

use super::*;

#[test]
fn a_shared_screen_is_judged_by_its_direction() {
    let screen = |frames, dropped| with_frames(showing(Some(true)), frames, dropped);
    let lossy = |it| Interval { packets_lost: Some(50), packets_received: Some(50), ..it };
    let unknown = (Verdict::Unclassified, Some(NO_METRIC.to_owned()));
    let teams = pack("teams-cqd");
    // Received screens are judged only by frame loss.
    assert_eq!(verdict(&screen(10, Some(11))), Verdict::Poor);
    assert_eq!(verdict(&screen(1, Some(1))), Verdict::Good);
    assert_eq!(
        verdict_and_reason(&teams, &lossy(screen(1, None))),
        unknown,
        "neither frame rate nor loss"
    );
    // Sent screens are judged only by frame rate.
    assert_eq!(verdict(&sent(screen(9, None))), Verdict::Poor);
    assert_eq!(verdict(&sent(screen(10, None))), Verdict::Good);
    assert_eq!(verdict(&sent(screen(29, Some(100)))), Verdict::Good, "no frame loss");
    assert_eq!(verdict_and_reason(&teams, &lossy(sent(showing(Some(true))))), unknown);
    // H264S is a screen regardless of contentType, and judged as sent in both directions.
    let coded = |it| Interval { codec: Some("video/h264s".to_owned()), ..it };
    for content in [Some(true), Some(false), None] {
        let early = Interval { stream_packets: Some(9), ..showing(content) };
        for it in [early.clone(), sent(early)] {
            let frames = |frames, dropped| coded(with_frames(it.clone(), frames, dropped));
            assert_eq!(verdict(&frames(9, Some(0))), Verdict::Poor, "{content:?}");
            assert_eq!(verdict(&frames(10, Some(11))), Verdict::Good, "{content:?}");
            assert_eq!(verdict_and_reason(&teams, &lossy(coded(it))), unknown, "{content:?}");
        }
    }
    // The previous version.
    let before = |it: &Interval| verdict_and_reason(&pack("teams-cqd@2"), it).0;
    assert_eq!(before(&screen(20, None)), Verdict::Good);
    assert_eq!(before(&screen(19, None)), Verdict::Poor);
}

#[test]
fn a_pack_without_rules_for_screens_judges_them_as_video() {
    let (camera, _) = TEAMS.split_once(",\n    \"screen_share\"").unwrap();
    let without = Pack::parse(&format!("{camera}}}}}")).unwrap();
    for content in [Some(true), Some(false), None] {
        let slow = with_frames(showing(content), 60, None);
        assert_eq!(verdict_and_reason(&without, &slow).0, Verdict::Poor, "{content:?}");
    }
}

// Firefox and Safari do not distinguish a shared screen from a camera.
#[test]
fn video_of_unknown_content_is_judged_by_rules_for_camera_and_screen_alone() {
    let either = |frames, dropped| with_frames(showing(None), frames, dropped);
    let unknown = (Verdict::Unclassified, Some(UNKNOWN_CONTENT.to_owned()));
    let teams = pack("teams-cqd");
    for frames in [9, 29, 69, 300] {
        assert_eq!(verdict_and_reason(&teams, &either(frames, None)), unknown);
        assert_eq!(verdict_and_reason(&teams, &sent(either(frames, None))), unknown);
        assert_eq!(verdict_and_reason(&pack("teams-cqd@2"), &either(frames, None)), unknown);
    }
    let lossy = Interval { packets_lost: Some(50), packets_received: Some(50), ..either(69, None) };
    assert_eq!(verdict_and_reason(&teams, &lossy), unknown, "a screen has no rule on loss");
    assert_eq!(verdict(&either(10, Some(11))), Verdict::Poor);
    assert_eq!(verdict(&either(10, Some(10))), Verdict::Good);
    let early = Interval { stream_packets: Some(500), ..either(10, Some(11)) };
    assert_eq!(verdict_and_reason(&teams, &early).1.as_deref(), Some(FEW_PACKETS));
    assert_eq!(verdict_and_reason(&pack("comparable"), &lossy).0, Verdict::Poor);
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
    let unknown_content = (Verdict::Unclassified, Some(UNKNOWN_CONTENT.to_owned()));
    assert_eq!(verdict_and_reason(&pack, &unknown(Some(16))), by_loss);
    assert_eq!(verdict_and_reason(&pack, &unknown(Some(15))), (Verdict::Good, None));
    assert_eq!(verdict_and_reason(&pack, &unknown(None)), unknown_content, "one frame a second");
    let pack = own(&[&slower(7)], &[&slower(2)]);
    assert_eq!(verdict_and_reason(&pack, &unknown(Some(16))), unknown_content, "no rule is shared");
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
            assert_eq!(verdict_and_reason(&pack(name), it), expected, "{name}: {it:?}");
        }
    }
}

/// Returns ten seconds of sent video with this number of frames of the source.
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
        assert_eq!(
            verdict_and_reason(&teams, &it),
            *wanted,
            "{content:?} {source_frames} {frames}"
        );
    }
    let lossy = |lost| Interval {
        packets_lost: Some(lost),
        packets_received: Some(1000 - lost),
        ..captured(Some(false), 50, 50)
    };
    assert_eq!(verdict_and_reason(&teams, &lossy(151)), (Verdict::Poor, Some("loss".to_owned())));
    assert_eq!(verdict_and_reason(&teams, &lossy(150)), good);
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
        assert_eq!(
            verdict_and_reason(&pack, &frozen),
            (Verdict::Unclassified, reason(has_rules)),
            "{name}"
        );
        assert_eq!(
            verdict_and_reason(&pack, &muted),
            (Verdict::Unclassified, reason(true)),
            "{name}"
        );
        assert_eq!(verdict_and_reason(&pack, &quiet).0, Verdict::Poor, "{name}");
    }
    let readings = Scores::embedded().unwrap().readings(&muted, None);
    assert_eq!(readings.get(crate::score::Metric::AudioMos), None);
}
