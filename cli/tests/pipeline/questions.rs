//! Queries of README.md and of the statistics page on a world with known truth. The SQL is read
//! from the pages.

use std::fs;
use std::path::Path;

use accuracy::Server;
use deploy::connect::Cluster;
use deploy::migrate;
use serde_json::Value;
use stack::{Plan, Stack, View};

use crate::harness::Turn;

mod day;
mod standardised;
mod world;
pub(crate) use standardised::{insert_mixes, start_dashboard};
use world::{insert_cells, insert_hours, insert_league, insert_samples, insert_sessions};

#[tokio::test]
async fn documented_queries_return_the_true_answers() {
    let turn = Turn::take();
    let (stack, server) = clickhouse(&turn).await;
    insert_sessions(&server).await;
    insert_samples(&server).await;
    insert_hours(&server).await;
    insert_cells(&server).await;

    let readme = blocks("README.md", "## Questions to ask");
    let [where_bad, since_when, releases, set_ups, wifi] = &readme[..] else {
        panic!("{} questions", readme.len());
    };
    worst_for_sure_come_first(&server, where_bad).await;
    loss_of_one_provider_by_minute(&server, since_when).await;
    releases_are_compared_in_the_same_mix_of_countries(&server, releases).await;
    set_up_failures_are_compared_within_countries(&server, set_ups).await;
    networks_are_compared_in_the_same_mix_of_countries(&server, wifi).await;

    let statistics = blocks("docs/reference/statistics.md", "# ");
    for sql in readme.iter().chain(&statistics).filter(|sql| sql.contains("NULLS LAST")) {
        // Missing limits are equal: without a second key the order is random.
        let (_, after) = sql.split_once("NULLS LAST").unwrap();
        assert!(after.starts_with(','), "no second key: {sql}");
    }
    assert!(statistics.len() >= 5, "{statistics:?}");
    for sql in &statistics {
        ask(&server, sql).await;
    }
    // The first query of the page covers a day.
    let rows = ask(&server, &statistics[0]).await;
    let worst: Vec<_> = rows.iter().map(|row| row["organisation"].as_str().unwrap()).collect();
    assert_eq!(worst[..2], ["Old Net", "Bad Net"], "{rows:?}");

    let tables = blocks("docs/reference/tables.md", "### Sketches");
    let csv = tables.iter().find(|sql| sql.contains("FORMAT CSV")).unwrap();
    texts_for_a_spreadsheet_are_no_formulas(&server, csv).await;
    ask(&server, &tables[0]).await;

    insert_league(&server).await;
    demo_table_is_sorted_by_the_lower_limit(&View::of(&stack.access())).await;
}

/// Starts a ClickHouse with tables and views.
async fn clickhouse(turn: &Turn) -> (Stack, Server) {
    // Kafka is not used.
    let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let access = stack.access();
    let server = Server { admin: access.client("migrate"), reader: access.client("dashboard") };
    migrate::apply(&server.admin).await.unwrap();
    (stack, server)
}

