//! The memory of a block is bounded for any input, and no app's values are capped because of
//! another's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use aggregate::{AggregateSettings, Pipeline};
use prometheus::Registry;
use schemas::{
    Audio, BlockAudit, CellPartial, EnrichedReport, EventKind, Interval, Kind, Lineage,
    PackVerdict, ScoredInterval, SessionPartial, Video,
};
use service::testing::{
    ImmediateOutput, measured_case, memory_of_case, peak_memory_kb, report_growth,
};
use service::{AppendTime, Handler, Input, Offset, Partition, Record, Source, Topic};

const SOURCE: Source = Source { input: Input(0), partition: Partition(0) };
/// Start of a minute, ms since the Unix epoch.
const MINUTE_MS: i64 = 1_756_000_020_000;

/// The report of raw record `number`.
fn report(number: i64) -> EnrichedReport {
    let lineage = Lineage {
        raw_partition: 0,
        raw_from: number,
        raw_to: number,
        raw_append_ms: MINUTE_MS,
        skipped: Vec::new(),
    };
    let text = str::to_owned;
    let mut report = EnrichedReport {
        lineage,
        event: EventKind::Stats,
        app: text("meet"),
        call: text("call"),
        participant: text("ann"),
        event_us: MINUTE_MS * 1000,
        edge: text("fra"),
        client_version: text("4.2"),
        intervals: vec![interval(0)],
        ..EnrichedReport::default()
    };
    report.look_ups.packs = vec![text("teams-cqd@1"), text("aim-rtc@1")];
    report
}

fn interval(variety: i64) -> ScoredInterval {
    let interval = Interval {
        kind: Kind::Video,
        start_us: (MINUTE_MS - 5_000) * 1000,
        end_us: MINUTE_MS * 1000,
        packets_received: Some(500 + variety % 977),
        packets_lost: Some(variety % 331),
        bytes: Some(10_000 + variety * 37 % 9_999_991),
        jitter_us: Some(variety * 91 % 9_999_991),
        round_trip_us: Some(variety * 53 % 9_999_991),
        round_trip_count: Some(1),
        audio: Some(Audio::default()),
        video: Some(Video { frames: Some(variety % 509), ..Video::default() }),
        ..Interval::default()
    };
    let verdicts = vec![PackVerdict::default(); 2];
    ScoredInterval { interval, verdicts, ..ScoredInterval::default() }
}

/// Folds reports, all appended in one minute.
fn fold(
    settings: AggregateSettings,
    keeps: bool,
    reports: impl Iterator<Item = EnrichedReport>,
) -> Written {
    let mut out =
        if keeps { ImmediateOutput::keeping_records() } else { ImmediateOutput::default() };
    let mut pipeline = Pipeline::new(settings, "enriched", &Registry::new()).unwrap();
    pipeline.assigned(SOURCE, None).unwrap();
    for (offset, report) in (0..).zip(reports) {
        let record = Record {
            source: SOURCE,
            offset: Offset(offset),
            appended: AppendTime(MINUTE_MS),
            key: None,
            content_type: None,
            payload: &schemas::encode(&report).unwrap(),
            look_back: false,
        };
        pipeline.record(&record, &mut out).unwrap();
        assert!(!pipeline.holds_back(), "nothing waits for anything");
        out.commit(&mut pipeline);
    }
    pipeline.drain(&mut out).unwrap();
    Written(out.records)
}

/// Written records with their topics.
struct Written(Vec<(Topic, Vec<u8>)>);

impl Written {
    fn of<T: schemas::Record>(&self, topic: Topic) -> impl Iterator<Item = T> {
        let rows = self.0.iter().filter(move |(to, _)| *to == topic);
        rows.map(|(_, row)| schemas::decode(row).unwrap())
    }

    /// Returns the intervals by release, over all blocks.
    fn by_release(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for row in self.of::<CellPartial>(Topic::Cells).filter(|row| row.grouping == "client") {
            *sums.entry(row.dimensions.client_version).or_default() += row.measures.intervals;
        }
        sums
    }

    fn blocks(&self) -> Vec<BlockAudit> {
        let blocks: Vec<BlockAudit> = self.of(Topic::Blocks).collect();
        assert!(blocks.windows(2).all(|pair| pair[0].upto == pair[1].block_start));
        blocks
    }
}

#[test]
fn a_session_with_a_million_releases_keeps_four_and_others_keep_theirs() {
    let reports = (0..3000).map(|number| {
        let mut report = report(number);
        match number % 3 {
            0 => {
                report.participant = format!("honest {}", number % 30);
                report.client_version = format!("9.{}", number % 30);
            }
            _ => report.client_version = format!("hostile {number}"),
        }
        report
    });
    let written = fold(AggregateSettings::default(), true, reports);
    let sums = written.by_release();
    let hostile: BTreeSet<_> = sums.keys().filter(|name| name.starts_with("hostile")).collect();
    assert_eq!(hostile.len(), 4);
    assert_eq!(sums["other"], 2000 - 4);
    for honest in (0..30).step_by(3) {
        assert_eq!(sums[&format!("9.{honest}")], 100);
    }
    assert_eq!(sums.values().sum::<i64>(), 3000);
    let [audit] = &written.blocks()[..] else { panic!("one block") };
    assert_eq!((audit.capped_by_session, audit.capped_by_block), (1996, 0));
    let releases: BTreeSet<_> =
        written.of::<SessionPartial>(Topic::Sessions).map(|row| row.client_version).collect();
    assert!(releases.contains("other") && releases.contains("9.3"), "{releases:?}");
}

