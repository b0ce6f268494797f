//! Personal data stays in the raw topic and the dead letters; a client's own address also in the
//! reports until it is looked up.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clickhouse::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use schemas::{EventKind, Interval, Report};
use serde_json::{Value, json};
use stack::pipeline::Pipeline;

use crate::harness::{Turn, assert_not_restarted};

const PATIENCE: Duration = Duration::from_secs(90);

const RAW: &str = "rtc-stats-raw-v1";
const REPORTS: &str = "rtc-reports-v1";
const DEAD_LETTERS: &str = "rtc-dead-letters-v1";
const BETWEEN: [&str; 6] = [
    REPORTS,
    "rtc-enriched-v1",
    "rtc-cells-v1",
    "rtc-sessions-v1",
    "rtc-hours-v1",
    "rtc-blocks-v1",
];

/// Marker in all secret values, in lower case.
const MARK: &str = "zqx";

/// Addresses of ICE candidates and in unexpected places.
const ADDRESSES: [&str; 3] = ["203.0.113.211", "2001:db8:dead:beef", "192.0.2.143"];

/// Address of the client; its network is passed on.
const CLIENT: &str = "198.51.100.77";
const CLIENT_NETWORK: &str = "198.51.100.0/24";

const FORMATS: &str = include_str!("../../../docs/reference/formats.md");
const ENVELOPE: &str = include_str!("../../../docs/reference/envelope.md");

/// Returns members that are in no allow-list, for any object.
fn secrets() -> Vec<(&'static str, Value)> {
    vec![
        ("address", json!("203.0.113.211")),
        ("ip", json!("203.0.113.211")),
        ("ipAddress", json!("2001:db8:dead:beef::77")),
        ("relatedAddress", json!("192.0.2.143")),
        ("relatedPort", json!(50_211)),
        ("usernameFragment", json!("zqxUfrag")),
        ("iceLocalUsernameFragment", json!("zqxUfrag")),
        ("foundation", json!("zqxFoundation")),
        ("candidate", json!("candidate:zqx 1 udp 2122260223 203.0.113.211 50211 typ host")),
        ("sdp", json!("v=0\r\no=zqx 1 1 IN IP4 203.0.113.211\r\na=fingerprint:sha-256 5A:51:58")),
        ("localDescription", json!({"type": "offer", "sdp": "a=ice-pwd:zqxPassword"})),
        ("fingerprint", json!("zqx:5A:51:58:AB:CD")),
        ("fingerprintAlgorithm", json!("zqx-sha-256")),
        ("base64Certificate", json!("MIIBzqxCertificate")),
        ("issuerCertificateId", json!("zqxIssuer")),
        ("userName", json!("Zqx Annika")),
        ("displayName", json!("Zqx Annika")),
        ("email", json!("zqx@example.org")),
        ("password", json!("zqxPassword")),
        ("mid", json!("zqxMid")),
        ("trackIdentifier", json!("zqxTrack")),
        ("decoderImplementation", json!("zqxDecoder")),
        ("zqxMember", json!({"zqxInner": ["203.0.113.211", {"type": "zqxType"}]})),
    ]
}

/// Returns stats objects that contain hosts and certificates.
fn objects() -> [Value; 3] {
    [
        json!({"id": "zqxCandidate", "type": "local-candidate", "address": "203.0.113.211",
               "url": "turn:zqx.example.org:3478", "candidateType": "203.0.113.211"}),
        json!({"id": "zqxCertificate", "type": "certificate", "fingerprint": "5A:51:58:zqx",
               "base64Certificate": "MIIBzqxCertificate"}),
        json!({"id": "zqxConnection", "type": "peer-connection", "label": "zqxLabel"}),
    ]
}

/// Adds secrets to every object, and to members whose values are specified names.
fn fill(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // The members of a report are objects, by id.
            if members.values().all(|member| member.get("type").is_some()) {
                members.values_mut().for_each(fill);
                return;
            }
            members.values_mut().for_each(fill);
            for member in ["networkType", "protocol", "relayProtocol", "iceState", "dtlsState"] {
                if let Some(value) = members.get_mut(member) {
                    *value = json!("203.0.113.211");
                }
            }
            if members.get("type").is_some_and(|of| of == "candidate-pair") {
                members.insert("url".to_owned(), json!("turn:zqx.example.org"));
            }
            members.extend(secrets().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(fill);
            if items.iter().any(|item| item.get("type").is_some_and(|of| of == "inbound-rtp")) {
                items.extend(objects());
            }
        }
        _ => {}
    }
}

/// Also adds the objects to the member that is a report.
fn fill_report(record: &mut Value) {
    if let Some(Value::Object(report)) = record.get_mut("report") {
        for object in objects() {
            report.insert(object["id"].as_str().unwrap().to_owned(), object);
        }
    }
}

