//! The rows as ClickHouse's views show them: the newest version of each, merged.

use std::collections::BTreeMap;

use aggregate::Sketch;
use schemas::{BlockAudit, CellPartial, HourPartial, HourStream, SessionPartial};
use serde::Serialize;
use serde_json::Value;
use service::{Sent, Topic};

/// Rows of one table, by identity, in their newest version.
#[derive(Debug)]
struct Newest<T> {
    rows: BTreeMap<String, (i64, T)>,
}

impl<T: Clone + PartialEq + std::fmt::Debug> Newest<T> {
    /// Takes a row as the table would, whatever the order in which rows come. Two rows of the same
    /// identity and version must be equal, and a newer version must contain an older one.
    fn insert(&mut self, identity: String, upto: i64, row: T, size: impl Fn(&T) -> i64) {
        if let Some((version, known)) = self.rows.get(&identity) {
            match version.cmp(&upto) {
                std::cmp::Ordering::Equal => assert_eq!(*known, row, "same version"),
                std::cmp::Ordering::Greater => assert!(size(known) >= size(&row), "{identity}"),
                std::cmp::Ordering::Less => assert!(size(known) <= size(&row), "{identity}"),
            }
            if *version > upto {
                return;
            }
        }
        self.rows.insert(identity, (upto, row));
    }
}

/// The views over all rows written.
#[derive(Debug, PartialEq)]
pub(crate) struct Views {
    pub(crate) cells: BTreeMap<String, MergedCell>,
    pub(crate) sessions: BTreeMap<String, BTreeMap<String, Value>>,
    pub(crate) hours: BTreeMap<String, BTreeMap<String, i64>>,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct MergedCell {
    pub(crate) measures: BTreeMap<String, i64>,
    packs: BTreeMap<String, [i64; 3]>,
    sketches: [Sketch; 8],
}

/// The tables after all of `sent`.
#[derive(Debug)]
pub(crate) struct Tables {
    cells: Newest<CellPartial>,
    sessions: Newest<SessionPartial>,
    hours: Newest<HourStream>,
    blocks: Newest<BlockAudit>,
}

impl Tables {
    pub(crate) fn of(sent: &[Sent]) -> Self {
        let mut tables = Self {
            cells: Newest { rows: BTreeMap::new() },
            sessions: Newest { rows: BTreeMap::new() },
            hours: Newest { rows: BTreeMap::new() },
            blocks: Newest { rows: BTreeMap::new() },
        };
        for row in sent {
            tables.insert(row);
        }
        tables
    }

    fn insert(&mut self, sent: &Sent) {
        match sent.topic {
            Topic::Cells => {
                let row = schemas::decode::<CellPartial>(&sent.payload).unwrap();
                let identity = format!("{} {}", row.block_start, cell_name(&row));
                let size = |row: &CellPartial| row.measures.intervals;
                self.cells.insert(identity, row.upto, row, size);
            }
            Topic::Sessions => {
                let row = schemas::decode::<SessionPartial>(&sent.payload).unwrap();
                let identity = format!("{} {}", row.block_start, session_name(&row));
                let size = |row: &SessionPartial| row.measures.intervals + row.joined;
                self.sessions.insert(identity, row.upto, row, size);
            }
            Topic::Hours => {
                let row = schemas::decode::<HourPartial>(&sent.payload).unwrap();
                for stream in &row.streams {
                    let identity = format!("{} {}", row.block_start, hour_name(&row, stream));
                    let size = |of: &HourStream| of.measures.intervals;
                    self.hours.insert(identity, row.upto, stream.clone(), size);
                }
            }
            Topic::Blocks => {
                let row = schemas::decode::<BlockAudit>(&sent.payload).unwrap();
                // A block that has ended is the newer version of itself.
                let version = 2 * row.upto + i64::from(row.finished);
                let identity = row.block_start.to_string();
                self.blocks.insert(identity, version, row, |row| row.read);
            }
            other => panic!("a row for topic {other:?}"),
        }
    }

    /// Audits in the order of the log.
    pub(crate) fn blocks(&self) -> Vec<BlockAudit> {
        let mut blocks: Vec<_> = self.blocks.rows.values().map(|(_, row)| row.clone()).collect();
        blocks.sort_by_key(|block| block.block_start);
        blocks
    }

