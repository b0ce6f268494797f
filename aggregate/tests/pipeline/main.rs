//! The pipeline, record by record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod hours;
mod measures;
mod recall;
mod writes;

use aggregate::{AggregateSettings, Bin, Pipeline, Sketch};
use prometheus::{Encoder, Registry, TextEncoder};
use schemas::{
    BlockAudit, CellPartial, Correction, DeadLetter, Direction, EnrichedPath, EnrichedReport,
    EventKind, Happened, Interval, Kind, Lineage, Measures, PackTime, PackVerdict, RawOutcome,
    ScoredInterval, SessionPartial, Skipped, Verdict, Video,
};
use service::{
    AppendTime, Committed, Handler, Input, Offset, Pace, Partition, Record, Recorder,
    RefusalReason, Source, Topic,
};

const SOURCE: Source = Source { input: Input(0), partition: Partition(2) };
/// Start of a minute, ms since the Unix epoch.
const MINUTE_MS: i64 = 1_756_000_020_000;

struct Run {
    pipeline: Pipeline,
    out: Recorder,
    registry: Registry,
}

impl Run {
    fn new(settings: AggregateSettings) -> Self {
        let registry = Registry::new();
        let mut pipeline = Pipeline::new(settings, "enriched", &registry).unwrap();
        let mut out = Recorder::default();
        out.assign(SOURCE);
        pipeline.assigned(SOURCE, None).unwrap();
        Self { pipeline, out, registry }
    }

    fn bytes(&mut self, offset: i64, appended_ms: i64, payload: &[u8]) {
        self.bytes_of(SOURCE, offset, appended_ms, payload);
    }

    fn bytes_of(&mut self, source: Source, offset: i64, appended_ms: i64, payload: &[u8]) {
        let record = Record {
            source,
            offset: Offset(offset),
            appended: AppendTime(appended_ms),
            key: Some(b"key"),
            content_type: None,
            payload,
            look_back: false,
        };
        self.pipeline.record(&record, &mut self.out).unwrap();
        // Commits are immediate here; other tests have late ones.
        for checkpoint in &self.out.checkpoints {
            self.pipeline.committed(checkpoint);
        }
    }

    fn report(&mut self, offset: i64, appended_ms: i64, report: &EnrichedReport) {
        self.bytes(offset, appended_ms, &schemas::encode(report).unwrap());
    }

    fn tick(&mut self, now_ms: u64, pace: Pace) {
        self.pipeline.tick(now_ms, pace, &mut self.out).unwrap();
    }

    /// Returns the records sent to `topic` since the last call for it.
    fn sent<T: schemas::Record>(&mut self, topic: Topic) -> Vec<T> {
        let (taken, rest) = self.out.sent.drain(..).partition(|sent| sent.topic == topic);
        self.out.sent = rest;
        let taken: Vec<service::Sent> = taken;
        assert!(taken.iter().all(|sent| sent.source == SOURCE));
        taken.iter().map(|sent| schemas::decode(&sent.payload).unwrap()).collect()
    }
}

fn lineage(raw_from: i64, raw_to: i64) -> Lineage {
    Lineage { raw_partition: 2, raw_from, raw_to, raw_append_ms: MINUTE_MS, skipped: Vec::new() }
}

/// Returns the report of raw record `raw` at `event_us`.
fn report(raw: i64, event: EventKind, event_us: i64) -> EnrichedReport {
    EnrichedReport {
        lineage: lineage(raw, raw),
        event,
        app: "meet".to_owned(),
        call: "c".to_owned(),
        participant: "p".to_owned(),
        edge: "fra1".to_owned(),
        event_us,
        ..EnrichedReport::default()
    }
}

fn audio(start_us: i64, end_us: i64) -> ScoredInterval {
    ScoredInterval {
        interval: Interval { start_us, end_us, ..Interval::default() },
        ..ScoredInterval::default()
    }
}

fn state(values: &[f64]) -> Vec<u8> {
    let (mut sketch, mut bytes) = (Sketch::default(), Vec::new());
    values.iter().for_each(|value| sketch.add(Bin::of(*value).unwrap()));
    sketch.write_state(&mut bytes);
    bytes
}

