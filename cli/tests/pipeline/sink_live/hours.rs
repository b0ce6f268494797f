//! Sums and percentiles by minute, hour and day, and sessions by hour and day.

use schemas::{HourPartial, HourStream, Kind, Provider};

use super::*;

const DAY: i64 = 24 * HOUR;

/// Country, intervals, and p50 and p95 of the round trip as text, of all time.
type Overview = Vec<(String, i64, String)>;

/// A row of `session_days`: country, sessions, judged, and Σw, Σy, Σw², Σwy, Σy² as text.
type Days = Vec<(String, u64, u64, String)>;

impl Server {
    async fn overview(&self, from: &str) -> Overview {
        let query = format!(
            "SELECT country, toInt64(sum(intervals)), \
             arrayStringConcat(arrayMap(ms -> toString(ms), \
             quantilesDDMerge(0.01, 0.5, 0.95)(round_trip_ms)), ' ') FROM {from} \
             GROUP BY country ORDER BY country"
        );
        self.client("dashboard").query(&query).fetch_all().await.unwrap()
    }

    async fn days(&self) -> Days {
        let query = "SELECT country, toUInt64(sum(sessions)), toUInt64(sum(judged)), \
                     arrayStringConcat(arrayMap(s -> toString(s), \
                     [toInt256(sum(w)), toInt256(sum(y)), sum(ww), sum(wy), sum(yy)]), ' ') \
                     FROM session_days GROUP BY country ORDER BY country";
        self.client("dashboard").query(query).fetch_all().await.unwrap()
    }
}

fn of_client(mut partial: CellPartial) -> CellPartial {
    partial.grouping = "client".to_owned();
    partial.dimensions.browser = "Firefox".to_owned();
    partial.dimensions.browser_version = "152".to_owned();
    partial
}

fn session_hour(
    block_start: i64,
    upto: i64,
    hour: i64,
    call: &str,
    times: (i64, i64),
) -> HourPartial {
    let (poor_us, good_us) = times;
    let measures = Measures { intervals: 1, poor_us, good_us, ..Measures::default() };
    let packs = vec![PackTime { pack: "one@1".into(), poor_us, good_us, unclassified_us: 0 }];
    HourPartial {
        block_start,
        upto,
        hour,
        app: "live".into(),
        call: call.into(),
        place: Place { country: "DE".into(), ..Place::default() },
        provider: Provider { asn: 1, ..Provider::default() },
        streams: vec![HourStream { kind: Kind::Audio, measures, packs, ..HourStream::default() }],
        ..HourPartial::default()
    }
}

/// Checks that minutes, hours and days have the sums and percentiles of cells before, while and after they
/// become roll-ups, and when late data reopens them.
#[tokio::test]
async fn minutes_hours_and_days_agree_with_cells() {
    let server = Server::start().await;
    let now = server.now().await;
    let yesterday = now - now % DAY - DAY;
    let mut sink = server.sink();
    let source = sink.assign(CELLS);
    let mut offset = 0;
    let mut insert = |sink: &mut Driver, partial: CellPartial| {
        for partial in [of_client(partial.clone()), partial] {
            sink.record(source, offset, &schemas::encode(&partial).unwrap());
            offset += 1;
        }
    };
    // Hours of yesterday, which are over, and the running one; countries with other percentiles.
    for (start, block) in [(0, 0), (23 * HOUR, 10), (DAY + now % DAY, 20)] {
        // Of the running hour one minute, so that it does not end meanwhile.
        for window in if start < DAY { 0..3 } else { 0..1 } {
            let window = (yesterday + start) / 60 * 60 + 60 * window;
            for (country, intervals) in [("DE", 1), ("NZ", 40)] {
                insert(&mut sink, partial(block, block + 5, window, country, intervals));
                insert(&mut sink, partial(block, block + 6, window, country, intervals + 1));
            }
        }
    }
    sink.settle().await;
    agree(&server).await;
    server.wait_for("open_parts WHERE part = 'day' AND opened > built", 1).await;
    assert_eq!(server.count("open_hours WHERE opened > built").await, 1, "the running hour");
    agree(&server).await;
    let today = yesterday + DAY;
    let minutes = format!(
        "open_parts WHERE part = 'minute' AND opened > built AND start < toDateTime({today})"
    );
    server.wait_for(&minutes, 0).await;
    agree(&server).await;
    let admin = server.client("migrate");
    for table in ["overview_1m", "overview_1h", "overview_1d"] {
        let groupings = format!(
            "SELECT toInt64(uniqExact(grouping)) FROM {table} WHERE window_start < toDateTime({today})"
        );
        assert_eq!(admin.query(&groupings).fetch_one::<i64>().await.unwrap(), 3, "{table}");
    }

    insert(&mut sink, partial(70, 71, yesterday + 60, "AT", 9));
    sink.settle().await;
    assert_eq!(server.count(&minutes).await, 1, "late data opens its minute");
    agree(&server).await;
}

