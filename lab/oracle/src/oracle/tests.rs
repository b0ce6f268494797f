#![allow(clippy::unwrap_used)]

use schemas::{Device, Place, PlaceSource, Provider};

use super::*;

struct Berlin;

impl LookUp for Berlin {
    fn locate(&mut self, _: &str, _: Option<&schemas::Claim>) -> Located {
        Located {
            source: PlaceSource::Address,
            place: Place {
                continent: "EU".to_owned(),
                country: "DE".to_owned(),
                subdivision: "Berlin".to_owned(),
                city: "Berlin".to_owned(),
            },
            provider: Provider {
                asn: 64500,
                organisation: "Example".to_owned(),
                connection_type: UNKNOWN.to_owned(),
            },
            network: "198.51.100.0/24".to_owned(),
        }
    }
}

fn record(outcome: Outcome, event: Option<Event>) -> Record {
    Record { session: 0, outcome, introduces: None, event, dead: None }
}

fn event(kind: EventKind, event_us: i64) -> Event {
    Event { kind, event_us, address: "198.51.100.7".to_owned(), ..Event::default() }
}

fn session() -> Session {
    Session {
        app: "meet".to_owned(),
        call: "c".to_owned(),
        participant: "p".to_owned(),
        edge: "fra1".to_owned(),
        client_version: "1".to_owned(),
        device: Device {
            class: "desktop".to_owned(),
            os: "Linux".to_owned(),
            browser: "Chrome".to_owned(),
            browser_version: "139".to_owned(),
        },
    }
}

/// Ten seconds of sound that end 5 s into the second minute.
fn sound() -> Interval {
    Interval {
        kind: Kind::Audio,
        direction: Direction::Inbound,
        codec: "audio/opus".to_owned(),
        start_us: 55_000_000,
        end_us: 65_000_000,
        stream_packets: Some(600),
        packets_received: Some(490),
        packets_lost: Some(10),
        bytes: Some(40_000),
        jitter_us: Some(31_000),
        ..Interval::default()
    }
}

fn fold_one_session() -> Expected {
    let mut oracle = Oracle::new(Berlin);
    let joined = Record {
        introduces: Some(session()),
        ..record(Outcome::Accepted, Some(event(EventKind::Joined, 50_000_000)))
    };
    let connected =
        Event { time_to_media_ms: Some(700), ..event(EventKind::Connected, 51_000_000) };
    let stats = Event {
        network_type: Some("wifi".to_owned()),
        transport: Some("udp".to_owned()),
        ice: Some((80_000, 2)),
        intervals: vec![sound()],
        ..event(EventKind::Stats, 65_001_000)
    };
    let baseline = Event { baselines: 1, ..event(EventKind::Stats, 55_001_000) };
    let dead = Some(Dead { why: "truncated".to_owned(), hash: 1 });
    for record in [
        joined,
        record(Outcome::Accepted, Some(connected)),
        record(Outcome::Accepted, Some(baseline)),
        record(Outcome::Accepted, Some(stats)),
        record(Outcome::Duplicate, None),
        Record { dead, ..record(Outcome::Invalid, None) },
    ] {
        oracle.fold(record).unwrap();
    }
    oracle.finish()
}

#[test]
fn records_are_counted_by_outcome() {
    let expected = fold_one_session();
    assert_eq!(
        (expected.raw_records, expected.accepted, expected.duplicates, expected.invalid),
        (6, 4, 1, 1)
    );
    assert_eq!(expected.dead_letters.values().sum::<u64>(), 1);
    assert_eq!(expected.intervals, 1);
}

#[test]
fn an_interval_goes_into_the_window_of_its_end_in_both_groupings() {
    let expected = fold_one_session();
    assert_eq!(expected.cells.len(), 4);
    let (key, cell) = expected
        .cells
        .iter()
        .find(|(key, _)| key.grouping == "place" && key.dimensions.kind == Kind::Audio)
        .unwrap();
    assert_eq!(key.window_start, 60);
    assert_eq!((key.dimensions.asn, key.dimensions.network_type.as_str()), (64500, "wifi"));
    assert_eq!(key.dimensions.browser, "");
    assert_eq!(
        cell.measures,
        Measures {
            intervals: 1,
            observed_us: 10_000_000,
            packets_received: 490,
            packets_lost: 10,
            packets_expected: 500,
            bytes: 40_000,
            poor_us: 10_000_000,
            ..Measures::default()
        }
    );
    // 31 ms: ln 31 / ln γ = 171.7; 2 %: -195.6; 32,000 bit/s: 518.7; MOS 3.813: 66.9.
    let keys = |at: usize| cell.sketches[at].positive.keys().copied().collect::<Vec<_>>();
    assert_eq!([keys(1), keys(2), keys(3), keys(5)], [[171], [-196], [518], [66]]);
    assert_eq!(cell.sketches[0], Bins::default());
}