#[test]
fn two_thousand_releases_that_are_live_at_once_keep_their_own_cells() {
    let reports = (0..6000).map(|number| {
        let mut report = report(number);
        report.participant = format!("p{number}");
        report.client_version = format!("{}", number % 2000);
        report
    });
    let sums = fold(AggregateSettings::default(), true, reports).by_release();
    assert_eq!(sums.len(), 2000);
    assert!(sums.values().all(|intervals| *intervals == 3));
}

#[test]
fn only_beyond_any_real_fleet_a_release_that_is_new_to_the_block_is_other() {
    let settings = AggregateSettings { block_values: 50, ..AggregateSettings::default() };
    let reports = (0..200).map(|number| {
        let mut report = report(number);
        report.participant = format!("p{number}");
        report.client_version = format!("{}", number % 100);
        report
    });
    let written = fold(settings, true, reports);
    let sums = written.by_release();
    assert_eq!((sums.len(), sums["other"], sums["49"]), (51, 100, 2));
    assert_eq!(written.blocks()[0].capped_by_block, 100);
}

#[test]
fn blocks_end_by_what_they_hold_and_that_changes_no_result() {
    let reports = || {
        (0..900).map(|number| {
            let mut report = report(number);
            report.participant = format!("p{}", number % 90);
            report.client_version = format!("{}", number % 45);
            report
        })
    };
    let whole = fold(AggregateSettings::default(), true, reports());
    assert_eq!(whole.blocks().len(), 1);
    for (change, records) in [
        // Two cells per release: one in each grouping, except for the single one by place.
        (AggregateSettings { block_cells: 21, ..AggregateSettings::default() }, 20),
        (AggregateSettings { block_sessions: 30, ..AggregateSettings::default() }, 30),
        (AggregateSettings { block_intervals: 70, ..AggregateSettings::default() }, 70),
    ] {
        let cut = fold(change, true, reports());
        assert_eq!(cut.blocks()[0].upto, records);
        assert_eq!(cut.by_release(), whole.by_release());
    }
}

#[test]
fn long_names_end_a_block_sooner_and_that_changes_no_result() {
    let reports = |name: fn(&str, i64) -> String| {
        (0..1000).map(move |number| {
            let mut report = report(number);
            report.participant = name("participant", number % 10);
            report.network = name("network", number);
            report
        })
    };
    let few = || AggregateSettings {
        block_cells: 20,
        block_sessions: 11,
        ..AggregateSettings::default()
    };
    let whole = fold(AggregateSettings::default(), true, reports(long));
    assert_eq!(whole.blocks().len(), 1);
    let short = fold(few(), true, reports(|name, number| format!("{name} {number}")));
    let cut = fold(few(), true, reports(long));
    let (of_short, of_long) = (short.blocks()[0].upto, cut.blocks()[0].upto);
    assert!(3 * of_long < of_short, "{of_long} records with long names, {of_short} without");
    assert_eq!(cut.by_release(), whole.by_release());
}

/// Function that fills a field that clients can choose freely.
type Fill = fn(&mut EnrichedReport, i64);

/// Returns a name of the maximum length that ingest accepts, 256 bytes.
fn long(name: &str, number: i64) -> String {
    format!("{number}-{name:x>width$}", width = 255 - number.to_string().len())
}

/// Fills every field of the report's session with a different text.
fn fill_texts(report: &mut EnrichedReport, number: i64) {
    let (place, provider, device) = (&mut report.place, &mut report.provider, &mut report.device);
    for (name, text) in [
        ("continent", &mut place.continent),
        ("country", &mut place.country),
        ("subdivision", &mut place.subdivision),
        ("city", &mut place.city),
        ("organisation", &mut provider.organisation),
        ("connection", &mut provider.connection_type),
        ("type", &mut report.network_type),
        ("network", &mut report.network),
        ("edge", &mut report.edge),
        ("class", &mut device.class),
        ("os", &mut device.os),
        ("browser", &mut device.browser),
        ("browser version", &mut device.browser_version),
        ("version", &mut report.client_version),
    ] {
        *text = long(name, number);
    }
    provider.asn = 1 + number;
}

/// Assigns the report to one of many sessions, each with another app.
fn fill_ids(report: &mut EnrichedReport, number: i64) {
    report.app = long("app", number);
    report.call = long("call", number);
    report.participant = long("participant", number);
}

