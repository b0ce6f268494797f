//! Records as rows of their tables.

mod hours;

use std::collections::BTreeSet;

use schemas::sketch::is_written_state;
use schemas::{
    Audio, BlockAudit, CellPartial, Direction, EnrichedPath, EnrichedReport, Inbound, Interval,
    Kind, Limitation, Measures, PackTime, PackVerdict, Path, PlaceSource, Quantities,
    ScoredInterval, SessionPartial, Sketches, Verdict, Video,
};

use crate::column::{
    ByName, Column, LowCardinality, Micros, Optional, Plain, Seconds, States, Text,
};
use crate::streams::Streams;
use crate::table::{Part, Table, Unfit, table};
pub(crate) use hours::SessionHourPartials;

table! {
    /// Table with one row per interval.
    Samples, "samples", |row: Sample<'_>| {
        raw_partition: Plain<i32> = row.report.lineage.raw_partition,
        raw_to: Plain<i64> = row.report.lineage.raw_to,
        ordinal: Plain<u16> = row.ordinal,
        app: LowCardinality = &row.report.app,
        call: Text = &row.report.call,
        participant: Text = &row.report.participant,
        peer_connection: LowCardinality = &row.report.peer_connection,
        stats_id: LowCardinality = &row.interval.stats_id,
        ssrc: Plain<i64> = row.interval.ssrc,
        kind: LowCardinality = kind(row.interval.kind),
        direction: LowCardinality = direction(row.interval.direction),
        codec: LowCardinality = or_empty(row.interval.codec.as_ref()),
        start_us: Plain<Micros> = Micros(row.interval.start_us),
        end_us: Plain<Micros> = Micros(row.interval.end_us),
        continent: LowCardinality = &row.report.place.continent,
        country: LowCardinality = &row.report.place.country,
        subdivision: LowCardinality = &row.report.place.subdivision,
        city: LowCardinality = &row.report.place.city,
        asn: Plain<i64> = row.report.provider.asn,
        organisation: LowCardinality = &row.report.provider.organisation,
        connection_type: LowCardinality = &row.report.provider.connection_type,
        place_source: LowCardinality = place_source(row.report.place_source),
        network: LowCardinality = &row.report.network,
        device_class: LowCardinality = &row.report.device.class,
        os: LowCardinality = &row.report.device.os,
        browser: LowCardinality = &row.report.device.browser,
        browser_version: LowCardinality = &row.report.device.browser_version,
        network_type: LowCardinality = row.network_type,
        transport: LowCardinality = row.transport,
        edge: LowCardinality = &row.report.edge,
        client_version: LowCardinality = &row.report.client_version,
        local_candidate_type: LowCardinality = or_empty(row.path.local_candidate_type.as_ref()),
        remote_candidate_type: LowCardinality = or_empty(row.path.remote_candidate_type.as_ref()),
        ice_round_trip_us: Optional<i64> = row.path.ice_round_trip_us,
        ice_round_trip_count: Optional<i64> = row.path.ice_round_trip_count,
        ice_round_trip_gauge_us: Optional<i64> = row.path.ice_round_trip_gauge_us,
        available_outgoing_bitrate: Optional<i64> = row.path.available_outgoing_bitrate,
        ice_state: LowCardinality = or_empty(row.path.ice_state.as_ref()),
        dtls_state: LowCardinality = or_empty(row.path.dtls_state.as_ref()),
        selected_pair_changes: Optional<i64> = row.path.selected_pair_changes,
        stream_packets: Optional<i64> = row.interval.stream_packets,
        packets_received: Optional<i64> = row.interval.packets_received,
        packets_lost: Optional<i64> = row.interval.packets_lost,
        packets_sent: Optional<i64> = row.interval.packets_sent,
        bytes: Optional<i64> = row.interval.bytes,
        retransmitted_packets: Optional<i64> = row.interval.retransmitted_packets,
        fec_packets_discarded: Optional<i64> = row.inbound.fec_packets_discarded,
        packets_discarded: Optional<i64> = row.inbound.packets_discarded,
        fec_packets: Optional<i64> = row.inbound.fec_packets,
        nack: Optional<i64> = row.interval.nack,
        pli: Optional<i64> = row.video.pli,
        fir: Optional<i64> = row.video.fir,
        frames: Optional<i64> = row.video.frames,
        source_frames: Optional<i64> = row.video.source_frames,
        source_frame_rate_micro: Optional<i64> = row.video.source_frame_rate_micro,
        frames_dropped: Optional<i64> = row.video.frames_dropped,
        key_frames: Optional<i64> = row.video.key_frames,
        qp_sum: Optional<i64> = row.video.qp_sum,
        freeze_count: Optional<i64> = row.video.freeze_count,
        freeze_us: Optional<i64> = row.video.freeze_us,
        pause_count: Optional<i64> = row.video.pause_count,
        pause_us: Optional<i64> = row.video.pause_us,
        total_samples: Optional<i64> = row.audio.total_samples,
        concealed_samples: Optional<i64> = row.audio.concealed_samples,
        concealment_events: Optional<i64> = row.audio.concealment_events,
        jitter_buffer_us: Optional<i64> = row.inbound.jitter_buffer_us,
        jitter_buffer_emitted: Optional<i64> = row.inbound.jitter_buffer_emitted,
        round_trip_us: Optional<i64> = row.interval.round_trip_us,
        round_trip_count: Optional<i64> = row.interval.round_trip_count,
        round_trip_gauge_us: Optional<i64> = row.interval.round_trip_gauge_us,
        jitter_us: Optional<i64> = row.interval.jitter_us,
        frame_width: Optional<i64> = row.video.frame_width,
        frame_height: Optional<i64> = row.video.frame_height,
        audio_level_micro: Optional<i64> = row.audio.audio_level_micro,
        audio_energy_micro: Optional<i64> = row.audio.audio_energy_micro,
        limited_cpu_us: Optional<i64> = row.limitation.cpu_us,
        limited_bandwidth_us: Optional<i64> = row.limitation.bandwidth_us,
        limited_other_us: Optional<i64> = row.limitation.other_us,
        resolution_changes: Optional<i64> = row.limitation.resolution_changes,
        screen_share: Optional<bool> = row.video.screen_share,
        audio_mos_milli: Optional<i32> = row.scored.audio_mos_milli,
        video_mos_milli: Optional<i32> = row.scored.video_mos_milli,
        verdict: LowCardinality = verdict(row.primary.verdict),
        reason: LowCardinality = or_empty(row.primary.reason.as_ref()),
        verdict_by_pack: ByName<Text> = row.verdicts().map(|(pack, given)| (pack, verdict(given.verdict))),
        reason_by_pack: ByName<Text> =
            row.verdicts().filter_map(|(pack, given)| Some((pack, given.reason.as_deref()?))),
        look_up_city: LowCardinality = &row.report.look_ups.city,
        look_up_asn: LowCardinality = &row.report.look_ups.asn,
        look_up_user_agent: LowCardinality = &row.report.look_ups.user_agent,
        look_up_score: LowCardinality = &row.report.look_ups.score,
    }
}

