//! Small raw logs with known truth.
//!
//! The truth is computed by the documented rules from all earlier records, without code of the
//! engine: the predecessor of a snapshot is the last one, in the stream's own order, of the
//! stream's snapshots appended in the look-back before it.

mod payload;
mod session;
mod taken;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use oracle::oracle::{Block, Expected, Geo, Oracle};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use schemas::EventKind;
use world::truth::{self, Dead, Outcome};

use self::session::Session;
use self::taken::Taken;
use crate::Trouble;

/// `look_back_s` of ingest: short, so that a small world is longer.
pub(crate) const LOOK_BACK_S: u32 = 30;

/// 16:46:20 on a Sunday: 20 s into a minute.
pub(crate) const START_MS: i64 = 1_756_053_980_000;

/// Age of late events, ms.
const LATE_MS: i64 = 73 * 3_600_000;

/// A raw record.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) offset: i64,
    pub(crate) appended_ms: i64,
    pub(crate) key: Rc<[u8]>,
    pub(crate) payload: Rc<[u8]>,
}

/// A raw log by partition, and its expected result.
pub(crate) struct World {
    pub(crate) partitions: Vec<Vec<Raw>>,
    expected: Expected,
    /// Lines in the order of the logs, if the expected result depends on blocks because sessions
    /// send more distinct values than the limit.
    truth: Option<Vec<(Place, truth::Record)>>,
    /// Partition and offset of the records that must be dead-lettered.
    pub(crate) dead: BTreeMap<(i32, i64), Dead>,
}

/// Partition and offset of a raw record.
pub(crate) type Place = (i32, i64);

/// Contents of a record of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Content {
    Snapshot { client_ms: i64, video: bool },
    Event { kind: EventKind, client_ms: i64 },
    Garbage,
    Late,
}

struct Line {
    session: usize,
    content: Content,
    offset: i64,
    appended_ms: i64,
}

impl World {
    /// Returns the world of this number, which is always the same.
    pub(crate) fn new(number: u64) -> Result<Self, Trouble> {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        let count = if rng.random_bool(0.4) { 2 } else { 1 };
        let restless = rng.random_bool(0.3);
        let mut truth = restless.then(Vec::new);
        let mut oracle = Oracle::new(Geo::open(&[], &[])?);
        let (mut partitions, mut dead) = (Vec::new(), BTreeMap::new());
        for partition in 0..count {
            let sessions: Vec<_> = (0..rng.random_range(1..=2))
                .map(|n| Session::new(partition, n, restless, &mut rng))
                .collect();
            let lines = lines(&sessions, if count == 2 { 9 } else { 18 }, &mut rng);
            let mut log = Vec::with_capacity(lines.len());
            for (at, line) in lines.iter().enumerate() {
                let session = &sessions[line.session];
                let payload = session.payload(line);
                let record = truth_of(&sessions, &lines, at, &payload);
                if let Some(letter) = record.dead.clone() {
                    dead.insert((partition, line.offset), letter);
                }
                if let Some(truth) = &mut truth {
                    truth.push(((partition, line.offset), record.clone()));
                }
                oracle.fold(record)?;
                log.push(Raw {
                    offset: line.offset,
                    appended_ms: line.appended_ms,
                    key: session.key(),
                    payload: payload.into(),
                });
            }
            partitions.push(log);
        }
        Ok(Self { partitions, expected: oracle.finish(), truth, dead })
    }

    /// Returns the expected result of the raw log in a run that folded its records in these blocks.
    pub(crate) fn expected(
        &self,
        block: impl Fn(Place) -> Option<Block>,
    ) -> Result<Cow<'_, Expected>, Trouble> {
        let Some(truth) = &self.truth else { return Ok(Cow::Borrowed(&self.expected)) };
        let mut oracle = Oracle::new(Geo::open(&[], &[])?);
        for (place, record) in truth {
            oracle.fold_in(block(*place).as_ref(), record.clone())?;
        }
        Ok(Cow::Owned(oracle.finish()))
    }
}

/// Returns a partition's log: snapshots and events of sessions in the order of their arrival, with
/// copies, late and invalid records, holes among the offsets, and jumps of the broker's clock.
fn lines(sessions: &[Session], about: usize, rng: &mut ChaCha8Rng) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let (mut now_ms, mut clock_ms) = (START_MS, 0);
    let mut offset = i64::from(rng.random_bool(0.2)) * rng.random_range(1..50);
    for _ in 0..rng.random_range(about / 2..=about) {
        now_ms += if rng.random_bool(0.1) {
            rng.random_range(20_000..45_000)
        } else {
            rng.random_range(0..7_000)
        };
        if rng.random_bool(0.04) {
            clock_ms = rng.random_range(-25_000..25_000);
        }
        let session = rng.random_range(0..sessions.len());
        let of_session = lines.iter().filter(|line| line.session == session);
        let earlier: Vec<Content> = of_session.map(|line| line.content).collect();
        let content = match rng.random_range(0..100) {
            // A client without an acknowledgement sends its record again.
            0..14 if !earlier.is_empty() => earlier[rng.random_range(0..earlier.len())],
            0..20 => {
                // Reordered in transit.
                let client_ms = now_ms - rng.random_range(4_000..25_000);
                Content::Snapshot { client_ms, video: true }
            }
            20..26 => Content::Garbage,
            26..29 => Content::Late,
            29..45 => {
                let kinds = [
                    EventKind::Joined,
                    EventKind::Connected,
                    EventKind::Failed,
                    EventKind::Left,
                    EventKind::Feedback,
                ];
                let kind = kinds[rng.random_range(0..kinds.len())];
                Content::Event { kind, client_ms: now_ms - rng.random_range(0..300) }
            }
            _ => Content::Snapshot {
                client_ms: now_ms - rng.random_range(0..300),
                video: rng.random_bool(0.7),
            },
        };
        lines.push(Line { session, content, offset, appended_ms: now_ms + clock_ms });
        offset += if rng.random_bool(0.06) { rng.random_range(2..5) } else { 1 };
    }
    lines
}

