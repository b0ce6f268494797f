//! The pipeline's results against the oracle's: every difference is counted, the first are
//! described.

mod hours;

use std::collections::{BTreeMap, HashMap};

use schemas::BlockAudit;
use serde::Serialize;
use serde_json::Value;
use world::truth::Dead;

use super::verdict::{Actual, Verdict};
use crate::oracle::{Cell, CellKey, Expected, SKETCHES, SessionKey};

/// Most differences that are described in words.
const MOST_DESCRIBED: usize = 20;

/// Compares all results of the pipeline with the oracle.
#[must_use]
pub fn compare(expected: &Expected, actual: &Actual) -> Verdict {
    let mut verdict = Verdict { raw_records: actual.logs.raw_records, ..Verdict::default() };
    for block in &actual.blocks {
        verdict.accepted += block.accepted as u64;
        verdict.duplicates += block.duplicate as u64;
        verdict.dead_letters += block.invalid as u64;
        verdict.late += block.late as u64;
    }
    counts(expected, &mut verdict);
    blocks(actual, &mut verdict);
    for (session, partitions) in &actual.split_sessions {
        verdict.split_sessions += 1;
        verdict.differs(|| {
            format!("session {session:?}: its records lie in partitions {partitions:?}")
        });
    }
    dead_letters(&expected.dead_letters, &actual.logs.dead_letters, &mut verdict);
    cells(&expected.cells, &actual.cells, &mut verdict);
    sessions(expected, actual, &mut verdict);
    hours::compare(expected, actual, &mut verdict);
    verdict
}

impl Verdict {
    /// Adds the result for other cells.
    pub(super) fn include(&mut self, cells: Self) {
        self.cells_checked += cells.cells_checked;
        self.mismatches += cells.mismatches;
        let room = MOST_DESCRIBED.saturating_sub(self.differences.len());
        self.differences.extend(cells.differences.into_iter().take(room));
    }

    fn differs(&mut self, describe: impl FnOnce() -> String) {
        self.mismatches += 1;
        if self.differences.len() < MOST_DESCRIBED {
            self.differences.push(describe());
        }
    }

    fn equal(&mut self, name: &str, is: u64, must_be: u64) {
        if is != must_be {
            self.differs(|| format!("{name}: {is}, must be {must_be}"));
        }
    }
}

fn counts(expected: &Expected, verdict: &mut Verdict) {
    let outcomes = verdict.accepted + verdict.duplicates + verdict.dead_letters + verdict.late;
    verdict.equal("records with an outcome", outcomes, verdict.raw_records);
    verdict.equal("raw records", verdict.raw_records, expected.raw_records);
    verdict.equal("accepted", verdict.accepted, expected.accepted);
    verdict.equal("duplicates", verdict.duplicates, expected.duplicates);
    verdict.equal("invalid", verdict.dead_letters, expected.invalid);
    verdict.equal("late", verdict.late, expected.late);
}

/// Checks that blocks cover the enriched log, from its first offset or an earlier one to its end,
/// and no raw record is missing.
fn blocks(actual: &Actual, verdict: &mut Verdict) {
    let mut partitions: BTreeMap<i32, Vec<&BlockAudit>> = BTreeMap::new();
    for block in &actual.blocks {
        partitions.entry(block.partition).or_default().push(block);
    }
    for (partition, (begin, end)) in &actual.logs.enriched {
        let blocks = partitions.entry(*partition).or_default();
        blocks.sort_by_key(|block| block.block_start);
        if let Some(first) = blocks.first().filter(|block| block.block_start > *begin) {
            verdict.differs(|| {
                let start = first.block_start;
                format!(
                    "partition {partition}: the log begins at {begin}, the first block at {start}"
                )
            });
        }
        for pair in blocks.windows(2) {
            if pair[0].upto != pair[1].block_start {
                verdict.differs(|| {
                    format!(
                        "partition {partition}: a block ends at {}, the next begins at {}",
                        pair[0].upto, pair[1].block_start
                    )
                });
            }
        }
        let folded = blocks.last().map_or(0, |block| block.upto);
        if folded != *end {
            verdict.differs(|| format!("partition {partition}: folded to {folded} of {end}"));
        }
        let holes = blocks.last().map_or(0, |block| block.raw_holes);
        verdict.equal(&format!("partition {partition}: raw records missing"), holes as u64, 0);
    }
}

