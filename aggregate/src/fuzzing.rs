//! Properties that must hold for any bytes as committed metadata and states of sketches. Called by
//! fuzz targets and tests; not part of the public interface.

use service::{Committed, Offset};

use crate::block::Metadata;
use schemas::sketch::Sketch;

/// Reads `text` as committed metadata. Panics if writing and reading it again gives another result.
pub fn metadata(text: &str) {
    let committed = |metadata: &str| Committed { offset: Offset(0), metadata: metadata.to_owned() };
    let Ok(parsed) = Metadata::read(&committed(text)) else { return };
    let Ok(text) = parsed.0.text() else { return };
    assert_eq!(Metadata::read(&committed(&text)).ok(), Some(parsed), "{text}");
}

/// Returns whether aggregate would write exactly this state. Panics if a state that can be read has
/// more than one written form.
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
