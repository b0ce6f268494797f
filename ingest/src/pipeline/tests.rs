#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use schemas::{DeadLetter, Interval, Skipped};
use serde_json::{Value, json};
use service::{AppendTime, Offset, Pace, Recorder};

use super::*;

mod again;
mod clocks;
mod examples;
mod interruptions;
mod keys;
mod limits;

const SOURCE: Source = Source { input: service::Input(0), partition: service::Partition(3) };

const START_MS: i64 = 1_756_000_000_000;

/// A record of a log: offset, append time, value.
type Raw = (i64, i64, Vec<u8>);

fn pipeline(settings: Settings) -> Pipeline {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    Pipeline::new(settings, "raw".to_owned(), metrics)
}

fn event(event: &str, timestamp_ms: i64, more: Value) -> Vec<u8> {
    let mut envelope = json!({
        "v": 1, "event": event, "app": "meet", "call": "c", "participant": "p",
        "timestamp": timestamp_ms,
    });
    envelope.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    envelope.to_string().into_bytes()
}

fn stats(timestamp_ms: i64, packets: i64) -> Vec<u8> {
    let stream = json!({"type": "inbound-rtp", "kind": "audio", "packetsReceived": packets});
    event("stats", timestamp_ms, json!({"report": {"x": stream}}))
}

/// The lifetime of one process: its assignment and its output.
struct Life {
    pipeline: Pipeline,
    out: Recorder,
    /// True if everything that may be committed is committed after each record. Otherwise the test
    /// commits.
    commits: bool,
    now_ms: u64,
}

impl Life {
    /// Starts without a commit.
    fn begin(log: &[Raw]) -> Self {
        let life = Self::resume(None, Settings::default(), log);
        Self { commits: true, ..life }
    }

    /// Starts at `committed` and first reads the look-back in `log`, as the loop does.
    fn resume(committed: Option<&Committed>, settings: Settings, log: &[Raw]) -> Self {
        let (mut pipeline, mut out) = (pipeline(settings), Recorder::default());
        out.assign(SOURCE);
        let Start::LookBack { ms } = pipeline.start(SOURCE, committed).unwrap() else { panic!() };
        pipeline.assigned(SOURCE, committed).unwrap();
        let mut life = Self { pipeline, out, commits: false, now_ms: 0 };
        let offset = committed.map(|committed| committed.offset.0);
        let before = log.iter().filter(|record| Some(record.0) < offset).collect::<Vec<_>>();
        let since_ms = before.last().map_or(0, |last| last.1 - ms);
        let first = before.iter().position(|record| record.1 >= since_ms).unwrap_or(0);
        before[first..].iter().for_each(|record| life.read(record, true));
        assert!(life.out.sent.is_empty() && life.out.checkpoints.is_empty());
        life
    }

    fn read(&mut self, (offset, appended_ms, payload): &Raw, look_back: bool) {
        let record = Record {
            source: SOURCE,
            offset: Offset(*offset),
            appended: AppendTime(*appended_ms),
            key: Some(b"meet/c/p"),
            content_type: None,
            payload,
            look_back,
        };
        self.pipeline.record(&record, &mut self.out).unwrap();
        self.commit();
    }

    /// Makes all due commits, and writes the output that waited for them.
    fn commit(&mut self) {
        if self.commits {
            for commit in &self.out.checkpoints {
                self.pipeline.committed(commit);
            }
            if self.pipeline.awaits_commit() {
                self.tick(self.now_ms);
            }
        }
    }

    fn tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.pipeline.tick(now_ms, Pace::Live, &mut self.out).unwrap();
    }

    fn reports(&self) -> Vec<Report> {
        let reports = self.out.sent.iter().filter(|sent| sent.topic == Topic::Reports);
        reports.map(|sent| schemas::decode(&sent.payload).unwrap()).collect()
    }

    fn dead_letters(&self) -> Vec<DeadLetter> {
        let letters = self.out.sent.iter().filter(|sent| sent.topic == Topic::DeadLetters);
        letters.map(|sent| schemas::decode(&sent.payload).unwrap()).collect()
    }
}

