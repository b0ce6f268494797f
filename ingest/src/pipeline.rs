//! What becomes of a raw record: read top to bottom.

use std::borrow::Cow;
use std::collections::HashMap;

use runtime::{
    AppendTime, Commit, Committed, Fatal, Handler, Output, OutputTopic, Pace, Record, Replayed,
    Source, Start, dead_letter,
};
use schemas::{EventKind, Lineage, RawOutcome, Report};

use crate::event::Event;
use crate::formats::{self, Decoded, Reason, Rejected, decode};
use crate::intervals::{Engine, Observed};
use crate::metrics::Metrics;
use crate::partition::Partition;
use crate::settings::Settings;

/// Canonical reports.
pub(crate) const REPORTS: OutputTopic = OutputTopic(0);

/// What could not be used.
pub(crate) const DEAD_LETTERS: OutputTopic = OutputTopic(1);

/// Bytes that may wait for a commit, of all partitions: some thousand reports, more than are read
/// until one is made.
const MOST_WAITING: usize = 8 << 20;

/// The logic of ingest.
pub(crate) struct Pipeline {
    settings: Settings,
    raw_topic: String,
    metrics: Metrics,
    partitions: HashMap<Source, Partition>,
}

impl Pipeline {
    /// Logic for records of `raw_topic`.
    pub(crate) fn new(settings: Settings, raw_topic: String, metrics: Metrics) -> Self {
        Self { settings, raw_topic, metrics, partitions: HashMap::new() }
    }

    /// State of a partition as what is committed tells it.
    fn resume(&self, source: Source, committed: Option<&Committed>) -> Result<Partition, Fatal> {
        Partition::resume(source, committed, self.settings.clone()).map_err(|error| {
            Fatal(format!(
                "{} partition {}: cannot go on from the committed offset: {error}. Run the release \
                 that committed it, or set the group's offset anew (kafka-consumer-groups.sh \
                 --reset-offsets)",
                self.raw_topic, source.partition
            ))
        })
    }

    /// What becomes of a record; of one that was sent again, from where and appended when.
    fn take(
        &mut self,
        record: &Record<'_>,
        again: Option<(&Replayed, AppendTime)>,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let appended = again.map_or(record.appended, |(_, appended)| appended);
        let partition = self.partitions.get_mut(&record.source).ok_or_else(|| {
            Fatal(format!(
                "a record of partition {}, which is not assigned",
                record.source.partition
            ))
        })?;
        partition.engine.advance(appended.0);
        if !record.look_back {
            partition.reach(record.offset.0, out)?;
        }
        let engine = &mut partition.engine;
        let limits = partition.rules.limits(record.offset.0, engine.now_ms());
        engine.remember(limits.look_back_ms());
        let observed = match again {
            None => read(record, limits).map(|told| match told {
                Decoded::Event(event) => (engine.observe(&event), report(event)),
                Decoded::Report(report) => (engine.observe_report(&report), report),
            }),
            // The same dead letter, sent again by two at once or after a write of unknown outcome.
            Some((from, _)) if !engine.is_first_again(from.offset.0) => {
                Ok((Observed::Duplicate, Report::default()))
            }
            Some((from, _)) => read(record, limits).map(|told| match told {
                Decoded::Event(event) => (once_more(engine, &event, from), report(event)),
                Decoded::Report(report) => (engine.observe_report(&report), report),
            }),
        };
        if record.look_back {
            return Ok(());
        }
        let offset = record.offset.0;
        partition.read(offset, appended.0);
        match observed {
            Err(Rejected { reason, detail }) => {
                let topic = &self.raw_topic;
                let letter = dead_letter("ingest", topic, record, reason.code(), &detail)?;
                partition.send(offset, (DEAD_LETTERS, record.key), &letter, out);
                partition.skip(offset, outcome(reason));
                self.metrics.rejected(reason);
            }
            Ok((Observed::Duplicate, _)) => {
                partition.skip(offset, RawOutcome::Duplicate);
                self.metrics.duplicates.inc();
            }
            Ok((Observed::News { event, event_us, more, intervals, path, resets }, told)) => {
                let event_us = event_us.unwrap_or(told.event_us);
                let mut report = Report { event, event_us, ..told };
                if !more.is_empty() {
                    report.more_events = more;
                }
                if report.intervals.is_empty() {
                    (report.path, report.intervals) = (path, intervals);
                }
                self.metrics.accepted.inc();
                self.metrics.intervals.inc_by(report.intervals.len() as u64);
                self.metrics.resets.inc_by(resets);
                if event != EventKind::Stats || !report.intervals.is_empty() {
                    return partition.write(record.key, report, out);
                }
            }
        }
        partition.cover_if_many(out)
    }
}

