//! Reader of recordings of any format.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::budget::Budget;
use super::document::Members;
use super::envelope;
use super::outcome::{Expanded, Refusal, Unread};
use super::raw::{Labels, Raw};
use super::{callstats, canonical, getstats, internals, observertc, protobuf, rtcstats};

/// Expands a recording of any format into self-contained records, oldest first.
///
/// # Errors
/// Fails if it contains nothing to send, or exceeds the budget.
pub fn read(bytes: &[u8], labels: Labels<'_>, budget: &Budget) -> Result<Expanded, Refusal> {
    let expanded = if bytes.first() == Some(&0) {
        canonical::expand(bytes, budget)
    } else {
        let text = str::from_utf8(bytes).map_err(|_| Refusal::NotText)?;
        of_text(text.trim_start_matches('\u{feff}'), budget)
    };
    if let Some(limit_mb) = budget.exceeded() {
        return Err(Refusal::TooLarge { limit_mb });
    }
    let mut expanded = expanded?;
    for record in &mut expanded.records {
        record.label(labels);
    }
    expanded.records.sort_by(|a, b| a.recorded_ms().total_cmp(&b.recorded_ms()));
    Ok(expanded)
}

fn of_text(text: &str, budget: &Budget) -> Result<Expanded, Refusal> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.trim() == rtcstats::NUMBERED || rtcstats::is_line(first) {
        return Ok(rtcstats::expand(text, budget));
    }
    if protobuf::is_base64(first.trim()) {
        let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
        return of_protobuf(lines, Unread::default(), budget);
    }
    let (values, unread) = values(text);
    if let Some(base64) = strings(&values) {
        return of_protobuf(base64.iter().map(|(line, text)| (*line, &**text)), unread, budget);
    }
    let mut expanded = Expanded { unread, ..Expanded::default() };
    let mut refusal = Refusal::UnknownFormat;
    let samples = values.iter().filter_map(|value| serde_json::from_str(value.json.get()).ok());
    let mut samples = observertc::Expander::new(samples, budget);
    for value in &values {
        match of_value(value.json, &mut samples, budget) {
            Ok(more) => {
                expanded.records.extend(more.records);
                expanded.untimed += more.untimed;
            }
            Err(Refusal::LegacyGetStats) => return Err(Refusal::LegacyGetStats),
            Err(why) if budget.exceeded().is_some() => return Err(why),
            Err(why) => {
                refusal = why;
                expanded.unread.add(value.line);
            }
        }
    }
    if expanded.records.is_empty() {
        return Err(match &mut expanded.unread {
            _ if expanded.untimed > 0 => Refusal::NoTimes,
            Unread { first_line: Some(line), why: Some(why), .. } if values.is_empty() => {
                Refusal::NotJson { line: *line, why: std::mem::take(why) }
            }
            _ => refusal,
        });
    }
    Ok(expanded)
}

/// Returns the records of samples in base64, each given with its line.
fn of_protobuf<'a>(
    samples: impl Iterator<Item = (u64, &'a str)>,
    unread: Unread,
    budget: &Budget,
) -> Result<Expanded, Refusal> {
    let mut expanded = Expanded { unread, ..Expanded::default() };
    let mut reader = protobuf::Reader::new(budget);
    let mut refusal = None;
    for (line, text) in samples {
        let read = reader.read(text).unwrap_or_else(|why| {
            refusal.get_or_insert(Refusal::Protobuf { line, why: why.describe() });
            expanded.unread.add(line);
            Vec::new()
        });
        for sample in read {
            match sample {
                Some(sample) => expanded.records.push(Raw::Document(sample)),
                None => {
                    refusal.get_or_insert(Refusal::NoBeginning);
                    expanded.unread.add(line);
                }
            }
        }
        if let Some(limit_mb) = budget.exceeded() {
            return Err(Refusal::TooLarge { limit_mb });
        }
    }
    match refusal {
        Some(why) if expanded.records.is_empty() => Err(why),
        _ => Ok(expanded),
    }
}

/// One JSON value of a recording, or one item of an array.
struct Value<'a> {
    json: &'a RawValue,
    line: u64,
}