fn log(payloads: impl IntoIterator<Item = Vec<u8>>) -> Vec<Raw> {
    let raw = |(offset, payload)| (offset, START_MS + offset * 1000, payload);
    (0..).zip(payloads).map(raw).collect()
}

fn run(log: &[Raw]) -> Life {
    let mut life = Life::begin(log);
    log.iter().for_each(|record| life.read(record, false));
    life
}

#[test]
fn a_report_answers_for_all_that_came_since_the_one_before() {
    let mut log = log([
        stats(START_MS, 5),
        stats(START_MS, 5),
        b"{".to_vec(),
        b"[".to_vec(),
        stats(START_MS - 80 * 3_600_000, 9),
        stats(START_MS + 2000, 8),
    ]);
    log[5].0 = 9;
    let life = run(&log);
    let [first, report] = &life.reports()[..] else { panic!("{:?}", life.reports()) };
    assert_eq!((first.event, first.intervals.len()), (EventKind::Stats, 0));
    assert_eq!((first.lineage.raw_from, first.lineage.raw_to), (0, 0));
    assert_eq!(report.intervals[0].packets_received, Some(3));
    let run = |from, count, outcome| Skipped { from, count, outcome };
    let lineage = Lineage {
        raw_partition: 3,
        raw_from: 1,
        raw_to: 9,
        raw_append_ms: log[5].1,
        skipped: vec![
            run(1, 1, RawOutcome::Duplicate),
            run(2, 2, RawOutcome::Invalid),
            run(4, 1, RawOutcome::Late),
            run(5, 4, RawOutcome::Absent),
        ],
    };
    assert_eq!(report.lineage, lineage);
    let reasons =
        life.dead_letters().into_iter().map(|letter| (letter.source_offset, letter.reason));
    let wanted = [(2, "not_json"), (3, "not_json"), (4, "late")];
    assert_eq!(reasons.collect::<Vec<_>>(), wanted.map(|(at, reason)| (at, reason.to_owned())));
    let commits = life.out.checkpoints.iter().map(|commit| commit.offset.0).collect::<Vec<_>>();
    assert_eq!(commits, [0, 1, 10], "by what the first is read, and what is answered for");
}

#[test]
fn a_dead_letter_holds_the_record_and_where_it_was() {
    let life = run(&log([b"\xff\xfe".to_vec()]));
    let wanted = DeadLetter {
        stage: "ingest".to_owned(),
        reason: "not_utf8".to_owned(),
        detail: "byte 0".to_owned(),
        source_topic: "raw".to_owned(),
        source_partition: 3,
        source_offset: 0,
        source_append_ms: START_MS,
        content_type: None,
        key: Some(b"meet/c/p".to_vec()),
        payload: b"\xff\xfe".to_vec(),
    };
    assert_eq!(life.dead_letters(), [wanted]);
    let commits = life.out.checkpoints.iter().map(|commit| commit.offset.0).collect::<Vec<_>>();
    assert_eq!(commits, [0], "nothing has answered for it yet");
}

#[test]
fn records_without_a_report_are_covered_after_a_second() {
    let mut life = run(&log([stats(START_MS, 5), stats(START_MS, 5)]));
    life.tick(10_000);
    life.tick(10_999);
    assert_eq!(life.reports().len(), 1, "of the first alone");
    life.tick(11_000);
    let [_, cover] = &life.reports()[..] else { panic!("{:?}", life.reports()) };
    assert_eq!(
        (cover.event, cover.lineage.raw_from, cover.lineage.raw_to),
        (EventKind::Cover, 1, 1)
    );
    life.tick(20_000);
    assert_eq!(life.reports().len(), 2, "nothing waits any more");
    assert_eq!(life.out.checkpoints.last().unwrap().offset, Offset(2));
}

#[test]
fn waiting_records_are_covered_before_the_process_ends() {
    let mut life = run(&log([stats(START_MS, 5), stats(START_MS, 5)]));
    life.pipeline.drain(&mut life.out).unwrap();
    assert_eq!(life.reports()[1].lineage.raw_to, 1);
    life.pipeline.drain(&mut life.out).unwrap();
    assert_eq!(life.reports().len(), 2);
}

