//! Records as rows of their tables.

use std::collections::BTreeSet;

use schemas::{
    BlockAudit, CellPartial, Direction, EnrichedReport, Interval, Kind, Path, SessionPartial,
    Sketches, Verdict,
};

use crate::column::{Micros, Optional, Plain, Seconds, States, Text, Words};
use crate::state::is_whole;
use crate::table::{Table, Unfit, table};

table! {
    /// One row an interval.
    Samples, "samples", |row: Sample<'_>| {
        raw_partition: Plain<i32> = row.report.lineage.raw_partition,
        raw_to: Plain<i64> = row.report.lineage.raw_to,
        ordinal: Plain<u16> = row.ordinal,
        app: Words = &row.report.app,
        call: Text = &row.report.call,
        participant: Text = &row.report.participant,
        peer_connection: Words = &row.report.peer_connection,
        stats_id: Words = &row.interval.stats_id,
        ssrc: Plain<i64> = row.interval.ssrc,
        kind: Words = kind(row.interval.kind),
        direction: Words = direction(row.interval.direction),
        codec: Words = told(row.interval.codec.as_ref()),
        start_us: Plain<Micros> = Micros(row.interval.start_us),
        end_us: Plain<Micros> = Micros(row.interval.end_us),
        continent: Words = &row.report.place.continent,
        country: Words = &row.report.place.country,
        subdivision: Words = &row.report.place.subdivision,
        city: Words = &row.report.place.city,
        asn: Plain<i64> = row.report.provider.asn,
        organisation: Words = &row.report.provider.organisation,
        network: Words = &row.report.network,
        device_class: Words = &row.report.device.class,
        os: Words = &row.report.device.os,
        browser: Words = &row.report.device.browser,
        browser_version: Words = &row.report.device.browser_version,
        network_type: Words = &row.report.network_type,
        transport: Words = &row.report.transport,
        edge: Words = &row.report.edge,
        client_version: Words = &row.report.client_version,
        local_candidate_type: Words = told(row.path.local_candidate_type.as_ref()),
        remote_candidate_type: Words = told(row.path.remote_candidate_type.as_ref()),
        ice_round_trip_us: Optional<i64> = row.path.ice_round_trip_us,
        ice_round_trip_count: Optional<i64> = row.path.ice_round_trip_count,
        available_outgoing_bitrate: Optional<i64> = row.path.available_outgoing_bitrate,
        stream_packets: Optional<i64> = row.interval.stream_packets,
        packets_received: Optional<i64> = row.interval.packets_received,
        packets_lost: Optional<i64> = row.interval.packets_lost,
        packets_sent: Optional<i64> = row.interval.packets_sent,
        bytes: Optional<i64> = row.interval.bytes,
        retransmitted_packets: Optional<i64> = row.interval.retransmitted_packets,
        packets_discarded: Optional<i64> = row.interval.packets_discarded,
        fec_packets: Optional<i64> = row.interval.fec_packets,
        nack: Optional<i64> = row.interval.nack,
        pli: Optional<i64> = row.interval.pli,
        fir: Optional<i64> = row.interval.fir,
        frames: Optional<i64> = row.interval.frames,
        frames_dropped: Optional<i64> = row.interval.frames_dropped,
        key_frames: Optional<i64> = row.interval.key_frames,
        qp_sum: Optional<i64> = row.interval.qp_sum,
        freeze_count: Optional<i64> = row.interval.freeze_count,
        freeze_us: Optional<i64> = row.interval.freeze_us,
        pause_count: Optional<i64> = row.interval.pause_count,
        pause_us: Optional<i64> = row.interval.pause_us,
        total_samples: Optional<i64> = row.interval.total_samples,
        concealed_samples: Optional<i64> = row.interval.concealed_samples,
        jitter_buffer_us: Optional<i64> = row.interval.jitter_buffer_us,
        jitter_buffer_emitted: Optional<i64> = row.interval.jitter_buffer_emitted,
        round_trip_us: Optional<i64> = row.interval.round_trip_us,
        round_trip_count: Optional<i64> = row.interval.round_trip_count,
        jitter_us: Optional<i64> = row.interval.jitter_us,
        frame_width: Optional<i64> = row.interval.frame_width,
        frame_height: Optional<i64> = row.interval.frame_height,
        audio_level_micro: Optional<i64> = row.interval.audio_level_micro,
        limited_cpu_us: Optional<i64> = row.interval.limited_cpu_us,
        limited_bandwidth_us: Optional<i64> = row.interval.limited_bandwidth_us,
        audio_mos_milli: Optional<i32> = row.audio_mos_milli,
        verdict: Words = verdict(row.verdict),
        look_up_city: Words = &row.report.look_ups.city,
        look_up_asn: Words = &row.report.look_ups.asn,
        look_up_user_agent: Words = &row.report.look_ups.user_agent,
        look_up_pack: Words = &row.report.look_ups.pack,
        look_up_score: Words = &row.report.look_ups.score,
    }
}

