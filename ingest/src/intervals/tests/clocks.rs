//! Clocks that are set, stop or run too fast.

use super::*;

/// Compares the snapshots of a stream of 50 packets/s with these times, s: client's clock, its
/// correction, append, true time.
fn observe_all(moments: &[(i64, i64, i64, i64)]) -> Vec<Observed> {
    let log = moments.iter().map(|(client_s, shift_s, append_s, true_s)| {
        let event = Event {
            client_us: client_s * 1_000_000,
            shift_us: shift_s * 1_000_000,
            ..received(*client_s, *true_s as f64 * 50.0)
        };
        Appended { at_ms: append_s * 1000, event }
    });
    run(&mut Engine::new(HORIZON_MS), &log.collect::<Vec<_>>())
}

/// Returns start and end (s) and packets of all intervals.
fn spans(observed: &[Observed]) -> Vec<(i64, i64, Option<i64>)> {
    let all = observed.iter().flat_map(intervals);
    all.map(|i| (i.start_us / 1_000_000, i.end_us / 1_000_000, i.packets_received)).collect()
}

#[test]
fn clock_steps_change_no_interval_if_the_collector_corrects_them() {
    let wanted = [(1000, 1005, Some(250)), (1005, 1010, Some(250)), (1010, 1015, Some(250))];
    for step in [3600, -3600, 90, -90] {
        let set = |true_s: i64| if true_s > 1005 { step } else { 0 };
        for all_at in [None, Some(1016)] {
            let at = |s: i64| (s + set(s), -set(s), all_at.unwrap_or(s), s);
            let observed = observe_all(&[at(1000), at(1005), at(1010), at(1015)]);
            assert_eq!(spans(&observed), wanted, "{step} {all_at:?}");
        }
    }
}

#[test]
fn a_snapshot_from_the_past_with_higher_counters_is_no_duplicate() {
    let at = |s: i64| (if s > 1005 { s - 600 } else { s }, 0, s, s);
    let observed = observe_all(&[at(1000), at(1005), at(1010), at(1015), at(1005)]);
    let lengths = spans(&observed).into_iter().map(|(start, end, packets)| (end - start, packets));
    assert_eq!(lengths.collect::<Vec<_>>(), [(5, Some(250)); 3]);
    assert_eq!(observed[4], Observed::Duplicate, "though its clock is ahead of the last one's");
}

#[test]
fn a_snapshot_overtaken_by_a_restarted_stream_is_no_step_back() {
    let event = |client_s: i64, packets: f64| {
        let values = [(Counter::PacketsReceived, packets), (Counter::Bytes, packets * 100.0)];
        stats(vec![stream(client_s * 1_000_000, &values)])
    };
    let observed =
        each_second(&[event(10, 5_000.0), event(20, 50.0), event(15, 5_250.0), event(25, 300.0)]);
    assert_eq!(observed[2], Observed::Duplicate);
    assert_eq!(intervals(&observed[3])[0].packets_received, Some(250));
}

#[test]
fn a_recording_gives_the_same_intervals_at_any_speed() {
    let seconds = [0, 10, 20, 140, 150, 271, 280];
    let at_speed = |speed: i64| {
        let moments = seconds.map(|s| (1000 + s, 0, 90_000 + s / speed, s));
        spans(&observe_all(&moments))
    };
    let wanted = at_speed(1);
    let lengths = wanted.iter().map(|(start, end, _)| end - start).collect::<Vec<_>>();
    assert_eq!(lengths, [10, 10, 120, 10, 9]);
    for speed in [2, 10, 100, 10_000] {
        assert_eq!(at_speed(speed), wanted, "{speed}");
    }
}

#[test]
fn an_hour_reported_in_a_second_keeps_its_intervals() {
    let moments = (0..360).map(|n| (1000 + 10 * n, 0, 5000, 10 * n)).collect::<Vec<_>>();
    let spans = spans(&observe_all(&moments));
    assert_eq!(spans.len(), 359);
    assert!(spans.iter().all(|(start, end, packets)| end - start == 10 && *packets == Some(500)));
}

#[test]
fn a_record_later_than_the_look_back_without_predecessor_is_unverified() {
    let unverified = |observed: &Observed| match observed {
        Observed::New(content) => content.is_unverified,
        Observed::Duplicate => false,
    };
    // The predecessor of the last one has expired.
    let live = observe_all(&[(1000, 0, 1000, 0), (1010, 0, 1010, 10), (1072, 0, 1131, 72)]);
    assert!(!live.iter().any(unverified));
    let again = observe_all(&[
        (1000, 0, 1000, 0),
        (1010, 0, 1010, 10),
        (1000, 0, 1135, 0),
        (1010, 0, 1135, 10),
    ]);
    let marks = again.iter().map(unverified).collect::<Vec<_>>();
    assert_eq!(marks, [false, false, true, false], "what follows on it has a predecessor");
    assert_eq!(spans(&again).len(), 2, "it is indistinguishable from a late upload");
    let joined = Event { kind: EventKind::Joined, client_us: 0, ..stats(vec![]) };
    let late = [(1, &joined), (121_000, &joined)]
        .map(|(at_ms, event)| Appended { at_ms, event: event.clone() });
    let marks = late.map(|record| unverified(&run(&mut Engine::new(HORIZON_MS), &[record])[0]));
    assert_eq!(marks, [false, true]);
}

// Its time is limited to the log's time at the first arrival, so the copy seems half as late.
#[test]
fn a_copy_by_a_clock_that_is_ahead_is_unverified_or_its_first_is() {
    let marks = |ahead_s: i64, again_s: i64| {
        let mut engine = Engine::new(HORIZON_MS);
        let mut at = |append_s: i64| {
            let client_us = (1000 + ahead_s) * 1_000_000;
            let mut event = Event { client_us, ..received(1000 + ahead_s, 500.0) };
            let ahead_us = (1000 + ahead_s - append_s).max(0) * 1_000_000;
            if ahead_us > clock::TOLERANCE_US {
                (event.shift_us, event.ahead_us) = (-ahead_us, ahead_us);
            }
            engine.advance(append_s * 1000);
            match engine.observe(&event) {
                Observed::New(content) => Some(content.is_unverified),
                Observed::Duplicate => None,
            }
        };
        [at(1000), at(1000 + again_s)]
    };
    assert_eq!(marks(60, 130), [Some(false), Some(true)], "it is 70 s late by its clock");
    assert_eq!(marks(0, 121), [Some(false), Some(true)]);
    assert_eq!(marks(0, 119), [Some(false), None]);
    for ahead_s in [0, 4, 30, 60, 61, 100, 119, 121, 200, 299] {
        for again_s in [121, 130, 200, 500] {
            let marks = marks(ahead_s, again_s);
            assert!(marks.contains(&Some(true)), "{ahead_s} s ahead, again after {again_s} s");
        }
    }
}
