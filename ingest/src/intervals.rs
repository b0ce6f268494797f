//! The interval engine of one partition: from snapshots to what happened between them.
//!
//! Its state is a function of the last [`Engine::keeps_ms`] of the log by append time and of
//! nothing older, so that reading that much again restores it. A log's time is the greatest append
//! time so far: brokers' clocks may differ when a partition moves, and the log is what counts.

mod streams;
mod window;

use schemas::{Direction, EventKind, Happened, Interval, Kind, Path, Report};
use xxhash_rust::xxh3::xxh3_128;

use self::streams::{ByHash, Moment, Step, Streams};
use crate::counters::{Counter, Values};
use crate::event::{Event, Pair, Stream};

/// What an event tells in the light of those before it.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken apart at once"
)]
pub(crate) enum Observed {
    /// Nothing: it, or what overtook it, was here before.
    Duplicate,
    /// Something new. A stats event without intervals was but a baseline.
    News {
        /// What happened, in the light of what happened before; stats if that was here before and
        /// only its snapshots are new.
        event: EventKind,
        /// Its event time, us since the Unix epoch, if that is not the record's.
        event_us: Option<i64>,
        /// What else happened.
        more: Vec<Happened>,
        /// Intervals that end at the event.
        intervals: Vec<Interval>,
        /// The selected candidate pair.
        path: Option<Path>,
        /// Streams that started anew.
        resets: u64,
    },
}

/// Live state of one partition.
pub(crate) struct Engine {
    /// What a record may depend on, ms of the log before it.
    horizon_ms: i64,
    /// The longest that ever is, ms.
    keeps_ms: i64,
    now_ms: i64,
    swept_ms: i64,
    streams: Streams,
    events: ByHash<i64>,
    /// The last state that each peer connection was told to be in, and when.
    states: ByHash<(i64, EventKind)>,
    key: Vec<u8>,
    /// While a record that was sent again is taken: when it was first appended.
    again_ms: Option<i64>,
}

impl Engine {
    /// An engine that remembers `keeps_ms` of the log.
    pub(crate) fn new(keeps_ms: i64) -> Self {
        Self {
            horizon_ms: keeps_ms,
            keeps_ms,
            now_ms: i64::MIN,
            swept_ms: i64::MIN,
            streams: Streams::default(),
            events: ByHash::default(),
            states: ByHash::default(),
            key: Vec::new(),
            again_ms: None,
        }
    }

    /// Streams and candidate pairs in memory.
    pub(crate) const fn live(&self) -> usize {
        self.streams.live()
    }

    /// From here on records depend on `horizon_ms` of the log, no more than is kept.
    pub(crate) fn remember(&mut self, horizon_ms: i64) {
        self.horizon_ms = horizon_ms.min(self.keeps_ms);
    }

    /// The log's time, ms since the Unix epoch.
    pub(crate) const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// A record was appended: the log's time goes on, whatever the record is worth.
    pub(crate) fn advance(&mut self, appended_ms: i64) {
        self.now_ms = self.now_ms.max(appended_ms);
        let sweep_every = self.keeps_ms / 4;
        if self.now_ms.saturating_sub(sweep_every) >= self.swept_ms {
            let oldest = self.now_ms.saturating_sub(self.keeps_ms);
            self.streams.sweep(oldest);
            self.events.retain(|_, appended_ms| *appended_ms >= oldest);
            self.states.retain(|_, (appended_ms, _)| *appended_ms >= oldest);
            self.swept_ms = self.now_ms;
        }
    }

