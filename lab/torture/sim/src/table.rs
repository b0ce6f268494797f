//! The simulated tables: `ReplacingMergeTree`, by identity and version, and the views over them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use oracle::oracle::{Bins, Cell, CellKey, Hour, HourKey, NotAState, Packs, add};
use schemas::{
    BlockAudit, CellPartial, Dimensions, HourPartial, HourStream, PackTime, SessionPartial,
    StreamPartial,
};

/// Rows of one table in their newest version. Values that decrease are reported.
struct Newest<K, T> {
    rows: HashMap<K, (i64, T)>,
}

impl<K, T> Default for Newest<K, T> {
    fn default() -> Self {
        Self { rows: HashMap::new() }
    }
}

/// Epoch, partition and start of a block.
type BlockKey = (i32, i32, i64);

/// All tables.
#[derive(Default)]
pub(crate) struct Tables {
    cells: Newest<(BlockKey, String, i64, Dimensions), CellPartial>,
    sessions: Newest<(BlockKey, String, String, String), SessionPartial>,
    hours: Newest<(BlockKey, HourKey), HourStream>,
    blocks: Newest<BlockKey, BlockAudit>,
    /// Rows whose value decreased, or that have two values in one version.
    pub(crate) fell: Vec<String>,
}

impl<K: std::hash::Hash + Eq + std::fmt::Debug, T: PartialEq> Newest<K, T> {
    /// Inserts a row like the table: of equal versions the later one wins. A longer prefix of a
    /// block must not have a smaller `size`.
    fn insert(
        &mut self,
        key: K,
        version: i64,
        row: T,
        size: impl Fn(&T) -> i64,
        fell: &mut Vec<String>,
    ) {
        match self.rows.entry(key) {
            Entry::Vacant(place) => {
                place.insert((version, row));
            }
            Entry::Occupied(mut known) => {
                let (of, before) = known.get();
                let well = match version.cmp(of) {
                    std::cmp::Ordering::Less => size(&row) <= size(before),
                    std::cmp::Ordering::Equal => row == *before,
                    std::cmp::Ordering::Greater => size(&row) >= size(before),
                };
                if !well {
                    fell.push(format!("{:?} has version {of}, and then {version}", known.key()));
                }
                if version >= known.get().0 {
                    known.insert((version, row));
                }
            }
        }
    }
}

