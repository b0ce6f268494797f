//! What the streams of every peer connection told last, those of one connection beside each other:
//! they come together, and looking each up by itself among all takes longer than comparing it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_128;

use super::window::{Snapshot, Window};
use crate::counters::Values;

/// A map by keys that are hashes already.
pub(super) type ByHash<V> = HashMap<u128, V, BuildHasherDefault<Hashed>>;

/// Windows by the hash of what tells a stream from others of its peer connection: 128 bits, so that
/// no two are ever the same.
type Windows = ByHash<Window>;

/// Streams, candidate pairs and transports of all peer connections.
#[derive(Default)]
pub(super) struct Streams {
    connections: ByHash<Windows>,
    live: usize,
}

/// A moment of the log, and what may be looked back at from there.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// The log's time, ms.
    pub(super) now_ms: i64,
    /// What was appended before it is forgotten.
    pub(super) kept_ms: i64,
    /// What was appended before it is nobody's predecessor.
    pub(super) oldest_ms: i64,
    /// When the record was first appended: before the log's time, if it was sent again.
    pub(super) first_ms: i64,
    /// What was first appended before it is no predecessor either.
    pub(super) nearby_ms: i64,
}

impl Streams {
    /// How many there are.
    pub(super) const fn live(&self) -> usize {
        self.live
    }

    /// Forgets what nothing was told of since `oldest_ms`.
    pub(super) fn sweep(&mut self, oldest_ms: i64) {
        self.live = 0;
        self.connections.retain(|_, windows| {
            windows.retain(|_, window| window.is_live(oldest_ms));
            self.live += windows.len();
            !windows.is_empty()
        });
    }

    /// Those of the peer connection that has this key. Names are written into `name`.
    pub(super) fn of<'s>(
        &'s mut self,
        connection: u128,
        moment: Moment,
        name: &'s mut Vec<u8>,
    ) -> Connection<'s> {
        let windows = self.connections.entry(connection).or_default();
        Connection { windows, live: &mut self.live, moment, name }
    }
}

/// Those of one peer connection.
pub(super) struct Connection<'s> {
    windows: &'s mut Windows,
    live: &'s mut usize,
    moment: Moment,
    name: &'s mut Vec<u8>,
}

impl Connection<'_> {
    /// What a snapshot is to the ones before it of the same stream, by its type, id and number.
    pub(super) fn step(
        &mut self,
        (subject, id, number): (u8, &str, i64),
        client_us: i64,
        values: &Values,
    ) -> Step {
        self.name.clear();
        self.name.push(subject);
        self.name.extend_from_slice(&number.to_le_bytes());
        self.name.extend_from_slice(id.as_bytes());
        let Moment { now_ms, kept_ms, oldest_ms, first_ms, nearby_ms } = self.moment;
        let window = self.windows.entry(xxh3_128(self.name)).or_insert_with(|| {
            *self.live += 1;
            Window::default()
        });
        let step = match window.predecessor(kept_ms, oldest_ms) {
            None => Step::Baseline,
            Some(predecessor) if predecessor.first_ms < nearby_ms => Step::Baseline,
            Some(predecessor) if client_us <= predecessor.client_us => Step::Stale,
            Some(predecessor) => match values.since(&predecessor.values) {
                None => Step::Reset,
                Some(differences) => Step::Since { client_us: predecessor.client_us, differences },
            },
        };
        window.push(Snapshot { client_us, appended_ms: now_ms, first_ms, values: *values });
        step
    }
}

/// What a snapshot is to the ones before it.
#[derive(PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, on the stack")]
pub(super) enum Step {
    /// The first.
    Baseline,
    /// The first after a monotone counter went back, or any leapt.
    Reset,
    /// Not newer than one before it.
    Stale,
    /// The next.
    Since { client_us: i64, differences: Values },
}

/// Hands on a key that is a hash already.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
