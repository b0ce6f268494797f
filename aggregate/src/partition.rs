//! State of one partition: its current block, and the state that outlives a block.

mod resume;

use std::collections::VecDeque;

use schemas::{BlockAudit, EnrichedReport};
use service::{Fatal, Offset, OffsetRanges, Output, Pace, Record, Source, Topic};

use crate::block::{Extent, Metadata, Rules};
use crate::fold::{Fold, Version};
use crate::lineage;
use crate::metrics::Metrics;
use crate::plan::{Opened, Plan};
use crate::settings::AggregateSettings;
use crate::watermark::Watermark;

/// Time without records after which a partition is idle: its changes are then written at once.
const QUIET_MS: u64 = 1000;

/// Time without records of any partition after which a backlog is over.
const OVER_MS: u64 = 200;

/// Delay between a raw event and its report from which there is a backlog, here or in an earlier
/// service.
const BACKLOG_MS: u64 = 5_000;

/// Blocks that are folded by the rules committed with the first of them. Their rows need not wait
/// for a commit; other settings have to.
pub(crate) const HOLDS: u64 = 8;

/// State that all partitions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: AggregateSettings,
    /// Name of the input topic, for dead letters.
    pub(crate) topic: String,
    pub(crate) metrics: Metrics,
}

/// State of a partition.
#[derive(Debug)]
pub(crate) struct Partition {
    source: Source,
    /// The current block; none before the first record of a partition that was never read.
    block: Option<Block>,
    /// Opening that has to be committed before its rows are written, if it is not committed yet.
    opening: Option<Opening>,
    /// Blocks that have ended and are not written yet, each with what is committed after its rows.
    ended: VecDeque<(Block, Opening)>,
    plan: Plan,
    /// Raw offsets accounted for.
    seen: OffsetRanges,
    /// Missing raw offsets that are no longer among the holes of `seen`.
    forgotten: i64,
    watermark: Watermark,
    /// True if records were read since the last tick.
    has_read: bool,
    /// Monotonic time of the last tick after records were read, ms.
    read_ms: u64,
    flushed_ms: u64,
    /// Time between the append of the raw event and that of its report, of the last report, ms.
    waited_ms: u64,
    /// The last report: the next one reuses its memory.
    report: EnrichedReport,
}

/// The moment of a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// The loop's monotonic clock, ms.
    pub(crate) now_ms: u64,
    pub(crate) pace: Pace,
    /// Time without a record of any partition, ms.
    pub(crate) all_silent_ms: u64,
}

/// Changes that are written. Those of hours wait for the end of the block, or until no more records come:
/// there are several rows for each session, which every further report changes, and nobody reads them by
/// the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    All,
    WithoutHours,
}

impl Due {
    fn when(all: bool, without_hours: bool) -> Option<Self> {
        if all { Some(Self::All) } else { without_hours.then_some(Self::WithoutHours) }
    }
}

#[derive(Debug)]
struct Block {
    /// Its place among the blocks since the partition was assigned.
    number: u64,
    rules: Rules,
    extent: Extent,
    fold: Fold,
    /// Counts of outcomes, which the sums do not hold.
    audit: BlockAudit,
    /// The version last written.
    written: Offset,
    /// The version of the last rows of hours written.
    hours_written: Offset,
}

/// Commit that opens a block: its start, and the rules by which it is folded.
#[derive(Debug)]
struct Opening {
    start: Offset,
    metadata: String,
    commits: bool,
}

impl Opening {
    /// Checkpoints it, to be committed once all earlier writes are acknowledged.
    fn checkpoint(&self, source: Source, out: &mut dyn Output) {
        if self.commits {
            out.checkpoint(source, self.start, &self.metadata);
        }
    }
}

impl Block {
    /// Creates a block before which the raw offsets `seen` were accounted for; `forgotten` are missing beside
    /// its holes.
    fn open(
        start: Offset,
        number: u64,
        rules: Rules,
        seen: &OffsetRanges,
        forgotten: i64,
    ) -> Result<Self, serde_json::Error> {
        let (extent, fold) = (Extent::at(start), Fold::new(&rules));
        let (text, raw) = (rules.text()?, seen.to_string());
        let audit = BlockAudit { rules: text, raw, forgotten, ..BlockAudit::default() };
        Ok(Self { number, rules, extent, fold, audit, written: start, hours_written: start })
    }
}