#[test]
fn a_session_has_the_fields_of_its_last_event_in_any_order_of_arrival() {
    let mut run = Run::new(AggregateSettings::default());
    let event_us = MINUTE_MS * 1000;
    let mut last = report(5, EventKind::Stats, event_us);
    last.network_type = "unknown".to_owned();
    last.place.city = "Bonn".to_owned();
    last.intervals = vec![audio(event_us - 9_000_000, event_us)];
    last.intervals[0].audio_mos_milli = Some(4100);
    last.intervals[0].interval.round_trip_us = Some(50_000);
    last.intervals[0].interval.round_trip_count = Some(3);
    let mut earlier = report(6, EventKind::Feedback, event_us - 1);
    earlier.paths = vec![EnrichedPath::unknown()];
    earlier.network_type = "cellular".to_owned();
    earlier.rating = Some(2);
    run.report(0, MINUTE_MS, &last);
    run.report(1, MINUTE_MS, &earlier);
    run.tick(5_000, Pace::Live);
    let sessions = run.sent::<SessionPartial>(Topic::Sessions);
    let [session] = &sessions[..] else { panic!("{sessions:?}") };
    let name = (session.app.as_str(), session.call.as_str(), session.participant.as_str());
    assert_eq!(name, ("meet", "c", "p"));
    assert_eq!((session.first_us, session.last_us), (event_us - 9_000_000, event_us));
    assert_eq!(session.last_raw_offset, 5);
    let place = (session.network_type.as_str(), session.place.city.as_str());
    assert_eq!(place, ("cellular", "Bonn"), "the last one with a path");
    assert_eq!((session.rating_sum, session.rating_count), (2, 1));
    assert_eq!((session.round_trip_us, session.round_trip_count), (50_000, 3));
    assert_eq!((session.audio_mos_milli_sum, session.audio_mos_count), (4100, 1));
    assert_eq!((session.measures.intervals, session.measures.unclassified_us), (1, 9_000_000));
}

#[test]
fn a_cover_counts_what_it_covers_and_touches_nothing_else() {
    let mut run = Run::new(AggregateSettings::default());
    let mut cover = EnrichedReport { lineage: lineage(3, 7), ..EnrichedReport::default() };
    cover.lineage.skipped = vec![Skipped { from: 4, count: 2, outcome: RawOutcome::Late }];
    run.report(0, MINUTE_MS, &cover);
    run.report(1, MINUTE_MS, &cover);
    run.tick(5_000, Pace::Live);
    let audits = run.sent::<BlockAudit>(Topic::Blocks);
    let expected = BlockAudit {
        rules: audits[0].rules.clone(),
        raw_end: 8,
        epoch: 1,
        partition: 2,
        upto: 2,
        append_minute: MINUTE_MS / 60_000,
        read: 2,
        replayed: 1,
        accepted: 3,
        late: 2,
        ..BlockAudit::default()
    };
    assert_eq!(audits, [expected]);
    assert!(run.out.sent.is_empty(), "no partials");
}

#[test]
fn unreadable_records_are_dead_lettered_and_leave_a_hole() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.bytes(1, MINUTE_MS + 1, b"not a record");
    let mut foreign = report(3, EventKind::Joined, 1);
    foreign.lineage.raw_partition = 9;
    run.report(2, MINUTE_MS + 2, &foreign);
    run.report(3, MINUTE_MS + 3, &report(4, EventKind::Left, 1));
    run.tick(5_000, Pace::Live);
    let letters = run.sent::<DeadLetter>(Topic::DeadLetters);
    let [garbage, foreign] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((garbage.stage.as_str(), garbage.reason.as_str()), ("aggregate", "undecodable"));
    assert_eq!((garbage.source_topic.as_str(), garbage.source_offset), ("enriched", 1));
    assert_eq!(garbage.payload, b"not a record");
    assert_eq!((foreign.reason.as_str(), foreign.source_offset), ("lineage", 2));
    let audit = &run.sent::<BlockAudit>(Topic::Blocks)[0];
    let counted = (audit.read, audit.undecodable, audit.accepted, audit.raw_holes);
    assert_eq!(counted, (4, 2, 2, 2));
}

