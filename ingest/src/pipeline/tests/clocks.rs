//! Clocks of objects, of records and of the log, and impossible numbers.

use super::*;

/// Returns a record with these times of the record, its stats object and the append, ms after the
/// start.
fn snapshot(of_record: i64, of_object: i64, appended: i64, more: Value) -> Raw {
    let packets = appended / 20;
    let stream = json!({
        "type": "inbound-rtp", "kind": "audio", "packetsReceived": packets,
        "bytesReceived": packets * 80, "timestamp": START_MS + of_object,
    });
    let mut envelope = json!({"report": {"x": stream}});
    envelope.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (0, START_MS + appended, event("stats", START_MS + of_record, envelope))
}

/// Returns start and end of all intervals, ms after the start.
fn spans(log: &[Raw]) -> Vec<(i64, i64)> {
    let numbered =
        (0..).zip(log).map(|(offset, (_, at_ms, value))| (offset, *at_ms, value.clone()));
    let life = run(&numbered.collect::<Vec<_>>());
    assert_eq!(life.dead_letters(), []);
    let intervals = life.reports().into_iter().flat_map(|report| report.intervals);
    let since = |us: i64| us / 1000 - START_MS;
    intervals.map(|interval| (since(interval.start_us), since(interval.end_us))).collect()
}

#[test]
fn a_clock_that_stood_still_while_the_machine_slept_yields_to_the_records() {
    let three_hours = 3 * 3_600_000;
    let at = |ms| snapshot(ms, ms - three_hours, ms + 40, json!({}));
    assert_eq!(spans(&[at(0), at(10_000), at(20_000)]), [(0, 10_000), (10_000, 20_000)]);
    let corrected = |ms: i64| {
        let times = json!({"sent_at": START_MS + ms + 60_000, "received_at": START_MS + ms + 20});
        snapshot(ms + 60_000, ms - three_hours, ms + 40, times)
    };
    let spans = spans(&[corrected(0), corrected(10_000)]);
    assert_eq!(spans, [(20, 10_020)]);
}

#[test]
fn an_event_ahead_of_the_log_happened_just_now() {
    let ahead = 240_000;
    let at = |ms: i64| snapshot(ms + if ms > 5_000 { ahead } else { 0 }, ms, ms + 40, json!({}));
    let spans = spans(&[at(0), at(5_000), at(10_000), at(15_000)]);
    let lengths = spans.iter().map(|(start, end)| end - start).collect::<Vec<_>>();
    assert!(lengths.iter().all(|ms| (5_000..5_100).contains(ms)), "{spans:?}");
    assert!(spans.iter().all(|(_, end)| *end <= 15_040), "{spans:?}");
}

#[test]
fn an_impossible_wait_is_missing() {
    let connected = |ms: Value| {
        let times = json!({"time_to_connect_ms": 300, "time_to_media_ms": ms});
        let life = run(&log([event("connected", START_MS, times)]));
        let report = life.reports().remove(0);
        assert_eq!(report.time_to_connect_ms, Some(300), "{ms}");
        (report.time_to_media_ms, life.pipeline.metrics.implausible.get())
    };
    assert_eq!(connected(json!(450)), (Some(450), 0));
    assert_eq!(connected(json!(null)), (None, 0));
    for absurd in [json!((1_i64 << 53) - 1), json!(1e17), json!(u64::MAX), json!(1e300), json!(-3)]
    {
        assert_eq!(connected(absurd.clone()), (None, 1), "{absurd}");
    }
}

#[test]
fn a_record_that_may_have_been_counted_before_is_marked_in_the_lineage() {
    let at = |ms: i64, appended: i64| snapshot(ms, ms, appended, json!({}));
    let mut log = vec![at(0, 0), at(10_000, 10_000), at(0, 135_000), at(10_000, 135_001)];
    for (record, packets) in log[2..].iter_mut().zip([0, 500]) {
        // As they were.
        record.2 = snapshot(packets * 20, packets * 20, packets * 20, json!({})).2;
    }
    for (offset, record) in (0..).zip(&mut log) {
        record.0 = offset;
    }
    let life = run(&log);
    let [_, first, again, _] = &life.reports()[..] else { panic!("{:?}", life.reports()) };
    assert_eq!(first.lineage.skipped, []);
    let unverified = Skipped { from: 2, count: 1, outcome: RawOutcome::Unverified };
    assert_eq!(again.lineage.skipped, [unverified]);
}
