//! The interval engine of one partition: from snapshots to what happened between them.
//!
//! Its state is a function of the last [`Engine::horizon_ms`] of the log by append time and of
//! nothing older, so that reading that much again restores it. A log's time is the greatest append
//! time so far: brokers' clocks may differ when a partition moves, and the log is what counts.

mod window;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use schemas::{Direction, EventKind, Interval, Path};
use xxhash_rust::xxh3::xxh3_128;

use self::window::{Snapshot, Window};
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
    horizon_ms: i64,
    now_ms: i64,
    swept_ms: i64,
    streams: HashMap<u128, Window, BuildHasherDefault<HashedKey>>,
    events: HashMap<u128, i64, BuildHasherDefault<HashedKey>>,
    key: Vec<u8>,
}

impl Engine {
    /// An engine that remembers `horizon_ms` of the log.
    pub(crate) fn new(horizon_ms: i64) -> Self {
        Self {
            horizon_ms,
            now_ms: i64::MIN,
            swept_ms: i64::MIN,
            streams: HashMap::default(),
            events: HashMap::default(),
            key: Vec::new(),
        }
    }

    /// Streams and candidate pairs in memory.
    pub(crate) fn live(&self) -> usize {
        self.streams.len()
    }

    /// A record was appended: the log's time goes on, whatever the record is worth.
    pub(crate) fn advance(&mut self, appended_ms: i64) {
        self.now_ms = self.now_ms.max(appended_ms);
        let sweep_every = self.horizon_ms / 4;
        if self.now_ms.saturating_sub(sweep_every) >= self.swept_ms {
            let oldest = self.oldest_ms();
            self.streams.retain(|_, window| window.is_live(oldest));
            self.events.retain(|_, appended_ms| *appended_ms >= oldest);
            self.swept_ms = self.now_ms;
        }
    }

    /// Takes an event of the record that [`Engine::advance`] told.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> Observed {
        self.begin_key(event);
        if event.kind == EventKind::Stats { self.snapshots(event) } else { self.once(event) }
    }

    fn oldest_ms(&self) -> i64 {
        self.now_ms.saturating_sub(self.horizon_ms)
    }

    /// An event without snapshots is news once.
    fn once(&mut self, event: &Event<'_>) -> Observed {
        let key = self.key(event.kind as u8, b"", event.client_us);
        match self.events.insert(key, self.now_ms) {
            Some(appended_ms) if appended_ms >= self.oldest_ms() => Observed::Duplicate,
            _ => Observed::News { intervals: Vec::new(), path: None, resets: 0 },
        }
    }

    fn snapshots(&mut self, event: &Event<'_>) -> Observed {
        let mut intervals = Vec::with_capacity(event.streams.len());
        let (mut resets, mut stale) = (0, 0);
        for stream in &event.streams {
            let subject = stream.direction as u8;
            let key = self.key(subject, stream.stats_id.as_bytes(), stream.ssrc);
            match self.step(key, stream.client_us, &stream.values) {
                Step::Stale => stale += 1,
                Step::Baseline => {}
                Step::Reset => resets += 1,
                Step::Since { client_us, differences } => intervals.push(Interval {
                    start_us: client_us + event.shift_us,
                    end_us: stream.client_us + event.shift_us,
                    ..interval(stream, &differences)
                }),
            }
        }
        let path = event.pair.as_ref().map(|pair| {
            let key = self.key(PAIR, pair.stats_id.as_bytes(), 0);
            match self.step(key, pair.client_us, &pair.values) {
                Step::Since { differences, .. } => path(pair, &differences),
                step => {
                    stale += usize::from(step == Step::Stale);
                    path(pair, &Values::EMPTY)
                }
            }
        });
        let seen = event.streams.len() + usize::from(path.is_some());
        if seen > 0 && stale == seen {
            Observed::Duplicate
        } else {
            Observed::News { intervals, path, resets }
        }
    }

    fn step(&mut self, key: u128, client_us: i64, values: &Values) -> Step {
        let oldest_ms = self.oldest_ms();
        let window = self.streams.entry(key).or_default();
        let step = match window.predecessor(oldest_ms) {
            None => Step::Baseline,
            Some(predecessor) if client_us <= predecessor.client_us => Step::Stale,
            Some(predecessor) => match values.since(&predecessor.values) {
                None => Step::Reset,
                Some(differences) => Step::Since { client_us: predecessor.client_us, differences },
            },
        };
        window.push(Snapshot { client_us, appended_ms: self.now_ms, values: *values });
        step
    }

    /// Begins keys of the event's session and peer connection. Lengths keep the parts apart.
    fn begin_key(&mut self, event: &Event<'_>) {
        self.key.clear();
        for part in [&event.app, &event.call, &event.participant, &event.peer_connection] {
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

/// Keys of candidate pairs; those of streams have their [`Direction`] here.
const PAIR: u8 = u8::MAX;

/// What a snapshot is to the ones before it.
#[derive(PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, on the stack")]
enum Step {
    /// The first.
    Baseline,
    /// The first after a monotone counter went back.
    Reset,
    /// Not newer than one before it.
    Stale,
    /// The next.
    Since { client_us: i64, differences: Values },
}

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
    if stream.direction == Direction::Outbound {
        far_end(&mut interval, differences);
    }
    interval
}

/// What the far end told of an outbound stream.
fn far_end(interval: &mut Interval, differences: &Values) {
    // Few browsers pass on how many packets the far end received.
    interval.packets_received = interval.packets_received.or_else(|| {
        let (sent, lost) = interval.packets_sent.zip(interval.packets_lost)?;
        Some((sent - lost).max(0))
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
        available_outgoing_bitrate: pair.available_outgoing_bitrate,
        ice_state: text(&pair.ice_state),
        dtls_state: text(&pair.dtls_state),
        selected_pair_changes: differences.get(Counter::PairChanges),
    }
}

/// Hands on a key that is a hash already.
#[derive(Default)]
struct HashedKey(u64);

impl Hasher for HashedKey {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
