//! Files that enrich reads: MMDB, CSV, provider groups, threshold packs, score parameters.

#![no_main]

use isobar_fuzz::seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::look_ups() },
    |input: &[u8]| enrich::fuzzing::file(input)
);
