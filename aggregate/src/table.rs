//! Partials by key, in the order in which they came up, with those that changed since they were
//! last written.

use std::hash::Hash;

use hashbrown::HashMap;

/// Values by key.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    places: HashMap<K, usize>,
    rows: Vec<Row<K, V>>,
    dirty: Vec<usize>,
}

#[derive(Debug)]
struct Row<K, V> {
    key: K,
    value: V,
    dirty: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { places: HashMap::new(), rows: Vec::new(), dirty: Vec::new() }
    }
}

impl<K: Copy + Eq + Hash, V: Default> Table<K, V> {
    /// The value of `key` to be changed; a new one if there is none.
    pub(crate) fn touch(&mut self, key: K) -> &mut V {
        let Self { places, rows, dirty } = self;
        let place = *places.entry(key).or_insert_with(|| {
            rows.push(Row { key, value: V::default(), dirty: false });
            rows.len() - 1
        });
        let row = &mut rows[place];
        if !row.dirty {
            row.dirty = true;
            dirty.push(place);
        }
        &mut row.value
    }

    /// Hands every value that changed since the last time to `write`.
    pub(crate) fn flush<E>(
        &mut self,
        mut write: impl FnMut(&K, &V) -> Result<(), E>,
    ) -> Result<(), E> {
        for place in self.dirty.drain(..) {
            let row = &mut self.rows[place];
            row.dirty = false;
            write(&row.key, &row.value)?;
        }
        Ok(())
    }
}
