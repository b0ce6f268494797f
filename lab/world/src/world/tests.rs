#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};

use schemas::{Direction, EventKind, Kind};
use serde_json::Value;

use super::*;
use crate::truth::{self, Interval, Outcome, payload_hash};

const HOUR_US: i64 = 3_600_000_000;

/// [`digest`] of the usual world of seed 7. It changes only if the world changes.
const DIGEST: u64 = 1_302_363_363_753_583_129;

/// 2025-08-24 01:46:40 UTC.
const START_US: i64 = 1_756_000_000_000_000;

fn settings(scenario: Scenario) -> Settings {
    Settings {
        seed: 7,
        start_us: START_US,
        duration_us: Some(HOUR_US / 3),
        sessions: 150,
        period_us: 5_000_000,
        scenario,
        late_us: 72 * HOUR_US,
        history: None,
    }
}

fn usual() -> World {
    World::new(settings(Scenario::Usual)).unwrap()
}

/// Returns a hash of all bytes of a world and of its truth.
fn digest(settings: Settings) -> u64 {
    let mut all = Vec::new();
    for delivery in World::new(settings).unwrap().take(10_000) {
        all.extend_from_slice(&payload_hash(&delivery.payload).to_le_bytes());
        all.extend_from_slice(delivery.key.as_bytes());
        all.extend_from_slice(&serde_json::to_vec(&delivery.truth).unwrap());
    }
    payload_hash(&all)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let settings = settings(Scenario::Usual);
    assert_eq!(digest(settings), DIGEST);
    assert_ne!(digest(Settings { seed: 8, ..settings }), DIGEST);
}

#[test]
fn some_peers_cannot_be_reached_before_and_after_the_server_is() {
    let mut failed: HashMap<(u32, i64), usize> = HashMap::new();
    let (mut at_once, mut later) = (0, 0);
    for delivery in usual() {
        let Some(event) = delivery.truth.event else { continue };
        let session = delivery.truth.session;
        if event.kind == EventKind::Failed {
            *failed.entry((session, event.event_us)).or_default() += 1;
        }
        for (at_us, attempted, less) in event.corrections {
            assert_eq!((attempted, less), (-1, -1));
            assert!(failed.contains_key(&(session, at_us)), "it was counted");
            *(if at_us == event.event_us { &mut at_once } else { &mut later }) += 1;
        }
    }
    assert!(at_once > 0 && later > 0, "{at_once} {later}");
}

#[test]
fn every_kind_of_record_comes_up_about_as_often_as_it_should() {
    let mut outcomes: HashMap<Outcome, usize> = HashMap::new();
    let mut reasons = HashSet::new();
    let mut kinds = HashSet::new();
    for delivery in usual() {
        *outcomes.entry(delivery.truth.outcome).or_default() += 1;
        kinds.extend(delivery.truth.event.map(|event| event.kind));
        reasons.extend(delivery.truth.dead.map(|dead| dead.why));
    }
    let all: usize = outcomes.values().sum();
    let share = |outcome| outcomes[&outcome] as f64 / all as f64;
    assert!(all > 20_000, "{all}");
    assert!(share(Outcome::Accepted) > 0.95, "{outcomes:?}");
    assert!((0.005..0.02).contains(&share(Outcome::Duplicate)), "{outcomes:?}");
    for rare in [Outcome::OutOfOrder, Outcome::Late, Outcome::Invalid] {
        assert!((0.0005..0.02).contains(&share(rare)), "{outcomes:?}");
    }
    assert_eq!(reasons.len(), 9, "{reasons:?}");
    assert_eq!(kinds.len(), 9, "{kinds:?}");
}

#[test]
fn there_are_poor_and_good_moments_and_places_differ() {
    let mut packets: HashMap<String, (i64, i64)> = HashMap::new();
    let mut countries: HashMap<u32, String> = HashMap::new();
    let places: HashMap<String, String> =
        Place::all().unwrap().into_iter().map(|p| (p.provider, p.country)).collect();
    assert!(places.len() > 70);
    let mut judged = 0;
    for delivery in usual() {
        if let Some(who) = delivery.truth.introduces {
            countries.insert(delivery.truth.session, who.edge);
        }
        let edge = &countries[&delivery.truth.session];
        for interval in delivery.truth.event.into_iter().flat_map(|event| event.intervals) {
            judged += u32::from(interval.stream_packets > Some(500));
            let (lost, all) = packets.entry(edge.clone()).or_default();
            *lost += interval.packets_lost.unwrap_or(0);
            *all += interval.packets_received.unwrap_or(0) + interval.packets_lost.unwrap_or(0);
        }
    }
    assert!(judged > 50_000, "{judged}");
    let loss = |edge: &str| packets[edge].0 as f64 / packets[edge].1 as f64;
    assert!(loss("bom1") > 1.5 * loss("hnd1"), "{packets:?}");
}

