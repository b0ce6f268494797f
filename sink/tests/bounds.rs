//! While ClickHouse does not respond, the memory of sink is bounded for any input.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use schemas::{
    CellPartial, EnrichedReport, EventKind, Interval, Kind, ScoredInterval, SessionPartial, Video,
};
use service::testing::{
    ImmediateOutput, measured_case, memory_of_case, peak_memory_kb, report_growth,
};
use service::{AppendTime, Input, Offset, Pace, Partition, Record, Settings, Source};
use sink::SinkSettings;
use sink::seam::Maker;

/// Default of `limits.in_flight_mb`: above it the loop pauses reading.
const IN_FLIGHT: usize = 32 << 20;

/// Returns a text of the maximum length, different in each record.
fn text(n: i64) -> String {
    format!("{n:0250}")
}

fn report(n: i64, intervals: i64) -> Vec<u8> {
    let interval = |ordinal: i64| ScoredInterval {
        interval: Interval {
            kind: Kind::Video,
            stats_id: format!("{:060}", n * intervals + ordinal),
            start_us: 1,
            end_us: 1_000_001,
            video: Some(Video::default()),
            ..Interval::default()
        },
        ..ScoredInterval::default()
    };
    let mut report = EnrichedReport {
        event: EventKind::Stats,
        app: text(n),
        call: text(n),
        participant: text(n),
        peer_connection: text(n),
        edge: text(n),
        client_version: text(n),
        intervals: (0..intervals).map(interval).collect(),
        ..EnrichedReport::default()
    };
    report.lineage.raw_to = n;
    report.place.city = text(n);
    report.provider.organisation = text(n);
    schemas::encode(&report).unwrap()
}

fn session(n: i64) -> Vec<u8> {
    let session = SessionPartial { app: text(n), call: text(n), ..SessionPartial::default() };
    schemas::encode(&SessionPartial { participant: text(n), edge: text(n), ..session }).unwrap()
}

/// Returns the state of an empty sketch.
fn state() -> Vec<u8> {
    let [gamma, none] = [1.01 / 0.99, 0.0].map(f64::to_le_bytes);
    [&[2], &gamma[..], &none, &[1, 4, 0, 3, 4, 0, 4], &none].concat()
}

fn cell(n: i64) -> Vec<u8> {
    let mut cell = CellPartial { window_start: 60 * n, ..CellPartial::default() };
    cell.grouping = "place".to_owned();
    cell.dimensions.edge = text(n);
    cell.dimensions.client_version = text(n);
    cell.sketches.states_mut().into_iter().for_each(|sketch| *sketch = state());
    schemas::encode(&cell).unwrap()
}

/// Inputs of sink, and a function that returns their records.
type Fill = (&'static [usize], fn(usize, i64) -> Vec<u8>);

const CELLS: usize = 0;
const SESSIONS: usize = 1;
const BLOCKS: usize = 2;
const SAMPLES: usize = 3;

const FIELDS: [(&str, Fill); 7] = [
    ("cells", (&[CELLS], |_, n| cell(n))),
    ("sessions", (&[SESSIONS], |_, n| session(n))),
    ("reports of one interval", (&[SAMPLES], |_, n| report(n, 1))),
    ("reports of many intervals", (&[SAMPLES], |_, n| report(n, 2048))),
    ("empty records", (&[CELLS, SESSIONS, BLOCKS, SAMPLES], |_, _| Vec::new())),
    ("rubbish", (&[CELLS, SESSIONS, BLOCKS, SAMPLES], |_, _| vec![1; 1000])),
    (
        "all of it",
        (&[CELLS, SESSIONS, SAMPLES], |input, n| match input {
            CELLS => cell(n),
            SESSIONS => session(n),
            _ => report(n, 100),
        }),
    ),
];

/// Run by [`while_clickhouse_is_silent_memory_stays_within_the_limits`] for each field, in a
/// process of its own.
#[test]
fn one_field() {
    let Some(wanted) = measured_case() else { return };
    let (_, (inputs, fill)) = FIELDS.iter().find(|(field, _)| *field == wanted).unwrap();
    let settings = Settings { service: SinkSettings::default(), ..Settings::default() };
    let (mut handler, mut seam) = Maker::new(settings).unwrap().make();
    let before_kb = peak_memory_kb();
    let mut out = ImmediateOutput::default();
    let mut n = 0;
    while out.opened_bytes < IN_FLIGHT {
        for input in *inputs {
            let source = Source { input: Input(*input), partition: Partition(0) };
            let record = Record {
                source,
                offset: Offset(n),
                appended: AppendTime(0),
                key: None,
                content_type: None,
                payload: &fill(*input, n),
                look_back: false,
            };
            handler.record(&record, &mut out).unwrap();
        }
        if n % 100 == 0 {
            handler.tick(n as u64, Pace::Live, &mut out).unwrap();
            for table in 0..4 {
                seam.request(table);
            }
        }
        n += 1;
        assert!(n < 5_000_000, "it is read for ever");
    }
    report_growth(before_kb);
}

#[test]
fn while_clickhouse_is_silent_memory_stays_within_the_limits() {
    for (field, _) in FIELDS {
        let took = memory_of_case("one_field", field);
        // Batches in flight, of which the seam has a copy; a batch for each table; and two blocks
        // of rows for each running insert.
        assert!(took < 160_000, "{field}: {took} KB");
    }
}
