#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;

use schemas::{Direction, Kind, Report};

use super::quantities::interval;
use super::*;
use crate::counters::{Change, Counter, Values};
use crate::event::{Pair, Transport};

mod bounds;
mod clocks;
mod groups;
mod loss;
mod model;
mod properties;
mod set_ups;

const HORIZON_MS: i64 = 120_000;

/// One record of a log: its append time and content.
#[derive(Clone, Debug)]
struct Appended<'a> {
    at_ms: i64,
    event: Event<'a>,
}

fn stats(streams: Vec<Stream<'static>>) -> Event<'static> {
    Event {
        app: Cow::Borrowed("app"),
        call: Cow::Borrowed("call"),
        participant: Cow::Borrowed("ann"),
        peer_connection: Cow::Borrowed("pc-0"),
        streams,
        ..Event::new(0)
    }
}

fn stream(client_us: i64, counters: &[(Counter, f64)]) -> Stream<'static> {
    let mut values = Values::EMPTY;
    for (counter, number) in counters {
        values.set(*counter, *number);
    }
    Stream {
        stats_id: Cow::Borrowed("IT01"),
        ssrc: 1,
        kind: Kind::Audio,
        direction: Direction::Inbound,
        codec: None,
        screen_share: None,
        is_uncoded: false,
        path: None,
        client_us,
        values,
    }
}

fn received(client_s: i64, packets: f64) -> Event<'static> {
    stats(vec![stream(client_s * 1_000_000, &[(Counter::PacketsReceived, packets)])])
}

fn run(engine: &mut Engine, log: &[Appended<'_>]) -> Vec<Observed> {
    let observe = |record: &Appended<'_>| {
        engine.advance(record.at_ms);
        engine.observe(&record.event)
    };
    log.iter().map(observe).collect()
}

