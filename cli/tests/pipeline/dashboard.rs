//! The dashboard on a real ClickHouse with a small known world: its figures equal a direct fold of the same
//! sessions, roles see what they may, foreign text does no harm, and it recovers when ClickHouse does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clickhouse::Client;
use deploy::connect::Cluster;
use deploy::migrate;
use serde_json::Value;
use stack::{Plan, Stack, http};

use crate::harness::Turn;
use crate::program::Program;

mod document;
mod minutes;
mod pages;
mod tenants;
mod truth;
mod world;
use world::{Seen, WORLD_HOURS, hostile, insert, sessions};

const PARTICIPANTS: &str = "token-of-somebody-who-may-see-participants";
const TENANT: &str = "token-of-the-tenant-with-the-app-other";
const TENANT_PARTICIPANTS: &str = "token-of-the-tenant-who-may-see-participants";
const VIEWER: &str = "token-of-somebody-with-the-default-role";

#[tokio::test]
async fn the_dashboard_answers_as_the_sessions_say() {
    let turn = Turn::take();
    // Kafka is not asked for anything.
    let mut stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let access = stack.access();
    let admin: Client = access.client("migrate");
    migrate::apply(&admin).await.unwrap();
    let world = sessions();
    insert(&admin, &world).await;

    let program = start(&turn, &access.url, access.passwords.of("dashboard"));
    program.wait_for("started");
    let api = Api { address: program.address().unwrap() };
    api.wait_until_ready();

    shares_equal_a_direct_fold(&api, &world);
    small_cells_are_folded(&api, &world);
    roles_and_tenants_see_what_they_may(&api);
    foreign_text_does_no_harm(&api, &world);
    document::answers_are_as_the_document_says(&api);
    document::every_answer_is_a_table_as_well(&api);
    minutes::come_from_samples(&api, &world);
    minutes::free_combinations_have_percentiles_for_participants(&api);
    tenants::see_their_app_alone(&api);
    tenants::are_known_by_the_headers_of_a_proxy(
        &turn,
        &access.url,
        access.passwords.of("dashboard"),
        &api,
    );
    requests_that_ask_for_too_much_are_refused(&api);

    let guard = stack.guard().clone();
    stack.clickhouse().unwrap().stop();
    clickhouse_is_gone(&api);
    stack.clickhouse().unwrap().resume(&guard).unwrap();
    api.wait_until_ready();
    assert_eq!(api.get("summary?range=7d").0, 200);
}

fn start(turn: &Turn, url: &str, password: &str) -> Program {
    let tokens = serde_json::json!([
        {"token": PARTICIPANTS, "role": "participants"},
        {"token": TENANT, "role": "viewer", "apps": ["other"]},
        {"token": VIEWER},
        {"token": TENANT_PARTICIPANTS, "role": "participants", "apps": ["other"]},
    ]);
    let mut command = command(url, password);
    command.env("ISOBAR_DASHBOARD__TOKENS", tokens.to_string());
    Program::spawn(command, turn.folder.path().join("dashboard.log"))
}

fn command(url: &str, password: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_isobar"));
    command
        .arg("dashboard")
        .env("ISOBAR_SERVER__LISTEN", "127.0.0.1:0")
        .env("ISOBAR_DASHBOARD__URL", url)
        .env("ISOBAR_DASHBOARD__PASSWORD", password)
        .env("ISOBAR_DASHBOARD__REUSE_S", "0");
    command
}

/// The API as programs see it.
struct Api {
    address: String,
}

