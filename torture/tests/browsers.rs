//! The browser does not decide whether a call is poor: which rule can decide for which browser, and
//! shares of poor time by browser in a world in which no browser is better than another.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, missing_docs)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path as FilePath;

use dashboard::statistics::{Estimate, Session};
use enrich::score::{Metric, Scores};
use schemas::{Direction, Inbound, Interval, Kind, Path, Verdict, Video};
use simulate::truth;
use simulate::world::{Scenario, Settings, World};

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

/// The interval and its path as ingest makes them of what the browser tells.
fn made(it: &truth::Interval, ice: Option<(i64, i64)>) -> (Interval, Path) {
    let inbound = (it.direction == Direction::Inbound).then(|| Inbound {
        jitter_buffer_us: it.jitter_buffer_us,
        jitter_buffer_emitted: it.jitter_buffer_emitted,
        ..Inbound::default()
    });
    let video = (it.kind == Kind::Video).then(|| Video {
        frames: it.frames,
        frames_dropped: it.frames_dropped,
        frame_width: it.frame_width,
        frame_height: it.frame_height,
        freeze_us: it.freeze_us,
        screen_share: it.screen_share,
        ..Video::default()
    });
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

/// Hands every interval of a world to `take`, with the number and the browser of its session.
fn play(sessions: u32, seconds: i64, mut take: impl FnMut(u32, &'static str, Interval, Path)) {
    let settings = Settings {
        seed: 11,
        start_us: 1_700_000_000_000_000,
        duration_us: Some(seconds * 1_000_000),
        sessions,
        period_us: 10_000_000,
        scenario: Scenario::Usual,
    };
    let mut engines = HashMap::new();
    for delivery in World::new(settings).unwrap() {
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

/// Streams that packs have rules for, each as a browser that tells everything has them.
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

/// A line for each rule of each pack: whether it can decide for a browser's streams.
fn table() -> String {
    let scores = Scores::embedded().unwrap();
    let packs = scores.packs();
    // By pack, browser, kind, direction and whether it is a screen, as far as the browser tells.
    let mut can = BTreeSet::new();
    play(300, 200, |_, engine, interval, path| {
        let readings = scores.readings(&interval, Some(&path));
        let screen = interval.video.and_then(|video| video.screen_share);
        for pack in packs {
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
    for pack in packs {
        for (stream, probe) in streams() {
            let asked = pack.metrics(&probe).into_iter();
            for metric in asked.filter(|metric| *metric != Metric::LoadedLatencyIncrease) {
                write!(page, "\n| `{}` | {stream} | `{}` |", pack.label(), metric.name()).unwrap();
                for (engine, _) in BROWSERS {
                    let screens = [probe.video.and_then(|video| video.screen_share), None];
                    let is_told = screens.into_iter().any(|screen| {
                        let stream = (probe.kind, probe.direction, screen);
                        can.contains(&(pack.label().to_owned(), engine, stream, metric.name()))
                    });
                    page.push_str(if is_told { " yes |" } else { " – |" });
                }
            }
        }
    }
    page.push('\n');
    page
}

#[test]
fn the_table_of_rules_and_browsers_is_what_browsers_tell() {
    let file = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/scores.md");
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
        "docs/reference/scores.md is out of date: UPDATE_DOCS=1 cargo test -p torture --test browsers"
    );
}

#[test]
fn every_browser_can_be_held_to_every_rule_of_the_primary_pack() {
    let table = table();
    let of_primary = table.lines().filter(|line| line.contains("`comparable@"));
    let lines: Vec<_> = of_primary.collect();
    assert!(lines.len() >= 7, "{lines:?}");
    for line in lines {
        assert!(!line.contains(" – "), "{line}");
    }
}

/// Sessions' poor and classified time, by kind and browser.
type Times = BTreeMap<(Kind, &'static str), HashMap<u32, Session>>;

#[test]
fn no_browser_is_poorer_than_another_in_a_world_without_a_difference() {
    let scores = Scores::embedded().unwrap();
    let mut times = Times::new();
    play(2_000, 300, |session, engine, interval, path| {
        let (kind, us) = (interval.kind, interval.end_us - interval.start_us);
        let verdict = scores.score(interval, Some(&path)).verdicts[0].verdict;
        for engine in [engine, "all"] {
            let sessions = times.entry((kind, engine)).or_default();
            let of_session = sessions.entry(session).or_insert(Session { part: 0, whole: 0 });
            of_session.part += if verdict == Verdict::Poor { us } else { 0 };
            of_session.whole += if verdict == Verdict::Unclassified { 0 } else { us };
        }
    });
    for kind in [Kind::Audio, Kind::Video] {
        let estimate = |engine| {
            let sessions: Vec<_> = times[&(kind, engine)].values().copied().collect();
            Estimate::of(&sessions).unwrap()
        };
        let all = estimate("all").ratio;
        assert!(all > 0.005, "{kind:?}: {all}");
        for (engine, _) in BROWSERS {
            let found = estimate(engine);
            // Below five poor sessions there is no interval: docs/reference/statistics.md.
            if found.effective_sessions * all.min(1.0 - all) < 5.0 {
                continue;
            }
            let half = 1.96 * found.standard_error.unwrap();
            let off = (found.ratio - all).abs();
            assert!(off <= half, "{kind:?} of {engine}: {found:?}, of all browsers {all}");
            eprintln!("{kind:?} {engine}: {:.4} ± {half:.4}, all {all:.4}", found.ratio);
        }
    }
}
