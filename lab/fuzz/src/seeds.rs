//! Seeds, from the project's own examples and fixtures, into the target's corpus. They are made by
//! the targets themselves, so that nothing has to be built twice.

use std::fs;
use std::path::{Path, PathBuf};

use aggregate::{Bin, Sketch};
use ingest::fuzzing::SEPARATOR;
use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{IpVersion, Writer};
use schemas::{
    Audio, BlockAudit, CellPartial, Claim, DeadLetter, Direction, EnrichedReport, EventKind,
    HourPartial, Inbound, Interval, Kind, Limitation, Lineage, RawOutcome, Record, Report,
    ScoredInterval, SessionPartial, Skipped, Video,
};
use serde_json::json;

const FORMATS: &str = include_str!("../../../docs/reference/formats.md");
const ENVELOPE: &str = include_str!("../../../docs/reference/envelope.md");
const CALL: &str = include_str!("../../recordings/call.jsonl");
const PROTOBUF: [&str; 5] = [
    include_str!("../../../expand/samples/protobuf.txt"),
    include_str!("../../../expand/samples/protobuf-every.txt"),
    include_str!("../../../expand/samples/flat.txt"),
    include_str!("../../../expand/samples/flat-clients.txt"),
    include_str!("../../../expand/samples/flat-every.txt"),
];
const PACK: &str = include_str!("../../../enrich/packs/teams-cqd.json");
const SCORE: &str = include_str!("../../../enrich/packs/e-model.json");

/// Lines of the recorded call that are enough of it.
const LINES: usize = 6;

/// Raw records of every format.
pub fn raw() {
    let mut seeds = vec![separated(0, blocks(ENVELOPE, "```json\n"))];
    for (content_type, example) in (0..).zip(blocks(FORMATS, "```json\n")) {
        let apart = example.replace("\n}\n{", "\n}\u{1e}{").replace("\n]\n[", "\n]\u{1e}[");
        seeds.push(separated(0, [apart.as_str()]));
        seeds.push(separated(1 + content_type % 5, [apart.as_str()]));
    }
    seeds.push(separated(0, CALL.lines().take(LINES)));
    seeds.extend(blocks(FORMATS, "```hex\n").map(|hex| [vec![0], unhex(hex)].concat()));
    seeds.push([vec![5], encoded(&report())].concat());
    write("raw", &seeds);
}

/// A record of each subject, without its frame.
pub fn records() {
    let cell = CellPartial { grouping: "place".to_owned(), ..CellPartial::default() };
    let session = SessionPartial { app: "meet".to_owned(), ..SessionPartial::default() };
    let interval = ScoredInterval { interval: interval(), ..ScoredInterval::default() };
    let Report { lineage, event, app, call, .. } = report();
    let intervals = vec![interval];
    let enriched =
        EnrichedReport { lineage, event, app, call, intervals, ..EnrichedReport::default() };
    let letter = DeadLetter { payload: b"{".to_vec(), ..DeadLetter::default() };
    let all = [
        encoded(&report()),
        encoded(&enriched),
        encoded(&cell),
        encoded(&session),
        encoded(&BlockAudit::default()),
        encoded(&letter),
        encoded(&HourPartial::default()),
    ];
    let seeds = (0..).zip(&all).map(|(subject, framed)| [&[subject], &framed[5..]].concat());
    write("records", &seeds.collect::<Vec<_>>());
}

/// A sketch, ranges of offsets, and what aggregate commits.
pub fn states() {
    let state = |values: &[f64]| {
        let (mut sketch, mut state) = (Sketch::default(), Vec::new());
        values.iter().filter_map(|value| Bin::of(*value)).for_each(|bin| sketch.add(bin));
        sketch.write_state(&mut state);
        [vec![0], state].concat()
    };
    let run = "02FD4A815ABF52F03F0000000000000000010C04E601020000000000000040000000000000F03F0000\
               00000000F03F000000000000F03F030C00FEFFFFFF0F02040000000000000000";
    let committed = r#"{"v":1,"epoch":0,"n":500000,"block_ms":60000,"window_s":60,"groupings":{"place":["app","country","kind"]},"raw":"0-120,122-130","forgotten":0,"watermark":1795328729074}"#;
    let text = |kind: u8, text: &str| [&[kind], text.as_bytes()].concat();
    let seeds = [
        state(&[]),
        state(&[0.0, 1.0, 2.0, 3.0, 3.0, 100.0, 1e-9, 1e280]),
        [vec![0], unhex(run)].concat(),
        text(1, "0-120,122-130,7,9223372036854775807"),
        text(2, committed),
    ];
    write("states", &seeds);
}

