//! Sums of intervals and set-ups in cells.

use schemas::{
    Correction, Direction, Kind, Measures, Quantities, ScoredInterval, Sketches, Verdict,
};

use crate::block::weights;
use crate::grouping::Labels;
use crate::intern::Interner;
use crate::sums::Sums;
use crate::verdict_times::{Packs, VerdictTimes};
use schemas::sketch::{Bin, write_state};

/// Sums of all measures.
pub(crate) type MeasureSums = Sums<{ Measures::ALL.len() }>;

/// Number of quantities that are kept as sketches.
const QUANTITIES: usize = Quantities::NAMES.len();

/// Key of cells of a block that differ only in kind and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CellsKey {
    /// Index in the block's list of groupings.
    pub(crate) grouping: usize,
    /// Start of the window, s since the Unix epoch.
    pub(crate) window_start: i64,
    pub(crate) labels: Labels,
}

/// Contribution of one interval or set-up to each of its cells and to its session.
#[derive(Clone, Debug)]
pub(crate) struct Sample<'r> {
    /// The interval, if it is one.
    pub(crate) scored: Option<&'r ScoredInterval>,
    pub(crate) kind: Kind,
    pub(crate) direction: Direction,
    /// Event time, µs: decides the window.
    pub(crate) event_us: i64,
    /// Time that the interval covers, µs; 0 if it is none.
    pub(crate) observed_us: i64,
    /// In the order of [`Measures::ALL`].
    pub(crate) measures: [i64; Measures::ALL.len()],
    /// In the order of [`Quantities::NAMES`].
    bins: [Option<Bin>; QUANTITIES],
}

impl<'r> Sample<'r> {
    /// Returns the contribution of an interval. A missing value adds nothing.
    pub(crate) fn of_interval(scored: &'r ScoredInterval) -> Self {
        let interval = &scored.interval;
        let observed_us = interval.end_us.wrapping_sub(interval.start_us);
        let primary = scored.verdicts.first().map(|judged| judged.verdict).unwrap_or_default();
        let spent = |verdict| if primary == verdict { observed_us } else { 0 };
        let audio = interval.audio.unwrap_or_default();
        let video = interval.video.unwrap_or_default();
        let retransmitted = |direction| match interval.direction == direction {
            true => interval.retransmitted_packets.unwrap_or(0),
            false => 0,
        };
        let measures = Measures {
            intervals: 1,
            observed_us,
            packets_received: interval.packets_received.unwrap_or(0),
            packets_lost: interval.packets_lost.unwrap_or(0),
            // Packets received in an interval of unknown loss would reduce the loss of other
            // intervals.
            packets_expected: interval.counted_packets().unwrap_or(0),
            retransmitted_packets_received: retransmitted(Direction::Inbound),
            retransmitted_packets_sent: retransmitted(Direction::Outbound),
            bytes: interval.bytes.unwrap_or(0),
            frames: video.frames.unwrap_or(0),
            freeze_us: video.freeze_us.unwrap_or(0),
            freeze_count: video.freeze_count.unwrap_or(0),
            pause_us: video.pause_us.unwrap_or(0),
            pause_count: video.pause_count.unwrap_or(0),
            concealed_samples: audio.concealed_samples.unwrap_or(0),
            // Samples without a count of concealed ones would lower the ratio.
            total_samples: audio.concealed_samples.and(audio.total_samples).unwrap_or(0),
            nack: interval.nack.unwrap_or(0),
            pli: video.pli.unwrap_or(0),
            fir: video.fir.unwrap_or(0),
            setups_attempted: 0,
            setups_failed: 0,
            poor_us: spent(Verdict::Poor),
            good_us: spent(Verdict::Good),
            unclassified_us: spent(Verdict::Unclassified),
        };
        Self {
            scored: Some(scored),
            kind: interval.kind,
            direction: interval.direction,
            event_us: interval.end_us,
            observed_us,
            measures: measures.values(),
            bins: quantities(scored, observed_us).values().map(|value| value.and_then(Bin::of)),
        }
    }

    /// Returns the sample that corrects the count of attempts to set a call up.
    pub(crate) fn of_correction(correction: &Correction) -> Self {
        let measures = Measures {
            setups_attempted: correction.attempted,
            setups_failed: correction.failed,
            ..Measures::default()
        };
        Self { measures: measures.values(), ..Self::of_setup(correction.at_us, false, None) }
    }

    /// Returns the contribution of an attempt to set a call up.
    pub(crate) fn of_setup(event_us: i64, failed: bool, media_ms: Option<i64>) -> Self {
        let media_ms = media_ms.filter(|_| !failed);
        #[expect(clippy::cast_precision_loss, reason = "a sketch is exact to 1 %")]
        let time_to_media_ms = media_ms.and_then(|ms| Bin::of(ms as f64));
        let measures = Measures {
            setups_attempted: 1,
            setups_failed: i64::from(failed),
            ..Measures::default()
        };
        Self {
            scored: None,
            kind: Kind::None,
            direction: Direction::None,
            event_us,
            observed_us: 0,
            measures: measures.values(),
            bins: Quantities { time_to_media_ms, ..Quantities::default() }.values(),
        }
    }
}