impl Partition {
    /// Processes the next record of the partition's log.
    pub(crate) fn record(
        &mut self,
        record: &Record<'_>,
        shared: &Shared,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        self.has_read = true;
        let ended = |block: &Block| block.extent.ends_before(record.appended, &block.rules);
        #[cfg(feature = "mutations")]
        let ended = |block: &Block| {
            let written = block.written > block.extent.start;
            ended(block) || (written && crate::mutations::block_ends())
        };
        if let Some(opening) = self.opening.take() {
            opening.checkpoint(self.source, out);
        }
        match &self.block {
            None => self.open(record.offset, shared)?.checkpoint(self.source, out),
            Some(block) if ended(block) => self.finish(shared, out)?,
            Some(_) => {}
        }
        let Some(block) = &mut self.block else { return Ok(()) };
        let full = block.extent.take(record.offset, record.appended, &block.rules);
        match read(record, &mut self.report) {
            Ok(()) => {
                let report = std::mem::take(&mut self.report);
                self.report(&report, record, shared);
                self.report = report;
            }
            Err((reason, detail)) => {
                block.audit.undecodable += 1;
                shared.metrics.undecodable.inc();
                let letter =
                    service::dead_letter("aggregate", &shared.topic, record, reason, &detail)?;
                out.send(self.source, Topic::DeadLetters, record.key, &letter);
            }
        }
        let full = full || self.block.as_ref().is_some_and(|block| block.fold.is_full());
        if full { self.finish(shared, out) } else { Ok(()) }
    }

    fn report(&mut self, report: &EnrichedReport, record: &Record<'_>, shared: &Shared) {
        let Some(block) = &mut self.block else { return };
        let (metrics, lineage) = (&shared.metrics, &report.lineage);
        let waited_ms = record.appended.0.saturating_sub(lineage.raw_append_ms);
        self.waited_ms = u64::try_from(waited_ms).unwrap_or(0);
        let replayed = self.seen.contains(Offset(lineage.raw_to));
        #[cfg(feature = "mutations")]
        let replayed = replayed && !crate::mutations::lineage();
        let outcomes = lineage::account(lineage, &mut self.seen);
        metrics.count(&outcomes);
        block.audit.accepted += outcomes.accepted;
        block.audit.unverified += outcomes.unverified;
        block.audit.duplicate += outcomes.duplicate;
        block.audit.late += outcomes.late;
        block.audit.invalid += outcomes.invalid;
        if replayed {
            block.audit.replayed += 1;
            metrics.replayed.inc();
            return;
        }
        let capped = block.fold.fold(report);
        block.audit.capped_by_session += i64::from(capped.by_session);
        block.audit.capped_by_block += i64::from(capped.by_block);
        metrics.capped(capped);
        metrics.intervals.inc_by(report.intervals.len() as u64);
        if report.event != schemas::EventKind::Cover {
            let bound_ms = i64::from(shared.settings.watermark_bound_s) * 1000;
            self.watermark.observe(report.event_us, lineage.raw_append_ms, bound_ms);
            let age_ms = record.appended.0 - report.event_us.div_euclid(1000);
            #[expect(clippy::cast_precision_loss, reason = "ms of an age")]
            metrics.freshness.observe(age_ms as f64 / 1000.0);
        }
    }

    /// Returns the time without records at the monotonic time `now_ms`, ms.
    pub(crate) fn update_silence(&mut self, now_ms: u64) -> u64 {
        if std::mem::take(&mut self.has_read) {
            self.read_ms = now_ms;
        }
        self.silent_ms(now_ms)
    }