/// A file of each kind.
pub fn look_ups() {
    let kinds: [(u8, &[u8]); 5] = [
        (0, &mmdb()),
        (1, b"1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n2600::,2600::ff,7018,AT&T\n"),
        (2, b"[providers]\n\"Deutsche Telekom\" = [3320, 6878]\nComcast = [\n    7922,\n]\n"),
        (3, PACK.as_bytes()),
        (4, SCORE.as_bytes()),
    ];
    write("look_ups", &kinds.map(|(kind, file)| [&[kind], file].concat()));
}

/// A recording of each format.
pub fn recordings() {
    let mut seeds =
        blocks(FORMATS, "```json\n").map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
    seeds.push(CALL.lines().take(LINES).collect::<Vec<_>>().join("\n").into_bytes());
    seeds.push([encoded(&report()), encoded(&report())].concat());
    seeds.extend(PROTOBUF.map(|stream| stream.as_bytes().to_vec()));
    write("recordings", &seeds);
}

fn write(target: &str, seeds: &[Vec<u8>]) {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder for seeds");
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed).expect("a seed");
    }
}

/// The blocks of code of a page that begin with `fence`.
fn blocks<'a>(page: &'a str, fence: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(fence).skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0))
}

fn separated<'a>(content_type: u8, texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let texts = texts.into_iter().map(str::as_bytes).collect::<Vec<_>>();
    [&[content_type], &texts.join(&SEPARATOR)[..]].concat()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.bytes().filter(u8::is_ascii_hexdigit).collect::<Vec<_>>();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16);
    digits.chunks_exact(2).map(|pair| byte(pair).expect("hexadecimal")).collect()
}

fn encoded<T: Record>(record: &T) -> Vec<u8> {
    schemas::encode(record).expect("a record of this project")
}

fn interval() -> Interval {
    Interval {
        kind: Kind::Video,
        direction: Direction::Inbound,
        stats_id: "IT01V7".to_owned(),
        codec: Some("video/VP8".to_owned()),
        start_us: 1_795_328_729_000_000,
        end_us: 1_795_328_731_000_000,
        packets_received: Some(7),
        packets_lost: Some(-1),
        inbound: Some(Inbound { jitter_buffer_us: Some(1), ..Inbound::default() }),
        audio: Some(Audio { total_samples: Some(96_000), ..Audio::default() }),
        video: Some(Video { frames: Some(60), ..Video::default() }),
        limitation: Some(Limitation { cpu_us: Some(5), ..Limitation::default() }),
        ..Interval::default()
    }
}

fn report() -> Report {
    let skipped = vec![Skipped { from: 3, count: 2, outcome: RawOutcome::Invalid }];
    Report {
        lineage: Lineage { raw_from: 1, raw_to: 9, skipped, ..Lineage::default() },
        event: EventKind::Stats,
        app: "meet".to_owned(),
        call: "standup-0423".to_owned(),
        participant: "ann-1".to_owned(),
        event_us: 1_795_328_731_000_000,
        claim: Some(Claim { country: Some("DE".to_owned()), ..Claim::default() }),
        paths: vec![schemas::Path::default()],
        intervals: vec![interval()],
        ..Report::default()
    }
}

/// Networks in the shapes of MaxMind, DB-IP Lite and IPinfo.
fn mmdb() -> Vec<u8> {
    let mut writer = Writer::builder("GeoLite2-City").ip_version(IpVersion::V4).build();
    let nested = json!({
        "continent": {"code": "EU"},
        "country": {"iso_code": "DE", "names": {"en": "Germany"}},
        "subdivisions": [{"iso_code": "BE", "names": {"en": "Berlin"}}],
        "city": {"names": {"en": "Berlin"}},
    });
    let flat = json!({"country_code": "US", "state1": "California", "city": "San Jose"});
    let provider = json!({
        "autonomous_system_number": 3320,
        "autonomous_system_organization": "Deutsche Telekom AG",
        "connection_type": "Cable/DSL",
    });
    let records = [("1.0.0.0/24", nested), ("8.8.8.0/24", flat), ("203.0.112.0/20", provider)];
    for (network, record) in records {
        let network = network.parse::<IpNet>().expect("a network");
        writer.insert(network, &record).expect("a record");
    }
    writer.to_bytes().expect("a file")
}
