//! Interned names: a block stores each name only once, and small numbers are cheap to hash.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use schemas::UNKNOWN;

/// Name that replaces values beyond the limits.
const OTHER: &str = "other";
/// Memory of a name in addition to its text, bytes: its entries in the list and the table, with their
/// free capacity, and the overhead of the allocator.
const NAME_BYTES: usize = 48;

/// A name in an [`Interner`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// The empty name.
    pub(crate) const EMPTY: Self = Self(0);
    /// [`UNKNOWN`].
    pub(crate) const UNKNOWN: Self = Self(1);
    /// The name that replaces values beyond the limits.
    pub(crate) const OTHER: Self = Self(2);

    /// Returns whether the name represents a missing value.
    pub(crate) fn is_no_value(self) -> bool {
        self <= Self::OTHER
    }

    pub(crate) fn number(self) -> u64 {
        self.0.into()
    }
}

/// Names by number and numbers by name.
#[derive(Debug)]
pub(crate) struct Interner {
    names: Vec<Box<str>>,
    symbols: HashTable<Symbol>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

impl Default for Interner {
    fn default() -> Self {
        let mut interner = Self {
            names: Vec::new(),
            symbols: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            bytes: 0,
        };
        for (name, symbol) in
            [("", Symbol::EMPTY), (UNKNOWN, Symbol::UNKNOWN), (OTHER, Symbol::OTHER)]
        {
            let given = interner.symbol(name);
            debug_assert_eq!(given, symbol);
        }
        interner
    }
}

impl Interner {
    /// Returns the symbol of `name`, which is copied only the first time.
    pub(crate) fn symbol(&mut self, name: &str) -> Symbol {
        let Self { names, symbols, hasher, bytes } = self;
        let entry = symbols.entry(
            hasher.hash_one(name),
            |symbol| *names[symbol.0 as usize] == *name,
            |symbol| hasher.hash_one(&*names[symbol.0 as usize]),
        );
        match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                #[expect(clippy::cast_possible_truncation, reason = "a block has fewer names")]
                let symbol = Symbol(names.len() as u32);
                place.insert(symbol);
                names.push(name.into());
                *bytes += NAME_BYTES + name.len();
                symbol
            }
        }
    }

    /// Returns the number of names.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the memory of all names, estimated, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the symbol of `name`, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<Symbol> {
        let Self { names, symbols, hasher, .. } = self;
        let same = |symbol: &Symbol| *names[symbol.0 as usize] == *name;
        symbols.find(hasher.hash_one(name), same).copied()
    }

    /// Returns the name of a symbol of this interner.
    pub(crate) fn name(&self, symbol: Symbol) -> &str {
        &self.names[symbol.0 as usize]
    }
}
