//! The interval engine of one partition: computes intervals from snapshots.
//!
//! Its state depends only on the last [`Engine::keeps_ms`] of the log by append time, so that
//! reading this part again restores it. The log's time is the greatest append time so far, because
//! brokers' clocks may differ when a partition moves. All parts of the state are limited, per
//! session and in total ([`recent`]).

pub(crate) mod clock;
mod events;
mod path;
mod quantities;
mod recent;
mod set_ups;
mod streams;

use schemas::{Correction, EventKind, Happened, Interval, Path};
use xxhash_rust::xxh3::xxh3_128;

use self::clock::Taken;
use self::events::Events;
use self::recent::{Forgotten, Limits};
use self::set_ups::{Of, SetUps};
use self::streams::{Horizon, Step, Streams};
use crate::event::{Event, Stream};
use crate::settings::Settings;

/// Result of comparing an event with earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observed {
    /// Nothing new: the event, or a later one, was received before.
    Duplicate,
    /// It has new content.
    New(NewContent),
}

/// New content of a record. A stats event without intervals is the first one of its streams, or of
/// restarted streams.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NewContent {
    /// Kind of event, interpreted by earlier events; stats if only its snapshots are new.
    pub(crate) event: EventKind,
    /// Its event time, us since the Unix epoch, if it differs from the record's.
    pub(crate) event_us: Option<i64>,
    /// Further events of the record.
    pub(crate) more: Vec<Happened>,
    /// Corrections of connected and failed events that were counted as separate attempts.
    pub(crate) corrections: Vec<Correction>,
    /// Intervals that end at the event.
    pub(crate) intervals: Vec<Interval>,
    /// The selected candidate pair of each transport.
    pub(crate) paths: Vec<Path>,
    /// True if it arrived so late that an earlier copy may have expired, or so early that it may
    /// have expired when a later copy arrives, and it has no predecessor in the state.
    pub(crate) is_unverified: bool,
    /// Content that was left out.
    pub(crate) left_out: LeftOut,
}

/// Content of a record that is in no interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Number of restarted streams.
    pub(crate) resets: u64,
    /// Number of counter groups with a counter that decreased.
    pub(crate) went_back: u64,
    /// Number of impossible quantities, or groups of them.
    pub(crate) implausible: u64,
}

/// State of one partition.
pub(crate) struct Engine {
    /// Length of the log before a record on which its result may depend, ms.
    horizon_ms: i64,
    /// Maximum of `horizon_ms`.
    keeps_ms: i64,
    limits: Limits,
    now_ms: i64,
    streams: Streams,
    /// Streams of replayed records, kept apart from the live ones, which have continued since.
    again: Streams,
    events: Events,
    set_ups: SetUps,
    key: Vec<u8>,
}

impl Engine {
    /// Returns an engine that keeps `keeps_ms` of the log.
    pub(crate) fn new(keeps_ms: i64) -> Self {
        Self {
            horizon_ms: keeps_ms,
            keeps_ms,
            limits: Limits::from(&Settings::default()),
            now_ms: i64::MIN,
            streams: Streams::default(),
            again: Streams::default(),
            events: Events::default(),
            set_ups: SetUps::default(),
            key: Vec::new(),
        }
    }

    /// Returns the number of streams and candidate pairs in memory.
    pub(crate) fn live(&self) -> usize {
        self.streams.live() + self.again.live()
    }

    /// Returns the number of entries dropped so far because a limit was exceeded.
    pub(crate) fn forgotten(&self) -> Forgotten {
        let streams = [self.streams.forgotten(), self.again.forgotten()];
        streams.into_iter().chain([self.events.forgotten(), self.set_ups.forgotten()]).sum()
    }

    /// Sets the look-back, which may not exceed what is kept, and the limits of the state for the
    /// records from here on.
    pub(crate) fn remember(&mut self, settings: &Settings) {
        self.horizon_ms = settings.look_back_ms().min(self.keeps_ms);
        self.limits = settings.into();
    }