#[test]
fn a_first_snapshot_yields_a_report_with_its_paths_and_without_intervals() {
    let report = json!({
        "x": {"type": "inbound-rtp", "kind": "audio", "packetsReceived": 5},
        "t": {"type": "transport", "selectedCandidatePairId": "p"},
        "p": {"type": "candidate-pair", "localCandidateId": "l", "responsesReceived": 2,
              "totalRoundTripTime": 0.2},
        "l": {"type": "local-candidate", "candidateType": "host", "networkType": "wifi"},
    });
    let first = || event("stats", START_MS, json!({"edge": "fra1", "report": report}));
    let life = run(&log([first(), first()]));
    let [report] = &life.reports()[..] else { panic!("{:?}", life.reports()) };
    assert_eq!((report.event, report.edge.as_deref()), (EventKind::Stats, Some("fra1")));
    assert_eq!(report.intervals, []);
    let [path] = &report.paths[..] else { panic!("{:?}", report.paths) };
    assert_eq!((path.network_type.as_deref(), path.ice_round_trip_us), (Some("wifi"), None));
}

#[test]
fn a_stats_event_with_nothing_to_measure_is_reported_once() {
    let codec = json!({"c": {"type": "codec", "mimeType": "audio/opus"}});
    let bare = |s: i64| event("stats", START_MS + s, json!({"report": codec}));
    let life = run(&log([bare(0), bare(0), bare(1000)]));
    let reported = life.reports().into_iter().map(|report| (report.event, report.lineage.raw_to));
    assert_eq!(reported.collect::<Vec<_>>(), [(EventKind::Stats, 0), (EventKind::Stats, 2)]);
    assert_eq!(life.pipeline.metrics.unmeasured.get(), 2);
}

#[test]
fn a_stream_that_may_be_audio_or_video_is_left_out_and_counted() {
    let at = |s: i64| {
        let report = json!({
            "clear": {"type": "inbound-rtp", "kind": "audio", "packetsReceived": 50 * s},
            "unclear": {"type": "inbound-rtp", "ssrc": 7, "packetsReceived": 50 * s},
        });
        event("stats", START_MS + 1000 * s, json!({"report": report}))
    };
    let unclear = json!({"u": {"type": "outbound-rtp", "ssrc": 8, "packetsSent": 5}});
    let alone = event("stats", START_MS + 3000, json!({"report": unclear}));
    let life = run(&log([at(0), at(1), alone]));
    let intervals = life.reports().into_iter().flat_map(|report| report.intervals);
    let ids: Vec<_> = intervals.map(|interval| interval.stats_id).collect();
    assert_eq!(ids, ["clear"]);
    let metrics = &life.pipeline.metrics;
    assert_eq!((metrics.no_kind.get(), metrics.unmeasured.get()), (3, 1));
}

#[test]
fn a_set_up_that_failed_has_no_time_to_connect() {
    let failed = event("failed", START_MS, json!({"time_to_connect_ms": 15_000}));
    let report = run(&log([failed])).reports().remove(0);
    assert_eq!((report.event, report.time_to_connect_ms), (EventKind::Failed, None));
}

#[test]
fn a_thousand_runs_are_covered_at_once() {
    let two = |_| [b"{".to_vec(), stats(START_MS, 0)];
    let life = run(&log((0..3000).flat_map(two)));
    let runs = life.reports().iter().map(|cover| cover.lineage.skipped.len()).max();
    assert_eq!(runs, Some(1001));
}

#[test]
fn events_without_snapshots_are_reported_once_with_their_content() {
    let connected = |more| event("connected", START_MS, more);
    let life = run(&log([
        event("joined", START_MS, json!({"edge": "fra1"})),
        event("joined", START_MS, json!({})),
        connected(json!({"time_to_connect_ms": 300, "time_to_media_ms": 450.4})),
        event("failed", START_MS, json!({"reason": "ice"})),
        event("feedback", START_MS, json!({"rating": 4})),
        event("left", START_MS, json!({"sent_at": START_MS, "received_at": START_MS + 5})),
    ]));
    let reports = life.reports();
    let kinds = reports.iter().map(|report| report.event).collect::<Vec<_>>();
    use EventKind::{Connected, Failed, Feedback, Joined, Left};
    assert_eq!(kinds, [Joined, Connected, Failed, Feedback, Left]);
    assert_eq!(reports[0].edge.as_deref(), Some("fra1"));
    assert_eq!(
        (reports[1].time_to_connect_ms, reports[1].time_to_media_ms),
        (Some(300), Some(450))
    );
    assert_eq!(reports[2].failure_reason.as_deref(), Some("ice"));
    assert_eq!(reports[3].rating, Some(4));
    assert_eq!(reports[4].event_us, (START_MS + 5) * 1000);
}