/// The columns of [`Measures`], in cells and in sessions.
#[derive(Debug, Default)]
pub(crate) struct MeasureColumns([Plain<i64>; Measures::ALL.len()]);

impl MeasureColumns {
    fn push(&mut self, measures: &Measures) {
        self.0.iter_mut().zip(measures.values()).for_each(|(column, value)| column.push(value));
    }
}

impl Part for MeasureColumns {
    fn columns(&self) -> impl Iterator<Item = (&'static str, &dyn Column)> {
        Measures::ALL.iter().zip(&self.0).map(|(it, column)| (it.name, column as &dyn Column))
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(Column::clear);
    }
}

/// The columns of [`Sketches`].
#[derive(Debug, Default)]
pub(crate) struct SketchColumns([States; Quantities::NAMES.len()]);

impl SketchColumns {
    fn push(&mut self, sketches: &Sketches) {
        self.0.iter_mut().zip(sketches.states()).for_each(|(column, state)| column.push(state));
    }
}

impl Part for SketchColumns {
    fn columns(&self) -> impl Iterator<Item = (&'static str, &dyn Column)> {
        Quantities::NAMES.into_iter().zip(self.0.iter().map(|column| column as &dyn Column))
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(Column::clear);
    }
}

/// Observed time by threshold pack, in cells and in sessions.
#[derive(Debug, Default)]
pub(crate) struct PackColumns {
    poor_us: ByName<Vec<i64>>,
    good_us: ByName<Vec<i64>>,
    unclassified_us: ByName<Vec<i64>>,
}

