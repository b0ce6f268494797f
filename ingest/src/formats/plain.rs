//! Plain getStats reports: a map from ids to stats objects, an array of them or of `[id, object]`,
//! bare or as a member of an object that names the session.

use serde::Deserialize;

use super::envelope_fields::Around;
use super::fields::{MOST_SECONDS, required};
use super::get_stats::GetStats;
use super::json;
use super::{Rejected, Source};
use crate::event::Event;
use crate::settings::Settings;

/// Media types of the format.
pub(super) const CONTENT_TYPE: &str = "application/vnd.isobar.getstats+json";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wrapped<'a> {
    #[serde(
        borrow,
        alias = "stats",
        alias = "getStats",
        alias = "statsReport",
        alias = "statsMap",
        alias = "statistics"
    )]
    report: GetStats<'a>,
}

/// Decodes a report in an object that also names the session.
pub(super) fn wrapped<'a>(
    text: &'a str,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    let around = Around::read(text)?;
    let wrapped: Wrapped<'a> = serde_json::from_str(text).map_err(json::rejected)?;
    event(around, wrapped.report, source, limits)
}

/// Decodes a report whose session is known only from the record's key.
pub(super) fn bare<'a>(
    text: &'a str,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    let report = serde_json::from_str(text).map_err(json::rejected)?;
    event(Around::default(), report, source, limits)
}

fn event<'a>(
    mut around: Around<'a>,
    report: GetStats<'a>,
    source: Source<'a>,
    limits: &Settings,
) -> Result<Event<'a>, Rejected> {
    around.or_key(source.key);
    let found = report.found()?;
    let reported_us = around.timestamp_us(MOST_SECONDS)?;
    let client_us = required("timestamp", reported_us.or_else(|| found.newest_us()))?;
    let (streams, pairs) = found.snapshots(client_us, limits.max_streams)?;
    Ok(Event { streams, pairs, ..around.event(client_us)? })
}
