//! Bounds of ingest: for any record, sums downstream cannot overflow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use aggregate::{Aggregate, AggregateSettings, MOST_OF_AN_INTERVAL};
use enrich::{Enrich, EnrichSettings};
use ingest::Ingest;
use prometheus::Registry;
use schemas::{
    Audio, CellPartial, Direction, EventKind, HourPartial, Inbound, Interval, Kind, Limitation,
    Path, Report, SessionPartial, Video,
};
use serde::Serialize;
use serde_json::Value;
use service::{
    AppendTime, Commit, Handler, Input, Offset, Output, Pace, Partition, Record, Settings, Source,
    Ticket, Topic,
};

const SOURCE: Source = Source { input: Input(0), partition: Partition(0) };
const NOW_MS: i64 = 1_756_000_020_000;
/// The longest look-back, and so the longest interval, that ingest may be set to, s.
const LONGEST_S: i64 = 3600;

#[derive(Default)]
struct Written {
    records: Vec<(Topic, Vec<u8>)>,
    commits: Vec<Commit>,
}

impl Output for Written {
    fn send(&mut self, _: Source, topic: Topic, _: Option<&[u8]>, payload: &[u8]) {
        self.records.push((topic, payload.to_vec()));
    }

    fn open(&mut self, source: Source, _: usize) -> Ticket {
        Ticket { source, assignment: 0, number: 0 }
    }

    fn close(&mut self, _: Ticket) {}

    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str) {
        self.commits.push(Commit { source, offset, metadata: metadata.to_owned() });
    }

    fn congested(&self) -> bool {
        false
    }
}

/// Runs a service over `payloads` and returns its output as topic and payload.
fn pass(mut handler: Box<dyn Handler>, payloads: &[Vec<u8>]) -> Vec<(Topic, Vec<u8>)> {
    let mut out = Written::default();
    handler.assigned(SOURCE, None).unwrap();
    for (offset, payload) in (0..).zip(payloads) {
        let record = Record {
            source: SOURCE,
            offset: Offset(offset),
            appended: AppendTime(NOW_MS),
            key: Some(b"key"),
            content_type: None,
            payload,
            look_back: false,
        };
        handler.record(&record, &mut out).unwrap();
        for commit in std::mem::take(&mut out.commits) {
            handler.committed(&commit);
        }
        handler.tick(0, Pace::Live, &mut out).unwrap();
    }
    handler.drain(&mut out).unwrap();
    out.records
}

fn service<S: service::Service>(settings: S::Settings) -> Box<dyn Handler>
where
    Settings<S::Settings>: Default,
{
    let settings = Settings { service: settings, ..Settings::default() };
    S::start(&settings, &Registry::new()).unwrap()
}

/// Members that are not quantities.
const NAMES: [&str; 12] = [
    "kind",
    "direction",
    "ssrc",
    "stats_id",
    "codec",
    "path",
    "start_us",
    "end_us",
    "screen_share",
    "rating",
    "event_us",
    "asn",
];

/// Puts `quantity` into every member that may hold one.
fn fill(value: &mut Value, quantity: i64) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        match member {
            Value::Object(_) => fill(member, quantity),
            Value::Null | Value::Number(_) if !NAMES.contains(&&**name) => {
                *member = quantity.into();
            }
            _ => {}
        }
    }
}

fn filled<T: Serialize + serde::de::DeserializeOwned>(of: T, quantity: i64) -> T {
    let mut value = serde_json::to_value(of).unwrap();
    fill(&mut value, quantity);
    serde_json::from_value(value).unwrap()
}

/// Returns a canonical report with an interval of one hour of a stream of this kind, with
/// `quantity` in every member.
fn absurd(kind: Kind, direction: Direction, quantity: i64, number: i64) -> Report {
    let interval = Interval {
        kind,
        direction,
        ssrc: 7,
        stats_id: "IT01".to_owned(),
        start_us: (NOW_MS - LONGEST_S * 1000) * 1000,
        end_us: NOW_MS * 1000,
        inbound: Some(Inbound::default()),
        audio: Some(Audio::default()),
        video: Some(Video::default()),
        limitation: Some(Limitation::default()),
        ..Interval::default()
    };
    let mut interval = filled(interval, quantity);
    // As many round trips as there may be: their sum is bounded by their number.
    interval.round_trip_count = Some(quantity.min(3_000_000));
    let changes = Path { selected_pair_changes: Some(quantity), ..Path::default() };
    Report {
        event: EventKind::Connected,
        event_us: NOW_MS * 1000,
        app: "meet".to_owned(),
        call: "c".to_owned(),
        participant: format!("p{number}"),
        paths: vec![changes],
        time_to_connect_ms: Some(quantity),
        time_to_media_ms: Some(quantity),
        rating: Some(5),
        intervals: vec![interval],
        ..Report::default()
    }
}