const FIELDS: [(&str, Fill); 22] = [
    ("app", |report, n| report.app = format!("app {n}")),
    ("call", |report, n| report.call = format!("call {n}")),
    ("participant", |report, n| report.participant = format!("participant {n}")),
    ("version", |report, n| report.client_version = format!("version {n}")),
    ("edge", |report, n| report.edge = format!("edge {n}")),
    ("network type", |report, n| report.network_type = format!("type {n}")),
    ("organisation", |report, n| report.provider.organisation = format!("organisation {n}")),
    ("asn", |report, n| report.provider.asn = 1 + n),
    ("subdivision", |report, n| report.place.subdivision = format!("subdivision {n}")),
    ("city", |report, n| report.place.city = format!("city {n}")),
    ("network", |report, n| report.network = format!("network {n}")),
    ("browser", |report, n| report.device.browser = format!("browser {n}")),
    ("browser version", |report, n| report.device.browser_version = format!("{n}")),
    ("os", |report, n| report.device.os = format!("os {n}")),
    ("version of many sessions", |report, n| {
        report.participant = format!("{}", n / 4);
        report.client_version = format!("version {n}");
    }),
    ("streams", |report, n| {
        report.participant = format!("{}", n / 4);
        report.intervals = (0..8).map(interval).collect();
        for (scored, ssrc) in report.intervals.iter_mut().zip(8 * n..) {
            scored.interval.ssrc = ssrc;
        }
    }),
    ("windows", |report, n| {
        report.event_us -= n * 60_000_000;
        for scored in &mut report.intervals {
            scored.interval.start_us -= n * 60_000_000;
            scored.interval.end_us -= n * 60_000_000;
        }
    }),
    ("values of sketches", |report, n| {
        report.intervals = (0..20).map(|stream| interval(n * 20 + stream)).collect();
    }),
    ("long texts", |report, n| {
        fill_ids(report, n);
        fill_texts(report, n);
    }),
    // Without intervals there are no cells at whose limit the block would end.
    ("long texts of sessions without intervals", |report, n| {
        fill_ids(report, n / 4);
        fill_texts(report, n);
        report.intervals.clear();
    }),
    // Known names, each in another app and another dimension.
    ("values of many apps", |report, n| {
        report.app = format!("app {}", n / 4);
        fill_texts(report, n % 4);
        report.intervals.clear();
    }),
    ("all of it at once", |report, n| {
        let session = n / 5;
        fill_ids(report, session);
        report.client_version = format!("version {session}");
        report.edge = format!("edge {session}");
        report.network = format!("network {n}");
        report.intervals = (0..8).map(|stream| interval(n * 8 + stream)).collect();
        for (scored, ssrc) in report.intervals.iter_mut().zip(8 * session..) {
            scored.interval.ssrc = ssrc;
        }
    }),
];

/// The case that [`the_memory_of_a_block_is_bounded_for_any_values_of_fields`] runs for each field,
/// in a process of its own.
#[test]
fn one_field() {
    let Some(wanted) = measured_case() else { return };
    let (_, fill) = FIELDS.iter().find(|(field, _)| *field == wanted).unwrap();
    let settings = AggregateSettings::default();
    let before_kb = peak_memory_kb();
    let reports = (0..120_000).map(|number| {
        let mut report = report(number);
        fill(&mut report, number);
        report
    });
    fold(settings, false, reports);
    report_growth(before_kb);
}

#[test]
fn the_memory_of_a_block_is_bounded_for_any_values_of_fields() {
    for (field, _) in FIELDS {
        let took = memory_of_case("one_field", field);
        assert!(took < 37_000, "{field}: {took} KB");
    }
}

/// Returns a minute of a call with `streams` streams, in reports of 5 s.
fn call(number: i64, streams: i64) -> impl Iterator<Item = EnrichedReport> {
    (0..12).map(move |at| {
        let mut report_of_call = report(number * 12 + at);
        report_of_call.participant = format!("p{number}");
        report_of_call.intervals = (0..streams)
            .map(|ssrc| {
                let mut scored = interval(number * 7 + at * 3 + ssrc);
                scored.interval.ssrc = 1 + ssrc;
                scored.interval.stats_id = format!("IT01V{ssrc}");
                scored
            })
            .collect();
        report_of_call
    })
}

// docs/reference/settings.md has these figures.
#[test]
fn a_stream_takes_about_42_bytes_of_the_topic() {
    let written = fold(AggregateSettings::default(), true, (0..50).flat_map(|n| call(n, 4)));
    let sessions = written.0.iter().filter(|(topic, _)| *topic == Topic::Sessions);
    let (mut whole, mut bare, mut streams) = (0, 0, 0);
    for (_, bytes) in sessions {
        let mut row: SessionPartial = schemas::decode(bytes).unwrap();
        whole += bytes.len();
        streams += row.streams.len();
        row.streams.clear();
        bare += schemas::encode(&row).unwrap().len();
    }
    assert!(streams >= 200, "{streams}");
    let each = (whole - bare) / streams;
    println!("{each} bytes a stream, {} bytes a session without", bare / (streams / 4));
    assert!((20..=48).contains(&each), "{each}");
}
