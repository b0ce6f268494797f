//! The pipeline record by record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

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
/// A minute's start, ms.
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
        // Nothing here waits for the group; that is tried where it may be late.
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

    /// What was sent to `topic` since the last call for it.
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

/// The report of raw record `raw` at `event_us`.
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
fn an_interval_adds_what_it_knows_to_its_cell_in_each_grouping() {
    let mut run = Run::new(AggregateSettings::default());
    let end_us = (MINUTE_MS + 59_999) * 1000;
    let mut stats = report(9, EventKind::Stats, end_us);
    stats.device.os = "Linux".to_owned();
    stats.provider.asn = 3320;
    stats.intervals = vec![ScoredInterval {
        interval: Interval {
            kind: Kind::Video,
            direction: Direction::Outbound,
            packets_received: Some(95),
            packets_lost: Some(5),
            bytes: Some(125_000),
            video: Some(Video {
                frames: Some(60),
                pause_count: Some(1),
                pause_us: Some(5_200_000),
                ..Video::default()
            }),
            jitter_us: Some(7_500),
            round_trip_us: Some(90_000),
            round_trip_count: Some(2),
            ..audio(end_us - 2_000_000, end_us).interval
        },
        audio_mos_milli: None,
        video_mos_milli: Some(3_500),
        verdicts: [Verdict::Poor, Verdict::Good]
            .map(|verdict| PackVerdict { verdict, reason: None })
            .to_vec(),
    }];
    stats.look_ups.packs = vec!["strict@2".to_owned(), "kind@1".to_owned()];
    run.report(40, MINUTE_MS, &stats);
    run.tick(5_000, Pace::Live);
    let cells = run.sent::<CellPartial>(Topic::Cells);
    let [client, place] = &cells[..] else { panic!("{cells:?}") };
    assert_eq!((place.grouping.as_str(), client.grouping.as_str()), ("place", "client"));
    assert_eq!((place.dimensions.asn, place.dimensions.os.as_str()), (3320, ""));
    assert_eq!((client.dimensions.asn, client.dimensions.os.as_str()), (0, "Linux"));
    assert_eq!((place.dimensions.edge.as_str(), client.dimensions.edge.as_str()), ("fra1", ""));
    for cell in [place, client] {
        assert_eq!((cell.epoch, cell.partition, cell.block_start, cell.upto), (1, 2, 40, 41));
        assert_eq!((cell.window_start, cell.window_s), (MINUTE_MS / 1000, 60));
        assert_eq!(cell.dimensions.app, "meet");
        let (kind, direction) = (cell.dimensions.kind, cell.dimensions.direction);
        assert_eq!((kind, direction), (Kind::Video, Direction::Outbound));
        let expected = Measures {
            intervals: 1,
            observed_us: 2_000_000,
            packets_received: 95,
            packets_lost: 5,
            packets_expected: 100,
            bytes: 125_000,
            frames: 60,
            pause_us: 5_200_000,
            pause_count: 1,
            poor_us: 2_000_000,
            ..Measures::default()
        };
        assert_eq!(cell.measures, expected);
        assert_eq!(cell.sketches.round_trip_ms, state(&[45.0]));
        assert_eq!(cell.sketches.jitter_ms, state(&[7.5]));
        assert_eq!(cell.sketches.loss, state(&[0.05]));
        assert_eq!(cell.sketches.bit_rate_bps, state(&[500_000.0]));
        assert_eq!(cell.sketches.frame_rate, state(&[30.0]));
        assert_eq!(cell.sketches.audio_mos, state(&[]));
        assert_eq!(cell.sketches.video_mos, state(&[3.5]));
        let pack = |pack: &str| PackTime { pack: pack.to_owned(), ..PackTime::default() };
        let kind = PackTime { good_us: 2_000_000, ..pack("kind@1") };
        let strict = PackTime { poor_us: 2_000_000, ..pack("strict@2") };
        assert_eq!(cell.packs, [kind, strict]);
    }
}