/// Moves times to now, and makes every session different.
fn renew(value: &mut Value, shift_ms: f64) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let time = value.as_f64().filter(|time| *time > 1e9 && name.starts_with("time"));
                match time {
                    Some(s) if s < 1e11 => *value = json!(s + shift_ms / 1e3),
                    Some(ms) => *value = json!(ms + shift_ms),
                    None => renew(value, shift_ms),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| renew(item, shift_ms)),
        _ => {}
    }
}

/// A record for a topic.
struct Sent {
    topic: &'static str,
    key: Vec<u8>,
    content_type: Option<Vec<u8>>,
    payload: Vec<u8>,
}

fn raw(key: &str, payload: Vec<u8>) -> Sent {
    Sent { topic: RAW, key: key.as_bytes().to_vec(), content_type: None, payload }
}

fn values(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter().map(Result::unwrap).collect()
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1e3
}

/// Returns records of every raw format, full of secrets.
fn records() -> Vec<Sent> {
    let shift_ms = (now_ms() - 1_795_328_731_074.0).floor();
    let mut records = Vec::new();
    for (place, example) in FORMATS.split("<!-- raw: ").skip(1).enumerate() {
        let Some((_, rest)) = example.split_once("```json\n") else { continue };
        let (head, _) = example.split_once(" -->").unwrap();
        if head == "avro" {
            continue;
        }
        for mut value in values(rest.split_once("\n```").unwrap().0) {
            renew(&mut value, shift_ms);
            fill(&mut value);
            fill_report(&mut value);
            if let Value::Object(members) = &mut value {
                members.insert("client_address".to_owned(), json!(CLIENT));
                members.insert("user_agent".to_owned(), json!("Zqx/1 (203.0.113.211)"));
            }
            let key = format!("meet/standup-{place}/ann-{place}");
            records.push(raw(&key, value.to_string().into_bytes()));
        }
    }
    records.extend(envelopes());
    records.push(canonical());
    records
}

/// Returns Isobar's own events, with reasons as written by browsers and people.
fn envelopes() -> Vec<Sent> {
    let (_, rest) = ENVELOPE.split_once("```json\n").unwrap();
    let example = values(rest.split_once("```").unwrap().0).remove(0);
    let event = |kind: &str, more: Value| {
        let mut envelope = example.clone();
        for (time, ms) in [("timestamp", 0.0), ("sent_at", 5.0), ("received_at", 80.0)] {
            envelope[time] = json!(now_ms() + ms);
        }
        envelope["event"] = json!(kind);
        envelope["client_address"] = json!(CLIENT);
        for (member, value) in more.as_object().unwrap() {
            envelope[member] = value.clone();
        }
        fill(&mut envelope);
        fill_report(&mut envelope);
        raw("meet/standup-0423/ann-1", envelope.to_string().into_bytes())
    };
    let reason = "no route to 203.0.113.211:50211 [2001:db8:dead:beef::77]:1 zqx@example.org \
                  a=ice-ufrag:zqx m=zqx turn:zqx.example.org";
    vec![
        event("stats", json!({})),
        event("joined", json!({"client_address": "not zqx an address"})),
        event("failed", json!({"reason": reason})),
        event("device_failed", json!({"device": "camera", "reason": reason})),
        event("left", json!({"reason": reason})),
    ]
}

/// Returns a canonical report.
fn canonical() -> Sent {
    let now_us = (now_ms() * 1e3) as i64;
    let interval = Interval {
        start_us: now_us - 2_000_000,
        end_us: now_us,
        stats_id: "IT01A7".to_owned(),
        packets_received: Some(96),
        ..Interval::default()
    };
    let report = Report {
        event: EventKind::Stats,
        app: "meet".to_owned(),
        call: "standup-avro".to_owned(),
        participant: "ann-avro".to_owned(),
        event_us: now_us,
        client_address: Some(CLIENT.to_owned()),
        user_agent: Some("Zqx/1 (203.0.113.211)".to_owned()),
        intervals: vec![interval],
        ..Report::default()
    };
    raw("meet/standup-avro/ann-avro", schemas::encode(&report).unwrap())
}

