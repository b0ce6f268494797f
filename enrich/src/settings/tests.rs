#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn the_defaults_need_no_files() {
    let mut problems = Problems::default();
    EnrichSettings::default().check(&mut problems);
    assert!(EnrichSettings::default().open(&mut problems).is_some());
    assert_eq!(problems.lines(), [""; 0]);
}

#[test]
fn every_file_that_cannot_be_used_is_named_at_once() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text.mmdb"), "no database").unwrap();
    fs::write(path("pack.json"), r#"{"name": "p"}"#).unwrap();
    let settings = EnrichSettings {
        city: vec![path("absent.mmdb"), path("text.mmdb")],
        asn: vec![path("text.mmdb")],
        packs: vec![
            path("pack.json").display().to_string(),
            "twilio".to_owned(),
            "teams".to_owned(),
            "twilio".to_owned(),
        ],
        score: Some(path("absent.json")),
        connection_type: vec![path("")],
        providers: Some(path("text.mmdb")),
        video_score: Some(path("pack.json")),
        address_cache: 0,
        user_agent_cache: 1 << 40,
        ..EnrichSettings::default()
    };
    let mut problems = Problems::default();
    settings.check(&mut problems);
    assert!(settings.open(&mut problems).is_none());
    let expected = [
        ("address_cache: ", "", "from 1 to 10000000"),
        ("user_agent_cache: ", "", "from 1 to 10000000"),
        ("city: ", "absent.mmdb: ", "No such file"),
        ("city: ", "text.mmdb: ", "MaxMind DB"),
        ("asn: ", "text.mmdb: ", "nor ranges in CSV (line 1: "),
        ("connection_type: ", "", "not a regular file"),
        ("providers: ", "text.mmdb: ", "line 1: "),
        ("score: ", "absent.json: ", "No such file"),
        ("video_score: ", "pack.json: ", "missing field"),
        ("packs.0: ", "pack.json: ", "missing field"),
        ("packs.2: ", "no pack \"teams\"", "aim-rtc, teams-cqd@2 come with"),
        ("packs.3: ", "twilio@1", "is there already"),
    ];
    assert_eq!(problems.lines().len(), expected.len(), "{problems:?}");
    for (line, (key, file, reason)) in problems.lines().iter().zip(expected) {
        assert!(line.starts_with(key) && line.contains(file) && line.contains(reason), "{line}");
    }
}

#[test]
fn packs_are_used_in_the_order_given_and_at_least_one_is_needed() {
    let labels = |packs: &[&str]| {
        let packs = packs.iter().map(|pack| (*pack).to_owned()).collect();
        let mut problems = Problems::default();
        let tables = EnrichSettings { packs, ..EnrichSettings::default() }.open(&mut problems);
        let scores = tables.ok_or_else(|| problems.lines().to_vec())?.scores;
        Ok(scores.packs().iter().map(|pack| pack.label().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(
        labels(&["aim-rtc", "teams-cqd@2", "teams-cqd"]),
        Ok(vec!["aim-rtc@1".into(), "teams-cqd@2".into(), "teams-cqd@3".into()])
    );
    let problems: Vec<String> = labels(&[]).unwrap_err();
    assert!(problems[0].starts_with("packs: names no pack"));
}

#[test]
fn a_check_of_the_settings_opens_no_file() {
    let absent = EnrichSettings { city: vec!["absent.mmdb".into()], ..EnrichSettings::default() };
    let mut problems = Problems::default();
    absent.check(&mut problems);
    assert!(problems.is_empty(), "{:?}", problems.lines());
}
