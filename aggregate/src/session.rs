//! Sums of one session in a block.

use schemas::{EnrichedReport, EventKind, Measures, PlaceSource, SessionPartial, UNKNOWN};

use crate::cell::{MeasureSums, Sample};
use crate::grouping::Dimension;
use crate::intern::{Interner, Symbol};
use crate::streams::Streams;
use crate::values::{Admitted, Capped, Kept, Values};
use crate::verdict_times::{Packs, VerdictTimes};

/// Key of a session.
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

    /// Overwrites the texts with the names of the session.
    pub(crate) fn write(
        &self,
        app: &mut String,
        call: &mut String,
        participant: &mut String,
        names: &Interner,
    ) {
        for (text, symbol) in [(app, self.app), (call, self.call), (participant, self.participant)]
        {
            names.name(symbol).clone_into(text);
        }
    }
}

/// The fold of a session's reports; a few hundred bytes, for there are many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    span: Span,
    /// Values of the report whose event is the latest.
    latest: Admitted,
    place_source: PlaceSource,
    kept: Kept,
    path: Path,
    joined: i64,
    connected: i64,
    failed: i64,
    left: i64,
    disconnected: i64,
    reconnected: i64,
    device_failed: i64,
    selected_pair_changes: i64,
    time_to_connect_ms_sum: i64,
    time_to_connect_count: i64,
    rating_sum: i64,
    rating_count: i64,
    time_to_media_ms_sum: i64,
    time_to_media_count: i64,
    round_trip_us: i64,
    round_trip_count: i64,
    audio_mos_milli_sum: i64,
    audio_mos_count: i64,
    video_mos_milli_sum: i64,
    video_mos_count: i64,
    judged: VerdictTimes,
    streams: Streams,
    measures: MeasureSums,
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

/// Path of the latest event that had one: few events have one.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// Its event time and raw offset.
    latest: (i64, i64),
    network_type: Symbol,
    transport: Symbol,
}

impl Default for Path {
    fn default() -> Self {
        Self { latest: (i64::MIN, i64::MIN), network_type: Symbol::EMPTY, transport: Symbol::EMPTY }
    }
}

impl Session {
    /// Returns the dimension values under which a report of this session counts.
    pub(crate) fn admit(
        &mut self,
        report: &EnrichedReport,
        values: &mut Values,
        names: &mut Interner,
    ) -> (Admitted, Capped) {
        let before = (self.span.last != Span::default().last).then_some(&self.latest);
        values.admit(report, before, &mut self.kept, names)
    }

    /// Returns the name that the network type of a report's further path counts under; `admitted` are the
    /// values of the report.
    pub(crate) fn admit_path(
        &mut self,
        network_type: &str,
        admitted: &Admitted,
        values: &mut Values,
        names: &mut Interner,
    ) -> (Symbol, Capped) {
        values.admit_network_type(network_type, admitted, &mut self.kept, names)
    }

