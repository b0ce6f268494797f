//! Raw offsets that a report accounts for, and outcomes of the new ones.

use std::ops::RangeInclusive;

use schemas::{Lineage, RawOutcome};
use service::{Offset, OffsetRanges, Partition};

/// Maximum number of ranges in the committed metadata. With up to 40 bytes each they leave space for the
/// rest of the metadata.
const MOST_RANGES: usize = 64;

/// Returns what is wrong with a lineage, if anything: it must be of the partition from which it was read,
/// and its runs must ascend within its range.
pub(crate) fn fault(lineage: &Lineage, partition: Partition) -> Option<&'static str> {
    if lineage.raw_partition != partition.0 {
        return Some("raw_partition is not the partition that the record was read from");
    }
    if !(0..=lineage.raw_to).contains(&lineage.raw_from) || lineage.raw_to == i64::MAX {
        return Some("raw_from..=raw_to is not a range of offsets");
    }
    let mut next = lineage.raw_from;
    for run in &lineage.skipped {
        match run.from.checked_add(run.count) {
            Some(end) if next <= run.from && run.from < end && end <= lineage.raw_to + 1 => {
                next = end;
            }
            _ => return Some("skipped runs are not in ascending order within raw_from..=raw_to"),
        }
    }
    None
}

/// Numbers of raw records by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) accepted: i64,
    /// Accepted records that may have been counted before.
    pub(crate) unverified: i64,
    pub(crate) duplicate: i64,
    pub(crate) late: i64,
    pub(crate) invalid: i64,
}

/// Adds the raw offsets of `lineage` to `seen` and counts the outcomes of the new ones. Each offset counts
/// once, even if services write its range several times and divide it differently.
pub(crate) fn account(lineage: &Lineage, seen: &mut OffsetRanges) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for added in seen.insert(Offset(lineage.raw_from)..=Offset(lineage.raw_to)) {
        outcomes.accepted += length(&added);
        for run in &lineage.skipped {
            let from = run.from.max(added.start().0);
            let to = (run.from + run.count - 1).min(added.end().0);
            let count = (to - from + 1).max(0);
            outcomes.accepted -= count;
            match run.outcome {
                RawOutcome::Duplicate => outcomes.duplicate += count,
                RawOutcome::Invalid => outcomes.invalid += count,
                RawOutcome::Late => outcomes.late += count,
                RawOutcome::Absent => {}
                RawOutcome::Unverified => {
                    outcomes.accepted += count;
                    outcomes.unverified += count;
                }
            }
        }
    }
    outcomes
}

/// Returns the number of offsets that are missing between the ranges.
pub(crate) fn missing(seen: &OffsetRanges) -> i64 {
    let mut ranges = seen.iter();
    let Some(mut before) = ranges.next() else { return 0 };
    let mut missing = 0;
    for range in ranges {
        missing += range.start().0 - before.end().0 - 1;
        before = range;
    }
    missing
}

/// Closes the oldest holes, so that the ranges fit into the committed metadata. Returns the number of
/// their offsets, which no longer count as missing. Records that are missing for so long are lost; if
/// one arrived after all, it would count as a replay.
pub(crate) fn forget_oldest_holes(seen: &mut OffsetRanges) -> i64 {
    let excess = (seen.holes() + 1).saturating_sub(MOST_RANGES);
    let bounds = (seen.iter().next(), seen.iter().nth(excess));
    match bounds {
        (Some(oldest), Some(kept)) if excess > 0 => {
            seen.insert(*oldest.start()..=*kept.end()).iter().map(length).sum()
        }
        _ => 0,
    }
}

fn length(range: &RangeInclusive<Offset>) -> i64 {
    range.end().0 - range.start().0 + 1
}

#[cfg(test)]
mod tests;
