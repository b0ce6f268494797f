//! Avro in Confluent framing, straight between Rust records and bytes: field by field for records
//! that intervals and partials pass in, by `apache-avro` for all others.

use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::datum::{Datum, Malformed};
use crate::{
    BlockAudit, CellPartial, DeadLetter, EnrichedReport, HourPartial, Report, SessionPartial,
};

/// A kind of record; its name is the file's name under `schemas/avsc/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// [`Report`].
    Report,
    /// [`EnrichedReport`].
    EnrichedReport,
    /// [`CellPartial`].
    CellPartial,
    /// [`SessionPartial`].
    SessionPartial,
    /// [`BlockAudit`].
    BlockAudit,
    /// [`DeadLetter`].
    DeadLetter,
    /// [`HourPartial`].
    HourPartial,
}

impl Subject {
    /// All subjects, in the order of their ids.
    pub const ALL: [Self; 7] = [
        Self::Report,
        Self::EnrichedReport,
        Self::CellPartial,
        Self::SessionPartial,
        Self::BlockAudit,
        Self::DeadLetter,
        Self::HourPartial,
    ];

    /// The subject's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::EnrichedReport => "enriched_report",
            Self::CellPartial => "cell_partial",
            Self::SessionPartial => "session_partial",
            Self::BlockAudit => "block_audit",
            Self::DeadLetter => "dead_letter",
            Self::HourPartial => "hour_partial",
        }
    }

    /// The id of the subject's newest schema: subject × 100 + version. Ids are fixed here because
    /// the services call no other server, a schema registry included.
    #[must_use]
    pub const fn schema_id(self) -> u32 {
        (self as u32 + 1) * 100 + 1
    }

    /// The subject and version of bytes in Confluent framing, if that subject is known here and the
    /// version is newer than any that is: who wrote them runs a newer release.
    #[must_use]
    pub fn newer(bytes: &[u8]) -> Option<(Self, u32)> {
        let (id, _) = bytes.strip_prefix(&[0])?.split_first_chunk::<4>()?;
        let id = u32::from_be_bytes(*id);
        let subject = *Self::ALL.iter().find(|subject| subject.schema_id() / 100 == id / 100)?;
        (id > subject.schema_id()).then_some((subject, id % 100))
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Report => include_str!("../avsc/report.v1.avsc"),
            Self::EnrichedReport => include_str!("../avsc/enriched_report.v1.avsc"),
            Self::CellPartial => include_str!("../avsc/cell_partial.v1.avsc"),
            Self::SessionPartial => include_str!("../avsc/session_partial.v1.avsc"),
            Self::BlockAudit => include_str!("../avsc/block_audit.v1.avsc"),
            Self::DeadLetter => include_str!("../avsc/dead_letter.v1.avsc"),
            Self::HourPartial => include_str!("../avsc/hour_partial.v1.avsc"),
        }
    }
}

/// A record that travels under a [`Subject`].
pub trait Record: Serialize + DeserializeOwned + Default {
    /// The subject.
    const SUBJECT: Subject;

    /// Appends the record's datum.
    ///
    /// # Errors
    /// When a value does not fit the schema.
    #[doc(hidden)]
    fn write_datum(&self, out: &mut Vec<u8>) -> Result<(), apache_avro::Error> {
        CODECS[Self::SUBJECT as usize].writer.write_ser(out, self).map(drop)
    }

    /// Overwrites the record with the datum at the front of `input`, and removes that from `input`.
    ///
    /// # Errors
    /// When the bytes do not begin with one.
    #[doc(hidden)]
    fn read_datum(&mut self, input: &mut &[u8]) -> Result<(), DatumError> {
        *self = CODECS[Self::SUBJECT as usize].reader.read_deser(input).map_err(Box::new)?;
        Ok(())
    }
}

impl Record for BlockAudit {
    const SUBJECT: Subject = Subject::BlockAudit;
}

impl Record for DeadLetter {
    const SUBJECT: Subject = Subject::DeadLetter;
}

macro_rules! field_by_field {
    ($($record:ident),*) => { $(impl Record for $record {
        const SUBJECT: Subject = Subject::$record;

        fn write_datum(&self, out: &mut Vec<u8>) -> Result<(), apache_avro::Error> {
            self.write(out);
            Ok(())
        }

        fn read_datum(&mut self, input: &mut &[u8]) -> Result<(), DatumError> {
            Ok(self.read(input)?)
        }
    })* };
}
field_by_field!(Report, EnrichedReport, CellPartial, SessionPartial, HourPartial);

/// A record could not be written: a value does not fit its schema.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: cannot encode: {source}")]
pub struct EncodeError {
    subject: &'static str,
    source: Box<apache_avro::Error>,
}

