//! What the fuzz targets share: seeds, and what has to hold for decoders that have no entry of their
//! own for it. How to run them: `docs/reference/fuzzing.md`.

pub mod records;
pub mod replay;
pub mod seeds;
pub mod states;
