//! Recorded calls through all four services.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cli::replay::{self, Options};
use clickhouse::Client;
use deploy::connect::KafkaArgs;
use serde_json::{Map, Value, json};
use stack::Stack;

use crate::harness::Turn;

const PATIENCE: Duration = Duration::from_secs(60);

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The views of ClickHouse.
struct View(Client);

impl View {
    fn of(stack: &Stack) -> Self {
        Self(stack.access().client("dashboard"))
    }

    async fn rows(&self, sql: &str) -> Vec<Value> {
        let bytes = self.0.query(sql).fetch_bytes("JSONEachRow").unwrap().collect().await;
        let text = String::from_utf8(bytes.unwrap_or_else(|error| panic!("{sql}: {error}")).into());
        text.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until this number of raw records is accounted for and every table has all of their
    /// intervals, and returns the records by outcome.
    async fn outcomes(&self, records: u64) -> Value {
        let sql = "SELECT sum(accepted) AS accepted, sum(duplicate) AS duplicate, \
                   sum(invalid) AS invalid, sum(late) AS late, sum(undecodable) AS undecodable, \
                   sum(intervals) AS intervals, \
                   (SELECT count() FROM samples FINAL) AS samples, \
                   (SELECT sum(intervals) FROM cells WHERE grouping = 'place') AS place, \
                   (SELECT sum(intervals) FROM cells WHERE grouping = 'client') AS client, \
                   (SELECT sum(intervals) FROM sessions) AS sessions \
                   FROM blocks FINAL";
        let patience = Instant::now() + PATIENCE;
        loop {
            let found = self.rows(sql).await.remove(0);
            let count = |field: &str| found[field].as_u64().unwrap();
            let answered: u64 =
                ["accepted", "duplicate", "invalid", "late"].into_iter().map(count).sum();
            let everywhere = ["samples", "place", "client", "sessions"]
                .into_iter()
                .all(|table| count(table) == count("intervals"));
            if answered == records && everywhere {
                return found;
            }
            assert!(Instant::now() < patience, "of {records} records: {found}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

fn replay(stack: &Stack, files: Vec<PathBuf>, start_ms: Option<u64>) -> replay::Report {
    let options = Options {
        files,
        own: KafkaArgs::default(),
        raw: deploy::names::RawTopic::default(),
        speed: f64::INFINITY,
        app: None,
        call: None,
        client_ip: None,
        start: start_ms,
        limit_mb: replay::LIMIT_MB,
    };
    replay::run(&options, &stack.cluster()).unwrap()
}

/// Returns the start of the minute before the last one, s since the Unix epoch.
fn minute() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    now - now % 60 - 120
}

/// Asserts that every member of `wanted` is in `found` with the same value, and that other `fields`
/// are null.
fn assert_row(found: &Value, wanted: &Value, fields: &Map<String, Value>) {
    let wanted = wanted.as_object().unwrap();
    for field in fields.keys().chain(wanted.keys()) {
        let value = wanted.get(field).unwrap_or(&Value::Null);
        assert_eq!(&found[field], value, "{field} of {found}");
    }
}

fn rows_of(expected: &Value, part: &str) -> Vec<Value> {
    expected[part].as_array().unwrap().clone()
}

async fn assert_samples(view: &View, expected: &Value, start_us: u64) {
    let found = view
        .rows(&format!(
            "SELECT * REPLACE (toUnixTimestamp64Micro(start_us) - {start_us} AS start_us, \
             toUnixTimestamp64Micro(end_us) - {start_us} AS end_us) \
             FROM samples FINAL ORDER BY participant, stats_id, end_us"
        ))
        .await;
    let mut wanted = rows_of(expected, "intervals");
    let end = |row: &Value| row["end_us"].as_i64().unwrap();
    let key = |row: &Value| {
        ["participant", "stats_id"].map(|field| row[field].as_str().unwrap().to_owned())
    };
    wanted.sort_by_key(|row| (key(row), end(row)));
    assert_eq!(found.len(), wanted.len());
    let fields = serde_json::to_value(schemas::Interval::default()).unwrap();
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_row(found, wanted, fields.as_object().unwrap());
        assert_eq!(found["country"], "unknown", "an address of no country");
        assert!(!found.to_string().contains("192.0.2.1"), "no address in rows: {found}");
    }
}

/// Asserts the cells of a grouping, summed by window and `names`.
async fn assert_cells(view: &View, expected: &Value, grouping: &str, names: &[&str], minute: u64) {
    let measures = serde_json::to_value(schemas::Measures::default()).unwrap();
    let measures = measures.as_object().unwrap();
    let sums: Vec<String> =
        measures.keys().map(|measure| format!("sum({measure}) AS {measure}")).collect();
    let (names, sums) = (names.join(", "), sums.join(", "));
    let found = view
        .rows(&format!(
            "SELECT toInt64(toUnixTimestamp(window_start)) - {minute} AS window_s, {names}, {sums} \
             FROM cells WHERE grouping = '{grouping}' \
             GROUP BY window_s, {names} ORDER BY window_s, {names}"
        ))
        .await;
    let wanted = rows_of(expected, grouping).into_iter().map(|cell| {
        // Values that the recording lacks are 0.
        let mut all = measures.clone();
        all.extend(cell.as_object().unwrap().clone());
        Value::Object(all)
    });
    assert_eq!(found, wanted.collect::<Vec<_>>(), "{grouping}");
}

async fn assert_sessions(view: &View, expected: &Value) {
    let wanted = rows_of(expected, "sessions");
    let found = view.rows("SELECT * FROM sessions ORDER BY participant").await;
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_row(found, wanted, &Map::new());
    }
}

/// Asserts that percentiles of merged sketches are within 1 % of those of the values.
async fn assert_percentiles(view: &View, expected: &Value) {
    let found = view
        .rows(
            "SELECT quantilesDDMerge(0.01, 0.5, 0.95)(bit_rate_bps) AS bit_rate, \
             quantilesDDMerge(0.01, 0.5, 0.95)(jitter_ms) AS jitter \
             FROM cells WHERE grouping = 'place'",
        )
        .await;
    let number = |row: &Value, field: &str| row[field].as_f64().unwrap();
    let bit_rate = |row: &Value| {
        number(row, "bytes") * 8e6 / (number(row, "end_us") - number(row, "start_us"))
    };
    let jitter = |row: &Value| number(row, "jitter_us") / 1e3;
    let rows = rows_of(expected, "intervals");
    let known = |row: &&Value| !row["jitter_us"].is_null();
    for (name, mut values) in [
        ("bit_rate", rows.iter().map(bit_rate).collect::<Vec<_>>()),
        ("jitter", rows.iter().filter(known).map(jitter).collect()),
    ] {
        values.sort_by(f64::total_cmp);
        for (at, quantile) in [0.5, 0.95].into_iter().enumerate() {
            let exact = values[(quantile * (values.len() - 1) as f64) as usize];
            let found = found[0][name][at].as_f64().unwrap();
            assert!((found - exact).abs() <= 0.0101 * exact, "{name}: {found} for {exact}");
        }
    }
}

/// Asserts that the loss of a place is that of all packets, and not a mean of the streams' ratios.
async fn assert_loss_of_the_league(view: &View, expected: &Value) {
    let cells = rows_of(expected, "place");
    let sum = |field: &str| cells.iter().filter_map(|cell| cell[field].as_f64()).sum::<f64>();
    let loss = sum("packets_lost") / sum("packets_expected");
    let found = view.rows("SELECT loss FROM league").await;
    let [found] = &found[..] else { panic!("one country, one provider: {found:?}") };
    let found = found["loss"].as_f64().unwrap();
    assert!((found - loss).abs() < 1e-9, "{found} instead of {loss}");
    let ratios: Vec<f64> = rows_of(expected, "intervals")
        .iter()
        .filter_map(|row| Some((row["packets_lost"].as_f64()?, row["packets_received"].as_f64()?)))
        .map(|(lost, received)| lost / (lost + received))
        .filter(|ratio| ratio.is_finite())
        .collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((found - mean).abs() > 0.01, "a mean of ratios would be {mean}");
}

#[tokio::test]
async fn rows_of_a_recorded_call_match_expected_values() {
    let recordings = folder("lab/recordings");
    let text = std::fs::read_to_string(recordings.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let turn = Turn::take();
    let pipeline = turn.pipeline().await;
    let minute = minute();
    let start_us = minute * 1_000_000 + expected["start_us"].as_u64().unwrap();

    let call = vec![recordings.join("call.jsonl")];
    let report = replay(&pipeline.stack, call, Some(start_us / 1000));
    assert_eq!(json!(report.events()), expected["events"]);
    let view = View::of(&pipeline.stack);
    let outcomes = view.outcomes(report.events()).await;
    assert_eq!(outcomes["accepted"], json!(report.events()));
    assert_eq!(outcomes["undecodable"], 0);
    assert_samples(&view, &expected, start_us).await;
    let by_version = ["client_version", "kind", "direction"];
    assert_cells(&view, &expected, "client", &by_version, minute).await;
    assert_cells(&view, &expected, "place", &by_version[1..], minute).await;
    assert_sessions(&view, &expected).await;
    assert_percentiles(&view, &expected).await;
    assert_loss_of_the_league(&view, &expected).await;
}

#[tokio::test]
async fn real_dumps_of_several_browsers_replay_without_dead_letters() {
    let samples = folder("../shared/samples");
    let files: Vec<PathBuf> = ["rtcstats", "getstats"]
        .iter()
        .filter_map(|kind| std::fs::read_dir(samples.join(kind)).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("webrtc-internals-shape.json"))
        .collect();
    if files.is_empty() {
        eprintln!("skipped: there is no {}", samples.display());
        return;
    }
    let turn = Turn::take();
    let pipeline = turn.pipeline().await;
    let report = replay(&pipeline.stack, files, None);
    let unread: u64 = report.files.iter().map(|file| file.unread.count).sum();
    assert!(report.reports() > 200 && unread == 0, "{report}");
    let view = View::of(&pipeline.stack);
    let outcomes = view.outcomes(report.events()).await;
    for outcome in ["invalid", "late", "undecodable"] {
        assert_eq!(outcomes[outcome], 0, "{outcome}");
    }
    let browsers = view
        .rows("SELECT DISTINCT browser FROM sessions WHERE browser != 'unknown' ORDER BY browser")
        .await;
    assert_eq!(browsers, ["Chrome", "Firefox", "Safari"].map(|name| json!({"browser": name})));
}

/// Two polls of the callback-based getStats() in an rtcstats dump, and a report with an invalid
/// number.
const REFUSED: [(&str, &str); 2] = [
    (
        "standup.rtcstats",
        r#"["create","PC_4",{},1790000000000]
["getstats","PC_4",{"ssrc_70_send":{"type":"ssrc","timestamp":0,"googRtt":"31"}},1790000002000]
["getstats","PC_4",{"ssrc_70_send":{"googRtt":"35"}},1790000007000]
"#,
    ),
    (
        "bot.jsonl",
        r#"{"room": 12, "stats": [{"id": 1, "type": "inbound-rtp", "timestamp": 1, "jitter": NaN}]}
"#,
    ),
];

/// Returns the output and exit code of `isobar replay` for these recordings. There is no Kafka.
fn replayed(recordings: &[(&str, &str)]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = std::process::Command::new(env!("CARGO_BIN_EXE_isobar"));
    replay.args(["replay", "--kafka", "127.0.0.1:1"]);
    for (name, recording) in recordings {
        let file = folder.path().join(name);
        std::fs::write(&file, recording).unwrap();
        replay.arg(file);
    }
    let output = replay.output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (printed, output.status.code())
}

#[test]
fn a_replay_with_only_rejected_records_fails_with_the_reason() {
    let (printed, code) = replayed(&REFUSED);
    assert_eq!(code, Some(1), "{printed}");
    for words in [
        "standup.rtcstats: nothing sent",
        "refused 2 as legacy_get_stats",
        "bot.jsonl: refused: line 1 is no JSON",
        "JSON has neither NaN nor Infinity: send null",
        "0 events, 0 of them reports",
    ] {
        assert!(printed.contains(words), "{words:?} is not in\n{printed}");
    }
    for one in &REFUSED {
        let (printed, code) = replayed(std::slice::from_ref(one));
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains(one.0), "{printed}");
    }
}