    /// Returns the log's time, ms since the Unix epoch.
    pub(crate) const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Advances the log's time to that of a record, even if the record is rejected.
    pub(crate) fn advance(&mut self, appended_ms: i64) {
        self.now_ms = self.now_ms.max(appended_ms);
        let oldest_ms = self.now_ms.saturating_sub(self.keeps_ms);
        self.streams.expire(oldest_ms);
        self.again.expire(oldest_ms);
        self.events.expire(oldest_ms);
        self.set_ups.expire(oldest_ms);
    }

    /// Compares an event of the record passed to [`Engine::advance`] with earlier ones.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> Observed {
        self.take(event, self.moment(self.now_ms), false)
    }

    /// Compares an event of a replayed record, first appended at `appended_ms`. Its snapshots are
    /// compared only with those of other replayed records, and only with those first appended in
    /// the look-back before it. The live streams have continued since then, and no other record
    /// covers the time between two such snapshots.
    pub(crate) fn observe_again(&mut self, event: &Event<'_>, appended_ms: i64) -> Observed {
        self.take(event, self.moment(appended_ms), true)
    }

    fn take(&mut self, event: &Event<'_>, moment: Horizon, is_again: bool) -> Observed {
        let happened = match event.kind {
            EventKind::Stats if event.has_snapshots() => None,
            // Without snapshots, duplicates are recognised by their time, like those of events.
            _ if event.all.is_empty() => self.once(event, moment),
            _ => self.new_events(event, moment),
        };
        let mut observed = match happened {
            Some(happened) if !event.has_snapshots() => Observed::New(happened),
            None if !event.has_snapshots() => return Observed::Duplicate,
            happened => match (happened, self.snapshots(event, moment, is_again)) {
                (None, snapshots) => snapshots,
                (Some(happened), Observed::Duplicate) => Observed::New(happened),
                (Some(happened), Observed::New(snapshots)) => Observed::New(NewContent {
                    event: happened.event,
                    event_us: happened.event_us,
                    more: happened.more,
                    corrections: happened.corrections,
                    is_unverified: happened.is_unverified || snapshots.is_unverified,
                    ..snapshots
                }),
            },
        };
        if let Observed::New(content) = &mut observed {
            content.is_unverified &= moment.may_miss_a_copy(event.claimed_us());
        }
        observed
    }

    fn snapshots(&mut self, event: &Event<'_>, moment: Horizon, is_again: bool) -> Observed {
        let mut found = Found::default();
        let several = !event.more.is_empty();
        let first = (&*event.peer_connection, &*event.streams, &*event.pairs);
        let more = event.more.iter().map(|more| (&*more.id, &*more.streams, &*more.pairs));
        for (id, streams, pairs) in std::iter::once(first).chain(more) {
            if streams.is_empty() && pairs.is_empty() {
                continue;
            }
            let session = self.begin(event);
            self.connection(id);
            let key = self.key(STATE, b"", 0);
            let live = if is_again { &mut self.again } else { &mut self.streams };
            let mut connection = live.of((session, key), moment, &mut self.key);
            let before = found.intervals.len();
            found.streams(event, (id, several), streams, &mut connection, moment);
            for pair in pairs {
                found.pair(event, pair, &mut connection, moment);
            }
            let has_media = found.intervals[before..].iter().any(|one| one.bytes > Some(0));
            let of = Of { key, session, is_named: !id.is_empty() };
            if !is_again {
                self.set_ups.seen(of, event.event_us(), has_media, moment);
            }
        }
        if found.seen > 0 && found.stale == found.seen {
            return Observed::Duplicate;
        }
        Observed::New(NewContent {
            intervals: found.intervals,
            paths: found.paths,
            left_out: found.left_out,
            is_unverified: found.baselines > 0,
            ..NewContent::of(EventKind::Stats)
        })
    }

    /// Returns the horizon of a record first appended at `first_ms`.
    fn moment(&self, first_ms: i64) -> Horizon {
        Horizon {
            now_ms: self.now_ms,
            oldest_ms: self.now_ms.saturating_sub(self.horizon_ms),
            first_ms,
            horizon_ms: self.horizon_ms,
            limits: self.limits,
        }
    }

    /// Begins the keys of the event's session, and returns the key of the session itself. Parts are
    /// separated by their lengths.
    fn begin(&mut self, event: &Event<'_>) -> u128 {
        self.key.clear();
        for part in [&event.app, &event.call, &event.participant] {
            self.connection(part);
        }
        xxh3_128(&self.key)
    }

    /// Continues the keys with a peer connection of the session.
    fn connection(&mut self, name: &str) {
        self.key.extend_from_slice(&name.len().to_le_bytes());
        self.key.extend_from_slice(name.as_bytes());
    }

    /// Returns the key of an object of the peer connection. It has 128 bits, so that collisions are
    /// practically impossible.
    fn key(&mut self, subject: u8, id: &[u8], number: i64) -> u128 {
        let connection = self.key.len();
        self.key.push(subject);
        self.key.extend_from_slice(&number.to_le_bytes());
        self.key.extend_from_slice(id);
        let key = xxh3_128(&self.key);
        self.key.truncate(connection);
        key
    }
}