fn dead_letters(expected: &HashMap<Dead, u64>, actual: &[Dead], verdict: &mut Verdict) {
    let mut left = expected.clone();
    for dead in actual {
        match left.get_mut(dead) {
            Some(times) if *times > 0 => *times -= 1,
            _ => verdict.differs(|| format!("a dead letter too many: {}", dead.why)),
        }
    }
    for (dead, times) in left {
        for _ in 0..times {
            verdict.differs(|| format!("a dead letter is missing: {}", dead.why));
        }
    }
}

/// Compares cells, and adds the result to `verdict`.
pub(super) fn cells(
    expected: &HashMap<CellKey, Cell>,
    actual: &[(CellKey, Cell)],
    verdict: &mut Verdict,
) {
    let found: HashMap<&CellKey, &Cell> = actual.iter().map(|(key, cell)| (key, cell)).collect();
    verdict.equal("rows of cells", actual.len() as u64, found.len() as u64);
    verdict.cells_checked += expected.len() as u64;
    for (key, must_be) in expected {
        match found.get(key) {
            None => verdict.differs(|| format!("{}: missing", describe_cell(key))),
            Some(is) if *is != must_be => {
                verdict.differs(|| format!("{}: {}", describe_cell(key), unlike(is, must_be)));
            }
            Some(_) => {}
        }
    }
    for key in found.keys().filter(|key| !expected.contains_key(key)) {
        verdict.differs(|| format!("{}: must not be there", describe_cell(key)));
    }
}

fn describe_cell(key: &CellKey) -> String {
    let dimensions: Vec<String> = members(&key.dimensions)
        .filter(|(_, value)| value.as_str() != Some("") && value.as_i64() != Some(0))
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    format!("cell {} at {}: {}", key.grouping, key.window_start, dimensions.join(", "))
}

fn unlike(is: &Cell, must_be: &Cell) -> String {
    let mut differences = fields(&is.measures, &must_be.measures);
    if is.packs != must_be.packs {
        differences.push(format!("packs are {:?}, must be {:?}", is.packs, must_be.packs));
    }
    for (name, (is, must_be)) in SKETCHES.iter().zip(is.sketches.iter().zip(&must_be.sketches)) {
        if is != must_be {
            differences.push(format!("{name} has bins {is:?}, must have {must_be:?}"));
        }
    }
    differences.join("; ")
}

fn sessions(expected: &Expected, actual: &Actual, verdict: &mut Verdict) {
    let mut found = HashMap::new();
    for row in &actual.sessions {
        let key: SessionKey = (row.app.clone(), row.call.clone(), row.participant.clone());
        found.insert(key, row);
    }
    verdict.equal("rows of sessions", actual.sessions.len() as u64, found.len() as u64);
    verdict.sessions_checked = expected.sessions.len() as u64;
    for (key, must_be) in &expected.sessions {
        match found.get(key) {
            None => verdict.differs(|| format!("session {key:?}: missing")),
            Some(is) if **is != *must_be => {
                verdict.differs(|| format!("session {key:?}: {}", fields(*is, must_be).join("; ")))
            }
            Some(_) => {}
        }
    }
    for (key, is) in actual.cqd.iter().flatten() {
        let must_be = expected.cqd.get(key).unwrap_or(&[0; 3]);
        if is != must_be {
            verdict.differs(|| {
                format!(
                    "session {key:?}: poor, good and other streams are {is:?}, must be {must_be:?}"
                )
            });
        }
    }
    for key in found.keys().filter(|key| !expected.sessions.contains_key(key)) {
        verdict.differs(|| format!("session {key:?}: must not be there"));
    }
}

