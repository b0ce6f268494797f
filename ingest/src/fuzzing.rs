//! Properties that must hold for any bytes as raw records. Called by fuzz targets and tests; not
//! part of the public interface.

use schemas::{DeadLetter, EventKind, Interval, Path, Report};
use service::{
    AppendTime, Handler as _, Input, Offset, Pace, Partition, Record, Recorder,
    Source as LogSource, Topic,
};

use crate::counts;
use crate::formats::{self, CONTENT_TYPES, Decoded};
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::settings::Settings;

/// Separator of the records in one input (RFC 7464), which JSON cannot contain.
pub const SEPARATOR: u8 = 0x1e;

/// Key with the session for reports without a session.
const KEY: &[u8] = b"meet/standup-0423/ann-1";

/// Largest difference of two accepted values, which are within ±2⁵³.
const MOST: i64 = 1 << 54;

/// Reads `input`: a byte that chooses the content type, and records separated by [`SEPARATOR`]; for
/// Avro, only one. Panics if a property does not hold.
pub fn records(input: &[u8]) {
    let Some((chosen, rest)) = input.split_first() else { return };
    let content_type = CONTENT_TYPES.get(usize::from(*chosen).wrapping_sub(1)).copied();
    let is_avro = rest.first() == Some(&0) || content_type.is_some_and(|it| it.ends_with("avro"));
    let records = match is_avro {
        true => vec![rest],
        false => rest.split(|byte| *byte == SEPARATOR).collect::<Vec<_>>(),
    };
    let once = written(content_type, &records);
    let twice = records.iter().flat_map(|record| [*record, *record]).collect::<Vec<_>>();
    let twice = written(content_type, &twice);
    assert!(once.iter().eq(&twice), "a repeated record has another result");
    once.iter().for_each(|(_, report)| plausible(report));
}

/// A report without the offsets that it accounts for, with the kind of its event for sorting.
type Written = (EventKind, Report);

/// Returns the outputs for records that are appended at their event time.
fn written(content_type: Option<&str>, records: &[&[u8]]) -> Vec<Written> {
    let settings = Settings::default();
    let source = LogSource { input: Input(0), partition: Partition(0) };
    #[expect(clippy::expect_used, reason = "the registry is new")]
    let metrics = Metrics::new(&prometheus::Registry::new()).expect("metrics");
    let mut pipeline = Pipeline::new(settings.clone(), "raw".to_owned(), metrics);
    let mut out = Recorder::default();
    out.assign(source);
    let assigned = pipeline.assigned(source, None);
    assert!(assigned.is_ok(), "{assigned:?}");
    let mut appended_ms = 0;
    for (offset, payload) in (0..).zip(records) {
        let raw = formats::Source { payload, content_type, key: Some(KEY) };
        let event_us = match formats::decode(raw, &settings) {
            Ok(Decoded::Event(event)) => event.event_us(),
            Ok(Decoded::Report(report)) => report.event_us,
            Err(_) => 0,
        };
        appended_ms = appended_ms.max(event_us / 1000);
        let record = Record {
            source,
            offset: Offset(offset),
            appended: AppendTime(appended_ms),
            key: Some(KEY),
            content_type,
            payload,
            look_back: false,
        };
        let taken = pipeline.record(&record, &mut out);
        assert!(taken.is_ok(), "{taken:?}");
        out.commit(&mut pipeline);
        let ticked = pipeline.tick(0, Pace::Live, &mut out);
        assert!(ticked.is_ok(), "{ticked:?}");
    }
    let mut reported = Vec::new();
    for sent in out.sent {
        if sent.topic == Topic::Reports {
            let report: Report = decoded(&sent.payload);
            // The content of covers depends on the number of records.
            if report.event != EventKind::Cover {
                let lineage = schemas::Lineage::default();
                reported.push((report.event, Report { lineage, ..report }));
            }
        } else {
            let letter: DeadLetter = decoded(&sent.payload);
            quotes_nothing(&letter.detail, &letter.payload);
        }
    }
    reported
}

/// Checks that the outputs can be read.
fn decoded<T: schemas::Record>(bytes: &[u8]) -> T {
    match schemas::decode(bytes) {
        Ok(record) => record,
        #[expect(clippy::panic, reason = "fuzz targets report by panics")]
        Err(error) => panic!("written, but cannot be read: {error}"),
    }
}

/// Checks that a detail quotes nothing of the payload: it has no word of letters and digits (as in
/// addresses, fingerprints, ids and most names) that is also in the payload.
fn quotes_nothing(detail: &str, payload: &[u8]) {
    assert!(detail.len() <= 300, "as long as a quotation: {detail}");
    assert!(detail.is_ascii(), "not our own words: {detail}");
    // serde_json names the characters that must be escaped.
    let detail = detail.replace(r"(\u0000-\u001F)", "");
    let payload = String::from_utf8_lossy(payload);
    let part_of_a_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
    for word in detail.split(|c| !part_of_a_word(c)).filter(|word| word.len() >= 6) {
        let mixed = word.contains(|c: char| c.is_ascii_digit())
            && word.contains(|c: char| !c.is_ascii_digit());
        assert!(!(mixed && payload.contains(word)), "quotes the payload: {detail}");
    }
}

/// Checks that no time, count or duration is negative or absurd.
fn plausible(report: &Report) {
    let Report { time_to_connect_ms, time_to_media_ms, .. } = report;
    are_counts([*time_to_connect_ms, *time_to_media_ms].into_iter().flatten());
    assert!(report.rating.is_none_or(|rating| (1..=5).contains(&rating)), "{report:?}");
    for path in &report.paths {
        let Path { ice_round_trip_us, ice_round_trip_count, selected_pair_changes, .. } = path;
        let counts = [*ice_round_trip_us, *ice_round_trip_count, *selected_pair_changes];
        are_counts(counts.into_iter().chain([path.available_outgoing_bitrate]).flatten());
    }
    report.intervals.iter().for_each(of_interval);
}

fn of_interval(interval: &Interval) {
    assert!(interval.start_us < interval.end_us, "{interval:?}");
    assert!(interval.end_us.checked_sub(interval.start_us).is_some(), "{interval:?}");
    let absurd = counts::signed(interval).find(|value| !(-MOST..=MOST).contains(value));
    assert_eq!(absurd, None, "{interval:?}");
    are_counts(counts::counts(interval));
}

fn are_counts(values: impl IntoIterator<Item = i64>) {
    let absurd = values.into_iter().find(|value| !(0..=MOST).contains(value));
    assert_eq!(absurd, None, "a count, or a duration");
}

#[cfg(test)]
mod tests;