/// Intervals and paths of a record's snapshots.
#[derive(Default)]
struct Found {
    intervals: Vec<Interval>,
    paths: Vec<Path>,
    left_out: LeftOut,
    streams: usize,
    seen: usize,
    stale: usize,
    baselines: usize,
}

impl Found {
    /// Adds the streams of one peer connection. With `several`, the ids of streams contain the
    /// connection.
    fn streams(
        &mut self,
        event: &Event<'_>,
        (id, several): (&str, bool),
        streams: &[Stream<'_>],
        connection: &mut streams::Connection<'_>,
        moment: Horizon,
    ) {
        self.seen += streams.len();
        self.streams += streams.len();
        // Paths of the connection follow those of earlier connections.
        let first_path = self.paths.len();
        self.intervals.reserve(streams.len());
        for stream in streams {
            let name = (stream.direction as u8, &*stream.stats_id, stream.ssrc);
            let taken = taken(event, stream.client_us, moment);
            let of = (stream.kind, stream.direction);
            let step = connection.step(name, of, taken, &stream.values);
            let Step::Since { length_us, differences, went_back, implausible } = step else {
                self.count(&step);
                continue;
            };
            self.left_out.went_back += went_back;
            self.left_out.implausible += implausible;
            let mut interval = quantities::interval(stream, &differences);
            (interval.start_us, interval.end_us) = (taken.event_us - length_us, taken.event_us);
            interval.path = stream.path.and_then(|path| i32::try_from(first_path + path).ok());
            if several {
                interval.stats_id = format!("{id}/{}", interval.stats_id);
            }
            self.intervals.push(interval);
        }
    }

    fn count(&mut self, step: &Step) {
        self.stale += usize::from(*step == Step::Stale);
        self.baselines += usize::from(*step == Step::Baseline);
        self.left_out.resets += u64::from(*step == Step::Reset);
    }
}

const fn taken(event: &Event<'_>, client_us: i64, moment: Horizon) -> Taken {
    Taken { client_us, event_us: client_us + event.shift_us, first_ms: moment.first_ms }
}

impl NewContent {
    /// An event without snapshots.
    fn of(event: EventKind) -> Self {
        Self { event, is_unverified: true, ..Self::default() }
    }
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        let each = settings.session_streams;
        Self { each, part: each - each / 4, all: settings.state_bytes() }
    }
}

/// Key type of the state of a peer connection.
const STATE: u8 = u8::MAX - 1;

#[cfg(test)]
mod tests;