fn members(record: &impl Serialize) -> impl Iterator<Item = (String, Value)> {
    match serde_json::to_value(record) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
    .into_iter()
}

/// The fields in which two records differ.
fn fields<T: Serialize>(is: &T, must_be: &T) -> Vec<String> {
    members(is)
        .zip(members(must_be))
        .filter(|(is, must_be)| is != must_be)
        .map(|((name, is), (_, must_be))| format!("{name} is {is}, must be {must_be}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use schemas::{Dimensions, Measures, SessionPartial};

    use super::super::verdict::Logs;
    use super::*;
    use crate::oracle::{Day, DayKey, Hour, HourKey};

    fn dead(hash: u64) -> Dead {
        Dead { why: "not_json".to_owned(), hash }
    }

    fn key() -> CellKey {
        let dimensions = Dimensions { country: "DE".to_owned(), ..Dimensions::default() };
        CellKey { grouping: "place".to_owned(), window_start: 60, dimensions }
    }

    fn cell(intervals: i64, jitter: f64) -> Cell {
        let measures = Measures { intervals, ..Measures::default() };
        let mut cell = Cell { measures, ..Cell::default() };
        cell.sketches[1].add(jitter);
        cell
    }

    fn block(block_start: i64, upto: i64, accepted: i64) -> BlockAudit {
        BlockAudit { block_start, upto, accepted, ..BlockAudit::default() }
    }

    fn hour() -> (HourKey, Hour) {
        let measures = Measures { poor_us: 5, ..Measures::default() };
        let key = HourKey { hour: 3600, city: "Bonn".to_owned(), ..HourKey::default() };
        (key, Hour { measures, ..Hour::default() })
    }

    fn day() -> (DayKey, Day) {
        let key = DayKey { day: 20_000, country: "DE".to_owned(), ..DayKey::default() };
        (key, Day { sessions: 1, judged: 1, sums: [5, 5, 25, 25, 25], ..Day::default() })
    }

    fn pair() -> (Expected, Actual) {
        let session = SessionPartial { call: "c".to_owned(), ..SessionPartial::default() };
        let session_key = (String::new(), "c".to_owned(), String::new());
        let expected = Expected {
            raw_records: 6,
            accepted: 5,
            invalid: 1,
            dead_letters: HashMap::from([(dead(1), 1)]),
            cells: HashMap::from([(key(), cell(2, 10.0))]),
            sessions: HashMap::from([(session_key, session.clone())]),
            session_hours: HashMap::from([hour()]),
            session_days: HashMap::from([day()]),
            ..Expected::default()
        };
        let last = BlockAudit { invalid: 1, ..block(3, 6, 2) };
        let actual = Actual {
            logs: Logs {
                raw_records: 6,
                enriched: BTreeMap::from([(0, (0, 6))]),
                dead_letters: vec![dead(1)],
            },
            cells: vec![(key(), cell(2, 10.0))],
            sessions: vec![session],
            session_hours: vec![hour()],
            session_days: Some(vec![day()]),
            cqd: Some(HashMap::new()),
            blocks: vec![block(0, 3, 3), last],
            split_sessions: Vec::new(),
        };
        (expected, actual)
    }

    /// The one difference after a change to the pipeline's results.
    #[track_caller]
    fn difference_after(change: impl FnOnce(&mut Actual)) -> String {
        let (expected, mut actual) = pair();
        change(&mut actual);
        let verdict = compare(&expected, &actual);
        assert_eq!(verdict.mismatches, 1, "{:?}", verdict.differences);
        verdict.differences[0].clone()
    }

    #[test]
    fn equal_results_have_no_mismatch() {
        let (expected, actual) = pair();
        let verdict = compare(&expected, &actual);
        assert_eq!(verdict.differences, Vec::<String>::new());
        assert_eq!((verdict.cells_checked, verdict.sessions_checked), (1, 1));
        assert_eq!((verdict.accepted, verdict.dead_letters), (5, 1));
    }

    #[test]
    fn each_kind_of_difference_is_found_and_described() {
        let difference = difference_after(|actual| actual.cells[0].1.measures.intervals = 3);
        assert!(
            difference.contains("\"DE\"") && difference.contains("intervals is 3, must be 2"),
            "{difference}"
        );
        let difference = difference_after(|actual| actual.cells[0].1.sketches[1].add(10.0));
        assert!(difference.contains("jitter_ms has bins"), "{difference}");
        let difference = difference_after(|actual| actual.cells.clear());
        assert!(difference.ends_with("missing"), "{difference}");
        let difference = difference_after(|actual| actual.cells.push((key(), cell(2, 10.0))));
        assert_eq!(difference, "rows of cells: 2, must be 1");
        let difference = difference_after(|actual| actual.sessions[0].left = 1);
        assert!(difference.contains("left is 1, must be 0"), "{difference}");
        let difference = difference_after(|actual| actual.session_hours.clear());
        assert!(
            difference.starts_with("session hour ")
                && difference.contains("\"Bonn\"")
                && difference.ends_with(": missing"),
            "{difference}"
        );
        let difference = difference_after(|actual| actual.session_hours[0].1.measures.poor_us = 4);
        assert!(difference.ends_with("poor_us is 4, must be 5"), "{difference}");
        let difference = difference_after(|actual| {
            let days = actual.session_days.iter_mut().flatten();
            days.for_each(|(_, day)| day.sums[2] = 24);
        });
        assert!(difference.contains("w, y, ww, wy, yy is [5, 5, 24, 25, 25]"), "{difference}");
        let difference = difference_after(|actual| {
            let key = DayKey { asn: 7, ..day().0 };
            actual.session_days.iter_mut().for_each(|days| days.push((key.clone(), day().1)));
        });
        assert!(difference.ends_with(": must not be there"), "{difference}");
        let difference = difference_after(|actual| {
            let key = (String::new(), "c".to_owned(), String::new());
            actual.cqd = Some(HashMap::from([(key, [1, 0, 0])]));
        });
        assert!(
            difference.contains("other streams are [1, 0, 0], must be [0, 0, 0]"),
            "{difference}"
        );
        let session = ("a".to_owned(), "c\u{1b}".to_owned(), "p".to_owned());
        let difference =
            difference_after(|actual| actual.split_sessions.push((session, vec![0, 2])));
        assert_eq!(
            difference,
            "session (\"a\", \"c\\u{1b}\", \"p\"): its records lie in partitions [0, 2]"
        );
        let difference = difference_after(|actual| actual.logs.dead_letters.push(dead(1)));
        assert_eq!(difference, "a dead letter too many: not_json");
        let difference = difference_after(|actual| actual.logs.dead_letters.clear());
        assert_eq!(difference, "a dead letter is missing: not_json");
        let difference = difference_after(|actual| actual.blocks[0].upto = 2);
        assert_eq!(difference, "partition 0: a block ends at 2, the next begins at 3");
        let difference = difference_after(|actual| actual.blocks[0].block_start = 1);
        assert_eq!(difference, "partition 0: the log begins at 0, the first block at 1");
        let difference = difference_after(|actual| actual.blocks[1].upto = 5);
        assert_eq!(difference, "partition 0: folded to 5 of 6");
        let difference = difference_after(|actual| actual.blocks[1].raw_holes = 4);
        assert_eq!(difference, "partition 0: raw records missing: 4, must be 0");
    }

    #[test]
    fn records_that_got_lost_show_in_several_counts() {
        let (expected, mut actual) = pair();
        actual.blocks[0].accepted = 2;
        let verdict = compare(&expected, &actual);
        assert_eq!(verdict.mismatches, 2, "{:?}", verdict.differences);
        assert_eq!(verdict.differences[0], "records with an outcome: 5, must be 6");
    }
}