/// Bytes are not a record of the wanted subject.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than a frame, or byte 0 is not 0.
    #[error("not in Confluent framing")]
    Framing,
    /// The schema's id is none that this program knows for the subject.
    #[error("schema id {found} is not a version of {subject} known here (newest: {newest})")]
    Schema {
        /// Wanted subject.
        subject: &'static str,
        /// Id in the frame.
        found: u32,
        /// Newest id known.
        newest: u32,
    },
    /// The datum does not follow its schema.
    #[error("{subject}: the datum does not follow its schema{}", .source.detail())]
    Datum {
        /// Wanted subject.
        subject: &'static str,
        /// In what.
        source: DatumError,
    },
    /// Bytes are left after the datum.
    #[error("{subject}: {left} bytes left after the datum")]
    Trailing {
        /// Wanted subject.
        subject: &'static str,
        /// How many.
        left: usize,
    },
}

/// Error: a datum does not follow its schema.
#[derive(Debug, thiserror::Error)]
pub enum DatumError {
    /// Error of a record that is read field by field.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Error of a record that `apache-avro` reads.
    #[error(transparent)]
    Avro(#[from] Box<apache_avro::Error>),
}

impl DatumError {
    /// For the text of an error. Avro's reason quotes what it read, and so is no part of it.
    fn detail(&self) -> String {
        match self {
            Self::Malformed(malformed) => format!(": {malformed}"),
            Self::Avro(_) => String::new(),
        }
    }
}

struct Codec {
    reader: GenericDatumReader<'static>,
    writer: GenericDatumWriter<'static>,
}

static SCHEMAS: LazyLock<[Schema; 7]> = LazyLock::new(|| {
    // A string or array may not claim more than this before its bytes are there.
    apache_avro::util::max_allocation_bytes(16 << 20);
    Subject::ALL.map(|subject| {
        #[expect(clippy::expect_used, reason = "embedded files, held valid by a test")]
        Schema::parse_str(subject.source()).expect("embedded schema")
    })
});

static CODECS: LazyLock<[Codec; 7]> = LazyLock::new(|| {
    Subject::ALL.map(|subject| {
        let schema = schema(subject);
        #[expect(clippy::expect_used, reason = "embedded files, held valid by a test")]
        Codec {
            reader: GenericDatumReader::builder(schema).build().expect("embedded schema"),
            writer: GenericDatumWriter::builder(schema).build().expect("embedded schema"),
        }
    })
});

/// The subject's newest schema.
#[must_use]
pub fn schema(subject: Subject) -> &'static Schema {
    &SCHEMAS[subject as usize]
}

/// Encodes a record in Confluent framing.
///
/// # Errors
/// When a value does not fit the schema.
pub fn encode<T: Record>(record: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(2048);
    encode_into(record, &mut bytes).map(|()| bytes)
}

/// Overwrites `bytes` with a record in Confluent framing.
///
/// # Errors
/// When a value does not fit the schema.
pub fn encode_into<T: Record>(record: &T, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    bytes.clear();
    bytes.push(0);
    bytes.extend_from_slice(&T::SUBJECT.schema_id().to_be_bytes());
    record
        .write_datum(bytes)
        .map_err(|source| EncodeError { subject: T::SUBJECT.name(), source: Box::new(source) })
}

/// Decodes a record in Confluent framing.
///
/// # Errors
/// When the bytes are not exactly one record of the subject.
pub fn decode<T: Record>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut record = T::default();
    decode_into(bytes, &mut record).map(|()| record)
}

/// Decodes a record in Confluent framing in the place of another, whose memory it uses. After an
/// error `record` is neither the one nor the other.
///
/// # Errors
/// When the bytes are not exactly one record of the subject.
pub fn decode_into<T: Record>(mut bytes: &[u8], record: &mut T) -> Result<(), DecodeError> {
    read(&mut bytes, record)?;
    if bytes.is_empty() {
        Ok(())
    } else {
        Err(DecodeError::Trailing { subject: T::SUBJECT.name(), left: bytes.len() })
    }
}

/// Decodes the first of several records in Confluent framing, and leaves the others in `bytes`.
///
/// # Errors
/// When the bytes do not begin with a record of the subject.
pub fn decode_first<T: Record>(bytes: &mut &[u8]) -> Result<T, DecodeError> {
    let mut record = T::default();
    read(bytes, &mut record).map(|()| record)
}

fn read<T: Record>(bytes: &mut &[u8], record: &mut T) -> Result<(), DecodeError> {
    let subject = T::SUBJECT.name();
    let [0, a, b, c, d, datum @ ..] = *bytes else {
        return Err(DecodeError::Framing);
    };
    let found = u32::from_be_bytes([*a, *b, *c, *d]);
    let newest = T::SUBJECT.schema_id();
    if found != newest {
        return Err(DecodeError::Schema { subject, found, newest });
    }
    let mut rest = datum;
    record.read_datum(&mut rest).map_err(|source| DecodeError::Datum { subject, source })?;
    *bytes = rest;
    Ok(())
}
