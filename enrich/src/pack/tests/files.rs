//! Files of packs: embedded ones, invalid ones, and the example of the documentation.

use super::*;

#[test]
fn every_pack_names_its_source_and_its_metrics() {
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
fn a_broken_pack_is_refused_with_the_error_and_its_place() {
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
fn all_errors_of_a_pack_are_reported_at_once() {
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
    assert_eq!(verdict_and_reason(&own, &lossy), (Verdict::Poor, Some("audio_mos".to_owned())));
}
