//! `isobar accuracy`: compares formulas, statistics, sketches and intervals with references.

use ::accuracy::{Options, page};
use deploy::failure::{Context, Failure};

use crate::output::{line, lines, step_to_stderr};

/// Checks all claims, prints a page or JSON, and returns true if all hold.
///
/// # Errors
/// If ClickHouse does not start or a check cannot be made.
pub async fn run(options: Options) -> Result<bool, Failure> {
    let findings = ::accuracy::run(options, step_to_stderr).await?;
    if options.json {
        line(serde_json::to_string_pretty(&findings).context("findings")?)?;
    } else {
        lines(page(&findings))?;
    }
    Ok(findings.all_hold())
}
