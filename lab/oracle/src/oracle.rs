//! The oracle: the expected contents of the pipeline's views, by a plain fold of the truth. It shares no code
//! with the services that it judges, only the names of records and the look-up data.

mod caps;
mod hours;
mod look_up;
mod score;
mod sketch;
mod streams;

use std::collections::{BTreeMap, HashMap};

use schemas::{
    Dimensions, Direction, EventKind, Kind, Measures, PackTime, SessionPartial, UNKNOWN, Verdict,
};
use world::truth::{Dead, Event, Interval, Outcome, Record, Session};

use self::caps::Seen;
pub use caps::Block;
pub use hours::{Day, DayKey, Hour, HourKey};
pub use look_up::{Geo, Located, LookUp, LookUpError};
pub use sketch::{Bins, NotAState};

/// Length of a window, µs.
const WINDOW_US: i64 = 60_000_000;

/// Names of a cell's sketches, in the order of [`Cell::sketches`].
pub const SKETCHES: [&str; 8] = [
    "round_trip_ms",
    "jitter_ms",
    "loss",
    "bit_rate_bps",
    "frame_rate",
    "audio_mos",
    "video_mos",
    "time_to_media_ms",
];

/// Key of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// place or client.
    pub grouping: String,
    /// Start of the window, s since the Unix epoch.
    pub window_start: i64,
    /// Values of the grouping's dimensions; others are empty.
    pub dimensions: Dimensions,
}

/// A cell's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Additive integers.
    pub measures: Measures,
    /// Time by verdict of each pack, where it is not 0.
    pub packs: Packs,
    /// Sketches in the order of [`SKETCHES`].
    pub sketches: [Bins; 8],
}

/// Poor, good and unclassified time by pack, name@version, µs.
pub type Packs = BTreeMap<String, [i64; 3]>;

/// Application, call and participant.
pub type SessionKey = (String, String, String);

/// Expected result of the pipeline.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Raw records sent.
    pub raw_records: u64,
    /// Accepted records.
    pub accepted: u64,
    /// Repeated, or overtaken by a newer snapshot.
    pub duplicates: u64,
    /// Too late to count.
    pub late: u64,
    /// Not usable.
    pub invalid: u64,
    /// Intervals of accepted records.
    pub intervals: u64,
    /// Dead letters, each as often as it must be there.
    pub dead_letters: HashMap<Dead, u64>,
    /// Cells of both groupings.
    pub cells: HashMap<CellKey, Cell>,
    /// Sessions; what identifies rows (epoch, partition, offsets) and streams is 0.
    pub sessions: HashMap<SessionKey, SessionPartial>,
    /// Sessions by hour.
    pub session_hours: HashMap<HourKey, Hour>,
    /// Strata of days.
    pub session_days: HashMap<DayKey, Day>,
    /// Poor, good and unclassified streams of sessions, by the rules of CQD.
    pub cqd: HashMap<SessionKey, [i64; 3]>,
}

/// Folds the truth of one or more worlds.
pub struct Oracle<L> {
    look_up: L,
    introduced: HashMap<u32, Session>,
    seen: Seen,
    expected: Expected,
}

/// A record of a session that no earlier record introduced: the truth lacks lines.
#[derive(Debug, thiserror::Error)]
#[error("the truth never introduced session {0}")]
pub struct Stranger(u32);

/// Contribution of a sample to a cell.
struct Sample {
    at_us: i64,
    kind: Kind,
    direction: Direction,
    measures: Measures,
    packs: Packs,
    /// Sketches in the order of [`SKETCHES`].
    values: [Option<f64>; 8],
}

impl<L: LookUp> Oracle<L> {
    /// An oracle that has seen nothing.
    pub fn new(look_up: L) -> Self {
        let (introduced, seen) = (HashMap::new(), Seen::default());
        Self { look_up, introduced, seen, expected: Expected::default() }
    }

    /// Drops the introduced sessions: the next record begins another truth file.
    pub fn next_truth(&mut self) {
        self.introduced.clear();
    }

    /// Folds a record, in the order of the truth, when no session has more values than are kept
    /// apart.
    ///
    /// # Errors
    /// When the record's session was never introduced.
    pub fn fold(&mut self, record: Record) -> Result<(), Stranger> {
        self.fold_in(None, record)
    }

