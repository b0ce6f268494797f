//! Recordings that cannot be read, completely or in part.

use std::time::Duration;

use expand::budget::Budget;
use expand::outcome::Refusal;
use expand::recording;
use serde_json::json;

use super::{LABELS, kinds, lines, read, refused};

#[test]
fn a_file_of_no_known_format_is_refused_by_name() {
    assert_eq!(refused(b"hello\nworld"), Refusal::UnknownFormat);
    assert_eq!(refused(b"{\"a\":1}"), Refusal::UnknownFormat);
    assert_eq!(refused(b"\xff\xfe"), Refusal::NotText);
    let legacy = json!({"ssrc_1_send": {"type": "ssrc", "timestamp": 1, "googCodecName": "opus"}});
    assert_eq!(refused(legacy.to_string().as_bytes()), Refusal::LegacyGetStats);
    let untimed = json!({"PeerConnections": {"1": {"stats": {
        "x-packetsLost": {"statsType": "inbound-rtp", "values": "[1]"},
    }}}});
    assert_eq!(refused(untimed.to_string().as_bytes()), Refusal::NoTimes);
    for refusal in [Refusal::UnknownFormat, Refusal::NotText] {
        assert!(!refusal.to_string().contains('\n') && refusal.to_string().contains("Avro"));
    }
}

#[test]
fn a_broken_line_hides_no_other_and_is_named() {
    let joined = json!({"v": 1, "event": "joined", "app": "a", "call": "c", "participant": "p",
                        "timestamp": 5.0});
    let text = format!("{joined}\n{{\"v\":1,\n\n{joined}\n");
    let expanded = recording::read(text.as_bytes(), LABELS, &Budget::of_mb(100)).unwrap();
    assert_eq!(expanded.records.len(), 2);
    assert_eq!((expanded.unread.count, expanded.unread.first_line), (1, Some(2)));
    assert!(expanded.unread.why.unwrap().starts_with("EOF while parsing"));
}

#[test]
fn half_a_million_broken_lines_are_counted_in_a_moment() {
    let begun = std::time::Instant::now();
    assert_eq!(refused("x\n".repeat(500_000).as_bytes()), Refusal::UnknownFormat);
    // Counting lines from the beginning for each of them would take minutes.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn unreadable_lines_are_counted_and_hide_nothing_else() {
    let expanded = read(&format!(
        "{}[\"close\", \"PC_0\"\n{}",
        lines(&[json!(["create", "PC_0", {}, 10]), json!(["getstats", "PC_0", {"A": 1}, 11])]),
        lines(&[json!(["close", "PC_0", null, 12])]),
    ));
    assert_eq!(kinds(&expanded), [("joined", 10.0), ("left", 12.0)]);
    assert_eq!(expanded.unread, 2);
}
