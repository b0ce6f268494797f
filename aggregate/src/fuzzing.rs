//! Any bytes as what is read here: what must hold whatever they are. Fuzz targets and tests call
//! this; it is no part of the interface.

use service::{Committed, Offset};

use crate::block::Metadata;
use schemas::sketch::Sketch;

/// Reads `text` as what was committed. Panics unless what is read is written as what it says.
pub fn metadata(text: &str) {
    let committed = |metadata: &str| Committed { offset: Offset(0), metadata: metadata.to_owned() };
    let Ok(parsed) = Metadata::read(&committed(text)) else { return };
    let Ok(text) = parsed.0.text() else { return };
    assert_eq!(Metadata::read(&committed(&text)).ok(), Some(parsed), "{text}");
}

/// True if aggregate would write just this state. Panics unless what is read of it, however it is
/// written, is written in one way.
#[must_use]
pub fn is_written_here(state: &[u8]) -> bool {
    let Some(sketch) = Sketch::from_state(state) else { return false };
    let mut written = Vec::new();
    sketch.write_state(&mut written);
    assert_eq!(Sketch::from_state(&written).as_ref(), Some(&sketch));
    let quantile = sketch.quantile(0.5);
    assert!(quantile.is_none_or(|value| value.is_finite() && value >= 0.0), "{quantile:?}");
    written == state
}
