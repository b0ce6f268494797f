//! Handler of the sink: collects records in batches, passes these to the writer, and allows offsets to
//! be committed once their rows are in ClickHouse.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use service::{
    Committed, Fatal, Handler, Input, Offset, Output, Pace, Partition, Record, Refusal, Source,
    Start, Ticket, Topic,
};

use crate::batch::Batch;
use crate::metrics::Metrics;
use crate::settings::SinkSettings;
use crate::target::{self, Target};
use crate::writer::{Done, Writer};

#[cfg(test)]
mod tests;

/// Multiple of the patience for a batch that will be full soon: one large insert costs ClickHouse
/// less than several small ones, and causes fewer merges.
const FILLS_SOON: u64 = 3;
/// Multiple of the patience for records that are late already.
const BEHIND: u64 = 5;
/// Time without records after which the input counts as dry, ms.
const DRY_MS: u64 = 150;
/// Divisor of the patience while the input is dry.
const DRY: u64 = 4;
/// The instance that reads this partition of cells maintains the roll-ups.
const LEADER: Source = Source { input: Input(0), partition: Partition(0) };

/// Batches between one input and one table.
#[derive(Debug, Default)]
struct TableBatches {
    filling: Batch,
    /// Time of the first tick at which the batch was not empty, ms.
    since_ms: Option<u64>,
    /// Batches at the writer, oldest first, with what is to be committed once they are inserted.
    written: VecDeque<Vec<Pending>>,
}

#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    next: Offset,
}

/// The handler.
pub(crate) struct Pipeline {
    /// Names of the inputs.
    topics: Vec<String>,
    tables: Vec<TableBatches>,
    writer: Writer,
    metrics: Metrics,
    /// Time of the tick since which no record has come, ms.
    dry_since_ms: Option<u64>,
    flush_ms: u64,
    batch_bytes: usize,
    url: String,
    adopts: String,
}

impl Pipeline {
    /// Creates a handler that reads `topics` and hands batches to `writer`.
    pub(crate) fn new(
        settings: &SinkSettings,
        topics: Vec<String>,
        writer: Writer,
        metrics: Metrics,
    ) -> Self {
        Self {
            topics,
            tables: writer.tables.iter().map(|_| TableBatches::default()).collect(),
            writer,
            metrics,
            dry_since_ms: None,
            flush_ms: settings.flush_ms.into(),
            batch_bytes: settings.batch_bytes(),
            url: settings.url.clone(),
            adopts: settings.adopt_target.clone(),
        }
    }

    /// Returns whether the input is dry, and not only between two bursts.
    fn is_dry(&mut self, now_ms: u64, pace: Pace) -> bool {
        if pace != Pace::Idle {
            self.dry_since_ms = None;
            return false;
        }
        now_ms >= *self.dry_since_ms.get_or_insert(now_ms) + DRY_MS
    }

    /// Returns the time after which a table's batch is passed to the writer although it is not
    /// full, ms.
    fn patience_ms(&self, number: usize, pace: Pace, is_dry: bool) -> u64 {
        let bytes = self.tables[number].filling.bytes() as u64;
        let fills_soon = bytes >= self.batch_bytes as u64 / FILLS_SOON;
        match pace {
            Pace::Behind => self.flush_ms * BEHIND,
            _ if is_dry => self.flush_ms / DRY,
            _ if fills_soon => self.flush_ms * FILLS_SOON,
            _ => self.flush_ms,
        }
    }

    /// Passes a table's batch to the writer.
    fn hand_over(&mut self, number: usize, out: &mut dyn Output) -> Result<(), Fatal> {
        let table = &mut self.tables[number];
        let batch = table.filling.take();
        table.since_ms = None;
        let pending = batch.contents().map(|content| Pending {
            ticket: out.open(content.source, content.bytes),
            next: content.next,
        });
        table.written.push_back(pending.collect());
        let handed = self.writer.tables[number].send(batch);
        handed.map_err(|_| Fatal::State("the writer has ended".to_owned()))
    }

