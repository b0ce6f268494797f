//! Sink and migrate with a real ClickHouse, without Kafka: the tests call sink's handler.

mod driver;
mod hours;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use deploy::migrate::{self, State};
use schemas::{
    BlockAudit, CellPartial, Device, Dimensions, EnrichedReport, Interval, Lineage, LookUps,
    Measures, PackTime, PackVerdict, Place, ScoredInterval, SessionPartial, Sketches, Verdict,
};

use driver::{Driver, Server};

const CELLS: usize = 0;
const SESSIONS: usize = 1;
const HOURS: usize = 2;
const BLOCKS: usize = 3;
const ENRICHED: usize = 4;
const HOUR: i64 = 3600;

/// Returns a state of `quantilesDD(0.01, …)` with one value in each bin of `keys`, which are in
/// ascending order.
fn state(keys: &[i32]) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend_from_slice(&((1.0 + 0.01) / (1.0_f64 - 0.01)).to_le_bytes());
    bytes.extend_from_slice(&0_f64.to_le_bytes());
    bytes.extend_from_slice(&[1, 4, u8::try_from(keys.len()).unwrap()]);
    let mut last = 0;
    for key in keys {
        let mut number = u32::try_from((key - last) * 2).unwrap();
        last = *key;
        while number >= 0x80 {
            bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        bytes.push(u8::try_from(number).unwrap());
        bytes.extend_from_slice(&1_f64.to_le_bytes());
    }
    bytes.extend_from_slice(&[3, 4, 0, 4]);
    bytes.extend_from_slice(&0_f64.to_le_bytes());
    bytes
}

fn partial(block_start: i64, upto: i64, window: i64, country: &str, intervals: i64) -> CellPartial {
    let nothing = state(&[]);
    CellPartial {
        epoch: 1,
        partition: 0,
        block_start,
        upto,
        grouping: "place".to_owned(),
        window_start: window,
        window_s: 60,
        dimensions: Dimensions { app: "live".into(), country: country.into(), ..<_>::default() },
        measures: Measures { intervals, packets_lost: -intervals, ..Measures::default() },
        packs: vec![PackTime { pack: "one@1".into(), poor_us: intervals, ..PackTime::default() }],
        sketches: Sketches {
            round_trip_ms: state(&[100, i32::try_from(150 + intervals).unwrap()]),
            jitter_ms: nothing.clone(),
            loss: nothing.clone(),
            bit_rate_bps: nothing.clone(),
            frame_rate: nothing.clone(),
            audio_mos: nothing.clone(),
            video_mos: nothing.clone(),
            time_to_media_ms: nothing,
        },
    }
}

/// Version and visible values by identity.
type Truth = BTreeMap<(i64, i64, String), (i64, i64)>;

/// Returns the expected content of the views: by window and country, of each identity's newest
/// version.
fn fold(truth: &Truth) -> BTreeMap<(i64, String), i64> {
    let mut cells = BTreeMap::new();
    for ((_, window, country), (_, intervals)) in truth {
        *cells.entry((*window, country.clone())).or_default() += intervals;
    }
    cells
}

impl Server {
    /// Returns a view of cells in the form of the fold; the minimum of one sketch represents all
    /// percentiles.
    async fn cells(&self, view: &str) -> BTreeMap<(i64, String), i64> {
        let query = format!(
            "SELECT toInt64(toUnixTimestamp(window_start)) AS start, country, \
             toInt64(sum(intervals)), toInt64(sum(packets_lost)), \
             quantileDDMerge(0.01, 0)(round_trip_ms) FROM {view} \
             WHERE app = 'live' GROUP BY start, country"
        );
        let cells = self.client("dashboard").query(&query);
        let cells = cells.fetch_all::<(i64, String, i64, i64, f64)>().await.unwrap();
        cells
            .into_iter()
            .map(|(start, country, intervals, lost, least)| {
                assert_eq!(lost, -intervals);
                assert!((least - 7.43).abs() < 0.1, "{least}");
                ((start, country), intervals)
            })
            .collect()
    }
}

