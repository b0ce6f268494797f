//! One RTP stream: its true values, and the counters that a browser reports.

use std::ops::AddAssign;

use rand::Rng;
use schemas::{Direction, Kind};

use super::device::Dialect;
use super::place::Conditions;
use crate::truth;

/// Share of a whole in millionths.
const WHOLE: i64 = 1_000_000;

/// Number of the first snapshot of a stream that has `remote-…` objects, because the first RTCP
/// report arrives later.
const FIRST_REMOTE: u32 = 2;

/// One in this number of streams has each unusual [`Source`], alternating with the usual one at
/// this number of snapshots.
const UNUSUAL_STREAMS: u32 = 12;
const UNUSUAL_SNAPSHOTS: u32 = 8;

/// State of the source of a stream until the next snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Speech, or a moving picture.
    Usual,
    /// Nothing is sent: a microphone or a camera is off.
    Off,
    /// A microphone is muted but packets continue, or a camera gives one black frame per second.
    Disabled,
    /// A camera gives five frames per second, as in the dark.
    Slow,
}

/// Time without a frame after which a receiver counts a pause (W3C webrtc-stats, pauseCount).
const PAUSE_US: i64 = 5_000_000;

/// Counters of a stream; units as in [`schemas::Interval`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// Packets received (inbound) or sent (outbound).
    pub(super) packets: i64,
    /// Packets lost before the client (inbound) or after it (outbound).
    pub(super) lost: i64,
    pub(super) bytes: i64,
    pub(super) nack: i64,
    pub(super) pli: i64,
    pub(super) fir: i64,
    pub(super) frames: i64,
    pub(super) key_frames: i64,
    pub(super) dropped: i64,
    pub(super) freezes: i64,
    pub(super) frozen_us: i64,
    pub(super) pauses: i64,
    pub(super) paused_us: i64,
    pub(super) samples: i64,
    pub(super) concealed: i64,
    pub(super) silent: i64,
    pub(super) buffered_us: i64,
    pub(super) emitted: i64,
    pub(super) round_trip_us: i64,
    pub(super) round_trips: i64,
    /// Frames of the source.
    pub(super) source_frames: i64,
    /// Energy of the sound of the source, millionths of a second at full scale.
    pub(super) energy_micro: i64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, more: Self) {
        self.packets += more.packets;
        self.lost += more.lost;
        self.bytes += more.bytes;
        self.nack += more.nack;
        self.pli += more.pli;
        self.fir += more.fir;
        self.frames += more.frames;
        self.key_frames += more.key_frames;
        self.dropped += more.dropped;
        self.freezes += more.freezes;
        self.frozen_us += more.frozen_us;
        self.pauses += more.pauses;
        self.paused_us += more.paused_us;
        self.samples += more.samples;
        self.concealed += more.concealed;
        self.silent += more.silent;
        self.buffered_us += more.buffered_us;
        self.emitted += more.emitted;
        self.round_trip_us += more.round_trip_us;
        self.round_trips += more.round_trips;
        self.source_frames += more.source_frames;
        self.energy_micro += more.energy_micro;
    }
}

/// The last snapshot that counted.
#[derive(Clone, Copy, Debug)]
struct Last {
    client_us: i64,
    remote: bool,
}

/// A stream as seen by its browser.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) kind: Kind,
    pub(super) direction: Direction,
    pub(super) codec: &'static str,
    pub(super) ssrc: u32,
    /// Counters since the stream's start.
    pub(super) total: Counters,
    /// Counters since the last snapshot that counted.
    since: Counters,
    pub(super) jitter_us: i64,
    pub(super) bit_rate: i64,
    snapshots: u32,
    last: Option<Last>,
}

impl Stream {
    pub(super) fn new(kind: Kind, direction: Direction, codec: &'static str, ssrc: u32) -> Self {
        Self {
            kind,
            direction,
            codec,
            ssrc,
            total: Counters::default(),
            since: Counters::default(),
            jitter_us: 0,
            bit_rate: 0,
            snapshots: 0,
            last: None,
        }
    }