/// Returns the intervals of events appended 1 s apart.
fn each_second(events: &[Event<'static>]) -> Vec<Observed> {
    let appended = |(position, event): (usize, &Event<'static>)| Appended {
        at_ms: position as i64 * 1000,
        event: event.clone(),
    };
    let log = events.iter().enumerate().map(appended).collect::<Vec<_>>();
    run(&mut Engine::new(HORIZON_MS), &log)
}

fn intervals(observed: &Observed) -> &[Interval] {
    match observed {
        Observed::Duplicate => &[],
        Observed::New(content) => &content.intervals,
    }
}

fn resets(observed: &Observed) -> u64 {
    match observed {
        Observed::Duplicate => 0,
        Observed::New(content) => content.left_out.resets,
    }
}

/// Returns the result for an event without snapshots.
fn only(event: EventKind) -> Observed {
    Observed::New(NewContent { event, ..NewContent::default() })
}

#[test]
fn the_first_snapshot_is_new_and_has_no_interval() {
    let observed = each_second(&[received(10, 5.0)]);
    assert_eq!(observed, [only(EventKind::Stats)]);
}

#[test]
fn two_snapshots_make_one_interval_in_corrected_time() {
    let second = Event { shift_us: -3, ..received(20, 12.0) };
    let observed = each_second(&[received(10, 5.0), second]);
    let [interval] = intervals(&observed[1]) else { panic!("{observed:?}") };
    assert_eq!((interval.start_us, interval.end_us), (9_999_997, 19_999_997));
    assert_eq!(interval.packets_received, Some(7));
    assert_eq!(interval.bytes, None, "a missing field is missing, never 0");
}

#[test]
fn a_snapshot_that_is_not_newer_is_a_duplicate_and_changes_nothing() {
    let observed = each_second(&[
        received(10, 5.0),
        received(20, 12.0),
        received(10, 5.0),
        received(20, 12.0),
        received(30, 13.0),
    ]);
    assert_eq!(observed[2..4], [Observed::Duplicate, Observed::Duplicate]);
    assert_eq!(intervals(&observed[4])[0].packets_received, Some(1));
}

#[test]
fn a_record_with_one_new_stream_among_stale_ones_is_new() {
    let other = Stream { ssrc: 2, ..stream(10_000_000, &[]) };
    let mixed = stats(vec![stream(10_000_000, &[]), other]);
    let observed = each_second(&[received(10, 5.0), mixed]);
    assert_ne!(observed[1], Observed::Duplicate);
}

#[test]
fn two_primary_counters_that_go_back_start_the_stream_anew() {
    let at = |s: i64, packets: f64| {
        let values = [(Counter::PacketsReceived, packets), (Counter::Bytes, packets * 80.0)];
        stats(vec![stream(s * 1_000_000, &values)])
    };
    let observed = each_second(&[at(10, 500.0), at(20, 3.0), at(30, 9.0)]);
    assert_eq!((resets(&observed[1]), intervals(&observed[1])), (1, &[][..]));
    assert_eq!(intervals(&observed[2])[0].packets_received, Some(6));
}

#[test]
fn lost_packets_may_go_back() {
    let at = |s: i64, lost: f64| {
        stats(vec![stream(
            s * 1_000_000,
            &[(Counter::PacketsReceived, 10.0), (Counter::PacketsLost, lost)],
        )])
    };
    let observed = each_second(&[at(10, 5.0), at(20, 2.0)]);
    let interval = &intervals(&observed[1])[0];
    assert_eq!((interval.packets_lost, interval.stream_packets), (Some(-3), Some(12)));
}

/// Returns resets, and packets received and lost of each interval, of two consecutive snapshots.
fn resets_and_packets(
    then: &[(Counter, f64)],
    now: &[(Counter, f64)],
) -> (u64, Vec<[Option<i64>; 2]>) {
    let at = |s: i64, values: &[(Counter, f64)]| stats(vec![stream(s * 1_000_000, values)]);
    let observed = each_second(&[at(10, then), at(20, now)]);
    let packets = intervals(&observed[1]).iter().map(|i| [i.packets_received, i.packets_lost]);
    (resets(&observed[1]), packets.collect())
}

// Libraries that store packetsLost without a sign report 2³² − 1 or 2⁶⁴ − 1 for −1.
#[test]
fn a_counter_that_wraps_or_goes_back_by_one_is_missing_with_its_share() {
    let received = |packets| [(Counter::PacketsReceived, packets), (Counter::PacketsLost, 0.0)];
    for (then, now) in [(4_294_967_290.0, 5.0), (9.0, 8.0)] {
        assert_eq!(
            resets_and_packets(&received(then), &received(now)),
            (0, vec![[None, None]]),
            "{then} {now}"
        );
    }
}

#[test]
fn a_counter_that_appears_or_disappears_is_missing_and_the_others_are_kept() {
    let (received, lost) = (Counter::PacketsReceived, Counter::PacketsLost);
    let both = [(received, 60.0), (lost, 37.0)];
    let reported = (0, vec![[Some(50), None]]);
    assert_eq!(
        resets_and_packets(&[(received, 10.0)], &both),
        reported,
        "it may have counted earlier"
    );
    assert_eq!(
        resets_and_packets(&[(received, 10.0), (lost, 37.0)], &[(received, 60.0)]),
        reported
    );
    for odd in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        let reported = resets_and_packets(&[(received, 10.0)], &[(received, odd)]);
        assert_eq!(reported, (0, vec![[None, None]]), "{odd}");
    }
}

#[test]
fn another_ssrc_is_another_stream_and_another_codec_is_not() {
    let at = |s: i64, ssrc, codec: &'static str, packets: f64| {
        let values = [(Counter::PacketsReceived, packets)];
        let codec = Some(Cow::Borrowed(codec));
        stats(vec![Stream { ssrc, codec, ..stream(s * 1_000_000, &values) }])
    };
    let observed = each_second(&[
        at(10, 1, "audio/opus", 100.0),
        at(20, 1, "audio/PCMU", 150.0),
        at(30, 2, "audio/PCMU", 900.0),
        at(40, 2, "audio/PCMU", 970.0),
        at(50, 1, "audio/opus", 152.0),
    ]);
    let reported = observed.iter().flat_map(intervals);
    let reported =
        reported.map(|i| (i.ssrc, i.codec.as_deref(), i.start_us / 1_000_000, i.packets_received));
    let wanted = [
        (1, Some("audio/PCMU"), 10, Some(50)),
        (2, Some("audio/PCMU"), 30, Some(70)),
        (1, Some("audio/opus"), 20, Some(2)),
    ];
    assert_eq!(reported.collect::<Vec<_>>(), wanted);
    assert!(observed.iter().all(|observed| resets(observed) == 0));
}