#[test]
fn a_stream_on_which_nothing_was_sent_has_neither_jitter_nor_frame_rate() {
    let end_us = (MINUTE_MS + 10_000) * 1000;
    let sketches = |direction, bytes, packets_lost| {
        let mut run = Run::new(AggregateSettings::default());
        let mut stats = report(9, EventKind::Stats, end_us);
        let mut scored = audio(end_us - 2_000_000, end_us);
        scored.interval = Interval {
            kind: Kind::Video,
            direction,
            bytes,
            packets_lost,
            jitter_us: Some(7_500),
            video: Some(Video { frames: Some(0), ..Video::default() }),
            ..scored.interval
        };
        stats.intervals = vec![scored];
        run.report(40, MINUTE_MS, &stats);
        run.tick(5_000, Pace::Live);
        let sketches = run.sent::<CellPartial>(Topic::Cells).remove(0).sketches;
        (sketches.jitter_ms, sketches.frame_rate)
    };
    let (none, some) = ((state(&[]), state(&[])), (state(&[7.5]), state(&[0.0])));
    use Direction::{Inbound, Outbound};
    assert_eq!(sketches(Inbound, Some(0), None), none);
    assert_eq!(sketches(Inbound, Some(0), Some(-1)), none);
    assert_eq!(sketches(Outbound, Some(0), Some(3)), none, "sent before");
    assert_eq!(sketches(Inbound, Some(0), Some(3)), some, "sent, and lost");
    assert_eq!(sketches(Inbound, Some(1), None), some);
    assert_eq!(sketches(Inbound, None, None), some, "not told");
}

// The mean of these streams' ratios would be 0.5, and their sum 1.
#[test]
fn the_loss_of_several_streams_is_that_of_all_their_packets() {
    let mut run = Run::new(AggregateSettings::default());
    let end_us = (MINUTE_MS + 10_000) * 1000;
    let mut stats = report(9, EventKind::Stats, end_us);
    let stream = |packets_received, packets_lost| {
        let mut scored = audio(end_us - 2_000_000, end_us);
        scored.interval.packets_received = Some(packets_received);
        scored.interval.packets_lost = Some(packets_lost);
        scored
    };
    stats.intervals = vec![stream(90, 10), stream(1, 9)];
    run.report(40, MINUTE_MS, &stats);
    run.tick(5_000, Pace::Live);
    let loss = |measures: &Measures| {
        let packets = measures.packets_received + measures.packets_lost;
        measures.packets_lost as f64 / packets as f64
    };
    let cells = run.sent::<CellPartial>(Topic::Cells);
    assert_eq!(cells.len(), 2, "one in each grouping");
    assert!(cells.iter().all(|cell| loss(&cell.measures) == 19.0 / 110.0));
    let sessions = run.sent::<SessionPartial>(Topic::Sessions);
    assert_eq!(sessions.len(), 1);
    assert_eq!(loss(&sessions[0].measures), 19.0 / 110.0);
}

#[test]
fn setups_are_counted_in_a_cell_without_kind_or_direction() {
    let mut run = Run::new(AggregateSettings::default());
    let event_us = MINUTE_MS * 1000;
    let mut connected = report(1, EventKind::Connected, event_us);
    connected.time_to_media_ms = Some(800);
    run.report(0, MINUTE_MS, &connected);
    run.report(1, MINUTE_MS, &report(2, EventKind::Failed, event_us + 1));
    run.report(2, MINUTE_MS, &report(3, EventKind::Joined, event_us + 2));
    run.tick(5_000, Pace::Live);
    let cells = run.sent::<CellPartial>(Topic::Cells);
    assert_eq!(cells.len(), 2, "one in each grouping");
    for cell in cells {
        let (kind, direction) = (cell.dimensions.kind, cell.dimensions.direction);
        assert_eq!((kind, direction), (Kind::None, Direction::None));
        let expected = Measures { setups_attempted: 2, setups_failed: 1, ..Measures::default() };
        assert_eq!(cell.measures, expected);
        assert_eq!(cell.sketches.time_to_media_ms, state(&[800.0]));
    }
}

#[test]
fn packets_of_unknown_loss_are_not_among_those_expected() {
    let end_us = (MINUTE_MS + 10_000) * 1000;
    let (inbound, outbound) = (Direction::Inbound, Direction::Outbound);
    for (direction, intervals, received, lost, expected) in [
        (inbound, [(Some(900), None), (Some(80), Some(20))], 980, 20, 100),
        (inbound, [(Some(900), None), (None, None)], 900, 0, 0),
        // What was counted as lost before came: the sum is signed, as packetsLost is.
        (inbound, [(Some(80), Some(20)), (Some(3), Some(-5))], 83, 15, 98),
        // The first receiver report came in the second interval, and is of both.
        (outbound, [(Some(100), None), (Some(88), Some(12))], 188, 12, 200),
        (outbound, [(None, None), (None, None)], 0, 0, 0),
    ] {
        let mut run = Run::new(AggregateSettings::default());
        let mut stats = report(9, EventKind::Stats, end_us);
        stats.intervals = intervals
            .map(|(received, lost)| {
                let mut scored = audio(end_us - 10_000_000, end_us);
                scored.interval.direction = direction;
                (scored.interval.packets_received, scored.interval.packets_lost) = (received, lost);
                scored
            })
            .into();
        run.report(0, MINUTE_MS, &stats);
        run.tick(5_000, Pace::Live);
        let cells = run.sent::<CellPartial>(Topic::Cells).into_iter().map(|cell| cell.measures);
        let session = run.sent::<SessionPartial>(Topic::Sessions).remove(0);
        let sums: Vec<_> = cells
            .chain([session.measures])
            .map(|sum| (sum.packets_received, sum.packets_lost, sum.packets_expected))
            .collect();
        assert_eq!(sums, [(received, lost, expected); 3]);
        let stream = session.streams[0];
        assert_eq!((stream.packets_lost, stream.packets_expected), (lost, expected));
    }
}

