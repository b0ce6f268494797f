//! Whether the source of an interval's media was active.

use std::cmp::Ordering;

use crate::report::{Direction, Interval, Kind};

/// Packets per second of audio with sound. During speech, Opus sends a packet at least
/// every 120 ms, 8 per second; in silence with DTX it sends one every 400 ms (RFC 6716, 2.1.9; RFC
/// 7587, 4.2).
const FEWEST_PACKETS_OF_MEDIA: f64 = 5.0;
/// Returns the maximum number of frames of a still picture in `us`, in units of 1 / 2,000,000 frame
/// so that it is an exact integer. A disabled camera gives one black frame per second (W3C
/// mediacapture-main), and a screen without movement repeats about as many. The limit is 1.5 frames
/// per second; below two seconds it is one more than the number of seconds, because a short interval
/// may begin just before a frame and end just after another.
const fn most_of_a_still(us: i64) -> i64 {
    let (by_rate, by_number) =
        (us.saturating_mul(3), us.saturating_add(1_000_000).saturating_mul(2));
    if by_rate > by_number { by_rate } else { by_number }
}

/// Maximum frames per second of a still picture, as a browser rounds them.
const MOST_FRAMES_A_SECOND: f64 = 1.5;
/// Maximum bits per pixel in a frame of a still picture. Even at the lowest bit rates, a frame of a
/// moving picture has ten times as many.
const LARGEST_STILL_FRAME: f64 = 0.02;
/// Assumed pixels of a frame whose size is not reported: 640 × 360.
const USUAL_PIXELS: i64 = 640 * 360;