/// Returns invalid records for every input topic.
fn poison() -> Vec<Sent> {
    let whole = String::from_utf8(envelopes().remove(0).payload).unwrap();
    let bad = |member: &str, value: Value| {
        let mut envelope: Value = serde_json::from_str(&whole).unwrap();
        envelope[member] = value;
        envelope.to_string().into_bytes()
    };
    let leaking = Report {
        paths: vec![schemas::Path {
            local_candidate_type: Some("203.0.113.211".to_owned()),
            ..schemas::Path::default()
        }],
        ..schemas::decode(&canonical().payload).unwrap()
    };
    let failed = Report {
        failure_reason: Some("zqx@example.org".to_owned()),
        paths: Vec::new(),
        ..leaking.clone()
    };
    let of_raw = [
        whole.as_bytes()[..whole.len() / 2].to_vec(),
        [whole.as_bytes(), b"\xff\xfe zqx"].concat(),
        bad("timestamp", json!("zqx 203.0.113.211")),
        bad("event", json!("zqx")),
        bad("app", json!({"zqx": 1})),
        bad("report", json!("zqx 203.0.113.211")),
        bad("claim", json!({"asn": "zqx"})),
        br#"{"zqx": "203.0.113.211", "zqx2": [1, 2]}"#.to_vec(),
        br#"["zqx", null, {"sdp": "a=zqx"}, 1]"#.to_vec(),
        br#"{"callId": "c", "clientId": "p", "report": [{"type": "ssrc", "googZqx": "zqx"}]}"#
            .to_vec(),
        format!("{}\"zqx\"{}", "[".repeat(60), "]".repeat(60)).into_bytes(),
        b"zqx 203.0.113.211".to_vec(),
        b"\x00\x00\x00\x00\x65zqx 203.0.113.211".to_vec(),
        schemas::encode(&leaking).unwrap(),
        schemas::encode(&failed).unwrap(),
    ];
    let mut poison: Vec<Sent> =
        of_raw.into_iter().map(|payload| raw("zqx key 203.0.113.211", payload)).collect();
    for topic in BETWEEN {
        let id = u8::try_from(BETWEEN.iter().position(|it| *it == topic).unwrap()).unwrap();
        let framed = [&[0, 0, 0, 0, 101 + 100 * id.min(1)], b"zqx 203.0.113.211".as_slice()];
        for payload in [framed.concat(), b"zqx 203.0.113.211".to_vec()] {
            poison.push(Sent { topic, ..raw("zqx key", payload) });
        }
    }
    for sent in poison.iter_mut().step_by(3) {
        sent.content_type = Some(b"zqx/\xff 203.0.113.211".to_vec());
    }
    poison
}

fn send(pipeline: &Pipeline, records: &[Sent]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", pipeline.stack.brokers())
        .set("enable.idempotence", "true")
        .create()
        .unwrap();
    for sent in records {
        let Sent { topic, key, payload, content_type } = sent;
        let header =
            |value| OwnedHeaders::new().insert(Header { key: "content-type", value: Some(value) });
        let record = BaseRecord::to(topic).key(key).payload(payload).partition(0);
        let record = match content_type {
            Some(value) => record.headers(header(value)),
            None => record,
        };
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// Reads all keys, values and headers of a topic.
fn read(brokers: &str, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "isobar-personal-data")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut ends = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).unwrap();
        if low < high {
            ends.insert(partition.id(), high);
            list.add_partition_offset(topic, partition.id(), Offset::Offset(low)).unwrap();
        }
    }
    consumer.assign(&list).unwrap();
    let mut records = Vec::new();
    while !ends.is_empty() {
        let message = consumer.poll(PATIENCE).expect("the log's end").unwrap();
        let bytes = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
        let mut around = bytes(message.key());
        for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
            around.extend([header.key.as_bytes(), header.value.unwrap_or_default()].concat());
        }
        records.push((around, bytes(message.payload())));
        if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            ends.remove(&message.partition());
        }
    }
    records
}

/// Asserts that `bytes` contains no secret.
fn assert_clean(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for secret in ADDRESSES.into_iter().chain([MARK, CLIENT]) {
        let found = text.find(secret).map(|at| {
            let around = at.saturating_sub(80)..text.len().min(at + 80);
            String::from_utf8_lossy(&text.as_bytes()[around]).into_owned()
        });
        assert_eq!(found, None, "{secret} in {place}");
    }
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.0 200") || text.starts_with("HTTP/1.1 200"), "{text}");
    text
}

async fn query(client: &Client, sql: &str) -> Vec<u8> {
    let bytes = client.query(sql).fetch_bytes("TabSeparated").unwrap().collect().await;
    bytes.unwrap_or_else(|error| panic!("{sql}: {error}")).to_vec()
}

async fn number(client: &Client, sql: &str) -> u64 {
    String::from_utf8(query(client, sql).await).unwrap().trim().parse().unwrap()
}

