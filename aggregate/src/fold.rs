//! The fold of a block's reports into partials of cells and sessions.

use schemas::{
    CellPartial, EncodeError, EnrichedPath, EnrichedReport, EventKind, HourPartial, SessionPartial,
    UNKNOWN,
};

use crate::block::{Limits, Rules, weights};
use crate::cell::{Cells, CellsKey, Sample, SettledCounts};
use crate::grouping::Grouping;
use crate::hours::{Hour, HourKey, hour_of};
use crate::intern::Interner;
use crate::session::{Session, SessionKey};
use crate::table::Table;
use crate::values::{Capped, Values};
use crate::verdict_times::Packs;
use crate::window::window_start;

/// Identity and version of the rows of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    pub(crate) epoch: i32,
    pub(crate) partition: i32,
    pub(crate) block_start: i64,
    pub(crate) upto: i64,
}

/// Sums of a block's reports.
#[derive(Debug)]
pub(crate) struct Fold {
    groupings: Vec<Grouping>,
    window_s: i32,
    limits: Limits,
    names: Interner,
    values: Values,
    cells: Table<CellsKey, Cells>,
    /// Total number of cells, of every kind and direction.
    held: usize,
    /// Total number of streams, of every session.
    streams: usize,
    sessions: Table<SessionKey, Session>,
    hours: Table<HourKey, Hour>,
    /// Weight of the memory that cells, sessions and hours have allocated as they grew, bytes.
    grown: usize,
    /// Memory for the bins of a cell while it is written.
    settled: SettledCounts,
    /// Number of intervals folded.
    pub(crate) intervals: i64,
    /// Starts of the earliest and the latest window touched, s.
    pub(crate) windows: Option<(i64, i64)>,
}

impl Fold {
    pub(crate) fn new(rules: &Rules) -> Self {
        let groupings = rules.groupings.iter();
        Self {
            groupings: groupings.map(|(name, list)| Grouping::new(name, list)).collect(),
            window_s: rules.window_s,
            limits: rules.limits,
            names: Interner::default(),
            values: Values::new(rules.limits),
            cells: Table::default(),
            held: 0,
            streams: 0,
            sessions: Table::default(),
            hours: Table::default(),
            grown: 0,
            settled: SettledCounts::default(),
            intervals: 0,
            windows: None,
        }
    }

    /// Folds one report, and returns which of its values are not kept apart. A cover concerns no
    /// session.
    pub(crate) fn fold(&mut self, report: &EnrichedReport) -> Capped {
        if report.event == EventKind::Cover {
            return Capped::default();
        }
        let key = SessionKey::of(report, &mut self.names);
        let session = self.sessions.touch(key);
        let (admitted, mut capped) = session.admit(report, &mut self.values, &mut self.names);
        let samples = samples(report);
        let packs = Packs::of(report, &mut self.names);
        let window = |sample: &Sample<'_>| window_start(sample.event_us, self.window_s);
        let hour = |sample: &Sample<'_>| hour_of(sample.event_us);
        let together = |one: &Sample<'_>, next: &Sample<'_>| {
            window(one) == window(next)
                && hour(one) == hour(next)
                && path(report, one) == path(report, next)
        };
        for run in samples.chunk_by(together) {
            let start = run.first().map_or(0, window);
            let of_path = run.first().and_then(|sample| path(report, sample));
            let transport = of_path.map_or(&*report.transport, |(_, transport)| transport);
            let labels = match of_path {
                Some((network_type, _)) => {
                    let (values, names) = (&mut self.values, &mut self.names);
                    let (symbol, more) = session.admit_path(network_type, &admitted, values, names);
                    capped.merge(more);
                    admitted.labels.over(symbol)
                }
                None => admitted.labels,
            };
            let transport = self.names.symbol(transport);
            let of_hour = run.first().map_or(0, hour);
            let hour = HourKey::new(key, of_hour, labels, &admitted, transport);
            let hour = self.hours.touch(hour);
            let room = hour.room();
            hour.make_room(run.len());
            let names = &self.names;
            self.grown += run.iter().map(|sample| hour.add(sample, &packs, names)).sum::<usize>();
            self.grown += (hour.room() - room) * weights::HOUR_STREAM;
            let (first, last) = self.windows.unwrap_or((start, start));
            self.windows = Some((first.min(start), last.max(start)));
            for (grouping, rule) in self.groupings.iter().enumerate() {
                let labels = rule.labels(&labels);
                let key = CellsKey { grouping, window_start: start, labels };
                let cells = self.cells.touch(key);
                let (before, room) = (cells.len(), cells.room());
                cells.make_room(run.len());
                for sample in run {
                    let cell = cells.touch(rule.stream(sample.kind, sample.direction));
                    self.grown += cell.add(sample, &packs, &self.names);
                }
                self.held += cells.len() - before;
                self.grown += (cells.room() - room) * weights::CELL;
            }
        }
        self.intervals += report.intervals.len() as i64;
        let before = session.streams();
        self.grown += session.fold(report, &admitted, &samples, &packs, &mut self.names);
        self.streams += session.streams() - before;
        capped
    }

    /// Returns whether the block has reached a limit of its rules.
    pub(crate) fn is_full(&self) -> bool {
        let (cells, limits) = (self.held, &self.limits);
        cells >= limits.cells as usize
            || self.sessions.len() >= limits.sessions as usize
            || self.intervals >= limits.intervals
            || self.bytes() >= limits.bytes()
    }

    /// Returns the memory of all that the block holds, bytes: an estimate that follows from its records
    /// alone, as an allocator's figures would not.
    pub(crate) fn bytes(&self) -> usize {
        let parts = [
            self.cells.len().saturating_mul(weights::CELLS),
            self.sessions.len().saturating_mul(weights::SESSION),
            self.streams.saturating_mul(weights::STREAM),
            self.hours.len().saturating_mul(weights::HOUR),
            self.grown,
            self.names.bytes(),
            self.values.bytes(),
        ];
        parts.into_iter().fold(0, usize::saturating_add)
    }

