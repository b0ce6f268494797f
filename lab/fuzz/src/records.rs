//! Avro in Confluent framing.

use schemas::{
    BlockAudit, CellPartial, DeadLetter, EnrichedReport, HourPartial, Record, Report,
    SessionPartial, Subject,
};

/// Reads the rest of `input` as a record of the subject that its first byte chooses.
pub fn check(input: &[u8]) {
    let Some((chosen, datum)) = input.split_first() else { return };
    match Subject::ALL[usize::from(*chosen) % Subject::ALL.len()] {
        Subject::Report => identity::<Report>(datum),
        Subject::EnrichedReport => identity::<EnrichedReport>(datum),
        Subject::CellPartial => identity::<CellPartial>(datum),
        Subject::SessionPartial => identity::<SessionPartial>(datum),
        Subject::BlockAudit => identity::<BlockAudit>(datum),
        Subject::DeadLetter => identity::<DeadLetter>(datum),
        Subject::HourPartial => identity::<HourPartial>(datum),
    }
}

/// Checks that a record is the same after writing and reading it. Avro allows several encodings of
/// a datum, so only the first and the second writing must be equal.
fn identity<T: Record>(datum: &[u8]) {
    let framed = [&[0], &T::SUBJECT.schema_id().to_be_bytes()[..], datum].concat();
    let record = match schemas::decode::<T>(&framed) {
        Ok(record) => record,
        Err(error) => return assert!(error.to_string().len() < 150, "quotes: {error}"),
    };
    let written = schemas::encode(&record).expect("what was read can be written");
    let again = schemas::decode::<T>(&written).expect("what was written can be read");
    assert_eq!(schemas::encode(&again).expect("written twice"), written);
}
