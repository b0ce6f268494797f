//! Contents of ClickHouse's views.

mod hours;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use clickhouse::Client;
use schemas::{
    BlockAudit, Device, Dimensions, Direction, Kind, Measures, Place, PlaceSource, Provider,
    SessionPartial, StreamPartial,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncBufReadExt;

use super::error::VerifyError;
use super::options::ClickHouse;
use crate::oracle::{self, Bins, Cell, CellKey, Packs, SKETCHES, SessionKey};

pub(super) struct Reader {
    client: Client,
}

#[derive(Deserialize)]
struct CellRow {
    grouping: String,
    start_s: i64,
    #[serde(flatten)]
    dimensions: Dimensions,
    #[serde(flatten)]
    measures: Measures,
    #[serde(flatten)]
    packs: PackColumns,
    /// States by column, in hexadecimal.
    #[serde(flatten)]
    sketches: HashMap<String, String>,
}

#[derive(Deserialize)]
struct SessionRow {
    app: String,
    call: String,
    participant: String,
    from_us: i64,
    to_us: i64,
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    provider: Provider,
    place_source: PlaceSource,
    device_class: String,
    os: String,
    browser: String,
    browser_version: String,
    network: String,
    network_type: String,
    transport: String,
    edge: String,
    client_version: String,
    joined: i64,
    connected: i64,
    failed: i64,
    left: i64,
    disconnected: i64,
    reconnected: i64,
    device_failed: i64,
    selected_pair_changes: i64,
    time_to_connect_ms_sum: i64,
    time_to_connect_count: i64,
    rating_sum: i64,
    rating_count: i64,
    time_to_media_ms_sum: i64,
    time_to_media_count: i64,
    round_trip_us: i64,
    round_trip_count: i64,
    audio_mos_milli_sum: i64,
    audio_mos_count: i64,
    video_mos_milli_sum: i64,
    video_mos_count: i64,
    cqd_streams: Vec<StreamRow>,
    cqd_poor_streams: i64,
    cqd_good_streams: i64,
    cqd_unclassified_streams: i64,
    streams_beyond: i64,
    #[serde(flatten)]
    measures: Measures,
    #[serde(flatten)]
    packs: PackColumns,
}

#[derive(Deserialize)]
struct StreamRow {
    kind: Kind,
    direction: Direction,
    content: String,
    h264s: i64,
    observed_us: i64,
    packets: i64,
    packets_lost: i64,
    packets_expected: i64,
    round_trip_us: i64,
    round_trip_count: i64,
    jitter_us: i64,
    jitter_count: i64,
    frames_dropped: i64,
    frames_offered: i64,
    frames: i64,
    frames_us: i64,
    source_frames: i64,
    source_us: i64,
    withheld_us: i64,
}

impl StreamRow {
    fn stream(self) -> StreamPartial {
        StreamPartial {
            stream: 0,
            kind: self.kind,
            direction: self.direction,
            screen_share: match self.content.as_str() {
                "screen" => Some(true),
                "camera" => Some(false),
                _ => None,
            },
            h264s: self.h264s != 0,
            observed_us: self.observed_us,
            packets: self.packets,
            packets_lost: self.packets_lost,
            packets_expected: self.packets_expected,
            round_trip_us: self.round_trip_us,
            round_trip_count: self.round_trip_count,
            jitter_us: self.jitter_us,
            jitter_count: self.jitter_count,
            frames_dropped: self.frames_dropped,
            frames_offered: self.frames_offered,
            frames: self.frames,
            frames_us: self.frames_us,
            source_frames: self.source_frames,
            source_us: self.source_us,
            withheld_us: self.withheld_us,
        }
    }
}

/// Time by pack, a map by pack for each verdict.
#[derive(Deserialize)]
struct PackColumns {
    poor_us_by_pack: BTreeMap<String, i64>,
    good_us_by_pack: BTreeMap<String, i64>,
    unclassified_us_by_pack: BTreeMap<String, i64>,
}

impl PackColumns {
    fn packs(self) -> Packs {
        let columns = [self.poor_us_by_pack, self.good_us_by_pack, self.unclassified_us_by_pack];
        let mut packs = Packs::new();
        for (place, column) in columns.into_iter().enumerate() {
            for (pack, time_us) in column {
                packs.entry(pack).or_default()[place] = time_us;
            }
        }
        packs
    }
}

impl Reader {
    pub(super) fn new(options: &ClickHouse) -> Self {
        let client = Client::default()
            .with_url(&options.url)
            .with_database(&options.database)
            .with_user(&options.user)
            .with_password(&options.password)
            .with_setting("output_format_json_quote_64bit_integers", "0");
        Self { client }
    }

    async fn rows<T: DeserializeOwned>(
        &self,
        table: &'static str,
        query: &str,
    ) -> Result<Vec<T>, VerifyError> {
        let mut lines = self.client.query(query).fetch_bytes("JSONEachRow")?.lines();
        let mut rows = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let row = serde_json::from_str(&line);
            rows.push(row.map_err(|source| VerifyError::Row { table, source })?);
        }
        Ok(rows)
    }

    /// Audits of blocks, of each in its newest version.
    pub(super) async fn blocks(&self) -> Result<Vec<BlockAudit>, VerifyError> {
        let query = "SELECT * REPLACE (toUnixTimestamp(first_window) AS first_window, \
                     toUnixTimestamp(last_window) AS last_window) FROM blocks FINAL";
        self.rows("blocks", query).await
    }

    /// Cells of the windows that start within `windows`, s since the Unix epoch.
    pub(super) async fn cells(
        &self,
        windows: Range<i64>,
    ) -> Result<Vec<(CellKey, Cell)>, VerifyError> {
        let sketches = SKETCHES.map(|name| format!("hex({name}) AS {name}_hex")).join(", ");
        let query = format!(
            "SELECT * EXCEPT ({}, window_start, window_s), \
             toUnixTimestamp(window_start) AS start_s, {sketches} FROM cells \
             WHERE window_start >= toDateTime({}, 'UTC') AND window_start < toDateTime({}, 'UTC')",
            SKETCHES.join(", "),
            windows.start,
            windows.end
        );
        let rows: Vec<CellRow> = self.rows("cells", &query).await?;
        rows.into_iter().map(CellRow::cell).collect()
    }

    /// Sessions with records in several partitions.
    pub(super) async fn split_sessions(&self) -> Result<Vec<(SessionKey, Vec<i32>)>, VerifyError> {
        let query = "SELECT * FROM split_sessions(since = toDateTime(0, 'UTC')) ORDER BY ALL";
        let rows: Vec<SplitRow> = self.rows("split_sessions", query).await?;
        let rows = rows.into_iter();
        Ok(rows.map(|row| ((row.app, row.call, row.participant), row.partitions)).collect())
    }

    /// Sessions, and how many of their streams are poor, good and unclassified.
    pub(super) async fn sessions(
        &self,
    ) -> Result<Vec<(SessionPartial, (SessionKey, [i64; 3]))>, VerifyError> {
        let query = "SELECT * EXCEPT (first_us, last_us), toUnixTimestamp64Micro(first_us) AS \
                     from_us, toUnixTimestamp64Micro(last_us) AS to_us FROM sessions";
        let rows: Vec<SessionRow> = self.rows("sessions", query).await?;
        Ok(rows.into_iter().map(SessionRow::session).collect())
    }
}

