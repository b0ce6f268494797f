//! Partials by key in the order of first use, with a mark on those that changed since they were last
//! written.

use std::hash::{BuildHasher, Hash};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Values by key.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: Chunks<Row<K, V>>,
    /// Positions in `rows`. Keys are kept only there, so that this table stays in the processor's
    /// cache.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    dirty: Vec<u32>,
}

#[derive(Debug)]
struct Row<K, V> {
    key: K,
    dirty: bool,
    value: V,
}

/// Rows in pieces of the same size. A single vector would move, and take up to three times the memory of its
/// rows while it does.
#[derive(Debug)]
struct Chunks<R>(Vec<Vec<R>>);

/// Number of rows in a piece.
const CHUNK: usize = 256;

impl<R> Chunks<R> {
    fn push(&mut self, row: R) {
        let Self(chunks) = self;
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(row),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(row);
                chunks.push(chunk);
            }
        }
    }

    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    fn at(&self, place: u32) -> &R {
        &self.0[place as usize / CHUNK][place as usize % CHUNK]
    }

    fn at_mut(&mut self, place: u32) -> &mut R {
        &mut self.0[place as usize / CHUNK][place as usize % CHUNK]
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: Chunks(Vec::new()),
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            dirty: Vec::new(),
        }
    }
}

impl<K: Eq + Hash, V: Default> Table<K, V> {
    /// Returns the value of `key` to be changed; creates it if there is none.
    pub(crate) fn touch(&mut self, key: K) -> &mut V {
        let Self { rows, places, hasher, dirty } = self;
        let entry = places.entry(
            hasher.hash_one(&key),
            |place| rows.at(*place).key == key,
            |place| hasher.hash_one(&rows.at(*place).key),
        );
        let place = match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(vacant) => {
                #[expect(clippy::cast_possible_truncation, reason = "a block has fewer partials")]
                let place = rows.len() as u32;
                vacant.insert(place);
                rows.push(Row { key, dirty: false, value: V::default() });
                place
            }
        };
        let row = rows.at_mut(place);
        if !row.dirty {
            row.dirty = true;
            dirty.push(place);
        }
        &mut row.value
    }

    /// Returns the number of keys.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Passes every value that changed since the last call to `write`. With `last`, each value is dropped
    /// after it is written, because its encoded form takes as much memory until it is sent.
    pub(crate) fn flush<E>(
        &mut self,
        last: bool,
        mut write: impl FnMut(&K, &mut V) -> Result<(), E>,
    ) -> Result<(), E> {
        for place in self.dirty.drain(..) {
            let row = self.rows.at_mut(place);
            row.dirty = false;
            write(&row.key, &mut row.value)?;
            if last {
                row.value = V::default();
            }
        }
        Ok(())
    }
}