    /// Folds a record, in the order of its partition's log, when some sessions have more values
    /// than are kept apart. Which block holds a record that is accepted has to be known then.
    ///
    /// # Errors
    /// When the record's session was never introduced.
    pub fn fold_in(&mut self, block: Option<&Block>, record: Record) -> Result<(), Stranger> {
        let expected = &mut self.expected;
        expected.raw_records += 1;
        match record.outcome {
            Outcome::Accepted => expected.accepted += 1,
            Outcome::Duplicate | Outcome::OutOfOrder => expected.duplicates += 1,
            Outcome::Late => expected.late += 1,
            Outcome::Invalid => expected.invalid += 1,
        }
        if let Some(dead) = record.dead {
            *expected.dead_letters.entry(dead).or_default() += 1;
        }
        if let Some(session) = record.introduces {
            self.introduced.insert(record.session, session);
        }
        if let Some(event) = record.event {
            let session = self.introduced.get(&record.session).ok_or(Stranger(record.session))?;
            let (mut session, mut event) = (session.clone(), event);
            if let Some((edge, client_version)) = event.release.take() {
                (session.edge, session.client_version) = (edge, client_version);
            }
            let mut located = self.look_up.locate(&event.address, event.claim.as_ref());
            if let Some(block) = block {
                self.seen.cap(block, &mut session, &mut event, &mut located);
            }
            expected.add_event(&session, &event, &located);
        }
        Ok(())
    }

    /// Removes and returns the cells of windows that start before `window_start`, s since the Unix epoch: no further record
    /// may contribute to them.
    pub(crate) fn take_cells(&mut self, window_start: i64) -> HashMap<CellKey, Cell> {
        self.expected.cells.extract_if(|key, _| key.window_start < window_start).collect()
    }

    /// Expected contents of the views.
    pub fn finish(mut self) -> Expected {
        // No view shows it.
        self.expected.sessions.values_mut().for_each(|row| row.path_us = 0);
        for (key, row) in &mut self.expected.sessions {
            self.expected.cqd.insert(key.clone(), streams::finish(&mut row.streams));
        }
        self.expected.session_days = hours::days(&self.expected.session_hours);
        self.expected
    }
}

impl Expected {
    fn add_event(&mut self, session: &Session, event: &Event, located: &Located) {
        self.intervals += event.intervals.len() as u64;
        let samples = samples(event);
        for sample in &samples {
            for key in keys(session, event, located, sample) {
                let cell = self.cells.entry(key).or_default();
                add(&mut cell.measures, &sample.measures);
                add_packs(&mut cell.packs, &sample.packs);
                for (sketch, value) in cell.sketches.iter_mut().zip(sample.values) {
                    value.into_iter().for_each(|value| sketch.add(value));
                }
            }
            hours::add_sample(&mut self.session_hours, session, event, located, sample);
        }
        let key = (session.app.clone(), session.call.clone(), session.participant.clone());
        let row = self.sessions.entry(key).or_insert_with(|| SessionPartial {
            app: session.app.clone(),
            call: session.call.clone(),
            participant: session.participant.clone(),
            first_us: i64::MAX,
            last_us: i64::MIN,
            path_us: i64::MIN,
            network_type: UNKNOWN.to_owned(),
            transport: UNKNOWN.to_owned(),
            ..SessionPartial::default()
        });
        stay(row, session, event, located);
        let mut packs = take_packs(row);
        for sample in &samples {
            add(&mut row.measures, &sample.measures);
            add_packs(&mut packs, &sample.packs);
        }
        row.packs = rows(packs);
        event.intervals.iter().for_each(|interval| streams::add(&mut row.streams, interval));
    }
}

fn samples(event: &Event) -> Vec<Sample> {
    let attempts = |at_us, attempted, failed, media_ms: Option<i64>| Sample {
        at_us,
        kind: Kind::None,
        direction: Direction::None,
        measures: Measures {
            setups_attempted: attempted,
            setups_failed: failed,
            ..Measures::default()
        },
        packs: Packs::new(),
        values: values([(7, media_ms.map(|ms| ms as f64))]),
    };
    let setup = |at_us, failed, media_ms| attempts(at_us, 1, failed, media_ms);
    let mut samples: Vec<Sample> =
        event.intervals.iter().map(|interval| sample(interval, event.ice)).collect();
    for (place, (kind, at_us)) in happened(event).enumerate() {
        match kind {
            EventKind::Connected => {
                let media_ms = event.time_to_media_ms.filter(|_| place == 0);
                samples.push(setup(at_us, 0, media_ms));
            }
            EventKind::Failed => samples.push(setup(at_us, 1, None)),
            _ => {}
        }
    }
    // An attempt is the participant's, however many connections it takes.
    for (at_us, attempted, failed) in &event.corrections {
        samples.push(attempts(*at_us, *attempted, *failed, None));
    }
    samples
}

