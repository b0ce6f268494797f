//! The questions of README.md and of the page on statistics, asked of a ClickHouse that holds a world
//! whose truth is known. The SQL is taken from the pages.

use std::fs;
use std::path::Path;

use deploy::accuracy::Server;
use deploy::cluster::Cluster;
use deploy::migrate;
use deploy::stack::{Plan, Stack};
use serde_json::Value;

use crate::harness::Turn;

#[tokio::test]
async fn questions_of_the_pages_have_true_answers() {
    let turn = Turn::take();
    // Kafka is not asked for anything.
    let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let access = stack.access();
    let server = Server { admin: access.client("migrate"), reader: access.client("dashboard") };
    migrate::apply(&server.admin).await.unwrap();
    insert_sessions(&server).await;
    insert_cells(&server).await;

    let readme = blocks("README.md", "## Questions to ask");
    let [where_bad, since_when, releases, set_ups, wifi] = &readme[..] else {
        panic!("{} questions", readme.len());
    };
    the_worst_for_sure_comes_first(&server, where_bad).await;
    minutes_of_one_provider_and_kind_are_told(&server, since_when).await;
    releases_are_compared_in_the_same_mix_of_countries(&server, releases).await;
    set_ups_that_never_failed_have_an_upper_limit_alone(&server, set_ups).await;
    networks_are_compared_in_the_same_mix_of_countries(&server, wifi).await;

    let statistics = blocks("docs/reference/statistics.md", "# ");
    assert!(statistics.len() >= 5, "{statistics:?}");
    for sql in &statistics {
        ask(&server, sql).await;
    }
    // The page's first query is the one of README with other columns.
    let rows = ask(&server, &statistics[0]).await;
    assert_eq!(rows[0]["organisation"], "Bad Net", "{rows:?}");
}