impl Tables {
    /// Forgets everything, but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.cells.rows.clear();
        self.sessions.rows.clear();
        self.hours.rows.clear();
        self.blocks.rows.clear();
        self.fell.clear();
    }

    /// Inserts rows into the table of a lane, numbered as the sink's inputs are.
    pub(crate) fn insert(
        &mut self,
        lane: usize,
        rows: &[Vec<u8>],
    ) -> Result<(), schemas::DecodeError> {
        for row in rows {
            match lane {
                0 => self.cell(schemas::decode(row)?),
                1 => self.session(schemas::decode(row)?),
                2 => self.hour(&schemas::decode(row)?),
                _ => self.block(schemas::decode(row)?),
            }
        }
        Ok(())
    }

    fn cell(&mut self, row: CellPartial) {
        let block = (row.epoch, row.partition, row.block_start);
        let key = (block, row.grouping.clone(), row.window_start, row.dimensions.clone());
        let size = |row: &CellPartial| row.measures.intervals + row.measures.setups_attempted;
        self.cells.insert(key, row.upto, row, size, &mut self.fell);
    }

    fn session(&mut self, row: SessionPartial) {
        let block = (row.epoch, row.partition, row.block_start);
        let key = (block, row.app.clone(), row.call.clone(), row.participant.clone());
        let size = |row: &SessionPartial| row.measures.intervals + row.joined + row.left;
        self.sessions.insert(key, row.upto, row, size, &mut self.fell);
    }

    /// A record has a row for each kind and direction.
    fn hour(&mut self, row: &HourPartial) {
        let block = (row.epoch, row.partition, row.block_start);
        for stream in &row.streams {
            let key = (block, hour_key(row, stream));
            let size = |of: &HourStream| of.measures.intervals + of.measures.setups_attempted;
            self.hours.insert(key, row.upto, stream.clone(), size, &mut self.fell);
        }
    }

    fn block(&mut self, row: BlockAudit) {
        let key = (row.epoch, row.partition, row.block_start);
        // A block that has ended is the newer version of itself.
        let version = 2 * row.upto + i64::from(row.finished);
        self.blocks.insert(key, version, row, |row| row.read, &mut self.fell);
    }

    /// Audits, of each block the newest.
    pub(crate) fn blocks(&self) -> Vec<BlockAudit> {
        self.blocks.rows.values().map(|(_, row)| row.clone()).collect()
    }

    /// The view `cells`.
    pub(crate) fn cells(&self) -> Result<Vec<(CellKey, Cell)>, NotAState> {
        let mut cells: HashMap<CellKey, Cell> = HashMap::new();
        for (_, row) in self.cells.rows.values() {
            let key = CellKey {
                grouping: row.grouping.clone(),
                window_start: row.window_start,
                dimensions: row.dimensions.clone(),
            };
            let cell = cells.entry(key).or_default();
            add(&mut cell.measures, &row.measures);
            add_packs(&mut cell.packs, &row.packs);
            let sketches = &row.sketches;
            for (bins, state) in cell.sketches.iter_mut().zip(sketches.states()) {
                let more = Bins::from_state(state)?;
                bins.zero += more.zero;
                for (key, count) in more.positive {
                    *bins.positive.entry(key).or_default() += count;
                }
            }
        }
        Ok(cells.into_iter().collect())
    }

    /// The view `session_hours`.
    pub(crate) fn session_hours(&self) -> Vec<(HourKey, Hour)> {
        let mut hours: HashMap<HourKey, Hour> = HashMap::new();
        for ((_, key), (_, row)) in &self.hours.rows {
            let hour = hours.entry(key.clone()).or_default();
            add(&mut hour.measures, &row.measures);
            add_packs(&mut hour.packs, &row.packs);
        }
        hours.into_iter().collect()
    }

    /// The view `sessions`.
    pub(crate) fn sessions(&self) -> Vec<SessionPartial> {
        let mut sessions: HashMap<(&str, &str, &str), (SessionPartial, Packs)> = HashMap::new();
        for (_, row) in self.sessions.rows.values() {
            let key = (row.app.as_str(), row.call.as_str(), row.participant.as_str());
            let mut packs = Packs::new();
            add_packs(&mut packs, &row.packs);
            match sessions.entry(key) {
                Entry::Vacant(place) => {
                    place.insert((row.clone(), packs));
                }
                Entry::Occupied(mut known) => {
                    let (sum, sums) = known.get_mut();
                    add_packs(sums, &row.packs);
                    merge(sum, row);
                }
            }
        }
        sessions.into_values().map(|(row, packs)| anonymous(row, packs)).collect()
    }
}

fn hour_key(row: &HourPartial, stream: &HourStream) -> HourKey {
    HourKey {
        app: row.app.clone(),
        call: row.call.clone(),
        participant: row.participant.clone(),
        hour: row.hour,
        continent: row.place.continent.clone(),
        country: row.place.country.clone(),
        subdivision: row.place.subdivision.clone(),
        city: row.place.city.clone(),
        asn: row.provider.asn,
        organisation: row.provider.organisation.clone(),
        connection_type: row.provider.connection_type.clone(),
        network_type: row.network_type.clone(),
        transport: row.transport.clone(),
        edge: row.edge.clone(),
        device_class: row.device.class.clone(),
        os: row.device.os.clone(),
        browser: row.device.browser.clone(),
        browser_version: row.device.browser_version.clone(),
        client_version: row.client_version.clone(),
        kind: stream.kind,
        direction: stream.direction,
    }
}

