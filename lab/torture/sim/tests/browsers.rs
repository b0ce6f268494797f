//! Independence of verdicts from the browser: rules that apply to each browser, and shares of poor
//! time by browser in a world where all browsers have equal quality.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, missing_docs)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path as FilePath;

use enrich::pack::Pack;
use enrich::score::{Metric, Scores};
use oracle::oracle::{Located, LookUp, Oracle};
use schemas::{
    Audio, Claim, Direction, Inbound, Interval, Kind, Path, Place, PlaceSource, Provider, Verdict,
    Video,
};
use statistics::{Estimate, Interval as Interval95, Session};
use world::truth;
use world::world::{Scenario, Settings, World};

/// Browsers whose `getStats()` has members of its own, by family and major version.
const BROWSERS: [(&str, &str); 4] = [
    ("Chromium", "Chrome, Edge"),
    ("Safari", "Safari, iOS"),
    ("Firefox", "Firefox"),
    ("Firefox 115", "Firefox 115"),
];

fn engine(session: &truth::Session) -> &'static str {
    match (session.device.browser.as_str(), session.device.browser_version.as_str()) {
        ("Firefox", "115") => "Firefox 115",
        ("Firefox", _) => "Firefox",
        (browser, _) if browser.contains("Safari") => "Safari",
        _ => "Chromium",
    }
}

/// Returns the interval and its path as ingest derives them from the browser's report.
fn made(it: &truth::Interval, ice: Option<(i64, i64)>) -> (Interval, Path) {
    let inbound = (it.direction == Direction::Inbound).then(|| Inbound {
        jitter_buffer_us: it.jitter_buffer_us,
        jitter_buffer_emitted: it.jitter_buffer_emitted,
        ..Inbound::default()
    });
    let video = (it.kind == Kind::Video).then(|| Video {
        frames: it.frames,
        source_frames: it.source_frames,
        frames_dropped: it.frames_dropped,
        frame_width: it.frame_width,
        frame_height: it.frame_height,
        freeze_us: it.freeze_us,
        screen_share: it.screen_share,
        ..Video::default()
    });
    let audio = (it.kind == Kind::Audio)
        .then(|| Audio { audio_energy_micro: it.audio_energy_micro, ..Audio::default() });
    let interval = Interval {
        kind: it.kind,
        direction: it.direction,
        codec: Some(it.codec.clone()),
        start_us: it.start_us,
        end_us: it.end_us,
        stream_packets: it.stream_packets,
        packets_received: it.packets_received,
        packets_lost: it.packets_lost,
        retransmitted_packets: it.retransmitted_packets,
        bytes: it.bytes,
        round_trip_us: it.round_trip_us,
        round_trip_count: it.round_trip_count,
        round_trip_gauge_us: it.round_trip_gauge_us,
        jitter_us: it.jitter_us,
        inbound,
        audio,
        video,
        ..Interval::default()
    };
    let path = Path {
        ice_round_trip_us: ice.map(|(us, _)| us),
        ice_round_trip_count: ice.map(|(_, count)| count),
        ..Path::default()
    };
    (interval, path)
}

/// Returns the settings of a world with this number of live sessions.
const fn settings(sessions: u32, seconds: i64) -> Settings {
    Settings {
        seed: 11,
        start_us: 1_700_000_000_000_000,
        duration_us: Some(seconds * 1_000_000),
        sessions,
        period_us: 10_000_000,
        scenario: Scenario::Usual,
        late_us: 72 * 3_600_000_000,
        history: None,
    }
}

