//! `isobar torture`: runs the pipeline under faults and compares the result with the truth.

use std::sync::OnceLock;

use deploy::failure::Failure;
use torture_live::Options;

use crate::output::line;

/// Runs the test that `options` describe, prints the report, and returns true if no check failed.
///
/// # Errors
/// If something does not start, a fault cannot be undone, or the report cannot be written.
pub fn run(options: &Options) -> Result<bool, Failure> {
    // If a line cannot be written, the run continues: the figures may still go to files.
    let unwritten = OnceLock::new();
    let progress = |text: &str| {
        if let Err(failure) = line(text) {
            let _ = unwritten.set(failure);
        }
    };
    let ok = torture_live::run(options, &progress)?;
    unwritten.into_inner().map_or(Ok(ok), Err)
}