#[test]
fn some_streams_are_silent_for_a_while_and_none_of_a_steady_world() {
    let silent = |scenario| {
        let events = World::new(settings(scenario)).unwrap().take(20_000);
        let events = events.filter_map(|delivery| delivery.truth.event);
        let (mut kinds, mut all) = (HashMap::<_, usize>::new(), 0);
        for interval in events.flat_map(|event| event.intervals) {
            all += 1;
            if interval.bytes == Some(0) {
                let sent = (interval.packets_received, interval.frames.unwrap_or(0));
                assert!(matches!(sent, (Some(0) | None, 0)), "{interval:?}");
                *kinds
                    .entry(format!("{:?} {:?}", interval.kind, interval.direction))
                    .or_default() += 1;
            }
        }
        (kinds, all)
    };
    let (kinds, all) = silent(Scenario::Usual);
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    let share = kinds.values().sum::<usize>() as f64 / f64::from(all);
    assert!((0.01..0.06).contains(&share), "{share}");
    assert!(silent(Scenario::Steady).0.is_empty());
}

#[test]
fn some_sources_give_little_and_none_of_a_steady_world() {
    let given = |scenario| {
        let events = World::new(settings(scenario)).unwrap().take(20_000);
        let intervals = events.filter_map(|it| it.truth.event).flat_map(|event| event.intervals);
        let (mut muted, mut disabled, mut slow) = (0, 0, 0);
        for it in intervals.filter(|it| it.bytes > Some(0)) {
            let us = it.end_us - it.start_us;
            let frames = it.source_frames.map(|frames| frames * 1_000_000 / us);
            muted += usize::from(it.audio_energy_micro == Some(0));
            disabled += usize::from(matches!(frames, Some(0..=1)));
            // A moving screen has 6.
            slow += usize::from(matches!(frames, Some(3..=4)));
        }
        [muted, disabled, slow]
    };
    let usual = given(Scenario::Usual);
    assert!(usual.iter().all(|intervals| *intervals > 50), "{usual:?}");
    assert_eq!(given(Scenario::Steady), [0; 3]);
}

#[test]
fn every_class_of_device_calls() {
    let mut classes: HashMap<String, usize> = HashMap::new();
    for session in usual().filter_map(|delivery| delivery.truth.introduces) {
        *classes.entry(session.device.class).or_default() += 1;
    }
    assert_eq!(classes.len(), 5, "{classes:?}");
    assert!(classes["headset"] > 3 && classes["tv"] > 3, "{classes:?}");
}

#[test]
fn a_report_is_about_as_long_as_a_browsers() {
    let lengths: Vec<usize> = World::new(settings(Scenario::Steady))
        .unwrap()
        .skip(500)
        .take(2000)
        .map(|delivery| delivery.payload.len())
        .collect();
    let mean = lengths.iter().sum::<usize>() / lengths.len();
    assert!((4000..6500).contains(&mean), "{mean}");
}

#[test]
fn a_steady_world_only_reports_four_streams_and_never_loses_any() {
    let mut baselines = 0;
    for delivery in World::new(settings(Scenario::Steady)).unwrap().take(5000) {
        assert_eq!(delivery.truth.outcome, Outcome::Accepted);
        let event = delivery.truth.event.unwrap();
        assert_eq!(event.kind, EventKind::Stats);
        if event.intervals.is_empty() {
            baselines += 1;
            assert_eq!(event.baselines, 4);
        } else {
            assert_eq!((event.intervals.len(), event.baselines), (4, 0));
        }
    }
    assert_eq!(baselines, 150);
}

