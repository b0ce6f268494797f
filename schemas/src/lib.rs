//! The records that Isobar's services exchange, their Avro schemas and their framing.
//!
//! Every subject has one `.avsc` file per version under `schemas/avsc/`. All versions of a subject
//! are fully compatible with each other. Records have Confluent framing: byte 0, the schema's id as
//! four bytes big-endian, then the Avro datum.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod activity;
mod block;
mod cell;
mod codec;
mod datum;
mod dead_letter;
mod enriched;
pub mod json_numbers;
pub mod measures;
mod report;
mod session;
pub mod sketch;
pub mod topics;

pub use block::BlockAudit;
pub use cell::{CellPartial, Dimensions, PackTime};
pub use codec::{
    DatumError, DecodeError, EncodeError, Record, Subject, decode, decode_first, decode_into,
    encode, encode_into, schema,
};
pub use datum::Malformed;
pub use dead_letter::{DeadLetter, DeadLetterHead};
pub use enriched::{
    Device, EnrichedPath, EnrichedReport, LookUps, PackVerdict, Place, PlaceSource, Provider,
    ScoredInterval, Verdict,
};
pub use measures::{Measures, Quantities, Sketches, StreamPartial};
pub use report::{
    Audio, Claim, Correction, Direction, EventKind, Happened, Inbound, Interval, Kind, Limitation,
    Lineage, Path, RawOutcome, Report, Skipped, Video,
};
pub use session::SessionPartial;

/// Value of a look-up that found nothing; this is not an error.
pub const UNKNOWN: &str = "unknown";