impl PackColumns {
    fn push(&mut self, packs: &[PackTime]) {
        self.poor_us.push(packs.iter().map(|it| (&*it.pack, it.poor_us)));
        self.good_us.push(packs.iter().map(|it| (&*it.pack, it.good_us)));
        self.unclassified_us.push(packs.iter().map(|it| (&*it.pack, it.unclassified_us)));
    }
}

impl Part for PackColumns {
    fn columns(&self) -> impl Iterator<Item = (&'static str, &dyn Column)> {
        let columns: [(_, &dyn Column); 3] = [
            ("poor_us_by_pack", &self.poor_us),
            ("good_us_by_pack", &self.good_us),
            ("unclassified_us_by_pack", &self.unclassified_us),
        ];
        columns.into_iter()
    }

    fn clear(&mut self) {
        [&mut self.poor_us, &mut self.good_us, &mut self.unclassified_us]
            .into_iter()
            .for_each(Column::clear);
    }
}

table! {
    /// Table with one row per cell and block.
    CellPartials, "cell_partials", |row: CellPartial| {
        window_start: Plain<Seconds> = seconds(row.window_start).unwrap_or_default(),
        window_s: Plain<i32> = row.window_s,
        grouping: LowCardinality = &row.grouping,
        app: LowCardinality = &row.dimensions.app,
        continent: LowCardinality = &row.dimensions.continent,
        country: LowCardinality = &row.dimensions.country,
        subdivision: LowCardinality = &row.dimensions.subdivision,
        asn: Plain<i64> = row.dimensions.asn,
        organisation: LowCardinality = &row.dimensions.organisation,
        network_type: LowCardinality = &row.dimensions.network_type,
        edge: LowCardinality = &row.dimensions.edge,
        device_class: LowCardinality = &row.dimensions.device_class,
        os: LowCardinality = &row.dimensions.os,
        browser: LowCardinality = &row.dimensions.browser,
        browser_version: LowCardinality = &row.dimensions.browser_version,
        client_version: LowCardinality = &row.dimensions.client_version,
        kind: LowCardinality = kind(row.dimensions.kind),
        direction: LowCardinality = direction(row.dimensions.direction),
        epoch: Plain<i32> = row.epoch,
        partition: Plain<i32> = row.partition,
        block_start: Plain<i64> = row.block_start,
        upto: Plain<i64> = row.upto,
        ;
        measures: MeasureColumns = &row.measures,
        packs: PackColumns = &row.packs,
        sketches: SketchColumns = &row.sketches,
    }
}

