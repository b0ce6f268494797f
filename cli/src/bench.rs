//! `isobar bench`: measures throughput, freshness and resource usage of the services.

use ::bench::Options;
use deploy::failure::Failure;

use crate::output::{lines, step};

/// Measures, prints a table, and writes the figures as JSON to the file in `options`.
///
/// # Errors
/// If something does not start, or what arrives is not what was sent.
pub async fn run(options: &Options) -> Result<(), Failure> {
    let figures = ::bench::run(options, &step).await?;
    lines(&figures)?;
    figures.write_json(options)
}