#[test]
fn an_event_may_be_a_little_ahead_but_not_more() {
    let ahead = |minutes: i64| event("joined", START_MS + minutes * 60_000, json!({}));
    let life = run(&[(0, START_MS, ahead(5)), (1, START_MS, ahead(6))]);
    assert_eq!(life.reports().len(), 1);
    assert_eq!(life.dead_letters()[0].reason, "time_ahead");
}

#[test]
fn stats_objects_with_a_clock_of_their_own_take_the_events_time() {
    let at = |s: i64| {
        let stream = json!({"type": "inbound-rtp", "kind": "audio", "timestamp": 4000 + s});
        event("stats", START_MS + s * 1000, json!({"report": {"x": stream}}))
    };
    let reports = run(&log([at(0), at(2)])).reports();
    let interval = &reports[1].intervals[0];
    let us = |s: i64| (START_MS + s * 1000) * 1000;
    assert_eq!((interval.start_us, interval.end_us), (us(0), us(2)));
}

#[test]
fn metrics_are_those_of_the_reference() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry).unwrap();
    metrics.rejected(Reason::Late);
    let mut text = String::new();
    prometheus::TextEncoder::new().encode_utf8(&registry.gather(), &mut text).unwrap();
    let series = text.lines().filter(|line| !line.starts_with('#'));
    let series = series.map(|line| line.rsplit_once(' ').unwrap().0).collect::<Vec<_>>();
    assert_eq!(
        series,
        [
            "isobar_ingest_dead_letters_total{reason=\"late\"}",
            "isobar_ingest_forgotten_total{by=\"partition\"}",
            "isobar_ingest_forgotten_total{by=\"session\"}",
            "isobar_ingest_intervals_total",
            "isobar_ingest_live_streams",
            "isobar_ingest_missing_total{cause=\"implausible\"}",
            "isobar_ingest_missing_total{cause=\"no_kind\"}",
            "isobar_ingest_missing_total{cause=\"went_back\"}",
            "isobar_ingest_records_total{outcome=\"accepted\"}",
            "isobar_ingest_records_total{outcome=\"duplicate\"}",
            "isobar_ingest_records_total{outcome=\"late\"}",
            "isobar_ingest_resets_total",
            "isobar_ingest_unmeasured_reports_total",
            "isobar_ingest_unverified_total",
        ]
    );
}

#[test]
fn a_real_report_of_chrome_gives_the_reference_values() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/samples/getstats/chrome-two-consecutive-10s.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let raw = |(offset, sample): (i64, &Value)| {
        let at_ms = sample["capturedAt"].as_i64().unwrap();
        (offset, at_ms, event("stats", at_ms, json!({"report": sample["report"]})))
    };
    let samples = serde_json::from_str::<Vec<Value>>(&text).unwrap();
    let life = run(&(0..).zip(&samples).map(raw).collect::<Vec<_>>());
    let report = life.reports().remove(1);
    let of_ssrc = |ssrc| report.intervals.iter().find(|interval| interval.ssrc == ssrc).unwrap();
    let ratio = |of: Option<i64>, by: Option<i64>| of.unwrap() as f64 / by.unwrap() as f64;
    let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.05, "{found} {wanted}");
    let video: &Interval = of_ssrc(3_475_661_459);
    let frames = video.video.unwrap().frames;
    let buffer = video.inbound.unwrap();
    near(ratio(frames, Some(video.end_us - video.start_us)) * 1e6, 22.59);
    near(ratio(buffer.jitter_buffer_us, buffer.jitter_buffer_emitted) / 1e3, 158.5);
    assert_eq!(video.codec.as_deref(), Some("video/VP9"));
    let sent = of_ssrc(2_007_858_786);
    near(ratio(sent.round_trip_us, sent.round_trip_count) / 1e3, 37.56);
    assert_eq!(sent.packets_received, sent.packets_sent, "none was lost");
    let path = &report.paths[0];
    near(ratio(path.ice_round_trip_us, path.ice_round_trip_count) / 1e3, 48.0);
    assert_eq!(path.local_candidate_type.as_deref(), Some("relay"));
}

