//! One process of a service: its logic, inputs, unacknowledged writes and pending commits. Replaces
//! the consumer loop and the producer, without threads.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use service::{
    AppendTime, Commit, Committed, Fatal, Handler, Ledger, LedgerError, Offset, Output, Pace,
    Record, Source, Ticket, Topic,
};

use crate::Trouble;
use crate::cluster::{Cluster, PARTITIONS, Service};
use crate::cores::{Core, Cores};

/// A record in flight to a log.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) ticket: Ticket,
    pub(crate) key: Option<Rc<[u8]>>,
    pub(crate) payload: Rc<[u8]>,
}

/// The producer's queues, by topic and partition: each keeps its order.
pub(crate) type Queues = BTreeMap<(Topic, usize), VecDeque<Parcel>>;

/// A source that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) source: Source,
    /// Next offset to read.
    pub(crate) position: i64,
    /// Records before this offset only rebuild state.
    until: i64,
}

pub(crate) struct Process {
    /// Its number, in the order of starts.
    pub(crate) number: u32,
    pub(crate) service: Service,
    /// Settings that it was started with.
    pub(crate) variant: usize,
    /// True if the process is a member of the group. Commits of a zombie are refused.
    pub(crate) member: bool,
    pub(crate) core: Core,
    /// True if the process is shutting down.
    pub(crate) ends: bool,
    pub(crate) readings: Vec<Reading>,
    ledger: Ledger,
    /// An acknowledgement without a matching write, which ends the process.
    failure: Option<LedgerError>,
    pub(crate) queues: Queues,
    /// Appended writes that are not yet acknowledged to the process.
    pub(crate) landed: Vec<Ticket>,
    commits: BTreeMap<Source, Commit>,
    uncommitted: bool,
    /// Limit of bytes in flight above which the process stops reading.
    limit: usize,
}

/// Output of a handler.
struct Port<'a> {
    ledger: &'a mut Ledger,
    queues: &'a mut Queues,
    failure: &'a mut Option<LedgerError>,
    limit: usize,
}

impl Output for Port<'_> {
    fn send(&mut self, source: Source, topic: Topic, key: Option<&[u8]>, payload: &[u8]) {
        let ticket = self.ledger.open(source, payload.len());
        let to = (topic, source.partition.0 as usize);
        let parcel = Parcel { ticket, key: key.map(Rc::from), payload: Rc::from(payload) };
        self.queues.entry(to).or_default().push_back(parcel);
    }

    fn open(&mut self, source: Source, bytes: usize) -> Ticket {
        self.ledger.open(source, bytes)
    }

    fn close(&mut self, ticket: Ticket) {
        if let Err(error) = self.ledger.close(ticket) {
            self.failure.get_or_insert(error);
        }
    }

    fn checkpoint(&mut self, source: Source, offset: Offset, metadata: &str) {
        self.ledger.checkpoint(source, offset, metadata);
    }

    fn congested(&self) -> bool {
        self.ledger.bytes() > self.limit
    }
}

impl Process {
    pub(crate) fn new(
        number: u32,
        service: Service,
        variant: usize,
        core: Core,
        limit: usize,
    ) -> Self {
        Self {
            number,
            service,
            variant,
            member: true,
            core,
            ends: false,
            readings: Vec::new(),
            ledger: Ledger::default(),
            failure: None,
            queues: Queues::new(),
            landed: Vec::new(),
            commits: BTreeMap::new(),
            uncommitted: false,
            limit,
        }
    }