#[test]
fn loss_leaves_out_packets_that_were_received_again() {
    let mut run = Run::new(AggregateSettings::default());
    let end_us = (MINUTE_MS + 10_000) * 1000;
    let of = |direction| {
        let mut scored = audio(end_us - 10_000_000, end_us);
        let interval = &mut scored.interval;
        (interval.kind, interval.direction) = (Kind::Video, direction);
        interval.packets_received = Some(1000);
        interval.packets_lost = Some(180);
        interval.retransmitted_packets = Some(180);
        interval.round_trip_gauge_us = Some(620_000);
        scored
    };
    let mut stats = report(9, EventKind::Stats, end_us);
    stats.intervals = vec![of(Direction::Inbound), of(Direction::Outbound)];
    run.report(0, MINUTE_MS, &stats);
    run.tick(5_000, Pace::Live);
    let cells = run.sent::<CellPartial>(Topic::Cells);
    let cell = |direction| {
        let mut cells = cells.iter().filter(|cell| cell.dimensions.direction == direction);
        cells.next().unwrap()
    };
    let (inbound, outbound) = (cell(Direction::Inbound), cell(Direction::Outbound));
    let again = |cell: &CellPartial| {
        (cell.measures.retransmitted_packets_received, cell.measures.retransmitted_packets_sent)
    };
    assert_eq!((again(inbound), again(outbound)), ((180, 0), (0, 180)));
    assert_eq!(inbound.measures.packets_received, 1000, "as W3C has it");
    let expected = (inbound.measures.packets_expected, outbound.measures.packets_expected);
    assert_eq!(expected, (1000, 1180), "of what is received, those sent again are none of its own");
    assert_eq!(inbound.sketches.loss, state(&[0.18]));
    assert_eq!(outbound.sketches.loss, state(&[180.0 / 1180.0]), "of the media SSRC alone");
    assert_eq!(inbound.sketches.round_trip_ms, state(&[620.0]));
}

#[test]
fn a_correction_takes_an_attempt_back_in_its_own_window() {
    let mut run = Run::new(AggregateSettings::default());
    let event_us = MINUTE_MS * 1000;
    run.report(0, MINUTE_MS, &report(1, EventKind::Failed, event_us));
    let mut connected = report(2, EventKind::Connected, event_us + 61_000_000);
    connected.corrections = vec![Correction { at_us: event_us, attempted: -1, failed: -1 }];
    run.report(1, MINUTE_MS, &connected);
    run.tick(5_000, Pace::Live);
    let mut setups = run
        .sent::<CellPartial>(Topic::Cells)
        .iter()
        .filter(|cell| cell.grouping == "place")
        .map(|cell| {
            let Measures { setups_attempted, setups_failed, .. } = cell.measures;
            (cell.window_start, setups_attempted, setups_failed)
        })
        .collect::<Vec<_>>();
    setups.sort_unstable();
    let minute_s = MINUTE_MS / 1000;
    assert_eq!(setups, [(minute_s, 0, 0), (minute_s + 60, 1, 0)]);
    let session = &run.sent::<SessionPartial>(Topic::Sessions)[0];
    assert_eq!((session.connected, session.failed), (1, 1), "events are counted as they came");
    assert_eq!((session.measures.setups_attempted, session.measures.setups_failed), (1, 0));
}