/// Occurrences of an event, with their times.
fn happened(event: &Event) -> impl Iterator<Item = (EventKind, i64)> {
    std::iter::once((event.kind, event.event_us)).chain(event.more.iter().copied())
}

fn sample(interval: &Interval, ice: Option<(i64, i64)>) -> Sample {
    let observed_us = interval.end_us - interval.start_us;
    let packs = score::packs(interval, ice);
    let [poor_us, good_us, unclassified_us] = spent(packs[0].1, observed_us);
    let or_nothing = Option::unwrap_or_default;
    let bit_rate = interval.bytes.map(|bytes| bytes as f64 * 8.0 * 1e6 / observed_us as f64);
    let is_picture = interval.kind == Kind::Video && score::has_source(interval);
    let frame_rate = score::frame_rate(interval).filter(|_| is_picture);
    let mos = |milli: Option<i64>| milli.map(|milli| milli as f64 / 1000.0);
    Sample {
        at_us: interval.end_us,
        kind: interval.kind,
        direction: interval.direction,
        measures: Measures {
            intervals: 1,
            observed_us,
            packets_received: or_nothing(interval.packets_received),
            packets_lost: or_nothing(interval.packets_lost),
            packets_expected: score::lost_and_sent(interval).map_or(0, |(_, sent)| sent),
            retransmitted_packets_received: match interval.direction {
                Direction::Inbound => or_nothing(interval.retransmitted_packets),
                _ => 0,
            },
            retransmitted_packets_sent: match interval.direction {
                Direction::Outbound => or_nothing(interval.retransmitted_packets),
                _ => 0,
            },
            bytes: or_nothing(interval.bytes),
            frames: or_nothing(interval.frames),
            freeze_us: or_nothing(interval.freeze_us),
            freeze_count: or_nothing(interval.freeze_count),
            pause_us: or_nothing(interval.pause_us),
            pause_count: or_nothing(interval.pause_count),
            concealed_samples: or_nothing(interval.concealed_samples),
            total_samples: match interval.concealed_samples {
                Some(_) => or_nothing(interval.total_samples),
                None => 0,
            },
            nack: or_nothing(interval.nack),
            pli: or_nothing(interval.pli),
            fir: or_nothing(interval.fir),
            poor_us,
            good_us,
            unclassified_us,
            ..Measures::default()
        },
        packs: packs.map(|(pack, verdict)| (pack.to_owned(), spent(verdict, observed_us))).into(),
        values: values([
            (0, score::round_trip_ms(interval)),
            (1, score::fresh_jitter_ms(interval)),
            (2, score::loss(interval)),
            (3, bit_rate),
            (4, frame_rate),
            (5, mos(score::audio_mos_milli(interval, ice))),
            (6, mos(score::video_mos_milli(interval, ice))),
        ]),
    }
}

fn values<const N: usize>(known: [(usize, Option<f64>); N]) -> [Option<f64>; 8] {
    let mut values = [None; 8];
    for (at, value) in known {
        values[at] = value;
    }
    values
}

/// The sample's cells: by place, and by client.
fn keys(session: &Session, event: &Event, located: &Located, sample: &Sample) -> [CellKey; 2] {
    let window_start = sample.at_us.div_euclid(WINDOW_US) * 60;
    let key = |grouping: &str, dimensions| CellKey {
        grouping: grouping.to_owned(),
        window_start,
        dimensions,
    };
    let both = Dimensions {
        app: session.app.clone(),
        country: located.place.country.clone(),
        kind: sample.kind,
        direction: sample.direction,
        ..Dimensions::default()
    };
    let place = Dimensions {
        continent: located.place.continent.clone(),
        subdivision: located.place.subdivision.clone(),
        asn: located.provider.asn,
        organisation: located.provider.organisation.clone(),
        network_type: named(event.network_type.as_deref()),
        edge: session.edge.clone(),
        ..both.clone()
    };
    let client = Dimensions {
        device_class: session.device.class.clone(),
        os: session.device.os.clone(),
        browser: session.device.browser.clone(),
        browser_version: session.device.browser_version.clone(),
        client_version: session.client_version.clone(),
        ..both
    };
    [key("place", place), key("client", client)]
}

fn named(name: Option<&str>) -> String {
    name.unwrap_or(UNKNOWN).to_owned()
}

