//! Processing of raw records.

use std::borrow::Cow;
use std::collections::HashMap;

use schemas::{EventKind, Lineage, RawOutcome, Report};
use service::{
    AppendTime, Commit, Committed, Fatal, Handler, Output, Pace, Record, Refusal, RefusalReason,
    Replayed, Source, Start, Topic, dead_letter,
};

use crate::counters;
use crate::event::Event;
use crate::formats::{self, Decoded, Reason, Rejected, decode_finite};
use crate::intervals::clock::TOLERANCE_US;
use crate::intervals::{Engine, Observed};
use crate::metrics::Metrics;
use crate::partition::Partition;
use crate::settings::Settings;

/// Bytes of all partitions that may wait for a commit: some thousand reports, more than are read
/// until the next commit.
const MOST_WAITING: usize = 8 << 20;

/// The logic of ingest.
pub(crate) struct Pipeline {
    /// The settings as configured.
    settings: Settings,
    /// True if the raw topic has only one partition, so that all records of a session are in the
    /// same one.
    has_one_partition: bool,
    raw_topic: String,
    metrics: Metrics,
    partitions: HashMap<Source, Partition>,
}

impl Pipeline {
    /// Returns the handler for records of `raw_topic`.
    pub(crate) fn new(settings: Settings, raw_topic: String, metrics: Metrics) -> Self {
        let partitions = HashMap::new();
        Self { settings, has_one_partition: false, raw_topic, metrics, partitions }
    }

    /// Returns the settings for the topic with its present number of partitions.
    fn in_force(&self) -> Settings {
        let require_key = self.settings.require_key && !self.has_one_partition;
        Settings { require_key, ..self.settings.clone() }
    }

    /// Returns the state of a partition from its committed metadata.
    fn resume(&self, source: Source, committed: Option<&Committed>) -> Result<Partition, Refusal> {
        Partition::resume(source, committed, self.in_force()).map_err(|error| {
            let text = format!(
                "{} partition {}: cannot go on from the committed offset: {error}. Run the release \
                 that committed it, or set the group's offset anew (kafka-consumer-groups.sh \
                 --reset-offsets --to-current)",
                self.raw_topic, source.partition
            );
            Refusal::new(RefusalReason::Metadata, text)
        })
    }

    /// Processes a record; `again` is the origin and append time of a replayed one.
    fn take(
        &mut self,
        record: &Record<'_>,
        again: Option<(&Replayed, AppendTime)>,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let appended = again.map_or(record.appended, |(_, appended)| appended);
        let partition = self.partitions.get_mut(&record.source).ok_or_else(|| {
            Fatal::State(format!(
                "received a record of partition {}, which is not assigned",
                record.source.partition
            ))
        })?;
        partition.engine.advance(appended.0);
        if !record.look_back {
            partition.reach(record.offset.0, out)?;
        }
        let engine = &mut partition.engine;
        let limits = partition.limits.limits(record.offset.0, engine.now_ms());
        engine.remember(limits);
        let forgotten = engine.forgotten();
        let from = again.map(|(from, _)| from);
        let observed = match from {
            // The same dead letter was replayed by two processes at once, or after a write with
            // unknown result.
            Some(from) if !engine.is_first_again(from.offset.0) => Ok(Observation::default()),
            _ => observe(record, from, limits, engine),
        };
        if record.look_back {
            return Ok(());
        }
        let now_forgotten = engine.forgotten();
        self.metrics.forgotten_by_session.inc_by(now_forgotten.session - forgotten.session);
        self.metrics.forgotten_by_partition.inc_by(now_forgotten.partition - forgotten.partition);
        partition.read(record.offset.0, appended.0);
        match observed {
            Err(rejected) => self.reject(record, rejected, out)?,
            Ok(reported) => {
                if let Some(report) = self.count(record, reported)? {
                    return self.partition(record)?.write(record.key, report, out);
                }
            }
        }
        self.partition(record)?.cover_if_many(out)
    }

    fn partition(&mut self, record: &Record<'_>) -> Result<&mut Partition, Fatal> {
        let number = record.source.partition;
        let partition = self.partitions.get_mut(&record.source);
        partition.ok_or_else(|| Fatal::State(format!("partition {number} is not assigned")))
    }

    /// Dead-letters a record.
    fn reject(
        &mut self,
        record: &Record<'_>,
        rejected: Rejected,
        out: &mut dyn Output,
    ) -> Result<(), Fatal> {
        let Rejected { reason, detail } = rejected;
        let letter = dead_letter("ingest", &self.raw_topic, record, reason.code(), &detail)?;
        self.metrics.rejected(reason);
        let (offset, partition) = (record.offset.0, self.partition(record)?);
        partition.send(offset, (Topic::DeadLetters, record.key), &letter, out);
        partition.skip(offset, outcome(reason));
        Ok(())
    }

