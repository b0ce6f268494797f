//! What becomes of a raw record: read top to bottom.

use std::borrow::Cow;
use std::collections::HashMap;

use runtime::{
    AppendTime, Committed, Fatal, Handler, Offset, Output, OutputTopic, Pace, Record, Replayed,
    Source, Start, dead_letter,
};
use schemas::{EventKind, Lineage, RawOutcome, Report};

use crate::event::Event;
use crate::formats::{self, Decoded, Reason, Rejected, decode};
use crate::intervals::{Engine, Observed};
use crate::lineage::Pending;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// Canonical reports.
pub(crate) const REPORTS: OutputTopic = OutputTopic(0);

/// What could not be used.
pub(crate) const DEAD_LETTERS: OutputTopic = OutputTopic(1);

/// How long what yields no report may wait for one that covers it.
const COVER_AFTER_MS: u64 = 1000;

/// Runs of not accepted offsets that one report may carry.
const MAX_RUNS: usize = 1000;

/// The logic of ingest.
pub(crate) struct Pipeline {
    settings: Settings,
    raw_topic: String,
    metrics: Metrics,
    partitions: HashMap<Source, Partition>,
}

/// State of one partition of the raw topic.
struct Partition {
    engine: Engine,
    pending: Pending,
    /// Since which tick something waits for an output; unknown until the next tick.
    waiting_since_ms: Option<u64>,
}

impl Pipeline {
    /// Logic for records of `raw_topic`.
    pub(crate) fn new(settings: Settings, raw_topic: String, metrics: Metrics) -> Self {
        Self { settings, raw_topic, metrics, partitions: HashMap::new() }
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
        let engine = &mut partition.engine;
        let observed = match again {
            None => read(record, &self.settings).map(|told| match told {
                Decoded::Event(event) => (engine.observe(&event), report(event)),
                Decoded::Report(report) => (engine.observe_report(&report), report),
            }),
            // The same dead letter, sent again by two at once or after a write of unknown outcome.
            Some((from, _)) if !engine.is_first_again(from.offset.0) => {
                Ok((Observed::Duplicate, Report::default()))
            }
            Some((from, _)) => read(record, &self.settings).map(|told| match told {
                Decoded::Event(event) => (once_more(engine, &event, from), report(event)),
                Decoded::Report(report) => (engine.observe_report(&report), report),
            }),
        };
        if record.look_back {
            return Ok(());
        }
        let offset = record.offset.0;
        partition.pending.read(offset, appended.0);
        match observed {
            Err(Rejected { reason, detail }) => {
                let topic = &self.raw_topic;
                let letter = dead_letter("ingest", topic, record, reason.code(), &detail)?;
                out.send(record.source, DEAD_LETTERS, record.key, &letter);
                partition.pending.skip(offset, outcome(reason));
                self.metrics.rejected(reason);
            }
            Ok((Observed::Duplicate, _)) => {
                partition.pending.skip(offset, RawOutcome::Duplicate);
                self.metrics.duplicates.inc();
            }
            Ok((Observed::News { event, intervals, path, resets }, told)) => {
                let mut report = Report { event, ..told };
                if report.intervals.is_empty() {
                    (report.path, report.intervals) = (path, intervals);
                }
                self.metrics.accepted.inc();
                self.metrics.intervals.inc_by(report.intervals.len() as u64);
                self.metrics.resets.inc_by(resets);
                if event != EventKind::Stats || !report.intervals.is_empty() {
                    return partition.write(record.source, record.key, report, out);
                }
            }
        }
        if partition.pending.runs() > MAX_RUNS {
            return partition.cover(record.source, out);
        }
        Ok(())
    }
}

impl Handler for Pipeline {
    fn start(&self, _: Source, _: Option<&Committed>) -> Result<Start, Fatal> {
        #[cfg(feature = "mutations")]
        if runtime::mutations::is_broken(crate::mutations::LOOK_BACK) {
            return Ok(Start::Committed);
        }
        Ok(Start::LookBack { ms: self.settings.look_back_ms() })
    }

    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal> {
        let committed = committed.map(|committed| committed.offset.0);
        let partition = Partition {
            engine: Engine::new(self.settings.look_back_ms()),
            pending: Pending::new(source.partition.0, committed),
            waiting_since_ms: None,
        };
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
        for (source, partition) in &mut self.partitions {
            if partition.pending.any() {
                let since_ms = *partition.waiting_since_ms.get_or_insert(now_ms);
                if now_ms.saturating_sub(since_ms) >= COVER_AFTER_MS {
                    partition.cover(*source, out)?;
                }
            }
        }
        let live = self.partitions.values().map(|partition| partition.engine.live()).sum::<usize>();
        self.metrics.live.set(live as i64);
        Ok(())
    }

    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        self.partitions.iter_mut().try_for_each(|(source, partition)| partition.cover(*source, out))
    }
}

impl Partition {
    /// Writes a report that answers for all that waits, and lets that be committed.
    fn write(
        &mut self,
        source: Source,
        key: Option<&[u8]>,
        report: Report,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let Some(lineage) = self.pending.take() else { return Ok(()) };
        self.waiting_since_ms = None;
        let next = Offset(lineage.raw_to).next();
        let report = schemas::encode(&Report { lineage, ..report })
            .map_err(|error| Fatal(error.to_string()))?;
        out.send(source, REPORTS, key, &report);
        out.checkpoint(source, next, "");
        Ok(())
    }

    /// Covers what waits with a report that tells nothing else.
    fn cover(&mut self, source: Source, out: &mut dyn Output) -> Result<(), Fatal> {
        self.write(source, None, Report::default(), out)
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
fn read<'a>(record: &Record<'a>, settings: &Settings) -> Result<Decoded<'a>, Rejected> {
    let Record { payload, content_type, key, .. } = *record;
    let mut told = decode(formats::Source { payload, content_type, key }, settings)?;
    let age_ms = |us: i64| record.appended.0.saturating_sub(us / 1000);
    let (late_ms, ahead_ms) = (settings.late_ms(), settings.ahead_ms());
    let age = age_ms(match &told {
        Decoded::Event(event) => event.event_us(),
        Decoded::Report(report) => report.event_us,
    });
    if age > late_ms {
        let detail = format!("timestamp: more than {} h before the append time", settings.late_h);
        return Err(Rejected::new(Reason::Late, detail));
    }
    if age < -ahead_ms {
        let minutes = settings.ahead_min;
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
    }
}

#[cfg(test)]
mod tests;