#[test]
fn a_set_up_counts_in_a_cell_without_media() {
    let expected = fold_one_session();
    let (key, cell) = expected
        .cells
        .iter()
        .find(|(key, _)| key.grouping == "client" && key.dimensions.kind == Kind::None)
        .unwrap();
    assert_eq!((key.window_start, key.dimensions.direction), (0, Direction::None));
    assert_eq!((cell.measures.setups_attempted, cell.measures.setups_failed), (1, 0));
    // 700 ms: ln 700 / ln γ = 327.5.
    assert_eq!(cell.sketches[7].positive.keys().copied().collect::<Vec<_>>(), [327]);
}

#[test]
fn a_session_spans_its_events_and_looks_as_at_the_last_of_them() {
    let expected = fold_one_session();
    let row = &expected.sessions[&("meet".to_owned(), "c".to_owned(), "p".to_owned())];
    assert_eq!((row.first_us, row.last_us), (50_000_000, 65_001_000));
    assert_eq!((row.joined, row.connected, row.left), (1, 1, 0));
    assert_eq!((row.network_type.as_str(), row.transport.as_str()), ("wifi", "udp"));
    assert_eq!((row.audio_mos_milli_sum, row.audio_mos_count), (3813, 1));
    assert_eq!(row.measures.setups_attempted, 1);
    assert_eq!(row.measures.intervals, 1);
}

#[test]
fn occurrences_beside_the_event_of_a_record_count() {
    let mut oracle = Oracle::new(Berlin);
    let connected = Event {
        time_to_media_ms: Some(700),
        more: vec![
            (EventKind::Joined, 49_000_000),
            (EventKind::Connected, 61_000_000),
            (EventKind::Failed, 62_000_000),
        ],
        intervals: vec![sound()],
        ..event(EventKind::Connected, 51_000_000)
    };
    let first =
        Record { introduces: Some(session()), ..record(Outcome::Accepted, Some(connected)) };
    oracle.fold(first).unwrap();
    let expected = oracle.finish();
    let row = &expected.sessions[&("meet".to_owned(), "c".to_owned(), "p".to_owned())];
    assert_eq!((row.joined, row.connected, row.failed, row.first_us), (1, 2, 1, 49_000_000));
    assert_eq!((row.measures.setups_attempted, row.measures.intervals), (3, 1));
    let setups = |window| {
        let mut cells = expected.cells.iter().filter(|(key, _)| {
            key.grouping == "place"
                && key.dimensions.kind == Kind::None
                && key.window_start == window
        });
        let (_, cell) = cells.next().unwrap();
        let connect_times = cell.sketches[7].positive.values().sum::<u64>();
        (cell.measures.setups_attempted, cell.measures.setups_failed, connect_times)
    };
    assert_eq!((setups(0), setups(60)), ((1, 0, 1), (2, 1, 0)));
}

#[test]
fn a_correction_counts_where_the_attempt_did_that_it_takes_back() {
    let mut oracle = Oracle::new(Berlin);
    let failed = Record {
        introduces: Some(session()),
        ..record(Outcome::Accepted, Some(event(EventKind::Failed, 51_000_000)))
    };
    let connected = Event {
        corrections: vec![(51_000_000, -1, -1)],
        ..event(EventKind::Connected, 61_000_000)
    };
    oracle.fold(failed).unwrap();
    oracle.fold(record(Outcome::Accepted, Some(connected))).unwrap();
    let expected = oracle.finish();
    let row = &expected.sessions[&("meet".to_owned(), "c".to_owned(), "p".to_owned())];
    assert_eq!((row.connected, row.failed), (1, 1));
    assert_eq!((row.measures.setups_attempted, row.measures.setups_failed), (1, 0));
    let mut cells = expected.cells.iter().filter(|(key, _)| key.grouping == "client");
    assert!(cells.any(|(key, cell)| key.window_start == 0 && cell.measures.setups_failed == 0));
}

#[test]
fn silence_has_no_jitter_and_a_camera_that_is_off_no_frame_rate() {
    let values = |bytes, packets_lost| {
        let picture = Interval {
            kind: Kind::Video,
            frames: Some(0),
            bytes: Some(bytes),
            packets_lost: Some(packets_lost),
            ..sound()
        };
        let [_, jitter, _, bit_rate, frame_rate, ..] = sample(&picture, None).values;
        (jitter, bit_rate, frame_rate)
    };
    assert_eq!(values(0, 0), (None, Some(0.0), None));
    assert_eq!(values(0, 2), (Some(31.0), Some(0.0), Some(0.0)));
    assert_eq!(values(1_250, 0), (Some(31.0), Some(1000.0), Some(0.0)));
}

#[test]
fn a_truth_without_introduction_is_refused() {
    let mut oracle = Oracle::new(Berlin);
    assert!(oracle.fold(record(Outcome::Accepted, Some(event(EventKind::Left, 1)))).is_err());
}
