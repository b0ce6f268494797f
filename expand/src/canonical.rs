//! Canonical reports in the format of Isobar's topics: Avro in Confluent framing, one after the
//! other.

use schemas::{Interval, Report};

use super::budget::Budget;
use super::outcome::{Expanded, Refusal};
use super::raw::Raw;

/// Maximum bytes of a report: some thousand streams. In memory it takes many times more.
const MOST: usize = 4 << 20;

/// Returns the reports of a recording, without covers, which have no content to send.
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
