//! Records of every subject, in Avro.

#![no_main]

use isobar_fuzz::{records, seeds};

libfuzzer_sys::fuzz_target!(
    init: { seeds::records() },
    |input: &[u8]| records::check(input)
);
