//! Recordings of every format that `isobar replay` reads, and on into ingest.

#![no_main]

use isobar_fuzz::{replay, seeds};

libfuzzer_sys::fuzz_target!(
    init: { seeds::recordings() },
    |input: &[u8]| replay::check(input)
);