/// Sums and percentiles of each view are those of cells.
async fn agree(server: &Server) {
    for (grouping, of_cells) in [("country", "place"), ("provider", "place"), ("browser", "client")]
    {
        let cells = server.overview(&format!("cells WHERE grouping = '{of_cells}'")).await;
        assert!(cells.len() >= 2, "{cells:?}");
        for view in ["overview_minutes", "overview_hours", "overview_days"] {
            let from = format!("{view} WHERE grouping = '{grouping}'");
            assert_eq!(server.overview(&from).await, cells, "{view} by {grouping}");
        }
    }
    let versions = "overview_days WHERE grouping = 'browser' AND browser_version != '152'";
    assert_eq!(server.count(versions).await, 0);
}

/// Checks that a session counts once a day in its stratum, with the square of its own sum, before and
/// after its hours and its day are built, and when late data comes.
#[tokio::test]
async fn a_session_counts_once_a_day() {
    let server = Server::start().await;
    let now = server.now().await;
    let yesterday = now - now % DAY - DAY;
    let mut sink = server.sink();
    // The reader of this partition of cells keeps the roll-ups.
    sink.assign(CELLS);
    let source = sink.assign(HOURS);
    let mut offset = 0;
    let mut insert = |sink: &mut Driver, partial: HourPartial| {
        sink.record(source, offset, &schemas::encode(&partial).unwrap());
        offset += 1;
    };
    // Call a: two hours, the first in two blocks, one of them in two versions. Call b is not judged.
    insert(&mut sink, session_hour(0, 9, yesterday, "a", (2, 3)));
    insert(&mut sink, session_hour(0, 5, yesterday, "a", (1, 1)));
    insert(&mut sink, session_hour(10, 19, yesterday, "a", (1, 0)));
    insert(&mut sink, session_hour(20, 29, yesterday + HOUR, "a", (0, 4)));
    insert(&mut sink, session_hour(20, 29, yesterday + HOUR, "b", (0, 0)));
    insert(&mut sink, session_hour(20, 29, yesterday + HOUR, "c", (5, 5)));
    sink.settle().await;
    let words = |sums: [i64; 5]| sums.map(|sum| sum.to_string()).join(" ");
    // w and y: 10 and 3 of a, 10 and 5 of c.
    let wanted = vec![("DE".to_owned(), 3, 2, words([20, 8, 200, 80, 34]))];
    assert_eq!(server.days().await, wanted, "before anything is built");
    let hours = "SELECT toInt64(sum(poor_us)) FROM session_hours GROUP BY hour ORDER BY hour";
    assert_eq!(server.numbers(hours).await, [3, 5]);
    server.wait_for("open_parts WHERE part = 'day' AND opened > built", 0).await;
    assert_eq!(server.count("open_hours WHERE opened > built").await, 0);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(server.count("open_parts").await, 0, "the day is read from its table");
    assert_eq!(server.days().await, wanted, "after the day is built");
    assert_eq!(server.numbers(hours).await, [3, 5]);
    let packs = "SELECT sum(good_us_by_pack['one@1']) FROM session_hours WHERE call = 'a'";
    assert_eq!(server.numbers(packs).await, [7]);

    insert(&mut sink, session_hour(30, 31, yesterday + 2 * HOUR, "a", (1, 0)));
    sink.settle().await;
    let wanted = vec![("DE".to_owned(), 3, 2, words([21, 9, 221, 94, 41]))];
    assert_eq!(server.days().await, wanted, "with late data");
    server.wait_for("open_parts WHERE opened > built", 0).await;
    assert_eq!(server.days().await, wanted, "after the day is built again");
    let admin = server.client("migrate");
    let merge = "SELECT toInt64(sum(sessions)) FROM session_days_1d FINAL";
    assert_eq!(admin.query(merge).fetch_one::<i64>().await.unwrap(), 3);
}
