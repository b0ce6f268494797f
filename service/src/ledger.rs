//! The ledger of acknowledgements: a checkpoint may be committed once all tickets opened before it are
//! closed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::handler::Ticket;
use crate::record::{Offset, Source};

/// A checkpoint that may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Partition.
    pub source: Source,
    /// Next offset to read.
    pub offset: Offset,
    /// Metadata to commit beside it.
    pub metadata: String,
}

/// An acknowledgement that matches no open ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The ticket was never opened.
    #[error("an acknowledgement of a write that was never begun: {0:?}")]
    NeverOpened(Ticket),
    /// The ticket is closed already.
    #[error("a second acknowledgement of the same write: {0:?}")]
    ClosedTwice(Ticket),
}

/// Tickets and checkpoints of all assigned partitions.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<Source, Account>,
    assignments: u64,
    bytes: usize,
    open: usize,
}

/// One partition during one assignment. `entries` holds the tickets from number `frontier` on. Its
/// first one is open: closed ones are removed from the front.
#[derive(Debug, Default)]
struct Account {
    assignment: u64,
    frontier: u64,
    entries: VecDeque<Entry>,
    checkpoints: VecDeque<Checkpoint>,
}

#[derive(Debug)]
struct Entry {
    bytes: usize,
    closed: bool,
}

/// A checkpoint that waits for all tickets with numbers below `after`.
#[derive(Debug)]
struct Checkpoint {
    after: u64,
    offset: Offset,
    /// Shared, because consecutive checkpoints mostly have the same, and there may be one for each record.
    metadata: Arc<str>,
}

impl Ledger {
    /// Starts a new assignment of `source`, and drops the state of an earlier one.
    pub fn assign(&mut self, source: Source) {
        self.revoke(source);
        self.assignments += 1;
        let account = Account { assignment: self.assignments, ..Account::default() };
        self.accounts.insert(source, account);
    }

    /// Ends the assignment of `source`: its tickets and checkpoints are dropped.
    pub fn revoke(&mut self, source: Source) {
        for entry in self.accounts.remove(&source).into_iter().flat_map(|account| account.entries) {
            if !entry.closed {
                self.bytes -= entry.bytes;
                self.open -= 1;
            }
        }
    }

    /// Opens a ticket for work of `bytes`. Without an assignment no checkpoint waits for it.
    pub fn open(&mut self, source: Source, bytes: usize) -> Ticket {
        let Some(account) = self.accounts.get_mut(&source) else {
            return Ticket { source, assignment: 0, number: 0 };
        };
        let number = account.frontier + account.entries.len() as u64;
        account.entries.push_back(Entry { bytes, closed: false });
        self.bytes += bytes;
        self.open += 1;
        Ticket { source, assignment: account.assignment, number }
    }

    /// Records that the work of `ticket` is acknowledged. A ticket of an earlier assignment changes
    /// nothing.
    ///
    /// # Errors
    /// If the ticket was never opened, or is closed already. Nothing changes then; but the caller's
    /// acknowledgements do not match its writes, and no commit that follows can be trusted.
    pub fn close(&mut self, ticket: Ticket) -> Result<(), LedgerError> {
        if ticket.assignment > self.assignments {
            return Err(LedgerError::NeverOpened(ticket));
        }
        let account = self.accounts.get_mut(&ticket.source);
        let Some(account) = account.filter(|account| account.assignment == ticket.assignment)
        else {
            return Ok(());
        };
        let position = ticket.number.checked_sub(account.frontier);
        let position = position.ok_or(LedgerError::ClosedTwice(ticket))?;
        let entry = usize::try_from(position).ok().and_then(|at| account.entries.get_mut(at));
        let entry = entry.ok_or(LedgerError::NeverOpened(ticket))?;
        if entry.closed {
            return Err(LedgerError::ClosedTwice(ticket));
        }
        entry.closed = true;
        self.bytes -= entry.bytes;
        self.open -= 1;
        while account.entries.front().is_some_and(|entry| entry.closed) {
            account.entries.pop_front();
            account.frontier += 1;
        }
        Ok(())
    }

    /// Allows `offset` to be committed with `metadata` once all tickets opened for `source` so far are
    /// closed.
    pub fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str) {
        let Some(account) = self.accounts.get_mut(&source) else {
            return;
        };
        let after = account.frontier + account.entries.len() as u64;
        let metadata = match account.checkpoints.back() {
            Some(last) if *last.metadata == *metadata => Arc::clone(&last.metadata),
            _ => metadata.into(),
        };
        // A newer checkpoint that waits for the same tickets supersedes the older one, so that
        // there are never more checkpoints than tickets.
        if account.checkpoints.back().is_some_and(|checkpoint| checkpoint.after == after) {
            account.checkpoints.pop_back();
        }
        account.checkpoints.push_back(Checkpoint { after, offset, metadata });
    }

    /// Removes and returns the newest checkpoint of each source that may be committed now.
    pub fn take_commits(&mut self) -> Vec<Commit> {
        let newest = |(source, account): (&Source, &mut Account)| {
            let frontier = account.frontier;
            #[cfg(feature = "mutations")]
            let frontier = match crate::mutations::is_broken(crate::mutations::COMMITS_WAIT) {
                true => u64::MAX,
                false => frontier,
            };
            let ready = account.checkpoints.partition_point(|point| point.after <= frontier);
            account.checkpoints.drain(..ready).next_back().map(|point| Commit {
                source: *source,
                offset: point.offset,
                metadata: (*point.metadata).to_owned(),
            })
        };
        self.accounts.iter_mut().filter_map(newest).collect()
    }

    /// Returns the bytes of all open tickets.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns true if every ticket is closed.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.open == 0
    }

    /// Returns the assigned partitions.
    pub fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.accounts.keys().copied()
    }
}
