//! The view of standardised shares beside the dashboard, which answers the same questions through the crate
//! `statistics`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use accuracy::Server;
use deploy::access::Access;
use serde_json::Value;
use stack::http;

use super::{ask, clickhouse, number};
use crate::harness::Turn;
use crate::program::Program;

/// Questions: query of the breakdown, and the view's parameters `measure`, `by`, `country`, `provider`, `kind`.
const QUESTIONS: [(&str, [&str; 5]); 10] = [
    ("by=provider&range=24h", ["poor_share", "provider", "", "", ""]),
    ("by=provider&range=24h&country=BR&kind=audio", ["poor_share", "provider", "BR", "", "audio"]),
    ("by=client_version&range=24h&country=BR", ["poor_share", "client_version", "BR", "", ""]),
    (
        "by=client_version&range=24h&provider=Usual%20Net",
        ["poor_share", "client_version", "", "Usual Net", ""],
    ),
    ("by=network_type&range=7d&kind=video", ["poor_share", "network_type", "", "", "video"]),
    ("by=browser&range=24h", ["poor_share", "browser", "", "", ""]),
    ("by=country&range=24h", ["poor_share", "country", "", "", ""]),
    ("by=provider&range=24h&measure=loss", ["loss", "provider", "", "", ""]),
    (
        "by=client_version&range=24h&measure=setup_failures&kind=audio",
        ["setup_failures", "client_version", "", "", "audio"],
    ),
    ("by=provider&range=90d", ["poor_share", "provider", "", "", ""]),
];

#[tokio::test]
async fn the_view_of_standardised_shares_equals_the_dashboard() {
    let turn = Turn::take();
    let (stack, server) = clickhouse(&turn).await;
    insert_mixes(&server).await;
    let access = stack.access();
    let (_dashboard, address) = start_dashboard(&turn, &access);

    let (mut states, mut coverages) = (BTreeSet::new(), Vec::new());
    for (query, parameters) in QUESTIONS {
        let answer = breakdown(&address, query);
        let rows = ask(&server, &view(&answer["range"], parameters)).await;
        let mut found = BTreeMap::new();
        for row in &rows {
            found.insert((text(&row["country"]), text(&row["name"])), row);
            coverages.push(number(row, "coverage").unwrap());
        }
        let expected = answer["rows"].as_array().unwrap();
        assert!(
            expected.len() > 1 && expected.len() == rows.len(),
            "{query}: {answer:#} {rows:#?}"
        );
        for row in expected {
            let country =
                if parameters[1] == "provider" { &row["key"]["country"] } else { &Value::Null };
            let own = found[&(text(country), text(&row["name"]))];
            assert_same_figures(query, row, own);
            states.insert(text(&own["state"]));
        }
    }
    // Otherwise the comparison would leave something out.
    assert_eq!(
        states,
        ["cannot_tell", "known", "upper_limit"].map(str::to_owned).into(),
        "{coverages:?}"
    );
    assert!(coverages.iter().any(|coverage| *coverage > 0.8 && *coverage < 0.999), "{coverages:?}");

    let unknown =
        view(&breakdown(&address, QUESTIONS[0].0)["range"], ["poor_share", "joy", "", "", ""]);
    let refused = server.reader.query(&unknown).fetch_bytes("JSONEachRow").unwrap().collect().await;
    assert!(
        refused.unwrap_err().to_string().contains("by is provider"),
        "an unknown dimension is named"
    );
}

/// Starts a dashboard for the user `dashboard`, and returns it with its address.
pub(crate) fn start_dashboard(turn: &Turn, access: &Access) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command
        .arg("dashboard")
        .env("ISOBAR_SERVER__LISTEN", "127.0.0.1:0")
        .env("ISOBAR_DASHBOARD__URL", &access.url)
        .env("ISOBAR_DASHBOARD__PASSWORD", access.passwords.of("dashboard"));
    let program = Program::spawn(command, turn.folder.path().join("dashboard.log"));
    program.wait_for("started");
    let address = program.address().unwrap();
    (program, address)
}