#[test]
fn silence_is_not_counted_as_concealed() {
    let at = |s: i64, concealed: f64, silent: &[f64]| {
        let mut values = vec![(Counter::ConcealedSamples, concealed)];
        values.extend(silent.iter().map(|silent| (Counter::SilentSamples, *silent)));
        stats(vec![stream(s * 1_000_000, &values)])
    };
    let observed =
        each_second(&[at(10, 100.0, &[10.0]), at(20, 400.0, &[290.0]), at(30, 450.0, &[])]);
    assert_eq!(intervals(&observed[1])[0].audio.unwrap().concealed_samples, Some(20));
    assert_eq!(
        intervals(&observed[2])[0].audio,
        None,
        "missing, because silent samples are missing"
    );
}

#[test]
fn the_greatest_snapshot_gives_way_to_a_later_one_when_it_expires() {
    let log = [(0, 50, 50.0), (60, 20, 20.0), (130, 30, 30.0)].map(|(at_s, client_s, packets)| {
        Appended { at_ms: at_s * 1000, event: received(client_s, packets) }
    });
    let observed = run(&mut Engine::new(HORIZON_MS), &log);
    assert_eq!(observed[1], Observed::Duplicate);
    let interval = &intervals(&observed[2])[0];
    assert_eq!((interval.start_us, interval.packets_received), (20_000_000, Some(10)));
}

#[test]
fn an_event_is_new_once_in_the_horizon() {
    let joined = Event { kind: EventKind::Joined, ..stats(vec![]) };
    let later = Event { client_us: 1, ..joined.clone() };
    let left = Event { kind: EventKind::Left, ..joined.clone() };
    let events = [(0, &joined), (1, &joined), (2, &later), (3, &left), (200_000, &joined)];
    let log = events.map(|(at_ms, event)| Appended { at_ms, event: event.clone() });
    let observed = run(&mut Engine::new(HORIZON_MS), &log);
    let is_new = observed.iter().map(|observed| *observed != Observed::Duplicate);
    assert_eq!(is_new.collect::<Vec<_>>(), [true, false, true, true, true]);
}

#[test]
fn a_candidate_pair_has_a_state_of_its_own() {
    let at = |s: i64, id: &'static str, round_trip_s: f64, count: f64, changes: f64| {
        let mut of_transport = Values::EMPTY;
        of_transport.set(Counter::PairChanges, changes);
        let stats_id = Cow::Borrowed("t");
        let mut values = Values::EMPTY;
        values.set(Counter::RoundTripTime, round_trip_s);
        values.set(Counter::RoundTripCount, count);
        let pair = Pair {
            stats_id: Cow::Borrowed(id),
            client_us: s * 1_000_000,
            values,
            local_candidate_type: Some(Cow::Borrowed("relay")),
            remote_candidate_type: None,
            protocol: None,
            relay_protocol: None,
            network_type: None,
            available_outgoing_bitrate: None,
            transport: Some(Transport { stats_id, values: of_transport }),
            ice_state: None,
            dtls_state: None,
        };
        Event { pairs: vec![pair], ..stats(vec![]) }
    };
    let observed = each_second(&[
        at(1, "a", 0.1, 2.0, 1.0),
        at(2, "a", 0.25, 5.0, 1.0),
        at(3, "b", 9.0, 9.0, 2.0),
        at(4, "c", 0.5, 1.0, 5.0),
    ]);
    let reported = observed.iter().map(|observed| match observed {
        Observed::New(NewContent { paths, .. }) => {
            let [path] = &paths[..] else { panic!("{paths:?}") };
            assert_eq!(path.local_candidate_type.as_deref(), Some("relay"));
            (path.ice_round_trip_us, path.ice_round_trip_count, path.selected_pair_changes)
        }
        other => panic!("{other:?}"),
    });
    // The transport outlives its pairs, and counts their changes.
    let wanted = [
        (None, None, None),
        (Some(150_000), Some(3), Some(0)),
        (None, None, Some(1)),
        (None, None, Some(3)),
    ];
    assert_eq!(reported.collect::<Vec<_>>(), wanted);
}

#[test]
fn expired_state_is_dropped() {
    let mut engine = Engine::new(HORIZON_MS);
    let joined = Event { kind: EventKind::Joined, ..stats(vec![]) };
    let log = [received(10, 5.0), joined].map(|event| Appended { at_ms: 0, event });
    run(&mut engine, &log);
    assert_eq!((engine.live(), engine.events.live()), (1, 1));
    engine.advance(HORIZON_MS + 1);
    assert_eq!((engine.live(), engine.events.live()), (0, 0));
}

