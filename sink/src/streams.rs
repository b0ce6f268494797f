//! The column of a session's streams.

use schemas::StreamPartial;
use schemas::measures::Measure;

use crate::column::{Column, write_all};

/// Count of numbers that a stream has in the table.
const NUMBERS: usize = StreamPartial::IDENTITY.len() + StreamPartial::SUMS.len();

/// Returns the names of the numbers of a stream, in their order in the table.
fn names() -> impl Iterator<Item = &'static str> {
    StreamPartial::IDENTITY.into_iter().chain(StreamPartial::SUMS.iter().map(|sum| sum.name))
}

/// Streams, any number of them a row, each a tuple of numbers.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// Streams up to and with each row.
    ends: Vec<u64>,
    numbers: [Vec<i64>; NUMBERS],
}

impl Streams {
    pub(crate) fn push(&mut self, streams: &[StreamPartial]) {
        for stream in streams {
            let numbers = stream.identity().into_iter().chain(stream.sums());
            for (column, number) in self.numbers.iter_mut().zip(numbers) {
                column.push(number);
            }
        }
        self.ends.push(self.numbers[0].len() as u64);
    }
}

impl Column for Streams {
    fn data_type(&self) -> String {
        let numbers: Vec<_> =
            names().map(|name| format!("{name} {}", Measure::COLUMN_TYPE)).collect();
        format!("Array(Tuple({}))", numbers.join(", "))
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