/// Merges session rows: minimum of first times, maximum of last times, values of the last event,
/// and sums of all others.
fn merge(sum: &mut SessionPartial, row: &SessionPartial) {
    sum.first_us = sum.first_us.min(row.first_us);
    if (row.last_us, row.last_raw_offset) > (sum.last_us, sum.last_raw_offset) {
        (sum.last_us, sum.last_raw_offset) = (row.last_us, row.last_raw_offset);
        sum.place.clone_from(&row.place);
        sum.place_source = row.place_source;
        sum.provider.clone_from(&row.provider);
        sum.device.clone_from(&row.device);
        sum.network.clone_from(&row.network);
        sum.edge.clone_from(&row.edge);
        sum.client_version.clone_from(&row.client_version);
    }
    if (row.path_us, row.path_raw_offset) > (sum.path_us, sum.path_raw_offset) {
        (sum.path_us, sum.path_raw_offset) = (row.path_us, row.path_raw_offset);
        sum.network_type.clone_from(&row.network_type);
        sum.transport.clone_from(&row.transport);
    }
    sum.joined += row.joined;
    sum.connected += row.connected;
    sum.failed += row.failed;
    sum.left += row.left;
    sum.disconnected += row.disconnected;
    sum.reconnected += row.reconnected;
    sum.device_failed += row.device_failed;
    sum.selected_pair_changes += row.selected_pair_changes;
    sum.rating_sum += row.rating_sum;
    sum.rating_count += row.rating_count;
    sum.time_to_connect_ms_sum += row.time_to_connect_ms_sum;
    sum.time_to_connect_count += row.time_to_connect_count;
    sum.time_to_media_ms_sum += row.time_to_media_ms_sum;
    sum.time_to_media_count += row.time_to_media_count;
    sum.round_trip_us += row.round_trip_us;
    sum.round_trip_count += row.round_trip_count;
    sum.audio_mos_milli_sum += row.audio_mos_milli_sum;
    sum.audio_mos_count += row.audio_mos_count;
    sum.video_mos_milli_sum += row.video_mos_milli_sum;
    sum.video_mos_count += row.video_mos_count;
    sum.streams_beyond += row.streams_beyond;
    row.streams.iter().for_each(|stream| merge_stream(&mut sum.streams, stream));
    add(&mut sum.measures, &row.measures);
}

fn merge_stream(streams: &mut Vec<StreamPartial>, more: &StreamPartial) {
    let name = |it: &StreamPartial| (it.stream, it.kind, it.direction, it.screen_share, it.h264s);
    let Some(sum) = streams.iter_mut().find(|it| name(it) == name(more)) else {
        streams.push(*more);
        return;
    };
    sum.packets = sum.packets.max(more.packets);
    sum.observed_us += more.observed_us;
    sum.packets_lost += more.packets_lost;
    sum.packets_expected += more.packets_expected;
    sum.round_trip_us += more.round_trip_us;
    sum.round_trip_count += more.round_trip_count;
    sum.jitter_us += more.jitter_us;
    sum.jitter_count += more.jitter_count;
    sum.frames_dropped += more.frames_dropped;
    sum.frames_offered += more.frames_offered;
    sum.frames += more.frames;
    sum.frames_us += more.frames_us;
    sum.source_frames += more.source_frames;
    sum.source_us += more.source_us;
    sum.withheld_us += more.withheld_us;
}

/// A row as the view has it: without what identifies partials.
fn anonymous(mut row: SessionPartial, packs: Packs) -> SessionPartial {
    let packs = packs.into_iter();
    row.streams.iter_mut().for_each(|stream| stream.stream = 0);
    row.streams.sort_unstable();
    SessionPartial {
        epoch: 0,
        partition: 0,
        block_start: 0,
        upto: 0,
        last_raw_offset: 0,
        path_us: 0,
        path_raw_offset: 0,
        packs: packs
            .map(|(pack, [poor_us, good_us, unclassified_us])| PackTime {
                pack,
                poor_us,
                good_us,
                unclassified_us,
            })
            .collect(),
        ..row
    }
}

fn add_packs(sum: &mut Packs, more: &[PackTime]) {
    for pack in more {
        let known = match sum.get_mut(&pack.pack) {
            Some(known) => known,
            None => sum.entry(pack.pack.clone()).or_default(),
        };
        known[0] += pack.poor_us;
        known[1] += pack.good_us;
        known[2] += pack.unclassified_us;
    }
}
