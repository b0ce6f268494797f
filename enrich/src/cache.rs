//! A bounded memory of look-ups.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Keeps what was asked for lately in two generations: a full young one becomes the old one, and
/// the old one's entries that nobody asked for again are forgotten with it. So the bound costs no
/// bookkeeping per hit.
pub(crate) struct Recent<K, V> {
    generation: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Holds `capacity` entries at most, but never less than one a generation.
    pub(crate) fn new(capacity: usize) -> Self {
        let generation = (capacity / 2).max(1);
        Self { generation, young: HashMap::new(), old: HashMap::new() }
    }

    /// The value of `key`, made by `make` if it is not remembered.
    pub(crate) fn get_or<Q>(&mut self, key: &Q, make: impl FnOnce() -> V) -> V
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(value) = self.young.get(key) {
            return value.clone();
        }
        let (key, value) = self.old.remove_entry(key).unwrap_or_else(|| (key.to_owned(), make()));
        if self.young.len() == self.generation {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_again_is_kept_and_the_rest_is_forgotten_within_the_bound() {
        let mut cache = Recent::<u32, u32>::new(4);
        let mut made = 0;
        let mut get = |cache: &mut Recent<u32, u32>, key: u32| {
            let value = cache.get_or(&key, || {
                made += 1;
                key * 10
            });
            assert_eq!(value, key * 10);
            assert!(cache.young.len() + cache.old.len() <= 4);
            made
        };
        for key in 1..=3 {
            get(&mut cache, 0);
            get(&mut cache, key);
        }
        assert_eq!(get(&mut cache, 0), 4, "0 was asked for all the time");
        assert_eq!(get(&mut cache, 1), 5, "1 was forgotten");
    }
}