/// Passes every interval of a world to `take`, with the number and the browser of its session.
fn play(sessions: u32, seconds: i64, mut take: impl FnMut(u32, &'static str, Interval, Path)) {
    let mut engines = HashMap::new();
    for delivery in World::new(settings(sessions, seconds)).unwrap() {
        let record = delivery.truth;
        if let Some(session) = &record.introduces {
            engines.insert(record.session, engine(session));
        }
        let Some(event) = record.event else { continue };
        for it in &event.intervals {
            let (interval, path) = made(it, event.ice);
            take(record.session, engines[&record.session], interval, path);
        }
    }
}

/// Returns the streams that packs have rules for, with all members present.
fn streams() -> Vec<(&'static str, Interval)> {
    let of = |kind, direction, screen_share| Interval {
        kind,
        direction,
        video: (kind == Kind::Video).then(|| Video { screen_share, ..Video::default() }),
        ..Interval::default()
    };
    let (inbound, outbound) = (Direction::Inbound, Direction::Outbound);
    vec![
        ("audio, received", of(Kind::Audio, inbound, None)),
        ("audio, sent", of(Kind::Audio, outbound, None)),
        ("camera, received", of(Kind::Video, inbound, Some(false))),
        ("camera, sent", of(Kind::Video, outbound, Some(false))),
        ("screen, received", of(Kind::Video, inbound, Some(true))),
        ("screen, sent", of(Kind::Video, outbound, Some(true))),
    ]
}

/// Returns a table line for each rule of each pack: whether it can decide for a browser's streams.
fn table() -> String {
    let scores = Scores::embedded().unwrap();
    let older = Pack::OLDER.map(|(_, json)| Pack::parse(json).unwrap());
    let packs: Vec<&Pack> = scores.packs().iter().chain(&older).collect();
    // Keys: pack, browser, kind, direction, and screen if the browser reports it.
    let mut can = BTreeSet::new();
    play(300, 200, |_, engine, interval, path| {
        let readings = scores.readings(&interval, Some(&path));
        let screen = interval.video.and_then(|video| video.screen_share);
        for pack in &packs {
            for metric in pack.deciding(&interval, &readings) {
                let stream = (interval.kind, interval.direction, screen);
                can.insert((pack.label().to_owned(), engine, stream, metric.name()));
            }
        }
    });
    let mut page = String::from("| pack | stream | rule |");
    BROWSERS.iter().for_each(|(_, name)| write!(page, " {name} |").unwrap());
    page.push_str("\n|---|---|---|");
    BROWSERS.iter().for_each(|_| page.push_str("---|"));
    for pack in &packs {
        for (stream, probe) in streams() {
            let asked = pack.metrics(&probe).into_iter();
            for metric in asked.filter(|metric| *metric != Metric::LoadedLatencyIncrease) {
                write!(page, "\n| `{}` | {stream} | `{}` |", pack.label(), metric.name()).unwrap();
                for (engine, _) in BROWSERS {
                    let screens = [probe.video.and_then(|video| video.screen_share), None];
                    let is_reported = screens.into_iter().any(|screen| {
                        let stream = (probe.kind, probe.direction, screen);
                        can.contains(&(pack.label().to_owned(), engine, stream, metric.name()))
                    });
                    page.push_str(if is_reported { " yes |" } else { " – |" });
                }
            }
        }
    }
    page.push('\n');
    page
}

#[test]
fn rule_table_matches_the_members_browsers_report() {
    let file = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/scores.md");
    let (begin, end) = ("<!-- rules by browser -->\n\n", "\n<!-- end of rules by browser -->");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(begin).expect("the table's beginning");
    let (_, after) = rest.split_once(end).expect("the table's end");
    let wanted = [before, begin, &table(), end, after].concat();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &wanted).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == wanted,
        "docs/reference/scores.md is out of date: UPDATE_DOCS=1 cargo test -p torture-sim --test browsers"
    );
}

#[test]
fn every_bundled_pack_is_in_the_table() {
    let packs = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../../enrich/packs");
    let (table, mut found) = (table(), 0);
    for file in fs::read_dir(packs).unwrap() {
        let pack: serde_json::Value =
            serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        // Scores have no rules.
        if pack.get("media").is_some() {
            let label = format!("| `{}@{}` |", pack["name"].as_str().unwrap(), pack["version"]);
            assert!(table.contains(&label), "{label}");
            found += 1;
        }
    }
    assert_eq!(found, 6);
}

#[test]
fn every_browser_reports_inputs_of_every_primary_rule() {
    let table = table();
    let of_primary = table.lines().filter(|line| line.contains("`comparable@"));
    let lines: Vec<_> = of_primary.collect();
    assert!(lines.len() >= 7, "{lines:?}");
    for line in lines {
        assert!(!line.contains(" – "), "{line}");
    }
}

/// A pack that decides by the first rule whose inputs the browser reports: old Firefox is judged by
/// the frame rate of cameras and screens, others by dropped frames.
const FIRST_REPORTED_RULE: &str = r#"{
    "name": "first-reported-rule", "version": 1, "sources": ["this test"],
    "media": {
        "video": {"mode": "first", "minimum_packets": 501, "rules": [
            {"metric": "frame_loss", "comparison": "above", "threshold": 0.5, "unit": "ratio"},
            {"metric": "frame_rate", "comparison": "below", "threshold": 7, "unit": "1/s"}
        ]},
        "screen_share": {"mode": "first", "minimum_packets": 501, "rules": [
            {"metric": "frame_loss", "comparison": "above", "threshold": 0.5, "unit": "ratio"},
            {"metric": "frame_rate", "comparison": "below", "threshold": 7, "unit": "1/s"}
        ]}
    }
}"#;

/// Poor and classified time of sessions, by pack, kind and browser.
type Times = BTreeMap<(&'static str, Kind, &'static str), HashMap<u32, Session>>;