    fn parts<'a>(&'a mut self, cores: &'a mut Cores) -> (&'a mut dyn Handler, Port<'a>) {
        let Self { core, ledger, queues, failure, limit, .. } = self;
        (cores.handler(core), Port { ledger, queues, failure, limit: *limit })
    }

    /// Assigns a source.
    pub(crate) fn assign(
        &mut self,
        source: Source,
        cores: &mut Cores,
        cluster: &Cluster,
    ) -> Result<(), Trouble> {
        let (partition, committed) =
            (source.partition.0 as usize, cluster.committed(self.service, source));
        let log = cluster.log(self.service.inputs()[source.input.0], partition);
        let handler = cores.handler(&mut self.core);
        let recalled = match handler.recalls(source, committed) {
            Some((of, mut recall)) => {
                let written = cluster.log(of, partition);
                written.entries.iter().for_each(|entry| recall.record(&entry.payload));
                recall.conclude(Offset(0), Offset(log.end))?
            }
            None => None,
        };
        let committed = recalled.as_ref().or(committed);
        let position = log.start(handler.start(source, committed)?, committed);
        self.ledger.assign(source);
        handler.assigned(source, committed)?;
        let until = committed.map_or(0, |committed| committed.offset.0);
        self.readings.push(Reading { source, position, until });
        Ok(())
    }

    /// Revokes all partitions.
    pub(crate) fn revoke(&mut self, cores: &mut Cores) {
        let handler = cores.handler(&mut self.core);
        for Reading { source, .. } in self.readings.drain(..) {
            handler.revoked(source);
            self.ledger.revoke(source);
        }
        self.commits.clear();
        self.uncommitted = false;
    }

    /// Reads at most `most` records, and returns their number.
    pub(crate) fn read(
        &mut self,
        at: usize,
        most: usize,
        cores: &mut Cores,
        cluster: &Cluster,
    ) -> Result<usize, Trouble> {
        let Reading { source, position, until } = self.readings[at];
        let topic = self.service.inputs()[source.input.0];
        let log = cluster.log(topic, source.partition.0 as usize);
        let (handler, mut port) = self.parts(cores);
        if handler.holds_back() || port.congested() {
            return Ok(0);
        }
        let (mut read, mut next) = (0, position);
        for entry in log.entries[log.place(position)..].iter().take(most) {
            handler.record(
                &Record {
                    source,
                    offset: Offset(entry.offset),
                    appended: AppendTime(entry.appended_ms),
                    key: entry.key.as_deref(),
                    content_type: None,
                    payload: &entry.payload,
                    look_back: entry.offset < until,
                },
                &mut port,
            )?;
            next = entry.offset + 1;
            read += 1;
        }
        self.readings[at].position = next;
        Ok(read)
    }

    pub(crate) fn tick(
        &mut self,
        now_ms: u64,
        pace: Pace,
        cores: &mut Cores,
    ) -> Result<(), Trouble> {
        let (handler, mut port) = self.parts(cores);
        handler.tick(now_ms, pace, &mut port)?;
        self.failure.take().map_or(Ok(()), |error| Err(Fatal::from(error).into()))
    }

    pub(crate) fn drain(&mut self, cores: &mut Cores) -> Result<(), Trouble> {
        self.ends = true;
        let (handler, mut port) = self.parts(cores);
        Ok(handler.drain(&mut port)?)
    }

    /// Acknowledges one of the appended records.
    pub(crate) fn acknowledge(&mut self, at: usize) {
        let ticket = self.landed.swap_remove(at);
        if let Err(error) = self.ledger.close(ticket) {
            self.failure.get_or_insert(error);
        }
    }

    /// Returns the newest commits of all sources if one of them is not yet acknowledged.
    pub(crate) fn due(&mut self) -> Vec<Commit> {
        for commit in self.ledger.take_commits() {
            self.commits.insert(commit.source, commit);
            self.uncommitted = true;
        }
        if self.uncommitted { self.commits.values().cloned().collect() } else { Vec::new() }
    }

    /// Acknowledges these commits.
    pub(crate) fn committed(&mut self, commits: &[Commit], cores: &mut Cores) {
        self.uncommitted = false;
        let handler = cores.handler(&mut self.core);
        for commit in commits {
            handler.committed(commit);
        }
    }

    /// Returns true if all of its writes and commits are done.
    pub(crate) fn is_settled(&self) -> bool {
        self.ledger.is_settled() && self.landed.is_empty() && !self.uncommitted
    }
}

/// Returns a commit as stored by the group.
pub(crate) fn kept(commit: &Commit) -> Committed {
    Committed { offset: commit.offset, metadata: commit.metadata.clone() }
}

/// Returns all sources of a service's group, in a world with this number of partitions.
pub(crate) fn sources(service: Service, partitions: usize) -> impl Iterator<Item = Source> {
    let partitions = partitions.min(PARTITIONS) as i32;
    (0..service.inputs().len()).flat_map(move |input| {
        (0..partitions).map(move |partition| Source {
            input: service::Input(input),
            partition: service::Partition(partition),
        })
    })
}