#[test]
fn commits_of_other_epochs_or_tools_are_refused() {
    let settings = |epoch| AggregateSettings { epoch, ..AggregateSettings::default() };
    let mut run = Run::new(settings(1));
    run.report(7, MINUTE_MS, &report(1, EventKind::Joined, 1));
    let metadata = run.out.take_commits().remove(0).metadata;
    let start = |epoch, metadata: &str| {
        let pipeline = Pipeline::new(settings(epoch), "enriched", &Registry::new()).unwrap();
        let committed = Committed { offset: Offset(7), metadata: metadata.to_owned() };
        pipeline.start(SOURCE, Some(&committed)).map_err(|fatal| fatal.to_string())
    };
    assert!(start(1, &metadata).is_ok());
    let error = start(2, &metadata).unwrap_err();
    assert!(error.contains("epoch 1") && error.contains("delete the group's offsets"), "{error}");
    let error = start(1, "").unwrap_err();
    assert!(
        error.contains("partition 2") && error.contains("delete the group's offsets"),
        "{error}"
    );
}

#[test]
fn a_log_without_its_beginning_is_folded_from_the_middle_only_on_request() {
    let refuses = |start_mid_log, first| {
        let settings = AggregateSettings { start_mid_log, ..AggregateSettings::default() };
        let pipeline = Pipeline::new(settings, "enriched", &Registry::new()).unwrap();
        pipeline.refuses_beginning(SOURCE, Offset(first))
    };
    assert_eq!((refuses(false, 0), refuses(true, 7)), (None, None));
    let refusal = refuses(false, 7).unwrap();
    assert_eq!(refusal.reason, RefusalReason::MidLog);
    for words in ["partition 2: nothing is committed", "begins at 7", "start_mid_log = true"] {
        assert!(refusal.text.contains(words), "{}", refusal.text);
    }
}

#[test]
fn metrics_have_these_names() {
    let mut run = Run::new(AggregateSettings::default());
    let mut stats = report(1, EventKind::Stats, MINUTE_MS * 1000);
    stats.intervals = vec![audio(0, MINUTE_MS * 1000)];
    run.report(0, MINUTE_MS + 60_000, &stats);
    run.report(1, MINUTE_MS + 120_000, &stats);
    run.bytes(2, MINUTE_MS + 120_000, b"");
    run.tick(5_000, Pace::Live);
    let mut text = Vec::new();
    TextEncoder::new().encode(&run.registry.gather(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket"));
    let expected = [
        "isobar_aggregate_blocks_total 1",
        r#"isobar_aggregate_capped_reports_total{by="block"} 0"#,
        r#"isobar_aggregate_capped_reports_total{by="session"} 0"#,
        "isobar_aggregate_freshness_seconds_sum 60",
        "isobar_aggregate_freshness_seconds_count 1",
        "isobar_aggregate_intervals_total 1",
        r#"isobar_aggregate_partials_written_total{of="cell"} 2"#,
        r#"isobar_aggregate_partials_written_total{of="hour"} 1"#,
        r#"isobar_aggregate_partials_written_total{of="session"} 1"#,
        r#"isobar_aggregate_raw_holes{partition="2"} 0"#,
        r#"isobar_aggregate_raw_records_total{outcome="accepted"} 1"#,
        r#"isobar_aggregate_raw_records_total{outcome="duplicate"} 0"#,
        r#"isobar_aggregate_raw_records_total{outcome="invalid"} 0"#,
        r#"isobar_aggregate_raw_records_total{outcome="late"} 0"#,
        "isobar_aggregate_replayed_total 1",
        "isobar_aggregate_undecodable_total 1",
        "isobar_aggregate_watermark_seconds 1755999990",
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    run.pipeline.revoked(SOURCE);
    let left = run.registry.gather();
    assert!(left.iter().all(|family| family.name() != "isobar_aggregate_raw_holes"));
}
