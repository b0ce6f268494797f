//! The Rust records and their schemas say the same, and no bytes can bring a decoder down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Debug;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::ResolvedSchema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use schemas::{
    BlockAudit, CellPartial, DeadLetter, EnrichedReport, HourPartial, Record, Report,
    SessionPartial, decode, decode_into, encode, schema,
};

/// More than any enum has symbols, so that every symbol has its turn.
const TURNS: i64 = 12;

/// A value of `schema` with every optional field set and all numbers and strings different.
fn filled(schema: &Schema, names: &ResolvedSchema<'_>, next: &mut i64) -> Value {
    *next += 1;
    match schema {
        Schema::Boolean => Value::Boolean(true),
        Schema::Int => Value::Int(i32::try_from(*next).unwrap()),
        Schema::Long => Value::Long(-*next << 40),
        Schema::String => Value::String(format!("text {next} é")),
        Schema::Bytes => Value::Bytes(vec![0, 255, *next as u8]),
        Schema::Enum(of) => {
            let index = *next as usize % of.symbols.len();
            Value::Enum(index as u32, of.symbols[index].clone())
        }
        Schema::Array(of) => Value::Array((0..2).map(|_| filled(&of.items, names, next)).collect()),
        Schema::Union(of) => {
            let [Schema::Null, some] = of.variants() else { panic!("a union that is no option") };
            Value::Union(1, Box::new(filled(some, names, next)))
        }
        Schema::Record(of) => Value::Record(
            of.fields
                .iter()
                .map(|field| (field.name.clone(), filled(&field.schema, names, next)))
                .collect(),
        ),
        Schema::Ref { name } => filled(names.get_names()[name], names, next),
        other => panic!("no subject has a {other:?}"),
    }
}

fn check<T: Record + Debug + Default + PartialEq>() {
    let schema = schema(T::SUBJECT);
    let names = ResolvedSchema::new(schema).unwrap();
    let mut reused = T::default();
    for turn in 0..TURNS {
        let value = filled(schema, &names, &mut turn.clone());
        let mut frame = vec![0];
        frame.extend(T::SUBJECT.schema_id().to_be_bytes());
        let writer = GenericDatumWriter::builder(schema).build().unwrap();
        writer.write_value(&mut frame, value.clone()).unwrap();

        let record: T = decode(&frame).unwrap();
        assert_ne!(record, T::default());
        assert_eq!(encode(&record).unwrap(), frame);
        let empty = encode(&T::default()).unwrap();
        for (frame, record) in [(&frame, &record), (&empty, &T::default()), (&frame, &record)] {
            decode_into(frame, &mut reused).unwrap();
            assert_eq!(reused, *record, "nothing of the record before is left");
        }
        let reader = GenericDatumReader::builder(schema).build().unwrap();
        assert_eq!(reader.read_value(&mut &frame[5..]).unwrap(), value);

        for cut in 0..frame.len() {
            assert!(decode::<T>(&frame[..cut]).is_err(), "{cut} of {} bytes", frame.len());
        }
        frame.push(0);
        assert!(decode::<T>(&frame).is_err(), "a byte too many");
    }
    let empty = T::default();
    assert_eq!(decode::<T>(&encode(&empty).unwrap()).unwrap(), empty);
}

#[test]
fn every_field_of_every_record_goes_to_avro_and_back() {
    check::<Report>();
    check::<EnrichedReport>();
    check::<CellPartial>();
    check::<SessionPartial>();
    check::<HourPartial>();
    check::<BlockAudit>();
    check::<DeadLetter>();
}

#[test]
fn another_subjects_record_is_refused_by_its_schema_id() {
    let frame = encode(&BlockAudit::default()).unwrap();
    assert_eq!(
        decode::<DeadLetter>(&frame).unwrap_err().to_string(),
        "schema id 501 is not a version of dead_letter known here (newest: 601)"
    );
    assert_eq!(decode::<Report>(b"{}").unwrap_err().to_string(), "not in Confluent framing");
}

/// Decodes `datum` as every subject; only a panic fails.
fn decode_as_all(datum: &[u8]) {
    fn try_one<T: Record>(datum: &[u8]) {
        let id = T::SUBJECT.schema_id().to_be_bytes();
        let _ = decode::<T>(datum);
        let _ = decode::<T>(&[&[0], &id[..], datum].concat());
    }
    try_one::<Report>(datum);
    try_one::<EnrichedReport>(datum);
    try_one::<CellPartial>(datum);
    try_one::<SessionPartial>(datum);
    try_one::<HourPartial>(datum);
    try_one::<BlockAudit>(datum);
    try_one::<DeadLetter>(datum);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(datum in prop::collection::vec(any::<u8>(), 0..400)) {
        decode_as_all(&datum);
    }

    #[test]
    fn a_record_with_changed_bytes_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        turn in 0..TURNS,
    ) {
        let schema = schema(EnrichedReport::SUBJECT);
        let names = ResolvedSchema::new(schema).unwrap();
        let mut datum = Vec::new();
        let writer = GenericDatumWriter::builder(schema).build().unwrap();
        writer.write_value(&mut datum, filled(schema, &names, &mut turn.clone())).unwrap();
        for (at, byte) in changes {
            let at = at.index(datum.len());
            datum[at] = byte;
        }
        decode_as_all(&datum);
    }
}
