//! Records of a topic and the types of their coordinates.

use std::fmt;

/// An offset in a partition's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

impl Offset {
    /// Returns the offset after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A partition's number; the same in every topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub i32);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Broker's append time (`LogAppendTime`), ms since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendTime(pub i64);

/// An input topic of a service, by its position in the list of inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input(pub usize);

/// A partition of an input topic: the unit of assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The topic.
    pub input: Input,
    /// The partition.
    pub partition: Partition,
}

/// A record, borrowed from the client's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The partition that it was read from.
    pub source: Source,
    /// Its offset in that partition.
    pub offset: Offset,
    /// Time at which the broker appended it.
    pub appended: AppendTime,
    /// Its key, if any.
    pub key: Option<&'a [u8]>,
    /// Header `content-type`, if there is one and it is UTF-8.
    pub content_type: Option<&'a str>,
    /// Its value; a tombstone reads as empty.
    pub payload: &'a [u8],
    /// True if the record is read only to rebuild state: the handler then sends nothing and makes
    /// no checkpoint.
    pub look_back: bool,
}
