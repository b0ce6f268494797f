//! Which table has percentiles of which combinations of dimensions.

use std::collections::BTreeSet;

use crate::ask::{EVERYTHING, Grouping};
use crate::filter::{Question, Source};
use crate::named::Named;

/// Roll-ups of the first view.
const OVERVIEW: [(&str, &[&str]); 3] = [
    ("country", &["app", "continent", "country"]),
    ("provider", &["app", "continent", "country", "provider"]),
    ("browser", &["app", "country", "browser", "browser_version"]),
];
/// Cells.
const CELLS: [(&str, &[&str]); 2] = [
    ("place", &["app", "continent", "country", "subdivision", "provider", "network_type", "edge"]),
    ("client", &["app", "country", "device_class", "browser", "browser_version", "client_version"]),
];
/// Quantities of which the values of intervals are in `samples`. A frame rate counts only where the source
/// gave pictures, which `aggregate` decides; set-ups are no intervals.
const OF_INTERVALS: [&str; 6] =
    ["round_trip_ms", "jitter_ms", "loss", "bit_rate_bps", "audio_mos", "video_mos"];

/// A table with sketches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) query: Named,
    /// Its grouping of cells.
    pub(crate) grouping: &'static str,
    /// The roll-up of the first view that is read.
    pub(crate) overview: &'static str,
    /// The views that are read.
    pub(crate) views: &'static [&'static str],
}

/// Returns the cheapest table that has a sketch with all dimensions of a question.
pub(crate) fn of_sketch(question: &Question, grouping: Grouping) -> Option<Table> {
    let wanted = wanted(question, grouping);
    if let Some(grouping) = find(&OVERVIEW, &wanted) {
        let (overview, views): (_, &[_]) = match question.source {
            Source::Hours => ("overview_hours", &["overview_hours"]),
            Source::Days => ("overview_days", &["overview_days"]),
            Source::Samples | Source::Cells => ("overview_minutes", &["overview_minutes"]),
        };
        return Some(Table { query: Named::QuantilesOverview, grouping, overview, views });
    }
    let views: &[_] = match question.is_of_minutes() {
        true => &["cell_rows"],
        false => &["cells_hourly", "cell_rows"],
    };
    let grouping = find(&CELLS, &wanted)?;
    Some(Table { query: Named::QuantilesCells, grouping, overview: "", views })
}

/// Returns the grouping of cells that has all dimensions of a question.
pub(crate) fn of_cells(question: &Question, grouping: Grouping) -> Option<&'static str> {
    find(&CELLS, &wanted(question, grouping))
}

/// Returns whether `samples` has the values of a sketch.
pub(crate) fn is_in_samples(sketch: &str) -> bool {
    OF_INTERVALS.contains(&sketch)
}

fn wanted(question: &Question, grouping: Grouping) -> BTreeSet<&'static str> {
    let filtered = question.filter.keys().map(|dimension| dimension.name());
    // What is above the parent is not in the answer.
    filtered
        .chain([grouping.parent, grouping.by])
        .filter(|column| ![EVERYTHING, "kind", "direction"].contains(column))
        .collect()
}

fn find(tables: &[(&'static str, &[&str])], wanted: &BTreeSet<&str>) -> Option<&'static str> {
    let has = |columns: &[&str]| wanted.iter().all(|column| columns.contains(column));
    tables.iter().find(|(_, columns)| has(columns)).map(|(name, _)| *name)
}