table! {
    /// One row a cell and block.
    CellPartials, "cell_partials", |row: CellPartial| {
        window_start: Plain<Seconds> = seconds(row.window_start).unwrap_or_default(),
        window_s: Plain<i32> = row.window_s,
        grouping: Words = &row.grouping,
        app: Words = &row.dimensions.app,
        continent: Words = &row.dimensions.continent,
        country: Words = &row.dimensions.country,
        subdivision: Words = &row.dimensions.subdivision,
        asn: Plain<i64> = row.dimensions.asn,
        organisation: Words = &row.dimensions.organisation,
        network_type: Words = &row.dimensions.network_type,
        edge: Words = &row.dimensions.edge,
        device_class: Words = &row.dimensions.device_class,
        os: Words = &row.dimensions.os,
        browser: Words = &row.dimensions.browser,
        client_version: Words = &row.dimensions.client_version,
        kind: Words = kind(row.dimensions.kind),
        direction: Words = direction(row.dimensions.direction),
        epoch: Plain<i32> = row.epoch,
        partition: Plain<i32> = row.partition,
        block_start: Plain<i64> = row.block_start,
        upto: Plain<i64> = row.upto,
        intervals: Plain<i64> = row.measures.intervals,
        observed_us: Plain<i64> = row.measures.observed_us,
        packets_received: Plain<i64> = row.measures.packets_received,
        packets_lost: Plain<i64> = row.measures.packets_lost,
        bytes: Plain<i64> = row.measures.bytes,
        frames: Plain<i64> = row.measures.frames,
        freeze_us: Plain<i64> = row.measures.freeze_us,
        freeze_count: Plain<i64> = row.measures.freeze_count,
        concealed_samples: Plain<i64> = row.measures.concealed_samples,
        total_samples: Plain<i64> = row.measures.total_samples,
        nack: Plain<i64> = row.measures.nack,
        pli: Plain<i64> = row.measures.pli,
        fir: Plain<i64> = row.measures.fir,
        setups_attempted: Plain<i64> = row.measures.setups_attempted,
        setups_failed: Plain<i64> = row.measures.setups_failed,
        poor_us: Plain<i64> = row.measures.poor_us,
        good_us: Plain<i64> = row.measures.good_us,
        unclassified_us: Plain<i64> = row.measures.unclassified_us,
        round_trip_ms: States = &row.sketches.round_trip_ms,
        jitter_ms: States = &row.sketches.jitter_ms,
        loss: States = &row.sketches.loss,
        bit_rate_bps: States = &row.sketches.bit_rate_bps,
        frame_rate: States = &row.sketches.frame_rate,
        audio_mos: States = &row.sketches.audio_mos,
        video_mos: States = &row.sketches.video_mos,
        time_to_media_ms: States = &row.sketches.time_to_media_ms,
    }
}

