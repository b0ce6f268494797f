//! Edges at which a process can be made to abort: between two things that must both be done, or
//! neither.
//!
//! In a development build, or with the feature `failpoints`, the variable `ISOBAR_ABORT_AT` of the
//! environment (`EDGE:N`) aborts the process when it comes to an edge for the Nth time. Other builds
//! have no such switch.

/// Variable of the environment that names an edge, and how often it is passed.
pub const VARIABLE: &str = "ISOBAR_ABORT_AT";

/// Writes are acknowledged, and the ledger does not know yet.
pub const ACKNOWLEDGED: &str = "acknowledged";
/// The ledger knows.
pub const SETTLED: &str = "settled";
/// A commit is about to be asked for.
pub const COMMITTING: &str = "committing";
/// A commit is done.
pub const COMMITTED: &str = "committed";
/// A record is about to be handed to the producer.
pub const WRITING: &str = "writing";
/// A record was handed to the producer.
pub const WRITTEN: &str = "written";
/// An insert is about to end: until then its rows are not there.
pub const INSERTING: &str = "inserting";
/// An insert was acknowledged.
pub const INSERTED: &str = "inserted";

/// All edges of a service that writes to Kafka.
pub const EDGES: [&str; 6] = [ACKNOWLEDGED, SETTLED, COMMITTING, COMMITTED, WRITING, WRITTEN];
/// All edges of one that writes to ClickHouse.
pub const SINK_EDGES: [&str; 4] = [INSERTING, INSERTED, COMMITTING, COMMITTED];

/// True if this build has the switch.
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
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    fn read() -> Option<Armed> {
        let told = std::env::var(super::VARIABLE).ok()?;
        let (edge, times) = told.split_once(':')?;
        Some(Armed { edge: edge.to_owned(), left: AtomicU64::new(times.parse().ok()?) })
    }

    pub(super) fn pass(edge: &str) {
        let Some(armed) = ARMED.get_or_init(read) else { return };
        if armed.edge == edge && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::process::abort();
        }
    }
}