/// Checks that views equal the plain fold before, while and after hours become roll-ups, and when
/// late data reopens them.
#[tokio::test]
async fn views_equal_the_fold_during_roll_up() {
    let server = Server::start().await;
    let admin = server.client("migrate");
    let now = server.now().await;
    let first = now - now % HOUR - 2 * HOUR;
    let mut truth = Truth::new();
    let mut sink = server.sink();
    let source = sink.assign(CELLS);
    let mut offset = 0;
    let mut insert = |sink: &mut Driver, truth: &mut Truth, partial: CellPartial| {
        let key = (partial.block_start, partial.window_start, partial.dimensions.country.clone());
        let (version, intervals) = truth.entry(key).or_default();
        if partial.upto > *version {
            (*version, *intervals) = (partial.upto, partial.measures.intervals);
        }
        sink.record(source, offset, &schemas::encode(&partial).unwrap());
        offset += 1;
    };
    // Two past hours and a future one, several blocks, every partial in two versions, some with the
    // newer one first.
    for hour in [0, 1, 3] {
        for block in 0..4 {
            for window in 0..5 {
                let start = first + hour * HOUR + window * 60;
                let versions = if block % 2 == 0 { [(5, 1), (9, 3)] } else { [(9, 3), (5, 1)] };
                for (upto, intervals) in versions {
                    let upto = block * 10 + upto;
                    let partial = partial(block * 10, upto, start, "DE", intervals + window);
                    insert(&mut sink, &mut truth, partial);
                }
            }
        }
    }
    assert_eq!(sink.settle().await, 120);
    // The two past hours are closed; the views are the same before and after.
    let patience = Instant::now() + Duration::from_secs(180);
    while server.count("open_hours").await > 1 {
        for view in ["cells", "cell_rows"] {
            assert_eq!(server.cells(view).await, fold(&truth), "{view} while hours close");
        }
        assert!(Instant::now() < patience, "hours do not close");
    }
    assert_eq!(server.cells("cells").await, fold(&truth), "after hours have closed");
    assert_eq!(server.cells("cells").await, server.cells("folded_partials").await);

    // Late data: a cell grows, with a longer window, and another one appears.
    let longer = CellPartial { window_s: 300, ..partial(70, 71, first, "DE", 2) };
    insert(&mut sink, &mut truth, longer);
    insert(&mut sink, &mut truth, partial(70, 71, first + 120, "NZ", 4));
    sink.settle().await;
    assert_eq!(server.count("open_hours").await, 2);
    assert_eq!(server.cells("cells").await, fold(&truth), "with late data");
    // Makes the hour due again immediately.
    let due = "ALTER TABLE rollup_hours UPDATE built_at = built_at - 3600 WHERE built > 0 \
               SETTINGS mutations_sync = 1";
    admin.query(due).execute().await.unwrap();
    server.wait_for("open_hours", 1).await;
    assert_eq!(server.cells("cells").await, fold(&truth), "after the hour has closed again");
    let lengths =
        "SELECT toInt64(window_s) FROM cells WHERE app = 'live' ORDER BY window_start, country";
    assert_eq!(server.numbers(lengths).await[..2], [300, 60], "one cell of two lengths");

    for (view, window) in [("cells_hourly", HOUR), ("cells_daily", 24 * HOUR)] {
        let mut closed = BTreeMap::new();
        for ((start, country), intervals) in fold(&truth) {
            if start < first + 2 * HOUR {
                *closed.entry((start - start % window, country)).or_default() += intervals;
            }
        }
        assert_eq!(server.cells(view).await, closed, "{view}");
    }
}

