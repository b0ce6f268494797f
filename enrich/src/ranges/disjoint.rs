//! Ranges that lie in one another, or overlap, as ranges that do not: so that a look-up finds the
//! one that holds an address by where it begins.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Range;

/// An address as a number, and back.
pub(super) trait Address: Copy + Ord {
    fn number(self) -> u128;
    fn of(number: u128) -> Self;
}

impl Address for Ipv4Addr {
    fn number(self) -> u128 {
        u32::from(self).into()
    }

    fn of(number: u128) -> Self {
        Self::from(number as u32)
    }
}

impl Address for Ipv6Addr {
    fn number(self) -> u128 {
        self.into()
    }

    fn of(number: u128) -> Self {
        number.into()
    }
}

/// Makes ranges disjoint and rising. Of those that hold an address the smallest has it; of equally
/// large ones that which begins last, and of duplicates the later in the list.
pub(super) fn disjoint<A: Address>(mut ranges: Vec<Range<A>>) -> Vec<Range<A>> {
    ranges.sort_by_key(|(first, ..)| *first);
    // As the most lists are.
    if ranges.is_sorted_by(|(_, last, _), (first, ..)| last < first) {
        return ranges;
    }
    let mut sweep = Sweep { open: BinaryHeap::new(), from: 0, emitted: Vec::new() };
    for (order, (first, last, position)) in ranges.into_iter().enumerate() {
        let first = first.number();
        sweep.emit_until(Some(first));
        sweep.from = first;
        let last = last.number();
        sweep.open.push(Open { size: Reverse(last - first), order, last, position });
    }
    sweep.emit_until(None);
    sweep.emitted.shrink_to_fit();
    sweep.emitted
}

/// A range that began. The greatest has the address: the smallest, then the one that came last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    size: Reverse<u128>,
    order: usize,
    last: u128,
    position: u32,
}

/// Sweep from the lowest address to the highest.
struct Sweep<A> {
    open: BinaryHeap<Open>,
    /// Current address: all ranges before it are emitted.
    from: u128,
    emitted: Vec<Range<A>>,
}

impl<A: Address> Sweep<A> {
    /// Emits the ranges of the addresses from here to the one before `until`, or to the last.
    fn emit_until(&mut self, until: Option<u128>) {
        while until.is_none_or(|until| self.from < until)
            && let Some(open) = self.open.peek()
        {
            if open.last < self.from {
                self.open.pop();
                continue;
            }
            let last = until.map_or(open.last, |until| open.last.min(until - 1));
            let position = open.position;
            self.emit(last, position);
            match last.checked_add(1) {
                Some(next) => self.from = next,
                None => return,
            }
        }
    }

    /// Emits a range, or extends the previous one if it is adjacent and of the same provider.
    fn emit(&mut self, last: u128, position: u32) {
        match self.emitted.last_mut() {
            Some((_, before, of)) if *of == position && before.number() + 1 == self.from => {
                *before = A::of(last);
            }
            _ => self.emitted.push((A::of(self.from), A::of(last), position)),
        }
    }
}
