//! Isobar's own canonical reports, in Avro and Confluent framing, on the raw topic.
//!
//! Their intervals are taken as they are: who wrote them has worked out the differences already.
//! So there is no snapshot to compare them with, and a copy is known as events are: by session,
//! kind and time.

use schemas::{DecodeError, EventKind, Interval, Report};

use super::fields::{MAX_NAME, MAX_PROSE, bad};
use super::{Reason, Rejected};
use crate::settings::Settings;

/// The media type that says so.
pub(super) const CONTENT_TYPE: &str = "application/vnd.isobar.report+avro";

/// First byte of Confluent framing.
pub(super) const MAGIC: u8 = 0;

pub(super) fn decode(payload: &[u8], limits: &Settings) -> Result<Report, Rejected> {
    let report: Report = schemas::decode(payload).map_err(|error| {
        let reason = match error {
            DecodeError::Framing | DecodeError::Schema { .. } => Reason::UnknownFormat,
            DecodeError::Datum { .. } | DecodeError::Trailing { .. } => Reason::BadValue,
        };
        Rejected::new(reason, error.to_string())
    })?;
    check(&report, limits).map(|()| report)
}

fn check(report: &Report, limits: &Settings) -> Result<(), Rejected> {
    if report.event == EventKind::Cover {
        return Err(bad("event", "one that tells anything: a cover answers for other records"));
    }
    let names = [
        ("app", Some(&report.app)),
        ("call", Some(&report.call)),
        ("participant", Some(&report.participant)),
    ];
    for (field, name) in names {
        if name.is_none_or(String::is_empty) {
            return Err(bad(field, "a name: it is empty"));
        }
    }
    let texts = [
        ("peer_connection", Some(&report.peer_connection), MAX_NAME),
        ("client_address", report.client_address.as_ref(), MAX_NAME),
        ("edge", report.edge.as_ref(), MAX_NAME),
        ("client_version", report.client_version.as_ref(), MAX_NAME),
        ("user_agent", report.user_agent.as_ref(), MAX_PROSE),
        ("failure_reason", report.failure_reason.as_ref(), MAX_PROSE),
    ];
    let names = names.map(|(field, name)| (field, name, MAX_NAME));
    for (field, text, limit) in names.into_iter().chain(texts) {
        if text.is_some_and(|text| text.len() > limit) {
            return Err(bad(field, &format!("a string of at most {limit} bytes")));
        }
    }
    if report.rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
        return Err(bad("rating", "an integer from 1 to 5"));
    }
    if report.intervals.len() > 4 * limits.max_streams {
        let detail = format!("intervals: more than {}", 4 * limits.max_streams);
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    let longest_us = limits.look_back_ms().saturating_mul(1000);
    report.intervals.iter().try_for_each(|interval| of_interval(interval, report, longest_us))
}

/// An interval may be no longer than the engine's own can be, and tell nothing that it cannot.
fn of_interval(interval: &Interval, report: &Report, longest_us: i64) -> Result<(), Rejected> {
    let length_us = interval.end_us.checked_sub(interval.start_us);
    if !length_us.is_some_and(|length_us| (1..=longest_us).contains(&length_us)) {
        return Err(bad("intervals.end_us", "after start_us, and within the look-back of it"));
    }
    if interval.end_us.checked_sub(report.event_us).is_none_or(|us| us.abs() > longest_us) {
        return Err(bad("intervals.end_us", "within the look-back of event_us"));
    }
    if interval.stats_id.len() > MAX_NAME
        || interval.codec.as_ref().is_some_and(|codec| codec.len() > MAX_NAME)
    {
        return Err(bad("intervals", &format!("strings of at most {MAX_NAME} bytes")));
    }
    let counts = [interval.packets_received, interval.packets_sent, interval.bytes];
    if counts.into_iter().flatten().any(|count| count < 0) {
        return Err(bad("intervals", "counts from 0 on"));
    }
    Ok(())
}
