//! A raw log, and the enriched log that restarting services make of it.

use proptest::prelude::*;
use schemas::{
    Device, EnrichedPath, EnrichedReport, EventKind, Interval, Kind, Lineage, LookUps, PackVerdict,
    Place, Provider, RawOutcome, ScoredInterval, Skipped, Verdict, Video,
};

pub(crate) const PARTITION: i32 = 4;
/// First offset of the raw log: earlier records are deleted.
const FIRST_RAW: i64 = 20;
/// Append time of the first record, ms: 7 s before a minute ends.
const START_MS: i64 = 1_756_000_013_000;

/// Outcome of a raw record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It yields a report, made from a number.
    Report(u32),
    /// It is accepted, but yields no report.
    Silent,
    /// It is not accepted.
    Skipped(RawOutcome),
}

/// Raw records, each with the time from its append to that of the next one, ms.
#[derive(Clone, Debug)]
pub(crate) struct Raw(pub(crate) Vec<(Fate, i64)>);

/// One process of an earlier service.
#[derive(Clone, Debug)]
pub(crate) struct HopLife {
    /// Raw records that it reads before it is killed.
    takes: usize,
    /// Number of raw records without output after which it writes a cover.
    cover_after: usize,
    /// Number of unacknowledged records of its predecessor that it writes again.
    again: usize,
}

/// A record of the enriched log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) append_ms: i64,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn raw() -> impl Strategy<Value = Raw> {
    use RawOutcome::{Absent, Duplicate, Invalid, Late, Unverified};
    let fate = prop_oneof![
        6 => any::<u32>().prop_map(Fate::Report),
        1 => Just(Fate::Silent),
        1 => prop::sample::select(vec![Duplicate, Invalid, Late, Absent, Unverified]).prop_map(Fate::Skipped),
    ];
    prop::collection::vec((fate, prop_oneof![9 => 0..3_000i64, 1 => 0..70_000i64]), 1..120)
        .prop_map(Raw)
}

pub(crate) fn hop_lives() -> impl Strategy<Value = Vec<HopLife>> {
    let life = (1..60usize, 1..5usize, 0..6usize).prop_map(|(takes, cover_after, again)| HopLife {
        takes,
        cover_after,
        again,
    });
    prop::collection::vec(life, 0..4)
}

impl Raw {
    /// Returns the log that an undisturbed service would write.
    pub(crate) fn undisturbed(&self) -> Vec<Entry> {
        self.enriched(&[])
    }

    /// Returns the log that these processes write, followed by one that reads to the end. Each
    /// continues after the acknowledged records of its predecessor.
    pub(crate) fn enriched(&self, lives: &[HopLife]) -> Vec<Entry> {
        let last = HopLife { takes: usize::MAX, cover_after: 3, again: 2 };
        let mut reports: Vec<EnrichedReport> = Vec::new();
        let mut acknowledged = 0;
        for life in lives.iter().chain([&last]) {
            let written = reports.len().saturating_sub(life.again).max(acknowledged);
            acknowledged = written;
            let from = match written.checked_sub(1) {
                Some(last) => (reports[last].lineage.raw_to + 1 - FIRST_RAW) as usize,
                None => 0,
            };
            let to = from.saturating_add(life.takes).min(self.0.len());
            reports.extend(self.slice(from, to, life.cover_after));
        }
        self.appended(&reports)
    }

    fn slice(&self, from: usize, to: usize, cover_after: usize) -> Vec<EnrichedReport> {
        let mut reports = Vec::new();
        let mut raw_from = FIRST_RAW + from as i64;
        let mut skipped = Vec::new();
        for (position, (fate, _)) in self.0.iter().enumerate().take(to).skip(from) {
            let raw_to = FIRST_RAW + position as i64;
            if let Fate::Skipped(outcome) = fate {
                skipped.push(Skipped { from: raw_to, count: 1, outcome: *outcome });
            }
            let pending = (raw_to - raw_from + 1) as usize;
            let mut report = match fate {
                Fate::Report(number) => report(*number, self.raw_append_ms(position)),
                _ if pending >= cover_after || position + 1 == self.0.len() => {
                    EnrichedReport::default()
                }
                _ => continue,
            };
            report.lineage = Lineage {
                raw_partition: PARTITION,
                raw_from,
                raw_to,
                raw_append_ms: self.raw_append_ms(position),
                skipped: std::mem::take(&mut skipped),
            };
            raw_from = raw_to + 1;
            reports.push(report);
        }
        reports
    }

    fn raw_append_ms(&self, position: usize) -> i64 {
        START_MS + self.0[..position].iter().map(|(_, gap_ms)| gap_ms).sum::<i64>()
    }

    /// Appends records one after the other, including repeated ones, with occasional offsets
    /// without a record.
    fn appended(&self, reports: &[EnrichedReport]) -> Vec<Entry> {
        let (mut offset, mut append_ms) = (100, START_MS);
        let entry = |report: &EnrichedReport| {
            offset += if report.lineage.raw_to % 5 == 0 { 2 } else { 1 };
            append_ms = append_ms.max(report.lineage.raw_append_ms) + 40;
            Entry { offset, append_ms, payload: schemas::encode(report).unwrap() }
        };
        reports.iter().map(entry).collect()
    }

