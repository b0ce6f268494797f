//! Names as small numbers: a name is kept once a block, and keys made of names are cheap to hash.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// A name in an [`Interner`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// The empty name.
    pub(crate) const EMPTY: Self = Self(0);
}

/// Names by number and numbers by name.
#[derive(Debug)]
pub(crate) struct Interner {
    names: Vec<Box<str>>,
    symbols: HashTable<Symbol>,
    hasher: DefaultHashBuilder,
}

impl Default for Interner {
    fn default() -> Self {
        let mut interner = Self {
            names: Vec::new(),
            symbols: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        interner.symbol("");
        interner
    }
}

impl Interner {
    /// The symbol of `name`, which is copied only the first time.
    pub(crate) fn symbol(&mut self, name: &str) -> Symbol {
        let Self { names, symbols, hasher } = self;
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
                symbol
            }
        }
    }

    /// The name of a symbol of this interner.
    pub(crate) fn name(&self, symbol: Symbol) -> &str {
        &self.names[symbol.0 as usize]
    }
}