/// Checks that rows arrive unchanged after repeated inserts, and that missing values stay missing.
#[tokio::test]
async fn rows_arrive_as_they_were_sent() {
    let server = Server::start().await;
    let mut sink = server.sink();
    let source = sink.assign(ENRICHED);
    let interval = |packets_lost| ScoredInterval {
        interval: Interval {
            stats_id: "IT01A1".into(),
            codec: Some("audio/opus".into()),
            ssrc: 4_000_000_000,
            start_us: 1_800_000_000_000_000,
            end_us: 1_800_000_010_000_000,
            packets_lost,
            ..Interval::default()
        },
        audio_mos_milli: packets_lost.map(|_| 4321),
        video_mos_milli: None,
        verdicts: [(Verdict::Good, None), (Verdict::Poor, Some("loss".to_owned()))]
            .map(|(verdict, reason)| PackVerdict { verdict, reason })
            .to_vec(),
    };
    for offset in 0..600 {
        let report = EnrichedReport {
            lineage: Lineage { raw_to: offset, ..Lineage::default() },
            app: "live-rows".into(),
            call: format!("call {offset} «ü»"),
            place: Place { city: format!("city {offset}"), ..Place::default() },
            device: Device { class: "mobile".into(), ..Device::default() },
            look_ups: LookUps { packs: vec!["a@1".into(), "b@2".into()], ..LookUps::default() },
            intervals: vec![interval(None), interval(Some(-3)), interval(Some(0))],
            ..EnrichedReport::default()
        };
        let payload = schemas::encode(&report).unwrap();
        sink.record(source, offset * 2, &payload);
        sink.record(source, offset * 2 + 1, &payload);
    }
    assert_eq!(sink.settle().await, 1200);
    let rows = "SELECT toString((call, city, ordinal, packets_lost, audio_mos_milli, codec, \
                verdict, verdict_by_pack, reason_by_pack, device_class, kind, ssrc, end_us, look_up_city)) \
                FROM samples FINAL WHERE app = 'live-rows' ORDER BY raw_to, ordinal";
    let rows: Vec<String> = server.client("dashboard").query(rows).fetch_all().await.unwrap();
    assert_eq!(rows.len(), 1800);
    for (at, row) in rows.iter().enumerate() {
        let (report, ordinal) = (at / 3, at % 3);
        let (lost, mos) = [("NULL", "NULL"), ("-3", "4321"), ("0", "4321")][ordinal];
        let wanted = format!(
            "('call {report} «ü»','city {report}',{ordinal},{lost},{mos},'audio/opus','good',\
             {{'a@1':'good','b@2':'poor'}},{{'b@2':'loss'}},'mobile','audio',4000000000,'2027-01-15 08:00:10.000000','')"
        );
        assert_eq!(*row, wanted);
    }
}

/// Checks that a session is one row with the place of its last event, for any order of blocks.
#[tokio::test]
async fn a_session_is_one_row() {
    let server = Server::start().await;
    let mut sink = server.sink();
    let source = sink.assign(SESSIONS);
    let block = |block_start: i64, upto, last_us, country: &str, joined| SessionPartial {
        block_start,
        upto,
        app: "live-session".into(),
        first_us: last_us - 5,
        last_us,
        last_raw_offset: upto,
        place: Place { country: country.into(), ..Place::default() },
        joined,
        ..SessionPartial::default()
    };
    let now = 1_000_000 * server.now().await;
    for (offset, partial) in [
        block(20_000_000, 20_000_009, now + 90, "AT", 0),
        block(0, 9, now + 20, "DE", 2),
        block(0, 5, now + 10, "FR", 1),
    ]
    .iter()
    .enumerate()
    {
        let offset = i64::try_from(offset).unwrap();
        sink.record(source, offset, &schemas::encode(partial).unwrap());
    }
    sink.settle().await;
    let sessions = "SELECT toUnixTimestamp64Micro(first_us), toUnixTimestamp64Micro(last_us), \
                    country, joined FROM sessions WHERE app = 'live-session'";
    let sessions = server.client("dashboard").query(sessions);
    let sessions = sessions.fetch_all::<(i64, i64, String, i64)>().await.unwrap();
    assert_eq!(sessions, [(now + 15, now + 90, "AT".to_owned(), 2)]);
}

/// Checks that unreadable records and values out of range become dead letters and all others
/// arrive.
#[tokio::test]
async fn invalid_records_are_dead_lettered_and_the_others_arrive() {
    let server = Server::start().await;
    let mut sink = server.sink();
    let source = sink.assign(CELLS);
    let now = server.now().await;
    let mut good = partial(0, 1, now - now % 60, "DE", 1);
    good.dimensions.app = "live-good".into();
    let mut broken = good.clone();
    broken.dimensions.app = "live-broken".into();
    broken.sketches.loss.pop();
    sink.record(source, 7, b"\0none");
    sink.record(source, 8, &schemas::encode(&broken).unwrap());
    sink.record(source, 9, &schemas::encode(&good).unwrap());
    assert_eq!(sink.settle().await, 10);
    let letters = sink.out.sent.iter().map(|sent| {
        let letter: schemas::DeadLetter = schemas::decode(&sent.payload).unwrap();
        (letter.source_offset, letter.reason)
    });
    let wanted = [(7, "undecodable".to_owned()), (8, "unfit".to_owned())];
    assert!(letters.eq(wanted));
    assert_eq!(server.count("cells WHERE app = 'live-good'").await, 1);
    assert_eq!(server.count("cells WHERE app = 'live-broken'").await, 0);
}

