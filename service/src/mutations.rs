//! Switches that break what is claimed, by name, one at a time and for the calling thread alone: a
//! test that holds a claim must fail with its switch on. No program has them: the feature is asked
//! for by the dependencies of tests only.

use std::cell::Cell;

/// Commits are made before what they cover is acknowledged.
pub const COMMITS_WAIT: &str = "commits wait for acknowledgements";

thread_local! {
    static BROKEN: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// True while the claim `name` is broken.
#[must_use]
pub fn is_broken(name: &str) -> bool {
    BROKEN.get() == Some(name)
}

/// Breaks the claim `name`, and mends whatever was broken before; `None` only mends.
pub fn break_only(name: Option<&'static str>) {
    BROKEN.set(name);
}