    /// Takes an event of the record that [`Engine::advance`] told.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> Observed {
        if event.kind == EventKind::Stats {
            return self.snapshots(event);
        }
        let happened = match event.all.is_empty() {
            true => self.once(event).map_or(Observed::Duplicate, Observed::event),
            false => self.each_once(event),
        };
        if !event.has_snapshots() {
            return happened;
        }
        match (happened, self.snapshots(event)) {
            (
                Observed::News { event, event_us, more, .. },
                Observed::News { intervals, path, resets, .. },
            ) => Observed::News { event, event_us, more, intervals, path, resets },
            (Observed::Duplicate, of_snapshots) => of_snapshots,
            (happened, Observed::Duplicate) => happened,
        }
    }

    /// What is news of several things that happened. The one that says most of how the call went
    /// is the event.
    fn each_once(&mut self, event: &Event<'_>) -> Observed {
        let mut news = Vec::with_capacity(event.all.len());
        for one in &event.all {
            let connection = one.connection.as_deref().unwrap_or(&event.peer_connection);
            self.begin_key([&event.app, &event.call, &event.participant, connection]);
            let is_new = self.is_new(one.kind as u8, b"", one.client_us);
            let change = self.change(one.kind, one.is_state).filter(|_| is_new);
            let event_us = one.client_us + event.shift_us;
            news.extend(change.map(|event| Happened { event, event_us }));
        }
        let rank = |kind: EventKind| RANKS.iter().position(|ranked| *ranked == kind);
        let most = (0..news.len()).min_by_key(|at| rank(news[*at].event).unwrap_or(RANKS.len()));
        let Some(most) = most else { return Observed::Duplicate };
        let Happened { event, event_us } = news.remove(most);
        let (event_us, intervals) = (Some(event_us), Vec::new());
        Observed::News { event, event_us, more: news, intervals, path: None, resets: 0 }
    }

    /// Takes an event of a record that was sent again and first appended at `appended_ms`. Its
    /// snapshots are compared only with others that were sent again, and only with those that
    /// were first appended in the look-back before it: what lies between two of them was told by
    /// no other then, while the live ones have gone on.
    pub(crate) fn observe_again(&mut self, event: &Event<'_>, appended_ms: i64) -> Observed {
        self.again_ms = Some(appended_ms);
        let observed = self.observe(event);
        self.again_ms = None;
        observed
    }

    /// True once in the look-back for each offset that records were sent again from.
    pub(crate) fn is_first_again(&mut self, offset: i64) -> bool {
        self.begin_key([""; 4]);
        self.is_new(AGAIN, b"", offset)
    }

    /// Takes a report that was canonical before: news once, whatever it tells.
    pub(crate) fn observe_report(&mut self, report: &Report) -> Observed {
        let session = [&report.app, &report.call, &report.participant, &report.peer_connection];
        self.begin_key(session.map(String::as_str));
        let mut kind = report.event as u8;
        if report.event == EventKind::Stats {
            kind = REPORT;
        }
        if self.is_new(kind, b"", report.event_us) {
            Observed::event(report.event)
        } else {
            Observed::Duplicate
        }
    }

    fn oldest_ms(&self) -> i64 {
        self.now_ms.saturating_sub(self.horizon_ms)
    }

    /// What happened, if that is news.
    fn once(&mut self, event: &Event<'_>) -> Option<EventKind> {
        self.begin_key([&event.app, &event.call, &event.participant, &event.peer_connection]);
        let device = event.failed_device.map_or(b"".as_slice(), |device| match device {
            Kind::Audio => b"audio",
            _ => b"video",
        });
        let is_new = self.is_new(event.kind as u8, device, event.client_us);
        // A copy counts as the last that was told, too: what is known is the look-back's, whatever
        // came before it.
        self.change(event.kind, event.is_state).filter(|_| is_new)
    }

    /// True once in the look-back.
    fn is_new(&mut self, kind: u8, id: &[u8], time_us: i64) -> bool {
        let key = self.key(kind, id, time_us);
        let before = self.events.insert(key, self.now_ms);
        before.is_none_or(|appended_ms| appended_ms < self.oldest_ms())
    }

    /// What an event is for its peer connection. Where it but tells the state, the state before
    /// says what that means, and the same state told again, by ICE and by the connection, means
    /// nothing.
    fn change(&mut self, kind: EventKind, is_state: bool) -> Option<EventKind> {
        let state = match kind {
            EventKind::Connected | EventKind::Reconnected => EventKind::Connected,
            EventKind::Disconnected | EventKind::Failed => kind,
            _ => return Some(kind),
        };
        let key = self.key(STATE, b"", 0);
        let key = self.apart(key);
        let oldest_ms = self.oldest_ms();
        let before = self.states.get(&key).filter(|(appended_ms, _)| *appended_ms >= oldest_ms);
        let change = match (before.map(|(_, before)| *before), state) {
            _ if !is_state => Some(kind),
            (Some(before), state) if before == state => None,
            (Some(_), EventKind::Connected) => Some(EventKind::Reconnected),
            (Some(EventKind::Connected), _) => Some(EventKind::Disconnected),
            (Some(_), _) => None,
            (None, state) => Some(state),
        };
        self.states.insert(key, (self.now_ms, state));
        change
    }

    fn snapshots(&mut self, event: &Event<'_>) -> Observed {
        let mut told = Snapshots::default();
        let several = !event.more.is_empty();
        let id = &event.peer_connection;
        self.connection(event, id, several, &event.streams, event.pair.as_ref(), &mut told);
        for more in &event.more {
            self.connection(event, &more.id, several, &more.streams, more.pair.as_ref(), &mut told);
        }
        if told.seen > 0 && told.stale == told.seen {
            Observed::Duplicate
        } else {
            let Snapshots { intervals, path, resets, .. } = told;
            let (event, event_us, more) = (EventKind::Stats, None, Vec::new());
            Observed::News { event, event_us, more, intervals, path, resets }
        }
    }

    /// The snapshots of one peer connection. Of `several`, ids of streams say of which they are.
    fn connection(
        &mut self,
        event: &Event<'_>,
        id: &str,
        several: bool,
        streams: &[Stream<'_>],
        pair: Option<&Pair<'_>>,
        told: &mut Snapshots,
    ) {
        if streams.is_empty() && pair.is_none() {
            return;
        }
        self.begin_key([&event.app, &event.call, &event.participant, id]);
        let key = self.key(CONNECTION, b"", 0);
        let (key, moment) = (self.apart(key), self.moment());
        let mut connection = self.streams.of(key, moment, &mut self.key);
        told.seen += streams.len() + usize::from(pair.is_some());
        told.intervals.reserve(streams.len());
        for stream in streams {
            let name = (stream.direction as u8, &*stream.stats_id, stream.ssrc);
            match connection.step(name, stream.client_us, &stream.values) {
                Step::Stale => told.stale += 1,
                Step::Baseline => {}
                Step::Reset => told.resets += 1,
                Step::Since { client_us, differences } => {
                    let mut interval = Interval {
                        start_us: client_us + event.shift_us,
                        end_us: stream.client_us + event.shift_us,
                        ..interval(stream, &differences)
                    };
                    if several {
                        interval.stats_id = format!("{id}/{}", interval.stats_id);
                    }
                    told.intervals.push(interval);
                }
            }
        }
        let Some(pair) = pair else { return };
        let name = (PAIR, &*pair.stats_id, 0);
        let mut path = match connection.step(name, pair.client_us, &pair.values) {
            Step::Since { differences, .. } => path(pair, &differences),
            step => {
                told.stale += usize::from(step == Step::Stale);
                path(pair, &Values::EMPTY)
            }
        };
        if let Some(transport) = &pair.transport {
            let name = (TRANSPORT, &*transport.stats_id, 0);
            if let Step::Since { differences, .. } =
                connection.step(name, pair.client_us, &transport.values)
            {
                path.selected_pair_changes = differences.get(Counter::PairChanges);
            }
        }
        told.path = Some(match told.path.take() {
            None => path,
            Some(first) => both(first, &path),
        });
    }

    /// The log's time, and how far back from it.
    fn moment(&self) -> Moment {
        let first_ms = self.again_ms.unwrap_or(self.now_ms);
        Moment {
            now_ms: self.now_ms,
            kept_ms: self.now_ms.saturating_sub(self.keeps_ms),
            oldest_ms: self.oldest_ms(),
            first_ms,
            nearby_ms: first_ms.saturating_sub(self.horizon_ms),
        }
    }

    /// The key of live state, or while a record is taken again, that of a state apart from it.
    const fn apart(&self, key: u128) -> u128 {
        if self.again_ms.is_some() { !key } else { key }
    }

    /// Begins keys of the event's session and peer connection. Lengths keep the parts apart.
    fn begin_key(&mut self, session: [&str; 4]) {
        self.key.clear();
        for part in session {
            self.key.extend_from_slice(&part.len().to_le_bytes());
            self.key.extend_from_slice(part.as_bytes());
        }
    }

    /// The key of something in the session: 128 bits, so that no two are ever the same.
    fn key(&mut self, subject: u8, id: &[u8], number: i64) -> u128 {
        let session = self.key.len();
        self.key.push(subject);
        self.key.extend_from_slice(&number.to_le_bytes());
        self.key.extend_from_slice(id);
        let key = xxh3_128(&self.key);
        self.key.truncate(session);
        key
    }
}

