#![allow(clippy::unwrap_used)]

use super::*;
use crate::settings::AggregateSettings;

fn rules(n: i64) -> Rules {
    Rules {
        groupings: Groupings::default(),
        ..AggregateSettings { block_records: n, ..AggregateSettings::default() }.rules()
    }
}

fn committed(metadata: &str) -> Committed {
    Committed { offset: Offset(7), metadata: metadata.to_owned() }
}

#[test]
fn a_block_ends_with_the_broker_minute_of_its_first_record() {
    let mut extent = Extent::at(Offset(5));
    assert!(!extent.ends_before(AppendTime(59_999), &rules(9)), "no record, no minute");
    assert!(!extent.take(Offset(6), AppendTime(59_999), &rules(9)));
    assert!(!extent.ends_before(AppendTime(0), &rules(9)));
    assert!(extent.ends_before(AppendTime(60_000), &rules(9)));
    assert!(extent.ends_before(AppendTime(-1), &rules(9)), "the broker's clock may go back");
    assert_eq!((extent.start, extent.upto, extent.append_minute()), (Offset(5), Offset(7), 0));
}

#[test]
fn a_block_ends_after_n_records() {
    let mut extent = Extent::at(Offset(0));
    assert!(!extent.take(Offset(0), AppendTime(0), &rules(2)));
    assert!(extent.take(Offset(4), AppendTime(1), &rules(2)));
    assert_eq!(extent.upto, Offset(5), "the end is after the last record, gaps or not");
}

#[test]
fn metadata_reads_back_and_stays_small_ascii() {
    let seen: OffsetRanges = "0-12,14".parse().unwrap();
    let rules = AggregateSettings::default().rules();
    let metadata = Metadata::new(3, rules, 8, &seen, 2, Some(99));
    let text = metadata.text().unwrap();
    assert_eq!(Metadata::read(&committed(&text)).unwrap(), (metadata, seen));
    assert!(text.is_ascii());
    let start = r#"{"v":1,"epoch":3,"n":200000,"block_ms":60000,"cells":40000,"sessions":15000,"#;
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with(r#""holds":8,"raw":"0-12,14","forgotten":2,"watermark":99}"#), "{text}");
}

#[test]
fn the_largest_metadata_is_under_4_kb() {
    let largest = i64::MAX - 1000;
    let mut seen = OffsetRanges::default();
    for range in 0..1000 {
        seen.insert(Offset(largest - 4 * range)..=Offset(largest - 4 * range + 1));
    }
    crate::lineage::forget_oldest_holes(&mut seen);
    let list = || [crate::grouping::Dimension::ClientVersion; 8].to_vec();
    let groupings = (0..7).map(|i| (format!("{i:0<10}"), list())).collect();
    let limits = Limits {
        cells: u32::MAX,
        sessions: u32::MAX,
        intervals: i64::MAX,
        session_values: u32::MAX,
        values: u32::MAX,
    };
    let rules = Rules::new(i64::MAX, i32::MAX, groupings, limits);
    let text =
        Metadata::new(i32::MAX, rules, u64::MAX, &seen, i64::MAX, Some(i64::MAX)).text().unwrap();
    assert!((3000..4096).contains(&text.len()), "{} bytes", text.len());
}

#[test]
fn commits_of_another_tool_are_refused() {
    for metadata in ["", "hello", "{}", r#"{"v":1}"#] {
        let error = Metadata::read(&committed(metadata)).unwrap_err();
        assert!(matches!(error, MetadataError::Unreadable(_)), "{metadata:?}: {error}");
    }
    let text = Metadata::new(1, rules(5), 1, &OffsetRanges::default(), 0, None).text().unwrap();
    for (from, to) in [(r#""n":5"#, r#""n":0"#), (r#""raw":"""#, r#""raw":"5-3""#)] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        let error = Metadata::read(&committed(&changed)).unwrap_err();
        assert!(matches!(error, MetadataError::Unreadable(_)), "{changed}: {error}");
    }
    let newer = Metadata::read(&committed(r#"{"v":2,"shape":"unheard of"}"#)).unwrap_err();
    assert!(matches!(newer, MetadataError::Newer(2)));
}
