//! Conversion of nested and overlapping ranges to disjoint ones, so that a look-up can search by
//! the first address.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Range;

/// Conversion between addresses and numbers.
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

/// Makes ranges disjoint and ascending. An address belongs to the smallest range that contains it;
/// of equally large ones to the one that begins last, and of duplicates to the later one in the
/// list.
pub(super) fn disjoint<A: Address>(mut ranges: Vec<Range<A>>) -> Vec<Range<A>> {
    ranges.sort_by_key(|(first, ..)| *first);
    // Most lists are disjoint already.
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

/// A range that has begun. The greatest value has precedence: the smallest range, then the latest
/// in the list.
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
