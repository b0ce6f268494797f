//! Names of the guarantees of ingest that [`service::mutations`] can break.

/// A restarted process first reads the records again that its state depends on.
pub const LOOK_BACK: &str = "look-back";
