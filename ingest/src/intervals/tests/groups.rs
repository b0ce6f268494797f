//! Counters that start anew, wrap or underflow, alone and together.

use super::*;
use crate::counters::Change;

/// The only interval between two snapshots of a video stream, 10 s apart; none if it started anew.
fn between(
    direction: Direction,
    then: &[(Counter, f64)],
    now: &[(Counter, f64)],
) -> Option<Interval> {
    let at = |s: i64, values: &[(Counter, f64)]| {
        let stream = stream(s * 1_000_000, values);
        stats(vec![Stream { kind: Kind::Video, direction, ..stream }])
    };
    let observed = each_second(&[at(10, then), at(20, now)]);
    let interval = intervals(&observed[1]).first().cloned();
    assert_eq!(resets(&observed[1]), u64::from(interval.is_none()));
    interval
}

// Chrome 156 keeps these under the same id when a sender is reconfigured.
#[test]
fn a_sender_that_is_reconfigured_goes_on() {
    let sent = |packets, bytes, frames, nack, pli, round_trip, count| {
        [
            (Counter::PacketsSent, packets),
            (Counter::Bytes, bytes),
            (Counter::Frames, frames),
            (Counter::Nack, nack),
            (Counter::Pli, pli),
            (Counter::RoundTripTime, round_trip),
            (Counter::RoundTripCount, count),
        ]
    };
    let then = sent(5_000.0, 4e6, 1_500.0, 40.0, 6.0, 9.3, 31.0);
    let now = sent(5_900.0, 4.8e6, 1_800.0, 2.0, 0.0, 0.4, 2.0);
    let interval = between(Direction::Outbound, &then, &now).unwrap();
    assert_eq!((interval.packets_sent, interval.bytes), (Some(900), Some(800_000)));
    let video = interval.video.unwrap();
    assert_eq!((video.frames, video.pli), (Some(300), None));
    assert_eq!(
        (interval.nack, interval.round_trip_us, interval.round_trip_count),
        (None, None, None)
    );
}

#[test]
fn a_stream_starts_anew_where_two_primary_counters_go_back_though_one_has_grown() {
    let of = |packets, bytes, frames| {
        [(Counter::PacketsReceived, packets), (Counter::Bytes, bytes), (Counter::Frames, frames)]
    };
    let then = of(1_000.0, 900_000.0, 300.0);
    assert_eq!(between(Direction::Inbound, &then, &of(1_200.0, 300_000.0, 40.0)), None);
    assert_eq!(between(Direction::Inbound, &then, &of(20.0, 16_000.0, 301.0)), None);
    let alone = between(Direction::Inbound, &then, &of(1_200.0, 300_000.0, 340.0)).unwrap();
    assert_eq!((alone.packets_received, alone.bytes), (Some(200), None));
    let samples = |packets, bytes, samples| {
        [
            (Counter::PacketsReceived, packets),
            (Counter::Bytes, bytes),
            (Counter::TotalSamples, samples),
        ]
    };
    let then = samples(1_000.0, 900_000.0, 960_000.0);
    assert_eq!(between(Direction::Inbound, &then, &samples(1_200.0, 300_000.0, 480.0)), None);
}

#[test]
fn one_primary_counter_that_goes_back_takes_along_what_is_divided_by_it() {
    let of = |packets, samples, frames| {
        [
            (Counter::PacketsReceived, packets),
            (Counter::PacketsLost, packets / 100.0),
            (Counter::Bytes, 1000.0),
            (Counter::TotalSamples, samples),
            (Counter::ConcealedSamples, 0.0),
            (Counter::SilentSamples, 0.0),
            (Counter::Frames, frames),
            (Counter::FramesDropped, 0.0),
            (Counter::Jitter, 0.01),
        ]
    };
    let then = of(500.0, 9_000.0, 90.0);
    let told = |now: &[(Counter, f64)]| {
        let interval = between(Direction::Inbound, &then, now).unwrap();
        let (audio, video) =
            (interval.audio.unwrap_or_default(), interval.video.unwrap_or_default());
        assert_eq!(interval.jitter_us, Some(10_000));
        assert_eq!(interval.bytes, Some(0));
        [
            interval.packets_received.is_some(),
            interval.packets_lost.is_some(),
            audio.total_samples.is_some(),
            audio.concealed_samples.is_some(),
            video.frames.is_some(),
            video.frames_dropped.is_some(),
        ]
    };
    assert_eq!(told(&of(400.0, 9_500.0, 95.0)), [false, false, true, true, true, true]);
    assert_eq!(told(&of(600.0, 9.0, 95.0)), [true, true, false, false, true, true]);
    assert_eq!(told(&of(600.0, 9_500.0, 9.0)), [true, true, true, true, false, false]);
}