    pub(crate) fn views(&self) -> Views {
        let (cells, sessions, hours) =
            <(BTreeMap<_, _>, BTreeMap<_, _>, BTreeMap<_, _>)>::default();
        let mut views = Views { cells, sessions, hours };
        for (_, row) in self.cells.rows.values() {
            views.cells.entry(cell_name(row)).or_default().merge(row);
        }
        for (_, row) in self.sessions.rows.values() {
            merge_session(views.sessions.entry(session_name(row)).or_default(), row);
        }
        for (identity, (_, row)) in &self.hours.rows {
            let (_, name) = identity.split_once(' ').unwrap();
            let sums = views.hours.entry(name.to_owned()).or_default();
            for (field, value) in fields(&row.measures) {
                *sums.entry(field).or_default() += value.as_i64().unwrap();
            }
            for pack in &row.packs {
                *sums.entry(format!("poor_us of {}", pack.pack)).or_default() += pack.poor_us;
                *sums.entry(format!("good_us of {}", pack.pack)).or_default() += pack.good_us;
            }
        }
        views
    }
}

fn cell_name(row: &CellPartial) -> String {
    let dimensions = serde_json::to_string(&row.dimensions).unwrap();
    format!("{} {} {} {dimensions}", row.grouping, row.window_start, row.window_s)
}

fn session_name(row: &SessionPartial) -> String {
    format!("{}/{}/{}", row.app, row.call, row.participant)
}

/// The key of a row of `session_hours`.
fn hour_name(row: &HourPartial, stream: &HourStream) -> String {
    let none = HourPartial { epoch: 0, partition: 0, block_start: 0, upto: 0, ..row.clone() };
    let key = HourPartial { streams: Vec::new(), ..none };
    let key = serde_json::to_string(&key).unwrap();
    format!("{key} {:?} {:?}", stream.kind, stream.direction)
}

fn fields(row: &impl Serialize) -> BTreeMap<String, Value> {
    serde_json::from_value(serde_json::to_value(row).unwrap()).unwrap()
}

impl MergedCell {
    fn merge(&mut self, row: &CellPartial) {
        for (field, value) in fields(&row.measures) {
            *self.measures.entry(field).or_default() += value.as_i64().unwrap();
        }
        for pack in &row.packs {
            let times = self.packs.entry(pack.pack.clone()).or_default();
            times[0] += pack.poor_us;
            times[1] += pack.good_us;
            times[2] += pack.unclassified_us;
        }
        for (sketch, state) in self.sketches.iter_mut().zip(row.sketches.states()) {
            sketch.merge(&Sketch::from_state(state).unwrap());
        }
    }
}

/// First and last are the least and the greatest; fields of the last event are taken from it; all
/// else adds up.
fn merge_session(merged: &mut BTreeMap<String, Value>, row: &SessionPartial) {
    let mut row = fields(row);
    for identity in ["epoch", "partition", "block_start", "upto"] {
        row.remove(identity);
    }
    if let Some(Value::Object(measures)) = row.remove("measures") {
        row.extend(measures);
    }
    if let Some(Value::Array(packs)) = row.remove("packs") {
        for pack in packs {
            for time in ["poor_us", "good_us", "unclassified_us"] {
                let name = format!("{time} of {}", pack["pack"]);
                row.insert(name, pack[time].clone());
            }
        }
    }
    if let Some(Value::Array(streams)) = row.remove("streams") {
        for stream in streams {
            let of = ["stream", "kind", "direction", "screen_share"].map(|name| &stream[name]);
            for sum in ["observed_us", "packets_lost", "packets_expected", "frames", "jitter_us"] {
                row.insert(format!("{sum} of {of:?}"), stream[sum].clone());
            }
        }
    }
    let number =
        |row: &BTreeMap<String, Value>, field: &str| row.get(field).and_then(Value::as_i64);
    let last = |row: &_| (number(row, "last_us"), number(row, "last_raw_offset"));
    let newer = last(&row) > last(merged);
    let path_version = |row: &_| (number(row, "path_us"), number(row, "path_raw_offset"));
    let path_newer = path_version(&row) > path_version(merged);
    let of_path = ["path_us", "path_raw_offset", "network_type", "transport"];
    let first = number(&row, "first_us").min(number(merged, "first_us").or(Some(i64::MAX)));
    for (field, value) in row {
        let sum = match (merged.get(&field), &value) {
            (Some(known), _) if of_path.contains(&field.as_str()) => {
                if path_newer {
                    value
                } else {
                    known.clone()
                }
            }
            (Some(known), more) if known.is_i64() && !field.starts_with("last_") => {
                Value::from(known.as_i64().unwrap() + more.as_i64().unwrap())
            }
            (Some(known), _) if !newer => known.clone(),
            _ => value,
        };
        merged.insert(field, sum);
    }
    merged.insert("first_us".to_owned(), Value::from(first));
}
