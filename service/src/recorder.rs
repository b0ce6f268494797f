//! An [`Output`] that records its calls, for simulation and tests.

use schemas::topics::Topic;

use crate::handler::{Handler, Output, Ticket};
use crate::ledger::{Commit, Ledger};
use crate::record::{Offset, Source};

/// A record that a handler has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The source that it was sent for. It was sent to the partition of the same number.
    pub source: Source,
    /// The topic that it was sent to.
    pub topic: Topic,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub payload: Vec<u8>,
}

/// Records the writes and checkpoints of a handler. Commits become due as in the real loop:
/// [`Recorder::acknowledge`] acknowledges all writes; tickets that the handler has opened it closes itself.
#[derive(Debug, Default)]
pub struct Recorder {
    /// All writes, in order.
    pub sent: Vec<Sent>,
    /// All checkpoints, in order, due or not.
    pub checkpoints: Vec<Commit>,
    /// The value that [`Output::congested`] returns.
    pub congested: bool,
    ledger: Ledger,
    unacknowledged: Vec<Ticket>,
}

impl Recorder {
    /// Starts an assignment of `source`, as the loop does before it calls the handler.
    pub fn assign(&mut self, source: Source) {
        self.ledger.assign(source);
    }

    /// Ends the assignment of `source`.
    pub fn revoke(&mut self, source: Source) {
        self.ledger.revoke(source);
    }

    /// Acknowledges all writes.
    pub fn acknowledge(&mut self) {
        for ticket in self.unacknowledged.drain(..) {
            let closed = self.ledger.close(ticket);
            debug_assert_eq!(closed, Ok(()));
        }
    }

    /// Acknowledges all writes, makes the commits that are due and reports them to `handler`.
    pub fn commit(&mut self, handler: &mut dyn Handler) {
        self.acknowledge();
        for commit in self.take_commits() {
            handler.committed(&commit);
        }
    }

    /// Removes and returns the commits that are due.
    pub fn take_commits(&mut self) -> Vec<Commit> {
        self.ledger.take_commits()
    }
}

impl Output for Recorder {
    fn send(&mut self, source: Source, topic: Topic, key: Option<&[u8]>, payload: &[u8]) {
        self.unacknowledged.push(self.ledger.open(source, payload.len()));
        let (key, payload) = (key.map(<[u8]>::to_vec), payload.to_vec());
        self.sent.push(Sent { source, topic, key, payload });
    }

    fn open(&mut self, source: Source, bytes: usize) -> Ticket {
        self.ledger.open(source, bytes)
    }

    fn close(&mut self, ticket: Ticket) {
        let closed = self.ledger.close(ticket);
        debug_assert_eq!(closed, Ok(()));
    }

    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str) {
        self.ledger.checkpoint(source, offset, metadata);
        let metadata = metadata.to_owned();
        self.checkpoints.push(Commit { source, offset, metadata });
    }

    fn congested(&self) -> bool {
        self.congested
    }
}
