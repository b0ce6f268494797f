//! Sums of a session in an hour, by the values of its dimensions.

use schemas::{Direction, HourPartial, HourStream, Kind, Measures};

use crate::cell::{MeasureSums, Sample};
use crate::grouping::{Dimension, Labels};
use crate::intern::{Interner, Symbol};
use crate::session::SessionKey;
use crate::values::Admitted;
use crate::verdict_times::{Packs, VerdictTimes};
use crate::window::window_start;

/// Length of an hour, s.
const HOUR_S: i32 = 3600;
/// Usual number of kinds and directions: audio and video, inbound and outbound.
const STREAMS: usize = 4;

/// Returns the start of the hour of an event time in µs, s since the Unix epoch.
pub(crate) const fn hour_of(event_us: i64) -> i64 {
    window_start(event_us, HOUR_S)
}

/// Key of a session in an hour. A session that changes the value of a dimension has one for each value, so
/// that sums by dimension are those of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HourKey {
    session: SessionKey,
    /// Start of the hour, s since the Unix epoch.
    hour: i64,
    labels: Labels,
    city: Symbol,
    connection_type: Symbol,
    transport: Symbol,
}

impl HourKey {
    /// Returns the key of samples in the hour `hour`; `labels` and `transport` are those of their path.
    pub(crate) fn new(
        session: SessionKey,
        hour: i64,
        labels: Labels,
        admitted: &Admitted,
        transport: Symbol,
    ) -> Self {
        let [city, _, connection_type] = admitted.beside;
        Self { session, hour, labels, city, connection_type, transport }
    }

    /// Overwrites the key's fields of `row`.
    pub(crate) fn write(&self, row: &mut HourPartial, names: &Interner) {
        let label = |dimension| self.labels.name(dimension);
        self.session.write(&mut row.app, &mut row.call, &mut row.participant, names);
        for (text, symbol) in [
            (&mut row.place.continent, label(Dimension::Continent)),
            (&mut row.place.country, label(Dimension::Country)),
            (&mut row.place.subdivision, label(Dimension::Subdivision)),
            (&mut row.place.city, self.city),
            (&mut row.provider.organisation, label(Dimension::Organisation)),
            (&mut row.provider.connection_type, self.connection_type),
            (&mut row.device.class, label(Dimension::DeviceClass)),
            (&mut row.device.os, label(Dimension::Os)),
            (&mut row.device.browser, label(Dimension::Browser)),
            (&mut row.device.browser_version, label(Dimension::BrowserVersion)),
            (&mut row.network_type, label(Dimension::NetworkType)),
            (&mut row.transport, self.transport),
            (&mut row.edge, label(Dimension::Edge)),
            (&mut row.client_version, label(Dimension::ClientVersion)),
        ] {
            names.name(symbol).clone_into(text);
        }
        row.provider.asn = self.labels.asn;
        row.hour = self.hour;
    }
}

/// Sums by kind and direction, in the order in which they came up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hour(Vec<OfStream>);

#[derive(Clone, Debug)]
struct OfStream {
    stream: (Kind, Direction),
    measures: MeasureSums,
    judged: VerdictTimes,
}

impl Hour {
    /// Allocates memory for this number of samples, if there is none yet.
    pub(crate) fn make_room(&mut self, samples: usize) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(samples.min(STREAMS));
        }
    }

    /// Returns the number of kinds and directions for which there is memory.
    pub(crate) fn room(&self) -> usize {
        self.0.capacity()
    }

    /// Adds a sample, with the verdicts of `packs` if it is an interval. Returns the weight of the memory that
    /// was allocated for its sums, bytes.
    pub(crate) fn add(&mut self, sample: &Sample<'_>, packs: &Packs, names: &Interner) -> usize {
        let (Self(streams), stream) = (self, (sample.kind, sample.direction));
        let place = streams.iter().position(|of| of.stream == stream).unwrap_or_else(|| {
            let (measures, judged) = <(MeasureSums, VerdictTimes)>::default();
            streams.push(OfStream { stream, measures, judged });
            streams.len() - 1
        });
        let of = &mut streams[place];
        let grown = of.measures.add(&sample.measures);
        let judged = |scored| of.judged.add(packs, scored, sample.observed_us, names);
        grown + sample.scored.map_or(0, judged)
    }

    /// Overwrites the sums of `row`.
    pub(crate) fn write(&self, row: &mut HourPartial, names: &Interner) {
        row.streams.resize_with(self.0.len(), HourStream::default);
        for (row, of) in row.streams.iter_mut().zip(&self.0) {
            (row.kind, row.direction) = of.stream;
            row.measures = Measures::of_values(of.measures.values());
            of.judged.write(&mut row.packs, names);
        }
    }
}
