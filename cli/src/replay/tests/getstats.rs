//! Reports of getStats().

use serde_json::json;

use super::{kinds, read};

#[test]
fn a_plain_report_keeps_its_text_to_the_last_digit() {
    let text = r#"{"S":{"timestamp":1756000000000.1250001,"id":"S","type":"inbound-rtp"}}"#;
    for wrapped in [text.to_owned(), format!(r#"[{{"pc":"x","report":{text}}}]"#)] {
        let expanded = read(&wrapped);
        assert_eq!(expanded.envelopes[0].report.as_ref().unwrap().get(), text);
        assert_eq!(expanded.envelopes[0].timestamp, 1_756_000_000_000.125);
    }
}

#[test]
fn a_report_whose_clock_stood_still_has_the_time_of_its_capture() {
    const HOUR_MS: f64 = 3_600_000.0;
    let now = 1_790_000_000_000.0;
    for (taken, wanted) in [
        (now - 40.0, now - 40.0),
        (now - 3.0 * HOUR_MS, now),
        (now + 3.0 * HOUR_MS, now),
        // Relative to the opening of the page.
        (7_250.5, now),
    ] {
        let report = json!([{"id": "A", "type": "inbound-rtp", "ssrc": 7, "timestamp": taken}]);
        for wrapped in [
            json!({"capturedAt": now, "stats": report}),
            json!({"timestamp": now, "pc": "x", "report": report}),
            json!({"timestampUs": now * 1e3, "statsMap": {"A": report[0]}}),
            json!({"time": now, "getStats": {"timestamp_us": 1, "statistics": {"A": report[0]}}}),
        ] {
            let expanded = read(&wrapped.to_string());
            assert_eq!(kinds(&expanded), [("stats", wanted)], "{wrapped}");
            assert_eq!(expanded.envelopes[0].sent_at, Some(now), "{wrapped}");
        }
        assert_eq!(kinds(&read(&report.to_string())), [("stats", taken)], "no other time");
    }
}

#[test]
fn an_array_of_stats_objects_is_one_report() {
    let expanded = read(
        r#"[{"id":"A","type":"codec","timestamp":5},{"id":"B","type":"codec","timestamp":7}]"#,
    );
    assert_eq!(kinds(&expanded), [("stats", 7.0)]);
}