impl Api {
    fn wait_until_ready(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            match http::get(&self.address, "/readyz") {
                Ok(answer) if answer.status == 200 => return,
                other => assert!(Instant::now() < patience, "{other:?}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.get_as(VIEWER, path)
    }

    fn get_as(&self, token: &str, path: &str) -> (u16, Value) {
        let (status, _, body) = self.text(token, &format!("/api/v1/{path}"));
        let value =
            serde_json::from_str(&body).unwrap_or_else(|why| panic!("{path}: {why}: {body}"));
        (status, value)
    }

    /// Status, head and body of an answer.
    fn text(&self, token: &str, path: &str) -> (u16, String, String) {
        self.send(
            "GET",
            path,
            &format!("Host: {}\r\nCookie: isobar_token={token}\r\n", self.address),
        )
    }

    fn send(&self, method: &str, path: &str, headers: &str) -> (u16, String, String) {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "{method} {path} HTTP/1.0\r\n{headers}\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }
}

/// Encodes a value for a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn share(seen: &[&Seen]) -> f64 {
    let (poor, judged) = seen.iter().fold((0, 0), |(poor, judged), one| {
        (poor + one.poor_us, judged + one.poor_us + one.good_us)
    });
    poor as f64 / judged as f64
}

fn count(seen: &[&Seen]) -> usize {
    let sessions: std::collections::BTreeSet<_> = seen.iter().map(|one| &one.call).collect();
    sessions.len()
}

fn shares_equal_a_direct_fold(api: &Api, world: &[Seen]) {
    let mut providers: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for one in world.iter().filter(|one| one.country == "BR") {
        providers.entry(&one.organisation).or_default().push(one);
    }
    let (status, answer) =
        api.get("breakdown?by=provider&country=BR&range=24h&sparkline=1&weights=1");
    assert_eq!(status, 200, "{answer:#}");
    let rows = answer["rows"].as_array().unwrap();
    let single: Vec<_> = rows.iter().filter(|row| row["folded"].is_null()).collect();
    assert!(single.len() >= 3, "{answer:#}");
    for row in &single {
        let seen = &providers[row["name"].as_str().unwrap()];
        let raw = &row["raw"];
        assert!((raw["value"].as_f64().unwrap() - share(seen)).abs() < 1e-12, "{row:#}");
        assert_eq!(raw["sessions"].as_u64().unwrap() as usize, count(seen), "{row:#}");
        assert_eq!(row["sparkline"].as_array().unwrap().len(), WORLD_HOURS);
    }
    // Bad Net is made so that it is worst beyond doubt.
    assert_eq!(rows[0]["name"], "Bad Net", "{answer:#}");
    assert_eq!(rows[0]["rank"], serde_json::json!({"from": 1, "to": 1}));
    assert_eq!(rows[0]["against_rest"]["word"], "worse");
    assert_eq!(rows[0]["against_rest"]["finding"], true);

    let all: Vec<_> = world.iter().collect();
    let (_, summary) = api.get("summary?range=24h");
    let poor = &summary["measures"][0];
    assert_eq!(poor["measure"], "poor_share");
    assert!((poor["now"]["value"].as_f64().unwrap() - share(&all)).abs() < 1e-12, "{poor:#}");
    assert_eq!(poor["before"]["state"], "no_data", "{poor:#}");

    let (_, compared) =
        api.get("compare?range=24h&country=BR&a.provider=Bad%20Net&b.provider=Good%20Net");
    assert_eq!(compared["measures"][0]["raw"]["word"], "worse", "{compared:#}");
    assert_eq!(compared["measures"][0]["adjusted"]["word"], "worse", "{compared:#}");
    let (_, same) = api.get("compare?range=24h&a.country=BR&b.country=BR");
    assert_eq!(same["overlap"], true);
}

fn small_cells_are_folded(api: &Api, world: &[Seen]) {
    let (_, answer) = api.get("breakdown?by=provider&country=BR&range=24h");
    let text = answer.to_string();
    assert!(!text.contains("Tiny Net"), "{answer:#}");
    let rows = answer["rows"].as_array().unwrap();
    let folded: Vec<_> = rows.iter().filter(|row| !row["folded"].is_null()).collect();
    assert_eq!(folded.len(), 1, "{answer:#}");
    assert!(folded[0]["folded"]["rows"].as_u64() >= Some(2), "a second cell is hidden: {answer:#}");
    let (_, tiny) = api.get("summary?range=24h&country=BR&provider=Tiny%20Net");
    assert_eq!(tiny["measures"][0]["now"]["state"], "too_few", "{tiny:#}");
    // The one that is hidden with it is not shown by itself either.
    let shown: Vec<_> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    let second = world.iter().find(|one| {
        one.country == "BR"
            && one.organisation != "Tiny Net"
            && !shown.contains(&one.organisation.as_str())
    });
    let second = encoded(&second.unwrap().organisation);
    let (_, second) = api.get(&format!("summary?range=24h&country=BR&provider={second}"));
    assert_eq!(second["measures"][0]["now"]["state"], "too_few", "{second:#}");
    let (_, seen) = api.get_as(PARTICIPANTS, "breakdown?by=provider&country=BR&range=24h");
    assert!(seen.to_string().contains("Tiny Net"), "{seen:#}");
}

fn roles_and_tenants_see_what_they_may(api: &Api) {
    let free = "breakdown?by=browser&country=BR&network_type=wifi&range=24h";
    assert_eq!(api.get(free).0, 403);
    assert_eq!(api.get_as(PARTICIPANTS, free).0, 200);
    for token in ["", "wrong", "token-of-somebody-with-the-default-rolE"] {
        assert_eq!(api.get_as(token, "summary").0, 401, "{token}");
    }
    assert_eq!(api.get_as(TENANT, "summary?app=app").0, 403);
    let (_, apps) = api.get_as(TENANT, "breakdown?by=app&range=24h");
    assert!(!apps["rows"].to_string().contains("\"app\":\"app\""), "{apps:#}");
    let (_, mine) = api.get_as(TENANT, "summary?range=24h");
    let (_, all) = api.get("summary?range=24h");
    let sessions = |answer: &Value| answer["measures"][0]["now"]["sessions"].as_u64().unwrap();
    assert!(sessions(&mine) < sessions(&all), "{mine:#}");
    assert_eq!(api.get_as(TENANT, "me").1["apps"], serde_json::json!(["other"]));
}

fn foreign_text_does_no_harm(api: &Api, world: &[Seen]) {
    for name in hostile() {
        let own: Vec<_> = world.iter().filter(|one| one.organisation == name).collect();
        let path = format!("summary?range=24h&country=DE&provider={}", encoded(name));
        let (status, answer) = api.get(&path);
        assert_eq!(status, 200, "{name:?} {answer:#}");
        let value = answer["measures"][0]["now"]["value"].as_f64();
        assert!((value.unwrap() - share(&own)).abs() < 1e-12, "{name:?} {answer:#}");
    }
    let (status, none) = api.get("summary?range=24h&country=BR%27%20OR%20%271%27=%271");
    assert_eq!((status, &none["measures"][0]["now"]["state"]), (200, &Value::from("no_data")));
    let (status, head, csv) =
        api.text(VIEWER, "/api/v1/breakdown?by=provider&country=DE&range=24h&format=csv");
    assert_eq!(status, 200);
    assert!(head.contains("text/csv"), "{head}");
    assert!(csv.contains("'=HYPERLINK"), "{csv}");
    assert!(csv.lines().all(|line| !line.contains(",=HYPERLINK")), "{csv}");
}

fn requests_that_ask_for_too_much_are_refused(api: &Api) {
    let (status, problem) = api.get("summary?contry=BR");
    assert_eq!((status, &problem["parameter"]), (400, &Value::from("contry")));
    assert_eq!(api.get(&format!("summary?city={}", "x".repeat(4000))).0, 400);
    assert_eq!(api.get("nothing").0, 404);
    let host = format!("Host: {}\r\n", api.address);
    assert_eq!(api.send("POST", "/api/v1/summary", &format!("{host}Content-Length: 0\r\n")).0, 405);
    assert_eq!(api.send("GET", "/api/v1/summary", "Host: evil.example\r\n").0, 421);
    let (status, head, page) = api.send("GET", "/league", &host);
    assert_eq!(status, 200, "{page}");
    assert!(head.contains("content-security-policy: default-src 'self'"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
}

fn clickhouse_is_gone(api: &Api) {
    let (status, problem) = api.get("summary?range=24h");
    assert_eq!(status, 503, "{problem:#}");
    assert!(problem["detail"].as_str().unwrap().contains("ClickHouse"), "{problem:#}");
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = http::get(&api.address, "/readyz").unwrap();
        if answer.status == 503 && answer.body.contains("ClickHouse") {
            break;
        }
        assert!(Instant::now() < patience, "{answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(http::get(&api.address, "/healthz").unwrap().status, 200);
}
