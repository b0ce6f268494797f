//! Contributions of intervals and events to cells and sessions.

use super::*;

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
    assert_eq!(sketches(Inbound, None, None), some, "missing");
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
        // Packets that were counted as lost arrived later: the sum is signed, like packetsLost.
        (inbound, [(Some(80), Some(20)), (Some(3), Some(-5))], 83, 15, 98),
        // The first receiver report arrived in the second interval, and covers both.
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
    assert_eq!(inbound.measures.packets_received, 1000, "as defined by W3C");
    let expected = (inbound.measures.packets_expected, outbound.measures.packets_expected);
    assert_eq!(expected, (1000, 1180), "of received packets, retransmissions do not count");
    assert_eq!(inbound.sketches.loss, state(&[0.18]));
    assert_eq!(outbound.sketches.loss, state(&[180.0 / 1180.0]), "of the media SSRC only");
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
    assert_eq!((session.connected, session.failed), (1, 1), "events count unchanged");
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
            let has_media_time = cell.sketches.time_to_media_ms == state(&[800.0]);
            let Measures { setups_attempted, setups_failed, .. } = cell.measures;
            (cell.window_start, setups_attempted, setups_failed, has_media_time)
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
    assert_eq!(cells.len(), 4, "the grouping by client does not distinguish networks");
}
