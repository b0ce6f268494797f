//! Canonical reports, as Isobar's own topics have them: Avro in Confluent framing, one after the
//! other.

use schemas::{Interval, Report};

use super::budget::Budget;
use super::outcome::{Expanded, Refusal};
use super::raw::Raw;

/// Bytes that a report may have: some thousand streams. In memory it takes many times more.
const MOST: usize = 4 << 20;

/// Returns the reports of a recording. Covers are left out: they contain nothing to send.
pub(crate) fn expand(bytes: &[u8], budget: &Budget) -> Result<Expanded, Refusal> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut first = &rest[..rest.len().min(MOST)];
        let before = first.len();
        let report: Report = schemas::decode_first(&mut first).map_err(|_| Refusal::NotText)?;
        rest = &rest[before - first.len()..];
        let intervals = report.intervals.len() * size_of::<Interval>();
        if budget.take(size_of::<Report>() + intervals + before - first.len()).is_none() {
            break;
        }
        if report.event != schemas::EventKind::Cover {
            records.push(Raw::Canonical(Box::new(report)));
        }
    }
    Ok(Expanded { records, ..Expanded::default() })
}
