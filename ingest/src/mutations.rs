//! Names of the claims that [`service::mutations`] can break here.

/// A restarted process first reads again what its state depends on.
pub const LOOK_BACK: &str = "look-back";
