//! Whole streams of sessions, judged as the Call Quality Dashboard of Microsoft Teams does
//! (learn.microsoft.com, "Stream classification in Call Quality Dashboard", 2024-10-22): by averages
//! over the stream's whole session.

use schemas::{Direction, Kind, StreamPartial};
use world::truth::Interval;

use super::score;

/// Adds an interval to the stream that it is of. Until [`finish`] a stream's number is its SSRC.
pub(super) fn add(streams: &mut Vec<StreamPartial>, interval: &Interval) {
    let name = i64::from(interval.ssrc);
    let is_video = interval.kind == Kind::Video;
    let screen_share = interval.screen_share.filter(|_| is_video);
    let known = streams.iter().position(|it| {
        (it.stream, it.kind, it.direction, it.screen_share)
            == (name, interval.kind, interval.direction, screen_share)
    });
    let place = known.unwrap_or_else(|| {
        let (kind, direction) = (interval.kind, interval.direction);
        let new = StreamPartial {
            stream: name,
            kind,
            direction,
            screen_share,
            ..StreamPartial::default()
        };
        streams.push(new);
        streams.len() - 1
    });
    let Some(stream) = streams.get_mut(place) else { return };
    let observed_us = interval.end_us - interval.start_us;
    stream.observed_us += observed_us;
    stream.packets = stream.packets.max(interval.stream_packets.unwrap_or(0));
    if let Some((lost, expected)) = score::lost_and_sent(interval) {
        stream.packets_lost += lost;
        stream.packets_expected += expected;
    }
    if let (Some(us), Some(count @ 1..)) = (interval.round_trip_us, interval.round_trip_count) {
        stream.round_trip_us += us;
        stream.round_trip_count += count;
    } else if let Some(us) = interval.round_trip_gauge_us {
        stream.round_trip_us += us;
        stream.round_trip_count += 1;
    }
    if let Some(us) = interval.jitter_us.filter(|_| score::active(interval)) {
        stream.jitter_us += us;
        stream.jitter_count += 1;
    }
    if !score::has_source(interval) {
        stream.withheld_us += observed_us;
    }
    let Some(frames) = interval.frames.filter(|_| is_video) else { return };
    if let Some(dropped) = interval.frames_dropped {
        stream.frames_dropped += dropped;
        stream.frames_offered += frames + dropped;
    }
    if score::has_source(interval) {
        stream.frames += frames;
        stream.frames_us += observed_us;
        if let Some(given) = interval.source_frames {
            stream.source_frames += given;
            stream.source_us += observed_us;
        }
    }
}

/// Removes the names of streams, sorts them, and counts poor, good and unclassified ones.
pub(super) fn finish(streams: &mut [StreamPartial]) -> [i64; 3] {
    let mut counts = [0; 3];
    for stream in streams.iter_mut() {
        stream.stream = 0;
        counts[match is_poor(stream) {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        }] += 1;
    }
    streams.sort_unstable();
    counts
}

fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn is_poor(stream: &StreamPartial) -> Option<bool> {
    // All the time without a source.
    if stream.withheld_us > 0 && stream.withheld_us == stream.observed_us {
        return None;
    }
    let loss = share(stream.packets_lost, stream.packets_expected);
    let enough = stream.packets > 500;
    if stream.kind == Kind::Audio {
        let exceeded = [
            share(stream.round_trip_us, stream.round_trip_count).map(|us| us > 500_000.0),
            loss.map(|loss| loss > 0.1),
            share(stream.jitter_us, stream.jitter_count).map(|us| us > 30_000.0),
        ];
        return exceeded.into_iter().flatten().max().filter(|_| enough);
    }
    let is_sent = stream.direction == Direction::Outbound;
    let dropping = share(stream.frames_dropped, stream.frames_offered).map(|share| share > 0.5);
    let given = share(stream.source_frames, stream.source_us).map(|rate| rate * 1e6);
    let slower_than = |least: f64| {
        let rate = share(stream.frames, stream.frames_us)? * 1e6;
        let starved = given.is_some_and(|given| given < least) && rate < least.max(1.5);
        (!starved).then_some(rate < least)
    };
    match stream.screen_share {
        Some(true) if is_sent => slower_than(1.0),
        Some(true) => dropping,
        _ if !enough => None,
        None if is_sent => None,
        None => dropping,
        Some(false) => {
            dropping.or_else(|| slower_than(7.0)).or_else(|| loss.map(|loss| loss > 0.15))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(seconds: i64, frames: i64, screen_share: Option<bool>) -> Interval {
        Interval {
            kind: Kind::Video,
            direction: Direction::Outbound,
            ssrc: 9,
            end_us: seconds * 1_000_000,
            stream_packets: Some(501),
            bytes: Some(1_000_000),
            frames: Some(frames),
            screen_share,
            ..Interval::default()
        }
    }

    /// Counts of a session with these intervals.
    fn judged(intervals: &[Interval]) -> [i64; 3] {
        let mut streams = Vec::new();
        intervals.iter().for_each(|it| add(&mut streams, it));
        finish(&mut streams)
    }

    // A tab that stands still most of the time: 0.5 frames a second for 50 s, 15 for 10.
    #[test]
    fn a_stream_is_judged_by_its_average_and_not_by_its_intervals() {
        let tab = [sent(50, 25, Some(true)), sent(10, 150, Some(true))];
        assert_eq!(judged(&tab), [0, 1, 0]);
        assert_eq!(judged(&tab[..1]), [1, 0, 0]);
        let camera = [sent(50, 300, Some(false)), sent(10, 150, Some(false))];
        assert_eq!((judged(&camera), judged(&camera[..1])), ([0, 1, 0], [1, 0, 0]));
        assert_eq!(judged(&[sent(10, 150, None)]), [0, 0, 1]);
        let early = Interval { stream_packets: Some(500), ..sent(10, 150, Some(false)) };
        assert_eq!(judged(&[early]), [0, 0, 1]);
    }
}