// Firefox 97 tells the far end's packetsReceived wrapped.
#[test]
fn only_the_far_end_is_unknown_where_its_counters_leap() {
    let of = |sent: f64, bytes, frames, received, round_trip| {
        [
            (Counter::PacketsSent, sent),
            (Counter::Bytes, bytes),
            (Counter::Frames, frames),
            (Counter::PacketsReceived, received),
            (Counter::PacketsLost, 0.0),
            (Counter::Jitter, 0.01),
            (Counter::RoundTripTime, round_trip),
            (Counter::RoundTripCount, round_trip * 10.0),
        ]
    };
    let then = of(600.0, 500_000.0, 280.0, 590.0, 3.0);
    for received in [4_294_903_000.0, 3.0] {
        let now = of(1_300.0, 1_100_000.0, 580.0, received, 4.0);
        let interval = between(Direction::Outbound, &then, &now).unwrap();
        assert_eq!((interval.packets_sent, interval.bytes), (Some(700), Some(600_000)));
        assert_eq!(interval.video.unwrap().frames, Some(300));
        assert_eq!(interval.round_trip_us, Some(1_000_000), "the sender measures it");
        let far = (interval.packets_received, interval.packets_lost, interval.jitter_us);
        assert_eq!(far, (None, None, None), "{received}");
    }
}

#[test]
fn what_cannot_be_is_missing_and_nothing_else() {
    let then = [
        (Counter::PacketsReceived, 100.0),
        (Counter::PacketsLost, 0.0),
        (Counter::Bytes, 80_000.0),
        (Counter::Nack, 0.0),
    ];
    let with = |counter: Counter, value: f64| {
        let mut now = vec![
            (Counter::PacketsReceived, 600.0),
            (Counter::PacketsLost, 4.0),
            (Counter::Bytes, 480_000.0),
            (Counter::Nack, 3.0),
            (Counter::Jitter, 0.004),
        ];
        now.retain(|(of, _)| *of != counter);
        now.push((counter, value));
        let interval = between(Direction::Inbound, &then, &now).unwrap();
        [
            interval.packets_received,
            interval.packets_lost,
            interval.bytes,
            interval.nack,
            interval.jitter_us,
        ]
    };
    let (received, bytes, nack) = (Some(500), Some(400_000), Some(3));
    let (lost, jitter) = (Some(4), Some(4_000));
    assert_eq!(with(Counter::Nack, 3.0), [received, lost, bytes, nack, jitter]);
    let no_loss = [received, None, bytes, nack, jitter];
    assert_eq!(with(Counter::PacketsLost, 2_147_483_647.0), no_loss);
    assert_eq!(with(Counter::PacketsLost, 4_294_967_295.0), no_loss, "-1 without a sign");
    assert_eq!(with(Counter::PacketsLost, -2_000_000.0), no_loss);
    assert_eq!(with(Counter::Jitter, 160.0), [received, lost, bytes, nack, None], "in RTP ticks");
    assert_eq!(with(Counter::Bytes, 1e13), [received, lost, None, nack, jitter]);
    assert_eq!(with(Counter::Nack, 1e9), [received, lost, bytes, None, jitter]);
    assert_eq!(with(Counter::PacketsReceived, 1e9), [None, None, bytes, nack, jitter]);
}

#[test]
fn every_quantity_has_a_bound() {
    for (member, counter) in Counter::members() {
        let implausible = |value: f64| {
            let of = |value| {
                let mut values = Values::EMPTY;
                values.set(counter, value);
                values
            };
            match of(value).since(&of(0.0), Direction::None, 10_000_000) {
                Change::Since { implausible, .. } => implausible,
                Change::Anew => panic!("{member}"),
            }
        };
        assert_eq!(implausible(0.5), 0, "{member}");
        // Of seconds, and of all others, close to the greatest that is read at all.
        assert!(implausible(9e9) + implausible(9e15) > 0, "{member}");
    }
}

#[test]
fn an_interval_that_came_as_one_is_bounded_alike() {
    let mut interval = Interval {
        start_us: 0,
        end_us: 10_000_000,
        packets_received: Some(500),
        packets_lost: Some(i64::from(i32::MAX)),
        bytes: Some(1 << 53),
        round_trip_us: Some(90_000_000),
        round_trip_count: Some(2),
        round_trip_gauge_us: Some(31_000_000),
        jitter_us: Some(160_000_000),
        ..Interval::default()
    };
    assert_eq!(crate::counters::bound(&mut interval), 5);
    let kept = Interval {
        end_us: 10_000_000,
        packets_received: Some(500),
        round_trip_count: Some(2),
        ..Interval::default()
    };
    assert_eq!(interval, kept);
    assert_eq!(crate::counters::bound(&mut interval), 0);
}
