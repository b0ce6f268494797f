//! Isobar's own canonical reports, in Avro and Confluent framing, on the raw topic.
//!
//! Their intervals are accepted unchanged, because they are differences already. So there is no
//! snapshot to compare, and duplicates are recognised like those of events: by session, kind and
//! time.

use std::borrow::Cow;

use schemas::{DecodeError, EventKind, Interval, Path, Report};

use super::fields::{
    MAX_ASN, MAX_EVENTS, MAX_NAME, MAX_PROSE, bad, code, id, is_place, is_reason, is_token,
};
use super::get_stats::is_network;
use super::{Reason, Rejected};
use crate::counts::{counts, signed};
use crate::settings::Settings;

/// Media type of the format.
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
    check(&report, limits)?;
    Ok(coded(report))
}

/// Returns the report with names of its own objects in the form of codes.
fn coded(mut report: Report) -> Report {
    let names =
        [Some(&mut report.peer_connection), report.edge.as_mut(), report.client_version.as_mut()];
    let of_streams = report.intervals.iter_mut().map(|interval| &mut interval.stats_id);
    for name in names.into_iter().flatten().chain(of_streams) {
        let hash = match code(Cow::Borrowed(name.as_str())) {
            Cow::Owned(hash) => hash,
            Cow::Borrowed(_) => continue,
        };
        *name = hash;
    }
    if let Some(claim) = &mut report.claim {
        for name in [&mut claim.subdivision, &mut claim.city, &mut claim.organisation] {
            name.take_if(|name| !is_place(name));
        }
    }
    report
}

