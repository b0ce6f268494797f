//! The recordings that `isobar replay` reads.

use expand::budget::Budget;
use expand::raw::Labels;
use expand::raw::Raw;
use expand::recording;
use expand::schedule::{self, Schedule};

/// Memory limit, far below that of the fuzzer.
const LIMIT_MB: u64 = 64;

const NOW_MS: f64 = 1_800_000_000_000.0;

/// Expands `input` and passes all records to ingest.
pub fn check(input: &[u8]) {
    let labels = Labels { app: None, call: None, client_address: None, name: "recording" };
    let expanded = match recording::read(input, labels, &Budget::of_mb(LIMIT_MB)) {
        Ok(expanded) => expanded,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    let mut records = expanded.records;
    let first_ms = records.first().map_or(0.0, Raw::recorded_ms);
    let schedule = Schedule::new(NOW_MS, schedule::length_ms(&records), f64::INFINITY, None);
    let mut due = Default::default();
    let mut text = vec![0];
    for record in &mut records {
        let next = schedule.stamp(record, first_ms);
        assert!(due <= next, "not in the order in which they were recorded");
        due = next;
        assert!(!record.key().is_empty());
        let payload = record.payload().expect("what was read can be written");
        if payload.first() == Some(&0) {
            ingest::fuzzing::records(&[&[0], &payload[..]].concat());
        } else {
            text.extend_from_slice(&payload);
            text.push(ingest::fuzzing::SEPARATOR);
        }
    }
    ingest::fuzzing::records(&text);
}
