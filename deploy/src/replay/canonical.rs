//! Canonical reports, as Isobar's own topics have them: Avro in Confluent framing, one after the
//! other.

use super::raw::Raw;
use super::recording::{Expanded, Refusal};

/// The reports of a recording. Covers tell nothing that could be sent again.
pub(crate) fn expand(bytes: &[u8]) -> Result<Expanded, Refusal> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let report: schemas::Report =
            schemas::decode_first(&mut rest).map_err(|_| Refusal::NotText)?;
        if report.event != schemas::EventKind::Cover {
            records.push(Raw::Canonical(Box::new(report)));
        }
    }
    Ok(Expanded { records, ..Expanded::default() })
}
