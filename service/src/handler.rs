//! The handler: the logic of a service, as the consumer loop calls it.
//!
//! The loop calls a handler on one thread and in order. The handler writes records and allows offsets to
//! be committed. It reads no clock and does no I/O, so that it runs in the real loop and in a simulated one.

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
    /// The committed state forbids reading on.
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

/// Offset and metadata that the group has committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Next offset to read.
    pub offset: Offset,
    /// Metadata of the commit; empty if there is none or it is not UTF-8.
    pub metadata: String,
}

/// Position at which reading starts in a partition that was just assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The committed offset; the beginning of the log if there is none.
    Committed,
    /// The first record appended at or after (append time of the record before the committed one − `ms`).
    /// Records before the committed offset have [`Record::look_back`] set. The beginning of the log if
    /// nothing is committed.
    LookBack {
        /// Length of the look-back, in ms of append time.
        ms: i64,
    },
}

/// Identifier of a write that must be acknowledged before a later [`Output::checkpoint`] of the same
/// source is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The source that the write is for.
    pub source: Source,
    /// Assignment of that source; acknowledgements of an earlier one are ignored.
    pub assignment: u64,
    /// Ascending number within the assignment.
    pub number: u64,
}

/// Operations of a handler. They are ordered per [`Source`].
pub trait Output {
    /// Writes a record for `source` to the partition of `topic` with the source's number.
    fn send(&mut self, source: Source, topic: Topic, key: Option<&[u8]>, payload: &[u8]);

    /// Opens a ticket for a write that the handler does elsewhere (an insert). [`Output::close`] closes it.
    fn open(&mut self, source: Source, bytes: usize) -> Ticket;

    /// Records that the write of a ticket is acknowledged. A second call for a ticket, or one for a
    /// ticket that was never opened, ends the process.
    fn close(&mut self, ticket: Ticket);

    /// Allows `offset` (the next to read) to be committed with `metadata` as soon as all writes for `source`
    /// before this call are acknowledged.
    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str);

    /// Returns true while more is in flight than the settings allow. The loop then pauses input; a handler
    /// may also delay work of its own.
    fn congested(&self) -> bool;
}

/// State of the input. It may change when records are written, never their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// There is nothing to read.
    Idle,
    /// Records are read as they are appended.
    Live,
    /// There is a backlog: throughput counts more than freshness.
    Behind,
}

/// Reader of the records that were written for a partition earlier, from which a handler derives where to
/// continue if nothing that is committed says so.
pub trait Recall {
    /// Reads the next record of the partition.
    fn record(&mut self, payload: &[u8]);

    /// Returns the state to continue from, as if it were committed; none if the records do not define one.
    /// The input's log has the offsets from `first` to before `end`.
    ///
    /// # Errors
    /// If reading must not begin.
    fn conclude(&self, first: Offset, end: Offset) -> Result<Option<Committed>, Refusal>;
}

/// The logic of a service, called on one thread by the consumer loop.
pub trait Handler {
    /// Returns what this process waits for before it joins its group. Called until the result is none.
    fn waits_to_join(&self) -> Option<String> {
        None
    }

    /// Returns the metadata of every commit of a service whose group is bound to one destination outside
    /// Kafka. It is committed for each partition as soon as that is assigned, and
    /// [`Handler::refuses_group`] is called, before a record is read.
    fn binding(&self) -> Option<String> {
        None
    }

    /// Returns a refusal if the commit of any partition of the inputs, also one of another member, forbids
    /// this member to take part in the group. Called only for a handler with a [`Handler::binding`].
    fn refuses_group(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        let _ = (source, committed);
        None
    }

    /// Returns a refusal if the commit of a partition forbids reading on. Called before [`Handler::start`].
    fn refuses(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        let _ = (source, committed);
        None
    }

    /// Returns a refusal if reading must not start at `first`, the beginning of the log. Called if nothing
    /// is committed, before the partition is assigned.
    fn refuses_beginning(&self, source: Source, first: Offset) -> Option<Refusal> {
        let _ = (source, first);
        None
    }

    /// Receives the number of partitions of the first input. Called before [`Handler::start`] of each
    /// assignment, and again every few seconds, because partitions may be added at any time.
    fn topic_has(&mut self, partitions: usize) {
        let _ = partitions;
    }

    /// Returns the output topic whose partition of the same number defines where to continue if `committed`
    /// does not, and its reader. Called first; the partition is then read to its end.
    fn recalls(
        &self,
        source: Source,
        committed: Option<&Committed>,
    ) -> Option<(Topic, Box<dyn Recall>)> {
        let _ = (source, committed);
        None
    }

    /// Returns the position to start from in a partition, before it is assigned.
    ///
    /// # Errors
    /// If the commit forbids reading on.
    fn start(&self, source: Source, committed: Option<&Committed>) -> Result<Start, Fatal>;

    /// Receives an assignment; `committed` is the argument of [`Handler::start`].
    ///
    /// # Errors
    /// If the service cannot continue.
    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal>;

    /// Receives a revocation: the handler drops the state of the partition and writes nothing.
    fn revoked(&mut self, source: Source);

    /// Processes a record. Records of a partition come in the order of its log.
    ///
    /// # Errors
    /// If the service cannot continue. A bad record is no error: it becomes a dead letter.
    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal>;

    /// Processes a replayed dead letter, in its place in the log. By default it is treated like any other
    /// record.
    ///
    /// # Errors
    /// If the service cannot continue.
    fn replayed(
        &mut self,
        record: &Record<'_>,
        from: &Replayed,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let _ = from;
        self.record(record, out)
    }

    /// Called about every 100 ms, and at once when there is nothing more to read. `now_ms` is a monotonic
    /// clock in ms, for durations only.
    ///
    /// # Errors
    /// If the service cannot continue.
    fn tick(&mut self, now_ms: u64, pace: Pace, out: &mut dyn Output) -> Result<(), Fatal>;

    /// Receives a commit of the group that [`Output::checkpoint`] had allowed. From then on a member that is
    /// assigned this source starts there or later, with this or newer metadata.
    fn committed(&mut self, commit: &Commit) {
        let _ = commit;
    }

    /// Returns true while the handler holds records that it can write only after a commit. One is made soon.
    fn awaits_commit(&self) -> bool {
        self.holds_back()
    }

    /// Returns true while the handler holds too many of these records. Reading pauses.
    fn holds_back(&self) -> bool {
        false
    }

    /// Writes everything pending, because the process is about to end. The loop then waits for
    /// acknowledgements, with further ticks and commits, until [`Handler::drained`] or a deadline.
    ///
    /// # Errors
    /// If the service cannot continue.
    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal>;

    /// Returns true when the handler has no work of its own left after [`Handler::drain`].
    fn drained(&self) -> bool {
        true
    }

    /// Returns what the handler's own outputs wait for while they cannot be reached. The service then
    /// reports that it is not ready.
    fn waits_for(&self) -> Option<String> {
        None
    }
}