    /// Allows the offsets of an inserted batch to be committed, after writing the dead letters of
    /// its rejected records.
    fn settle(&mut self, done: &Done, out: &mut dyn Output) {
        let Some(pending) = self.tables[done.table].written.pop_front() else {
            return;
        };
        for rejected in &done.rejected {
            if pending.iter().any(|pending| pending.ticket.source == rejected.source) {
                self.metrics.dead_letters.with_label_values(&[rejected.reason]).inc();
                out.send(
                    rejected.source,
                    Topic::DeadLetters,
                    rejected.key.as_deref(),
                    &rejected.letter,
                );
            }
        }
        let metadata = self.binding().unwrap_or_default();
        for Pending { ticket, next } in pending {
            out.close(ticket);
            out.checkpoint(ticket.source, next, &metadata);
        }
    }
}

impl Handler for Pipeline {
    fn waits_to_join(&self) -> Option<String> {
        let is_known = self.writer.target.id().is_some();
        (!is_known).then(|| format!("the id of ClickHouse at {}", self.url))
    }

    fn binding(&self) -> Option<String> {
        self.writer.target.id().map(target::metadata)
    }

    fn refuses_group(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        let topic = self.topics.get(source.input.0).map_or("", String::as_str);
        let id = self.writer.target.id()?;
        let target = Target { url: &self.url, id, adopts: &self.adopts };
        target.refuses(&format!("{topic}/{}", source.partition), committed)
    }

    fn start(&self, _: Source, _: Option<&Committed>) -> Result<Start, Fatal> {
        Ok(Start::Committed)
    }

    fn assigned(&mut self, source: Source, _: Option<&Committed>) -> Result<(), Fatal> {
        if source == LEADER {
            self.writer.leads.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn revoked(&mut self, source: Source) {
        if source == LEADER {
            self.writer.leads.store(false, Ordering::Relaxed);
        }
        let table = &mut self.tables[source.input.0];
        table.filling.revoke(source);
        for pending in &mut table.written {
            pending.retain(|pending| pending.ticket.source != source);
        }
    }

    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal> {
        let number = record.source.input.0;
        self.tables[number].filling.push(record);
        if self.tables[number].filling.bytes() >= self.batch_bytes {
            return self.hand_over(number, out);
        }
        Ok(())
    }

    fn tick(&mut self, now_ms: u64, pace: Pace, out: &mut dyn Output) -> Result<(), Fatal> {
        if let Some((before, now)) = self.writer.target.replaced() {
            return Err(Fatal::State(format!(
                "ClickHouse at {} is another one now: its id was {before} and is {now}",
                self.url
            )));
        }
        while let Ok(done) = self.writer.done.try_recv() {
            self.settle(&done, out);
        }
        let is_dry = self.is_dry(now_ms, pace);
        for number in 0..self.tables.len() {
            let patience_ms = self.patience_ms(number, pace, is_dry);
            let table = &mut self.tables[number];
            if table.filling.is_empty() {
                continue;
            }
            let since = *table.since_ms.get_or_insert(now_ms);
            // The batch grows while the previous one is being inserted, so that a slow server receives
            // larger inserts, not more of them.
            if table.written.is_empty() && now_ms >= since + patience_ms {
                self.hand_over(number, out)?;
            }
        }
        Ok(())
    }

    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        for number in 0..self.tables.len() {
            if !self.tables[number].filling.is_empty() {
                self.hand_over(number, out)?;
            }
        }
        Ok(())
    }

    fn drained(&self) -> bool {
        self.tables.iter().all(|table| table.written.is_empty())
    }

    fn waits_for(&self) -> Option<String> {
        let waiting = self.writer.waiting.load(Ordering::Relaxed) > 0;
        waiting.then(|| format!("ClickHouse at {}", self.url))
    }
}
