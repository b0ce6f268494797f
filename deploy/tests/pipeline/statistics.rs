//! Statistics on a real ClickHouse: the SQL functions, the sketches, and the views on sessions.

use std::collections::BTreeMap;

use dashboard::statistics::{Estimate, Session, difference};
use deploy::accuracy::{self, Server};
use deploy::cluster::Cluster;
use deploy::migrate;
use deploy::stack::{Plan, Stack};

use crate::harness::Turn;

#[tokio::test]
async fn statistics_and_sketches_in_clickhouse_are_those_of_the_rust_core() {
    let turn = Turn::take();
    // Kafka is not asked for anything.
    let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let access = stack.access();
    let server = Server { admin: access.client("migrate"), reader: access.client("dashboard") };
    migrate::apply(&server.admin).await.unwrap();

    views_tell_shares_of_the_sessions_that_ended_in_a_span(&server).await;
    let findings = accuracy::online(&server, |_| ()).await.unwrap();
    assert!(findings.len() > 5, "{findings:#?}");
    for finding in findings {
        assert!(finding.ok, "{finding:#?}");
    }
}

const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;

/// What a session says of itself, all in seconds; it is written as two blocks, of which the first
/// was written twice.
struct Row {
    call: usize,
    country: &'static str,
    client_version: &'static str,
    ended: i64,
    poor: i64,
    good: i64,
}

/// Where and when and how good sessions are; those of `bad` are worse.
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
    // Too few of them, and none in the week before.
    add("NZ", 30, from + 5, 1);
    // Before and after the span.
    add("DE", 200, from - HOUR, 2);
    add("FR", 200, from + HOUR, 1);
    rows
}

async fn insert(server: &Server, rows: &[Row]) {
    let values = rows.iter().flat_map(|row| {
        let Row { call, country, client_version, ended, poor, good } = row;
        let first = ended - 2 * HOUR;
        [
            // The first block, early on and whole: only the latter counts.
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

/// The sessions of `rows` that ended within an hour of `from`, by what `key` says.
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

async fn views_tell_shares_of_the_sessions_that_ended_in_a_span(server: &Server) {
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
    for (country, sessions, sessions_before, told, lower, upper, clear, enough) in found {
        let (now, before) = (&countries[&country], &before[&country]);
        let wanted = difference(now.share(), before.share());
        assert_eq!((sessions, sessions_before), (now.sessions, before.sessions));
        assert_close(told, Some(wanted.interval.estimate));
        assert_close(lower, wanted.interval.lower);
        assert_close(upper, wanted.interval.upper);
        assert_eq!((clear, enough), (wanted.clear, true), "{country}");
        assert!(clear, "{country}: the worlds are made to differ clearly");
    }
}
