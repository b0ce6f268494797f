//! Sets of offsets, stored as ranges: the offsets seen of a log are nearly always one range.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::record::Offset;

/// A set of offsets. As text: `0-120,122-130`, a range of one as `7`, the empty set as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetRanges {
    /// First offset of a range → its last. Ranges neither overlap nor touch.
    ranges: BTreeMap<i64, i64>,
}

impl OffsetRanges {
    /// Adds `range` and returns the parts of it that were not in the set before, in ascending order.
    pub fn insert(&mut self, range: RangeInclusive<Offset>) -> Vec<RangeInclusive<Offset>> {
        let (from, to) = (range.start().0, range.end().0);
        if from > to {
            return Vec::new();
        }
        let touching = self.touching(from, to);
        let mut added = Vec::new();
        let mut next = from;
        for &(first, last) in &touching {
            if next < first {
                added.push(Offset(next)..=Offset(first - 1));
            }
            next = next.max(last.saturating_add(1));
        }
        if next <= to && !touching.iter().any(|(_, last)| *last == i64::MAX) {
            added.push(Offset(next)..=Offset(to));
        }
        for (first, _) in &touching {
            self.ranges.remove(first);
        }
        let first = touching.first().map_or(from, |(first, _)| from.min(*first));
        let last = touching.last().map_or(to, |(_, last)| to.max(*last));
        self.ranges.insert(first, last);
        added
    }

    /// Returns the ranges that overlap `from..=to` or touch it, in ascending order.
    fn touching(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut touching = self
            .ranges
            .range(..=to.saturating_add(1))
            .rev()
            .take_while(|(_, last)| last.saturating_add(1) >= from)
            .map(|(first, last)| (*first, *last))
            .collect::<Vec<_>>();
        touching.reverse();
        touching
    }

    /// Returns true if `offset` is in the set.
    #[must_use]
    pub fn contains(&self, offset: Offset) -> bool {
        self.ranges.range(..=offset.0).next_back().is_some_and(|(_, last)| *last >= offset.0)
    }

    /// Returns the ranges in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<Offset>> + '_ {
        self.ranges.iter().map(|(first, last)| Offset(*first)..=Offset(*last))
    }

    /// Returns the number of holes between the ranges.
    #[must_use]
    pub fn holes(&self) -> usize {
        self.ranges.len().saturating_sub(1)
    }

    /// Returns the largest offset in the set.
    #[must_use]
    pub fn last(&self) -> Option<Offset> {
        self.ranges.values().next_back().copied().map(Offset)
    }
}

impl fmt::Display for OffsetRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// Error: the text is not a set of offsets.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a range of offsets: it should look like 0-120,122-130")]
pub struct ParseRangesError(String);

impl FromStr for OffsetRanges {
    type Err = ParseRangesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut set = Self::default();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.parse::<i64>(), last.parse::<i64>()) {
                (Ok(first), Ok(last)) if (0..=last).contains(&first) => {
                    set.insert(Offset(first)..=Offset(last));
                }
                _ => return Err(ParseRangesError(part.to_owned())),
            }
        }
        Ok(set)
    }
}