/// The SQL of a page from a heading to the next of its level.
fn blocks(page: &str, from: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(file).unwrap();
    let (_, text) = text.split_once(from).unwrap();
    let text = text.split("\n## How fast").next().unwrap();
    let blocks = text.split("```sql\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The rows of an answer, as the user of dashboards gets them.
async fn ask(server: &Server, sql: &str) -> Vec<Value> {
    let sql = sql.trim_end().replace('?', "??");
    let query = server.reader.query(&sql);
    let mut answer = query.fetch_bytes("JSONEachRow").unwrap_or_else(|why| panic!("{why}: {sql}"));
    let answer = answer.collect().await.unwrap_or_else(|why| panic!("{why}: {sql}"));
    let lines = std::str::from_utf8(&answer).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Sessions of one kind, which all ended within the last half hour.
#[derive(Clone, Copy)]
struct Group {
    sessions: usize,
    country: &'static str,
    organisation: &'static str,
    network_type: &'static str,
    client_version: &'static str,
    browser: &'static str,
    os: &'static str,
    /// Share of poor time: half of the sessions have twice as much, the others none.
    poor: f64,
    /// Mean of the MOS, which is up to 0.3 away in a session; not there if 0.
    mos: f64,
    /// Each so manieth session failed to connect; none connected if 0, and `usize::MAX` for never.
    fails: usize,
}

const NONE: Group = Group {
    sessions: 0,
    country: "XX",
    organisation: "Quiet Net",
    network_type: "unknown",
    client_version: "unknown",
    browser: "unknown",
    os: "unknown",
    poor: 0.0,
    mos: 0.0,
    fails: 0,
};

const fn place(sessions: usize, organisation: &'static str, poor: f64) -> Group {
    Group { sessions, organisation, poor, ..NONE }
}

const fn release(
    sessions: usize,
    country: &'static str,
    client_version: &'static str,
    mos: f64,
) -> Group {
    Group { sessions, country, client_version, mos, ..NONE }
}

const fn client(sessions: usize, browser: &'static str, os: &'static str, fails: usize) -> Group {
    Group { sessions, browser, os, fails, ..NONE }
}

const fn network(
    sessions: usize,
    country: &'static str,
    network_type: &'static str,
    poor: f64,
) -> Group {
    Group { sessions, country, network_type, poor, organisation: "Mixed Net", ..NONE }
}

const WORLD: [Group; 22] = [
    // Three very bad calls are not the worst for sure, and the best provider has most sessions.
    place(60, "Bad Net", 0.4),
    place(300, "Mid Net", 0.25),
    place(2000, "Best Net", 0.01),
    place(4, "Tiny Net", 0.49),
    // 4.2.1 is worse by 0.2 in each country, and better on the whole, for it came to SE first. 4.1.7
    // is as good as 4.2.1. KE has one release alone.
    release(600, "SE", "4.2.1", 4.2),
    release(150, "NG", "4.2.1", 3.2),
    release(150, "SE", "4.2.0", 4.4),
    release(600, "NG", "4.2.0", 3.4),
    release(150, "SE", "4.1.7", 4.2),
    release(600, "NG", "4.1.7", 3.2),
    release(400, "KE", "4.2.1", 1.5),
    client(400, "Firefox", "Windows", 10),
    client(2000, "Chrome", "Windows", 50),
    client(1000, "Chrome", "Mac OS X", 40),
    client(500, "Safari", "Mac OS X", usize::MAX),
    client(6, "Edge", "Windows", 3),
    // Wi-Fi is worse by 4 points in each country, and better on the whole.
    network(600, "SE", "wifi", 0.06),
    network(150, "SE", "ethernet", 0.02),
    network(150, "NG", "wifi", 0.24),
    network(600, "NG", "ethernet", 0.2),
    network(300, "KE", "cellular", 0.05),
    network(200, "KE", "wifi", 0.1),
];

async fn insert_sessions(server: &Server) {
    let mut values = Vec::new();
    for (number, group) in WORLD.iter().enumerate() {
        for session in 0..group.sessions {
            let Group { country, organisation, network_type, client_version, browser, os, .. } =
                group;
            let time = 60_000_000 + (session as i64 * 7919 % 600) * 1_000_000;
            let poor = if session % 2 == 0 { group.poor * 2.0 } else { 0.0 };
            let poor = (time as f64 * poor) as i64;
            let count = if group.mos > 0.0 { time / 10_000_000 } else { 0 };
            let noise = ((session * 7919) % 61) as f64 / 100.0 - 0.3;
            let mos = (count as f64 * (group.mos + noise) * 1000.0) as i64;
            let attempted = i64::from(group.fails > 0);
            let failed = i64::from(group.fails > 0 && session % group.fails == group.fails - 1);
            values.push(format!(
                "('{number}-{session}', '{country}', '{organisation}', '{network_type}', \
                 '{client_version}', '{browser}', '{os}', {poor}, {}, {mos}, {count}, {attempted}, \
                 {failed}, {})",
                time - poor,
                session % 1800
            ));
        }
    }
    for some in values.chunks(2000) {
        let statement = format!(
            "INSERT INTO session_partials (app, call, participant, upto, first_us, last_us, country, \
             organisation, network_type, client_version, browser, os, poor_us, good_us, \
             audio_mos_milli_sum, audio_mos_count, setups_attempted, setups_failed, \
             time_to_media_ms_sum, time_to_media_count) \
             SELECT 'shop', call, 'p', 1, now() - ago - 600, now() - ago - 1, country, organisation, \
             network_type, client_version, browser, os, poor, good, mos, count, attempted, failed, \
             (attempted - failed) * 800, attempted - failed FROM values('call String, country String, \
             organisation String, network_type String, client_version String, browser String, \
             os String, poor Int64, good Int64, mos Int64, count Int64, attempted Int64, \
             failed Int64, ago UInt32', {})",
            some.join(", ")
        );
        server.admin.query(&statement).execute().await.unwrap();
    }
}

/// A provider whose loss was 20 % from five minutes ago to three minutes ago, and 1 % otherwise;
/// beside it video, another provider, the other grouping and three hours ago, all of them worse.
async fn insert_cells(server: &Server) {
    let state = "quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)";
    let cells = [
        ("place", "audio", "Deutsche Telekom AG", 0),
        ("place", "video", "Deutsche Telekom AG", 0),
        ("place", "audio", "Other Net", 0),
        ("client", "audio", "", 0),
        ("place", "audio", "Deutsche Telekom AG", 180),
    ];
    for (number, (grouping, kind, organisation, ago)) in cells.into_iter().enumerate() {
        let lost = match number {
            0 => "if(n BETWEEN 3 AND 5, 200, 10)",
            _ => "900",
        };
        let statement = format!(
            "INSERT INTO cell_partials (window_start, window_s, grouping, app, organisation, kind, \
             direction, upto, intervals, packets_lost, packets_received, round_trip_ms, audio_mos) \
             SELECT toStartOfMinute(now()) - toIntervalMinute(n + {ago}), 60, '{grouping}', 'shop', \
             '{organisation}', '{kind}', 'inbound', 1, 7, {lost}, 1000 - {lost}, \
             CAST({state}(if({lost} > 100, 700., 80.)) AS String), \
             CAST({state}(if({lost} > 100, 1.5, 4.3)) AS String) \
             FROM (SELECT number AS n FROM numbers(10)) GROUP BY n"
        );
        server.admin.query(&statement).execute().await.unwrap();
    }
    let open = "INSERT INTO rollup_hours SELECT DISTINCT toStartOfHour(window_start), 1, 0, 0 \
                FROM cell_partials";
    server.admin.query(open).execute().await.unwrap();
}

fn number(row: &Value, column: &str) -> Option<f64> {
    assert!(row.get(column).is_some(), "no {column}: {row}");
    row[column].as_f64()
}

/// Asserts that the limits that are there hold the truth.
#[track_caller]
fn assert_holds(row: &Value, truth: f64) {
    let (lower, upper) = (number(row, "at_least"), number(row, "at_most"));
    assert!(lower.is_some() || upper.is_some(), "{row}");
    assert!(lower.is_none_or(|lower| lower <= truth), "{truth}: {row}");
    assert!(upper.is_none_or(|upper| truth <= upper), "{truth}: {row}");
}

async fn the_worst_for_sure_comes_first(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    let organisations: Vec<_> =
        rows.iter().map(|row| row["organisation"].as_str().unwrap()).collect();
    assert_eq!(organisations[..2], ["Bad Net", "Mid Net"], "{rows:?}");
    assert!(!organisations.contains(&"Best Net"), "{rows:?}");
    assert_holds(&rows[0], 40.0);
    assert_holds(&rows[1], 25.0);
    assert_eq!(rows[0]["sessions"], 60);
}

async fn minutes_of_one_provider_and_kind_are_told(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    assert_eq!(rows.len(), 6, "{rows:?}");
    // The minute may have turned since the cells were made: rows begin where they begin.
    let losses: Vec<_> = rows.iter().map(|row| number(row, "loss_percent").unwrap()).collect();
    assert_eq!(losses, [1.0, 1.0, 1.0, 20.0, 20.0, 20.0]);
    let worst = &rows[4];
    assert!((number(worst, "round_trip_p95_ms").unwrap() - 700.0).abs() <= 8.0, "{worst}");
    assert!((number(worst, "mos_p5").unwrap() - 1.5).abs() <= 0.02, "{worst}");
    assert_eq!(worst["intervals"], 7);
}

async fn releases_are_compared_in_the_same_mix_of_countries(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_holds(&rows[0], -0.2);
    assert_eq!(rows[0]["clear"], true, "{rows:?}");
    // KE has one of them alone.
    assert_eq!((&rows[0]["sessions_new"], &rows[0]["sessions_old"]), (&750.into(), &750.into()));

    let equal = ask(server, &sql.replace("'4.2.0'", "'4.1.7'")).await;
    assert_holds(&equal[0], 0.0);
    assert_eq!(equal[0]["clear"], false, "{equal:?}");
}

async fn set_ups_that_never_failed_have_an_upper_limit_alone(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    let found: Vec<_> =
        rows.iter().map(|row| (row["browser"].clone(), row["os"].clone())).collect();
    let wanted = [
        ("Firefox", "Windows", 10.0),
        ("Chrome", "Mac OS X", 2.5),
        ("Chrome", "Windows", 2.0),
        ("Edge", "Windows", 100.0 / 3.0),
        ("Safari", "Mac OS X", 0.0),
    ];
    assert_eq!(found, wanted.map(|(browser, os, _)| (browser.into(), os.into())), "{rows:?}");
    for (row, (_, _, truth)) in rows.iter().zip(wanted) {
        assert_holds(row, truth);
    }
    for few in &rows[3..] {
        assert_eq!(number(few, "at_least"), None, "{few}");
    }
    // 1 − 0.025^(1/500).
    assert_eq!(number(&rows[4], "at_most"), Some(0.7));
    assert_eq!(number(&rows[0], "time_to_media_ms"), Some(800.0));
}

async fn networks_are_compared_in_the_same_mix_of_countries(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_holds(&rows[0], 4.0);
    assert_eq!(rows[0]["clear"], true, "{rows:?}");
    assert_eq!((&rows[0]["sessions_wifi"], &rows[0]["sessions_cable"]), (&750.into(), &750.into()));
}