    /// Restarts the counters, with the same SSRC or a new one.
    pub(super) fn restart(&mut self, ssrc: u32) {
        *self = Self::new(self.kind, self.direction, self.codec, ssrc);
    }

    /// Returns whether a restart with the same SSRC would be detectable: the counters are well
    /// above those after one more report.
    pub(super) const fn is_established(&self) -> bool {
        self.snapshots > 4
    }

    /// Returns width and height of a frame, pixels.
    pub(super) const fn frame_size(&self) -> (i64, i64) {
        if self.bit_rate > 700_000 { (1280, 720) } else { (640, 360) }
    }

    /// Returns whether the video is of a screen, as for every eighth stream. It then has fewer
    /// frames.
    pub(super) const fn is_screen(&self) -> bool {
        matches!(self.kind, Kind::Video) && self.ssrc.is_multiple_of(8)
    }

    /// Returns the state of its source until the next snapshot.
    pub(super) const fn source(&self) -> Source {
        if (self.snapshots / UNUSUAL_SNAPSHOTS).is_multiple_of(2) {
            return Source::Usual;
        }
        match self.ssrc % UNUSUAL_STREAMS {
            5 => Source::Off,
            7 => Source::Disabled,
            9 => Source::Slow,
            _ => Source::Usual,
        }
    }

    /// Returns the retransmitted packets of these counters: every requested packet is retransmitted
    /// and arrives. Audio is not retransmitted.
    pub(super) const fn retransmitted(&self, counters: &Counters) -> i64 {
        if matches!(self.kind, Kind::Video) { counters.nack } else { 0 }
    }

    /// Returns the mean of the round trips so far, µs, which the browser reports as the last one.
    pub(super) fn round_trip_now_us(&self) -> i64 {
        self.total.round_trip_us / self.total.round_trips.max(1)
    }

    /// Returns whether the remote end has reported yet.
    pub(super) const fn has_remote(&self) -> bool {
        self.snapshots >= FIRST_REMOTE
    }

    /// Simulates `us`. If its source is off, the jitter keeps its last value, and round trips are
    /// still measured.
    pub(super) fn pass(
        &mut self,
        us: i64,
        conditions: Conditions,
        source: Source,
        rng: &mut impl Rng,
    ) {
        // Drawn in any case, so that the other random numbers are the same.
        let sent = match self.kind {
            Kind::Video => self.video(us, conditions, source, rng),
            Kind::Audio | Kind::None => self.audio(us, conditions, source, rng),
        };
        let is_silent = source == Source::Off;
        let mut more = if is_silent { Counters::default() } else { sent };
        more.round_trips = (us / WHOLE).max(1);
        more.round_trip_us = more.round_trips
            * (conditions.round_trip_us + rng.random_range(0..=conditions.jitter_us));
        let jitter_us = conditions.jitter_us * rng.random_range(700..1300) / 1000;
        if !is_silent {
            self.jitter_us = jitter_us;
        }
        self.total += more;
        self.since += more;
    }

    /// Returns the packets received or sent, and lost, of `expected`. If none is lost, an earlier
    /// lost packet may arrive, or one may arrive twice: RFC 3550 counts this as a negative loss.
    fn transmit(&self, expected: i64, conditions: Conditions, rng: &mut impl Rng) -> (i64, i64) {
        let lost = match part(expected, conditions.loss_ppm, rng) {
            0 if expected > 2 && rng.random_range(0..50) == 0 => -1,
            lost => lost,
        };
        let received = expected - lost;
        (if self.direction == Direction::Inbound { received } else { expected }, lost)
    }

    fn audio(
        &self,
        us: i64,
        conditions: Conditions,
        source: Source,
        rng: &mut impl Rng,
    ) -> Counters {
        let (packets, lost) = self.transmit(us / 20_000, conditions, rng);
        let bytes = packets * 80 + rng.random_range(0..=packets * 4);
        if self.direction == Direction::Outbound {
            let energy_micro = if source == Source::Disabled { 0 } else { us / 200 };
            return Counters { packets, lost, bytes, energy_micro, ..Counters::default() };
        }
        let samples = us * 48 / 1000;
        let silent = rng.random_range(0..=480);
        Counters {
            packets,
            lost,
            bytes,
            nack: lost.max(0) / 2,
            samples,
            silent,
            concealed: silent + lost.max(0) * 900,
            emitted: samples,
            buffered_us: samples * (20_000 + 2 * conditions.jitter_us),
            ..Counters::default()
        }
    }

