//! One partition of the raw topic: offsets read, and outputs written.

use schemas::{RawOutcome, Report};
use service::{Commit, Committed, Fatal, Offset, Output, Source, Topic};

use crate::intervals::Engine;
use crate::limits::{Limits, LimitsError};
use crate::lineage::Pending;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// Longest wait of records without a report until they are covered.
const COVER_AFTER_MS: u64 = 1000;

/// Maximum number of runs of offsets that were not accepted in one report.
const MAX_RUNS: usize = 1000;

/// State of one partition of the raw topic.
pub(crate) struct Partition {
    source: Source,
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pending: Pending,
    outbox: Outbox,
    /// The next offset to read; unknown until the first record if nothing was ever committed.
    next: Option<i64>,
    /// Time of the tick since which records wait to be covered; unknown until the next tick.
    waiting_since_ms: Option<u64>,
}

impl Partition {
    pub(crate) fn resume(
        source: Source,
        committed: Option<&Committed>,
        wanted: Settings,
    ) -> Result<Self, LimitsError> {
        let limits = Limits::resume(committed, wanted)?;
        let next = committed.map(|committed| committed.offset.0);
        Ok(Self {
            source,
            engine: Engine::new(limits.look_back_ms()),
            limits,
            pending: Pending::new(source.partition.0, next),
            outbox: Outbox::default(),
            next,
            waiting_since_ms: None,
        })
    }

    /// Returns the number of streams and candidate pairs in memory.
    pub(crate) fn live(&self) -> usize {
        self.engine.live()
    }

    /// Returns whether output waits for a commit.
    pub(crate) fn waits(&self) -> bool {
        self.outbox.waits()
    }

    /// Returns the bytes that wait for a commit.
    pub(crate) const fn waiting_bytes(&self) -> usize {
        self.outbox.bytes()
    }

    pub(crate) fn committed(&mut self, commit: &Commit) {
        self.limits.committed(commit);
    }

    /// Prepares for the record at `offset`. If the metadata does not cover it yet, the records
    /// before it are covered at once, and the next commit covers further offsets.
    pub(crate) fn reach(&mut self, offset: i64, out: &mut dyn Output) -> Result<(), Fatal> {
        if !self.limits.is_covered(offset) {
            self.cover(out)?;
        }
        if !self.limits.is_covered(offset) {
            let next = self.next.unwrap_or(offset);
            let metadata = self.limits.metadata(next, offset, self.engine.now_ms());
            self.outbox.commit(self.source, Offset(next), metadata, out);
        }
        Ok(())
    }

    /// Records that the record at `offset` was read.
    pub(crate) fn read(&mut self, offset: i64, appended_ms: i64) {
        self.pending.read(offset, appended_ms);
        self.next = Some(offset + 1);
    }

    /// Records that the record at `offset`, the last one read, is not simply accepted.
    pub(crate) fn skip(&mut self, offset: i64, outcome: RawOutcome) {
        self.pending.skip(offset, outcome);
    }

    /// Writes output of the record at `offset`, the last one read.
    pub(crate) fn send(
        &mut self,
        offset: i64,
        to: (Topic, Option<&[u8]>),
        payload: &[u8],
        out: &mut dyn Output,
    ) {
        let may = self.limits.may_write(offset);
        self.outbox.send(self.source, (offset, may), to, payload, out);
    }

    /// Writes a report that accounts for all waiting records, and allows them to be committed.
    pub(crate) fn write(
        &mut self,
        key: Option<&[u8]>,
        report: Report,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let Some(lineage) = self.pending.take() else { return Ok(()) };
        self.waiting_since_ms = None;
        let last = lineage.raw_to;
        let report = schemas::encode(&Report { lineage, ..report }).map_err(Fatal::caused)?;
        self.send(last, (Topic::Reports, key), &report, out);
        let metadata = self.limits.metadata(last + 1, last + 1, self.engine.now_ms());
        self.outbox.commit(self.source, Offset(last + 1), metadata, out);
        Ok(())
    }

    /// Covers the waiting records if they are too many for one report.
    pub(crate) fn cover_if_many(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        if self.pending.runs() > MAX_RUNS { self.cover(out) } else { Ok(()) }
    }

    /// Covers the waiting records with a report that has no other content.
    fn cover(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        self.write(None, Report::default(), out)
    }

    /// Writes covers that are due at `now_ms` of the loop's monotonic clock, and waiting output
    /// that may be written by now.
    pub(crate) fn tick(&mut self, now_ms: u64, out: &mut dyn Output) -> Result<(), Fatal> {
        self.outbox.release(self.source, |raw| self.limits.may_write(raw), out);
        if self.pending.any() {
            let since_ms = *self.waiting_since_ms.get_or_insert(now_ms);
            if now_ms.saturating_sub(since_ms) >= COVER_AFTER_MS {
                return self.cover(out);
            }
        }
        Ok(())
    }

    /// Covers the waiting records and gives up the coverage of offsets ahead, because nothing more
    /// is read.
    pub(crate) fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        self.cover(out)?;
        if let Some(next) = self.next {
            let metadata = self.limits.last_metadata(next);
            self.outbox.commit(self.source, Offset(next), metadata, out);
        }
        Ok(())
    }
}