/// Returns the JSON values of a text, which may be in arrays. Invalid JSON is skipped up to the end
/// of its line.
fn values(text: &str) -> (Vec<Value<'_>>, Unread) {
    let (mut values, mut unread) = (Vec::new(), Unread::default());
    let (mut from, mut line, mut counted) = (0, 1, 0);
    // Lines are counted only once, even if many are invalid.
    let mut line_of = |at: usize| {
        line += lines(&text[counted..at]);
        counted = at;
        line
    };
    while from < text.len() {
        let mut stream = serde_json::Deserializer::from_str(&text[from..]).into_iter::<&RawValue>();
        let broken = loop {
            let begins = from + stream.byte_offset();
            match stream.next() {
                Some(Ok(json)) => items(json, line_of(begins), &mut values),
                Some(Err(_)) => break begins,
                None => return (values, unread),
            }
        };
        let begins = text.len() - text[broken..].trim_start().len();
        let ends = begins + text[begins..].find('\n').map_or(text.len() - begins, |end| end + 1);
        unread.add_text(line_of(begins), &text[begins..ends]);
        from = ends;
    }
    (values, unread)
}

/// Returns all values as strings, if the first one is base64.
fn strings(values: &[Value<'_>]) -> Option<Vec<(u64, String)>> {
    let string = |value: &Value<'_>| serde_json::from_str::<String>(value.json.get()).ok();
    values.first().and_then(string).filter(|first| protobuf::is_base64(first))?;
    values.iter().map(|value| Some((value.line, string(value)?))).collect()
}

fn lines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

/// Members in which collectors keep lists of records.
const LISTS: [&str; 6] = ["clientSamples", "samples", "events", "records", "reports", "snapshots"];

/// Adds the records in a JSON value. An array of records, bare or as the only list of an object, is
/// several records; an array of stats objects is one record.
fn items<'a>(json: &'a RawValue, line: u64, values: &mut Vec<Value<'a>>) {
    let list = match serde_json::from_str::<Vec<&RawValue>>(json.get()) {
        Ok(list) if !getstats::is_report(json) => Some(list),
        _ => listed(json),
    };
    match list {
        Some(list) => values.extend(list.into_iter().map(|json| Value { json, line })),
        None => values.push(Value { json, line }),
    }
}

/// Returns the records in an object that is not a record itself.
fn listed(json: &RawValue) -> Option<Vec<&RawValue>> {
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(json.get()).ok()?;
    let (_, list) = members.iter().find(|(member, _)| LISTS.contains(*member))?;
    let list: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    let are_records =
        !list.is_empty() && list.iter().all(|item| item.get().starts_with(['{', '[']));
    are_records.then_some(list)
}

fn of_value(
    json: &RawValue,
    samples: &mut observertc::Expander<'_>,
    budget: &Budget,
) -> Result<Expanded, Refusal> {
    let one = |raw: Raw| {
        // An error needs no handling here: nothing is sent once the budget is exceeded.
        let _ = budget.take(json.get().len());
        Expanded { records: vec![raw], ..Expanded::default() }
    };
    let Ok(members) = serde_json::from_str::<Members>(json.get()) else {
        // An array, or an unknown value.
        return getstats::expand(json).map(|envelope| one(envelope.into()));
    };
    let has = |member: &str| members.contains_key(member);
    if internals::is_dump(has) {
        internals::expand(json.get(), budget).ok_or(Refusal::UnknownFormat)
    } else if has("event") && has("v") {
        Ok(one(Raw::Document(envelope::document(members))))
    } else if observertc::is_sample(has) {
        samples.expand(&members).map(|it| one(Raw::Document(it))).ok_or(Refusal::NoBeginning)
    } else if callstats::is_one(has) {
        callstats::expand(members).map(|it| one(Raw::Document(it))).ok_or(Refusal::UnknownFormat)
    } else if !members.is_empty() && members.keys().all(|member| member.starts_with('_')) {
        // A note.
        Ok(Expanded::default())
    } else {
        getstats::expand(json).map(|envelope| one(envelope.into()))
    }
}
