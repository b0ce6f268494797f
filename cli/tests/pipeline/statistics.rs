//! Statistics on a real ClickHouse: SQL functions, sketches, and views on sessions.

use std::collections::BTreeMap;

use accuracy::Server;
use deploy::connect::Cluster;
use deploy::migrate;
use stack::{Plan, Stack};
use statistics::{Estimate, Session, difference};

use crate::harness::Turn;

#[tokio::test]
async fn clickhouse_statistics_equal_those_of_the_rust_core() {
    let turn = Turn::take();
    // Kafka is not used.
    let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let access = stack.access();
    let server = Server { admin: access.client("migrate"), reader: access.client("dashboard") };
    migrate::apply(&server.admin).await.unwrap();

    whole_streams_are_judged_by_the_rules_of_cqd(&server).await;
    views_return_shares_of_sessions_in_the_range(&server).await;
    let findings = accuracy::online(&server, |_| ()).await.unwrap();
    assert!(findings.len() > 5, "{findings:#?}");
    for finding in findings {
        assert!(finding.ok, "{finding:#?}");
    }
}

/// Known quantities of a complete stream of 100 s.
#[derive(Clone, Copy, Default)]
struct Sums {
    is_video: bool,
    is_sent: bool,
    /// Content: 0 unknown, 1 camera, 2 screen.
    content: i64,
    h264s: bool,
    packets: i64,
    /// Packets lost and expected.
    loss: (i64, i64),
    /// Sum (µs) and number of round trips.
    round_trip: (i64, i64),
    jitter: (i64, i64),
    /// Frames dropped and offered.
    dropped: (i64, i64),
    /// Frames in 100 s.
    frames: Option<i64>,
    source_frames: Option<i64>,
    withheld: bool,
}

impl Sums {
    const US: i64 = 100_000_000;

    /// Returns the tuple of `isobar_merged_streams`.
    fn sql(self) -> String {
        let of_frames = |frames: Option<i64>| frames.map_or((0, 0), |frames| (frames, Self::US));
        let ((frames, frames_us), (source, source_us)) =
            (of_frames(self.frames), of_frames(self.source_frames));
        let withheld = if self.withheld { Self::US } else { 0 };
        let (lost, expected) = self.loss;
        let (round_trip, round_trips) = self.round_trip;
        let (jitter, jitters) = self.jitter;
        let (dropped, offered) = self.dropped;
        let identity =
            [7, self.is_video.into(), self.is_sent.into(), self.content, self.h264s.into()];
        let sums = [
            Self::US,
            self.packets,
            lost,
            expected,
            round_trip,
            round_trips,
            jitter,
            jitters,
            dropped,
            offered,
            frames,
            frames_us,
            source,
            source_us,
            withheld,
        ];
        let values: Vec<_> =
            identity.iter().chain(&sums).map(|it| format!("toInt64({it})")).collect();
        format!("({})", values.join(", "))
    }
}