    fn video(
        &mut self,
        us: i64,
        conditions: Conditions,
        source: Source,
        rng: &mut impl Rng,
    ) -> Counters {
        let loss = conditions.loss_ppm;
        self.bit_rate = 1_200_000 * WHOLE / (WHOLE + 20 * loss);
        let frames_a_second = match source {
            Source::Disabled => 1,
            Source::Slow => 5,
            _ if self.is_screen() => 6,
            _ => 30,
        };
        // A stream's first packets contain its first frame.
        let first = i64::from(self.total.frames + self.total.dropped == 0);
        let source_frames = (us * frames_a_second / WHOLE).max(first);
        let frames = (us * frames_a_second / (WHOLE + 15 * loss)).max(first);
        let (expected, packet_bytes) = match source {
            Source::Disabled => (source_frames, 200),
            _ => (self.bit_rate * us / WHOLE / 8800, 1050),
        };
        let (packets, lost) = self.transmit(expected, conditions, rng);
        let common = Counters {
            packets,
            lost,
            bytes: packets * packet_bytes + rng.random_range(0..=packets * 50),
            nack: part(lost.max(0), 800_000, rng),
            pli: part(us, loss, rng) / 2_000_000,
            fir: i64::from(rng.random_range(0..500) == 0),
            frames,
            source_frames,
            key_frames: 1,
            ..Counters::default()
        };
        if self.direction == Direction::Outbound {
            return common;
        }
        let dropped = part(frames, (4 * loss).min(700_000), rng);
        let freezes = if loss > 20_000 { rng.random_range(0..3) } else { 0 };
        let frozen_us = freezes * rng.random_range(150_000..900_000).min(us / 4);
        // A pause lasts five seconds and in addition as long as the freeze.
        let pauses = freezes / 2;
        let decoded = frames - dropped;
        Counters {
            frames: decoded,
            dropped,
            freezes,
            frozen_us,
            pauses,
            paused_us: pauses * (PAUSE_US + frozen_us),
            emitted: decoded,
            buffered_us: decoded * (30_000 + 2 * conditions.jitter_us),
            ..common
        }
    }

    /// Takes a snapshot.
    pub(super) const fn snapshot(&mut self) {
        self.snapshots += 1;
    }

    /// Returns the interval up to the snapshot taken at `client_us`, since the previous one that
    /// counted; none if it is the first. `shift_us` is the difference of the collector's clock from
    /// the client's.
    pub(super) fn interval(
        &mut self,
        client_us: i64,
        shift_us: i64,
        dialect: Dialect,
    ) -> Option<truth::Interval> {
        let now = Last { client_us, remote: self.has_remote() };
        let since = std::mem::take(&mut self.since);
        let last = self.last.replace(now)?;
        let mut interval = truth::Interval {
            kind: self.kind,
            direction: self.direction,
            codec: self.codec.to_owned(),
            ssrc: self.ssrc,
            start_us: last.client_us + shift_us,
            end_us: client_us + shift_us,
            bytes: Some(since.bytes),
            ..truth::Interval::default()
        };
        let both = last.remote && now.remote;
        match self.direction {
            Direction::Inbound => self.fill_inbound(&mut interval, since, both, dialect),
            Direction::Outbound | Direction::None => {
                self.fill_outbound(&mut interval, since, both, dialect);
            }
        }
        Some(interval)
    }