impl Handler for Pipeline {
    fn start(&self, source: Source, committed: Option<&Committed>) -> Result<Start, Fatal> {
        #[cfg(feature = "mutations")]
        if runtime::mutations::is_broken(crate::mutations::LOOK_BACK) {
            return Ok(Start::Committed);
        }
        Ok(Start::LookBack { ms: self.resume(source, committed)?.rules.look_back_ms() })
    }

    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal> {
        let partition = self.resume(source, committed)?;
        self.partitions.insert(source, partition);
        Ok(())
    }

    fn revoked(&mut self, source: Source) {
        self.partitions.remove(&source);
    }

    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal> {
        self.take(record, None, out)
    }

    fn replayed(
        &mut self,
        record: &Record<'_>,
        from: &Replayed,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        // What is late or ahead was so when it came first: waiting does not mend it.
        let first = Record { appended: from.appended, ..*record };
        self.take(&first, Some((from, record.appended)), out)
    }

    fn tick(&mut self, now_ms: u64, _: Pace, out: &mut dyn Output) -> Result<(), Fatal> {
        self.partitions.values_mut().try_for_each(|partition| partition.tick(now_ms, out))?;
        let live = self.partitions.values().map(Partition::live).sum::<usize>();
        self.metrics.live.set(live as i64);
        Ok(())
    }

    fn committed(&mut self, commit: &Commit) {
        if let Some(partition) = self.partitions.get_mut(&commit.source) {
            partition.committed(commit);
        }
    }

    fn awaits_commit(&self) -> bool {
        self.partitions.values().any(Partition::waits)
    }

    fn holds_back(&self) -> bool {
        self.partitions.values().map(Partition::waiting_bytes).sum::<usize>() >= MOST_WAITING
    }

    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        self.partitions.values_mut().try_for_each(|partition| partition.drain(out))
    }

    fn drained(&self) -> bool {
        !self.awaits_commit()
    }
}

/// What an event of a record that was sent again tells. Where others of its session were taken
/// around it, their intervals hold what its cumulative counters count.
fn once_more(engine: &mut Engine, event: &Event<'_>, from: &Replayed) -> Observed {
    if !from.heard || !event.has_snapshots() {
        return engine.observe_again(event, from.appended.0);
    }
    if event.kind == EventKind::Stats {
        return Observed::Duplicate;
    }
    let (streams, pair, more) = Default::default();
    engine.observe_again(&Event { streams, pair, more, ..event.clone() }, from.appended.0)
}

/// What a record says, if it is one that counts.
fn read<'a>(record: &Record<'a>, limits: &Settings) -> Result<Decoded<'a>, Rejected> {
    let Record { payload, content_type, key, .. } = *record;
    let mut told = decode(formats::Source { payload, content_type, key }, limits)?;
    let age_ms = |us: i64| record.appended.0.saturating_sub(us / 1000);
    let (late_ms, ahead_ms) = (limits.late_ms(), limits.ahead_ms());
    let age = age_ms(match &told {
        Decoded::Event(event) => event.event_us(),
        Decoded::Report(report) => report.event_us,
    });
    if age > late_ms {
        let detail = format!("timestamp: more than {} h before the append time", limits.late_h);
        return Err(Rejected::new(Reason::Late, detail));
    }
    if age < -ahead_ms {
        let minutes = limits.ahead_min;
        let detail = format!("timestamp: more than {minutes} min ahead of the append time");
        return Err(Rejected::new(Reason::TimeAhead, detail));
    }
    // Some browsers stamp stats objects with a clock that does not start in 1970; what the event's
    // own time may not be, theirs may not be either.
    if let Decoded::Event(event) = &mut told {
        let (event_us, shift_us) = (event.client_us, event.shift_us);
        for client_us in event.clocks() {
            if !(-ahead_ms..=late_ms).contains(&age_ms(*client_us + shift_us)) {
                *client_us = event_us;
            }
        }
    }
    Ok(told)
}

fn outcome(reason: Reason) -> RawOutcome {
    if reason == Reason::Late { RawOutcome::Late } else { RawOutcome::Invalid }
}

/// The event as a report, but for its lineage and what the engine finds.
fn report(event: Event<'_>) -> Report {
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    Report {
        lineage: Lineage::default(),
        event: event.kind,
        event_us: event.event_us(),
        app: event.app.into_owned(),
        call: event.call.into_owned(),
        participant: event.participant.into_owned(),
        peer_connection: event.peer_connection.into_owned(),
        client_address: owned(event.client_address),
        claim: event.claim,
        edge: owned(event.edge),
        client_version: owned(event.client_version),
        user_agent: owned(event.user_agent),
        path: None,
        time_to_connect_ms: event.time_to_connect_ms,
        time_to_media_ms: event.time_to_media_ms,
        failure_reason: owned(event.failure_reason),
        failed_device: event.failed_device,
        rating: event.rating,
        intervals: Vec::new(),
        more_events: Vec::new(),
        corrections: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