table! {
    /// Table with one row per session and block.
    SessionPartials, "session_partials", |row: SessionPartial| {
        app: LowCardinality = &row.app,
        call: Text = &row.call,
        participant: Text = &row.participant,
        epoch: Plain<i32> = row.epoch,
        partition: Plain<i32> = row.partition,
        block_start: Plain<i64> = row.block_start,
        upto: Plain<i64> = row.upto,
        first_us: Plain<Micros> = Micros(row.first_us),
        last_us: Plain<Micros> = Micros(row.last_us),
        last_raw_offset: Plain<i64> = row.last_raw_offset,
        continent: LowCardinality = &row.place.continent,
        country: LowCardinality = &row.place.country,
        subdivision: LowCardinality = &row.place.subdivision,
        city: LowCardinality = &row.place.city,
        asn: Plain<i64> = row.provider.asn,
        organisation: LowCardinality = &row.provider.organisation,
        connection_type: LowCardinality = &row.provider.connection_type,
        place_source: LowCardinality = place_source(row.place_source),
        device_class: LowCardinality = &row.device.class,
        os: LowCardinality = &row.device.os,
        browser: LowCardinality = &row.device.browser,
        browser_version: LowCardinality = &row.device.browser_version,
        network: LowCardinality = &row.network,
        path_us: Plain<i64> = row.path_us,
        path_raw_offset: Plain<i64> = row.path_raw_offset,
        network_type: LowCardinality = &row.network_type,
        transport: LowCardinality = &row.transport,
        edge: LowCardinality = &row.edge,
        client_version: LowCardinality = &row.client_version,
        joined: Plain<i64> = row.joined,
        connected: Plain<i64> = row.connected,
        failed: Plain<i64> = row.failed,
        left: Plain<i64> = row.left,
        disconnected: Plain<i64> = row.disconnected,
        reconnected: Plain<i64> = row.reconnected,
        device_failed: Plain<i64> = row.device_failed,
        selected_pair_changes: Plain<i64> = row.selected_pair_changes,
        rating_sum: Plain<i64> = row.rating_sum,
        rating_count: Plain<i64> = row.rating_count,
        time_to_connect_ms_sum: Plain<i64> = row.time_to_connect_ms_sum,
        time_to_connect_count: Plain<i64> = row.time_to_connect_count,
        time_to_media_ms_sum: Plain<i64> = row.time_to_media_ms_sum,
        time_to_media_count: Plain<i64> = row.time_to_media_count,
        round_trip_us: Plain<i64> = row.round_trip_us,
        round_trip_count: Plain<i64> = row.round_trip_count,
        audio_mos_milli_sum: Plain<i64> = row.audio_mos_milli_sum,
        audio_mos_count: Plain<i64> = row.audio_mos_count,
        video_mos_milli_sum: Plain<i64> = row.video_mos_milli_sum,
        video_mos_count: Plain<i64> = row.video_mos_count,
        streams: Streams = &row.streams,
        streams_beyond: Plain<i64> = row.streams_beyond,
        ;
        measures: MeasureColumns = &row.measures,
        packs: PackColumns = &row.packs,
    }
}

table! {
    /// Table with one row per block.
    Blocks, "blocks", |row: BlockAudit| {
        epoch: Plain<i32> = row.epoch,
        partition: Plain<i32> = row.partition,
        block_start: Plain<i64> = row.block_start,
        upto: Plain<i64> = row.upto,
        finished: Plain<bool> = row.finished,
        append_minute: Plain<i64> = row.append_minute,
        read: Plain<i64> = row.read,
        replayed: Plain<i64> = row.replayed,
        accepted: Plain<i64> = row.accepted,
        unverified: Plain<i64> = row.unverified,
        duplicate: Plain<i64> = row.duplicate,
        late: Plain<i64> = row.late,
        invalid: Plain<i64> = row.invalid,
        undecodable: Plain<i64> = row.undecodable,
        intervals: Plain<i64> = row.intervals,
        first_window: Plain<Seconds> = seconds(row.first_window).unwrap_or_default(),
        last_window: Plain<Seconds> = seconds(row.last_window).unwrap_or_default(),
        raw_holes: Plain<i64> = row.raw_holes,
        rules: LowCardinality = row.rules.as_str(),
        raw: Text = row.raw.as_str(),
        forgotten: Plain<i64> = row.forgotten,
        raw_end: Plain<i64> = row.raw_end,
        capped_by_session: Plain<i64> = row.capped_by_session,
        capped_by_block: Plain<i64> = row.capped_by_block,
    }
}

