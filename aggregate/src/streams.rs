//! Sums of a session's RTP streams, from which whole streams are classified.

use schemas::{Direction, Interval, Kind, StreamPartial};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::sums::Sums;

/// Maximum number of streams of a session in a block: those of a call of sixteen with audio and
/// video. Of further streams only the number of intervals is kept.
const MOST_STREAMS: usize = 32;

/// Codec of shared screens in Skype for Business, for which CQD has a separate rule.
const H264S: &str = "video/H264S";

/// The streams of a session in a block, in the order of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
    beyond: i64,
}

/// A stream, as [`StreamPartial`] has it.
#[derive(Clone, Debug)]
struct Stream {
    stream: i64,
    kind: Kind,
    direction: Direction,
    screen_share: Option<bool>,
    h264s: bool,
    /// In the order of [`StreamPartial::SUMS`].
    sums: Sums<{ StreamPartial::SUMS.len() }>,
}

impl Stream {
    /// Returns the stream of an interval, without sums.
    fn of(partial: &StreamPartial) -> Self {
        let StreamPartial { stream, kind, direction, screen_share, h264s, .. } = *partial;
        Self { stream, kind, direction, screen_share, h264s, sums: Sums::default() }
    }

    fn is_of(&self, partial: &StreamPartial) -> bool {
        let StreamPartial { stream, kind, direction, screen_share, h264s, .. } = *partial;
        (self.stream, self.kind, self.direction, self.screen_share, self.h264s)
            == (stream, kind, direction, screen_share, h264s)
    }

    /// Adds an interval. Returns the weight of the memory that was allocated for it, bytes.
    fn add(&mut self, interval: &StreamPartial) -> usize {
        let before = self.partial();
        let mut after = before;
        after.add(interval);
        let (before, mut more) = (before.sums(), after.sums());
        more.iter_mut().zip(before).for_each(|(more, before)| *more = more.wrapping_sub(before));
        self.sums.add(&more)
    }

    fn partial(&self) -> StreamPartial {
        let Self { stream, kind, direction, screen_share, h264s, .. } = *self;
        let of = StreamPartial {
            stream,
            kind,
            direction,
            screen_share,
            h264s,
            ..StreamPartial::default()
        };
        of.with_sums(self.sums.values())
    }
}

impl Streams {
    /// Adds an interval of a stream of `peer_connection`. Returns the weight of the memory that was allocated
    /// for its sums, bytes.
    pub(crate) fn add(&mut self, peer_connection: &str, interval: &Interval) -> usize {
        if interval.kind == Kind::None {
            return 0;
        }
        let more = sums(peer_connection, interval);
        let known = self.streams.iter().position(|stream| stream.is_of(&more));
        if known.is_none() {
            if self.streams.len() == MOST_STREAMS {
                self.beyond += 1;
                return 0;
            }
            // Otherwise the vector would allocate space for four.
            self.streams.reserve_exact(1);
            self.streams.push(Stream::of(&more));
        }
        let place = known.unwrap_or(self.streams.len() - 1);
        self.streams[place].add(&more)
    }

    /// Returns the number of streams.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Overwrites `rows` with the streams. Returns the number of intervals of further streams.
    pub(crate) fn write(&self, rows: &mut Vec<StreamPartial>) -> i64 {
        rows.clear();
        rows.extend(self.streams.iter().map(Stream::partial));
        self.beyond
    }
}

/// Returns the sums of a stream with this one interval.
fn sums(peer_connection: &str, interval: &Interval) -> StreamPartial {
    let of_connection =
        xxh3_64_with_seed(peer_connection.as_bytes(), interval.ssrc.cast_unsigned());
    let stream = xxh3_64_with_seed(interval.stats_id.as_bytes(), of_connection).cast_signed();
    let video = interval.video.filter(|_| interval.kind == Kind::Video).unwrap_or_default();
    let observed_us = interval.end_us.wrapping_sub(interval.start_us);
    let expected = interval.counted_packets();
    // A round trip without a total counts once.
    let (round_trip_us, round_trip_count) = interval
        .round_trip_us
        .zip(interval.round_trip_count.filter(|count| *count > 0))
        .or_else(|| interval.round_trip_gauge_us.map(|us| (us, 1)))
        .unwrap_or_default();
    let jitter_us = interval.jitter_us.filter(|_| !interval.is_idle());
    let dropped = video.frames_dropped.zip(video.frames);
    let is_withheld = interval.is_withheld();
    let frames = video.frames.filter(|_| !is_withheld);
    let source = frames.and_then(|_| source_frames(interval, observed_us));
    StreamPartial {
        stream,
        kind: interval.kind,
        direction: interval.direction,
        screen_share: video.screen_share,
        h264s: interval.codec.as_deref().is_some_and(|codec| codec.eq_ignore_ascii_case(H264S)),
        observed_us,
        packets: interval.stream_packets.unwrap_or_default(),
        packets_lost: expected.and(interval.packets_lost).unwrap_or_default(),
        packets_expected: expected.unwrap_or_default(),
        round_trip_us,
        round_trip_count,
        jitter_us: jitter_us.unwrap_or_default(),
        jitter_count: i64::from(jitter_us.is_some()),
        frames_dropped: dropped.map_or(0, |(dropped, _)| dropped),
        frames_offered: dropped.map_or(0, |(dropped, frames)| frames.saturating_add(dropped)),
        frames: frames.unwrap_or_default(),
        frames_us: frames.map_or(0, |_| observed_us),
        source_frames: source.unwrap_or_default(),
        source_us: source.map_or(0, |_| observed_us),
        withheld_us: if is_withheld { observed_us } else { 0 },
    }
}