// Every rule of Microsoft's page of 2024-10-22, at its limit and beyond it.
async fn whole_streams_are_judged_by_the_rules_of_cqd(server: &Server) {
    let audio = Sums { packets: 501, ..Sums::default() };
    let camera = Sums { is_video: true, content: 1, ..audio };
    let screen = Sums { content: 2, packets: 1, ..camera };
    let unknown = Sums { content: 0, ..camera };
    let sent = |it| Sums { is_sent: true, ..it };
    let coded = |it| Sums { h264s: true, packets: 1, ..it };
    let frames = |it, frames| Sums { frames: Some(frames), ..it };
    let source = |it, frames| Sums { source_frames: Some(frames), ..it };
    let dropped = |it, dropped, offered| Sums { dropped: (dropped, offered), ..it };
    let lossy = |it, lost| Sums { loss: (lost, 1000), ..it };
    let cases = [
        (Sums { withheld: true, round_trip: (9_000_000, 1), ..audio }, "no_source"),
        (audio, "no_metric"),
        (Sums { packets: 500, round_trip: (9_000_000, 1), ..audio }, "few_packets"),
        (Sums { round_trip: (1_000_000, 2), ..audio }, ""),
        (Sums { round_trip: (1_000_001, 2), ..audio }, "round_trip"),
        (lossy(audio, 100), ""),
        (lossy(audio, 101), "loss"),
        (Sums { jitter: (90_000, 3), ..audio }, ""),
        (Sums { jitter: (90_001, 3), ..audio }, "jitter"),
        (Sums { packets: 500, ..dropped(camera, 51, 100) }, "few_packets"),
        (dropped(camera, 50, 100), ""),
        (dropped(camera, 51, 100), "frame_loss"),
        (lossy(frames(dropped(camera, 0, 100), 10), 900), ""),
        (lossy(frames(camera, 700), 900), ""),
        (frames(camera, 699), "frame_rate"),
        (sent(source(frames(camera, 699), 699)), "no_source"),
        (sent(source(frames(camera, 699), 700)), "frame_rate"),
        (sent(lossy(source(frames(camera, 500), 500), 151)), "loss"),
        (lossy(camera, 150), ""),
        (lossy(camera, 151), "loss"),
        (camera, "no_metric"),
        (dropped(screen, 50, 100), ""),
        (dropped(screen, 51, 100), "frame_loss"),
        (lossy(frames(screen, 1), 900), "no_metric"),
        (sent(frames(screen, 100)), ""),
        (sent(frames(screen, 99)), "frame_rate"),
        (sent(source(frames(screen, 99), 99)), "no_source"),
        (sent(lossy(dropped(screen, 51, 100), 900)), "no_metric"),
        (dropped(unknown, 51, 100), "frame_loss"),
        (dropped(unknown, 50, 100), ""),
        (lossy(frames(unknown, 10), 900), "unknown_content"),
        (sent(frames(unknown, 10)), "unknown_content"),
        (coded(frames(unknown, 99)), "frame_rate"),
        (coded(frames(camera, 100)), ""),
        (coded(dropped(frames(screen, 100), 51, 100)), ""),
        (coded(sent(unknown)), "no_metric"),
    ];
    let of_each = cases.map(|(stream, wanted)| (stream.sql(), wanted));
    let streams: Vec<_> = of_each.iter().map(|(sql, _)| sql.as_str()).collect();
    // Merging gives the tuple's elements their names.
    let query = format!(
        "SELECT arrayMap(t -> isobar_cqd_reason(isobar_merged_streams([t])[1]), [{}])",
        streams.join(", ")
    );
    let found = server.reader.query(&query).fetch_one::<Vec<String>>().await.unwrap();
    assert_eq!(found.len(), of_each.len());
    for ((sql, wanted), found) in of_each.iter().zip(&found) {
        assert_eq!(found, wanted, "{sql}");
    }
}

const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;

/// Values of a session, in seconds. It is written in two blocks, the first of them twice.
struct Row {
    call: usize,
    country: &'static str,
    client_version: &'static str,
    ended: i64,
    poor: i64,
    good: i64,
}

/// Returns sessions by place, time and quality.
fn rows(from: i64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |country, count: usize, ended: i64, bad: i64| {
        for number in 0..count {
            let call = rows.len();
            let time = 60 + (number as i64 * 7919) % 600;
            let poor = if number % 3 == 0 { time * (number as i64 % 10) * bad / 20 } else { 0 };
            let client_version = if number % 2 == 0 { "3.2.0" } else { "3.1.0" };
            let ended = ended + number as i64;
            rows.push(Row { call, country, client_version, ended, poor, good: time - poor });
        }
    };
    add("DE", 300, from, 1);
    add("DE", 250, from - WEEK, 2);
    add("FR", 400, from + 60, 2);
    add("FR", 350, from - WEEK, 1);
    // Too few sessions, and none in the week before.
    add("NZ", 30, from + 5, 1);
    // Before and after the range.
    add("DE", 200, from - HOUR, 2);
    add("FR", 200, from + HOUR, 1);
    rows
}

async fn insert(server: &Server, rows: &[Row]) {
    let values = rows.iter().flat_map(|row| {
        let Row { call, country, client_version, ended, poor, good } = row;
        let first = ended - 2 * HOUR;
        [
            // The first block, unfinished and complete: only the latter counts.
            format!("('{call}', 0, 5, {first}, {first}, 'ZZ', '', 9, 9)"),
            format!("('{call}', 0, 9, {first}, {first}, 'ZZ', '', {poor}, 0)"),
            format!(
                "('{call}', 20000000, 20000009, {first}, {ended}, '{country}', \
                     '{client_version}', 0, {good})"
            ),
        ]
    });
    let statement = format!(
        "INSERT INTO session_partials (app, call, participant, organisation, unclassified_us, \
         block_start, upto, first_us, last_us, country, client_version, poor_us, good_us) \
         SELECT 'shop', call, 'p', 'Example', 1000000, block_start, upto, toDateTime(first), \
         toDateTime(last), country, version, poor * 1000000, good * 1000000 FROM values('call \
         String, block_start Int64, upto Int64, first UInt32, last UInt32, country String, \
         version String, poor Int64, good Int64', {})",
        values.collect::<Vec<_>>().join(", ")
    );
    server.admin.query(&statement).execute().await.unwrap();
}

