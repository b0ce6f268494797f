//! A session: one participant's stay in a call.

use rand::Rng;

use super::device::Browser;
use super::environment::Environment;
use super::fault::Fault;
use super::origin::Origin;
use super::path::Path;
use super::place::Conditions;
use super::records::Delivery;
use super::records::{Content, Posting};
use super::settings::Settings;
use super::stream::{Source, Stream};
use super::{call, history};
use crate::truth::Outcome;

/// A client keeps its reports for no longer than this, µs.
const LONGEST_OFFLINE_US: i64 = 30_000_000;

/// Longest time until a record is sent again, µs.
pub(super) const LONGEST_RETRY_US: i64 = 20_000_000;

/// Maximum number of reports that a client holds back.
const MOST_OFFLINE_REPORTS: i64 = 5;

/// Longest time between the appends of two records of a session that are compared, µs: ingest's
/// look-back of 120 s, less 5 s for records in flight.
const REMEMBERED_US: i64 = 115_000_000;

impl Settings {
    /// If Kafka takes nothing for longer than this, µs, the truth about the world's intervals no
    /// longer holds: sessions are silent for a while themselves, and ingest does not remember both.
    #[must_use]
    pub fn longest_stall_us(&self) -> i64 {
        REMEMBERED_US - longest_silence_us(self.period_us)
    }
}

/// Returns the longest time between two records of a session that are compared, µs, if it reports
/// every `period_us`: after it was offline or has sent a record again.
fn longest_silence_us(period_us: i64) -> i64 {
    let offline_us = (MOST_OFFLINE_REPORTS * period_us).min(LONGEST_OFFLINE_US);
    LONGEST_RETRY_US.max(latest_us(period_us) + offline_us)
}

/// Returns the longest time between two reports that are due every `period_us`, µs.
const fn latest_us(period_us: i64) -> i64 {
    period_us * 21 / 20
}

/// Severity of the worst disturbance, for [`Conditions::worse`]: sufficient for poor quality at any
/// place.
const WORST_SPELL: i64 = 40;

/// Two of this many sessions also try to reach a peer, one before and one after the connection to
/// the server is established. Both fail.
const PEER_TRIES: u32 = 40;

/// Next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Join,
    Connect { after_us: i64 },
    Talk,
    Rate,
}

/// The client's clock and delay of sending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// True if the client sends the time of its clock.
    pub(super) sent: bool,
    /// Difference of the clock from true time, µs.
    pub(super) skew_us: i64,
    /// Time from an event to its sending, µs.
    pub(super) lag_us: i64,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) number: u32,
    pub(super) introduced: bool,
    pub(super) app: String,
    pub(super) call: String,
    pub(super) participant: String,
    pub(super) place: usize,
    pub(super) origin: Origin,
    pub(super) edge: &'static str,
    /// Additional round trip of a distant edge, µs.
    pub(super) detour_us: i64,
    pub(super) client_version: &'static str,
    pub(super) browser: &'static Browser,
    pub(super) clock: Clock,
    pub(super) phase: Phase,
    pub(super) ends_us: i64,
    /// Time up to which the streams are simulated, µs.
    pub(super) passed_us: i64,
    pub(super) connection: u32,
    /// Reported time of the failure of a connection to a peer before that to the server was
    /// established.
    pub(super) peer_failed_us: Option<i64>,
    pub(super) streams: Vec<Stream>,
    pub(super) path: Path,
    /// True if the next report must be an ordinary one, because the result of the present one
    /// depends on it.
    pub(super) quiet: bool,
    pub(super) offline_until_us: i64,
    /// True if it has reported the loss of its connection.
    pub(super) is_cut: bool,
    /// Severity of the present disturbance; 0 if there is none.
    pub(super) spell: i64,
    pub(super) moments: i64,
    pub(super) bad_moments: i64,
}