#[derive(Deserialize)]
struct SplitRow {
    app: String,
    call: String,
    participant: String,
    partitions: Vec<i32>,
}

impl CellRow {
    fn cell(self) -> Result<(CellKey, Cell), VerifyError> {
        let key = CellKey {
            grouping: self.grouping,
            window_start: self.start_s,
            dimensions: self.dimensions,
        };
        let (measures, packs) = (self.measures, self.packs.packs());
        let mut cell = Cell { measures, packs, ..Cell::default() };
        for (bins, sketch) in cell.sketches.iter_mut().zip(SKETCHES) {
            let hex = self.sketches.get(&format!("{sketch}_hex")).map_or("", String::as_str);
            *bins = Bins::from_hex(hex).map_err(|source| VerifyError::Sketch { sketch, source })?;
        }
        Ok((key, cell))
    }
}

impl SessionRow {
    fn session(self) -> (SessionPartial, (SessionKey, [i64; 3])) {
        let key = (self.app.clone(), self.call.clone(), self.participant.clone());
        let cqd = [self.cqd_poor_streams, self.cqd_good_streams, self.cqd_unclassified_streams];
        let mut streams: Vec<_> = self.cqd_streams.into_iter().map(StreamRow::stream).collect();
        streams.sort_unstable();
        let row = SessionPartial {
            app: self.app,
            call: self.call,
            participant: self.participant,
            first_us: self.from_us,
            last_us: self.to_us,
            place: self.place,
            provider: self.provider,
            device: Device {
                class: self.device_class,
                os: self.os,
                browser: self.browser,
                browser_version: self.browser_version,
            },
            network: self.network,
            network_type: self.network_type,
            transport: self.transport,
            edge: self.edge,
            client_version: self.client_version,
            joined: self.joined,
            connected: self.connected,
            failed: self.failed,
            left: self.left,
            disconnected: self.disconnected,
            reconnected: self.reconnected,
            device_failed: self.device_failed,
            selected_pair_changes: self.selected_pair_changes,
            time_to_connect_ms_sum: self.time_to_connect_ms_sum,
            time_to_connect_count: self.time_to_connect_count,
            rating_sum: self.rating_sum,
            rating_count: self.rating_count,
            time_to_media_ms_sum: self.time_to_media_ms_sum,
            time_to_media_count: self.time_to_media_count,
            round_trip_us: self.round_trip_us,
            round_trip_count: self.round_trip_count,
            audio_mos_milli_sum: self.audio_mos_milli_sum,
            audio_mos_count: self.audio_mos_count,
            video_mos_milli_sum: self.video_mos_milli_sum,
            video_mos_count: self.video_mos_count,
            measures: self.measures,
            packs: oracle::rows(self.packs.packs()),
            place_source: self.place_source,
            streams,
            streams_beyond: self.streams_beyond,
            ..SessionPartial::default()
        };
        (row, (key, cqd))
    }
}
