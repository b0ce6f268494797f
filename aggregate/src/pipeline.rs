//! Handler: reads enriched reports and writes partials and audits.

use std::collections::BTreeMap;

use service::{
    Commit, Committed, Fatal, Handler, Offset, Output, Pace, Recall, Record, Refusal,
    RefusalReason, Source, Start, Topic,
};

use crate::block::{Metadata, MetadataError};
use crate::metrics::Metrics;
use crate::partition::{Partition, Shared, Tick};
use crate::recall::Audits;
use crate::settings::AggregateSettings;
use crate::watermark::combined;

/// The service's logic. All partials of a partition that changed are sent at once, a few MB at 50
/// thousand live sessions and 14 thousand cells; those of the next partition once there is room.
#[derive(Debug)]
pub struct Pipeline {
    shared: Shared,
    partitions: BTreeMap<Source, Partition>,
    now_ms: u64,
    /// Index of the partition that may write first.
    first: usize,
    draining: bool,
}

impl Pipeline {
    /// Creates a pipeline that reads `topic` and registers its metrics in `registry`.
    ///
    /// # Errors
    /// When a metric of the same name is registered already.
    pub fn new(
        settings: AggregateSettings,
        topic: &str,
        registry: &prometheus::Registry,
    ) -> prometheus::Result<Self> {
        let metrics = Metrics::new(registry)?;
        let shared = Shared { settings, topic: topic.to_owned(), metrics };
        Ok(Self { shared, partitions: BTreeMap::new(), now_ms: 0, first: 0, draining: false })
    }

    /// Checks that the committed metadata is of this epoch, and valid.
    fn check(&self, source: Source, committed: &Committed) -> Result<(), Refusal> {
        let (metadata, _) =
            Metadata::read(committed).map_err(|error| refusal(source, committed, &error))?;
        let (found, wanted) = (metadata.epoch, self.shared.settings.epoch);
        if found == wanted {
            return Ok(());
        }
        let text = format!(
            "{} partition {}: the committed offset {} is of epoch {found}, the settings say \
             {wanted}. If the topics were re-created, delete the group's offsets; if not, set \
             aggregate.epoch to {found}",
            self.shared.topic, source.partition, committed.offset
        );
        Err(Refusal::new(RefusalReason::Epoch, text))
    }

    /// Returns whether the commit was made while blocks of this epoch were folded again.
    fn folds_again(&self, committed: &Committed) -> bool {
        let epoch = self.shared.settings.epoch;
        Metadata::read(committed)
            .is_ok_and(|(metadata, _)| metadata.again && metadata.epoch == epoch)
    }
}

fn refusal(source: Source, committed: &Committed, error: &MetadataError) -> Refusal {
    let text = format!(
        "partition {}: cannot go on from the committed offset {}: {error}. It was not committed \
         by this service as it is now. Run the release that committed it; or stop all instances and \
         delete the group's offsets: aggregate then goes by the audits of its blocks",
        source.partition, committed.offset
    );
    Refusal::new(RefusalReason::Metadata, text)
}

impl Handler for Pipeline {
    fn refuses(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        self.check(source, committed).err()
    }

    fn recalls(
        &self,
        source: Source,
        committed: Option<&Committed>,
    ) -> Option<(Topic, Box<dyn Recall>)> {
        let set_to = match committed {
            // A tool that sets an offset leaves no metadata.
            Some(committed) if committed.metadata.is_empty() => Some(committed.offset),
            Some(committed) if !self.folds_again(committed) => return None,
            _ => None,
        };
        let Shared { settings, topic, .. } = &self.shared;
        Some((Topic::Blocks, Box::new(Audits::new(settings.clone(), topic, source, set_to))))
    }

    fn refuses_beginning(&self, source: Source, first: Offset) -> Option<Refusal> {
        if first == Offset(0) || self.shared.settings.start_mid_log {
            return None;
        }
        let text = format!(
            "{} partition {}: nothing is committed, no audit tells which blocks were folded in epoch \
             {}, and the log begins at {first}. If no aggregate has read the topic in this epoch, start \
             with aggregate.start_mid_log = true. If one has, and the topic of audits was deleted, \
             its rows from {first} on would be counted twice: docs/reference/exit-codes.md, code 88",
            self.shared.topic, source.partition, self.shared.settings.epoch
        );
        Some(Refusal::new(RefusalReason::MidLog, text))
    }

    fn start(&self, source: Source, committed: Option<&Committed>) -> Result<Start, Fatal> {
        let checked = committed.map_or(Ok(()), |committed| self.check(source, committed));
        checked?;
        Ok(Start::Committed)
    }

    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal> {
        let partition = Partition::resume(source, committed, self.now_ms)
            .map_err(|error| Fatal::failed(format!("partition {}", source.partition), error))?;
        self.partitions.insert(source, partition);
        Ok(())
    }

    fn revoked(&mut self, source: Source) {
        self.partitions.remove(&source);
        self.shared.metrics.forget(source.partition);
    }

    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal> {
        match self.partitions.get_mut(&record.source) {
            Some(partition) => partition.record(record, &self.shared, out),
            None => Err(Fatal::State(format!(
                "a record of partition {}, which is not assigned",
                record.source.partition
            ))),
        }
    }

    fn tick(&mut self, now_ms: u64, pace: Pace, out: &mut dyn Output) -> Result<(), Fatal> {
        self.now_ms = now_ms;
        // A different partition is first each time, so that none waits indefinitely.
        self.first = (self.first + 1) % self.partitions.len().max(1);
        let mut partitions: Vec<_> = self.partitions.values_mut().collect();
        partitions.rotate_left(self.first);
        let silent_ms = partitions.iter_mut().map(|partition| partition.update_silence(now_ms));
        let tick = Tick { now_ms, pace, all_silent_ms: silent_ms.min().unwrap_or(0) };
        for partition in partitions {
            partition.tick(tick, &self.shared, out)?;
            if self.draining {
                partition.flush(&self.shared, out)?;
            }
        }
        if let Some(at_ms) =
            combined(self.partitions.values().map(|partition| partition.progress(now_ms)))
        {
            #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch fit")]
            self.shared.metrics.watermark.set(at_ms as f64 / 1000.0);
        }
        Ok(())
    }

    fn committed(&mut self, commit: &Commit) {
        if let Some(partition) = self.partitions.get_mut(&commit.source) {
            partition.committed(commit.offset);
        }
    }

    fn holds_back(&self) -> bool {
        let waiting: usize = self.partitions.values().map(Partition::waiting).sum();
        waiting > self.shared.settings.most_waiting()
            || self.partitions.values().any(Partition::holds_back)
    }

    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        self.draining = true;
        self.partitions.values_mut().try_for_each(|partition| partition.flush(&self.shared, out))
    }

    fn drained(&self) -> bool {
        !self.partitions.values().any(Partition::has_unwritten)
    }
}