    /// Passes the framed partials of all cells that changed since the last time to `send`, and
    /// returns how many there were. With `last` nothing is folded or written afterwards.
    pub(crate) fn flush_cells(
        &mut self,
        version: Version,
        last: bool,
        mut send: impl FnMut(&[u8]),
    ) -> Result<u64, EncodeError> {
        let Self { groupings, window_s, names, cells, settled, .. } = self;
        let mut row = CellPartial {
            epoch: version.epoch,
            partition: version.partition,
            block_start: version.block_start,
            upto: version.upto,
            window_s: *window_s,
            ..CellPartial::default()
        };
        let mut written = 0;
        cells.flush(last, |key, cells| {
            groupings[key.grouping].name.clone_into(&mut row.grouping);
            row.window_start = key.window_start;
            key.labels.write(&mut row.dimensions, names);
            cells.flush(|(kind, direction), cell| {
                (row.dimensions.kind, row.dimensions.direction) = (kind, direction);
                row.measures = cell.measures();
                cell.judged.write(&mut row.packs, names);
                cell.write_sketches(&mut row.sketches, settled);
                send(&schemas::encode(&row)?);
                written += 1;
                Ok(())
            })
        })?;
        Ok(written)
    }

    /// Does for sessions what [`Fold::flush_cells`] does for cells.
    pub(crate) fn flush_sessions(
        &mut self,
        version: Version,
        last: bool,
        mut send: impl FnMut(&[u8]),
    ) -> Result<u64, EncodeError> {
        #[cfg(feature = "mutations")]
        if crate::mutations::values() {
            self.values = Values::new(self.limits);
        }
        let Self { names, sessions, .. } = self;
        let mut row = SessionPartial {
            epoch: version.epoch,
            partition: version.partition,
            block_start: version.block_start,
            upto: version.upto,
            ..SessionPartial::default()
        };
        let mut written = 0;
        sessions.flush(last, |key, session| {
            session.write(key, &mut row, names);
            send(&schemas::encode(&row)?);
            written += 1;
            Ok(())
        })?;
        Ok(written)
    }

    /// Does for sessions by hour what [`Fold::flush_cells`] does for cells.
    pub(crate) fn flush_hours(
        &mut self,
        version: Version,
        last: bool,
        mut send: impl FnMut(&[u8]),
    ) -> Result<u64, EncodeError> {
        let Self { names, hours, .. } = self;
        let mut row = HourPartial {
            epoch: version.epoch,
            partition: version.partition,
            block_start: version.block_start,
            upto: version.upto,
            ..HourPartial::default()
        };
        let mut written = 0;
        hours.flush(last, |key, hour| {
            key.write(&mut row, names);
            hour.write(&mut row, names);
            send(&schemas::encode(&row)?);
            written += 1;
            Ok(())
        })?;
        Ok(written)
    }
}

/// Returns the network type and the transport of an interval's path if they may differ from the first
/// path's.
fn path<'r>(report: &'r EnrichedReport, sample: &Sample<'_>) -> Option<(&'r str, &'r str)> {
    match report.path_of(&sample.scored?.interval) {
        Some(EnrichedPath { network_type, transport, .. }) if report.paths.len() > 1 => {
            Some((network_type, transport))
        }
        None if !report.paths.is_empty() => Some((UNKNOWN, UNKNOWN)),
        _ => None,
    }
}

/// Intervals come first, and what the event itself is after them.
fn samples(report: &EnrichedReport) -> Vec<Sample<'_>> {
    let intervals = report.intervals.iter().map(Sample::of_interval);
    let set_up = |event, event_us, media_ms| match event {
        EventKind::Connected => Some(Sample::of_setup(event_us, false, media_ms)),
        EventKind::Failed => Some(Sample::of_setup(event_us, true, media_ms)),
        _ => None,
    };
    let of_event = set_up(report.event, report.event_us, report.time_to_media_ms);
    let more = report.more_events.iter();
    let of_more = more.filter_map(|more| set_up(more.event, more.event_us, None));
    let corrections = report.corrections.iter().map(Sample::of_correction);
    intervals.chain(of_event).chain(of_more).chain(corrections).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use schemas::{Interval, Kind, ScoredInterval};

    use super::*;
    use crate::settings::AggregateSettings;

    fn report(number: i64) -> EnrichedReport {
        let interval = |stream: i64| Interval {
            kind: Kind::Video,
            end_us: 5_000_000,
            bytes: Some(10_000 + (number * 8 + stream) * 977 % 9_999),
            jitter_us: Some((number + stream) * 91 % 9_999),
            ..Interval::default()
        };
        let scored = |stream| ScoredInterval { interval: interval(stream), ..Default::default() };
        EnrichedReport {
            event: EventKind::Stats,
            intervals: (0..8).map(scored).collect(),
            ..EnrichedReport::default()
        }
    }

    #[test]
    fn the_weight_of_a_block_does_not_depend_on_when_it_was_written() {
        let rules = AggregateSettings::default().rules();
        let version = Version { epoch: 1, partition: 0, block_start: 0, upto: 0 };
        let (mut once, mut often) = (Fold::new(&rules), Fold::new(&rules));
        for number in 0..500 {
            once.fold(&report(number));
            often.fold(&report(number));
            often.flush_cells(version, false, |_| ()).unwrap();
            assert_eq!(once.bytes(), often.bytes(), "after {number}");
        }
        assert!(once.bytes() > 5_000, "bins count: {}", once.bytes());
    }
}