/// Returns the share of poor time of a browser by a pack, with its interval.
fn share(times: &Times, of: (&'static str, Kind, &'static str)) -> Interval95 {
    let sessions: Vec<_> = times[&of].values().copied().collect();
    Estimate::of(&sessions).unwrap().share()
}

#[test]
fn equal_quality_gives_equal_verdicts_for_all_browsers() {
    let scores = Scores::embedded().unwrap();
    let first_reported = Pack::parse(FIRST_REPORTED_RULE).unwrap();
    let packs = [("primary", &scores.packs()[0]), ("first-reported", &first_reported)];
    let mut times = Times::new();
    play(36_000, 200, |session, engine, interval, path| {
        let (kind, us) = (interval.kind, interval.end_us - interval.start_us);
        let readings = scores.readings(&interval, Some(&path));
        for (name, pack) in packs {
            let verdict = pack.judge(&interval, &readings).verdict;
            for engine in [engine, "all"] {
                let sessions = times.entry((name, kind, engine)).or_default();
                let of_session = sessions.entry(session).or_insert(Session { part: 0, whole: 0 });
                of_session.part += if verdict == Verdict::Poor { us } else { 0 };
                of_session.whole += if verdict == Verdict::Unclassified { 0 } else { us };
            }
        }
    });
    for kind in [Kind::Audio, Kind::Video] {
        let all = share(&times, ("primary", kind, "all")).estimate;
        assert!(all > 0.005, "{kind:?}: {all}");
        for (engine, _) in BROWSERS {
            let found = share(&times, ("primary", kind, engine));
            let within = found.lower.zip(found.upper);
            let (lower, upper) = within.expect("sessions enough for an interval");
            assert!((lower..=upper).contains(&all), "{kind:?} of {engine}: {found:?}, all {all}");
            eprintln!("{kind:?} {engine}: {:.4} in {lower:.4} to {upper:.4}", found.estimate);
        }
    }
    // The same world shows a difference if browsers are judged by different rules.
    let all = share(&times, ("first-reported", Kind::Video, "all")).estimate;
    let found = share(&times, ("first-reported", Kind::Video, "Firefox 115"));
    assert!(found.lower.is_some_and(|lower| lower > 2.0 * all), "{found:?}, all {all}");
}

/// Look-up data without addresses.
struct Nowhere;

impl LookUp for Nowhere {
    fn locate(&mut self, _: &str, _: Option<&Claim>) -> Located {
        Located {
            place: Place::default(),
            provider: Provider::default(),
            source: PlaceSource::default(),
            network: String::new(),
        }
    }
}

#[test]
fn oracle_and_services_give_the_same_verdicts() {
    let scores = Scores::embedded().unwrap();
    let labels: Vec<_> = scores.packs().iter().map(|pack| pack.label().to_owned()).collect();
    let mut oracle = Oracle::new(Nowhere);
    let mut found = BTreeMap::<String, [i64; 3]>::new();
    let mut mos = [0_i64; 4];
    for delivery in World::new(settings(400, 300)).unwrap() {
        for it in delivery.truth.event.iter().flat_map(|event| &event.intervals) {
            let ice = delivery.truth.event.as_ref().and_then(|event| event.ice);
            let (interval, path) = made(it, ice);
            let us = interval.end_us - interval.start_us;
            let scored = scores.score(interval, ice.map(|_| &path));
            for (label, judged) in labels.iter().zip(&scored.verdicts) {
                found.entry(label.clone()).or_default()[match judged.verdict {
                    Verdict::Poor => 0,
                    Verdict::Good => 1,
                    Verdict::Unclassified => 2,
                }] += us;
            }
            for (at, milli) in [(0, scored.audio_mos_milli), (2, scored.video_mos_milli)] {
                mos[at] += milli.map_or(0, i64::from);
                mos[at + 1] += i64::from(milli.is_some());
            }
        }
        oracle.fold(delivery.truth).unwrap();
    }
    let expected = oracle.finish();
    let (mut wanted, mut wanted_mos) = (BTreeMap::<String, [i64; 3]>::new(), [0; 4]);
    let mut withheld_us = 0;
    for row in expected.sessions.values() {
        for pack in &row.packs {
            let times = [pack.poor_us, pack.good_us, pack.unclassified_us];
            let sums = wanted.entry(pack.pack.clone()).or_default();
            sums.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
        }
        let of_row = [
            row.audio_mos_milli_sum,
            row.audio_mos_count,
            row.video_mos_milli_sum,
            row.video_mos_count,
        ];
        wanted_mos.iter_mut().zip(of_row).for_each(|(sum, more)| *sum += more);
        withheld_us += row.streams.iter().map(|stream| stream.withheld_us).sum::<i64>();
    }
    assert_eq!((found, mos), (wanted, wanted_mos));
    assert!(withheld_us > 3_600_000_000, "{withheld_us}");
}