fn breakdown(address: &str, query: &str) -> Value {
    let path = format!("/api/v1/breakdown?{query}&limit=1000");
    let answer = http::get_within(address, &path, Duration::from_secs(60)).unwrap();
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn view(range: &Value, [measure, by, country, provider, kind]: [&str; 5]) -> String {
    let [from, to] =
        ["from", "to"].map(|end| text(&range[end]).trim_end_matches('Z').replace('T', " "));
    format!(
        "SELECT * FROM isobar.standardised_shares(measure = '{measure}', by = '{by}', from = '{from}', to = '{to}', app = '', \
         country = '{country}', provider = '{provider}', kind = '{kind}')"
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn assert_same_figures(query: &str, row: &Value, own: &Value) {
    let (raw, adjusted) = (&row["raw"], &row["adjusted"]);
    for (column, expected) in [
        ("share", &adjusted["value"]),
        ("lower", &adjusted["lower"]),
        ("upper", &adjusted["upper"]),
        ("effective_sessions", &adjusted["effective_sessions"]),
        ("raw_share", &raw["value"]),
        ("raw_lower", &raw["lower"]),
        ("raw_upper", &raw["upper"]),
        ("raw_effective_sessions", &raw["effective_sessions"]),
        ("sessions", &raw["sessions"]),
    ] {
        let (found, expected) = (own[column].as_f64(), expected.as_f64());
        let same = match (found, expected) {
            (Some(found), Some(expected)) => {
                (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
            }
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(same, "{query}, {column}: {found:?} instead of {expected:?}: {row:#} {own:#}");
    }
    assert_eq!(text(&own["state"]), text(&adjusted["state"]), "{query}: {row:#} {own:#}");
    // Sums of 128 bits are texts in JSON.
    let intervals = own["intervals"].to_string();
    assert_eq!(
        intervals.trim_matches('"'),
        raw["intervals"].to_string(),
        "{query}: {row:#} {own:#}"
    );
}

/// Sessions of the last 20 hours, and the same ones as sums of a day 40 days ago. Half of them have two hours,
/// a third has both directions, and a seventh changes its network. The providers have different mixes: no
/// phone on `Fixed Net`, no Safari on `Gap Net`, almost nothing poor on `Best Net`.
pub(crate) async fn insert_mixes(server: &Server) {
    let sessions = "
        SELECT
            number,
            toString(number) AS call,
            ['Usual Net', 'Fixed Net', 'Gap Net', 'Best Net', 'Worst Net'][1 + number % 5] AS organisation,
            ['BR', 'BR', 'DE'][1 + cityHash64(number, 1) % 3] AS country,
            if(organisation = 'Fixed Net' OR cityHash64(number, 2) % 5 < 2, 'desktop', 'mobile') AS device,
            ['Chrome', 'Chrome', 'Chrome', 'Chrome', 'Firefox', 'Firefox', 'Firefox',
             if(organisation = 'Gap Net', 'Chrome', 'Safari')][1 + cityHash64(number, 3) % 8] AS browser,
            ['wifi', 'cellular'][1 + cityHash64(number, 4) % 2] AS network,
            ['4.1.7', '4.2.0', '4.2.0', '4.2.1'][1 + cityHash64(number, 5) % 4] AS release,
            multiIf(
                organisation = 'Best Net', number % 400 = 3,
                cityHash64(number, 6) % 100 < if(device = 'mobile', 20, 8) * if(organisation = 'Worst Net', 2, 1)
            ) AS is_poor
        FROM numbers(6000)";
    let rows = format!(
        "SELECT
            toStartOfHour(now()) - toIntervalHour(1 + number % 20 + later) AS hour,
            'shop' AS app, call, 'p' AS participant,
            if(country = 'BR', 'SA', 'EU') AS continent, country, organisation,
            if(number % 7 = 0 AND later = 0, 'ethernet', network) AS network_type,
            device AS device_class, browser, release AS client_version, kind, direction,
            if(kind = 'none', 0, 20) AS intervals,
            toInt64(if(kind = 'none', 0, 60 + cityHash64(number, kind, later) % 600) * 1000000) AS length,
            toInt64(intDiv(length * if(is_poor, 10 + cityHash64(number, 7) % 90, number % 3), 100)) AS poor_us,
            length - poor_us AS good_us,
            if(kind = 'none', 0, 2000) AS packets_expected,
            -- Fewer than 0 where lost packets arrive later.
            if(kind = 'none', 0, toInt64(number % 5) - 3 + is_poor * toInt64(cityHash64(number, 8) % 300)) AS packets_lost,
            toInt64(kind = 'none') AS setups_attempted,
            toInt64(kind = 'none' AND cityHash64(number, 9) % 15 = 0) AS setups_failed
         FROM ({sessions})
         ARRAY JOIN ['audio', 'video', 'none'] AS kind
         ARRAY JOIN if(number % 3 = 0, ['inbound', 'outbound'], ['inbound']) AS direction
         ARRAY JOIN if(number % 2 = 0, [0, 1], [0]) AS later"
    );
    let strata = "app, continent, country, organisation, network_type, device_class, browser, kind, direction";
    let hours = format!(
        "INSERT INTO session_hours_1h (hour, call, participant, client_version, {strata}, intervals, poor_us, \
         good_us, packets_expected, packets_lost, setups_attempted, setups_failed, version) \
         SELECT hour, call, participant, client_version, {strata}, intervals, poor_us, good_us, packets_expected, \
         packets_lost, setups_attempted, setups_failed, 1 FROM ({rows})"
    );
    let days = format!(
        "INSERT INTO session_days_1d (day, {strata}, sessions, judged, w, y, ww, wy, yy, intervals, version) \
         SELECT today() - 40, {strata}, count(), count(), sum(toInt128(whole)), sum(toInt128(part)), \
         sum(toInt256(whole) * whole), sum(toInt256(whole) * part), sum(toInt256(part) * part), sum(own), 1 \
         FROM (SELECT {strata}, call, sum(poor_us + good_us) AS whole, sum(poor_us) AS part, \
         sum(intervals) AS own FROM ({rows}) WHERE kind != 'none' GROUP BY {strata}, call) GROUP BY {strata}"
    );
    for statement in [hours, days] {
        server.admin.query(&statement).execute().await.unwrap();
    }
}