#[test]
fn an_incident_is_bad_for_its_provider_while_it_lasts() {
    let settings = settings(Scenario::IspIncident);
    let around = World::new(settings).unwrap().around;
    let struck = around.places.iter().position(|p| p.provider == INCIDENT_PROVIDER).unwrap();
    let spared = around.places.iter().position(|p| p.provider == "KPN").unwrap();
    let middle = START_US + HOUR_US / 6;
    assert!(around.conditions(struck, middle).round_trip_us > 500_000);
    assert!(around.conditions(struck, START_US).round_trip_us < 50_000);
    assert!(around.conditions(spared, middle).round_trip_us < 50_000);
}

#[test]
fn settings_that_make_no_world_are_refused() {
    let good = settings(Scenario::Usual);
    assert!(matches!(
        World::new(Settings { period_us: 16_000_000, ..good }),
        Err(WorldError::Period(16_000_000))
    ));
    assert!(matches!(World::new(Settings { sessions: 0, ..good }), Err(WorldError::Empty)));
}

#[test]
fn records_come_in_the_order_in_which_they_are_sent() {
    let mut last = i64::MIN;
    for delivery in usual() {
        assert!(delivery.at_us >= last);
        last = delivery.at_us;
    }
}

/// Last report of a stream's browser: client time and counters.
type Snapshot = (i64, Value, Option<Value>);

/// Computes the differences of written counters without knowledge of the world.
#[derive(Default)]
struct Differencer {
    streams: HashMap<(u32, String, String), Snapshot>,
    pairs: HashMap<(u32, String, String), (i64, Value)>,
    transports: HashMap<(u32, String, String), (i64, Value)>,
    events: HashSet<(u32, String, String, i64)>,
}

#[derive(Debug, Default, PartialEq)]
struct Found {
    intervals: Vec<Interval>,
    baselines: u32,
    stale: u32,
    ice: Option<(i64, i64)>,
    pair_changes: Option<i64>,
}

fn micros(value: &Value, scale: f64) -> Option<i64> {
    value.as_f64().map(|number| (number * scale).round() as i64)
}

fn difference(earlier: &Value, now: &Value, member: &str) -> Option<i64> {
    Some(now[member].as_i64()? - earlier[member].as_i64()?)
}

fn difference_us(earlier: &Value, now: &Value, member: &str) -> Option<i64> {
    Some(micros(&now[member], 1e6)? - micros(&earlier[member], 1e6)?)
}

impl Differencer {
    fn report(&mut self, session: u32, envelope: &Value) -> Found {
        let mut found = Found::default();
        let connection = envelope["peer_connection"].as_str().unwrap();
        let shift_us = envelope["sent_at"]
            .as_i64()
            .map_or(0, |sent| (envelope["received_at"].as_i64().unwrap() - sent) * 1000);
        let report = envelope["report"].as_object().unwrap();
        for (id, stats) in report {
            let kind = stats["type"].as_str().unwrap();
            let key = (session, connection.to_owned(), id.clone());
            let client_us = micros(&stats["timestamp"], 1e3).unwrap();
            if kind == "candidate-pair" {
                found.ice = self.pair(key.clone(), client_us, stats);
            }
            if kind == "transport" {
                let earlier = self.transports.get(&key).cloned();
                if earlier.as_ref().is_none_or(|(last_us, _)| *last_us < client_us) {
                    self.transports.insert(key.clone(), (client_us, stats.clone()));
                }
                found.pair_changes = earlier.and_then(|(_, earlier)| {
                    difference(&earlier, stats, "selectedCandidatePairChanges")
                });
            }
            if kind != "inbound-rtp" && kind != "outbound-rtp" {
                continue;
            }
            let remote = report.values().find(|it| it["localId"] == *id).cloned();
            let source = match &stats["mediaSourceId"] {
                Value::String(id) => report[id].clone(),
                _ => report
                    .values()
                    .find(|it| it["type"] == "media-source" && it["kind"] == stats["kind"])
                    .filter(|_| kind == "outbound-rtp")
                    .cloned()
                    .unwrap_or_default(),
            };
            let codec = report[stats["codecId"].as_str().unwrap()]["mimeType"].as_str().unwrap();
            let mut stats = stats.clone();
            for member in ["frames", "totalAudioEnergy"] {
                stats[member] = source[member].clone();
            }
            let now = (client_us, stats, remote);
            match self.streams.get(&key) {
                Some((last_us, ..)) if *last_us >= client_us => found.stale += 1,
                Some(last) if went_back(&last.1, &now.1) => {
                    found.baselines += 1;
                    self.streams.insert(key, now);
                }
                Some(last) => {
                    found.intervals.push(interval(last, &now, codec, shift_us));
                    self.streams.insert(key, now);
                }
                None => {
                    found.baselines += 1;
                    self.streams.insert(key, now);
                }
            }
        }
        found
    }

