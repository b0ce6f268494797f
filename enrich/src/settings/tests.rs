#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn the_defaults_need_no_files() {
    let mut problems = Problems::default();
    EnrichSettings::default().check(&mut problems);
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
        pack: Some(path("pack.json")),
        score: Some(path("absent.json")),
        connection_type: vec![path("")],
        providers: Some(path("text.mmdb")),
        address_cache: 0,
        user_agent_cache: 1 << 40,
        ..EnrichSettings::default()
    };
    let mut problems = Problems::default();
    settings.check(&mut problems);
    let expected = [
        ("address_cache: ", "", "from 1 to 10000000"),
        ("user_agent_cache: ", "", "from 1 to 10000000"),
        ("city: ", "absent.mmdb: ", "No such file"),
        ("city: ", "text.mmdb: ", "MaxMind DB"),
        ("asn: ", "text.mmdb: ", "nor ranges in CSV (line 1: "),
        ("connection_type: ", "", "not a regular file"),
        ("providers: ", "text.mmdb: ", "line 1: "),
        ("pack: ", "pack.json: ", "missing field"),
        ("score: ", "absent.json: ", "No such file"),
    ];
    assert_eq!(problems.lines().len(), expected.len(), "{problems:?}");
    for (line, (key, file, reason)) in problems.lines().iter().zip(expected) {
        assert!(line.starts_with(key) && line.contains(file) && line.contains(reason), "{line}");
    }
}