impl Session {
    /// Simulates the session at `now_us`, and returns the time of its next step.
    pub(super) fn step(
        &mut self,
        now_us: i64,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) -> Option<i64> {
        match self.phase {
            Phase::Join => {
                self.send_event(now_us, Content::Joined, around, out);
                let after_us = around.rng.random_range(300_000..2_500_000);
                self.phase = Phase::Connect { after_us };
                Some(now_us + after_us)
            }
            Phase::Connect { after_us } => self.connect(now_us, after_us, around, out),
            Phase::Talk if now_us >= self.ends_us => self.leave(now_us, around, out),
            Phase::Talk => Some(self.report(now_us, around, out)),
            Phase::Rate => {
                let rating = 5 - 4 * self.bad_moments / self.moments.max(1);
                self.send_event(now_us, Content::Feedback { rating }, around, out);
                None
            }
        }
    }

    fn connect(
        &mut self,
        now_us: i64,
        after_us: i64,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) -> Option<i64> {
        let loss = around.conditions(self.place, self.event_us(now_us)).loss_ppm;
        if self.number % PEER_TRIES == 7 {
            self.send_event(now_us, Content::PeerFailed, around, out);
        }
        if around.chance(self.failing_share(around, loss)) {
            let reason = ["ice-failed", "dtls-timeout", "no-media"][around.rng.random_range(0..3)];
            self.send_event(now_us, Content::Failed { reason }, around, out);
            return None;
        }
        let connect_ms = after_us / 1000;
        let media_ms = connect_ms + around.rng.random_range(80..800);
        self.send_event(now_us, Content::Connected { connect_ms, media_ms }, around, out);
        self.phase = Phase::Talk;
        if self.number % PEER_TRIES == 23 {
            self.send_event(now_us + 1_000, Content::PeerFailed, around, out);
        }
        self.passed_us = now_us;
        let period_us = around.settings.period_us;
        Some(now_us + around.rng.random_range(period_us / 5..=period_us))
    }

    fn leave(
        &mut self,
        now_us: i64,
        around: &mut Environment,
        out: &mut Vec<Delivery>,
    ) -> Option<i64> {
        if around.chance(1000) {
            return None;
        }
        self.send_event(now_us, Content::Left, around, out);
        self.phase = Phase::Rate;
        let rates = around.chance(2500);
        rates.then(|| now_us + around.rng.random_range(3_000_000..8_000_000))
    }

    pub(super) fn event_us(&self, now_us: i64) -> i64 {
        now_us - self.clock.lag_us
    }

    /// Returns the share of reports at which a bad spell of the session begins, of 10,000.
    fn spell_share(&self, around: &Environment, usual: Conditions) -> u32 {
        match around.settings.history {
            Some(_) => history::spell_share(self, usual),
            None => 50 + (usual.loss_ppm / 2000) as u32,
        }
    }

    /// Returns the share of set-ups of the session that fail, of 10,000.
    fn failing_share(&self, around: &Environment, loss_ppm: i64) -> u32 {
        let of_release = around.settings.history.map_or(0, |_| history::failing_share(self));
        100 + (loss_ppm / 100) as u32 + of_release
    }

    pub(super) fn is_too_late(&self, around: &Environment) -> bool {
        self.clock.lag_us > around.settings.late_us
    }