    /// Counts the content of a record and returns its report; none for a duplicate. The report of a
    /// first snapshot has no intervals; it makes the session visible at once.
    fn count(
        &mut self,
        record: &Record<'_>,
        reported: Observation,
    ) -> Result<Option<Report>, Fatal> {
        let Observation { observed, mut report, implausible, no_kind, is_unmeasured } = reported;
        let offset = record.offset.0;
        let Observed::New(content) = observed else {
            self.metrics.duplicates.inc();
            self.partition(record)?.skip(offset, RawOutcome::Duplicate);
            return Ok(None);
        };
        report.event = content.event;
        report.event_us = content.event_us.unwrap_or(report.event_us);
        report.corrections = content.corrections;
        if report.event == EventKind::Failed {
            // It is the time of a connection that was never established.
            report.time_to_connect_ms = None;
        }
        if !content.more.is_empty() {
            report.more_events = content.more;
        }
        if report.intervals.is_empty() {
            (report.paths, report.intervals) = (content.paths, content.intervals);
        }
        let metrics = &self.metrics;
        metrics.accepted.inc();
        metrics.unmeasured.inc_by(u64::from(is_unmeasured));
        metrics.intervals.inc_by(report.intervals.len() as u64);
        metrics.resets.inc_by(content.left_out.resets);
        metrics.went_back.inc_by(content.left_out.went_back);
        metrics.implausible.inc_by(content.left_out.implausible + implausible);
        metrics.no_kind.inc_by(no_kind);
        if content.is_unverified {
            metrics.unverified.inc();
            self.partition(record)?.skip(offset, RawOutcome::Unverified);
        }
        Ok(Some(report))
    }
}

impl Handler for Pipeline {
    fn refuses(&self, source: Source, committed: &Committed) -> Option<Refusal> {
        self.resume(source, Some(committed)).err()
    }

    fn start(&self, source: Source, committed: Option<&Committed>) -> Result<Start, Fatal> {
        #[cfg(feature = "mutations")]
        if service::mutations::is_broken(crate::mutations::LOOK_BACK) {
            return Ok(Start::Committed);
        }
        let partition = self.resume(source, committed)?;
        Ok(Start::LookBack { ms: partition.limits.look_back_ms() })
    }

    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal> {
        let partition = self.resume(source, committed)?;
        self.partitions.insert(source, partition);
        Ok(())
    }

