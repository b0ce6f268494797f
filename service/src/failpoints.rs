//! Points at which a process can be made to abort, or one of its threads to hang: between two steps
//! of which either both or none must take effect.
//!
//! In a development build, or with the feature `failpoints`, the environment variable `ISOBAR_ABORT_AT`
//! (`EDGE:N`) aborts the process when it reaches a point for the Nth time, and `ISOBAR_HANG_AT` blocks
//! the thread there for ever. Other builds have no such switches.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        reason = "failpoints are for tests of whole processes: they read a variable and end or stop the process"
    )
)]

/// Environment variable with the point at which to abort, and how often it is passed before.
pub const VARIABLE: &str = "ISOBAR_ABORT_AT";
/// Environment variable with the point at which a thread hangs.
pub const HANG: &str = "ISOBAR_HANG_AT";

/// Writes are acknowledged, and the ledger is not updated yet.
pub const ACKNOWLEDGED: &str = "acknowledged";
/// The ledger is updated.
pub const SETTLED: &str = "settled";
/// A commit is about to be requested.
pub const COMMITTING: &str = "committing";
/// A commit is done.
pub const COMMITTED: &str = "committed";
/// A record is about to be handed to the producer.
pub const WRITING: &str = "writing";
/// A record was handed to the producer.
pub const WRITTEN: &str = "written";
/// An insert is about to end; its rows become visible then.
pub const INSERTING: &str = "inserting";
/// An insert was acknowledged.
pub const INSERTED: &str = "inserted";
/// The process was asked to end, and begins to drain.
pub const DRAINING: &str = "draining";

/// All edges of a service that writes to Kafka.
pub const EDGES: [&str; 6] = [ACKNOWLEDGED, SETTLED, COMMITTING, COMMITTED, WRITING, WRITTEN];
/// All edges of a service that writes to ClickHouse.
pub const SINK_EDGES: [&str; 4] = [INSERTING, INSERTED, COMMITTING, COMMITTED];

/// Returns true if this build has the switch.
pub const PRESENT: bool = cfg!(any(debug_assertions, feature = "failpoints"));

/// The process passes an edge.
#[inline]
pub fn pass(edge: &str) {
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    armed::pass(edge);
    #[cfg(not(any(debug_assertions, feature = "failpoints")))]
    let _ = edge;
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        edge: String,
        left: AtomicU64,
        hangs: bool,
    }

    static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

    fn read() -> Vec<Armed> {
        let armed = |(variable, hangs): (&str, bool)| {
            let value = std::env::var(variable).ok()?;
            let (edge, times) = value.split_once(':')?;
            let left = AtomicU64::new(times.parse().ok()?);
            Some(Armed { edge: edge.to_owned(), left, hangs })
        };
        [(super::VARIABLE, false), (super::HANG, true)].into_iter().filter_map(armed).collect()
    }

    pub(super) fn pass(edge: &str) {
        for armed in ARMED.get_or_init(read) {
            if armed.edge != edge || armed.left.fetch_sub(1, Ordering::Relaxed) != 1 {
                continue;
            }
            if !armed.hangs {
                std::process::abort();
            }
            loop {
                std::thread::park();
            }
        }
    }
}
