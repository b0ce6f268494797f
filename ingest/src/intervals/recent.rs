//! Map of recent entries with limits per owner and in total.
//!
//! Its content depends only on the entries inserted since the expiry time: an entry is kept until
//! it expires, or until later entries exceed the limit of its owner or of the map. So a restart
//! that reads the log from that time restores the same content.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map with hashes as keys.
pub(super) type ByHash<V> = HashMap<u128, V, BuildHasherDefault<Hashed>>;

/// Key and owner of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) key: u128,
    pub(super) owner: u128,
    /// Hash of the owner's part that has a limit of its own; 0 if the owner has no parts. In the
    /// rare case of equal hashes, two parts share a limit.
    pub(super) part: u32,
}

impl Name {
    /// Returns the name of an entry of an owner without parts.
    pub(super) const fn whole(key: u128, owner: u128) -> Self {
        Self { key, owner, part: 0 }
    }
}

/// Maximum numbers of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Entries of one owner.
    pub(super) each: usize,
    /// Entries of one part of an owner. Fewer than `each`, so that no part displaces all entries of
    /// another.
    pub(super) part: usize,
    /// Weight of all entries.
    pub(super) all: usize,
}

/// Bytes of the state's limit per event, per state of a connection and per set-up: 15,000 of each
/// for the default of 24 MB.
pub(super) const BYTES_FOR_EACH: usize = 1600;

/// Entries in the order of insertion. A key may have several.
#[derive(Debug)]
pub(super) struct Recent<V> {
    entries: Vec<Entry<V>>,
    free: Vec<u32>,
    all: Ends,
    /// List of all entries.
    weight: usize,
    keys: ByHash<Ends>,
    owners: ByHash<Ends>,
    forgotten: Forgotten,
}

/// Numbers of entries dropped because of limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// Dropped because of the limit of their owner.
    pub(crate) session: u64,
    /// Dropped because of the total limit.
    pub(crate) partition: u64,
}

impl std::iter::Sum for Forgotten {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            session: sum.session + one.session,
            partition: sum.partition + one.partition,
        })
    }
}

#[derive(Debug)]
struct Entry<V> {
    key: u128,
    owner: u128,
    part: u32,
    at_ms: i64,
    weight: u32,
    links: [Link; 3],
    value: Option<V>,
}

/// Indices of the lists that an entry is in.
const ALL: usize = 0;
const OF_KEY: usize = 1;
const OF_OWNER: usize = 2;

/// Initial capacity, in entries.
const FEW: usize = 64;

/// No entry.
const NONE: u32 = u32::MAX;

/// Neighbours in a list.
#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    newer: u32,
}

/// A list.
#[derive(Clone, Copy, Debug)]
struct Ends {
    oldest: u32,
    newest: u32,
    count: usize,
}

impl Default for Ends {
    fn default() -> Self {
        Self { oldest: NONE, newest: NONE, count: 0 }
    }
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            all: Ends::default(),
            weight: 0,
            keys: ByHash::default(),
            owners: ByHash::default(),
            forgotten: Forgotten::default(),
        }
    }
}

impl<V> Recent<V> {
    /// Returns the number of keys.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Returns the number of entries dropped so far because of limits.
    pub(super) const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Returns the entries of a key, the newest first: number, time of insertion, value.
    pub(super) fn of(&self, key: u128) -> impl Iterator<Item = (u32, i64, &V)> {
        self.list(OF_KEY, self.keys.get(&key))
    }

    /// Returns the entries of an owner, the newest first.
    pub(super) fn of_owner(&self, owner: u128) -> impl Iterator<Item = (u32, i64, &V)> {
        self.list(OF_OWNER, self.owners.get(&owner))
    }

    fn list(&self, list: usize, ends: Option<&Ends>) -> impl Iterator<Item = (u32, i64, &V)> {
        let mut next = ends.map_or(NONE, |ends| ends.newest);
        std::iter::from_fn(move || {
            let (number, entry) = (next, self.entries.get(next as usize)?);
            next = entry.links[list].older;
            Some((number, entry.at_ms, entry.value.as_ref()?))
        })
    }