    /// Returns the raw records by outcome: accepted, duplicate, late, invalid.
    pub(crate) fn outcomes(&self) -> [i64; 4] {
        let mut outcomes = [0; 4];
        for (fate, _) in &self.0 {
            match fate {
                Fate::Report(_) | Fate::Silent => outcomes[0] += 1,
                Fate::Skipped(RawOutcome::Unverified) => outcomes[0] += 1,
                Fate::Skipped(RawOutcome::Duplicate) => outcomes[1] += 1,
                Fate::Skipped(RawOutcome::Late) => outcomes[2] += 1,
                Fate::Skipped(RawOutcome::Invalid) => outcomes[3] += 1,
                Fate::Skipped(RawOutcome::Absent) => {}
            }
        }
        outcomes
    }

    /// Returns the intervals of all reports, and their bytes.
    pub(crate) fn totals(&self) -> (i64, i64) {
        let numbers = self.0.iter().filter_map(|(fate, _)| match fate {
            Fate::Report(number) => Some(report(*number, 0)),
            _ => None,
        });
        let intervals = numbers.flat_map(|report| report.intervals).collect::<Vec<_>>();
        let bytes = intervals.iter().filter_map(|scored| scored.interval.bytes).sum();
        (intervals.len() as i64, bytes)
    }
}

/// Returns a complete report made from `number`, up to three minutes late.
fn report(number: u32, append_ms: i64) -> EnrichedReport {
    let pick = |shift: u32, of: u32| (number >> shift) % of;
    let event_us = (append_ms - i64::from(pick(3, 180_000))) * 1000;
    let event = match pick(0, 12) {
        0 => EventKind::Joined,
        1 => EventKind::Connected,
        2 => EventKind::Failed,
        3 => EventKind::Left,
        4 => EventKind::Feedback,
        _ => EventKind::Stats,
    };
    let network_type = ["wifi", "cellular"][pick(8, 2) as usize];
    let intervals = if event == EventKind::Stats { 1 + pick(5, 3) } else { 0 };
    EnrichedReport {
        event,
        app: "app".to_owned(),
        call: format!("call-{}", pick(7, 2)),
        participant: format!("participant-{}", pick(9, 3)),
        event_us,
        place: Place {
            country: ["de", "fr", "unknown"][pick(11, 3) as usize].to_owned(),
            ..Place::default()
        },
        provider: Provider { asn: i64::from(pick(13, 2)), ..Provider::default() },
        paths: (pick(6, 3) == 0).then(|| path(network_type)).into_iter().collect(),
        network_type: network_type.to_owned(),
        look_ups: LookUps {
            packs: vec!["one@1".to_owned(), ["two@1", "two@2"][pick(10, 2) as usize].to_owned()],
            ..LookUps::default()
        },
        device: Device { os: format!("os-{}", pick(15, 2)), ..Device::default() },
        time_to_media_ms: (event == EventKind::Connected).then(|| i64::from(pick(4, 3000))),
        rating: (event == EventKind::Feedback).then(|| 1 + pick(4, 5) as i32),
        intervals: (0..intervals)
            .map(|stream| {
                let mut scored = interval(number.rotate_left(stream), event_us);
                scored.interval.path = (stream != 1).then_some(0);
                scored
            })
            .collect(),
        ..EnrichedReport::default()
    }
}

fn path(network_type: &str) -> EnrichedPath {
    EnrichedPath { network_type: network_type.to_owned(), ..EnrichedPath::default() }
}

fn interval(number: u32, end_us: i64) -> ScoredInterval {
    let pick = |shift: u32, of: u32| i64::from((number >> shift) % of);
    let known = |shift: u32, value: i64| (pick(shift, 4) > 0).then_some(value);
    ScoredInterval {
        interval: Interval {
            kind: if pick(2, 2) == 0 { Kind::Audio } else { Kind::Video },
            start_us: end_us - 1_000_000 - pick(4, 9_000_000),
            end_us,
            packets_received: known(1, pick(3, 900)),
            packets_lost: known(5, pick(6, 90) - 10),
            bytes: known(7, pick(2, 90_000)),
            video: Some(Video { frames: known(9, pick(8, 200)), ..Video::default() }),
            jitter_us: known(11, pick(9, 80_000)),
            round_trip_us: known(13, pick(4, 900_000)),
            round_trip_count: known(13, pick(10, 4)),
            ..Interval::default()
        },
        audio_mos_milli: known(15, 1000 + pick(5, 3500)).map(|milli| milli as i32),
        video_mos_milli: known(16, 1000 + pick(5, 3500)).map(|milli| milli as i32),
        verdicts: [12, 14]
            .map(|shift| {
                [Verdict::Poor, Verdict::Good, Verdict::Unclassified][pick(shift, 3) as usize]
            })
            .map(|verdict| PackVerdict { verdict, reason: None })
            .to_vec(),
    }
}
