//! Counters that restart, wrap or underflow, singly and in groups.

use std::collections::BTreeSet;

use super::*;
use crate::counters::Change;

/// Returns the interval between two snapshots of a video stream, 10 s apart; none if the stream
/// restarted.
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

// Chrome 156 keeps these counters under the same id when a sender is reconfigured.
#[test]
fn a_reconfigured_sender_continues() {
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
fn a_stream_restarts_if_two_primary_counters_decrease_and_one_grows() {
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
fn a_primary_counter_that_goes_back_removes_the_counters_divided_by_it() {
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
    let reported = |now: &[(Counter, f64)]| {
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
    assert_eq!(reported(&of(400.0, 9_500.0, 95.0)), [false, false, true, true, true, true]);
    assert_eq!(reported(&of(600.0, 9.0, 95.0)), [true, true, false, false, true, true]);
    assert_eq!(reported(&of(600.0, 9_500.0, 9.0)), [true, true, true, true, false, false]);
}

// Firefox 97 reports the far end's packetsReceived wrapped.
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
fn only_impossible_values_are_missing() {
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
            match of(value).since(&of(0.0), (Kind::None, Direction::None), 10_000_000) {
                Change::Since { implausible, .. } => implausible,
                Change::Anew => panic!("{member}"),
            }
        };
        assert_eq!(implausible(0.5), 0, "{member}");
        // Seconds, and all other units, close to the greatest accepted value.
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

/// Returns the fields that an interval has, as `group.field`.
fn fields(interval: &Interval) -> BTreeSet<String> {
    fn reported(path: &str, value: &serde_json::Value, fields: &mut BTreeSet<String>) {
        for (name, value) in value.as_object().unwrap() {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::Object(_) => reported(&format!("{path}{name}."), value, fields),
                _ => drop(fields.insert(format!("{path}{name}"))),
            }
        }
    }
    let mut fields = BTreeSet::new();
    reported("", &serde_json::to_value(interval).unwrap(), &mut fields);
    fields
}

/// Returns every counter at a second: gauges stay, and the others grow by one.
fn all_counters(s: f64) -> Vec<(Counter, f64)> {
    let value = |counter| match counter {
        Counter::AudioLevel | Counter::Jitter | Counter::RoundTripGauge => 0.5,
        Counter::SourceFrameRate => 30.0,
        _ => 1_000.0 + s,
    };
    let mut all: Vec<(Counter, f64)> = Vec::new();
    for (_, counter) in Counter::members() {
        if all.iter().all(|(known, _)| *known != counter) {
            all.push((counter, value(counter)));
        }
    }
    all
}

/// Returns the missing fields of an interval in which this counter alone goes back.
fn missing_with(direction: Direction, counter: Counter) -> Vec<String> {
    let (then, mut now) = (all_counters(0.0), all_counters(1.0));
    let whole = fields(&between(direction, &then, &now).unwrap());
    let (_, value) = now.iter_mut().find(|(of, _)| *of == counter).unwrap();
    *value = if *value > 100.0 { 7.0 } else { *value / 2.0 };
    let rest = fields(&between(direction, &then, &now).unwrap());
    assert!(rest.is_subset(&whole), "{counter:?}");
    whole.difference(&rest).cloned().collect()
}

#[test]
fn a_counter_that_goes_back_alone_takes_along_its_group_and_nothing_else() {
    use Counter as C;
    let concealment = &["audio.concealed_samples", "audio.concealment_events"];
    let fec = &["inbound.fec_packets", "inbound.fec_packets_discarded"];
    let buffer = &["inbound.jitter_buffer_emitted", "inbound.jitter_buffer_us"];
    let limitation = &[
        "limitation.bandwidth_us",
        "limitation.cpu_us",
        "limitation.other_us",
        "limitation.resolution_changes",
    ];
    let round_trip = &["round_trip_count", "round_trip_us"];
    let requests = &["video.fir", "video.pli"];
    let freezes = &["video.freeze_count", "video.freeze_us"];
    let pauses = &["video.pause_count", "video.pause_us"];
    let frames = &["video.frames", "video.frames_dropped", "video.key_frames", "video.qp_sum"];
    let samples = &["audio.concealed_samples", "audio.concealment_events", "audio.total_samples"];
    let of_both: &[(C, &[&str])] = &[
        (C::Bytes, &["bytes"]),
        (C::Frames, frames),
        (C::TotalSamples, samples),
        (C::Nack, &["nack"]),
        (C::RoundTripTime, round_trip),
        (C::RoundTripCount, round_trip),
        (C::PacketsDiscarded, &["inbound.packets_discarded"]),
        (C::FecPackets, fec),
        (C::FecPacketsDiscarded, fec),
        (C::JitterBufferDelay, buffer),
        (C::JitterBufferEmitted, buffer),
        (C::ConcealedSamples, concealment),
        (C::SilentSamples, concealment),
        (C::ConcealmentEvents, concealment),
        (C::AudioEnergy, &["audio.audio_energy_micro"]),
        (C::SourceFrames, &["video.source_frame_rate_micro", "video.source_frames"]),
        (C::FramesDropped, &["video.frames_dropped"]),
        (C::KeyFrames, &["video.key_frames"]),
        (C::QpSum, &["video.qp_sum"]),
        (C::Pli, requests),
        (C::Fir, requests),
        (C::FreezeCount, freezes),
        (C::FreezeTime, freezes),
        (C::PauseCount, pauses),
        (C::PauseTime, pauses),
        (C::LimitedCpu, limitation),
        (C::LimitedBandwidth, limitation),
        (C::LimitedOther, limitation),
        (C::ResolutionChanges, limitation),
    ];
    // Only the far end's streams have both of these.
    let packets = &["packets_lost", "packets_received", "packets_sent", "retransmitted_packets"];
    let inbound: &[(C, &[&str])] = &[
        (C::PacketsReceived, packets),
        (C::PacketsSent, packets),
        (C::RetransmittedPackets, &["packets_lost", "retransmitted_packets"]),
    ];
    let outbound: &[(C, &[&str])] = &[
        (C::PacketsReceived, &["jitter_us", "packets_lost", "packets_received"]),
        (C::PacketsSent, &["packets_sent", "retransmitted_packets"]),
        (C::RetransmittedPackets, &["retransmitted_packets"]),
    ];
    for (direction, more) in [(Direction::Inbound, inbound), (Direction::Outbound, outbound)] {
        for (counter, _) in all_counters(0.0) {
            let row = of_both.iter().chain(more).find(|(of, _)| *of == counter);
            // Gauges, signed counters and counters of other objects affect no group.
            let wanted = row.map_or(&[][..], |(_, fields)| fields);
            assert_eq!(missing_with(direction, counter), wanted, "{direction:?} {counter:?}");
        }
    }
}

/// Returns the counted number of implausible quantities.
fn implausible(observed: &Observed) -> u64 {
    match observed {
        Observed::Duplicate => 0,
        Observed::New(content) => content.left_out.implausible,
    }
}

#[test]
fn a_counter_above_the_integer_range_is_missing_with_its_group_and_counted() {
    let sum = |nack: f64, jitter: f64| {
        let at = |s: i64, nack, jitter| {
            let values = [
                (Counter::PacketsReceived, 50.0 * s as f64),
                (Counter::Nack, nack),
                (Counter::Jitter, jitter),
                (Counter::AudioLevel, jitter),
            ];
            stats(vec![stream(s * 1_000_000, &values)])
        };
        let observed = each_second(&[at(10, 0.0, 0.01), at(20, nack, jitter), at(30, 5.0, 0.01)]);
        let reported = intervals(&observed[1])[0].clone();
        assert_eq!(reported.packets_received, Some(500));
        (reported.nack, reported.jitter_us, [implausible(&observed[1]), implausible(&observed[2])])
    };
    assert_eq!(sum(3.0, 0.01), (Some(3), Some(10_000), [0, 0]));
    // 2⁶⁴ − 1 is the value of an unsigned counter that went below 0.
    for beyond in [18_446_744_073_709_551_615.0, 9.1e15, 1e300, f64::INFINITY, -1.0] {
        let (nack, jitter, counted) = sum(beyond, 0.01);
        assert_eq!((nack, jitter, counted), (None, Some(10_000), [1, 1]), "{beyond}");
        let (nack, jitter, counted) = sum(3.0, beyond);
        assert_eq!((nack, jitter, counted), (Some(3), None, [2, 0]), "{beyond}: two gauges");
    }
    assert_eq!(sum(f64::NAN, 0.01), (None, Some(10_000), [0, 0]), "it is not reported");
}

#[test]
fn impossible_values_of_a_path_are_missing_and_counted() {
    let at = |s: i64, round_trip: f64, changes: f64, bit_rate: Option<i64>| {
        let values = |counters: &[(Counter, f64)]| {
            let mut values = Values::EMPTY;
            counters.iter().for_each(|(counter, number)| values.set(*counter, *number));
            values
        };
        let of_transport = values(&[(Counter::PairChanges, changes)]);
        let stats_id = Cow::Borrowed("T");
        let pair = Pair {
            stats_id: Cow::Borrowed("P"),
            client_us: s * 1_000_000,
            values: values(&[(Counter::RoundTripGauge, round_trip)]),
            local_candidate_type: None,
            remote_candidate_type: None,
            protocol: None,
            relay_protocol: None,
            network_type: None,
            available_outgoing_bitrate: bit_rate,
            transport: Some(Transport { stats_id, values: of_transport }),
            ice_state: None,
            dtls_state: None,
        };
        Event { pairs: vec![pair], ..stats(vec![]) }
    };
    let reported = |events: [Event<'static>; 2]| {
        let observed = each_second(&events);
        let one = |observed: &Observed| {
            let Observed::New(NewContent { paths, left_out, .. }) = observed else { panic!() };
            let path = &paths[0];
            let gauges = (path.ice_round_trip_gauge_us, path.available_outgoing_bitrate);
            (gauges, path.selected_pair_changes, left_out.implausible, left_out.went_back)
        };
        [one(&observed[0]), one(&observed[1])]
    };
    let (rate, none) = (Some(2_000_000), (None, None));
    let whole = (Some(100_000), rate);
    let usual = || at(10, 0.1, 3.0, rate);
    assert_eq!(
        reported([usual(), at(20, 0.1, 4.0, rate)]),
        [(whole, None, 0, 0), (whole, Some(1), 0, 0)]
    );
    for absurd in [31.0, 1e17, -1.0] {
        let first = reported([at(10, absurd, 3.0, Some(1 << 60)), at(20, absurd, 4.0, Some(-1))]);
        assert_eq!(first, [(none, None, 2, 0), (none, Some(1), 2, 0)], "{absurd}");
    }
    for absurd in [1e9, 1e17] {
        let changes = reported([usual(), at(20, 0.1, absurd, rate)]);
        assert_eq!(changes[1], (whole, None, 1, 0), "{absurd}");
    }
    assert_eq!(reported([usual(), at(20, 0.1, 2.0, rate)])[1], (whole, None, 0, 1));
}

// A library that counts lost packets wrongly, but within the range of RTP, would dominate the loss
// of a country.
#[test]
fn audio_has_no_more_packets_than_its_frames() {
    for direction in [Direction::Inbound, Direction::Outbound] {
        let lost = |kind: Kind, lost: f64| {
            let at = |s: i64, lost: f64| {
                let packets = [Counter::PacketsReceived, Counter::PacketsSent];
                let mut values = packets.map(|of| (of, 20_000.0 + 50.0 * s as f64)).to_vec();
                values.push((Counter::PacketsLost, lost));
                let stream = stream(s * 1_000_000, &values);
                stats(vec![Stream { kind, direction, ..stream }])
            };
            let observed = each_second(&[at(10, 0.0), at(15, lost)]);
            (intervals(&observed[1])[0].packets_lost, implausible(&observed[1]))
        };
        // 5 s, and 5 s tolerance for clocks.
        for signed in [1.0, -1.0] {
            let (most, beyond) = (10_000.0 * signed, 10_001.0 * signed);
            assert_eq!(lost(Kind::Audio, most), (Some(most as i64), 0));
            assert_eq!(lost(Kind::Audio, beyond), (None, 1));
            assert_eq!(lost(Kind::Video, beyond), (Some(beyond as i64), 0));
            assert_eq!(lost(Kind::Video, 655_361.0 * signed), (None, 1));
            let mut whole = Interval {
                kind: Kind::Audio,
                direction,
                end_us: 5_000_000,
                packets_lost: Some(beyond as i64),
                packets_received: Some(10_000),
                ..Interval::default()
            };
            assert_eq!(crate::counters::bound(&mut whole), 1);
            assert_eq!((whole.packets_lost, whole.packets_received), (None, Some(10_000)));
            whole.packets_received = Some(10_001);
            assert_eq!(crate::counters::bound(&mut whole), 1);
        }
    }
}
