//! Names of the claims that [`service::mutations`] can break here.

use service::mutations::is_broken;

use crate::fold::Version;

/// A record counts only if its raw offset was not answered for before.
pub const LINEAGE: &str = "lineage";
/// A row's version is how far its block is folded.
pub const UPTO: &str = "upto";
/// Where a block ends follows from the log alone.
pub const BLOCK_ENDS: &str = "block ends";
/// Rows wait until the rules that they follow from are committed.
pub const RULES_FIRST: &str = "rules first";

/// Which values count as `other` follows from the log alone, whatever was written meanwhile.
pub const VALUES: &str = "values";
/// The rows of hours that a block changed last are written before it is over.
pub const HOURS: &str = "hours";
/// Where nothing is committed, blocks are folded as they were before.
pub const RECALL: &str = "recall";

pub(crate) fn values() -> bool {
    is_broken(VALUES)
}

pub(crate) fn hours() -> bool {
    is_broken(HOURS)
}

pub(crate) fn recall() -> bool {
    is_broken(RECALL)
}

pub(crate) fn lineage() -> bool {
    is_broken(LINEAGE)
}

/// Without `upto` all versions of a row are alike, and the last to come stays.
pub(crate) fn version(version: Version) -> Version {
    if is_broken(UPTO) { Version { upto: version.block_start, ..version } } else { version }
}

pub(crate) fn rules_first() -> bool {
    is_broken(RULES_FIRST)
}

pub(crate) fn block_ends() -> bool {
    is_broken(BLOCK_ENDS)
}
