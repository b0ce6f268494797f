//! Recognition of samples of ObserveRTC's protobuf encoder, `@observertc/samples-encoder` 2 and 3.
//! They are deltas to the previous sample, so their content is not read.
//!
//! <https://github.com/ObserveRTC/schemas/blob/main/npm-samples-encoder/src/OutputSamples.ts>
//! <https://www.npmjs.com/package/@observertc/samples-encoder/v/2.2.12>

use std::ops::RangeInclusive;

/// Plausible times of a sample, ms since the Unix epoch: from 1973 to 5138.
const PLAUSIBLE_MS: RangeInclusive<f64> = 1e11..=1e14;

/// Returns whether the bytes consist of the fields of a ClientSample and its peer connections, with
/// a time and a session, as in every sample; or of samples of several clients, as in schema 2.
/// Other bytes hardly ever pass: the first must be one of a dozen values, eight bytes (six in
/// schema 2) must be a plausible time, and the last of many lengths must end with the bytes.
pub(super) fn is_sample(bytes: &[u8]) -> bool {
    of_schema_3(bytes) || of_schema_2(bytes) || of_clients(bytes)
}

fn of_schema_3(bytes: &[u8]) -> bool {
    let (mut is_timed, mut is_someones) = (false, false);
    let known = every_field(bytes, |number, value| match (number, value) {
        (1..=4 | 7 | 8 | 11, Value::Bytes(_)) | (10, Value::Fixed(_)) => true,
        (5, Value::Bytes(connection)) => is_connection(connection),
        (6, Value::Fixed(time)) => {
            is_timed = true;
            PLAUSIBLE_MS.contains(&f64::from_le_bytes(time))
        }
        (9, Value::Bytes(client)) => {
            is_someones = true;
            !client.is_empty()
        }
        // A field of a later release.
        (number, _) => number > 11,
    });
    known && is_timed && is_someones
}

fn is_connection(bytes: &[u8]) -> bool {
    every_field(bytes, |number, value| match (number, value) {
        (1..=17 | 19, Value::Bytes(_)) | (18, Value::Fixed(_)) => true,
        (number, _) => number > 19,
    })
}

/// Returns the same for schema 2, which has no later release.
fn of_schema_2(bytes: &[u8]) -> bool {
    let (mut is_timed, mut is_someones) = (false, false);
    let known = every_field(bytes, |number, value| match (number, value) {
        (22, Value::Varint(time)) => {
            is_timed = true;
            PLAUSIBLE_MS.contains(&(time as f64))
        }
        (21, Value::Bytes(client)) => {
            is_someones = true;
            !client.is_empty()
        }
        (1..=20 | 23..=29 | 32, Value::Bytes(_)) | (30 | 31, Value::Varint(_)) => true,
        _ => false,
    });
    known && is_timed && is_someones
}

fn of_clients(bytes: &[u8]) -> bool {
    let mut some = false;
    let known = every_field(bytes, |number, value| match (number, value) {
        (1, Value::Bytes(sample)) => {
            some = true;
            of_schema_2(sample)
        }
        (2..=4, Value::Bytes(_)) => true,
        _ => false,
    });
    known && some
}

/// Value of a field, with the type that its bytes indicate.
enum Value<'a> {
    Varint(u64),
    Fixed([u8; 8]),
    Bytes(&'a [u8]),
}

/// Returns whether the bytes are a sequence of fields that all satisfy `is_known`.
fn every_field(mut bytes: &[u8], mut is_known: impl FnMut(u64, Value<'_>) -> bool) -> bool {
    while !bytes.is_empty() {
        if !field(&mut bytes).is_some_and(|(number, value)| is_known(number, value)) {
            return false;
        }
    }
    true
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = varint(bytes)?;
    let value = match tag & 7 {
        0 => varint(bytes).map(Value::Varint),
        1 => bytes.split_off(..8)?.try_into().ok().map(Value::Fixed),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            bytes.split_off(..length).map(Value::Bytes)
        }
        _ => None,
    };
    Some((tag >> 3, value?))
}

/// Reads a number: seven bits per byte, the lowest first; the top bit marks that more follow.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