    fn fill_inbound(
        &self,
        interval: &mut truth::Interval,
        since: Counters,
        remote: bool,
        dialect: Dialect,
    ) {
        let again = self.retransmitted(&since);
        let all_again = self.retransmitted(&self.total);
        interval.stream_packets = Some(self.total.packets + all_again + self.total.lost);
        interval.packets_received = Some(since.packets + again);
        interval.retransmitted_packets = dialect.retransmitted.then_some(again);
        interval.packets_lost = Some(since.lost);
        interval.jitter_us = Some(self.jitter_us);
        interval.jitter_buffer_us = Some(since.buffered_us);
        interval.jitter_buffer_emitted = Some(since.emitted);
        if self.kind == Kind::Audio {
            interval.nack = dialect.audio_nack.then_some(since.nack);
            interval.total_samples = Some(since.samples);
            interval.concealed_samples = dialect.silence.then_some(since.concealed - since.silent);
            let round_trip = remote && dialect.remote_outbound;
            interval.round_trip_us = round_trip.then_some(since.round_trip_us);
            interval.round_trip_count = round_trip.then_some(since.round_trips);
            let gauge = self.has_remote() && dialect.remote_outbound && !dialect.round_trip_totals;
            interval.round_trip_gauge_us = gauge.then(|| self.round_trip_now_us());
        } else {
            self.fill_video(interval, since, dialect);
            interval.frames_dropped = dialect.dropped.then_some(since.dropped);
            interval.freeze_count = dialect.freezes.then_some(since.freezes);
            interval.freeze_us = dialect.freezes.then_some(since.frozen_us);
            interval.pause_count = dialect.freezes.then_some(since.pauses);
            interval.pause_us = dialect.freezes.then_some(since.paused_us);
        }
    }

    fn fill_outbound(
        &self,
        interval: &mut truth::Interval,
        since: Counters,
        remote: bool,
        dialect: Dialect,
    ) {
        interval.stream_packets = Some(self.total.packets + self.retransmitted(&self.total));
        interval.retransmitted_packets = Some(self.retransmitted(&since));
        interval.packets_lost = remote.then_some(since.lost);
        interval.packets_received = remote.then_some(since.packets - since.lost);
        interval.jitter_us = self.has_remote().then_some(self.jitter_us);
        let round_trip = remote && dialect.round_trip_totals;
        interval.round_trip_us = round_trip.then_some(since.round_trip_us);
        interval.round_trip_count = round_trip.then_some(since.round_trips);
        let gauge = self.has_remote() && !dialect.round_trip_totals;
        interval.round_trip_gauge_us = gauge.then(|| self.round_trip_now_us());
        if self.kind == Kind::Video {
            self.fill_video(interval, since, dialect);
            interval.source_frames = Some(since.source_frames);
        } else {
            interval.nack = dialect.audio_nack.then_some(since.nack);
            interval.audio_energy_micro = dialect.audio_energy.then_some(since.energy_micro);
        }
    }

    fn fill_video(&self, interval: &mut truth::Interval, since: Counters, dialect: Dialect) {
        let (width, height) = self.frame_size();
        interval.nack = Some(since.nack);
        interval.pli = Some(since.pli);
        interval.fir = Some(since.fir);
        interval.frames = Some(since.frames);
        interval.frame_width = Some(width);
        interval.frame_height = Some(height);
        // A received stream without the member is not necessarily a camera's.
        let is_told = self.is_screen() || self.direction == Direction::Outbound;
        interval.screen_share = (dialect.content_type && is_told).then(|| self.is_screen());
    }
}

/// Returns `ppm` of `whole`, rounded randomly so that the mean is exact.
fn part(whole: i64, ppm: i64, rng: &mut impl Rng) -> i64 {
    (whole * ppm + rng.random_range(0..WHOLE)) / WHOLE
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn video_that_has_packets_has_a_frame_however_many_are_lost() {
        let conditions = Conditions { round_trip_us: 90_000, jitter_us: 9_000, loss_ppm: 500_000 };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for direction in [Direction::Inbound, Direction::Outbound] {
            let mut screen = Stream::new(Kind::Video, direction, "video/VP8", 8);
            screen.pass(900_000, conditions, Source::Usual, &mut rng);
            assert!(screen.total.packets > 0 && screen.total.frames + screen.total.dropped > 0);
        }
    }
}
