//! Switches that break one guarantee each, for the calling thread: the test of a guarantee must
//! fail while its switch is on. Only tests enable this feature; no program contains it.

use std::cell::Cell;

/// Breaks the rule that a commit waits for the acknowledgement of all earlier writes.
pub const COMMITS_WAIT: &str = "commits wait for acknowledgements";

thread_local! {
    static BROKEN: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Returns whether the guarantee `name` is broken.
#[must_use]
pub fn is_broken(name: &str) -> bool {
    BROKEN.get() == Some(name)
}

/// Breaks the guarantee `name` and restores the one that was broken before; `None` only restores.
pub fn break_only(name: Option<&'static str>) {
    BROKEN.set(name);
}
