#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;

use proptest::prelude::*;
use schemas::Direction;

use super::told::interval;
use super::*;
use crate::counters::{Change, Counter, Values};
use crate::event::{Pair, Transport};

mod bounds;
mod clocks;
mod groups;
mod properties;
mod set_ups;

const HORIZON_MS: i64 = 120_000;

/// One record of a log: when it was appended and what it says.
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

/// Intervals of events appended one after the other, 1 s apart.
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
        Observed::New(news) => &news.intervals,
    }
}

fn resets(observed: &Observed) -> u64 {
    match observed {
        Observed::Duplicate => 0,
        Observed::New(news) => news.left_out.resets,
    }
}

/// An event without snapshots.
fn only(event: EventKind) -> Observed {
    Observed::New(News { event, ..News::default() })
}

#[test]
fn the_first_snapshot_is_news_without_an_interval() {
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
fn a_record_with_one_new_stream_among_stale_ones_is_news() {
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

/// What two snapshots in a row tell: resets, and of each interval the packets received and lost.
fn told_of(then: &[(Counter, f64)], now: &[(Counter, f64)]) -> (u64, Vec<[Option<i64>; 2]>) {
    let at = |s: i64, values: &[(Counter, f64)]| stats(vec![stream(s * 1_000_000, values)]);
    let observed = each_second(&[at(10, then), at(20, now)]);
    let packets = intervals(&observed[1]).iter().map(|i| [i.packets_received, i.packets_lost]);
    (resets(&observed[1]), packets.collect())
}

// Libraries that keep packetsLost without a sign are at 2³² − 1, or 2⁶⁴ − 1, where others are at −1.
#[test]
fn a_count_of_lost_packets_without_a_sign_tells_no_absurd_loss() {
    use Counter::{PacketsLost, PacketsReceived};
    for (then, now) in
        [(2.0, 4_294_967_295.0), (4_294_967_295.0, 2.0), (2.0, 18_446_744_073_709_551_615.0)]
    {
        let told = told_of(
            &[(PacketsReceived, 10.0), (PacketsLost, then)],
            &[(PacketsReceived, 60.0), (PacketsLost, now)],
        );
        assert_eq!(told, (0, vec![[Some(50), None]]), "{then} {now}: missing");
    }
}

// The minimum of packets that a pack wants would be there from then on, and for ever.
#[test]
fn a_total_of_lost_packets_without_a_sign_is_no_number_of_packets() {
    let packets = |lost: f64| {
        let at = |s: i64, received| {
            let values = [(Counter::PacketsReceived, received), (Counter::PacketsLost, lost)];
            stats(vec![stream(s * 1_000_000, &values)])
        };
        intervals(&each_second(&[at(10, 10.0), at(20, 60.0)])[1])[0].stream_packets
    };
    let most = f64::from(1 << 23);
    assert_eq!(packets(-1.0), Some(59));
    assert_eq!(packets(most - 1.0), Some((1 << 23) + 59));
    assert_eq!(packets(-most), Some(60 - (1 << 23)));
    for beyond in [most, -most - 1.0, 4_294_967_295.0, 18_446_744_073_709_551_615.0] {
        assert_eq!(packets(beyond), None, "{beyond}");
    }
}

#[test]
fn a_counter_that_wraps_or_goes_back_by_one_is_missing_with_its_share() {
    let received = |packets| [(Counter::PacketsReceived, packets), (Counter::PacketsLost, 0.0)];
    for (then, now) in [(4_294_967_290.0, 5.0), (9.0, 8.0)] {
        assert_eq!(
            told_of(&received(then), &received(now)),
            (0, vec![[None, None]]),
            "{then} {now}"
        );
    }
}

#[test]
fn a_counter_that_comes_late_or_goes_is_missing_and_the_others_are_told() {
    let (received, lost) = (Counter::PacketsReceived, Counter::PacketsLost);
    let both = [(received, 60.0), (lost, 37.0)];
    let told = (0, vec![[Some(50), None]]);
    assert_eq!(told_of(&[(received, 10.0)], &both), told, "it may have counted before");
    assert_eq!(told_of(&[(received, 10.0), (lost, 37.0)], &[(received, 60.0)]), told);
    for odd in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        let told = told_of(&[(received, 10.0)], &[(received, odd)]);
        assert_eq!(told, (0, vec![[None, None]]), "{odd}");
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
    let told = observed.iter().flat_map(intervals);
    let told =
        told.map(|i| (i.ssrc, i.codec.as_deref(), i.start_us / 1_000_000, i.packets_received));
    let wanted = [
        (1, Some("audio/PCMU"), 10, Some(50)),
        (2, Some("audio/PCMU"), 30, Some(70)),
        (1, Some("audio/opus"), 20, Some(2)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
    assert!(observed.iter().all(|observed| resets(observed) == 0));
}

#[test]
fn what_the_far_end_received_is_sent_less_lost_where_nobody_tells() {
    let at = |s: i64, sent: f64, lost: f64| {
        let values = [(Counter::PacketsSent, sent), (Counter::PacketsLost, lost)];
        let outbound = Direction::Outbound;
        stats(vec![Stream { direction: outbound, ..stream(s * 1_000_000, &values) }])
    };
    let observed = each_second(&[at(10, 100.0, 0.0), at(20, 150.0, 4.0), at(30, 151.0, 9.0)]);
    assert_eq!(intervals(&observed[1])[0].packets_received, Some(46));
    assert_eq!(intervals(&observed[1])[0].stream_packets, Some(150));
    assert_eq!(intervals(&observed[2])[0].packets_received, Some(-4), "signed");
}

// W3C: packetsSent includes retransmissions, also those on an SSRC of their own.
#[test]
fn what_was_sent_again_is_not_what_the_far_end_received() {
    let at = |s: i64, sent: f64, again: f64, lost: f64, received: &[f64]| {
        let mut values = vec![
            (Counter::PacketsSent, sent),
            (Counter::RetransmittedPackets, again),
            (Counter::PacketsLost, lost),
        ];
        values.extend(received.iter().map(|received| (Counter::PacketsReceived, *received)));
        let direction = Direction::Outbound;
        stats(vec![Stream { direction, ..stream(s * 1_000_000, &values) }])
    };
    let derived = each_second(&[at(10, 0.0, 0.0, 0.0, &[]), at(20, 1000.0, 180.0, 180.0, &[])]);
    let interval = &intervals(&derived[1])[0];
    assert_eq!((interval.packets_received, interval.expected_packets()), (Some(640), Some(820)));
    assert_eq!((interval.packets_sent, interval.retransmitted_packets), (Some(1000), Some(180)));
    let told =
        each_second(&[at(10, 0.0, 0.0, 0.0, &[0.0]), at(20, 1000.0, 180.0, 180.0, &[640.0])]);
    assert_eq!(intervals(&told[1])[0].expected_packets(), Some(820));
}

#[test]
fn a_round_trip_is_the_last_one_where_totals_are_not_told_and_never_0() {
    let gauge = (Counter::RoundTripGauge, 0.62);
    let totals = [(Counter::RoundTripTime, 1.0), (Counter::RoundTripCount, 2.0), gauge];
    let told = |values: &[(Counter, f64)]| {
        let at = |s: i64| stats(vec![stream(s * 1_000_000, values)]);
        intervals(&each_second(&[at(10), at(20)])[1])[0].round_trip_gauge_us
    };
    assert_eq!(told(&[gauge]), Some(620_000));
    assert_eq!(told(&totals), None);
    assert_eq!(told(&[(Counter::RoundTripGauge, 0.0)]), None, "none was measured yet");
    assert_eq!(told(&[gauge, (Counter::RemoteTime, 5.0)]), None, "no new report came");
}

#[test]
fn without_a_new_receiver_report_the_loss_is_missing_and_sums_stay_whole() {
    let outbound = Direction::Outbound;
    let at = |s: i64, heard_s: i64, sent: f64, lost: f64| {
        let values = [
            (Counter::PacketsSent, sent),
            (Counter::PacketsLost, lost),
            (Counter::Jitter, 0.01),
            (Counter::RemoteTime, heard_s as f64 * 1e6),
        ];
        stats(vec![Stream { direction: outbound, ..stream(s * 1_000_000, &values) }])
    };
    let events = [
        at(10, 9, 100.0, 0.0),
        at(20, 19, 200.0, 2.0),
        at(30, 19, 300.0, 2.0),
        at(40, 39, 400.0, 9.0),
    ];
    let observed = each_second(&events);
    let told = observed[1..].iter().map(|observed| {
        let interval = &intervals(observed)[0];
        (interval.packets_received, interval.packets_lost, interval.jitter_us)
    });
    let jitter = Some(10_000);
    let wanted =
        [(Some(98), Some(2), jitter), (Some(100), None, None), (Some(93), Some(7), jitter)];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
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
    assert_eq!(intervals(&observed[2])[0].audio, None, "missing, for what is silent is not told");
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
fn an_event_is_news_once_in_the_horizon() {
    let joined = Event { kind: EventKind::Joined, ..stats(vec![]) };
    let later = Event { client_us: 1, ..joined.clone() };
    let left = Event { kind: EventKind::Left, ..joined.clone() };
    let events = [(0, &joined), (1, &joined), (2, &later), (3, &left), (200_000, &joined)];
    let log = events.map(|(at_ms, event)| Appended { at_ms, event: event.clone() });
    let observed = run(&mut Engine::new(HORIZON_MS), &log);
    let news = observed.iter().map(|observed| *observed != Observed::Duplicate);
    assert_eq!(news.collect::<Vec<_>>(), [true, false, true, true, true]);
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
    let told = observed.iter().map(|observed| match observed {
        Observed::New(News { paths, .. }) => {
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
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

#[test]
fn what_expired_is_forgotten() {
    let mut engine = Engine::new(HORIZON_MS);
    let joined = Event { kind: EventKind::Joined, ..stats(vec![]) };
    let log = [received(10, 5.0), joined].map(|event| Appended { at_ms: 0, event });
    run(&mut engine, &log);
    assert_eq!((engine.live(), engine.events.live()), (1, 1));
    engine.advance(HORIZON_MS + 1);
    assert_eq!((engine.live(), engine.events.live()), (0, 0));
}

/// Records as a bad network and moving brokers leave them: client times in any order, append times
/// that mostly rise, counters that reset, vanish or are absurd.
fn log() -> impl Strategy<Value = Vec<Appended<'static>>> {
    let number = prop_oneof![
        4 => (0_u32..1000).prop_map(f64::from),
        1 => prop_oneof![Just(f64::NAN), Just(-5.0), Just(1e300), Just(9e15)],
    ];
    let record = (-20_000_i64..60_000, 0_i64..40, 1_i64..3, number.clone(), number);
    prop::collection::vec(record, 1..60).prop_map(|records| {
        let mut at_ms = 1_000_000;
        let appended = |(step_ms, client_s, ssrc, packets, lost): (i64, i64, i64, f64, f64)| {
            at_ms += step_ms;
            let values = [(Counter::PacketsReceived, packets), (Counter::PacketsLost, lost)];
            let streams = vec![Stream { ssrc, ..stream(client_s * 1_000_000, &values) }];
            Appended { at_ms, event: stats(streams) }
        };
        records.into_iter().map(appended).collect()
    })
}

/// The rule word for word, over the whole log: quadratic, and without any state.
fn by_the_rule(log: &[Appended<'_>]) -> Vec<Observed> {
    let time_of_log = |position: usize| log[..=position].iter().map(|r| r.at_ms).max().unwrap();
    let observe = |position: usize| {
        let this = &log[position].event.streams[0];
        let before = (0..position)
            .filter(|earlier| time_of_log(*earlier) >= time_of_log(position) - HORIZON_MS)
            .map(|earlier| (time_of_log(earlier), &log[earlier].event.streams[0]))
            .filter(|(_, earlier)| earlier.ssrc == this.ssrc);
        let new = (time_of_log(position), this);
        let late = (time_of_log(position) - this.client_us / 1000).abs() > HORIZON_MS / 2;
        let mut news = News { event: EventKind::Stats, ..News::default() };
        let line = line(before);
        let Some(first) = line.first() else {
            news.is_unverified = late;
            return Observed::New(news);
        };
        let mut last = *first;
        for place in 1..line.len() {
            if comes_next(&line[..place], last, line[place]) {
                last = line[place];
            }
        }
        if !comes_next(&line, last, new) {
            return Observed::Duplicate;
        }
        let taken = |(at_ms, stream): Told<'_>| Taken {
            client_us: stream.client_us,
            event_us: stream.client_us,
            first_ms: at_ms,
        };
        let length_us = taken(new).since_us(&taken(last));
        match this.values.since(&last.1.values, (this.kind, this.direction), length_us) {
            Change::Anew => news.left_out.resets = 1,
            Change::Since { values, went_back, implausible } => {
                news.left_out = LeftOut { resets: 0, went_back, implausible };
                let (start_us, end_us) = (this.client_us - length_us, this.client_us);
                news.intervals = vec![Interval { start_us, end_us, ..interval(this, &values) }];
            }
        }
        Observed::New(news)
    };
    (0..log.len()).map(observe).collect()
}

/// A snapshot, and the log's time when it came, ms.
type Told<'a> = (i64, &'a Stream<'a>);

/// True if the one has no more, and is no newer, than the other.
fn within(one: Told<'_>, other: Told<'_>) -> bool {
    one.1.client_us <= other.1.client_us && one.1.values.progress() <= other.1.values.progress()
}

/// Of snapshots in the order in which they came, those that one may be compared with.
fn line<'a>(told: impl Iterator<Item = Told<'a>>) -> Vec<Told<'a>> {
    let mut line: Vec<Told<'a>> = Vec::new();
    for new in told {
        while line.last().is_some_and(|last| within(*last, new)) {
            line.pop();
        }
        line.push(new);
        if line.len() > 32 {
            line.remove(0);
        }
    }
    line
}

fn comes_next(line: &[Told<'_>], last: Told<'_>, new: Told<'_>) -> bool {
    let is_older_than_all = line.iter().all(|one| one.1.client_us >= new.1.client_us);
    line.iter().all(|one| !within(new, *one))
        && (new.1.client_us > last.1.client_us || is_older_than_all)
}

proptest! {
    #[test]
    fn the_queue_finds_the_predecessor_that_the_rule_names(log in log()) {
        prop_assert_eq!(run(&mut Engine::new(HORIZON_MS), &log), by_the_rule(&log));
    }

    #[test]
    fn reading_the_horizon_again_restores_the_state(log in log(), at in any::<prop::sample::Index>()) {
        let committed = at.index(log.len());
        let whole = run(&mut Engine::new(HORIZON_MS), &log);
        let since_ms = committed.checked_sub(1).map_or(i64::MIN, |last| log[last].at_ms - HORIZON_MS);
        let warm_from = log.iter().position(|record| record.at_ms >= since_ms).unwrap();
        for start in 0..=warm_from.min(committed) {
            let again = run(&mut Engine::new(HORIZON_MS), &log[start..]);
            prop_assert_eq!(&again[committed - start..], &whole[committed..]);
        }
    }

    #[test]
    fn no_counter_tells_a_negative_or_absurd_difference(log in log()) {
        for interval in by_the_rule(&log).iter().flat_map(|observed| intervals(observed).to_vec()) {
            prop_assert!(interval.start_us < interval.end_us);
            prop_assert!(interval.packets_received.is_none_or(|packets| (0..1 << 31).contains(&packets)));
            prop_assert!(interval.packets_lost.is_none_or(|lost| lost.abs() < 1 << 31));
        }
    }

    #[test]
    fn any_choice_of_a_streams_snapshots_gives_the_same_total(
        steps in prop::collection::vec((0_u32..1000, any::<bool>()), 2..50),
    ) {
        let mut packets = 0.0;
        let last = steps.len() - 1;
        let mut chosen = Vec::new();
        for (position, (step, choose)) in steps.iter().enumerate() {
            packets += f64::from(*step);
            if position == 0 || position == last || *choose {
                chosen.push(received(position as i64 + 1, packets));
            }
        }
        let told = each_second(&chosen);
        let total = told.iter().flat_map(intervals).filter_map(|i| i.packets_received).sum::<i64>();
        prop_assert_eq!(total, (packets - f64::from(steps[0].0)) as i64);
    }

    #[test]
    fn repeating_and_overtaken_snapshots_add_no_interval(
        order in prop::collection::vec(0_i64..30, 1..60),
    ) {
        let events = order.iter().map(|s| received(s + 1, *s as f64)).collect::<Vec<_>>();
        let rising = order.iter().scan(-1, |newest, s| {
            let newer = s > newest;
            *newest = *s.max(newest);
            Some(newer)
        });
        let rising = events.iter().zip(rising).filter(|(_, newer)| *newer);
        let rising = rising.map(|(event, _)| event.clone()).collect::<Vec<_>>();
        let all = each_second(&events);
        let clean = each_second(&rising);
        prop_assert_eq!(
            all.iter().flat_map(intervals).collect::<Vec<_>>(),
            clean.iter().flat_map(intervals).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_state_means_what_the_states_before_it_make_of_it() {
    use EventKind::{Connected, Disconnected, Failed, Reconnected};
    let told = |states: &[(EventKind, i64)]| {
        let mut engine = Engine::new(HORIZON_MS);
        let changes = states.iter().map(|(kind, s)| {
            engine.advance(s * 1000);
            let state =
                Event { kind: *kind, is_state: true, client_us: s * 1_000_000, ..stats(vec![]) };
            match engine.observe(&state) {
                Observed::New(News { event, .. }) => Some(event),
                Observed::Duplicate => None,
            }
        });
        changes.collect::<Vec<_>>()
    };
    // ICE and the connection both tell.
    let twice =
        [(Connected, 1), (Connected, 2), (Disconnected, 3), (Disconnected, 4), (Connected, 5)];
    assert_eq!(told(&twice), [Some(Connected), None, Some(Disconnected), None, Some(Reconnected)]);
    assert_eq!(
        told(&[(Failed, 1), (Disconnected, 2), (Connected, 3)]),
        [Some(Failed), None, Some(Reconnected)]
    );
    assert_eq!(
        told(&[(Connected, 1), (Failed, 2), (Failed, 3)]),
        [Some(Connected), Some(Disconnected), None]
    );
    // A copy of an earlier state is none of a new one.
    assert_eq!(
        told(&[(Connected, 1), (Disconnected, 2), (Connected, 3), (Disconnected, 2)])[3],
        None
    );
    // What is older than the look-back is not known any more.
    assert_eq!(told(&[(Disconnected, 1), (Connected, 200)]), [Some(Disconnected), Some(Connected)]);
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
    let told = intervals.iter().map(|i| (i.stats_id.as_str(), i.packets_received));
    let id = at(10, 0.0, 0.0).streams[0].stats_id.to_string();
    let wanted = [(format!("pc-0/{id}"), Some(50)), (format!("pc-1/{id}"), Some(2))];
    assert!(told.eq(wanted.iter().map(|(id, packets)| (id.as_str(), *packets))), "{intervals:?}");
}

#[test]
fn an_event_that_was_here_hides_no_new_snapshots() {
    let at = |s: i64, packets: f64| {
        let values = [(Counter::PacketsReceived, packets)];
        Event { kind: EventKind::Joined, ..stats(vec![stream(s * 1_000_000, &values)]) }
    };
    let observed = each_second(&[at(10, 1.0), at(20, 4.0), at(20, 4.0)]);
    let kind = |observed: &Observed| match observed {
        Observed::New(News { event, intervals, .. }) => Some((*event, intervals.len())),
        Observed::Duplicate => None,
    };
    let kinds = observed.iter().map(kind).collect::<Vec<_>>();
    assert_eq!(kinds, [Some((EventKind::Joined, 0)), Some((EventKind::Stats, 1)), None]);
}

#[test]
fn a_canonical_report_is_news_once() {
    let mut engine = Engine::new(HORIZON_MS);
    engine.advance(1);
    let report = Report { event: EventKind::Stats, event_us: 5, ..Report::default() };
    assert_eq!(engine.observe_report(&report, 1), only(EventKind::Stats));
    assert_eq!(engine.observe_report(&report, 1), Observed::Duplicate);
    engine.advance(HORIZON_MS + 2);
    let late = News { is_unverified: true, event: EventKind::Stats, ..News::default() };
    assert_eq!(engine.observe_report(&report, HORIZON_MS + 2), Observed::New(late));
}