    fn pair(
        &mut self,
        key: (u32, String, String),
        client_us: i64,
        stats: &Value,
    ) -> Option<(i64, i64)> {
        if self.pairs.get(&key).is_some_and(|(last_us, _)| *last_us >= client_us) {
            return None;
        }
        let (_, earlier) = self.pairs.insert(key, (client_us, stats.clone()))?;
        Some((
            difference_us(&earlier, stats, "totalRoundTripTime")?,
            difference(&earlier, stats, "responsesReceived")?,
        ))
    }

    /// Returns whether an event without a report is new.
    fn event(&mut self, session: u32, envelope: &Value) -> bool {
        let text = |member: &str| envelope[member].as_str().unwrap().to_owned();
        self.events.insert((
            session,
            text("peer_connection"),
            text("event"),
            micros(&envelope["timestamp"], 1e3).unwrap(),
        ))
    }
}

fn went_back(earlier: &Value, now: &Value) -> bool {
    ["packetsReceived", "packetsSent"]
        .iter()
        .any(|member| difference(earlier, now, member).is_some_and(|packets| packets < 0))
}

fn interval(last: &Snapshot, now: &Snapshot, codec: &str, shift_us: i64) -> Interval {
    let ((last_us, earlier, far_earlier), (now_us, stats, far)) = (last, now);
    let count = |member| difference(earlier, stats, member);
    let sum = |member| difference_us(earlier, stats, member);
    let far_count = |member| difference(far_earlier.as_ref()?, far.as_ref()?, member);
    let inbound = stats["type"] == "inbound-rtp";
    // Concealed silence is inaudible. If its number is missing, the audible number is unknown.
    let audible = || Some(count("concealedSamples")? - count("silentConcealedSamples")?);
    let lost = if inbound { count("packetsLost") } else { far_count("packetsLost") };
    let received = if inbound {
        count("packetsReceived")
    } else {
        far_count("packetsReceived")
            .or_else(|| Some(count("packetsSent")? - count("retransmittedPacketsSent")? - lost?))
    };
    let far_total = |member: &str| micros(&far.as_ref()?[member], 1e6);
    let total = |member: &str| stats[member].as_i64();
    let jitter = if inbound { Some(stats) } else { far.as_ref() };
    Interval {
        kind: if stats["kind"] == "audio" { Kind::Audio } else { Kind::Video },
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        codec: codec.to_owned(),
        ssrc: stats["ssrc"].as_u64().unwrap() as u32,
        start_us: last_us + shift_us,
        end_us: now_us + shift_us,
        stream_packets: total("packetsSent")
            .or_else(|| Some(total("packetsReceived")? + total("packetsLost")?)),
        packets_received: received,
        packets_lost: lost,
        retransmitted_packets: count("retransmittedPacketsReceived")
            .or_else(|| count("retransmittedPacketsSent")),
        bytes: count(if inbound { "bytesReceived" } else { "bytesSent" }),
        nack: count("nackCount"),
        pli: count("pliCount"),
        fir: count("firCount"),
        frames: count(if inbound { "framesDecoded" } else { "framesEncoded" }),
        source_frames: count("frames"),
        audio_energy_micro: sum("totalAudioEnergy"),
        frames_dropped: count("framesDropped"),
        frame_width: total("frameWidth"),
        frame_height: total("frameHeight"),
        // For video without a contentType it is unknown here whether the browser would have
        // reported one.
        screen_share: (stats["contentType"] == "screenshare").then_some(true),
        freeze_count: count("freezeCount"),
        freeze_us: sum("totalFreezesDuration"),
        pause_count: count("pauseCount"),
        pause_us: sum("totalPausesDuration"),
        total_samples: count("totalSamplesReceived"),
        concealed_samples: audible(),
        jitter_buffer_us: sum("jitterBufferDelay"),
        jitter_buffer_emitted: count("jitterBufferEmittedCount"),
        round_trip_us: far_earlier
            .as_ref()
            .zip(far.as_ref())
            .and_then(|(earlier, now)| difference_us(earlier, now, "totalRoundTripTime")),
        round_trip_count: far_count("roundTripTimeMeasurements"),
        round_trip_gauge_us: match far_total("totalRoundTripTime") {
            None => far_total("roundTripTime"),
            Some(_) => None,
        },
        jitter_us: jitter.and_then(|stats| micros(&stats["jitter"], 1e6)),
    }
}

