#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::Path;

use prometheus::{Encoder as _, Registry, TextEncoder};
use schemas::{
    BlockAudit, CellPartial, EnrichedReport, HourPartial, HourStream, PackVerdict, ScoredInterval,
    SessionPartial, Sketches,
};
use service::{AppendTime, Service as _, Settings, TopicNames};

use crate::column::{Column as _, LowCardinality, Optional, Plain, Seconds, Text};
use crate::metrics::Metrics;
use crate::rows::{Blocks, CellPartials, Samples, SessionHourPartials, SessionPartials};
use crate::settings::SinkSettings;
use crate::table::{Columns, Table, Unfit, insert_into, pieces};
use crate::writer::is_past;
use crate::{Sink, settings};

fn bytes(column: &dyn crate::column::Column) -> Vec<u8> {
    let mut out = Vec::new();
    column.write(&mut out);
    out
}

#[test]
fn missing_values_are_marked_in_front_of_all_values() {
    let mut column = Optional::<u16>::default();
    column.push(Some(0));
    column.push(None);
    column.push(Some(0x0102));
    assert_eq!(column.data_type(), "Nullable(UInt16)");
    assert_eq!(bytes(&column), [0, 1, 0, 0, 0, 0, 0, 2, 1]);
}

#[test]
fn texts_have_their_length_in_front() {
    let mut column = Text::default();
    column.push("ü");
    column.push("");
    column.push(&"x".repeat(300));
    let written = bytes(&column);
    assert_eq!(written[..6], [2, 0xc3, 0xbc, 0, 0xac, 0x02]);
    assert_eq!(written.len(), 3 + 1 + 2 + 300);
}

#[test]
fn words_are_written_once_and_rows_point_at_them() {
    let mut column = LowCardinality::default();
    for word in ["b", "b", "a", "b"] {
        column.push(word);
    }
    let number = |number: u64| number.to_le_bytes();
    let dictionary = [number(1), number(0x200), number(2)].concat();
    let wanted = [dictionary.as_slice(), &[1, b'b', 1, b'a'], &number(4), &[0, 0, 1, 0]].concat();
    assert_eq!(bytes(&column), wanted);
}

