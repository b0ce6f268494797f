//! The snapshots of one stream that may still be somebody's predecessor.

use std::collections::VecDeque;

use crate::counters::Values;

/// A snapshot as it is remembered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) client_us: i64,
    pub(super) appended_ms: i64,
    /// When it was first appended: before that, if it was sent again.
    pub(super) first_ms: i64,
    pub(super) values: Values,
}

/// A sliding-window maximum by client time: append times rise and client times fall from front to
/// back, so the front is the greatest, and what waits behind it is what follows when it expires.
/// Nearly always it holds one snapshot.
#[derive(Debug)]
pub(super) struct Window(VecDeque<Snapshot>);

impl Default for Window {
    fn default() -> Self {
        Self(VecDeque::with_capacity(1))
    }
}

impl Window {
    /// The snapshot of the greatest client time among those appended since `oldest_ms`; those
    /// before `kept_ms`, that or an earlier time, are forgotten.
    pub(super) fn predecessor(&mut self, kept_ms: i64, oldest_ms: i64) -> Option<&Snapshot> {
        while self.0.front().is_some_and(|snapshot| snapshot.appended_ms < kept_ms) {
            self.0.pop_front();
        }
        self.0.iter().find(|snapshot| snapshot.appended_ms >= oldest_ms)
    }

    /// Adds the newest of the log. Of two with the same client time the newer one is kept: it
    /// expires later.
    pub(super) fn push(&mut self, snapshot: Snapshot) {
        while self.0.back().is_some_and(|last| last.client_us <= snapshot.client_us) {
            self.0.pop_back();
        }
        self.0.push_back(snapshot);
    }

    /// True if anything in it was appended since `oldest_ms`.
    pub(super) fn is_live(&self, oldest_ms: i64) -> bool {
        self.0.back().is_some_and(|snapshot| snapshot.appended_ms >= oldest_ms)
    }
}