/// Waits until every raw record is accounted for and sink's invalid records are dead letters.
async fn settled(pipeline: &Pipeline, client: &Client, raw_records: u64, poisoned: usize) {
    let patience = Instant::now() + PATIENCE;
    let sql = "SELECT sum(accepted + duplicate + invalid + late) FROM blocks FINAL";
    loop {
        let answered = number(client, sql).await;
        let letters = read(&pipeline.stack.brokers(), DEAD_LETTERS).len();
        if answered == raw_records && letters >= poisoned {
            return;
        }
        let state =
            format!("{answered} of {raw_records} answered, {letters} of {poisoned} letters");
        assert!(Instant::now() < patience, "{state}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn assert_topics_are_clean(pipeline: &Pipeline, poison: &[Sent]) {
    let brokers = pipeline.stack.brokers();
    for topic in BETWEEN {
        let sent_here = poison.iter().filter(|sent| sent.topic == topic);
        let sent_here: Vec<&[u8]> = sent_here.map(|sent| &*sent.payload).collect();
        let records = read(&brokers, topic);
        let ours = records.iter().filter(|(_, payload)| !sent_here.contains(&&**payload));
        let mut count = 0;
        for (around, payload) in ours {
            count += 1;
            assert_clean(&format!("{topic}, around a record"), around);
            if topic == REPORTS {
                // Members that only enrich reads and removes.
                let report: Report = schemas::decode(payload).unwrap();
                let known = [Some(CLIENT), Some("not zqx an address"), Some("203.0.113.7"), None];
                assert!(known.contains(&report.client_address.as_deref()), "{report:?}");
                let rest = Report { client_address: None, user_agent: None, ..report };
                assert_clean(topic, &serde_json::to_vec(&rest).unwrap());
            } else {
                assert_clean(topic, payload);
            }
        }
        assert!(count > 0, "nothing in {topic} to look at");
    }
}

async fn assert_tables_are_clean(client: &Client) {
    // Views with parameters have no columns in system.columns, and no other data than the others.
    let sql = "SELECT DISTINCT table FROM system.columns WHERE database = currentDatabase()";
    let names = String::from_utf8(query(client, sql).await).unwrap();
    let mut rows = 0;
    for table in names.lines().filter(|name| !name.starts_with('.')) {
        let found = query(client, &format!("SELECT * FROM `{table}`")).await;
        rows += found.iter().filter(|byte| **byte == b'\n').count();
        assert_clean(&format!("table {table}"), &found);
    }
    assert!(rows > 50, "{rows} rows in\n{names}");
    let networks = query(client, "SELECT DISTINCT network FROM samples").await;
    let networks = String::from_utf8(networks).unwrap();
    assert!(networks.contains(CLIENT_NETWORK), "the address was looked up: {networks}");
}

fn assert_logs_are_clean(folder: &Path) {
    let mut lines = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            lines += bytes.iter().filter(|byte| **byte == b'\n').count();
            assert_clean(&path.display().to_string(), &bytes);
        }
    }
    assert!(lines > 10, "{lines} lines of logs");
}

#[tokio::test]
async fn personal_data_stays_in_raw_reports_and_dead_letters() {
    let turn = Turn::take();
    let mut pipeline = turn.pipeline().await;
    let client = pipeline.stack.access().client("migrate");
    let (records, poison) = (records(), poison());
    assert!(records.iter().all(|sent| {
        let payload = String::from_utf8_lossy(&sent.payload).to_lowercase();
        payload.contains(MARK) && payload.contains(ADDRESSES[0])
    }));
    send(&pipeline, &records);
    send(&pipeline, &poison);
    let of_raw = poison.iter().filter(|sent| sent.topic == RAW).count();
    settled(&pipeline, &client, (records.len() + of_raw) as u64, poison.len()).await;

    for (_, letter) in read(&pipeline.stack.brokers(), DEAD_LETTERS) {
        let letter: schemas::DeadLetter = schemas::decode(&letter).unwrap();
        let schemas::DeadLetter { stage, reason, detail, payload, .. } = letter;
        assert_clean("a dead letter's reason", format!("{stage} {reason} {detail}").as_bytes());
        // Aggregate and sink both read enriched reports, and both dead-letter invalid ones.
        let poisoned = poison.iter().any(|sent| sent.payload == payload);
        let text = String::from_utf8_lossy(&payload);
        assert!(poisoned, "{stage} does not take, for {reason} ({detail}), {text}");
    }
    assert_not_restarted(&pipeline.services);
    assert_topics_are_clean(&pipeline, &poison);
    assert_tables_are_clean(&client).await;
    for (service, port) in pipeline.services.ports() {
        for path in ["/metrics", "/readyz"] {
            assert_clean(&format!("{path} of {}", service.name()), get(port, path).as_bytes());
        }
    }
    pipeline.services.stop();
    assert_logs_are_clean(&pipeline.stack.logs());
}