#[test]
fn a_state_is_interpreted_by_the_states_before_it() {
    use EventKind::{Connected, Disconnected, Failed, Reconnected};
    let reported = |states: &[(EventKind, i64)]| {
        let mut engine = Engine::new(HORIZON_MS);
        let changes = states.iter().map(|(kind, s)| {
            engine.advance(s * 1000);
            let state =
                Event { kind: *kind, is_state: true, client_us: s * 1_000_000, ..stats(vec![]) };
            match engine.observe(&state) {
                Observed::New(NewContent { event, .. }) => Some(event),
                Observed::Duplicate => None,
            }
        });
        changes.collect::<Vec<_>>()
    };
    // Both ICE and the connection report it.
    let twice =
        [(Connected, 1), (Connected, 2), (Disconnected, 3), (Disconnected, 4), (Connected, 5)];
    assert_eq!(
        reported(&twice),
        [Some(Connected), None, Some(Disconnected), None, Some(Reconnected)]
    );
    assert_eq!(
        reported(&[(Failed, 1), (Disconnected, 2), (Connected, 3)]),
        [Some(Failed), None, Some(Reconnected)]
    );
    assert_eq!(
        reported(&[(Connected, 1), (Failed, 2), (Failed, 3)]),
        [Some(Connected), Some(Disconnected), None]
    );
    // A copy of an earlier state is a duplicate, not a transition.
    assert_eq!(
        reported(&[(Connected, 1), (Disconnected, 2), (Connected, 3), (Disconnected, 2)])[3],
        None
    );
    // Events older than the look-back are dropped.
    assert_eq!(
        reported(&[(Disconnected, 1), (Connected, 200)]),
        [Some(Disconnected), Some(Connected)]
    );
}

#[test]
fn peer_connections_of_one_record_have_states_of_their_own() {
    let at = |s: i64, first: f64, second: f64| {
        let streams = |packets| {
            let values = [(Counter::PacketsReceived, packets)];
            vec![stream(s * 1_000_000, &values)]
        };
        let more = vec![crate::event::Connection {
            id: Cow::Borrowed("pc-1"),
            streams: streams(second),
            pairs: Vec::new(),
        }];
        Event { more, ..stats(streams(first)) }
    };
    let observed = each_second(&[at(10, 100.0, 5.0), at(20, 150.0, 7.0)]);
    let intervals = intervals(&observed[1]);
    let reported = intervals.iter().map(|i| (i.stats_id.as_str(), i.packets_received));
    let id = at(10, 0.0, 0.0).streams[0].stats_id.to_string();
    let wanted = [(format!("pc-0/{id}"), Some(50)), (format!("pc-1/{id}"), Some(2))];
    assert!(
        reported.eq(wanted.iter().map(|(id, packets)| (id.as_str(), *packets))),
        "{intervals:?}"
    );
}

#[test]
fn a_duplicate_event_hides_no_new_snapshots() {
    let at = |s: i64, packets: f64| {
        let values = [(Counter::PacketsReceived, packets)];
        Event { kind: EventKind::Joined, ..stats(vec![stream(s * 1_000_000, &values)]) }
    };
    let observed = each_second(&[at(10, 1.0), at(20, 4.0), at(20, 4.0)]);
    let kind = |observed: &Observed| match observed {
        Observed::New(NewContent { event, intervals, .. }) => Some((*event, intervals.len())),
        Observed::Duplicate => None,
    };
    let kinds = observed.iter().map(kind).collect::<Vec<_>>();
    assert_eq!(kinds, [Some((EventKind::Joined, 0)), Some((EventKind::Stats, 1)), None]);
}

#[test]
fn a_canonical_report_is_new_once() {
    let mut engine = Engine::new(HORIZON_MS);
    engine.advance(1);
    let report = Report { event: EventKind::Stats, event_us: 5, ..Report::default() };
    assert_eq!(engine.observe_report(&report, 1), only(EventKind::Stats));
    assert_eq!(engine.observe_report(&report, 1), Observed::Duplicate);
    engine.advance(HORIZON_MS + 2);
    let late = NewContent { is_unverified: true, event: EventKind::Stats, ..NewContent::default() };
    assert_eq!(engine.observe_report(&report, HORIZON_MS + 2), Observed::New(late));
}