/// Returns the meaning of the record at `at` of a log, given all records before it.
fn truth_of(sessions: &[Session], lines: &[Line], at: usize, payload: &[u8]) -> truth::Record {
    let line = &lines[at];
    let session = &sessions[line.session];
    let first = !lines[..at].iter().any(|before| before.session == line.session);
    let mut record = truth::Record {
        session: session.number,
        outcome: Outcome::Accepted,
        introduces: first.then(|| session.truth()),
        event: None,
        dead: None,
    };
    let dead = |why: &str| Dead { why: why.to_owned(), hash: truth::payload_hash(payload) };
    // A log's time is the greatest append time so far.
    let log_ms = |at: usize| lines[..=at].iter().map(|line| line.appended_ms).max();
    let oldest_ms = log_ms(at).map(|ms| ms - i64::from(LOOK_BACK_S) * 1000);
    let looked_back = (0..at).filter(|before| log_ms(*before) >= oldest_ms);
    let mut before = looked_back
        .filter(|before| lines[*before].session == line.session)
        .map(|before| (lines[before].content, log_ms(before).unwrap_or_default()));
    let log_ms = log_ms(at).unwrap_or_default();
    match line.content {
        Content::Garbage => {
            (record.outcome, record.dead) = (Outcome::Invalid, Some(dead(payload::GARBAGE)));
        }
        Content::Late => (record.outcome, record.dead) = (Outcome::Late, Some(dead("late"))),
        Content::Event { kind, client_ms } => {
            if before.any(|(earlier, _)| earlier == line.content) {
                record.outcome = Outcome::Duplicate;
            } else {
                record.event = Some(session.event(kind, client_ms, log_ms));
            }
        }
        Content::Snapshot { client_ms, video } => {
            let before: Vec<Taken> = before
                .filter_map(|(earlier, log_ms)| match earlier {
                    Content::Snapshot { client_ms, video } => {
                        Some(Taken { client_ms, log_ms, video })
                    }
                    _ => None,
                })
                .collect();
            match session.snapshot(Taken { client_ms, log_ms, video }, &before) {
                Some(event) => record.event = Some(event),
                None => record.outcome = Outcome::Duplicate,
            }
        }
    }
    record
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn worlds_contain_every_case_and_are_small() {
        let worlds: Vec<_> = (0..64).map(|number| World::new(number).unwrap()).collect();
        let sum = |of: fn(&Expected) -> u64| worlds.iter().map(|w| of(&w.expected)).sum::<u64>();
        assert!(sum(|all| all.intervals) > 200);
        assert!(sum(|all| all.duplicates) > 50);
        assert!(sum(|all| all.late) > 10 && sum(|all| all.invalid) > 20);
        for world in &worlds {
            assert!(world.partitions.iter().map(Vec::len).sum::<usize>() <= 18);
        }
        assert!(worlds.iter().any(|world| world.partitions.len() == 2));
    }

    #[test]
    fn a_snapshot_is_compared_with_the_newest_in_the_look_back_only() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let sessions = [Session::new(0, 0, false, &mut rng)];
        let line = |s: i64, offset| Line {
            session: 0,
            content: Content::Snapshot { client_ms: START_MS + s * 1000, video: false },
            offset,
            appended_ms: START_MS + s * 1000,
        };
        let lines = [line(0, 0), line(10, 1), line(5, 2), line(40, 3), line(71, 4)];
        let expected = |at| truth_of(&sessions, &lines, at, b"");
        assert_eq!(expected(0).event.unwrap().intervals, []);
        assert_eq!(expected(1).event.unwrap().intervals[0].start_us, START_MS * 1000);
        let out_of_order = Line { appended_ms: START_MS + 10_000, ..line(5, 2) };
        let lines = [line(0, 0), line(10, 1), out_of_order, line(40, 3), line(71, 4)];
        let expected = |at| truth_of(&sessions, &lines, at, b"");
        assert_eq!(expected(2).outcome, Outcome::Duplicate);
        assert_eq!(expected(3).event.unwrap().intervals[0].start_us, (START_MS + 10_000) * 1000);
        assert_eq!(expected(4).event.unwrap().intervals, [], "31 s are more than the look-back");
    }
}