/// Returns the values of an interval that are kept as sketches. The order of the operations matters: it
/// determines the last bit, and so the bin of values at a border.
#[expect(clippy::cast_precision_loss, reason = "a sketch is exact to 1 %")]
fn quantities(scored: &ScoredInterval, observed_us: i64) -> Quantities<Option<f64>> {
    let interval = &scored.interval;
    let round_trip_ms = interval
        .round_trip_us
        .zip(interval.round_trip_count.filter(|count| *count > 0))
        .map(|(us, count)| us as f64 / count as f64)
        .or_else(|| interval.round_trip_gauge_us.map(|us| us as f64))
        .map(|us| us / 1000.0);
    // If nothing was sent, the jitter is an old value, and a source without pictures has no frame rate.
    let is_sent = !interval.is_idle();
    let jitter_ms = interval.jitter_us.filter(|_| is_sent).map(|us| us as f64 / 1000.0);
    let loss = interval
        .packets_lost
        .zip(interval.expected_packets())
        .map(|(lost, expected)| (lost as f64 / expected as f64).clamp(0.0, 1.0));
    let bit_rate_bps = interval.bytes.map(|bytes| bytes as f64 * 8.0 * 1e6 / observed_us as f64);
    let frames = interval.video.and_then(|video| video.frames);
    let frame_rate = frames
        .filter(|_| interval.kind == Kind::Video && !interval.is_withheld())
        .map(|frames| frames as f64 * 1e6 / observed_us as f64);
    let audio_mos = scored.audio_mos_milli.map(|milli| f64::from(milli) / 1000.0);
    let video_mos = scored.video_mos_milli.map(|milli| f64::from(milli) / 1000.0);
    Quantities {
        round_trip_ms,
        jitter_ms,
        loss,
        bit_rate_bps,
        frame_rate,
        audio_mos,
        video_mos,
        time_to_media_ms: None,
    }
}

/// Counts by quantity and bin. Those of a cell are stored together, because there are many cells with
/// few bins each, and cache misses cost far more than counting.
#[derive(Clone, Debug, Default)]
struct Counts(
    /// Each entry is a place and, in the lower [`COUNT_BITS`], a count. The front is sorted by place with
    /// few duplicates; new entries are appended unsorted.
    Vec<u32>,
);

/// Number of places of a quantity: the first one is for the zeros, the others are for the keys.
const PLACES: u32 = 1 << 16;
/// Half of [`PLACES`], since keys may be negative.
const MIDDLE: i32 = 1 << 15;
/// Bits of an entry that hold its count. A greater count takes several entries.
const COUNT_BITS: u32 = 13;
const MOST_AT_ONCE: u32 = (1 << COUNT_BITS) - 1;
/// Initial capacity, in entries.
const FEW: usize = 16;

const _: () = assert!(QUANTITIES as u64 * PLACES as u64 == 1 << (32 - COUNT_BITS));

impl Counts {
    /// Counts a value. Returns the weight of the memory that was allocated for it, bytes. It depends on the
    /// values counted before alone, since nothing else merges entries here.
    fn add(&mut self, quantity: usize, bin: Bin) -> usize {
        let room = self.0.capacity();
        if self.0.len() == room {
            self.make_room();
        }
        let place = bin.key().map_or(0, |key| (key + MIDDLE).cast_unsigned());
        self.0.push(((quantity as u32 * PLACES + place) << COUNT_BITS) + 1);
        (self.0.capacity() - room) * weights::BIN
    }

    /// Merges new entries, and allocates if that did not free enough memory.
    fn make_room(&mut self) {
        self.settle();
        self.0.reserve_exact(FEW.max(self.0.len() / 2));
    }

    /// Merges new entries into the sorted ones.
    fn settle(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|more, first| {
            let fits = place(more) == place(first) && count(more) + count(first) <= MOST_AT_ONCE;
            *first += if fits { count(more) } else { 0 };
            fits
        });
    }

    /// Returns the zeros and the bins of a quantity; [`Self::settle`] must have been called.
    fn of(&self, quantity: usize) -> (u32, impl Iterator<Item = (i32, u32)> + Clone) {
        let first = quantity as u32 * PLACES;
        let before = |end: u32| self.0.partition_point(|entry| place(entry) < end);
        let [start, middle, end] = [first, first + 1, first + PLACES].map(before);
        let (zeros, bins) = (&self.0[start..middle], &self.0[middle..end]);
        let sum = |entries: &[u32]| entries.iter().map(count).sum();
        let key = move |entry: &u32| (place(entry) - first).cast_signed() - MIDDLE;
        let bins = bins.chunk_by(|one, next| place(one) == place(next));
        (sum(zeros), bins.map(move |of_bin| (key(&of_bin[0]), sum(of_bin))))
    }
}