/// What a record's snapshots tell.
#[derive(Default)]
struct Snapshots {
    intervals: Vec<Interval>,
    path: Option<Path>,
    resets: u64,
    seen: usize,
    stale: usize,
}

impl Observed {
    /// An event without snapshots.
    fn event(event: EventKind) -> Self {
        let (event_us, more, intervals, path) = (None, Vec::new(), Vec::new(), None);
        Self::News { event, event_us, more, intervals, path, resets: 0 }
    }
}

/// Kinds of events of which one record tells several, what says most first.
const RANKS: [EventKind; 6] = [
    EventKind::Failed,
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::Reconnected,
    EventKind::Left,
    EventKind::Joined,
];

/// Keys of peer connections' states.
const STATE: u8 = u8::MAX - 1;

/// Keys of canonical reports of statistics.
const REPORT: u8 = u8::MAX - 2;

/// Keys of offsets that records were sent again from.
const AGAIN: u8 = u8::MAX - 3;

/// Keys of peer connections' streams.
const CONNECTION: u8 = u8::MAX - 4;

/// Of a peer connection, its transports.
const TRANSPORT: u8 = u8::MAX - 5;

/// Of a peer connection, its candidate pairs; streams have their [`Direction`] here.
const PAIR: u8 = u8::MAX;