impl Interval {
    /// Returns whether nothing was sent: no byte, or no packet. On a received stream, lost packets count
    /// as sent; on a sent stream they do not, because packets that the far end reports as lost may have
    /// been sent earlier.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let (is_sender, packets) = match self.direction {
            Direction::Outbound => (true, self.packets_sent),
            _ => (false, self.packets_received),
        };
        let nothing = self.bytes == Some(0) || packets == Some(0);
        nothing && (is_sender || self.packets_lost.is_none_or(|lost| lost <= 0))
    }

    /// Returns whether the source gave no media that could be judged: a muted microphone, a camera that is
    /// off or disabled, a picture in which nothing moves. Only causes at the source count, never effects of
    /// the network or the encoder.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.is_idle()
            || match self.kind {
                Kind::Audio => self.is_silence(),
                Kind::Video => self.is_still(),
                Kind::None => false,
            }
    }

    /// Returns the frame rate of the source of sent video (`media-source`), in frames per second:
    /// the mean or, where `frames` is missing, `framesPerSecond` at the interval's end.
    #[must_use]
    pub fn source_frame_rate(&self) -> Option<f64> {
        let video = self.video.as_ref().filter(|_| self.direction == Direction::Outbound)?;
        let mean = self.per_second(video.source_frames);
        mean.or_else(|| Some(video.source_frame_rate_micro? as f64 / 1e6))
    }

    /// Returns whether the source gave too few frames for a limit of `least` frames per second, so
    /// that no network or encoder could have met the limit. An encoder that repeats the last frame
    /// of a still source adds one frame per second.
    #[must_use]
    pub fn is_source_below(&self, least: f64) -> bool {
        let Some(video) = &self.video else { return false };
        let is_below = |rate: Option<f64>| rate.is_some_and(|rate| rate < least);
        is_below(self.source_frame_rate())
            && (is_below(self.per_second(video.frames))
                || self.still_frames(video.frames).is_some_and(Ordering::is_lt))
    }

    /// Returns whether the source of sent video gave no more frames than a slide does, and the
    /// encoder added only repeated frames.
    #[must_use]
    pub fn is_source_still(&self) -> bool {
        let Some(video) = &self.video else { return false };
        let is_source_few =
            match video.source_frames.filter(|_| self.direction == Direction::Outbound) {
                Some(frames) => self.is_few(Some(frames)),
                None => self.source_frame_rate().is_some_and(|rate| rate <= MOST_FRAMES_A_SECOND),
            };
        is_source_few && self.is_few(video.frames)
    }

    /// Compares a number of frames with the maximum of a still picture.
    fn still_frames(&self, frames: Option<i64>) -> Option<Ordering> {
        let us = self.end_us.saturating_sub(self.start_us);
        let frames = frames.filter(|_| us > 0)?;
        Some(frames.saturating_mul(2_000_000).cmp(&most_of_a_still(us)))
    }

    /// Returns whether there are no more frames than a still picture has.
    fn is_few(&self, frames: Option<i64>) -> bool {
        self.still_frames(frames).is_some_and(Ordering::is_le)
    }

    /// Returns whether the audio is silence: only packets of comfort noise, lost ones included, or a
    /// microphone without sound. On a received stream, zero energy does not show silence, because
    /// energy counts only while the stream is played.
    fn is_silence(&self) -> bool {
        let energy = self.audio.and_then(|audio| audio.audio_energy_micro);
        let is_muted = self.direction == Direction::Outbound && energy == Some(0);
        let packets = self.per_second(self.packets());
        is_muted || packets.is_some_and(|rate| rate < FEWEST_PACKETS_OF_MEDIA)
    }

    /// Returns the packets that were sent, including lost ones.
    fn packets(&self) -> Option<i64> {
        let lost = self.packets_lost.unwrap_or(0).max(0);
        match self.direction {
            Direction::Outbound => self.packets_sent,
            _ => self.packets_received.map(|received| received.saturating_add(lost)),
        }
    }

    /// Returns whether the video is a still picture: the source gave no frame or, where its frames
    /// are unknown or not zero, there is about one frame per second, so small that it can only be
    /// black or unchanged.
    fn is_still(&self) -> bool {
        let Some(video) = &self.video else { return false };
        // On a bad network few frames of a moving picture arrive as well, but many packets were
        // sent.
        let is_lost = self.direction != Direction::Outbound
            && self.per_second(self.packets()).is_some_and(|rate| rate >= FEWEST_PACKETS_OF_MEDIA);
        if is_lost {
            return false;
        }
        let few = self.is_few(video.frames);
        if few && self.source_frame_rate() == Some(0.0) {
            return true;
        }
        let (Some(frames), Some(bytes), true) = (video.frames, self.bytes, few) else {
            return false;
        };
        let size = video.frame_width.zip(video.frame_height);
        let pixels = size.map_or(USUAL_PIXELS, |(width, height)| width.saturating_mul(height));
        // Dropped frames had been sent.
        let frames = frames.saturating_add(video.frames_dropped.unwrap_or(0).max(0));
        let bits = bytes as f64 * 8.0;
        frames > 0 && bits <= LARGEST_STILL_FRAME * pixels as f64 * frames as f64
    }

    fn per_second(&self, count: Option<i64>) -> Option<f64> {
        let us = self.end_us.saturating_sub(self.start_us);
        count.filter(|_| us > 0).map(|count| count as f64 * 1e6 / us as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Audio, Video};

    const SECONDS: i64 = 10;

    fn interval(kind: Kind, direction: Direction) -> Interval {
        Interval { kind, direction, end_us: SECONDS * 1_000_000, ..Interval::default() }
    }

    fn video(frames: i64, bytes: i64) -> Interval {
        let video = Video {
            frames: Some(frames),
            frame_width: Some(1280),
            frame_height: Some(720),
            ..Video::default()
        };
        Interval {
            bytes: Some(bytes),
            video: Some(video),
            ..interval(Kind::Video, Direction::Inbound)
        }
    }

    #[test]
    fn packets_show_idleness_as_bytes_do() {
        let inbound = interval(Kind::Audio, Direction::Inbound);
        let outbound = interval(Kind::Audio, Direction::Outbound);
        for idle in [
            Interval { bytes: Some(0), ..inbound.clone() },
            Interval { packets_received: Some(0), ..inbound.clone() },
            Interval { packets_received: Some(0), packets_lost: Some(-2), ..inbound.clone() },
            Interval { packets_sent: Some(0), packets_lost: Some(3), ..outbound.clone() },
            // Only padding.
            Interval { packets_sent: Some(40), bytes: Some(0), ..outbound.clone() },
        ] {
            assert!(idle.is_idle() && idle.is_withheld(), "{idle:?}");
        }
        for busy in [
            Interval { packets_received: Some(0), packets_lost: Some(9), ..inbound.clone() },
            Interval { packets_received: Some(0), packets_sent: Some(9), ..outbound },
            inbound,
        ] {
            assert!(!busy.is_idle(), "{busy:?}");
        }
    }

    #[test]
    fn comfort_noise_is_no_speech_and_lost_speech_is() {
        let audio = |received, lost| Interval {
            packets_received: Some(received),
            packets_lost: Some(lost),
            ..interval(Kind::Audio, Direction::Inbound)
        };
        assert!(audio(25, 3).is_withheld());
        assert!(!audio(83, 0).is_withheld(), "packets of 120 ms");
        assert!(!audio(10, 490).is_withheld());
        let sent = |packets| Interval {
            packets_sent: Some(packets),
            ..interval(Kind::Audio, Direction::Outbound)
        };
        assert!(sent(25).is_withheld() && !sent(500).is_withheld());
    }

    #[test]
    fn a_black_frame_a_second_is_no_picture_and_a_starved_camera_is_one() {
        assert!(video(10, 1_200).is_withheld());
        assert!(video(10, 10 * 2_000).is_withheld());
        assert!(!video(10, 10 * 4_000).is_withheld());
        assert!(!video(20, 1_200).is_withheld(), "two frames a second");
        assert!(!video(0, 1_200).is_withheld(), "nothing was decoded");
        let small = |frame_width, bytes| {
            let it = video(10, bytes);
            Interval { video: it.video.map(|video| Video { frame_width, ..video }), ..it }
        };
        assert!(small(None, 10 * 500).is_withheld() && !small(None, 10 * 1_000).is_withheld());
        let lossy =
            Interval { packets_received: Some(12), packets_lost: Some(300), ..video(10, 12_000) };
        assert!(!lossy.is_withheld());
        assert!(!small(Some(160), 10 * 3_750).is_withheld(), "30 kbit/s");
    }

    #[test]
    fn a_microphone_without_sound_is_silent_however_many_packets_it_sends() {
        let sent = |direction, energy| Interval {
            packets_sent: Some(500),
            packets_received: Some(500),
            bytes: Some(1_500),
            audio: Some(Audio { audio_energy_micro: energy, ..Audio::default() }),
            ..interval(Kind::Audio, direction)
        };
        assert!(sent(Direction::Outbound, Some(0)).is_withheld());
        assert!(!sent(Direction::Outbound, Some(1)).is_withheld(), "a quiet room");
        assert!(!sent(Direction::Outbound, None).is_withheld());
        assert!(!sent(Direction::Inbound, Some(0)).is_withheld(), "nobody listens");
    }

    #[test]
    fn a_frame_a_second_is_few_however_short_the_interval() {
        // Length of the interval, ms, and the maximum frames of a still picture.
        for (ms, most) in [
            (400, 1),
            (600, 1),
            (999, 1),
            (1_000, 2),
            (1_999, 2),
            (2_000, 3),
            (2_667, 4),
            (10_000, 15),
        ] {
            let lasting = |it: Interval| Interval { end_us: ms * 1_000, ..it };
            for (frames, is_still) in [(1, true), (most, true), (most + 1, false)] {
                let black = lasting(video(frames, frames * 120));
                assert_eq!(black.is_withheld(), is_still, "{frames} in {ms} ms");
                let slide = lasting(captured(Some(frames), None, frames));
                assert_eq!(slide.is_source_still(), is_still, "{frames} in {ms} ms");
            }
            assert!(!lasting(captured(None, Some(2), 1)).is_source_still(), "a camera's rate");
            let repeated = |frames| lasting(captured(Some(0), None, frames));
            assert!(repeated(most).is_withheld() && !repeated(most + 1).is_withheld(), "{ms} ms");
        }
    }

    fn captured(source_frames: Option<i64>, gauge: Option<i64>, frames: i64) -> Interval {
        let it = video(frames, 200_000);
        let video = it.video.map(|video| Video {
            source_frames,
            source_frame_rate_micro: gauge.map(|rate| rate * 1_000_000),
            ..video
        });
        Interval { video, direction: Direction::Outbound, ..it }
    }

    #[test]
    fn a_source_without_a_frame_is_still_unless_more_are_encoded_than_repeats() {
        assert!(captured(Some(0), Some(0), 10).is_withheld());
        assert!(captured(Some(0), Some(0), 0).is_withheld());
        assert!(!captured(Some(0), Some(0), 300).is_withheld(), "the source is not measured");
        assert!(!captured(Some(2), Some(0), 10).is_withheld(), "two large slides");
        assert!(!captured(None, None, 10).is_withheld());
        let received = Interval { direction: Direction::Inbound, ..captured(Some(0), Some(0), 10) };
        assert_eq!((received.source_frame_rate(), received.is_withheld()), (None, false));
    }

    #[test]
    fn a_source_is_below_a_limit_by_its_mean_or_else_by_its_last_rate() {
        let below = |source, gauge, frames| captured(source, gauge, frames).is_source_below(7.0);
        assert!(below(Some(69), Some(30), 69) && below(None, Some(6), 60));
        assert!(!below(Some(70), Some(1), 20) && !below(None, Some(30), 20));
        assert!(!below(Some(69), None, 70), "the encoder kept it");
        assert!(!below(None, None, 20));
        assert!(captured(Some(5), None, 14).is_source_below(1.0), "repeated frames");
        assert!(!captured(Some(5), None, 15).is_source_below(1.0));
    }
}