/// Memory for a copy of a cell's counts: merging entries in the cell would make its further growth, and so the
/// end of its block, depend on the moments at which it is written.
#[derive(Debug, Default)]
pub(crate) struct SettledCounts(Counts);

const fn place(entry: &u32) -> u32 {
    *entry >> COUNT_BITS
}

const fn count(entry: &u32) -> u32 {
    *entry & MOST_AT_ONCE
}

/// Sums of one cell in a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    measures: MeasureSums,
    pub(crate) judged: VerdictTimes,
    /// By quantity, in the order of [`Quantities::NAMES`].
    counts: Counts,
}

impl Cell {
    /// Adds a sample, with the verdicts of `packs` if it is an interval. Returns the weight of the memory that
    /// was allocated for it, bytes.
    pub(crate) fn add(&mut self, sample: &Sample<'_>, packs: &Packs, names: &Interner) -> usize {
        let mut grown = self.measures.add(&sample.measures);
        if let Some(scored) = sample.scored {
            grown += self.judged.add(packs, scored, sample.observed_us, names);
        }
        for (quantity, bin) in sample.bins.iter().enumerate() {
            if let Some(bin) = bin {
                grown += self.counts.add(quantity, *bin);
            }
        }
        grown
    }

    /// Returns the sums of the measures.
    pub(crate) fn measures(&self) -> Measures {
        Measures::of_values(self.measures.values())
    }

    /// Overwrites `row` with the sketches' states. `settled` is memory to be used again.
    pub(crate) fn write_sketches(&self, row: &mut Sketches, settled: &mut SettledCounts) {
        let SettledCounts(settled) = settled;
        settled.0.clone_from(&self.counts.0);
        settled.settle();
        for (quantity, state) in row.states_mut().into_iter().enumerate() {
            let (zeros, bins) = settled.of(quantity);
            write_state(zeros, bins, state);
        }
    }
}

/// Cells that differ only in kind and direction, stored together: the intervals of a report are added to
/// them together, and a look-up of each among all cells takes longer than the addition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells(Vec<OfStream>);

/// Usual number of cells per key: audio and video, inbound and outbound.
const STREAMS: usize = 4;

/// The cell of streams of one kind and direction.
#[derive(Clone, Debug)]
struct OfStream {
    stream: (Kind, Direction),
    /// Whether it changed since it was last written.
    dirty: bool,
    cell: Cell,
}

impl Cells {
    /// Allocates memory for the cells of this number of samples, if there is none yet.
    pub(crate) fn make_room(&mut self, samples: usize) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(samples.min(STREAMS));
        }
    }

    /// Returns the number of cells for which there is memory.
    pub(crate) fn room(&self) -> usize {
        self.0.capacity()
    }

    /// Returns the number of cells.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the cell of a kind and direction to be changed; creates it if there is none.
    pub(crate) fn touch(&mut self, stream: (Kind, Direction)) -> &mut Cell {
        let Self(cells) = self;
        let place = cells.iter().position(|of| of.stream == stream).unwrap_or_else(|| {
            cells.push(OfStream { stream, dirty: true, cell: Cell::default() });
            cells.len() - 1
        });
        let found = &mut cells[place];
        found.dirty = true;
        &mut found.cell
    }

    /// Passes every cell that changed since the last call to `write`.
    pub(crate) fn flush<E>(
        &mut self,
        mut write: impl FnMut((Kind, Direction), &mut Cell) -> Result<(), E>,
    ) -> Result<(), E> {
        let changed =
            self.0.iter_mut().filter_map(|of| std::mem::take(&mut of.dirty).then_some(of));
        for OfStream { stream, cell, .. } in changed {
            write(*stream, cell)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bin, Counts, MOST_AT_ONCE, QUANTITIES, write_state};
    use schemas::sketch::Sketch;

    #[test]
    fn counts_are_those_of_a_sketch_however_great() {
        let values = [2.0, 0.0, 1e-284, 0.7, 2.0, 1e284, 0.7, 2.0];
        let (mut counts, mut sketch) = (Counts::default(), Sketch::default());
        let values = values.into_iter().cycle().take(8 * MOST_AT_ONCE as usize + 5);
        for bin in values.filter_map(Bin::of) {
            sketch.add(bin);
            counts.add(0, bin);
            counts.add(QUANTITIES - 1, bin);
        }
        counts.settle();
        for quantity in 0..QUANTITIES {
            let (mut state, mut expected) = (Vec::new(), Vec::new());
            let (zeros, bins) = counts.of(quantity);
            write_state(zeros, bins, &mut state);
            match [0, QUANTITIES - 1].contains(&quantity) {
                true => sketch.write_state(&mut expected),
                false => Sketch::default().write_state(&mut expected),
            }
            assert_eq!(state, expected, "quantity {quantity}");
        }
    }
}