    /// Returns the number of its streams.
    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Folds a report; `admitted` and `samples` are its values and measurements. Returns the weight
    /// of the memory that was allocated for its sums, bytes.
    pub(crate) fn fold(
        &mut self,
        report: &EnrichedReport,
        admitted: &Admitted,
        samples: &[Sample<'_>],
        packs: &Packs,
        names: &mut Interner,
    ) -> usize {
        let mut grown = 0;
        self.place_in_time(report, admitted, names);
        self.count(report.event);
        report.more_events.iter().for_each(|more| self.count(more.event));
        let rating = report.rating.map(i64::from);
        sum(rating, &mut self.rating_sum, &mut self.rating_count);
        let (connect, media) = (report.time_to_connect_ms, report.time_to_media_ms);
        sum(connect, &mut self.time_to_connect_ms_sum, &mut self.time_to_connect_count);
        sum(media, &mut self.time_to_media_ms_sum, &mut self.time_to_media_count);
        for changes in report.paths.iter().filter_map(|path| path.path.selected_pair_changes) {
            self.selected_pair_changes = self.selected_pair_changes.wrapping_add(changes);
        }
        for scored in &report.intervals {
            let interval = &scored.interval;
            if let Some((us, count)) = interval.round_trip_us.zip(interval.round_trip_count) {
                self.round_trip_us = self.round_trip_us.wrapping_add(us);
                self.round_trip_count = self.round_trip_count.wrapping_add(count);
            }
            let milli = scored.audio_mos_milli.map(i64::from);
            sum(milli, &mut self.audio_mos_milli_sum, &mut self.audio_mos_count);
            let milli = scored.video_mos_milli.map(i64::from);
            sum(milli, &mut self.video_mos_milli_sum, &mut self.video_mos_count);
            grown += self.streams.add(&report.peer_connection, interval);
            let observed_us = interval.end_us.wrapping_sub(interval.start_us);
            grown += self.judged.add(packs, scored, observed_us, names);
        }
        for sample in samples {
            grown += self.measures.add(&sample.measures);
        }
        grown
    }

    fn count(&mut self, event: EventKind) {
        match event {
            EventKind::Joined => self.joined += 1,
            EventKind::Connected => self.connected += 1,
            EventKind::Failed => self.failed += 1,
            EventKind::Left => self.left += 1,
            EventKind::Disconnected => self.disconnected += 1,
            EventKind::Reconnected => self.reconnected += 1,
            EventKind::DeviceFailed => self.device_failed += 1,
            EventKind::Cover | EventKind::Stats | EventKind::Feedback => {}
        }
    }

    fn place_in_time(
        &mut self,
        report: &EnrichedReport,
        admitted: &Admitted,
        names: &mut Interner,
    ) {
        let starts = report.intervals.iter().map(|scored| scored.interval.start_us);
        let more = report.more_events.iter().map(|more| more.event_us);
        let first_us = starts.chain(more).fold(report.event_us, i64::min);
        self.span.first_us = self.span.first_us.min(first_us);
        let last = (report.event_us, report.lineage.raw_to);
        if last > self.span.last {
            self.span.last = last;
            self.latest = *admitted;
            self.place_source = report.place_source;
        }
        if !report.paths.is_empty() && last > self.path.latest {
            self.path = Path {
                latest: last,
                network_type: admitted.labels.name(Dimension::NetworkType),
                transport: names.symbol(&report.transport),
            };
        }
    }

    /// Overwrites `row`, except for the block's identity.
    pub(crate) fn write(&self, key: &SessionKey, row: &mut SessionPartial, names: &Interner) {
        let label = |dimension| self.latest.labels.name(dimension);
        let [city, network, connection_type] = self.latest.beside;
        key.write(&mut row.app, &mut row.call, &mut row.participant, names);
        let texts = [
            (&mut row.place.continent, label(Dimension::Continent)),
            (&mut row.place.country, label(Dimension::Country)),
            (&mut row.place.subdivision, label(Dimension::Subdivision)),
            (&mut row.place.city, city),
            (&mut row.provider.organisation, label(Dimension::Organisation)),
            (&mut row.device.class, label(Dimension::DeviceClass)),
            (&mut row.device.os, label(Dimension::Os)),
            (&mut row.device.browser, label(Dimension::Browser)),
            (&mut row.device.browser_version, label(Dimension::BrowserVersion)),
            (&mut row.network, network),
            (&mut row.provider.connection_type, connection_type),
            (&mut row.network_type, self.path.network_type),
            (&mut row.transport, self.path.transport),
            (&mut row.edge, label(Dimension::Edge)),
            (&mut row.client_version, label(Dimension::ClientVersion)),
        ];
        for (text, symbol) in texts {
            names.name(symbol).clone_into(text);
        }
        if self.path.latest == Path::default().latest {
            UNKNOWN.clone_into(&mut row.network_type);
            UNKNOWN.clone_into(&mut row.transport);
        }
        row.provider.asn = self.latest.labels.asn;
        row.first_us = self.span.first_us;
        (row.last_us, row.last_raw_offset) = self.span.last;
        row.place_source = self.place_source;
        (row.path_us, row.path_raw_offset) = self.path.latest;
        row.joined = self.joined;
        row.connected = self.connected;
        row.failed = self.failed;
        row.left = self.left;
        row.disconnected = self.disconnected;
        row.reconnected = self.reconnected;
        row.device_failed = self.device_failed;
        row.selected_pair_changes = self.selected_pair_changes;
        row.time_to_connect_ms_sum = self.time_to_connect_ms_sum;
        row.time_to_connect_count = self.time_to_connect_count;
        row.rating_sum = self.rating_sum;
        row.rating_count = self.rating_count;
        row.time_to_media_ms_sum = self.time_to_media_ms_sum;
        row.time_to_media_count = self.time_to_media_count;
        row.round_trip_us = self.round_trip_us;
        row.round_trip_count = self.round_trip_count;
        row.audio_mos_milli_sum = self.audio_mos_milli_sum;
        row.audio_mos_count = self.audio_mos_count;
        row.video_mos_milli_sum = self.video_mos_milli_sum;
        row.video_mos_count = self.video_mos_count;
        self.judged.write(&mut row.packs, names);
        row.streams_beyond = self.streams.write(&mut row.streams);
        row.measures = Measures::of_values(self.measures.values());
    }
}

fn sum(value: Option<i64>, sum: &mut i64, count: &mut i64) {
    if let Some(value) = value {
        *sum = sum.wrapping_add(value);
        *count += 1;
    }
}