/// Checks that sink finds the rows that ClickHouse rejects.
#[tokio::test]
async fn rows_rejected_by_clickhouse_are_dead_lettered() {
    let server = Server::start().await;
    let picky = "ALTER TABLE blocks ADD CONSTRAINT picky CHECK read < 1000";
    server.client("migrate").query(picky).execute().await.unwrap();
    let mut sink = server.sink();
    let source = sink.assign(BLOCKS);
    let append_minute = server.now().await / 60;
    for offset in 0..50 {
        let read = if [17, 40].contains(&offset) { 1000 } else { offset };
        let audit = BlockAudit { block_start: offset, append_minute, read, ..<_>::default() };
        sink.record(source, offset, &schemas::encode(&audit).unwrap());
    }
    assert_eq!(sink.settle().await, 50);
    let mut refused: Vec<_> = sink
        .out
        .sent
        .iter()
        .map(|sent| {
            let letter: schemas::DeadLetter = schemas::decode(&sent.payload).unwrap();
            (letter.source_offset, letter.reason)
        })
        .collect();
    refused.sort();
    assert_eq!(refused, [17, 40].map(|offset| (offset, "refused_by_clickhouse".to_owned())));
    assert_eq!(server.count("blocks FINAL").await, 48);
}

/// Checks tables of an earlier schema and changed tables.
#[tokio::test]
async fn migrate_and_check_report_missing_columns() {
    let server = Server::start().await;
    let client = server.client("migrate");
    let report = migrate::status(&client).await.unwrap();
    assert_eq!(migrate::differences(&client, &report).await.unwrap(), []);
    let check = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_isobar"))
            .args(["sink", "check", "--connect"])
            .env("ISOBAR_KAFKA__BROKERS", "127.0.0.1:1")
            .env("ISOBAR_SINK__URL", server.url())
            .env("ISOBAR_SINK__PASSWORD", server.password("sink"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let words = check();
    assert!(!words.contains("sink.url"), "{words}");

    for statement in [
        "ALTER TABLE samples DROP COLUMN codec",
        "ALTER TABLE blocks MODIFY COLUMN read Int32",
        "DROP VIEW league",
    ] {
        client.query(statement).execute().await.unwrap();
    }
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_isobar"))
        .args(["migrate", "status", "--clickhouse", server.url(), "--password-from", "PASSWORD"])
        .env("PASSWORD", server.password("migrate"))
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(1));
    let files = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(files.contains("applied      0001_samples.sql"), "{files}");
    let applied = migrate::apply(&client).await.unwrap_err().to_string();
    for words in [String::from_utf8_lossy(&status.stderr).into_owned(), applied] {
        for expected in [
            "league is missing",
            "samples has no column codec",
            "blocks.read is Int32, must be Int64",
        ] {
            assert!(words.contains(expected), "{expected} is not in\n{words}");
        }
    }
    let words = check();
    assert!(words.contains("sink.url") && words.contains("samples.codec"), "{words}");
}

#[tokio::test]
async fn migrations_resume_where_they_failed_and_notice_changed_files() {
    let server = Server::start().await;
    let client = server.client("migrate");
    let applied = |report: &migrate::Report, wanted| report.iter().all(|(_, s)| *s == wanted);
    assert!(applied(&migrate::status(&client).await.unwrap(), State::Applied));
    assert!(applied(&migrate::apply(&client).await.unwrap(), State::Applied));

    // As if the file before these had been the last one, and the next one had failed half-way.
    let forget = "ALTER TABLE migrations DELETE WHERE file >= '0006' SETTINGS mutations_sync = 1";
    for statement in [forget, "DROP VIEW poor_share_by_client"] {
        client.query(statement).execute().await.unwrap();
    }
    let report = migrate::apply(&client).await.unwrap();
    for (file, state) in report {
        let wanted = if file < "0006" { State::Applied } else { State::New };
        assert_eq!(state, wanted, "{file}");
    }
    let restored = "poor_share_by_client(from = now() - INTERVAL 1 HOUR, to = now())";
    assert_eq!(server.count(restored).await, 0);

    let other = "INSERT INTO migrations VALUES ('0002_partials.sql', 'other', now() + 1)";
    client.query(other).execute().await.unwrap();
    let refusal = migrate::apply(&client).await.unwrap_err().to_string();
    assert!(refusal.starts_with("0002_partials.sql has been changed"), "{refusal}");
    assert!(refusal.contains("if `isobar up` keeps this database"), "{refusal}");
}