    fn topic_has(&mut self, partitions: usize) {
        self.has_one_partition = partitions == 1;
        let wanted = self.in_force();
        for partition in self.partitions.values_mut() {
            partition.limits.want(&wanted);
        }
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
        // Lateness is measured at the first append, so that a replay does not change it.
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

/// Result of comparing a record with earlier ones.
struct Observation {
    observed: Observed,
    /// The record as a report.
    report: Report,
    /// Number of impossible quantities, which are left out.
    implausible: u64,
    /// Number of streams of unknown media kind, which are left out.
    no_kind: u64,
    /// True for a stats event with nothing to measure.
    is_unmeasured: bool,
}

impl Default for Observation {
    fn default() -> Self {
        Self {
            observed: Observed::Duplicate,
            report: Report::default(),
            implausible: 0,
            no_kind: 0,
            is_unmeasured: false,
        }
    }
}

/// Reads a record and compares it with earlier ones; a replayed record is compared with other
/// replayed records.
fn observe(
    record: &Record<'_>,
    again: Option<&Replayed>,
    limits: &Settings,
    engine: &mut Engine,
) -> Result<Observation, Rejected> {
    // The log's time, or that of the first append if the record was replayed.
    let first_ms = again.map_or(engine.now_ms(), |from| from.appended.0);
    let mut mended = None;
    match read(record, limits, first_ms, &mut mended)? {
        Decoded::Event(mut event) => {
            let implausible = bound(&mut event);
            let no_kind = event.leave_out_kindless();
            let is_unmeasured = event.kind == EventKind::Stats && !event.has_snapshots();
            let observed = match again {
                None => engine.observe(&event),
                Some(from) => replay_event(engine, &event, from),
            };
            Ok(Observation { observed, report: report(event), implausible, no_kind, is_unmeasured })
        }
        Decoded::Report(mut report) => {
            report.corrections.clear();
            let times = [&mut report.time_to_connect_ms, &mut report.time_to_media_ms];
            let mut implausible = times.into_iter().map(bound_ms).sum::<u64>();
            implausible += report.intervals.iter_mut().map(counters::bound).sum::<u64>();
            implausible += report.paths.iter_mut().map(counters::bound_path).sum::<u64>();
            let observed = engine.observe_report(&report, first_ms);
            Ok(Observation { observed, report, implausible, no_kind: 0, is_unmeasured: false })
        }
    }
}

/// Compares an event of a replayed record. If other records of its session were accepted around it,
/// their intervals already include its cumulative counters.
fn replay_event(engine: &mut Engine, event: &Event<'_>, from: &Replayed) -> Observed {
    if !from.heard || !event.has_snapshots() {
        return engine.observe_again(event, from.appended.0);
    }
    if event.kind == EventKind::Stats {
        return Observed::Duplicate;
    }
    let (streams, pairs, more) = Default::default();
    engine.observe_again(&Event { streams, pairs, more, ..event.clone() }, from.appended.0)
}

/// Maximum time to connect or to the first media, ms: an hour. ICE gives up after half a minute
/// (RFC 8445, 14.3); longer times include the wait for another participant.
const MOST_WAIT_MS: i64 = 3_600_000;

/// Removes impossible values, and returns their number.
fn bound(event: &mut Event<'_>) -> u64 {
    [&mut event.time_to_connect_ms, &mut event.time_to_media_ms].into_iter().map(bound_ms).sum()
}

fn bound_ms(ms: &mut Option<i64>) -> u64 {
    u64::from(ms.take_if(|ms| !(0..=MOST_WAIT_MS).contains(ms)).is_some())
}

/// Returns the content of a record, if it is accepted at `now_ms`.
fn read<'a>(
    record: &Record<'a>,
    limits: &Settings,
    now_ms: i64,
    mended: &'a mut Option<Vec<u8>>,
) -> Result<Decoded<'a>, Rejected> {
    let Record { payload, content_type, key, .. } = *record;
    // Producers distribute both at random: librdkafka's consistent_random includes empty keys.
    if limits.require_key && key.is_none_or(<[u8]>::is_empty) {
        return Err(Rejected::new(Reason::NoKey, NO_KEY));
    }
    let source = formats::Source { payload, content_type, key };
    let mut reported = decode_finite(source, limits, mended)?;
    let app = match &reported {
        Decoded::Event(event) => &*event.app,
        Decoded::Report(report) => &report.app,
    };
    if !limits.apps.is_empty() && !limits.apps.iter().any(|known| known == app) {
        return Err(Rejected::new(Reason::UnknownApp, "app: not one of ingest.apps"));
    }
    let age_ms = |us: i64| record.appended.0.saturating_sub(us / 1000);
    let (late_ms, ahead_ms) = (limits.late_ms(), limits.ahead_ms());
    let age = age_ms(match &reported {
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
    if let Decoded::Event(event) = &mut reported {
        let (event_us, shift_us) = (event.client_us, event.shift_us);
        for client_us in event.happened_clocks() {
            if !(-ahead_ms..=late_ms).contains(&age_ms(*client_us + shift_us)) {
                *client_us = event_us;
            }
        }
        set_clocks(event, now_ms);
    }
    Ok(reported)
}

/// Advice on [`Reason::NoKey`].
const NO_KEY: &str = "no key, or an empty one: all records of a session must lie in one partition. \
                      Set the key app/call/participant (Fluent Bit: message_key_field, Vector: \
                      key_field), or ingest.require_key = false if the producer sees to it otherwise";

/// Replaces implausible times. Some browsers stamp stats objects with a clock that does not start
/// in 1970, stops while the machine sleeps, or is never set: if it is far from the event's time,
/// the event's is used. An event that is ahead of the log has the log's time.
fn set_clocks(event: &mut Event<'_>, now_ms: i64) {
    let event_us = event.client_us;
    for client_us in event.snapshot_clocks() {
        if client_us.abs_diff(event_us) > TOLERANCE_US.unsigned_abs() {
            *client_us = event_us;
        }
    }
    let ahead_us = event.event_us().saturating_sub(now_ms.saturating_mul(1000));
    if ahead_us > TOLERANCE_US {
        event.shift_us -= ahead_us;
        event.ahead_us = ahead_us;
    }
}

fn outcome(reason: Reason) -> RawOutcome {
    if reason == Reason::Late { RawOutcome::Late } else { RawOutcome::Invalid }
}

/// Returns the event as a report, without its lineage and intervals.
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
        paths: Vec::new(),
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