/// An interval, with the report that it came in.
#[derive(Clone, Copy, Debug)]
struct Sample<'a> {
    report: &'a EnrichedReport,
    path: &'a Path,
    network_type: &'a str,
    transport: &'a str,
    ordinal: u16,
    scored: &'a ScoredInterval,
    interval: &'a Interval,
    inbound: Inbound,
    audio: Audio,
    video: Video,
    limitation: Limitation,
    /// Verdict of the primary pack.
    primary: &'a PackVerdict,
}

impl<'a> Sample<'a> {
    /// Returns the verdicts with the names of their packs.
    fn verdicts(&self) -> impl Iterator<Item = (&'a str, &'a PackVerdict)> + use<'a> {
        let packs = self.report.look_ups.packs.iter().map(String::as_str);
        packs.zip(&self.scored.verdicts)
    }
}

impl Table for Samples {
    type Record = EnrichedReport;

    fn happened_us(report: &EnrichedReport) -> Option<i64> {
        Some(report.event_us)
    }

    fn add(&mut self, report: &EnrichedReport) -> Result<(), Unfit> {
        if report.intervals.len() > usize::from(u16::MAX) {
            return Err(Unfit("more than 65535 intervals"));
        }
        let (nowhere, no_verdict) = (EnrichedPath::unknown(), PackVerdict::default());
        for (ordinal, scored) in (0..).zip(&report.intervals) {
            let interval = &scored.interval;
            let over = report.path_of(interval).unwrap_or(&nowhere);
            self.push(&Sample {
                report,
                path: &over.path,
                network_type: &over.network_type,
                transport: &over.transport,
                ordinal,
                scored,
                interval,
                inbound: interval.inbound.unwrap_or_default(),
                audio: interval.audio.unwrap_or_default(),
                video: interval.video.unwrap_or_default(),
                limitation: interval.limitation.unwrap_or_default(),
                primary: scored.verdicts.first().unwrap_or(&no_verdict),
            });
        }
        Ok(())
    }
}

impl Table for CellPartials {
    type Record = CellPartial;

    fn add(&mut self, cell: &CellPartial) -> Result<(), Unfit> {
        seconds(cell.window_start)?;
        if !cell.sketches.states().into_iter().all(|sketch| is_written_state(sketch)) {
            return Err(Unfit("a sketch is no quantilesDD state"));
        }
        self.push(cell);
        Ok(())
    }

    fn hours(&self) -> Vec<u32> {
        starts(&self.window_start, 3600)
    }

    fn minutes(&self) -> Vec<u32> {
        starts(&self.window_start, 60)
    }
}

impl Table for SessionPartials {
    type Record = SessionPartial;

    fn add(&mut self, session: &SessionPartial) -> Result<(), Unfit> {
        self.push(session);
        Ok(())
    }
}

impl Table for Blocks {
    type Record = BlockAudit;

    fn add(&mut self, block: &BlockAudit) -> Result<(), Unfit> {
        seconds(block.first_window)?;
        seconds(block.last_window)?;
        self.push(block);
        Ok(())
    }
}

/// Returns the starts of the parts of `length` seconds that hold the times, each once.
fn starts(times: &Plain<Seconds>, length: u32) -> Vec<u32> {
    let starts = times.0.iter().map(|Seconds(time)| time - time % length);
    starts.collect::<BTreeSet<_>>().into_iter().collect()
}

fn seconds(time: i64) -> Result<Seconds, Unfit> {
    u32::try_from(time).map(Seconds).map_err(|_| Unfit("a time is before 1970 or after 2106"))
}

/// Returns the text, or an empty one if it is missing.
fn or_empty(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
        Kind::None => "none",
    }
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::None => "none",
    }
}

const fn place_source(source: PlaceSource) -> &'static str {
    match source {
        PlaceSource::Unknown => "unknown",
        PlaceSource::Address => "address",
        PlaceSource::Claimed => "claimed",
    }
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unclassified => "unclassified",
        Verdict::Good => "good",
        Verdict::Poor => "poor",
    }
}
