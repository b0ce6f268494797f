//! Last snapshots of the streams of every peer connection.

use schemas::{Direction, Kind};
use xxhash_rust::xxh3::xxh3_128;

use super::clock::Taken;
use super::recent::{Forgotten, Limits, Name, Recent};
use crate::counters::{Change, Packed, Values};

/// Maximum number of kept snapshots of one stream. There are several only while their order is
/// ambiguous.
const MOST_OF_A_STREAM: usize = 32;

/// Streams, candidate pairs and transports of all peer connections.
#[derive(Default)]
pub(super) struct Streams {
    snapshots: Recent<Snapshot>,
    /// Numbers of snapshots to remove, kept for the vector's memory.
    past: Vec<u32>,
}

/// A snapshot in the state.
#[derive(Debug)]
struct Snapshot {
    taken: Taken,
    progress: i64,
    values: Packed,
}

/// A position in the log's time, and the look-back from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// The log's time, ms.
    pub(super) now_ms: i64,
    /// Snapshots appended before it are not used as predecessors.
    pub(super) oldest_ms: i64,
    /// Time of the record's first append, ms: before the log's time if it was replayed.
    pub(super) first_ms: i64,
    /// The look-back, ms.
    pub(super) horizon_ms: i64,
    pub(super) limits: Limits,
}

impl Horizon {
    /// Returns whether an event at `event_us` and an earlier one are within the look-back of each
    /// other by event time. Append times are not sufficient: a recording that is replayed faster
    /// has a longer event time in the same log.
    pub(super) fn reaches(&self, event_us: i64, earlier_us: i64) -> bool {
        event_us.saturating_sub(earlier_us) <= self.horizon_ms.saturating_mul(1000)
    }
}

impl Horizon {
    /// Returns whether an event at `event_us`, by a clock that may be wrong, may have an earlier
    /// copy that has expired, or may have expired when a later copy arrives. If the appends of two
    /// copies are further apart than the look-back, one of them is further than half of it from
    /// their common event time.
    pub(super) fn may_miss_a_copy(&self, event_us: i64) -> bool {
        let late_ms = self.first_ms.saturating_sub(event_us.div_euclid(1000));
        late_ms.saturating_abs() > self.horizon_ms / 2
    }
}

impl Streams {
    /// Returns the number of streams.
    pub(super) fn live(&self) -> usize {
        self.snapshots.keys()
    }

    /// Returns the number of snapshots dropped so far because of limits.
    pub(super) const fn forgotten(&self) -> Forgotten {
        self.snapshots.forgotten()
    }

    /// Drops snapshots appended before `oldest_ms`.
    pub(super) fn expire(&mut self, oldest_ms: i64) {
        self.snapshots.expire(oldest_ms);
    }

    /// Returns the streams of one peer connection. `name` is scratch space for hashing.
    pub(super) fn of<'s>(
        &'s mut self,
        (session, connection): (u128, u128),
        moment: Horizon,
        name: &'s mut Vec<u8>,
    ) -> Connection<'s> {
        Connection { streams: self, session, connection, moment, name }
    }
}

/// Streams of one peer connection.
pub(super) struct Connection<'s> {
    streams: &'s mut Streams,
    session: u128,
    connection: u128,
    moment: Horizon,
    name: &'s mut Vec<u8>,
}