/// Columns for identity and time, and columns that are not sums.
const NO_SUMS: [&str; 13] = [
    "epoch",
    "partition",
    "block_start",
    "upto",
    "window_start",
    "window_s",
    "first_us",
    "last_us",
    "last_raw_offset",
    "path_us",
    "path_raw_offset",
    "stream",
    // Maxima of a stream, not sums.
    "packets",
];

/// Adds the greatest absolute value of each column of `row` to `most`.
fn greatest(row: &Value, name: &str, most: &mut BTreeMap<String, i64>) {
    match row {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !NO_SUMS.contains(&&***name)) {
                greatest(member, name, most);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| greatest(item, name, most)),
        Value::Number(number) => {
            let value = number.as_i64().unwrap().saturating_abs();
            let known = most.entry(name.to_owned()).or_default();
            *known = value.max(*known);
        }
        _ => {}
    }
}

#[test]
fn interval_sums_fit_into_a_block() {
    let mut raw = Vec::new();
    for exponent in 0..=53 {
        for eighths in 8..16 {
            let quantity = (1_i64 << exponent) / 8 * eighths;
            for (kind, direction) in [
                (Kind::Audio, Direction::Inbound),
                (Kind::Video, Direction::Inbound),
                (Kind::Video, Direction::Outbound),
            ] {
                let report = absurd(kind, direction, quantity, raw.len() as i64);
                raw.push(schemas::encode(&report).unwrap());
            }
        }
    }
    let settings = ingest::Settings { look_back_s: LONGEST_S as u32, ..Default::default() };
    let taken = pass(service::<Ingest>(settings), &raw);
    let reports: Vec<_> =
        taken.into_iter().filter(|(topic, _)| *topic == Topic::Reports).map(|it| it.1).collect();
    let beyond_json = raw.len() - reports.len();
    assert!(beyond_json < 3 * 8, "{beyond_json} reports are dead letters");
    let settings = EnrichSettings { reload_s: 0, ..EnrichSettings::default() };
    let enriched: Vec<_> =
        pass(service::<Enrich>(settings), &reports).into_iter().map(|it| it.1).collect();
    assert_eq!(enriched.len(), reports.len());
    // A block a record: each row is what one interval adds.
    let settings = AggregateSettings { block_records: 1, ..AggregateSettings::default() };
    let mut most = BTreeMap::new();
    for (topic, row) in pass(service::<Aggregate>(settings), &enriched) {
        let row = match topic {
            Topic::Cells => {
                serde_json::to_value(schemas::decode::<CellPartial>(&row).unwrap()).unwrap()
            }
            Topic::Sessions => {
                serde_json::to_value(schemas::decode::<SessionPartial>(&row).unwrap()).unwrap()
            }
            Topic::Hours => {
                serde_json::to_value(schemas::decode::<HourPartial>(&row).unwrap()).unwrap()
            }
            _ => continue,
        };
        greatest(&row, "", &mut most);
    }
    println!("{most:#?}");
    for (column, most) in &most {
        assert!(*most <= MOST_OF_AN_INTERVAL, "{column}: {most} in one interval");
    }
    // Accepted values are near their bounds, so that the test covers large sums.
    for (column, least) in [
        ("bytes", 125_000_000 * LONGEST_S),
        ("packets_received", 65_536 * LONGEST_S),
        ("round_trip_us", 100_000_000 * LONGEST_S),
        ("freeze_us", 86_400_000_000),
        ("pause_us", 86_400_000_000),
        ("frames", 1_000 * LONGEST_S),
        ("observed_us", 1_000_000 * LONGEST_S),
        ("time_to_media_ms_sum", LONGEST_S * 1000),
        ("selected_pair_changes", 1_000 * LONGEST_S),
    ] {
        assert!(most[column] >= least / 9 * 8, "{column}: only {}", most[column]);
    }
}