fn interval(stream: &Stream<'_>, differences: &Values) -> Interval {
    let mut interval = Interval {
        kind: stream.kind,
        direction: stream.direction,
        ssrc: stream.ssrc,
        stats_id: stream.stats_id.to_string(),
        codec: stream.codec.as_deref().map(str::to_owned),
        ..Interval::default()
    };
    differences.fill(&mut interval);
    // Without the silent ones nothing is known: concealed silence is not heard.
    let (concealed, silent) = (Counter::ConcealedSamples, Counter::SilentSamples);
    if let Some((concealed, silent)) = differences.get(concealed).zip(differences.get(silent)) {
        interval.audio.get_or_insert_default().concealed_samples = Some(concealed - silent);
    }
    if let Some(screen_share) = stream.screen_share {
        interval.video.get_or_insert_default().screen_share = Some(screen_share);
    }
    let total = |counter| stream.values.get(counter);
    interval.stream_packets = match stream.direction {
        Direction::Outbound => total(Counter::PacketsSent),
        _ => total(Counter::PacketsReceived)
            .zip(total(Counter::PacketsLost))
            .map(|(received, lost)| received + lost),
    };
    interval.round_trip_gauge_us = round_trip_gauge(&stream.values)
        .filter(|_| differences.get(Counter::RemoteTime) != Some(0));
    if stream.direction == Direction::Outbound {
        far_end(&mut interval, differences);
    }
    interval
}

/// The last round trip measured, us, where totals are not told. 0 is what a browser tells before it
/// has measured any.
fn round_trip_gauge(values: &Values) -> Option<i64> {
    let has_totals = values.get(Counter::RoundTripTime).is_some()
        && values.get(Counter::RoundTripCount).is_some();
    values.get(Counter::RoundTripGauge).filter(|us| *us > 0 && !has_totals)
}

/// What the far end told of an outbound stream.
fn far_end(interval: &mut Interval, differences: &Values) {
    // Few browsers pass on how many packets the far end received. It may report more of them lost
    // than were sent in the interval, so that this is signed: else sums would depend on how a
    // stream is cut into intervals.
    // packetsSent counts what was sent again, also on an SSRC of its own; the far end does not.
    interval.packets_received = interval.packets_received.or_else(|| {
        let (sent, lost) = interval.packets_sent.zip(interval.packets_lost)?;
        Some(sent - interval.retransmitted_packets.unwrap_or(0) - lost)
    });
    if differences.get(Counter::RemoteTime) == Some(0) {
        // No receiver report came in the interval: nothing is known of it. What the next one
        // tells is of both, and so the sums of several intervals are whole.
        interval.packets_lost = None;
        interval.jitter_us = None;
    }
}

fn path(pair: &Pair<'_>, differences: &Values) -> Path {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    Path {
        local_candidate_type: text(&pair.local_candidate_type),
        remote_candidate_type: text(&pair.remote_candidate_type),
        protocol: text(&pair.protocol),
        relay_protocol: text(&pair.relay_protocol),
        network_type: text(&pair.network_type),
        ice_round_trip_us: differences.get(Counter::RoundTripTime),
        ice_round_trip_count: differences.get(Counter::RoundTripCount),
        ice_round_trip_gauge_us: round_trip_gauge(&pair.values),
        available_outgoing_bitrate: pair.available_outgoing_bitrate,
        ice_state: text(&pair.ice_state),
        dtls_state: text(&pair.dtls_state),
        selected_pair_changes: None,
    }
}

/// The path of a session with several peer connections is the first one's; round trips are those of
/// all, for they are sums.
fn both(first: Path, other: &Path) -> Path {
    let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    Path {
        ice_round_trip_us: sum(first.ice_round_trip_us, other.ice_round_trip_us),
        ice_round_trip_count: sum(first.ice_round_trip_count, other.ice_round_trip_count),
        ice_round_trip_gauge_us: first.ice_round_trip_gauge_us.or(other.ice_round_trip_gauge_us),
        selected_pair_changes: sum(first.selected_pair_changes, other.selected_pair_changes),
        ..first
    }
}

#[cfg(test)]
mod tests;