#[test]
fn places_of_words_get_wider_with_the_dictionary() {
    for (words, width) in [(256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
        let mut column = LowCardinality::default();
        for word in 0..words {
            column.push(&word.to_string());
        }
        let written = bytes(&column);
        let texts: usize = (0..words).map(|word| 1 + word.to_string().len()).sum();
        assert_eq!(written.len(), 3 * 8 + texts + 8 + words * width, "{words}");
    }
}

#[test]
fn a_block_names_its_columns_and_their_types() {
    let mut table = Blocks::default();
    table.add(&BlockAudit { epoch: 7, ..BlockAudit::default() }).unwrap();
    let mut written = pieces(&table);
    assert_eq!(written.next().unwrap(), [24, 1]);
    assert_eq!(written.next().unwrap(), b"\x05epoch\x05Int32\x07\0\0\0");
    assert!(
        insert_into(&table).starts_with("INSERT INTO blocks (epoch, partition, block_start, upto,")
    );
}

/// Returns names and types of a table's columns in the migrations, by name.
fn migrated(table: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/clickhouse");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "sql"));
    let texts: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let texts = deploy::migrate::columns::render(&texts);
    let (_, text) = texts.split_once(&format!("CREATE TABLE IF NOT EXISTS {table}\n(\n")).unwrap();
    let (columns, _) = text.split_once("\n)\n").unwrap();
    let columns = columns.lines().map(|line| line.trim().trim_end_matches(','));
    let of_sink = |column: &&str| !column.starts_with("INDEX") && !column.contains("MATERIALIZED");
    let mut columns: Vec<_> = columns
        .filter(of_sink)
        .map(|column| {
            let (name, data_type) = column.split_once(' ').unwrap();
            let (data_type, _) = data_type.split_once(" CODEC").unwrap_or((data_type, ""));
            let data_type = match data_type.trim() {
                // ClickHouse itself builds dictionaries for the contents of maps.
                map if map.starts_with("Map(") => map.replace("LowCardinality(String)", "String"),
                other => other.to_owned(),
            };
            (name.to_owned(), data_type)
        })
        .collect();
    columns.sort();
    columns
}

#[track_caller]
fn assert_migrated<T: Columns>() {
    let table = T::default();
    let columns = table.columns();
    let ours = columns.iter().map(|(name, column)| ((*name).to_owned(), column.data_type()));
    let mut ours = ours.collect::<Vec<_>>();
    ours.sort();
    assert_eq!(ours, migrated(T::NAME));
}

#[test]
fn rows_have_the_columns_that_the_migrations_create() {
    assert_migrated::<Samples>();
    assert_migrated::<CellPartials>();
    assert_migrated::<SessionPartials>();
    assert_migrated::<SessionHourPartials>();
    assert_migrated::<Blocks>();
}

#[test]
fn a_report_has_a_row_for_each_interval() {
    let mut samples = Samples::default();
    let mut report = EnrichedReport::default();
    samples.add(&report).unwrap();
    assert_eq!(samples.rows(), 0);
    report.intervals = vec![ScoredInterval::default(); 3];
    samples.add(&report).unwrap();
    assert_eq!(samples.rows(), 3);
}

/// Asserts that a table which contained `before` and was cleared has the same rows of `of` as a new
/// table.
#[track_caller]
fn assert_emptied<T: Table>(before: &T::Record, of: &T::Record) {
    let (mut used, mut new) = (T::default(), T::default());
    used.add(before).unwrap();
    assert!(used.rows() > 0);
    used.clear();
    assert_eq!(used.rows(), 0);
    assert!(pieces(&used).eq(pieces(&new)));
    used.add(of).unwrap();
    new.add(of).unwrap();
    assert!(pieces(&used).eq(pieces(&new)));
}

#[test]
fn a_cleared_table_equals_a_new_one() {
    let verdict = PackVerdict { reason: Some("loss".to_owned()), ..PackVerdict::default() };
    let scored = ScoredInterval { verdicts: vec![verdict], ..ScoredInterval::default() };
    let mut report = EnrichedReport { intervals: vec![scored; 2], ..EnrichedReport::default() };
    report.look_ups.packs = vec!["twilio@1".to_owned()];
    let other = EnrichedReport { app: "meet".to_owned(), ..report.clone() };
    for (before, of) in [(&report, &report), (&report, &other), (&other, &report)] {
        assert_emptied::<Samples>(before, of);
    }
    assert_emptied::<CellPartials>(&cell(3600), &cell(7200));
    let session = SessionPartial { call: "c".to_owned(), ..SessionPartial::default() };
    assert_emptied::<SessionPartials>(&session, &SessionPartial::default());
    let streams = vec![HourStream::default(); 2];
    let hour = HourPartial { call: "c".to_owned(), streams, ..HourPartial::default() };
    assert_emptied::<SessionHourPartials>(&hour, &hour);
    assert_emptied::<Blocks>(&BlockAudit::default(), &BlockAudit::default());
}

fn cell(window_start: i64) -> CellPartial {
    let gamma = [2, 0xfd, 0x4a, 0x81, 0x5a, 0xbf, 0x52, 0xf0, 0x3f];
    let empty = [&gamma[..], &[0; 8], &[1, 4, 0, 3, 4, 0, 4], &[0; 8]].concat();
    let mut sketches = Sketches::default();
    sketches.states_mut().into_iter().for_each(|state| state.clone_from(&empty));
    CellPartial { window_start, sketches, ..CellPartial::default() }
}

#[test]
fn partials_make_the_roll_ups_of_their_hours_stale() {
    let mut cells = CellPartials::default();
    for start in [7260, 3600, 7200, 3540] {
        cells.add(&cell(start)).unwrap();
    }
    assert_eq!(cells.hours(), [0, 3600, 7200]);
    assert_eq!(cells.minutes(), [3540, 3600, 7200, 7260]);
    let mut hours = SessionHourPartials::default();
    for (hour, streams) in [(7200, 2), (3600, 1), (7200, 1), (0, 0)] {
        let streams = vec![HourStream::default(); streams];
        hours.add(&HourPartial { hour, streams, ..HourPartial::default() }).unwrap();
    }
    assert_eq!((hours.rows(), hours.hours()), (4, vec![3600, 7200]));
    assert!(hours.minutes().is_empty(), "the overview is made of cells");
    let before = HourPartial { hour: -3600, ..HourPartial::default() };
    assert!(matches!(hours.add(&before), Err(Unfit(_))));
}

#[test]
fn a_record_that_does_not_fit_leaves_no_trace() {
    let mut cells = CellPartials::default();
    assert!(matches!(cells.add(&cell(-60)), Err(Unfit(_))));
    let mut cut = cell(60);
    cut.sketches.audio_mos.pop();
    assert!(matches!(cells.add(&cut), Err(Unfit(_))));
    assert_eq!(cells.rows(), 0);
    assert!(cells.columns().iter().all(|(_, column)| matches!(bytes(*column).len(), 0 | 32)));
}

#[test]
fn reports_are_read_only_if_samples_are_wanted() {
    let names = TopicNames::default();
    let mut settings = Settings::<SinkSettings>::default();
    let partials = [names.cells, names.sessions, names.hours, names.blocks];
    assert_eq!(Sink::topics(&settings).inputs, [&partials[..], &[names.enriched]].concat());
    settings.service.samples = false;
    assert_eq!(Sink::topics(&settings).inputs, partials);
}

#[test]
fn samples_are_stored_of_reports_that_were_recent_when_appended() {
    let settings = |samples_within_h| SinkSettings { samples_within_h, ..SinkSettings::default() };
    let (all, two_days) = (settings(0).samples_within_us(), settings(48).samples_within_us());
    let report = EnrichedReport { event_us: 1_000_000, ..EnrichedReport::default() };
    let limit_ms = 1_000 + 48 * 3_600_000;
    assert!(!is_past::<Samples>(two_days, &report, AppendTime(limit_ms)));
    assert!(is_past::<Samples>(two_days, &report, AppendTime(limit_ms + 1)));
    assert!(!is_past::<Samples>(all, &report, AppendTime(i64::MAX)));
    let cell = CellPartial::default();
    assert!(!is_past::<CellPartials>(two_days, &cell, AppendTime(i64::MAX)), "cells count all");
}

#[test]
fn a_password_is_not_printed() {
    let settings: settings::SinkSettings =
        serde_json::from_value(serde_json::json!({ "password": "hunter2" })).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn times_are_seconds_of_32_bits() {
    let mut column = Plain::<Seconds>::default();
    column.push(Seconds(0x0403_0201));
    assert_eq!((column.data_type(), bytes(&column)), ("DateTime('UTC')".into(), vec![1, 2, 3, 4]));
}

#[test]
fn metrics_have_the_names_of_the_reference() {
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).unwrap();
    metrics.rows.with_label_values(&["samples"]).inc();
    metrics.inserts.with_label_values(&["samples"]).observe(0.0);
    metrics.failures.with_label_values(&["samples", "unknown"]).inc();
    metrics.dead_letters.with_label_values(&["unfit"]).inc();
    metrics.waits.with_label_values(&["samples", "disk_full"]).set(1);
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let wanted = [
        "isobar_sink_dead_letters_total counter",
        "isobar_sink_hours_rebuilt_total counter",
        "isobar_sink_insert_failures_total counter",
        "isobar_sink_insert_seconds histogram",
        "isobar_sink_minutes_rebuilt_total counter",
        "isobar_sink_rebuild_failures_total counter",
        "isobar_sink_rows_total counter",
        "isobar_sink_split_sessions gauge",
        "isobar_sink_waits gauge",
    ];
    assert!(names.eq(wanted), "{text}");
}