/// Returns the frames that the source of sent video gave: the reported number or, if only the last frame
/// rate is reported, the number at that rate, rounded down.
fn source_frames(interval: &Interval, observed_us: i64) -> Option<i64> {
    let video = interval.video.filter(|_| interval.direction == Direction::Outbound)?;
    video.source_frames.or_else(|| {
        let frames = i128::from(video.source_frame_rate_micro?) * i128::from(observed_us);
        i64::try_from(frames / 1_000_000_000_000).ok()
    })
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use schemas::Video;

    use super::*;

    fn interval(ssrc: i64) -> Interval {
        Interval {
            kind: Kind::Video,
            direction: Direction::Outbound,
            ssrc,
            stats_id: "OT01V".to_owned(),
            start_us: 1_000_000,
            end_us: 11_000_000,
            stream_packets: Some(900),
            packets_lost: Some(2),
            packets_received: Some(98),
            bytes: Some(90_000),
            jitter_us: Some(4_000),
            video: Some(Video { frames: Some(29), ..Video::default() }),
            ..Interval::default()
        }
    }

    fn streams(of: &[(&str, Interval)]) -> (Vec<StreamPartial>, i64) {
        let mut streams = Streams::default();
        of.iter().for_each(|(connection, interval)| {
            streams.add(connection, interval);
        });
        let mut rows = vec![StreamPartial::default(); 3];
        let beyond = streams.write(&mut rows);
        (rows, beyond)
    }

    #[test]
    fn intervals_of_a_stream_add_up_and_its_packets_are_the_most() {
        let silent = Interval { bytes: Some(0), stream_packets: Some(901), ..interval(7) };
        let (rows, beyond) = streams(&[("a", interval(7)), ("a", silent)]);
        let [row] = rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.packets, row.packets_lost, row.packets_expected), (901, 4, 200));
        assert_eq!((row.observed_us, row.frames, row.frames_us), (20_000_000, 29, 10_000_000));
        assert_eq!((row.jitter_us, row.jitter_count, beyond), (4_000, 1, 0));
        assert_eq!((row.withheld_us, row.source_us), (10_000_000, 0));
    }

    #[test]
    fn frames_of_the_source_are_counted_or_those_of_its_last_rate() {
        let captured = |source_frames, source_frame_rate_micro| Interval {
            video: Some(Video {
                frames: Some(29),
                source_frames,
                source_frame_rate_micro,
                ..Video::default()
            }),
            ..interval(7)
        };
        let source = |it: Interval| streams(&[("a", it)]).0.first().map(sources);
        assert_eq!(source(captured(Some(31), Some(2_500_000))), Some((31, 10_000_000)));
        assert_eq!(source(captured(None, Some(2_590_000))), Some((25, 10_000_000)));
        assert_eq!(source(captured(None, None)), Some((0, 0)));
        let received = Interval { direction: Direction::Inbound, ..captured(Some(31), None) };
        assert_eq!(source(received), Some((0, 0)));
        let off = Interval { bytes: Some(0), ..captured(Some(0), None) };
        assert_eq!(source(off), Some((0, 0)));
    }

    fn sources(row: &StreamPartial) -> (i64, i64) {
        (row.source_frames, row.source_us)
    }

    #[test]
    fn streams_differ_by_connection_name_ssrc_and_content() {
        let screen = Interval {
            video: Some(Video { screen_share: Some(true), ..Video::default() }),
            ..interval(7)
        };
        let other = Interval { stats_id: "OT01W".to_owned(), ..interval(7) };
        let all = [interval(7), interval(8), screen, other].map(|it| ("a", it));
        let (rows, _) = streams(&[&all[..], &[("b", interval(7))]].concat());
        assert_eq!(rows.len(), 5);
    }

    // docs/reference/settings.md has this figure.
    #[test]
    fn a_stream_takes_80_bytes_of_memory() {
        assert_eq!(size_of::<Stream>(), 80);
    }

    #[test]
    fn a_session_keeps_the_first_streams_of_a_block_and_counts_the_others() {
        let many: Vec<_> = (0..40).chain(0..40).map(|ssrc| ("a", interval(ssrc))).collect();
        let (rows, beyond) = streams(&many);
        assert_eq!((rows.len(), beyond), (MOST_STREAMS, 16));
        assert!(rows.iter().all(|row| row.frames == 58));
    }
}
