//! One session: its counters as functions of time, and the expected result of its records.

use std::rc::Rc;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use schemas::{Device, Direction, EventKind, Kind, UNKNOWN};
use world::truth;

use super::START_MS;
use super::taken::{Follows, Taken, happened_ms};

pub(super) struct Session {
    pub(super) number: u32,
    pub(super) app: &'static str,
    pub(super) call: String,
    pub(super) participant: &'static str,
    pub(super) address: &'static str,
    pub(super) edge: &'static str,
    pub(super) client_version: &'static str,
    /// Packets per second, different in each session.
    rate: i64,
    /// True if the session changes its edge and release every few seconds, and sometimes omits
    /// them.
    restless: bool,
    /// Time at which the counters restart at 0, ms since the Unix epoch.
    restarts_ms: i64,
}

/// Cumulative counters at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) packets: i64,
    pub(super) lost: i64,
    pub(super) bytes: i64,
    pub(super) frames: i64,
    pub(super) pauses: i64,
    pub(super) paused_us: i64,
    pub(super) round_trip_us: i64,
    pub(super) round_trips: i64,
    pub(super) jitter_us: i64,
}

impl Session {
    pub(super) fn new(partition: i32, number: u32, restless: bool, rng: &mut ChaCha8Rng) -> Self {
        Self {
            number: partition as u32 * 10 + number,
            app: "sim",
            call: format!("call-{partition}"),
            participant: if number == 0 { "ann" } else { "bob" },
            address: if number == 0 { "203.0.113.9" } else { "" },
            edge: "fra",
            client_version: "1.0",
            restless,
            rate: rng.random_range(40..60),
            restarts_ms: START_MS + rng.random_range(20_000..200_000),
        }
    }

    pub(super) fn key(&self) -> Rc<[u8]> {
        format!("{}/{}/{}", self.app, self.call, self.participant).into_bytes().into()
    }

    pub(super) fn truth(&self) -> truth::Session {
        let unknown = || UNKNOWN.to_owned();
        truth::Session {
            app: self.app.to_owned(),
            call: self.call.clone(),
            participant: self.participant.to_owned(),
            edge: self.edge.to_owned(),
            client_version: self.client_version.to_owned(),
            device: Device {
                class: unknown(),
                os: unknown(),
                browser: unknown(),
                browser_version: unknown(),
            },
        }
    }

    /// Returns the edge and release of a record at this time, if they differ from the session's.
    /// They may be [`UNKNOWN`].
    pub(super) fn release(&self, client_ms: i64) -> Option<(String, String)> {
        let name = |name: &str, number: i64| match number {
            0 => UNKNOWN.to_owned(),
            _ => format!("{name}{number}"),
        };
        let (edge, release) = (client_ms / 1000 % 4, client_ms / 700 % 8);
        self.restless.then(|| (name("edge-", edge), name("2.", release)))
    }

    /// Time that counters have counted, ms.
    fn counted_ms(&self, client_ms: i64) -> i64 {
        if client_ms < self.restarts_ms {
            client_ms - START_MS + 60_000
        } else {
            client_ms - self.restarts_ms
        }
    }

    /// Returns the part of the counted time in which media was sent, ms: in the last third of a
    /// minute the microphone is muted and the camera off.
    const fn sent_ms(counted_ms: i64) -> i64 {
        let (minutes, ms) = (counted_ms / 60_000, counted_ms % 60_000);
        minutes * 40_000 + if ms < 40_000 { ms } else { 40_000 }
    }

    pub(super) fn audio(&self, client_ms: i64) -> Counters {
        let ms = self.counted_ms(client_ms);
        let sent_ms = Self::sent_ms(ms);
        let packets = sent_ms * self.rate / 1000;
        Counters {
            packets,
            lost: sent_ms / 1700,
            bytes: packets * 121,
            frames: 0,
            pauses: 0,
            paused_us: 0,
            round_trip_us: ms / 1000 * 43_210,
            round_trips: ms / 1000,
            jitter_us: 2000 + client_ms % 40_000,
        }
    }