    /// Sends a report, possibly with a fault. Returns the time of the next report.
    fn report(&mut self, now_us: i64, around: &mut Environment, out: &mut Vec<Delivery>) -> i64 {
        let period_us = around.settings.period_us;
        let next_us = now_us + around.rng.random_range(period_us * 19 / 20..=latest_us(period_us));
        let offline = self.offline_until_us > now_us;
        let settled = self.streams.iter().all(Stream::has_remote);
        let ordinary = std::mem::take(&mut self.quiet) || offline || !settled;
        let fault = if ordinary || around.is_steady() || self.is_too_late(around) {
            Fault::None
        } else {
            Fault::draw(&mut around.rng)
        };
        if std::mem::take(&mut self.is_cut) {
            self.send_event(now_us, Content::Reconnected, around, out);
        }
        self.prepare(fault, now_us, around);
        let conditions = self.pass(now_us, around);
        if fault == Fault::Lost {
            self.quiet = true;
            return next_us;
        }
        self.streams.iter_mut().for_each(Stream::snapshot);
        if fault == Fault::Reset {
            self.reset(conditions, around);
        }
        let goes_on = now_us + 3 * period_us < self.ends_us;
        let (sent_us, outcome) = if fault == Fault::HeldBack && goes_on {
            self.quiet = true;
            (next_us + period_us / 3, Outcome::OutOfOrder)
        } else {
            (now_us.max(self.offline_until_us), Outcome::Accepted)
        };
        let posting = Posting { now_us, sent_us, content: Content::Report, outcome };
        self.send(posting, around, out);
        match fault {
            Fault::Retry => self.retry(posting, around, out),
            Fault::Garbage => self.send_garbage(now_us, around, out),
            Fault::Cut => {
                (self.is_cut, self.quiet) = (true, true);
                self.send_event(now_us, Content::Disconnected, around, out);
            }
            Fault::Device => {
                let device = ["microphone", "camera"][around.rng.random_range(0..2)];
                self.send_event(now_us, Content::DeviceFailed { device }, around, out);
            }
            _ => {}
        }
        next_us
    }

    /// Applies a fault before the report is made.
    fn prepare(&mut self, fault: Fault, now_us: i64, around: &mut Environment) {
        match fault {
            Fault::Offline => {
                let period_us = around.settings.period_us;
                let reports = around.rng.random_range(2..=MOST_OFFLINE_REPORTS);
                let reports = reports.min(LONGEST_OFFLINE_US / period_us);
                self.offline_until_us = now_us + reports * period_us;
            }
            Fault::NewSsrc => {
                let ssrc = around.rng.random();
                let at = around.rng.random_range(0..self.streams.len());
                self.streams[at].restart(ssrc);
            }
            Fault::Handover => {
                self.place = call::near(around, self.place);
                self.origin = Origin::draw(around, self.place);
                let network_type = call::network_type(around, self.place, self.browser);
                self.path = self.path.change(network_type, &mut around.rng);
            }
            Fault::NewConnection => {
                self.connection += 1;
                for stream in &mut self.streams {
                    stream.restart(around.rng.random());
                }
                self.path = self.path.next(self.path.network_type, &mut around.rng);
            }
            Fault::OtherPair => {
                self.path = self.path.change(self.path.network_type, &mut around.rng);
            }
            _ => {}
        }
    }

    /// Restarts counters just before the report, so that they are clearly lower than before.
    fn reset(&mut self, conditions: Conditions, around: &mut Environment) {
        let at = around.rng.random_range(0..self.streams.len());
        let stream = &mut self.streams[at];
        if stream.is_established() {
            stream.restart(stream.ssrc);
            let us = around.settings.period_us / 20;
            stream.pass(us, conditions, Source::Usual, &mut around.rng);
            stream.snapshot();
        }
    }

    /// Simulates the streams up to now.
    fn pass(&mut self, now_us: i64, around: &mut Environment) -> Conditions {
        let usual = around.conditions(self.place, self.event_us(now_us));
        if self.spell > 0 && around.chance(2500) {
            self.spell = 0;
        } else if self.spell == 0 && around.chance(self.spell_share(around, usual)) {
            self.spell = around.rng.random_range(3..=WORST_SPELL);
        }
        let mut conditions = if self.spell > 0 { usual.worse(self.spell) } else { usual };
        conditions.round_trip_us += self.detour_us;
        let us = now_us - self.passed_us;
        let may_rest = !around.is_steady();
        for stream in &mut self.streams {
            let source = if may_rest { stream.source() } else { Source::Usual };
            stream.pass(us, conditions, source, &mut around.rng);
        }
        self.path.pass(us, conditions, &mut around.rng);
        self.passed_us = now_us;
        self.moments += 1;
        self.bad_moments += i64::from(conditions.loss_ppm > 50_000);
        conditions
    }
}