#[test]
fn occurrences_beside_the_event_of_a_record_count() {
    let mut run = Run::new(AggregateSettings::default());
    let event_us = MINUTE_MS * 1000;
    let mut connected = report(1, EventKind::Connected, event_us);
    connected.time_to_media_ms = Some(800);
    connected.more_events = [
        (EventKind::Joined, -1_000_000),
        (EventKind::Connected, 1_000_000),
        (EventKind::Failed, 61_000_000),
    ]
    .map(|(event, after_us)| Happened { event, event_us: event_us + after_us })
    .to_vec();
    run.report(0, MINUTE_MS, &connected);
    run.tick(5_000, Pace::Live);
    let cells = run.sent::<CellPartial>(Topic::Cells).into_iter();
    let mut setups = cells
        .filter(|cell| cell.grouping == "place")
        .map(|cell| {
            let told = cell.sketches.time_to_media_ms == state(&[800.0]);
            let Measures { setups_attempted, setups_failed, .. } = cell.measures;
            (cell.window_start, setups_attempted, setups_failed, told)
        })
        .collect::<Vec<_>>();
    setups.sort_unstable();
    let minute_s = MINUTE_MS / 1000;
    assert_eq!(setups, [(minute_s, 2, 0, true), (minute_s + 60, 1, 1, false)]);
    let session = &run.sent::<SessionPartial>(Topic::Sessions)[0];
    assert_eq!((session.joined, session.connected, session.failed), (1, 2, 1));
    assert_eq!(session.first_us, event_us - 1_000_000);
}

#[test]
fn an_interval_counts_for_the_network_of_its_own_path() {
    let mut run = Run::new(AggregateSettings::default());
    let event_us = MINUTE_MS * 1000;
    let over = |network_type: &str| EnrichedPath {
        network_type: network_type.to_owned(),
        ..EnrichedPath::unknown()
    };
    let mut two_paths = report(0, EventKind::Stats, event_us);
    two_paths.paths = vec![over("wifi"), over("cellular")];
    two_paths.network_type = "wifi".to_owned();
    two_paths.intervals = [Some(0), Some(1), None, Some(1), Some(7)]
        .map(|path| {
            let mut scored = audio(event_us - 1_000_000, event_us);
            scored.interval.path = path;
            scored
        })
        .into();
    run.report(0, MINUTE_MS, &two_paths);
    run.tick(5_000, Pace::Live);
    let cells = run.sent::<CellPartial>(Topic::Cells);
    let place = cells.iter().filter(|cell| cell.grouping == "place");
    let mut counted = place
        .map(|cell| (cell.dimensions.network_type.as_str(), cell.measures.intervals))
        .collect::<Vec<_>>();
    counted.sort_unstable();
    assert_eq!(counted, [("cellular", 2), ("unknown", 2), ("wifi", 1)]);
    assert_eq!(cells.len(), 4, "the grouping by client does not tell networks apart");
}

#[test]
fn a_session_tells_what_its_last_event_told_whatever_came_last() {
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
    let told = (session.network_type.as_str(), session.place.city.as_str());
    assert_eq!(told, ("cellular", "Bonn"), "the last that told one");
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
fn only_what_changed_is_written_again() {
    let mut run = Run::new(AggregateSettings::default());
    let mut other = report(2, EventKind::Joined, 1);
    other.participant = "q".to_owned();
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.report(1, MINUTE_MS, &other);
    run.tick(5_000, Pace::Live);
    assert_eq!(run.sent::<SessionPartial>(Topic::Sessions).len(), 2);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.report(2, MINUTE_MS, &report(3, EventKind::Left, 2));
    run.tick(10_000, Pace::Live);
    let rows = run.sent::<SessionPartial>(Topic::Sessions);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.participant.as_str(), row.joined, row.left, row.upto), ("p", 1, 1, 3));
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.tick(15_000, Pace::Idle);
    assert!(run.out.sent.is_empty(), "nothing changed");
}

#[test]
fn writes_wait_five_seconds_or_for_a_second_of_silence() {
    let mut run = Run::new(AggregateSettings::default());
    run.tick(100_000, Pace::Idle);
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.tick(100_100, Pace::Idle);
    run.tick(101_099, Pace::Idle);
    assert!(run.out.sent.is_empty(), "input may run dry between two records");
    run.tick(101_100, Pace::Idle);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(1, MINUTE_MS, &report(2, EventKind::Left, 2));
    run.tick(106_099, Pace::Live);
    assert!(run.out.sent.is_empty());
    run.tick(106_100, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
}

#[test]
fn with_a_backlog_writes_wait_longer_and_come_at_the_blocks_end_at_the_latest() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(0, MINUTE_MS, &report(1, EventKind::Joined, 1));
    run.tick(299_999, Pace::Behind);
    assert!(run.out.sent.is_empty());
    run.tick(300_000, Pace::Behind);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(1, MINUTE_MS, &report(2, EventKind::Left, 2));
    run.report(2, 2 * MINUTE_MS, &report(3, EventKind::Left, 3));
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1, "the block has ended");
}