/// Adds an event to a session's row, but not its measures.
fn stay(row: &mut SessionPartial, session: &Session, event: &Event, located: &Located) {
    let starts = event.intervals.iter().map(|interval| interval.start_us);
    let times = happened(event).map(|(_, at_us)| at_us);
    row.first_us = starts.chain(times).fold(row.first_us, i64::min);
    if event.event_us >= row.last_us {
        row.last_us = event.event_us;
        row.place = located.place.clone();
        row.place_source = located.source;
        row.provider = located.provider.clone();
        row.network = located.network.clone();
        row.device = session.device.clone();
        row.edge = session.edge.clone();
        row.client_version = session.client_version.clone();
    }
    let tells_path = event.network_type.is_some() || event.transport.is_some();
    if tells_path && event.event_us >= row.path_us {
        row.path_us = event.event_us;
        row.network_type = named(event.network_type.as_deref());
        row.transport = named(event.transport.as_deref());
    }
    let times = |wanted| happened(event).filter(|(kind, _)| *kind == wanted).count() as i64;
    row.joined += times(EventKind::Joined);
    row.connected += times(EventKind::Connected);
    row.failed += times(EventKind::Failed);
    row.left += times(EventKind::Left);
    row.disconnected += times(EventKind::Disconnected);
    row.reconnected += times(EventKind::Reconnected);
    row.device_failed += times(EventKind::DeviceFailed);
    row.selected_pair_changes += event.pair_changes.unwrap_or_default();
    row.rating_sum += event.rating.unwrap_or_default();
    row.rating_count += i64::from(event.rating.is_some());
    row.time_to_media_ms_sum += event.time_to_media_ms.unwrap_or_default();
    row.time_to_media_count += i64::from(event.time_to_media_ms.is_some());
    row.time_to_connect_ms_sum += event.time_to_connect_ms.unwrap_or_default();
    row.time_to_connect_count += i64::from(event.time_to_connect_ms.is_some());
    for interval in &event.intervals {
        row.round_trip_us += interval.round_trip_us.unwrap_or_default();
        row.round_trip_count += interval.round_trip_count.unwrap_or_default();
        let mos = score::audio_mos_milli(interval, event.ice);
        row.audio_mos_milli_sum += mos.unwrap_or_default();
        row.audio_mos_count += i64::from(mos.is_some());
        let mos = score::video_mos_milli(interval, event.ice);
        row.video_mos_milli_sum += mos.unwrap_or_default();
        row.video_mos_count += i64::from(mos.is_some());
    }
}

/// Poor, good and unclassified time of an interval.
fn spent(verdict: Verdict, observed_us: i64) -> [i64; 3] {
    [Verdict::Poor, Verdict::Good, Verdict::Unclassified]
        .map(|wanted| if verdict == wanted { observed_us } else { 0 })
}

fn add_packs(sum: &mut Packs, more: &Packs) {
    for (pack, times) in more {
        let sums = sum.entry(pack.clone()).or_default();
        sums.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
    }
}

fn take_packs(row: &mut SessionPartial) -> Packs {
    let rows = std::mem::take(&mut row.packs).into_iter();
    rows.map(|row| (row.pack, [row.poor_us, row.good_us, row.unclassified_us])).collect()
}

/// Packs as a session's row has them.
pub(crate) fn rows(packs: Packs) -> Vec<PackTime> {
    let rows = packs.into_iter();
    rows.map(|(pack, [poor_us, good_us, unclassified_us])| PackTime {
        pack,
        poor_us,
        good_us,
        unclassified_us,
    })
    .collect()
}

/// Adds one cell's integers to another's.
pub fn add(sum: &mut Measures, more: &Measures) {
    sum.intervals += more.intervals;
    sum.observed_us += more.observed_us;
    sum.packets_received += more.packets_received;
    sum.packets_lost += more.packets_lost;
    sum.packets_expected += more.packets_expected;
    sum.retransmitted_packets_received += more.retransmitted_packets_received;
    sum.retransmitted_packets_sent += more.retransmitted_packets_sent;
    sum.bytes += more.bytes;
    sum.frames += more.frames;
    sum.freeze_us += more.freeze_us;
    sum.freeze_count += more.freeze_count;
    sum.pause_us += more.pause_us;
    sum.pause_count += more.pause_count;
    sum.concealed_samples += more.concealed_samples;
    sum.total_samples += more.total_samples;
    sum.nack += more.nack;
    sum.pli += more.pli;
    sum.fir += more.fir;
    sum.setups_attempted += more.setups_attempted;
    sum.setups_failed += more.setups_failed;
    sum.poor_us += more.poor_us;
    sum.good_us += more.good_us;
    sum.unclassified_us += more.unclassified_us;
}

#[cfg(test)]
mod tests;
