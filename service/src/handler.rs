//! What a service is to the consumer loop: one object that is told what happens, in order, on one
//! thread, and says what to write and what may be committed.
//!
//! A handler reads no clock and does no I/O, so the same handler runs under the real loop and
//! under a simulated one.

use std::error::Error;
use std::fmt;

use schemas::topics::Topic;

use crate::ledger::{Commit, LedgerError};
use crate::record::{Offset, Record, Source};
use crate::refusal::Refusal;
use crate::replayed::Replayed;
use crate::settings::Problems;

/// A condition that ends the process: it starts again from the last commit.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// A state that the service cannot go on from.
    #[error("{0}")]
    State(String),
    /// A step failed.
    #[error("{step}: {source}")]
    Failed {
        /// The step, or the thing that it was about.
        step: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An operation failed whose error needs no further context.
    #[error("{0}")]
    Caused(#[source] Box<dyn Error + Send + Sync>),
    /// Acknowledgements do not match the writes, so that commits cannot be trusted.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Something that the settings name cannot be used.
    #[error(transparent)]
    Settings(#[from] Problems),
    /// What is committed forbids reading on.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Fatal {
    /// Returns the error of a `step` that failed because of `source`.
    #[must_use]
    pub fn failed(
        step: impl fmt::Display,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { step: step.to_string(), source: source.into() }
    }

    /// Returns an error whose text is that of `source`.
    #[must_use]
    pub fn caused(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Caused(source.into())
    }
}

/// What the group has committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Next offset to read.
    pub offset: Offset,
    /// Metadata beside it, empty if there is none or it is not UTF-8.
    pub metadata: String,
}

/// Where reading starts in a partition that was just assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the committed offset; at the log's beginning if there is none.
    Committed,
    /// At the first record appended at or after (append time of the record before the committed
    /// one − this many ms). What lies before the committed offset comes with
    /// [`Record::look_back`] set. At the log's beginning if nothing is committed.
    LookBack {
        /// How far back, in ms of append time.
        ms: i64,
    },
}

/// Number of an asynchronous piece of work (a write) that must end before a later
/// [`Output::checkpoint`] of the same source is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The source on whose behalf the work is done.
    pub source: Source,
    /// Assignment of that source; acknowledgements of an earlier one are ignored.
    pub assignment: u64,
    /// Rising number within the assignment.
    pub number: u64,
}

/// What a handler may do. Everything is ordered per [`Source`].
pub trait Output {
    /// Writes a record to `topic`, to the source's own partition number, on behalf of `source`.
    fn send(&mut self, source: Source, topic: Topic, key: Option<&[u8]>, payload: &[u8]);

    /// Opens a ticket for work that the handler has done elsewhere (an insert); it is closed with
    /// [`Output::close`].
    fn open(&mut self, source: Source, bytes: usize) -> Ticket;

    /// The work of a ticket is acknowledged.
    fn close(&mut self, ticket: Ticket);

    /// `offset` (the next to read) may be committed, with `metadata` beside it, as soon as all
    /// that was sent or opened for `source` before this call is acknowledged.
    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str);

    /// True while more is in flight than the settings allow; the loop pauses input by itself, a
    /// handler with work of its own may hold it back too.
    fn congested(&self) -> bool;
}

/// How the input comes. Advice: what is written depends on it in time, never in content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It ran dry.
    Idle,
    /// What is read was appended just now.
    Live,
    /// What is read has waited: there is a backlog, and throughput counts more than freshness.
    Behind,
}

/// What a handler finds out about a partition from what was written about it earlier, where nothing
/// that is committed tells it.
pub trait Recall {
    /// Takes the next record of the topic's partition.
    fn record(&mut self, payload: &[u8]);

    /// What to go on from, as if it were committed; none if the records tell nothing. The input's log
    /// has the offsets from `first` up to, and without, `end`.
    ///
    /// # Errors
    /// When reading may not begin.
    fn conclude(&self, first: Offset, end: Offset) -> Result<Option<Committed>, Refusal>;
}