#[test]
fn a_backlog_of_those_who_write_the_reports_is_one_too() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(0, MINUTE_MS + 5_000, &report(1, EventKind::Joined, 1));
    run.tick(299_999, Pace::Live);
    assert!(run.out.sent.is_empty());
    run.report(1, MINUTE_MS + 5_000, &report(2, EventKind::Stats, 2));
    run.tick(300_000, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(2, MINUTE_MS + 4_999, &report(3, EventKind::Left, 3));
    run.tick(305_000, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1, "and over with its last report");
}

#[test]
fn what_waits_as_long_as_between_two_writes_is_a_backlog() {
    let mut run = Run::new(AggregateSettings { flush_s: 30, ..AggregateSettings::default() });
    run.report(0, MINUTE_MS + 29_999, &report(1, EventKind::Joined, 1));
    run.tick(30_000, Pace::Live);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1);
    run.out.sent.clear();
    run.report(1, MINUTE_MS + 30_000, &report(2, EventKind::Left, 2));
    run.tick(60_000, Pace::Live);
    assert!(run.out.sent.is_empty());
}

#[test]
fn a_backlog_is_written_once_nothing_comes_at_all_or_nothing_more_of_its_partition() {
    let other = Source { partition: Partition(SOURCE.partition.0 + 1), ..SOURCE };
    let mut run = Run::new(AggregateSettings::default());
    run.out.assign(other);
    run.pipeline.assigned(other, None).unwrap();
    let audits = |run: &mut Run| -> Vec<Source> {
        let sent = run.out.sent.drain(..).filter(|sent| sent.topic == Topic::Blocks);
        sent.map(|sent| sent.source).collect()
    };
    let more = |run: &mut Run, offset| {
        let mut report = report(offset, EventKind::Joined, 1);
        report.lineage.raw_partition = other.partition.0;
        run.bytes_of(other, offset, MINUTE_MS + 5_000, &schemas::encode(&report).unwrap());
    };
    run.tick(100_000, Pace::Idle);
    run.report(0, MINUTE_MS + 5_000, &report(1, EventKind::Joined, 1));
    run.tick(101_000, Pace::Idle);
    for (offset, now_ms) in (0..).zip((102_000..=105_000).step_by(1000)) {
        more(&mut run, offset);
        run.tick(now_ms, Pace::Idle);
        assert_eq!(audits(&mut run), [], "{now_ms}: more comes, be it of another partition");
    }
    more(&mut run, 4);
    run.tick(106_000, Pace::Idle);
    assert_eq!(audits(&mut run), [SOURCE], "nothing of it came for as long as between two writes");
    run.tick(106_199, Pace::Idle);
    assert_eq!(audits(&mut run), []);
    run.tick(106_200, Pace::Idle);
    assert_eq!(audits(&mut run), [other], "nothing came for long enough");
}

#[test]
fn a_finished_block_is_written_audited_and_only_then_committed() {
    let mut run = Run::new(AggregateSettings::default());
    run.report(7, MINUTE_MS, &report(1, EventKind::Joined, 1));
    let opened = run.out.take_commits();
    assert_eq!(opened.len(), 1, "what a block starts with is committed before it is written");
    assert_eq!(opened[0].offset, Offset(7));
    assert!(opened[0].metadata.contains(r#""raw":"""#));
    run.report(8, MINUTE_MS + 60_000, &report(2, EventKind::Left, 2));
    let topics = run.out.sent.iter().map(|sent| sent.topic).collect::<Vec<_>>();
    assert_eq!(topics, [Topic::Sessions, Topic::Blocks], "partials before the audit");
    let audit = &run.sent::<BlockAudit>(Topic::Blocks)[0];
    assert!((audit.finished, audit.block_start, audit.upto) == (true, 7, 8), "{audit:?}");
    assert!(run.out.take_commits().is_empty(), "nothing is acknowledged yet");
    run.out.acknowledge();
    let next = run.out.take_commits();
    assert_eq!((next.len(), next[0].offset), (1, Offset(8)));
    assert!(next[0].metadata.contains(r#""raw":"1""#), "{}", next[0].metadata);
    run.pipeline.drain(&mut run.out).unwrap();
    let audit = &run.sent::<BlockAudit>(Topic::Blocks)[0];
    assert!((audit.finished, audit.block_start, audit.upto) == (false, 8, 9), "{audit:?}");
    run.out.acknowledge();
    assert!(run.out.take_commits().is_empty(), "an unfinished block is not committed");
}

#[test]
fn what_cannot_be_read_is_dead_lettered_and_leaves_a_hole() {
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
fn what_was_committed_for_other_topics_or_by_others_is_refused() {
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
fn a_log_that_has_lost_its_beginning_is_folded_from_its_middle_only_if_that_is_meant() {
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
