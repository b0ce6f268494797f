//! Common parts of the fuzz targets: seeds, and properties of decoders that are not defined in their
//! crates. `docs/reference/fuzzing.md` describes how to run them.

pub mod records;
pub mod replay;
pub mod seeds;
pub mod states;
