//! The records that Isobar's services exchange, their Avro schemas and their framing.
//!
//! Every subject has one `.avsc` file a version under `schemas/avsc/`; versions of a subject stay
//! fully compatible with each other. A record travels in Confluent framing: byte 0, the schema's
//! id as four bytes big-endian, then the Avro datum.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod activity;
mod block;
mod cell;
mod codec;
mod datum;
mod dead_letter;
mod enriched;
mod hour;
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
pub use hour::{HourPartial, HourStream};
pub use measures::{Measures, Quantities, Sketches, StreamPartial};
pub use report::{
    Audio, Claim, Correction, Direction, EventKind, Happened, Inbound, Interval, Kind, Limitation,
    Lineage, Path, RawOutcome, Report, Skipped, Video,
};
pub use session::SessionPartial;

/// Value where a look-up found nothing: not found is data, not an error.
pub const UNKNOWN: &str = "unknown";