#[test]
fn all_events_of_a_client_sample_count_once() {
    use EventKind::{Connected, Disconnected, Joined, Left, Reconnected};
    let sample = |s: i64, events: &[(&str, &str, &str)]| {
        let at_ms = START_MS + s * 1000;
        let events = (0..).zip(events).map(|(n, (of, connection, state))| {
            json!({"type": of, "timestamp": at_ms + n, "payload": {
                "peerConnectionId": connection, "connectionState": state}})
        });
        let sample = json!({"timestamp": at_ms, "sentAt": at_ms, "receivedAt": at_ms + 7,
            "callId": "c", "clientId": "p", "clientEvents": events.collect::<Vec<_>>(),
            "peerConnections": [{"peerConnectionId": "a", "inboundRtps": [
                {"id": "x", "kind": "audio", "ssrc": 1, "packetsReceived": s}]}]});
        sample.to_string().into_bytes()
    };
    let change = "PEER_CONNECTION_STATE_CHANGED";
    let first = [("CLIENT_JOINED", "", ""), (change, "a", "connected"), (change, "b", "connected")];
    let second =
        [(change, "a", "disconnected"), (change, "a", "connected"), ("CLIENT_LEFT", "", "")];
    let records = [sample(0, &first), sample(0, &first), sample(10, &second)];
    let mut log = log(records);
    log[2].1 = START_MS + 10_000;
    let life = run(&log);
    let reported = life.reports().into_iter().map(|report| {
        let at = |us: i64| (us / 1000 - START_MS) % 10_000;
        let more = report.more_events.iter().map(|more| (more.event, at(more.event_us)));
        let packets = report.intervals.first().and_then(|interval| interval.packets_received);
        (report.event, at(report.event_us), more.collect::<Vec<_>>(), packets)
    });
    let wanted = [
        (Connected, 8, vec![(Joined, 7), (Connected, 9)], None),
        (Disconnected, 7, vec![(Reconnected, 8), (Left, 9)], Some(10)),
    ];
    assert_eq!(reported.collect::<Vec<_>>(), wanted);
}

#[test]
fn a_session_with_data_channels_only_has_its_path() {
    let pair = json!({
        "P": {"type": "candidate-pair", "nominated": true, "state": "succeeded", "localCandidateId": "L"},
        "L": {"type": "local-candidate", "candidateType": "host", "protocol": "udp"},
        "D": {"type": "data-channel", "messagesSent": 4},
    });
    let at = |s: i64| event("stats", START_MS + s * 1000, json!({"report": pair}));
    let reports = run(&log([at(0), at(10), at(10)])).reports();
    let reported = reports.iter().map(|report| {
        let candidates = report.paths.iter().map(|path| path.local_candidate_type.as_deref());
        (report.event, report.intervals.len(), candidates.collect::<Vec<_>>())
    });
    let host = (EventKind::Stats, 0, vec![Some("host")]);
    assert_eq!(reported.collect::<Vec<_>>(), [host.clone(), host]);
}

