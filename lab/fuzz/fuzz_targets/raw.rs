//! Raw records of every format, processed by ingest.

#![no_main]

use isobar_fuzz::seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::raw() },
    |input: &[u8]| ingest::fuzzing::records(input)
);