    /// Returns the value of the entry with this number.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut V> {
        self.entries.get_mut(number as usize)?.value.as_mut()
    }

    /// Inserts the latest entry, and drops the oldest entries beyond a limit. The weight must
    /// depend only on the value.
    pub(super) fn push(
        &mut self,
        name: Name,
        at_ms: i64,
        (value, weight): (V, u32),
        limits: Limits,
    ) {
        let links = [Link { older: NONE, newer: NONE }; 3];
        let Name { key, owner, part } = name;
        let entry = Entry { key, owner, part, at_ms, weight, links, value: Some(value) };
        self.weight += weight as usize;
        let number = match self.free.pop() {
            Some(number) => {
                self.entries[number as usize] = entry;
                number
            }
            None => {
                if self.entries.len() == self.entries.capacity() {
                    // Otherwise the vector would double its capacity.
                    self.entries.reserve_exact(FEW.max(self.entries.len() / 4));
                }
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        attach(&mut self.entries, ALL, &mut self.all, number);
        attach(&mut self.entries, OF_KEY, self.keys.entry(key).or_default(), number);
        let of_owner = self.owners.entry(owner).or_default();
        attach(&mut self.entries, OF_OWNER, of_owner, number);
        let (count, oldest) = (of_owner.count, of_owner.oldest);
        if let Some(oldest) = self.too_many_of_part(name, count, limits) {
            self.forgotten.session += 1;
            self.take(oldest);
        } else if count > limits.each.max(1) {
            self.forgotten.session += 1;
            self.take(oldest);
        }
        while self.weight > limits.all && self.all.count > 1 {
            self.forgotten.partition += 1;
            self.take(self.all.oldest);
        }
    }

    /// Returns the oldest entry of a part that has too many. Searches only if the owner, with
    /// `count` entries, has more than the limit of a part, which is rare.
    fn too_many_of_part(&self, name: Name, count: usize, limits: Limits) -> Option<u32> {
        if name.part == 0 || count <= limits.part.max(1) {
            return None;
        }
        let of_owner = self.of_owner(name.owner).map(|(number, ..)| number);
        let mut of_part =
            of_owner.filter(|number| self.entries[*number as usize].part == name.part);
        of_part.nth(limits.part.max(1))
    }

    /// Removes an entry.
    pub(super) fn take(&mut self, number: u32) -> Option<V> {
        let entry = self.entries.get_mut(number as usize)?;
        let value = entry.value.take()?;
        let (key, owner) = (entry.key, entry.owner);
        self.weight -= entry.weight as usize;
        detach(&mut self.entries, ALL, &mut self.all, number);
        for (list, lists, of) in
            [(OF_KEY, &mut self.keys, key), (OF_OWNER, &mut self.owners, owner)]
        {
            if let Some(ends) = lists.get_mut(&of) {
                detach(&mut self.entries, list, ends, number);
                if ends.count == 0 {
                    lists.remove(&of);
                }
            }
        }
        self.free.push(number);
        Some(value)
    }

    /// Removes entries inserted before `oldest_ms`.
    pub(super) fn expire(&mut self, oldest_ms: i64) {
        while let Some(entry) = self.entries.get(self.all.oldest as usize)
            && entry.at_ms < oldest_ms
        {
            self.take(self.all.oldest);
        }
    }
}

fn attach<V>(entries: &mut [Entry<V>], list: usize, ends: &mut Ends, number: u32) {
    entries[number as usize].links[list] = Link { older: ends.newest, newer: NONE };
    match entries.get_mut(ends.newest as usize) {
        Some(newest) => newest.links[list].newer = number,
        None => ends.oldest = number,
    }
    ends.newest = number;
    ends.count += 1;
}

fn detach<V>(entries: &mut [Entry<V>], list: usize, ends: &mut Ends, number: u32) {
    let Link { older, newer } = entries[number as usize].links[list];
    match entries.get_mut(older as usize) {
        Some(entry) => entry.links[list].newer = newer,
        None => ends.oldest = newer,
    }
    match entries.get_mut(newer as usize) {
        Some(entry) => entry.links[list].older = older,
        None => ends.newest = older,
    }
    ends.count -= 1;
}

/// Hasher for keys that are hashes already.
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { each: 3, part: 2, all: 14 };

    /// Returns a map after inserting these names and weights, one per ms.
    fn after(pushed: &[(Name, u32)]) -> Recent<usize> {
        let mut recent = Recent::default();
        for (at_ms, (name, weight)) in pushed.iter().enumerate() {
            recent.push(*name, at_ms as i64, (at_ms, *weight), LIMITS);
        }
        recent
    }

    /// Generates names of two owners, each with two parts and entries without a part.
    fn name() -> impl Strategy<Value = Name> {
        let name = |(key, owner, part)| Name { key, owner, part };
        (0_u128..6, 0_u128..2, 0_u32..3).prop_map(name)
    }

    fn all(recent: &Recent<usize>) -> Vec<usize> {
        recent.list(ALL, Some(&recent.all)).map(|(_, _, value)| *value).collect()
    }

    #[test]
    fn an_owner_over_its_limit_loses_its_own_entries() {
        let many = [(1, 1), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2)];
        let recent = after(&many.map(|(key, owner)| (Name::whole(key, owner), 2)));
        assert_eq!(all(&recent), [5, 4, 3, 0], "the first owner's is there");
        assert_eq!(recent.forgotten(), Forgotten { session: 2, partition: 0 });
        assert_eq!(recent.keys(), 4);
    }

    /// Returns the position of the entry after the first `count` of those that are `wanted`.
    fn nth(
        plain: &VecDeque<(usize, Name, usize)>,
        count: usize,
        wanted: impl Fn(&Name) -> bool,
    ) -> Option<usize> {
        let mut found = plain.iter().enumerate().filter(|(_, entry)| wanted(&entry.1));
        found.nth(count).map(|(place, _)| place)
    }

    #[test]
    fn a_part_of_an_owner_drops_entries_of_its_own_only() {
        let of = |key, part| (Name { key, owner: 1, part }, 2);
        let recent = after(&[of(1, 11), of(2, 12), of(3, 12), of(4, 12), of(5, 12)]);
        assert_eq!(all(&recent), [4, 3, 0], "the first part's is there");
    }

    proptest! {
        #[test]
        fn it_holds_the_same_as_a_plain_list(
            pushed in prop::collection::vec((name(), 1_u32..5), 1..40),
            since in any::<prop::sample::Index>(),
        ) {
            let mut plain: VecDeque<(usize, Name, usize)> = VecDeque::new();
            for (at, (name, weight)) in pushed.iter().enumerate() {
                plain.push_front((at, *name, *weight as usize));
                let of_part = |it: &Name| {
                    name.part != 0 && (it.owner, it.part) == (name.owner, name.part)
                };
                let place = nth(&plain, LIMITS.part, of_part);
                place.and_then(|place| plain.remove(place));
                let place = nth(&plain, LIMITS.each, |it| it.owner == name.owner);
                place.and_then(|place| plain.remove(place));
                while plain.len() > 1 && plain.iter().map(|it| it.2).sum::<usize>() > LIMITS.all {
                    plain.pop_back();
                }
            }
            let mut recent = after(&pushed);
            prop_assert_eq!(all(&recent), plain.iter().map(|entry| entry.0).collect::<Vec<_>>());
            for key in 0..6 {
                let of_key = plain.iter().filter(|entry| entry.1.key == key).map(|entry| entry.0);
                let found = recent.of(key).map(|(_, _, value)| *value).collect::<Vec<_>>();
                prop_assert_eq!(found, of_key.collect::<Vec<_>>());
            }
            // Entries since a given time do not depend on earlier ones.
            let since = since.index(pushed.len());
            recent.expire(since as i64);
            let later = after(&pushed[since..]);
            let shifted = all(&later).into_iter().map(|at| at + since).collect::<Vec<_>>();
            prop_assert_eq!(all(&recent), shifted);
            recent.expire(i64::MAX);
            let left = (recent.keys.len(), recent.owners.len(), recent.all.count, recent.weight);
            prop_assert_eq!(left, (0, 0, 0, 0));
        }
    }
}
