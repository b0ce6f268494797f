use super::*;
use crate::grouping::Dimension;

fn problems(change: impl FnOnce(&mut AggregateSettings)) -> Vec<String> {
    let mut settings = AggregateSettings::default();
    change(&mut settings);
    let mut problems = Problems::default();
    settings.check(&mut problems);
    problems.lines().to_vec()
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(problems(|_| {}), [""; 0]);
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let found = problems(|settings| {
        settings.epoch = 0;
        settings.block_records = 0;
        settings.block_cells = 0;
        settings.block_sessions = 0;
        settings.block_intervals = 0;
        settings.session_values = 0;
        settings.block_values = 0;
        settings.flush_s = 0;
        settings.flush_behind_s = 0;
        settings.window_s = 7;
        settings.watermark_bound_s = 1_000_000;
        settings.groupings.insert("größe".to_owned(), vec![Dimension::Os]);
        settings.groupings.insert("twice".to_owned(), vec![Dimension::Os, Dimension::Os]);
    });
    let expected = [
        "epoch",
        "block_records",
        "block_cells",
        "block_sessions",
        "block_intervals",
        "session_values",
        "block_values",
        "flush_s",
        "flush_behind_s",
        "window_s",
        "watermark_bound_s",
        "groupings.größe",
        "groupings.twice",
    ];
    for path in expected {
        let named = found.iter().filter(|line| line.starts_with(&format!("{path}:")));
        assert_eq!(named.count(), 1, "{path} in {found:?}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn there_must_be_groupings_but_no_more_than_fit_beside_an_offset() {
    assert_eq!(problems(|settings| settings.groupings.clear()).len(), 1);
    let many = (0..80).map(|i| (format!("grouping_{i}"), vec![Dimension::App])).collect();
    assert_eq!(problems(|settings| settings.groupings = many).len(), 1);
}

#[test]
fn an_unknown_dimension_is_refused_by_name() {
    let text = r#"{"groupings": {"place": ["app", "planet"]}}"#;
    let error = serde_json::from_str::<AggregateSettings>(text).err().map(|e| e.to_string());
    assert!(error.is_some_and(|error| error.contains("planet")));
}