/// A service's logic, called on one thread by the consumer loop.
pub trait Handler {
    /// What has to be there before this process joins its group, while it is not. Asked until there
    /// is nothing.
    fn waits_to_join(&self) -> Option<String> {
        None
    }

    /// Metadata of every commit of a service whose group is bound to one place outside Kafka, by
    /// which its members know each other. It is committed for each partition as soon as that is
    /// assigned, and [`Handler::refuses_group`] is asked, before a record is read.
    fn binding(&self) -> Option<String> {
        None
    }

    /// Why what is committed for any partition of the inputs, another member's too, forbids this one
    /// to take part in the group, if it does. Asked only of a handler with a
    /// [`Handler::binding`].
    fn refuses_group(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        let _ = (source, committed);
        None
    }

    /// Why what is committed forbids reading on, if it does. Asked before [`Handler::start`].
    fn refuses(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        let _ = (source, committed);
        None
    }

    /// Why reading may not begin where the log does, at `first`, if it may not. Asked where nothing
    /// is committed, before the partition is assigned.
    fn refuses_beginning(&self, source: Source, first: Offset) -> Option<Refusal> {
        let _ = (source, first);
        None
    }

    /// How many partitions the first input has. Called before each assignment's [`Handler::start`],
    /// and again every few seconds, for partitions may be added at any time.
    fn topic_has(&mut self, partitions: usize) {
        let _ = partitions;
    }

    /// The output topic whose partition of the same number tells how to go on where `committed` does
    /// not, and what reads it. Asked before all else; the topic is then read to its end.
    fn recalls(
        &self,
        source: Source,
        committed: Option<&Committed>,
    ) -> Option<(Topic, Box<dyn Recall>)> {
        let _ = (source, committed);
        None
    }

    /// Where to start in a partition, before it is assigned.
    ///
    /// # Errors
    /// When what is committed forbids reading on.
    fn start(&self, source: Source, committed: Option<&Committed>) -> Result<Start, Fatal>;

    /// The partition is assigned; `committed` is what [`Handler::start`] saw.
    ///
    /// # Errors
    /// When the service cannot go on.
    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal>;

    /// The partition is gone: drop its state, write nothing.
    fn revoked(&mut self, source: Source);

    /// A record, in the order of its partition's log.
    ///
    /// # Errors
    /// When the service cannot go on. A bad record is no error: it is dead-lettered.
    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal>;

    /// A record that is a dead letter sent again, in its place in the log like any other. Unless a
    /// service has to tell them apart it is one.
    ///
    /// # Errors
    /// When the service cannot go on.
    fn replayed(
        &mut self,
        record: &Record<'_>,
        from: &Replayed,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let _ = from;
        self.record(record, out)
    }

    /// About every 100 ms, and at once after the input ran dry. `now_ms` is a monotonic clock in
    /// ms, good for intervals only.
    ///
    /// # Errors
    /// When the service cannot go on.
    fn tick(&mut self, now_ms: u64, pace: Pace, out: &mut dyn Output) -> Result<(), Fatal>;

    /// The group has made a commit, as [`Output::checkpoint`] allowed it: from here on whoever is
    /// assigned its source starts there or later, and sees its metadata or what followed it.
    fn committed(&mut self, commit: &Commit) {
        let _ = commit;
    }

    /// True while the handler keeps what it can write only after a commit: one is made soon.
    fn awaits_commit(&self) -> bool {
        self.holds_back()
    }

    /// True while the handler keeps more of that than it should: reading pauses.
    fn holds_back(&self) -> bool {
        false
    }

    /// The process is to end: write what is pending. The loop then waits for acknowledgements,
    /// with ticks and commits going on, until [`Handler::drained`] or its deadline.
    ///
    /// # Errors
    /// When the service cannot go on.
    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal>;

    /// True when the handler has no work of its own left after [`Handler::drain`].
    fn drained(&self) -> bool {
        true
    }

    /// What the handler's own outputs wait for while they cannot be reached: the service is not
    /// ready then, and says so.
    fn waits_for(&self) -> Option<String> {
        None
    }
}
