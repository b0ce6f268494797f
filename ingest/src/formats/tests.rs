#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use schemas::{Direction, EventKind, Kind};
use serde_json::{Value, json};

use super::*;
use crate::counters::Counter;

mod deltas;
mod getstats;
mod others;

const PAGE: &str = include_str!("../../../docs/reference/envelope.md");
const SCHEMA: &str = include_str!("../../../docs/reference/envelope.schema.json");

fn example() -> Value {
    let (_, rest) = PAGE.split_once("```json\n").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

fn with(member: &str, value: Value) -> Value {
    let mut envelope = example();
    envelope[member] = value;
    envelope
}

fn without(member: &str) -> Value {
    let mut envelope = example();
    envelope.as_object_mut().unwrap().remove(member).unwrap();
    envelope
}

/// Decodes an envelope and passes the event, which borrows from the text, to `look`.
fn decoded<T>(envelope: &Value, look: impl FnOnce(Event<'_>) -> T) -> Result<T, Rejected> {
    event(envelope.to_string().as_bytes(), None).map(look)
}

/// Decodes a record that is an event.
fn event<'a>(payload: &'a [u8], content_type: Option<&'a str>) -> Result<Event<'a>, Rejected> {
    match decode(Source { payload, content_type, key: None }, &Settings::default())? {
        Decoded::Event(event) => Ok(event),
        Decoded::Report(report) => panic!("{report:?}"),
    }
}

fn taken(envelope: &Value) -> Result<(), Rejected> {
    decoded(envelope, |_| ())
}

fn reason(payload: &[u8]) -> Reason {
    event(payload, None).unwrap_err().reason
}

fn streams<T>(report: Value, look: impl FnOnce(&[crate::event::Stream<'_>]) -> T) -> T {
    decoded(&with("report", report), |event| look(&event.streams)).unwrap()
}

#[test]
fn the_example_in_the_reference_decodes() {
    decoded(&example(), |event| {
        assert_eq!((event.kind, event.app.as_ref()), (EventKind::Stats, "meet"));
        assert_eq!((event.call.as_ref(), event.participant.as_ref()), ("standup-0423", "ann-1"));
        assert_eq!((event.client_us, event.shift_us), (1_756_000_010_000_000, 75_000));
        assert_eq!(event.client_address.as_deref(), Some("203.0.113.7"));
        let [stream] = &event.streams[..] else { panic!("{:?}", event.streams) };
        assert_eq!((stream.kind, stream.direction), (Kind::Audio, Direction::Inbound));
        assert_eq!((stream.stats_id.as_ref(), stream.ssrc), ("IT01A7", 1_914_853_159));
        assert_eq!(stream.codec.as_deref(), Some("audio/opus"));
        assert_eq!(stream.client_us, 1_756_000_009_998_400);
        assert_eq!(stream.values.get(Counter::Jitter), Some(4000));
        assert_eq!(stream.values.get(Counter::Bytes), None);
    })
    .unwrap();
}

#[test]
fn the_schema_has_required_members_and_text_lengths() {
    let schema = serde_json::from_str::<Value>(SCHEMA).unwrap();
    for member in schema["required"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        let rejected = taken(&without(member)).unwrap_err();
        let wanted = if member == "v" { Reason::UnknownFormat } else { Reason::MissingField };
        assert_eq!(rejected.reason, wanted, "{member}");
    }
    for (member, property) in schema["properties"].as_object().unwrap() {
        let Some(definition) = property["$ref"].as_str() else { continue };
        let definition = &schema["$defs"][definition.trim_start_matches("#/$defs/")];
        let (fits, bad) = match definition["maxLength"].as_u64() {
            Some(length) => {
                (json!("x".repeat(length as usize)), json!("x".repeat(length as usize + 1)))
            }
            None => match definition["maximum"].as_f64() {
                Some(most) => (json!(most), json!(most * 1.001)),
                // Any number is accepted; an impossible one is missing.
                None => (json!(1e17), json!("long")),
            },
        };
        taken(&with(member, fits)).unwrap();
        for bad in [bad, json!(true), json!([1])] {
            let is_id = ["app", "call", "participant"].contains(&member.as_str());
            let too_long = is_id && bad.is_string();
            let rejected = taken(&with(member, bad)).unwrap_err();
            let wanted = if too_long { Reason::IdTooLong } else { Reason::BadValue };
            assert_eq!(rejected.reason, wanted, "{member}");
            assert!(rejected.detail.starts_with(member.as_str()), "{}", rejected.detail);
        }
    }
}

#[test]
fn every_event_of_the_schema_is_known() {
    let schema = serde_json::from_str::<Value>(SCHEMA).unwrap();
    let kinds = schema["properties"]["event"]["enum"].as_array().unwrap().iter();
    let kinds = kinds.map(|event| {
        let mut envelope = with("event", event.clone());
        envelope["device"] = json!("camera");
        decoded(&envelope, |event| event.kind)
    });
    let mut kinds = kinds.collect::<Result<Vec<_>, _>>().unwrap();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 9);
}

#[test]
fn a_device_that_failed_is_named_and_a_claim_is_one_of_a_place() {
    let failed = |device: Value| {
        let mut envelope = with("event", json!("device_failed"));
        envelope["device"] = device;
        envelope["reason"] = json!("NotAllowedError");
        decoded(&envelope, |event| (event.failed_device, event.failure_reason.map(String::from)))
    };
    let reason = Some("NotAllowedError".to_owned());
    assert_eq!(failed(json!("microphone")), Ok((Some(Kind::Audio), reason.clone())));
    assert_eq!(failed(json!("camera")), Ok((Some(Kind::Video), reason)));
    assert_eq!(failed(json!(null)).unwrap_err().reason, Reason::MissingField);
    assert_eq!(failed(json!("printer")).unwrap_err().reason, Reason::BadValue);

    let claim = |claim: Value| decoded(&with("claim", claim), |event| event.claim);
    let reported = claim(json!({"country": "de", "city": "", "asn": "3320", "more": [1]})).unwrap();
    let wanted = schemas::Claim {
        country: Some("de".to_owned()),
        asn: Some(3320),
        ..schemas::Claim::default()
    };
    assert_eq!(reported, Some(wanted));
    assert_eq!((claim(json!({})), claim(json!(null))), (Ok(None), Ok(None)));
    for bad in [json!("de"), json!({"asn": 0}), json!({"asn": 1.0e11}), json!({"country": 1})] {
        let rejected = claim(bad).unwrap_err();
        assert_eq!(rejected.reason, Reason::BadValue);
        assert!(rejected.detail.starts_with("claim"), "{}", rejected.detail);
    }
}

#[test]
fn rejected_records_have_distinct_reasons() {
    let deep = [b'['; 100_000];
    let huge = vec![b' '; (1 << 20) + 1];
    let cases: [(&[u8], Reason); 8] = [
        (b"", Reason::NotJson),
        (b"{\"v\":1,\"event\":\"joi", Reason::NotJson),
        (b"{\"v\":1,\"app\":\"\xff\"}", Reason::NotUtf8),
        (&deep, Reason::TooDeep),
        (&huge, Reason::TooLarge),
        (b"[1,2]", Reason::UnknownFormat),
        (b"{\"hello\":1}", Reason::UnknownFormat),
        (b"{\"v\":1,\"v\":1}", Reason::BadValue),
    ];
    for (payload, wanted) in cases {
        assert_eq!(reason(payload), wanted);
    }
    let cases = [
        (with("event", json!("exploded")), Reason::UnknownEvent),
        (with("v", json!(2)), Reason::UnknownFormat),
        (with("call", json!("")), Reason::BadValue),
        (with("rating", json!(6)), Reason::BadValue),
        (with("rating", json!(2.5)), Reason::BadValue),
        (without("report"), Reason::MissingField),
        (with("report", json!("none")), Reason::BadValue),
        (with("report", json!([{"type": "inbound-rtp", "kind": "audio"}])), Reason::BadValue),
    ];
    for (envelope, wanted) in cases {
        assert_eq!(taken(&envelope).unwrap_err().reason, wanted, "{envelope}");
    }
}

#[test]
fn a_header_that_names_the_envelope_makes_nothing_else_one() {
    let named = Some("application/vnd.isobar.envelope+json; charset=utf-8");
    let decode = |text: &str| event(text.as_bytes(), named).map(drop);
    assert_eq!(decode(&example().to_string()), Ok(()));
    let wanted = Rejected::new(Reason::BadValue, "not an object");
    assert_eq!(decode("[1,\"joined\"]"), Err(wanted.clone()));
    assert_eq!(decode("\"s3cr3t\""), Err(wanted));
    assert_eq!(decode("s3cr3t").unwrap_err().reason, Reason::NotJson);
}

#[test]
fn nesting_counts_outside_of_strings_only() {
    assert!(!json::is_deeper_than(2, r#"{"a\"[[[{":["\\"],"b":[]}"#));
    assert!(json::is_deeper_than(2, r#"{"a":["\\",[]]}"#));
}

#[test]
fn more_streams_than_allowed_are_too_large() {
    let stream = |ssrc: usize| json!({"id": ssrc.to_string(), "type": "inbound-rtp", "ssrc": ssrc});
    let report = (0..513).map(stream).collect::<Value>();
    let rejected = taken(&with("report", report)).unwrap_err();
    assert_eq!(rejected.reason, Reason::TooLarge);
}

#[test]
fn more_stats_objects_than_are_read_are_too_large_in_every_format() {
    let codec = |id: usize| json!({"id": id.to_string(), "type": "codec"});
    for (objects, wanted) in [(16_384, Ok(())), (16_385, Err(Reason::TooLarge))] {
        let codecs = (0..objects).map(codec).collect::<Value>();
        let whose = json!({"call": "c", "participant": "p", "timestamp": 1_756_000_000_000_u64});
        let mut wrapped = whose.clone();
        wrapped["stats"] = codecs.clone();
        let mut of_callstats = whose;
        of_callstats["body"] = json!({"stats": {"codecs": codecs}});
        for record in [with("report", codecs), wrapped, of_callstats] {
            assert_eq!(taken(&record).map_err(|rejected| rejected.reason), wanted);
        }
    }
}

#[test]
fn a_records_key_counts_towards_its_size() {
    let payload = example().to_string();
    let most = Settings::default().max_record_bytes;
    let decode = |key: &[u8]| {
        let source = Source { payload: payload.as_bytes(), key: Some(key), ..Source::default() };
        decode(source, &Settings::default()).map(|_| ()).map_err(|rejected| rejected.reason)
    };
    let mut key = vec![b'k'; most - payload.len()];
    assert_eq!(decode(&key), Ok(()));
    key.push(b'k');
    assert_eq!(decode(&key), Err(Reason::TooLarge));
}

#[test]
fn an_array_with_the_type_last_and_a_quoted_ssrc_reads_like_a_map() {
    let report =
        json!([{"kind": "video", "ssrc": "77", "bytesSent": 9, "id": "x", "type": "outbound-rtp"}]);
    assert!(report.to_string().find("bytesSent") < report.to_string().find("type"));
    streams(report, |streams| {
        assert_eq!((streams[0].stats_id.as_ref(), streams[0].ssrc), ("x", 77));
        assert_eq!(streams[0].values.get(Counter::Bytes), Some(9));
    });
}

#[test]
fn senseless_numbers_are_missing() {
    let report = json!({"x": {
        "type": "inbound-rtp", "kind": "audio", "timestamp": 0,
        "packetsReceived": -1, "bytesReceived": 9_007_199_254_740_993_000_u64, "nackCount": "NaN",
        "jitter": null, "packetsLost": -2, "framesDecoded": {"a": 1}, "totalSamplesReceived": 1e300,
        "firCount": 9_007_199_254_740_992_u64,
    }});
    streams(report, |streams| {
        let known = Counter::members().filter_map(|(name, counter)| {
            streams[0].values.get(counter).map(|value| (name, value))
        });
        let wanted = [("packetsLost", -2), ("firCount", 1 << 53)];
        assert_eq!(known.collect::<Vec<_>>(), wanted);
        assert_eq!(streams[0].client_us, 1_756_000_010_000_000, "the event's own time");
    });
}

#[test]
fn seconds_are_rounded_to_the_nearest_microsecond() {
    let report = r#"{"x":{"type":"inbound-rtp","kind":"audio","jitter":0.0000015,"jitterBufferDelay":8.533665500000001}}"#;
    let text = without("report").to_string();
    let text = format!("{},\"report\":{report}}}", text.trim_end_matches('}'));
    let event = event(text.as_bytes(), None).unwrap();
    let values = &event.streams[0].values;
    assert_eq!(values.get(Counter::Jitter), Some((0.0000015_f64 * 1e6).round() as i64));
    assert_eq!(
        values.get(Counter::JitterBufferDelay),
        Some((8.533665500000001_f64 * 1e6).round() as i64)
    );
}

#[test]
fn the_far_end_is_found_by_ssrc_or_by_either_link() {
    let remote = |link: Value| {
        let mut remote = json!({
            "type": "remote-inbound-rtp", "packetsLost": 4, "jitter": 0.002,
            "totalRoundTripTime": 0.5, "roundTripTimeMeasurements": 5, "bytesReceived": 1,
        });
        remote.as_object_mut().unwrap().extend(link.as_object().unwrap().clone());
        remote
    };
    for (ssrc, remote_id, link) in [
        (json!(7), json!(null), json!({"ssrc": 7})),
        (json!(null), json!(null), json!({"localId": "O"})),
        (json!(null), json!("R"), json!({})),
    ] {
        let mut report = json!({
            "O": {"type": "outbound-rtp", "kind": "audio", "ssrc": ssrc, "remoteId": remote_id, "packetsSent": 50},
            "R": remote(link),
            "S": {"type": "remote-inbound-rtp", "ssrc": 8, "packetsLost": 99},
        });
        for many in [0, 100] {
            crowd(&mut report, many);
            streams(report.clone(), |streams| {
                let counters = [
                    Counter::PacketsSent,
                    Counter::PacketsLost,
                    Counter::Jitter,
                    Counter::RoundTripTime,
                ];
                let values = counters.map(|counter| streams[0].values.get(counter));
                assert_eq!(values, [Some(50), Some(4), Some(2000), Some(500_000)]);
                assert_eq!(streams[0].values.get(Counter::Bytes), None, "not the stream's own");
            });
        }
    }
}

/// Adds `many` unreferenced objects of each type, before and after the others.
fn crowd(report: &mut Value, many: usize) {
    let objects = report.as_object_mut().unwrap();
    for n in 0..many {
        for of in ["codec", "track", "remote-inbound-rtp", "candidate-pair", "transport"] {
            let id = format!("{}{of}{n}", ["0", "z"][n % 2]);
            let pair = format!("none{n}");
            let object = json!({
                "type": of, "ssrc": 1000 + n, "localId": pair, "mimeType": "audio/none",
                "selectedCandidatePairId": pair, "packetsLost": 77, "state": "waiting",
            });
            objects.insert(id, object);
        }
    }
}

#[test]
fn in_a_crowd_of_objects_those_that_belong_together_are_found() {
    let mut report = json!({
        "I": {"type": "inbound-rtp", "ssrc": 5, "kind": "audio", "codecId": "C", "trackId": "T"},
        "C": {"type": "codec", "mimeType": "audio/opus"},
        "T": {"type": "track", "concealedSamples": 12},
        "P": {"type": "candidate-pair", "localCandidateId": "L", "totalRoundTripTime": 1},
        "L": {"type": "local-candidate", "candidateType": "relay"},
        "t": {"type": "transport", "selectedCandidatePairId": "P", "dtlsState": "connected"},
    });
    let mut reported = Vec::new();
    for many in [0, 100] {
        crowd(&mut report, many);
        decoded(&with("report", report.clone()), |event| {
            let pair = event.pairs.first().unwrap();
            assert_eq!(pair.local_candidate_type.as_deref(), Some("relay"));
            assert_eq!(event.streams[0].values.get(Counter::ConcealedSamples), Some(12));
            reported.push(format!("{:?} {pair:?}", event.streams));
        })
        .unwrap();
    }
    assert!(reported[0].contains("audio/opus"));
    assert_eq!(reported[0], reported[1]);
}

#[test]
fn the_selected_pair_is_the_transports_or_the_marked_or_the_nominated_one() {
    let selected = |transport: Value, marked: bool, nominated: bool| {
        let report = json!({
            "a": {"type": "candidate-pair", "state": "in-progress", "nominated": true},
            "b": {"type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "R"},
            "c": {"type": "candidate-pair", "selected": marked},
            "d": {"type": "candidate-pair", "state": "succeeded", "nominated": nominated},
            "t": {"type": "transport", "selectedCandidatePairId": transport},
            "L": {"type": "local-candidate", "candidateType": "relay", "address": "198.51.100.9"},
            "R": {"type": "remote-candidate", "candidateType": "srflx"},
        });
        decoded(&with("report", report), |event| {
            event.pairs.into_iter().next().map(|pair| {
                assert!(!format!("{pair:?}").contains("198.51.100.9"));
                let types = (pair.local_candidate_type, pair.remote_candidate_type);
                (
                    pair.stats_id.into_owned(),
                    types.0.map(|t| t.into_owned()),
                    types.1.map(|t| t.into_owned()),
                )
            })
        })
        .unwrap()
    };
    let (relay, srflx) = (Some("relay".to_owned()), Some("srflx".to_owned()));
    assert_eq!(selected(json!("b"), true, true), Some(("b".to_owned(), relay, srflx)));
    assert_eq!(selected(json!("gone"), true, true).unwrap().0, "c");
    assert_eq!(selected(json!(null), false, true).unwrap().0, "d");
    assert_eq!(selected(json!(null), false, false), None);
}

#[test]
fn every_counter_is_read_from_every_member_that_has_it() {
    for (name, counter) in Counter::members() {
        let named = Counter::members().filter(|(other, _)| *other == name);
        assert_eq!(named.count(), 1, "{name} has two counters");
        let (outer, inner) = name.split_once('.').unwrap_or((name, ""));
        let value = if inner.is_empty() { json!(3) } else { json!({"none": 1, inner: 3}) };
        let reported = ["inbound-rtp", "outbound-rtp"].iter().any(|of| {
            let report = json!({
                "x": {"type": of, "kind": "video", "ssrc": 5, "mediaSourceId": "ms", outer: value},
                "ms": {"type": "media-source", "kind": "video", outer: value},
                "ri": {"type": "remote-inbound-rtp", "ssrc": 5, outer: value},
                "ro": {"type": "remote-outbound-rtp", "ssrc": 5, outer: value},
                "cp": {"type": "candidate-pair", outer: value},
                "t": {"type": "transport", "selectedCandidatePairId": "cp", outer: value},
            });
            let reported = |event: Event<'_>| {
                let of_streams = event.streams.iter().map(|stream| &stream.values);
                let of_pairs = event.pairs.iter().map(|pair| &pair.values);
                let transports = event.pairs.iter().filter_map(|pair| pair.transport.as_ref());
                let of_transports = transports.map(|transport| &transport.values);
                let mut all = of_streams.chain(of_pairs).chain(of_transports);
                all.any(|values| values.get(counter).is_some())
            };
            decoded(&with("report", report), reported).unwrap()
        });
        assert!(reported, "{name}");
    }
}

/// Text that must never appear in a detail.
const SECRET: &str = "s3cr3t";

proptest! {
    #[test]
    fn arbitrary_bytes_are_taken_or_rejected(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let source = Source { payload: &payload, ..Source::default() };
        let _ = decode(source, &Settings::default());
    }

    #[test]
    fn a_damaged_envelope_is_taken_or_rejected_without_quoting_it(
        cut in any::<prop::sample::Index>(),
        instead in "(s3cr3t|[\\[\\]{}\",:0-9a-z\\\\]){0,4}",
        length in 0_usize..20,
    ) {
        let mut text = with("app", json!(SECRET)).to_string();
        let from = cut.index(text.len());
        text.replace_range(from..(from + length).min(text.len()), &instead);
        if let Err(rejected) = event(text.as_bytes(), None) {
            prop_assert!(!rejected.detail.contains(SECRET), "{}", rejected.detail);
        }
    }

    #[test]
    fn any_value_anywhere_is_taken_or_rejected_without_quoting_it(
        member in prop::sample::select(example().as_object().unwrap().keys().cloned().collect::<Vec<_>>()),
        value in prop::sample::select(vec![
            json!(SECRET), json!([SECRET]), json!({SECRET: SECRET}), json!(-1), json!(true), json!(null),
            json!({"x": SECRET}), json!([{"type": SECRET}]), json!({"x": {"type": "inbound-rtp", "kind": [SECRET]}}),
        ]),
    ) {
        if let Err(rejected) = taken(&with(&member, value)) {
            prop_assert!(!rejected.detail.contains(SECRET), "{}", rejected.detail);
        }
    }
}