/// Returns the SQL of a page from a heading to the next heading of its level.
fn blocks(page: &str, from: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(file).unwrap();
    let (_, text) = text.split_once(from).unwrap();
    let text = text.split("\n## How fast").next().unwrap();
    let blocks = text.split("```sql\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Returns the rows of a query by the user `dashboard`, who has selected no database, as in ClickHouse's own page.
pub(crate) async fn ask(server: &Server, sql: &str) -> Vec<Value> {
    let sql = sql.trim_end().replace('?', "??");
    let reader = server.reader.clone().with_database("default");
    let query = reader.query(&sql);
    let mut answer = query.fetch_bytes("JSONEachRow").unwrap_or_else(|why| panic!("{why}: {sql}"));
    let answer = answer.collect().await.unwrap_or_else(|why| panic!("{why}: {sql}"));
    let lines = std::str::from_utf8(&answer).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(row: &Value, column: &str) -> Option<f64> {
    assert!(row.get(column).is_some(), "no {column}: {row}");
    row[column].as_f64()
}

/// Asserts that the existing limits contain the truth.
#[track_caller]
fn assert_holds(row: &Value, truth: f64) {
    let (lower, upper) = (number(row, "at_least"), number(row, "at_most"));
    assert!(lower.is_some() || upper.is_some(), "{row}");
    assert!(lower.is_none_or(|lower| lower <= truth), "{truth}: {row}");
    assert!(upper.is_none_or(|upper| truth <= upper), "{truth}: {row}");
}

async fn worst_for_sure_come_first(server: &Server, sql: &str) {
    let rows = ask(server, &sql.replace("LIMIT 5", "LIMIT 20")).await;
    let providers: Vec<_> = rows.iter().map(|row| row["provider"].as_str().unwrap()).collect();
    assert_eq!(providers[..2], ["Bad Net", "Mid Net"], "{rows:?}");
    assert!(!providers.contains(&"Old Net") && !providers.contains(&"Tiny Net"), "{rows:?}");
    // The last one has bad video with good audio.
    for (provider, truth) in [("Bad Net", 40.0), ("Mid Net", 25.0), ("Best Net", 1.0)] {
        let row = rows.iter().find(|row| row["provider"] == provider).unwrap();
        assert_holds(row, truth);
        let same_mix = number(row, "same_mix").unwrap();
        assert!((same_mix - truth).abs() < truth / 5.0, "{row}");
    }
    assert_eq!(rows[0]["sessions"], 60);
    // Each country of this provider lacks a network.
    for row in rows.iter().filter(|row| row["provider"] == "Mixed Net") {
        assert!(row["same_mix"].is_null() && number(row, "poor_percent").is_some(), "{row}");
    }
    let limits: Vec<_> = rows.iter().map(|row| number(row, "at_least").unwrap_or(-1.0)).collect();
    assert!(limits.is_sorted_by(|one, next| one >= next), "{rows:?}");
}

async fn demo_table_is_sorted_by_the_lower_limit(view: &View) {
    let ranks = view.league(20).await.unwrap();
    let found: Vec<_> = ranks.iter().map(|rank| rank.organisation.as_str()).collect();
    // Four sessions are too few, and the provider with most sessions is not among the worst.
    assert_eq!(found[..4], ["Bad Net", "Mid Net", "Best Net", "Tiny Net"], "{ranks:?}");
    let limits: Vec<_> = ranks.iter().map(|rank| rank.poor_at_least).collect();
    assert!(limits[..3].is_sorted_by(|one, next| one > next), "{ranks:?}");
    assert!(limits[3..].iter().all(|limit| limit.is_nan()), "{ranks:?}");
    assert!(!found.contains(&"unknown"), "neither place nor provider: {ranks:?}");
    let first = view.league(2).await.unwrap();
    assert_eq!(first.iter().map(|rank| &*rank.organisation).collect::<Vec<_>>(), found[..2]);
}

async fn loss_of_one_provider_by_minute(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    assert_eq!(rows.len(), 6, "{rows:?}");
    // A new minute may have begun since the cells were made, so rows begin with their first minute.
    let losses: Vec<_> = rows.iter().map(|row| number(row, "loss_percent").unwrap()).collect();
    assert_eq!(losses, [1.0, 1.0, 1.0, 20.0, 20.0, 20.0]);
    let worst = &rows[4];
    assert!((number(worst, "round_trip_p95_ms").unwrap() - 700.0).abs() <= 8.0, "{worst}");
    assert!((number(worst, "mos_p5").unwrap() - 1.5).abs() <= 0.02, "{worst}");
    assert_eq!(worst["intervals"], 7);
    let untold = ask(server, &sql.replace("Deutsche Telekom AG", "Untold Net")).await;
    assert!(
        untold.len() == 6 && untold.iter().all(|row| row["loss_percent"].is_null()),
        "{untold:?}"
    );
}

async fn releases_are_compared_in_the_same_mix_of_countries(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_holds(&rows[0], -0.2);
    assert_eq!(rows[0]["clear"], true, "{rows:?}");
    // KE has only one of them.
    assert_eq!((&rows[0]["sessions_new"], &rows[0]["sessions_old"]), (&750.into(), &750.into()));

    let equal = ask(server, &sql.replace("'4.2.0'", "'4.1.7'")).await;
    assert_holds(&equal[0], 0.0);
    assert_eq!(equal[0]["clear"], false, "{equal:?}");
}

async fn set_up_failures_are_compared_within_countries(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    let found: Vec<_> =
        rows.iter().map(|row| (row["browser"].clone(), row["os"].clone())).collect();
    // Failures of each client, and of all sessions in the same mix of countries.
    let se = 100.0 * (40.0 + 50.0 + 2.0) / 3506.0;
    let wanted = [
        ("Chrome", "Mac OS X", 5.0, se),
        ("Chrome", "Windows", 100.0 * 100.0 / 2600.0, (600.0 * 10.0 + 2000.0 * se) / 2600.0),
        ("Firefox", "Windows", 10.0, 10.0),
        ("Edge", "Windows", 100.0 / 3.0, se),
        ("Safari", "Mac OS X", 0.0, se),
    ];
    assert_eq!(found, wanted.map(|(browser, os, ..)| (browser.into(), os.into())), "{rows:?}");
    for (row, (_, _, truth, same)) in rows.iter().zip(wanted) {
        assert_holds(row, truth);
        let found = number(row, "same_countries").unwrap();
        assert!((found - same).abs() <= 0.05 + 1e-9, "{same}: {row}");
    }
    assert!(number(&rows[0], "at_least") > number(&rows[0], "same_countries"), "{rows:?}");
    // Sessions with a failed set-up have not started, and three sessions are too few for limits.
    let started: Vec<_> = rows.iter().map(|row| row["started"].clone()).collect();
    assert_eq!(started, [950, 2500, 360, 4, 500].map(Value::from), "{rows:?}");
    assert_eq!(number(&rows[3], "ms_at_least"), None, "{rows:?}");
    assert!(number(&rows[1], "ms_at_least") < number(&rows[1], "ms_at_most"), "{rows:?}");
    for few in &rows[3..] {
        assert_eq!(number(few, "at_least"), None, "{few}");
    }
    // 1 − 0.025^(1/500).
    assert_eq!(number(&rows[4], "at_most"), Some(0.7));
    for (row, ms) in [(&rows[0], 800.0), (&rows[2], 2000.0)] {
        assert_eq!(number(row, "time_to_media_ms"), Some(ms));
        let limits = number(row, "ms_at_least").zip(number(row, "ms_at_most"));
        assert!(limits.is_some_and(|(lower, upper)| lower <= ms && ms <= upper), "{row}");
        assert_eq!(number(row, "same_countries_ms"), Some(ms));
    }
}

async fn networks_are_compared_in_the_same_mix_of_countries(server: &Server, sql: &str) {
    let rows = ask(server, sql).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_holds(&rows[0], 4.0);
    assert_eq!(rows[0]["clear"], true, "{rows:?}");
    assert_eq!((&rows[0]["sessions_wifi"], &rows[0]["sessions_cable"]), (&750.into(), &750.into()));
}

/// Texts that a spreadsheet interprets as a formula at the beginning of a cell.
const FORMULAS: [&str; 11] = [
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1+1",
    "-2+3",
    "@SUM(1,2)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "＋1+1",
    "－2+3",
    "＠SUM(1,2)",
];

async fn texts_for_a_spreadsheet_are_no_formulas(server: &Server, sql: &str) {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let sessions = FORMULAS.iter().enumerate().map(|(number, text)| {
        let text = quoted(text);
        format!("({text}, '{number}', {text}, {text}, {text}, {text})")
    });
    let statement = format!(
        "INSERT INTO session_partials (app, call, participant, upto, first_us, last_us, country, \
         organisation, client_version) SELECT 'shop', concat(call, number), participant, 1, \
         now() - 60, now() - 30, country, organisation, client_version FROM values('call String, \
         number String, participant String, country String, organisation String, \
         client_version String', {})",
        sessions.collect::<Vec<_>>().join(", ")
    );
    server.admin.query(&statement.replace('?', "??")).execute().await.unwrap();

    let (sql, format) = sql.trim_end().rsplit_once("FORMAT ").unwrap();
    let sql = sql.replace('?', "??");
    let mut answer = server.reader.query(&sql).fetch_bytes(format).unwrap();
    let answer = String::from_utf8(answer.collect().await.unwrap().to_vec()).unwrap();
    let cells = cells(&answer);
    for text in FORMULAS {
        let harmless = format!("'{text}");
        assert!(cells.iter().filter(|cell| **cell == harmless).count() >= 4, "{text:?}: {cells:?}");
    }
    let begins = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let formula = cells.iter().find(|cell| cell.starts_with(begins));
    assert_eq!(formula, None);
}

/// Returns the cells of a CSV file (RFC 4180).
fn cells(csv: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut letters = csv.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = cells.len() - 1;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cells[last].push('"');
            }
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => cells.push(String::new()),
            letter => cells[last].push(letter),
        }
    }
    cells
}
