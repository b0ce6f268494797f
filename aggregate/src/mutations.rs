//! Names of the guarantees of aggregate that [`service::mutations`] can break.

use service::mutations::is_broken;

use crate::fold::Version;

/// A record counts only if its raw offset was not accounted for before.
pub const LINEAGE: &str = "lineage";
/// The version of a row is the offset up to which its block is folded.
pub const UPTO: &str = "upto";
/// The end of a block depends only on the log.
pub const BLOCK_ENDS: &str = "block ends";
/// Rows are written only after their rules are committed.
pub const RULES_FIRST: &str = "rules first";

/// Which values count as `other` depends only on the log, not on what was written meanwhile.
pub const VALUES: &str = "values";
/// Where nothing is committed, blocks are folded as they were before.
pub const RECALL: &str = "recall";

pub(crate) fn values() -> bool {
    is_broken(VALUES)
}

pub(crate) fn recall() -> bool {
    is_broken(RECALL)
}

pub(crate) fn lineage() -> bool {
    is_broken(LINEAGE)
}

/// Returns a version without `upto` if that guarantee is broken: then all versions of a row are
/// equal, and the last one written stays.
pub(crate) fn version(version: Version) -> Version {
    if is_broken(UPTO) { Version { upto: version.block_start, ..version } } else { version }
}

pub(crate) fn rules_first() -> bool {
    is_broken(RULES_FIRST)
}

pub(crate) fn block_ends() -> bool {
    is_broken(BLOCK_ENDS)
}