/// Groups the sessions of `rows` that ended within an hour of `from` by `key`.
fn estimates(rows: &[Row], from: i64, key: fn(&Row) -> &'static str) -> BTreeMap<String, Estimate> {
    let mut sessions: BTreeMap<String, Vec<Session>> = BTreeMap::new();
    for row in rows.iter().filter(|row| (from..from + HOUR).contains(&row.ended)) {
        let session = Session { part: row.poor, whole: row.poor + row.good };
        sessions.entry(key(row).to_owned()).or_default().push(session);
    }
    sessions.into_iter().map(|(key, of)| (key, Estimate::of(&of).unwrap())).collect()
}

#[track_caller]
fn assert_close(found: Option<f64>, wanted: Option<f64>) {
    assert_eq!(found.is_some(), wanted.is_some(), "{found:?} instead of {wanted:?}");
    let apart = found.unwrap_or(0.0) - wanted.unwrap_or(0.0);
    assert!(apart.abs() < 1e-9, "{found:?} instead of {wanted:?}");
}

async fn views_return_shares_of_sessions_in_the_range(server: &Server) {
    let now = "SELECT toInt64(toUnixTimestamp(toStartOfHour(now())))";
    let from = server.admin.query(now).fetch_one::<i64>().await.unwrap() - 4 * HOUR;
    let rows = rows(from);
    for some in rows.chunks(500) {
        insert(server, some).await;
    }
    let span = format!("from = toDateTime({from}), to = toDateTime({})", from + HOUR);

    let countries = estimates(&rows, from, |row| row.country);
    let versions = estimates(&rows, from, |row| row.client_version);
    assert!(!countries["NZ"].share().enough() && countries["DE"].share().enough());
    for (view, column, wanted) in [
        ("poor_share_by_place", "country", &countries),
        ("poor_share_by_client", "client_version", &versions),
    ] {
        let query = format!(
            "SELECT {column}, sessions, poor_share, lower, upper, enough FROM {view}({span}) \
             ORDER BY {column}"
        );
        type Found = (String, u64, Option<f64>, Option<f64>, Option<f64>, bool);
        let found = server.reader.query(&query).fetch_all::<Found>().await.unwrap();
        assert!(found.iter().map(|row| &row.0).eq(wanted.keys()), "{view}: {found:?}");
        for (key, sessions, share, lower, upper, enough) in found {
            let wanted = &wanted[&key];
            let limited = wanted.share();
            assert_eq!((sessions, enough), (wanted.sessions, limited.enough()), "{view}: {key}");
            assert_close(share, Some(wanted.ratio));
            assert_close(lower, limited.lower);
            assert_close(upper, limited.upper);
        }
    }

    let before = estimates(&rows, from - WEEK, |row| row.country);
    let query = format!(
        "SELECT country, sessions, sessions_before, difference, lower, upper, clear, enough \
         FROM poor_share_change_by_place({span}) ORDER BY country"
    );
    type Change = (String, u64, u64, Option<f64>, Option<f64>, Option<f64>, bool, bool);
    let found = server.reader.query(&query).fetch_all::<Change>().await.unwrap();
    assert!(found.iter().map(|row| &row.0).eq(before.keys()), "{found:?}");
    for (country, sessions, sessions_before, estimate, lower, upper, clear, enough) in found {
        let (now, before) = (&countries[&country], &before[&country]);
        let wanted = difference(now.share(), before.share());
        assert_eq!((sessions, sessions_before), (now.sessions, before.sessions));
        assert_close(estimate, Some(wanted.interval.estimate));
        assert_close(lower, wanted.interval.lower);
        assert_close(upper, wanted.interval.upper);
        assert_eq!((clear, enough), (wanted.clear, true), "{country}");
        assert!(clear, "{country}: the worlds are made to differ clearly");
    }
}
