//! What a block has folded of one session.

use schemas::{EnrichedReport, EventKind, Measures, SessionPartial};

use crate::cell::{Sample, add};
use crate::grouping::{Dimension, Labels};
use crate::intern::{Interner, Symbol};

/// Which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    app: Symbol,
    call: Symbol,
    participant: Symbol,
}

impl SessionKey {
    pub(crate) fn of(report: &EnrichedReport, names: &mut Interner) -> Self {
        Self {
            app: names.symbol(&report.app),
            call: names.symbol(&report.call),
            participant: names.symbol(&report.participant),
        }
    }
}

/// The fold of a session's reports; a few hundred bytes, for there are many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    span: Span,
    labels: Labels,
    extra: Extra,
    joined: i64,
    connected: i64,
    failed: i64,
    left: i64,
    rating_sum: i64,
    rating_count: i64,
    time_to_media_ms_sum: i64,
    time_to_media_count: i64,
    round_trip_us: i64,
    round_trip_count: i64,
    audio_mos_milli_sum: i64,
    audio_mos_count: i64,
    measures: Measures,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first_us: i64,
    /// Event time and raw offset of the last event.
    last: (i64, i64),
}

impl Default for Span {
    fn default() -> Self {
        Self { first_us: i64::MAX, last: (i64::MIN, i64::MIN) }
    }
}

/// What a session tells beside the dimensions of cells.
#[derive(Clone, Copy, Debug, Default)]
struct Extra {
    city: Symbol,
    browser_version: Symbol,
    network: Symbol,
    transport: Symbol,
}

impl Session {
    /// Folds a report, of which `labels` and `samples` were made.
    pub(crate) fn fold(
        &mut self,
        report: &EnrichedReport,
        labels: &Labels,
        samples: &[Sample],
        names: &mut Interner,
    ) {
        self.place_in_time(report, labels, names);
        match report.event {
            EventKind::Joined => self.joined += 1,
            EventKind::Connected => self.connected += 1,
            EventKind::Failed => self.failed += 1,
            EventKind::Left => self.left += 1,
            EventKind::Cover | EventKind::Stats | EventKind::Feedback => {}
        }
        let rating = report.rating.map(i64::from);
        sum(rating, &mut self.rating_sum, &mut self.rating_count);
        sum(report.time_to_media_ms, &mut self.time_to_media_ms_sum, &mut self.time_to_media_count);
        for scored in &report.intervals {
            let interval = &scored.interval;
            if let Some((us, count)) = interval.round_trip_us.zip(interval.round_trip_count) {
                self.round_trip_us = self.round_trip_us.wrapping_add(us);
                self.round_trip_count = self.round_trip_count.wrapping_add(count);
            }
            let milli = scored.audio_mos_milli.map(i64::from);
            sum(milli, &mut self.audio_mos_milli_sum, &mut self.audio_mos_count);
        }
        for sample in samples {
            add(&mut self.measures, &sample.measures);
        }
    }

    fn place_in_time(&mut self, report: &EnrichedReport, labels: &Labels, names: &mut Interner) {
        let starts = report.intervals.iter().map(|scored| scored.interval.start_us);
        let first_us = starts.fold(report.event_us, i64::min);
        self.span.first_us = self.span.first_us.min(first_us);
        let last = (report.event_us, report.lineage.raw_to);
        if last > self.span.last {
            self.span.last = last;
            self.labels = *labels;
            self.extra = Extra {
                city: names.symbol(&report.place.city),
                browser_version: names.symbol(&report.device.browser_version),
                network: names.symbol(&report.network),
                transport: names.symbol(&report.transport),
            };
        }
    }

    /// Writes all but the block's identity over what `row` held.
    pub(crate) fn write(&self, key: &SessionKey, row: &mut SessionPartial, names: &Interner) {
        let label = |dimension| self.labels.name(dimension);
        let texts = [
            (&mut row.app, key.app),
            (&mut row.call, key.call),
            (&mut row.participant, key.participant),
            (&mut row.place.continent, label(Dimension::Continent)),
            (&mut row.place.country, label(Dimension::Country)),
            (&mut row.place.subdivision, label(Dimension::Subdivision)),
            (&mut row.place.city, self.extra.city),
            (&mut row.provider.organisation, label(Dimension::Organisation)),
            (&mut row.device.class, label(Dimension::DeviceClass)),
            (&mut row.device.os, label(Dimension::Os)),
            (&mut row.device.browser, label(Dimension::Browser)),
            (&mut row.device.browser_version, self.extra.browser_version),
            (&mut row.network, self.extra.network),
            (&mut row.network_type, label(Dimension::NetworkType)),
            (&mut row.transport, self.extra.transport),
            (&mut row.edge, label(Dimension::Edge)),
            (&mut row.client_version, label(Dimension::ClientVersion)),
        ];
        for (text, symbol) in texts {
            names.name(symbol).clone_into(text);
        }
        row.provider.asn = self.labels.asn();
        row.first_us = self.span.first_us;
        (row.last_us, row.last_raw_offset) = self.span.last;
        row.joined = self.joined;
        row.connected = self.connected;
        row.failed = self.failed;
        row.left = self.left;
        row.rating_sum = self.rating_sum;
        row.rating_count = self.rating_count;
        row.time_to_media_ms_sum = self.time_to_media_ms_sum;
        row.time_to_media_count = self.time_to_media_count;
        row.round_trip_us = self.round_trip_us;
        row.round_trip_count = self.round_trip_count;
        row.audio_mos_milli_sum = self.audio_mos_milli_sum;
        row.audio_mos_count = self.audio_mos_count;
        row.measures.clone_from(&self.measures);
    }
}

fn sum(value: Option<i64>, sum: &mut i64, count: &mut i64) {
    if let Some(value) = value {
        *sum = sum.wrapping_add(value);
        *count += 1;
    }
}