fn check(report: &Report, limits: &Settings) -> Result<(), Rejected> {
    if report.event == EventKind::Cover {
        return Err(bad("event", "an event other than cover, which has no content"));
    }
    for (field, name) in
        [("app", &report.app), ("call", &report.call), ("participant", &report.participant)]
    {
        id(field, name)?;
    }
    texts(report)?;
    if report.rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
        return Err(bad("rating", "an integer from 1 to 5"));
    }
    for (field, ms) in [
        ("time_to_connect_ms", report.time_to_connect_ms),
        ("time_to_media_ms", report.time_to_media_ms),
    ] {
        // If it is too long, only this time is missing.
        if ms.is_some_and(|ms| ms < 0) {
            return Err(bad(field, "a number of ms"));
        }
    }
    if report.paths.len() > MAX_PATHS {
        let detail = format!("paths: more than {MAX_PATHS}");
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    report.paths.iter().try_for_each(of_path)?;
    if report.intervals.len() > 4 * limits.max_streams {
        let detail = format!("intervals: more than {}", 4 * limits.max_streams);
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    let longest_us = limits.look_back_ms().saturating_mul(1000);
    if report.more_events.len() > MAX_EVENTS {
        let detail = format!("more_events: more than {MAX_EVENTS}");
        return Err(Rejected::new(Reason::TooLarge, detail));
    }
    for more in &report.more_events {
        if matches!(more.event, EventKind::Cover | EventKind::Stats) {
            return Err(bad("more_events.event", "an event other than stats and cover"));
        }
        let beside_us = more.event_us.checked_sub(report.event_us).and_then(i64::checked_abs);
        if beside_us.is_none_or(|us| us > longest_us) {
            return Err(bad("more_events.event_us", "within the look-back of event_us"));
        }
    }
    report.intervals.iter().try_for_each(|interval| of_interval(interval, report, longest_us))
}

/// Checks that texts are no longer than in other formats, and contain nothing that those leave out.
fn texts(report: &Report) -> Result<(), Rejected> {
    let claim = report.claim.clone().unwrap_or_default();
    let texts = [
        ("peer_connection", Some(&report.peer_connection), MAX_NAME),
        ("client_address", report.client_address.as_ref(), MAX_NAME),
        ("edge", report.edge.as_ref(), MAX_NAME),
        ("client_version", report.client_version.as_ref(), MAX_NAME),
        ("user_agent", report.user_agent.as_ref(), MAX_PROSE),
        ("failure_reason", report.failure_reason.as_ref(), MAX_PROSE),
        ("claim.continent", claim.continent.as_ref(), MAX_NAME),
        ("claim.country", claim.country.as_ref(), MAX_NAME),
        ("claim.subdivision", claim.subdivision.as_ref(), MAX_NAME),
        ("claim.city", claim.city.as_ref(), MAX_NAME),
        ("claim.organisation", claim.organisation.as_ref(), MAX_NAME),
    ];
    for (field, text, limit) in texts {
        if text.is_some_and(|text| text.len() > limit) {
            return Err(bad(field, &format!("a string of at most {limit} bytes")));
        }
    }
    if claim.asn.is_some_and(|asn| !(1..=MAX_ASN).contains(&asn)) {
        return Err(bad("claim.asn", "the number of an autonomous system"));
    }
    if report.failure_reason.as_deref().is_some_and(|reason| !is_reason(reason)) {
        return Err(bad("failure_reason", "a code of at most 64 letters, digits, _, . and -"));
    }
    Ok(())
}

fn of_path(path: &Path) -> Result<(), Rejected> {
    let tokens = [
        &path.local_candidate_type,
        &path.remote_candidate_type,
        &path.protocol,
        &path.relay_protocol,
        &path.network_type,
        &path.ice_state,
        &path.dtls_state,
    ];
    let network = path.network_type.as_deref();
    if !tokens.into_iter().flatten().all(|token| is_token(token))
        || network.is_some_and(|network| !is_network(network))
    {
        return Err(bad("paths", "names of candidate types, protocols, networks and states"));
    }
    let counts = [
        path.ice_round_trip_us,
        path.ice_round_trip_count,
        path.ice_round_trip_gauge_us,
        path.selected_pair_changes,
        path.available_outgoing_bitrate,
    ];
    if are_counts(&counts) { Ok(()) } else { Err(bad("paths", COUNTS)) }
}

/// Checks an interval: its times must be possible for an interval of the engine, and its quantities
/// are bounded alike.
fn of_interval(interval: &Interval, report: &Report, longest_us: i64) -> Result<(), Rejected> {
    let length_us = interval.end_us.checked_sub(interval.start_us);
    if !length_us.is_some_and(|length_us| (1..=longest_us).contains(&length_us)) {
        return Err(bad("intervals.end_us", "after start_us, and within the look-back of it"));
    }
    let beside_us = interval.end_us.checked_sub(report.event_us).and_then(i64::checked_abs);
    if beside_us.is_none_or(|us| us > longest_us) {
        return Err(bad("intervals.end_us", "within the look-back of event_us"));
    }
    if interval.stats_id.len() > MAX_NAME {
        return Err(bad("intervals.stats_id", &format!("a string of at most {MAX_NAME} bytes")));
    }
    let paths = report.paths.len();
    if interval.path.is_some_and(|path| usize::try_from(path).map_or(true, |at| at >= paths)) {
        return Err(bad("intervals.path", "the position of one of the paths"));
    }
    if interval.codec.as_deref().is_some_and(|codec| !is_token(codec)) {
        return Err(bad("intervals.codec", "a mimeType"));
    }
    let absurd = |value: i64| !(-MAX_COUNT..=MAX_COUNT).contains(&value);
    if counts(interval).any(|count| !is_count(count)) || signed(interval).any(absurd) {
        return Err(bad("intervals", COUNTS));
    }
    Ok(())
}

/// Paths of a report: far more than the peer connections of a record have transports.
const MAX_PATHS: usize = 1024;

/// Error of numbers in [`of_interval`] and [`of_path`].
const COUNTS: &str = "counts from 0 to 2^53";

/// Largest number, as in JSON, where a number holds every integer up to 2⁵³.
const MAX_COUNT: i64 = 1 << 53;

fn is_count(value: i64) -> bool {
    (0..=MAX_COUNT).contains(&value)
}

fn are_counts(values: &[Option<i64>]) -> bool {
    values.iter().flatten().all(|value| is_count(*value))
}
