//! States of sketches, and metadata of commits.

#![no_main]

use isobar_fuzz::{seeds, states};

libfuzzer_sys::fuzz_target!(
    init: { seeds::states() },
    |input: &[u8]| states::check(input)
);