    /// Writes changes that are due.
    pub(crate) fn tick(
        &mut self,
        tick: Tick,
        shared: &Shared,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        // A partition's rows are tens of MB: they wait until those of others have been sent.
        if out.congested() {
            return Ok(());
        }
        if let Some(due) = self.due(tick, shared.settings.flush_s, shared.settings.flush_behind_s) {
            self.flushed_ms = tick.now_ms;
            return self.write_due(due, shared, out);
        }
        self.write_ended(shared, out)
    }

    /// Returns which changes are written although the block continues. In a backlog none are, unless no more
    /// records come: the same rows would soon be written again.
    fn due(&self, tick: Tick, flush_s: u32, flush_behind_s: u32) -> Option<Due> {
        let Tick { now_ms, pace, all_silent_ms } = tick;
        let (flush_ms, behind_ms) = (u64::from(flush_s) * 1000, u64::from(flush_behind_s) * 1000);
        let (since_ms, silent_ms) =
            (now_ms.saturating_sub(self.flushed_ms), self.silent_ms(now_ms));
        let is_idle = pace == Pace::Idle;
        if pace == Pace::Behind || self.waited_ms >= flush_ms.max(BACKLOG_MS) {
            let is_over = is_idle && all_silent_ms >= OVER_MS;
            return Due::when(is_over || silent_ms >= flush_ms, since_ms >= behind_ms);
        }
        Due::when(is_idle && silent_ms >= QUIET_MS, since_ms >= flush_ms)
    }

    /// Updates the metrics of the watermark and of the time without records.
    pub(crate) fn progress(&self, now_ms: u64) -> (Watermark, u64) {
        (self.watermark, self.silent_ms(now_ms))
    }

    fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.read_ms)
    }

    /// Notes that the group has committed the start of a block.
    pub(crate) fn committed(&mut self, offset: Offset) {
        self.plan.committed(offset);
    }

    /// Returns whether too many blocks wait for a commit.
    pub(crate) fn holds_back(&self) -> bool {
        self.ended.len() as u64 > HOLDS
    }

    /// Returns the memory of blocks that have ended and are not written yet, estimated, bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.ended.iter().map(|(block, _)| block.fold.bytes()).sum()
    }

    /// Returns whether there are unwritten changes.
    pub(crate) fn has_unwritten(&self) -> bool {
        let open = |block: &Block| block.written.min(block.hours_written) < block.extent.upto;
        !self.ended.is_empty() || self.block.as_ref().is_some_and(open)
    }

    /// Writes all changes that may be written.
    pub(crate) fn flush(&mut self, shared: &Shared, out: &mut dyn Output) -> Result<(), Fatal> {
        self.write_due(Due::All, shared, out)
    }

    fn write_due(&mut self, due: Due, shared: &Shared, out: &mut dyn Output) -> Result<(), Fatal> {
        self.write_ended(shared, out)?;
        let plan = &self.plan;
        let is_due = |block: &mut Block| {
            let written = match due {
                Due::All => block.written.min(block.hours_written),
                Due::WithoutHours => block.written,
            };
            written < block.extent.upto && plan.may_write(block.number)
        };
        match self.block.take_if(is_due) {
            Some(mut block) => {
                self.write(&mut block, false, due, shared, out)?;
                self.block = Some(block);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Ends the block and opens the next one.
    fn finish(&mut self, shared: &Shared, out: &mut dyn Output) -> Result<(), Fatal> {
        let Some(mut block) = self.block.take() else { return Ok(()) };
        block.audit.raw_holes = lineage::missing(&self.seen) + self.forgotten;
        block.audit.raw_end = self.raw_end();
        self.forgotten += lineage::forget_oldest_holes(&mut self.seen);
        let opening = self.open(block.extent.upto, shared)?;
        self.ended.push_back((block, opening));
        if out.congested() { Ok(()) } else { self.write_ended(shared, out) }
    }

    fn raw_end(&self) -> i64 {
        self.seen.last().map_or(0, |last| last.0 + 1)
    }

    /// Writes the blocks that have ended, and checkpoints the openings of the next ones.
    fn write_ended(&mut self, shared: &Shared, out: &mut dyn Output) -> Result<(), Fatal> {
        while self.ended.front().is_some_and(|(block, _)| self.plan.may_write(block.number)) {
            let Some((mut block, opening)) = self.ended.pop_front() else {
                break;
            };
            self.write(&mut block, true, Due::All, shared, out)?;
            opening.checkpoint(self.source, out);
            shared.metrics.blocks.inc();
        }
        Ok(())
    }

    /// Opens a block, by the current settings unless committed rules still hold. Its opening is committed
    /// once all earlier writes are acknowledged, so that every later fold of the block uses the same rules.
    fn open(&mut self, start: Offset, shared: &Shared) -> Result<Opening, Fatal> {
        let (epoch, wanted) = (shared.settings.epoch, shared.settings.rules());
        let opened = self.plan.open(start, wanted, HOLDS);
        let Opened { number, rules, holds, commits } = opened.map_err(|error| {
            Fatal::failed(format!("partition {}", self.source.partition), error)
        })?;
        let (seen, forgotten, watermark) = (&self.seen, self.forgotten, self.watermark.0);
        let metadata = Metadata::new(epoch, rules.clone(), holds, seen, forgotten, watermark);
        let fatal = |error: serde_json::Error| Fatal::caused(error);
        let metadata = metadata.text().map_err(fatal)?;
        self.block = Some(Block::open(start, number, rules, seen, forgotten).map_err(fatal)?);
        Ok(Opening { start, metadata, commits })
    }

    fn write(
        &self,
        block: &mut Block,
        finished: bool,
        due: Due,
        shared: &Shared,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let Extent { start, upto, read, .. } = block.extent;
        let (epoch, partition) = (shared.settings.epoch, self.source.partition);
        let version = Version { epoch, partition: partition.0, block_start: start.0, upto: upto.0 };
        #[cfg(feature = "mutations")]
        let version = crate::mutations::version(version);
        let fatal = |error: schemas::EncodeError| Fatal::caused(error);
        let mut send = |topic, row: &[u8]| out.send(self.source, topic, None, row);
        let cells = block
            .fold
            .flush_cells(version, finished, |row| send(Topic::Cells, row))
            .map_err(fatal)?;
        let sessions = block
            .fold
            .flush_sessions(version, finished, |row| send(Topic::Sessions, row))
            .map_err(fatal)?;
        #[cfg(feature = "mutations")]
        let due = if finished && crate::mutations::hours() { Due::WithoutHours } else { due };
        if due == Due::All {
            let hours = block
                .fold
                .flush_hours(version, finished, |row| send(Topic::Hours, row))
                .map_err(fatal)?;
            block.hours_written = upto;
            shared.metrics.hours_written.inc_by(hours);
        }
        let (first_window, last_window) = block.fold.windows.unwrap_or_default();
        let (raw_holes, raw_end) = match finished {
            true => (block.audit.raw_holes, block.audit.raw_end),
            false => (lineage::missing(&self.seen) + self.forgotten, self.raw_end()),
        };
        let audit = BlockAudit {
            epoch,
            partition: partition.0,
            block_start: start.0,
            upto: upto.0,
            finished,
            append_minute: block.extent.append_minute(),
            read,
            intervals: block.fold.intervals,
            first_window,
            last_window,
            raw_holes,
            raw_end,
            ..block.audit.clone()
        };
        // Where only rows of hours were due, the audit of this version is written already.
        if finished || block.written < upto {
            send(Topic::Blocks, &schemas::encode(&audit).map_err(fatal)?);
        }
        block.written = upto;
        shared.metrics.cells_written.inc_by(cells);
        shared.metrics.sessions_written.inc_by(sessions);
        shared.metrics.raw_holes(partition, raw_holes);
        Ok(())
    }
}

/// Decodes the report of a record, or returns a short code and a description of what is wrong.
fn read(record: &Record<'_>, report: &mut EnrichedReport) -> Result<(), (&'static str, String)> {
    schemas::decode_into(record.payload, report)
        .map_err(|error| ("undecodable", error.to_string()))?;
    match lineage::fault(&report.lineage, record.source.partition) {
        None => Ok(()),
        Some(fault) => Err(("lineage", fault.to_owned())),
    }
}
