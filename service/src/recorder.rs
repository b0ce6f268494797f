//! An [`Output`] that only remembers, for simulation and tests.

use schemas::topics::Topic;

use crate::handler::{Handler, Output, Ticket};
use crate::ledger::{Commit, Ledger};
use crate::record::{Offset, Source};

/// A record that a handler has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// On whose behalf; its partition is where the record went.
    pub source: Source,
    /// Where to.
    pub topic: Topic,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub payload: Vec<u8>,
}

/// Keeps what a handler sends and checkpoints. Commits become due as they would in the real loop:
/// [`Recorder::acknowledge`] acknowledges what was sent; what the handler opened it closes itself.
#[derive(Debug, Default)]
pub struct Recorder {
    /// All that was sent, in order.
    pub sent: Vec<Sent>,
    /// All checkpoints, in order, due or not.
    pub checkpoints: Vec<Commit>,
    /// What [`Output::congested`] says.
    pub congested: bool,
    ledger: Ledger,
    unacknowledged: Vec<Ticket>,
}

impl Recorder {
    /// Starts an assignment of `source`, as the loop does before the handler hears of it.
    pub fn assign(&mut self, source: Source) {
        self.ledger.assign(source);
    }

    /// Ends the assignment of `source`.
    pub fn revoke(&mut self, source: Source) {
        self.ledger.revoke(source);
    }

    /// Acknowledges all that was sent.
    pub fn acknowledge(&mut self) {
        for ticket in self.unacknowledged.drain(..) {
            let closed = self.ledger.close(ticket);
            debug_assert_eq!(closed, Ok(()));
        }
    }

    /// Acknowledges all that was sent, makes the commits that are due and tells `handler` of them.
    pub fn commit(&mut self, handler: &mut dyn Handler) {
        self.acknowledge();
        for commit in self.take_commits() {
            handler.committed(&commit);
        }
    }

    /// Takes the commits that are due.
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