fn sorted(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_by_key(|it| {
        (it.direction, it.kind, it.stream_packets, it.bytes, it.packets_received, it.jitter_us)
    });
    intervals
}

#[test]
fn differences_of_printed_counters_are_the_increments_made() {
    let reports = assert_made(usual());
    assert!(reports > 20_000, "{reports}");
    let history = history::History { days: 2, hourly: 60 };
    let end_us = START_US + history.span_us();
    let world = World::new(Settings::of_history(history, 7, START_US)).unwrap();
    let reports = assert_made(world.take_while(|delivery| delivery.at_us < end_us));
    assert!(reports > 20_000, "{reports}");
}

/// Compares what reports print with what was made, and returns the number of reports.
fn assert_made(deliveries: impl Iterator<Item = Delivery>) -> usize {
    let mut differencer = Differencer::default();
    let mut reports = 0;
    for delivery in deliveries {
        let truth = delivery.truth;
        if matches!(truth.outcome, Outcome::Late | Outcome::Invalid) {
            continue;
        }
        let envelope: Value = serde_json::from_slice(&delivery.payload).unwrap();
        let whence = (&delivery.key, &envelope["timestamp"]);
        let fresh = truth.outcome == Outcome::Accepted;
        if envelope["event"] != "stats" {
            assert_eq!(differencer.event(truth.session, &envelope), fresh, "{whence:?}");
            continue;
        }
        let found = differencer.report(truth.session, &envelope);
        match truth.event {
            Some(event) => {
                reports += 1;
                assert_eq!(found.stale, 0, "{whence:?}");
                assert_eq!(found.baselines, event.baselines, "{whence:?}");
                let mut made = event.intervals;
                made.iter_mut().for_each(|it| it.screen_share = it.screen_share.filter(|it| *it));
                assert_eq!(sorted(found.intervals), sorted(made), "{whence:?}");
                assert_eq!(found.ice, event.ice, "{whence:?}");
                assert_eq!(found.pair_changes, event.pair_changes, "{whence:?}");
            }
            None => {
                assert!(!fresh);
                assert_eq!((found.intervals.len(), found.baselines), (0, 0), "{whence:?}");
            }
        }
    }
    reports
}

#[test]
fn no_report_comes_later_than_ingest_remembers_the_one_before_it() {
    for period_us in [250_000, 1_000_000, 4_000_000, 10_000_000, LONGEST_PERIOD_US] {
        let settings = Settings { period_us, ..settings(Scenario::Usual) };
        let (mut last, mut longest_us) = (HashMap::new(), 0);
        for delivery in World::new(settings).unwrap().take(50_000) {
            let is_report = |event: &truth::Event| event.kind == EventKind::Stats;
            let truth = &delivery.truth;
            if truth.event.as_ref().is_some_and(is_report)
                && let Some(before) = last.insert(truth.session, delivery.at_us)
            {
                longest_us = longest_us.max(delivery.at_us - before);
            }
        }
        let longest_stall_us = settings.longest_stall_us();
        assert!(longest_stall_us >= 65_000_000, "{longest_stall_us} µs");
        assert!(longest_us + longest_stall_us < 120_000_000, "silent for {longest_us} µs");
        assert!(longest_us > 3 * period_us, "nobody was offline for longer than {longest_us} µs");
    }
}

#[test]
fn nine_of_ten_records_of_a_world_of_one_call_are_in_it() {
    let world = World::new(settings(Scenario::OneCall)).unwrap();
    let mut calls: HashMap<String, usize> = HashMap::new();
    let mut sessions = HashSet::new();
    for delivery in world.take(20_000) {
        let (session, _) = delivery.key.rsplit_once('/').unwrap();
        *calls.entry(session.to_owned()).or_default() += 1;
        sessions.insert(delivery.key);
    }
    let largest = calls.values().max().copied().unwrap();
    assert!((17_000..19_500).contains(&largest), "{largest} of 20,000");
    assert!(sessions.len() > 150, "{}", sessions.len());
}