table! {
    /// One row a session and block.
    SessionPartials, "session_partials", |row: SessionPartial| {
        app: Words = &row.app,
        call: Text = &row.call,
        participant: Text = &row.participant,
        epoch: Plain<i32> = row.epoch,
        partition: Plain<i32> = row.partition,
        block_start: Plain<i64> = row.block_start,
        upto: Plain<i64> = row.upto,
        first_us: Plain<Micros> = Micros(row.first_us),
        last_us: Plain<Micros> = Micros(row.last_us),
        last_raw_offset: Plain<i64> = row.last_raw_offset,
        continent: Words = &row.place.continent,
        country: Words = &row.place.country,
        subdivision: Words = &row.place.subdivision,
        city: Words = &row.place.city,
        asn: Plain<i64> = row.provider.asn,
        organisation: Words = &row.provider.organisation,
        device_class: Words = &row.device.class,
        os: Words = &row.device.os,
        browser: Words = &row.device.browser,
        browser_version: Words = &row.device.browser_version,
        network: Words = &row.network,
        network_type: Words = &row.network_type,
        transport: Words = &row.transport,
        edge: Words = &row.edge,
        client_version: Words = &row.client_version,
        joined: Plain<i64> = row.joined,
        connected: Plain<i64> = row.connected,
        failed: Plain<i64> = row.failed,
        left: Plain<i64> = row.left,
        rating_sum: Plain<i64> = row.rating_sum,
        rating_count: Plain<i64> = row.rating_count,
        time_to_media_ms_sum: Plain<i64> = row.time_to_media_ms_sum,
        time_to_media_count: Plain<i64> = row.time_to_media_count,
        round_trip_us: Plain<i64> = row.round_trip_us,
        round_trip_count: Plain<i64> = row.round_trip_count,
        audio_mos_milli_sum: Plain<i64> = row.audio_mos_milli_sum,
        audio_mos_count: Plain<i64> = row.audio_mos_count,
        intervals: Plain<i64> = row.measures.intervals,
        observed_us: Plain<i64> = row.measures.observed_us,
        packets_received: Plain<i64> = row.measures.packets_received,
        packets_lost: Plain<i64> = row.measures.packets_lost,
        bytes: Plain<i64> = row.measures.bytes,
        frames: Plain<i64> = row.measures.frames,
        freeze_us: Plain<i64> = row.measures.freeze_us,
        freeze_count: Plain<i64> = row.measures.freeze_count,
        concealed_samples: Plain<i64> = row.measures.concealed_samples,
        total_samples: Plain<i64> = row.measures.total_samples,
        nack: Plain<i64> = row.measures.nack,
        pli: Plain<i64> = row.measures.pli,
        fir: Plain<i64> = row.measures.fir,
        setups_attempted: Plain<i64> = row.measures.setups_attempted,
        setups_failed: Plain<i64> = row.measures.setups_failed,
        poor_us: Plain<i64> = row.measures.poor_us,
        good_us: Plain<i64> = row.measures.good_us,
        unclassified_us: Plain<i64> = row.measures.unclassified_us,
    }
}

table! {
    /// One row a block.
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
        duplicate: Plain<i64> = row.duplicate,
        late: Plain<i64> = row.late,
        invalid: Plain<i64> = row.invalid,
        undecodable: Plain<i64> = row.undecodable,
        intervals: Plain<i64> = row.intervals,
        first_window: Plain<Seconds> = seconds(row.first_window).unwrap_or_default(),
        last_window: Plain<Seconds> = seconds(row.last_window).unwrap_or_default(),
        raw_holes: Plain<i64> = row.raw_holes,
    }
}

/// An interval, with the report that it came in.
#[derive(Clone, Copy, Debug)]
struct Sample<'a> {
    report: &'a EnrichedReport,
    path: &'a Path,
    ordinal: u16,
    interval: &'a Interval,
    audio_mos_milli: Option<i32>,
    verdict: Verdict,
}

impl Table for Samples {
    type Record = EnrichedReport;

    fn add(&mut self, report: &EnrichedReport) -> Result<(), Unfit> {
        if report.intervals.len() > usize::from(u16::MAX) {
            return Err(Unfit("more than 65535 intervals"));
        }
        let no_path = Path::default();
        let path = report.path.as_ref().unwrap_or(&no_path);
        for (ordinal, scored) in (0..).zip(&report.intervals) {
            self.push(&Sample {
                report,
                path,
                ordinal,
                interval: &scored.interval,
                audio_mos_milli: scored.audio_mos_milli,
                verdict: scored.verdict,
            });
        }
        Ok(())
    }
}

impl Table for CellPartials {
    type Record = CellPartial;

    fn add(&mut self, cell: &CellPartial) -> Result<(), Unfit> {
        seconds(cell.window_start)?;
        let Sketches {
            round_trip_ms,
            jitter_ms,
            loss,
            bit_rate_bps,
            frame_rate,
            audio_mos,
            video_mos,
            time_to_media_ms,
        } = &cell.sketches;
        let sketches = [
            round_trip_ms,
            jitter_ms,
            loss,
            bit_rate_bps,
            frame_rate,
            audio_mos,
            video_mos,
            time_to_media_ms,
        ];
        if !sketches.into_iter().all(|sketch| is_whole(sketch)) {
            return Err(Unfit("a sketch is no quantilesDD state"));
        }
        self.push(cell);
        Ok(())
    }

    fn hours(&self) -> Vec<u32> {
        let hours = self.window_start.0.iter().map(|Seconds(start)| start - start % 3600);
        hours.collect::<BTreeSet<_>>().into_iter().collect()
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

fn seconds(time: i64) -> Result<Seconds, Unfit> {
    u32::try_from(time).map(Seconds).map_err(|_| Unfit("a time is before 1970 or after 2106"))
}

/// What was not told is an empty text.
fn told(text: Option<&String>) -> &str {
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

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unclassified => "unclassified",
        Verdict::Good => "good",
        Verdict::Poor => "poor",
    }
}