    pub(super) fn video(&self, client_ms: i64) -> Counters {
        let counted_ms = self.counted_ms(client_ms);
        let ms = Self::sent_ms(counted_ms);
        // Counted when the camera is switched on again.
        let pauses = counted_ms / 60_000;
        let packets = ms * self.rate / 700;
        Counters {
            packets,
            lost: ms / 2300,
            bytes: packets * 901,
            frames: ms * 24 / 1000,
            pauses,
            paused_us: pauses * 20_000_000,
            ..Counters::default()
        }
    }

    /// Returns the new information of an event.
    pub(super) fn event(&self, kind: EventKind, client_ms: i64, log_ms: i64) -> truth::Event {
        let connected = kind == EventKind::Connected;
        truth::Event {
            kind,
            event_us: happened_ms(client_ms, log_ms) * 1000,
            address: self.address.to_owned(),
            release: self.release(client_ms),
            time_to_connect_ms: connected.then_some(120),
            time_to_media_ms: connected.then_some(340),
            rating: (kind == EventKind::Feedback).then_some(4),
            ..truth::Event::default()
        }
    }

    /// Returns the new information of a report after the reports `before` it, if there is any.
    pub(super) fn snapshot(&self, taken: Taken, before: &[Taken]) -> Option<truth::Event> {
        let mut event = truth::Event {
            kind: EventKind::Stats,
            event_us: taken.happened_ms() * 1000,
            address: self.address.to_owned(),
            release: self.release(taken.client_ms),
            ..truth::Event::default()
        };
        let mut stale = true;
        for of_video in [false, true].into_iter().take(1 + usize::from(taken.video)) {
            let progress = |client_ms| {
                let counters = if of_video { self.video(client_ms) } else { self.audio(client_ms) };
                counters.packets + counters.bytes + counters.frames
            };
            let before = before.iter().filter(|taken| taken.video || !of_video);
            match taken.follows(before, progress) {
                Follows::Nothing => event.baselines += 1,
                Follows::Stale => continue,
                Follows::After(last) => {
                    event.intervals.extend(self.interval(of_video, last, taken));
                }
            }
            stale = false;
        }
        (!stale).then_some(event)
    }

    /// Returns the difference of two snapshots; none if the stream restarted.
    fn interval(&self, video: bool, from: Taken, to: Taken) -> Option<truth::Interval> {
        let length_ms = to.since_ms(from);
        let end_ms = to.happened_ms();
        let at = |ms| if video { self.video(ms) } else { self.audio(ms) };
        let (from, to) = (at(from.client_ms), at(to.client_ms));
        let since = |of: fn(&Counters) -> i64| Some(of(&to) - of(&from)).filter(|more| *more >= 0);
        let packets = since(|all| all.packets);
        let bytes = since(|all| all.bytes);
        let frames = since(|all| all.frames);
        if [packets, bytes, frames].iter().filter(|more| more.is_none()).count() > 1 {
            return None;
        }
        let round_trips = since(|all| all.round_trip_us).zip(since(|all| all.round_trips));
        Some(truth::Interval {
            kind: if video { Kind::Video } else { Kind::Audio },
            direction: Direction::Inbound,
            codec: if video { String::new() } else { "audio/opus".to_owned() },
            ssrc: if video { 12 } else { 11 },
            start_us: (end_ms - length_ms) * 1000,
            end_us: end_ms * 1000,
            stream_packets: Some(to.packets + to.lost),
            packets_received: packets,
            packets_lost: packets.map(|_| to.lost - from.lost),
            bytes,
            frames: frames.filter(|_| video),
            pause_count: since(|all| all.pauses).filter(|_| video),
            pause_us: since(|all| all.paused_us).filter(|_| video),
            round_trip_us: round_trips.filter(|_| !video).map(|(us, _)| us),
            round_trip_count: round_trips.filter(|_| !video).map(|(_, count)| count),
            jitter_us: (!video).then_some(to.jitter_us),
            ..truth::Interval::default()
        })
    }
}
