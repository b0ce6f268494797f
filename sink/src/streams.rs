//! The column of a session's streams.

use schemas::{Direction, Kind, StreamPartial};

use crate::column::{Column, write_all};

/// Names of the numbers of a stream, in their order in the table.
const NUMBERS: [&str; 20] = [
    "stream",
    "is_video",
    "is_sent",
    "content",
    "h264s",
    "observed_us",
    "packets",
    "packets_lost",
    "packets_expected",
    "round_trip_us",
    "round_trip_count",
    "jitter_us",
    "jitter_count",
    "frames_dropped",
    "frames_offered",
    "frames",
    "frames_us",
    "source_frames",
    "source_us",
    "withheld_us",
];

/// Streams, any number of them a row, each a tuple of numbers.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// Streams up to and with each row.
    ends: Vec<u64>,
    numbers: [Vec<i64>; NUMBERS.len()],
}

impl Streams {
    pub(crate) fn push(&mut self, streams: &[StreamPartial]) {
        for stream in streams {
            for (column, number) in self.numbers.iter_mut().zip(numbers(stream)) {
                column.push(number);
            }
        }
        self.ends.push(self.numbers[0].len() as u64);
    }
}

/// Content is 0 where it is not known, 1 of a camera, 2 of a screen.
fn numbers(stream: &StreamPartial) -> [i64; NUMBERS.len()] {
    [
        stream.stream,
        i64::from(stream.kind == Kind::Video),
        i64::from(stream.direction == Direction::Outbound),
        stream.screen_share.map_or(0, |is_screen| 1 + i64::from(is_screen)),
        i64::from(stream.h264s),
        stream.observed_us,
        stream.packets,
        stream.packets_lost,
        stream.packets_expected,
        stream.round_trip_us,
        stream.round_trip_count,
        stream.jitter_us,
        stream.jitter_count,
        stream.frames_dropped,
        stream.frames_offered,
        stream.frames,
        stream.frames_us,
        stream.source_frames,
        stream.source_us,
        stream.withheld_us,
    ]
}

impl Column for Streams {
    fn data_type(&self) -> String {
        format!("Array(Tuple({}))", NUMBERS.map(|name| format!("{name} Int64")).join(", "))
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_all(&self.ends, out);
        self.numbers.iter().for_each(|column| write_all(column, out));
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.numbers.iter_mut().for_each(Vec::clear);
    }
}