#[test]
fn each_interval_names_the_path_of_its_transport() {
    let stream = |transport: &str, packets: i64| json!({"type": "inbound-rtp", "kind": "audio", "transportId": transport, "packetsReceived": packets});
    let at = |s: i64, round_trip: f64| {
        let pair = |local: &str, more: f64| {
            json!({"type": "candidate-pair", "localCandidateId": local, "responsesReceived": s,
                   "totalRoundTripTime": round_trip + more * s as f64})
        };
        let report = json!({
            "a": stream("T1", 10 * s), "v": stream("T2", 10 * s),
            "T1": {"type": "transport", "selectedCandidatePairId": "P1", "selectedCandidatePairChanges": 1},
            "T2": {"type": "transport", "selectedCandidatePairId": "P2", "selectedCandidatePairChanges": s},
            "P1": pair("L1", 0.1), "P2": pair("L2", 0.2),
            "L1": {"type": "local-candidate", "candidateType": "host", "protocol": "udp"},
            "L2": {"type": "local-candidate", "candidateType": "relay", "protocol": "udp", "url": "turns:a"},
        });
        event("stats", START_MS + s * 1000, json!({"report": report}))
    };
    let report = run(&log([at(1, 0.0), at(2, 0.0)])).reports().remove(1);
    let reported = report.intervals.iter().map(|interval| {
        let path = &report.paths[usize::try_from(interval.path.unwrap()).unwrap()];
        let candidate = path.local_candidate_type.as_deref().unwrap();
        let round_trip = (path.ice_round_trip_us, path.selected_pair_changes);
        (interval.stats_id.as_str(), candidate, path.relay_protocol.as_deref(), round_trip)
    });
    let wanted = [
        ("a", "host", None, (Some(100_000), Some(0))),
        ("v", "relay", Some("tls"), (Some(200_000), Some(1))),
    ];
    assert!(reported.eq(wanted), "{report:?}");
}

#[test]
fn audio_that_is_not_decoded_has_neither_samples_nor_a_jitter_buffer() {
    let at = |s: i64, samples: i64| {
        let report = json!({"a": {
            "type": "inbound-rtp", "kind": "audio", "packetsReceived": 50 * s, "packetsLost": 0,
            "totalSamplesReceived": samples, "concealedSamples": 0, "silentConcealedSamples": 0,
            "jitterBufferDelay": 0, "jitterBufferEmittedCount": samples, "audioLevel": 0,
        }});
        event("stats", START_MS + s * 1000, json!({"report": report}))
    };
    let interval = |samples| {
        let report = run(&log([at(1, 0), at(2, samples)])).reports().remove(1);
        report.intervals.into_iter().next().unwrap()
    };
    let Interval { packets_received, audio, inbound, .. } = interval(0);
    assert_eq!((packets_received, audio), (Some(50), None));
    let inbound = inbound.unwrap_or_default();
    assert_eq!((inbound.jitter_buffer_us, inbound.jitter_buffer_emitted), (None, None));
    let decoded = interval(48_000);
    assert_eq!(decoded.audio.unwrap().total_samples, Some(48_000));
    assert_eq!(decoded.inbound.unwrap().jitter_buffer_emitted, Some(48_000));
}

#[test]
fn a_number_beyond_every_double_is_missing_and_not_the_record() {
    let at = |s: i64, bytes: &str| {
        let text = String::from_utf8(stats(START_MS + s * 1000, 10 * s)).unwrap();
        text.replace(
            "\"packetsReceived\"",
            &format!("\"bytesReceived\":{bytes},\"packetsReceived\""),
        )
        .into()
    };
    let life = run(&log([at(1, "1e999"), at(2, "7"), at(3, "-1E+400"), at(4, "9")]));
    assert_eq!(life.dead_letters(), []);
    let reported = life.reports().into_iter().flat_map(|report| report.intervals);
    let reported: Vec<_> =
        reported.map(|interval| (interval.packets_received, interval.bytes)).collect();
    assert_eq!(reported, [(Some(10), None); 3]);
    assert_eq!(life.pipeline.metrics.implausible.get(), 3);
    let nonsense = [b"{\"a\":1e999".to_vec(), b"1e999".to_vec()];
    let reasons = run(&log(nonsense)).dead_letters();
    assert_eq!(
        reasons.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(),
        ["not_json", "unknown_format"]
    );
}

#[test]
fn only_applications_that_are_named_are_taken() {
    let records = log([stats(START_MS, 5), event("joined", START_MS, json!({"app": "other"}))]);
    let of = |apps: &[&str]| {
        let apps = apps.iter().map(|app| (*app).to_owned()).collect();
        let mut life = Life::resume(None, Settings { apps, ..Settings::default() }, &[]);
        life.commits = true;
        records.iter().for_each(|raw| life.read(raw, false));
        life.dead_letters().iter().map(|letter| letter.reason.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(&[]), [""; 0]);
    assert_eq!(of(&["meet", "other"]), [""; 0]);
    assert_eq!(of(&["meet"]), ["unknown_app"]);
}
