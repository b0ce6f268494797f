//! Lost packets, the remote end and round trips.

use super::*;

#[test]
fn an_unsigned_count_of_lost_packets_gives_no_absurd_loss() {
    use Counter::{PacketsLost, PacketsReceived};
    for (then, now) in
        [(2.0, 4_294_967_295.0), (4_294_967_295.0, 2.0), (2.0, 18_446_744_073_709_551_615.0)]
    {
        let reported = resets_and_packets(
            &[(PacketsReceived, 10.0), (PacketsLost, then)],
            &[(PacketsReceived, 60.0), (PacketsLost, now)],
        );
        assert_eq!(reported, (0, vec![[Some(50), None]]), "{then} {now}: missing");
    }
}

// With it, the minimum number of packets of a threshold pack would always be reached.
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
fn packets_received_by_the_far_end_default_to_sent_less_lost() {
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

// W3C: packetsSent includes retransmissions, even on a separate SSRC.
#[test]
fn retransmissions_are_not_received_by_the_far_end() {
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
    let reported =
        each_second(&[at(10, 0.0, 0.0, 0.0, &[0.0]), at(20, 1000.0, 180.0, 180.0, &[640.0])]);
    assert_eq!(intervals(&reported[1])[0].expected_packets(), Some(820));
}

#[test]
fn a_round_trip_is_the_last_one_where_totals_are_missing_and_never_0() {
    let gauge = (Counter::RoundTripGauge, 0.62);
    let totals = [(Counter::RoundTripTime, 1.0), (Counter::RoundTripCount, 2.0), gauge];
    let reported = |values: &[(Counter, f64)]| {
        let at = |s: i64| stats(vec![stream(s * 1_000_000, values)]);
        intervals(&each_second(&[at(10), at(20)])[1])[0].round_trip_gauge_us
    };
    assert_eq!(reported(&[gauge]), Some(620_000));
    assert_eq!(reported(&totals), None);
    assert_eq!(reported(&[(Counter::RoundTripGauge, 0.0)]), None, "none was measured yet");
    assert_eq!(reported(&[gauge, (Counter::RemoteTime, 5.0)]), None, "no new report came");
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
    let reported = observed[1..].iter().map(|observed| {
        let interval = &intervals(observed)[0];
        (interval.packets_received, interval.packets_lost, interval.jitter_us)
    });
    let jitter = Some(10_000);
    let wanted =
        [(Some(98), Some(2), jitter), (Some(100), None, None), (Some(93), Some(7), jitter)];
    assert_eq!(reported.collect::<Vec<_>>(), wanted);
}
