//! Last snapshots of the streams of every peer connection.

use schemas::{Direction, Kind};
use xxhash_rust::xxh3::xxh3_128;

use super::clock::Taken;
use super::recent::{Forgotten, Limits, Name, Recent};
use crate::counters::{Change, Packed, Values};

/// Snapshots of one stream that are kept: more than one only while the order of two is in doubt.
const MOST_OF_A_STREAM: usize = 32;

/// Streams, candidate pairs and transports of all peer connections.
#[derive(Default)]
pub(super) struct Streams {
    snapshots: Recent<Snapshot>,
    /// Numbers of snapshots that go: this vector's memory is used again.
    past: Vec<u32>,
}

/// A snapshot as it is remembered.
#[derive(Debug)]
struct Snapshot {
    taken: Taken,
    progress: i64,
    values: Packed,
}

/// A moment of the log, and what may be looked back at from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// The log's time, ms.
    pub(super) now_ms: i64,
    /// Snapshots appended before it are not used as predecessors.
    pub(super) oldest_ms: i64,
    /// When the record was first appended: before the log's time, if it was sent again.
    pub(super) first_ms: i64,
    /// The look-back, ms.
    pub(super) horizon_ms: i64,
    pub(super) limits: Limits,
}

impl Horizon {
    /// True if an event at `event_us` and an earlier one lie within the look-back of each other, by
    /// the client's time: as far as the log of a recording that is played faster reaches.
    pub(super) fn reaches(&self, event_us: i64, earlier_us: i64) -> bool {
        event_us.saturating_sub(earlier_us) <= self.horizon_ms.saturating_mul(1000)
    }
}

impl Horizon {
    /// True if of an event at `event_us`, by a clock that may be wrong, an earlier copy may have
    /// been forgotten, or a later copy may find it forgotten. Of two copies whose appends lie
    /// further apart than the look-back, one lies further than half of it from the time that both
    /// have.
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

    /// Number of snapshots dropped for others so far.
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
    /// Compares a snapshot with the ones before it of the same stream, by its type, id and number;
    /// `of` says of what kind and direction it is.
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
    /// Bytes of memory that it takes, its places in the lists and maps included: by a number that
    /// no release changes, for it decides what is remembered.
    fn weight(&self) -> u32 {
        u32::try_from(256 + self.values.bytes()).unwrap_or(u32::MAX)
    }

    /// True if another one is neither older nor has less: whatever is within this one is within
    /// that.
    const fn is_within(&self, other: &Self) -> bool {
        self.taken.client_us <= other.taken.client_us && self.progress <= other.progress
    }

    /// Compares it with others of its stream, the one that came first ahead.
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

/// The last of `line`, the one that came first ahead, in the stream's own order, if `new` comes
/// after it.
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

/// True if `new`, which came after those of `line`, was also taken after them. What is within one
/// of them repeats it or was overtaken. What is older than all of them and yet has more is of a
/// clock that was set back; if it is newer than one of them, it was overtaken by a stream that
/// started anew.
fn comes_next(line: &[&Snapshot], last: &Snapshot, new: &Snapshot) -> bool {
    let time_us = |snapshot: &Snapshot| snapshot.taken.client_us;
    !line.iter().any(|earlier| new.is_within(earlier))
        && (time_us(new) > time_us(last)
            || !line.iter().any(|earlier| time_us(earlier) < time_us(new)))
}

/// Relation of a snapshot to those before it.
#[derive(PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, on the stack")]
pub(super) enum Step {
    /// The first.
    Baseline,
    /// The first since the stream started anew.
    Reset,
    /// It was there before, or was overtaken.
    Stale,
    /// The next.
    Since {
        /// Time since its predecessor, us.
        length_us: i64,
        differences: Values,
        /// Groups of counters that are missing because one of them went back.
        went_back: u64,
        /// Groups and gauges that are missing because they cannot be.
        implausible: u64,
    },
}