impl Connection<'_> {
    /// Compares a snapshot with earlier ones of the same stream, identified by type, id and number.
    /// `of` is its kind and direction.
    pub(super) fn step(
        &mut self,
        (subject, id, number): (u8, &str, i64),
        of: (Kind, Direction),
        taken: Taken,
        values: &Values,
    ) -> Step {
        self.name.clear();
        self.name.extend_from_slice(&self.connection.to_le_bytes());
        self.name.push(subject);
        self.name.extend_from_slice(&number.to_le_bytes());
        self.name.extend_from_slice(id.as_bytes());
        let key = xxh3_128(self.name);
        let Streams { snapshots, past } = &mut *self.streams;
        let (session, moment) = (self.session, self.moment);
        let new = Snapshot { taken, progress: values.progress(), values: values.pack() };
        let step = {
            let live = snapshots.of(key).take_while(|(_, at_ms, _)| *at_ms >= moment.oldest_ms);
            let mut live = live.map(|(_, _, snapshot)| snapshot);
            match (live.next(), live.next()) {
                (None, _) => Step::Baseline,
                (Some(only), None) => new.step(&[only], moment, of, values),
                (Some(last), Some(before)) => {
                    let mut line = vec![last, before];
                    line.extend(live);
                    line.reverse();
                    new.step(&line, moment, of, values)
                }
            }
        };
        let gone = snapshots.of(key).take_while(|(_, _, last)| last.is_within(&new));
        past.extend(gone.map(|(number, ..)| number));
        let kept = snapshots.of(key).skip(past.len());
        past.extend(kept.skip(MOST_OF_A_STREAM - 1).map(|(number, ..)| number));
        for number in past.drain(..) {
            snapshots.take(number);
        }
        let weight = new.weight();
        let name = Name { key, owner: session, part: self.connection as u32 };
        snapshots.push(name, moment.now_ms, (new, weight), moment.limits);
        step
    }
}

impl Snapshot {
    /// Returns its memory in bytes, including lists and maps. The formula must not change between
    /// releases, because it decides which snapshots are kept.
    fn weight(&self) -> u32 {
        u32::try_from(256 + self.values.bytes()).unwrap_or(u32::MAX)
    }

    /// Returns whether `other` is neither older nor has less progress.
    const fn is_within(&self, other: &Self) -> bool {
        self.taken.client_us <= other.taken.client_us && self.progress <= other.progress
    }

    /// Compares it with other snapshots of its stream, given in the order of arrival.
    fn step(
        &self,
        line: &[&Self],
        moment: Horizon,
        of: (Kind, Direction),
        values: &Values,
    ) -> Step {
        let Some(last) = predecessor(line, self) else { return Step::Stale };
        let is_near = last.taken.first_ms >= moment.first_ms.saturating_sub(moment.horizon_ms);
        if !is_near || !moment.reaches(self.taken.event_us, last.taken.event_us) {
            return Step::Baseline;
        }
        let length_us = self.taken.since_us(&last.taken);
        match values.since(&last.values.unpack(), of, length_us) {
            Change::Anew => Step::Reset,
            Change::Since { values, went_back, implausible } => {
                Step::Since { length_us, differences: values, went_back, implausible }
            }
        }
    }
}

/// Returns the last snapshot of `line` in the stream's own order, if `new` follows it. `line` is in
/// the order of arrival.
fn predecessor<'s>(line: &[&'s Snapshot], new: &Snapshot) -> Option<&'s Snapshot> {
    let (first, others) = line.split_first()?;
    let mut last = *first;
    for (place, other) in others.iter().enumerate() {
        if comes_next(&line[..=place], last, other) {
            last = *other;
        }
    }
    comes_next(line, last, new).then_some(last)
}

/// Returns whether `new`, which arrived after those in `line`, was also taken after them. A
/// snapshot that is within one of them is a duplicate or was overtaken. One that is older than all
/// of them but has more progress comes from a clock that was set back; if it is newer than one of
/// them, it was overtaken by a restarted stream.
fn comes_next(line: &[&Snapshot], last: &Snapshot, new: &Snapshot) -> bool {
    let time_us = |snapshot: &Snapshot| snapshot.taken.client_us;
    !line.iter().any(|earlier| new.is_within(earlier))
        && (time_us(new) > time_us(last)
            || !line.iter().any(|earlier| time_us(earlier) < time_us(new)))
}

/// Relation of a snapshot to earlier ones.
#[derive(PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, on the stack")]
pub(super) enum Step {
    /// It is the first snapshot of the stream.
    Baseline,
    /// It is the first one since the stream restarted.
    Reset,
    /// It is a duplicate, or was overtaken.
    Stale,
    /// It follows a predecessor.
    Since {
        /// Time since its predecessor, us.
        length_us: i64,
        differences: Values,
        /// Number of counter groups that are missing because a counter decreased.
        went_back: u64,
        /// Number of groups and gauges that are missing because they are impossible.
        implausible: u64,
    },
}
