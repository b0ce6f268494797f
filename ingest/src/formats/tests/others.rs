//! Formats other than the envelope.

use schemas::{Claim, Interval, Path, Report, Video};

use super::*;

const FORMATS: &str = include_str!("../../../../docs/reference/formats.md");

const TIME: f64 = 1_756_000_000_000.0;

fn read_event<T>(
    record: &Value,
    key: &str,
    look: impl FnOnce(Event<'_>) -> T,
) -> Result<T, Rejected> {
    let text = record.to_string();
    let source = Source { payload: text.as_bytes(), key: Some(key.as_bytes()), content_type: None };
    match decode(source, &Settings::default())? {
        Decoded::Event(event) => Ok(look(event)),
        Decoded::Report(report) => panic!("{report:?}"),
    }
}

fn kind(record: &Value) -> Result<EventKind, Reason> {
    read_event(record, "", |event| event.kind).map_err(|rejected| rejected.reason)
}

fn session(event: &Event<'_>) -> [String; 4] {
    [&event.app, &event.call, &event.participant, &event.peer_connection]
        .map(|name| name.to_string())
}

fn stream() -> Value {
    json!({"id": "A", "type": "inbound-rtp", "timestamp": TIME, "kind": "audio", "ssrc": 7,
           "packetsReceived": 5, "packetsLost": 1})
}

#[test]
fn a_report_is_taken_in_any_wrapping_with_a_session() {
    let map = json!({"A": stream()});
    let names = ["meet", "standup", "ann", "pc-1"];
    let wrapped = [
        json!({"app": "meet", "call": "standup", "participant": "ann", "peer_connection": "pc-1", "report": map}),
        json!({"appId": "meet", "callId": "standup", "userId": "ann", "pc": "pc-1", "stats": [stream()]}),
        json!({"appID": "meet", "roomId": "standup", "clientId": "ann", "userId": "x",
               "pcId": "pc-1", "capturedAt": TIME, "getStats": [["A", stream()]]}),
    ];
    for record in wrapped {
        let (found, streams, us) =
            read_event(&record, "a/b/c", |e| (session(&e), e.streams.len(), e.client_us)).unwrap();
        assert_eq!((found, streams), (names.map(str::to_owned), 1), "{record}");
        assert_eq!(us, 1_756_000_000_000_000);
    }
    // Native SDKs' reports, whose objects here have no time of their own.
    let mut object = stream();
    object["timestamp"] = json!(null);
    for (time, map) in [("timestampUs", "statsMap"), ("timestamp_us", "statistics")] {
        let record = json!({"call": "c", "userId": "u", time: TIME * 1e3, map: {"A": object}});
        let found = read_event(&record, "", |e| (e.client_us, e.streams[0].client_us)).unwrap();
        assert_eq!(found, (1_756_000_000_000_000, 1_756_000_000_000_000), "{record}");
    }
    for bare in [map, json!([stream()]), json!([["A", stream()]])] {
        let found = read_event(&bare, "meet/stand/up/ann", |e| session(&e)).unwrap();
        assert_eq!(found, ["meet", "stand/up", "ann", ""], "{bare}");
        let found = read_event(&bare, "standup/ann", |e| session(&e)).unwrap();
        assert_eq!(found, ["unknown", "standup", "ann", ""], "{bare}");
        for key in ["", "ann", "/", "meet//ann"] {
            let rejected = read_event(&bare, key, |_| ()).unwrap_err();
            assert_eq!(rejected.reason, Reason::MissingField, "{key}");
        }
    }
}

#[test]
fn members_of_collectors_are_read_in_every_format() {
    let more = json!({
        "timestamp": TIME, "sent_at": TIME + 5.0, "received_at": TIME + 25.0, "call": "c",
        "participant": "p", "client_address": "192.0.2.1", "edge": "fra1", "user_agent": "UA/1",
        "client_version": "4", "claim": {"country": "de", "asn": 3320},
    });
    for own in [
        json!({"report": [stream()]}),
        json!({"peerConnections": [], "callId": "x", "clientId": "y"}),
        json!({"path": "/v1/apps/1/conferences/2", "body": {"localID": "z", "timestamp": 1}}),
    ] {
        let mut record = own;
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read_event(&record, "", |event| {
            assert_eq!((&*event.call, &*event.participant), ("c", "p"));
            assert_eq!((event.client_us, event.shift_us), (1_756_000_000_000_000, 20_000));
            assert_eq!(event.client_address.as_deref(), Some("192.0.2.1"));
            let texts = [event.edge, event.user_agent, event.client_version];
            assert_eq!(texts.map(Option::unwrap), ["fra1", "UA/1", "4"]);
            assert_eq!(event.claim.unwrap().asn, Some(3320));
        })
        .unwrap();
        record["claim"] = json!("Germany");
        assert_eq!(kind(&record), Err(Reason::BadValue));
    }
}

#[test]
fn legacy_getstats_is_refused_as_such() {
    let legacy = json!({
        "ssrc_1_recv": {"type": "ssrc", "googCodecName": "opus", "packetsReceived": "5"},
        "Conn-audio-1-0": {"type": "googCandidatePair", "googActiveConnection": "true"},
    });
    let records = [
        json!({"call": "c", "participant": "p", "timestamp": TIME, "report": legacy}),
        legacy.clone(),
        with("report", legacy.clone()),
        json!({"path": "/v1/apps/1/conferences/c/u/stats", "body": {"localID": "p", "timestamp": 1_756_000_000,
               "stats": {"tracks": [{"type": "ssrc", "googCodecName": "opus"}]}}}),
    ];
    for record in records {
        let rejected = read_event(&record, "a/c/p", |_| ()).unwrap_err();
        assert_eq!(rejected.reason, Reason::LegacyGetStats, "{record}");
        assert!(rejected.detail.contains("promise"), "{}", rejected.detail);
    }
}

#[test]
fn a_header_decides_where_there_is_one() {
    let sample = json!({"timestamp": TIME, "clientId": "p", "callId": "c"});
    let named = |name| event_of(sample.to_string().as_bytes(), Some(name)).map_err(|r| r.reason);
    assert_eq!(named(client_sample::CONTENT_TYPE), Ok(EventKind::Stats));
    assert_eq!(named(envelope::CONTENT_TYPE), Err(Reason::UnknownFormat));
    assert_eq!(named(plain::CONTENT_TYPE), Err(Reason::MissingField));
    assert_eq!(named(canonical::CONTENT_TYPE), Err(Reason::UnknownFormat));
    assert_eq!(named("application/json"), Ok(EventKind::Stats), "its shape decides");
    let other = json!({"timestamp": TIME, "participant": "p", "callId": "c"});
    assert_eq!(read_event(&other, "", |_| ()).unwrap_err().reason, Reason::UnknownFormat);
}

fn event_of(payload: &[u8], content_type: Option<&str>) -> Result<EventKind, Rejected> {
    event(payload, content_type).map(|event| event.kind)
}

#[test]
fn values_of_track_objects_count_for_the_streams() {
    let report = json!({
        "I": {"type": "inbound-rtp", "ssrc": 1, "mediaType": "video", "trackId": "T", "framesDecoded": 9},
        "O": {"type": "outbound-rtp", "ssrc": 2, "codecId": "C"},
        "R": {"type": "inbound-rtp", "ssrc": 2, "isRemote": true, "packetsLost": 3},
        "C": {"type": "codec", "mimeType": "audio/opus"},
        "T": {"type": "track", "framesDecoded": 1, "freezeCount": 2, "totalFreezesDuration": 0.5,
              "jitterBufferDelay": 1.5},
    });
    streams(report, |streams| {
        let [inbound, outbound] = streams else { panic!("{streams:?}") };
        let values = [
            Counter::Frames,
            Counter::FreezeCount,
            Counter::FreezeTime,
            Counter::JitterBufferDelay,
        ];
        let values = values.map(|counter| inbound.values.get(counter));
        assert_eq!(values, [Some(9), Some(2), Some(500_000), Some(1_500_000)]);
        assert_eq!((inbound.kind, outbound.kind), (Kind::Video, Kind::Audio));
        assert_eq!(outbound.values.get(Counter::PacketsLost), Some(3));
    });
}

#[test]
fn a_client_sample_has_all_events() {
    let state = |of: &str, member: &str, state: &str| json!({"type": of, "timestamp": TIME + 5.0, "payload": {"peerConnectionId": "y", member: state}});
    let changed = |text| state("PEER_CONNECTION_STATE_CHANGED", "connectionState", text);
    let joined = json!({"type": "CLIENT_JOINED", "timestamp": TIME});
    let sample = |events: Value| {
        let streams = |ssrc| json!([{"id": "A", "timestamp": TIME, "kind": "audio", "ssrc": ssrc}]);
        json!({"timestamp": TIME, "clientId": "p", "callId": "c", "clientEvents": events,
               "attachments": {"app": "meet"}, "peerConnections": [
            {"peerConnectionId": "x", "inboundRtps": streams(1)},
            {"peerConnectionId": "y", "outboundRtps": streams(2)},
        ]})
    };
    read_event(&sample(json!([joined, changed("connecting")])), "", |event| {
        assert_eq!((event.kind, event.is_state), (EventKind::Joined, false));
        assert_eq!(session(&event), ["meet", "c", "p", "x"]);
        assert_eq!((&*event.more[0].id, event.more[0].streams[0].ssrc), ("y", 2));
    })
    .unwrap();
    read_event(&sample(json!([changed("connected")])), "", |event| {
        assert_eq!((event.kind, event.is_state), (EventKind::Connected, true));
        assert_eq!((&*event.peer_connection, event.streams[0].ssrc), ("y", 2));
        assert_eq!((&*event.more[0].id, event.more[0].streams[0].ssrc), ("x", 1));
        assert_eq!(event.client_us, 1_756_000_000_005_000);
    })
    .unwrap();
    read_event(&sample(json!([joined, changed("failed"), {"type": "CLIENT_LEFT"}])), "", |event| {
        let all = event.all.iter();
        let all = all.map(|one| (one.kind, one.is_state, one.client_us - event.client_us));
        use EventKind::{Failed, Joined, Left};
        let wanted = [(Joined, false, 0), (Failed, true, 5000), (Left, false, 0)];
        assert_eq!(all.collect::<Vec<_>>(), wanted);
        assert_eq!(event.all[1].connection.as_deref(), Some("y"));
        assert_eq!(event.failure_reason.as_deref(), Some("connection_state_failed"));
        assert_eq!((&*event.peer_connection, event.streams[0].ssrc), ("x", 1));
    })
    .unwrap();
    read_event(&sample(json!(vec![joined; 100])), "", |event| assert_eq!(event.all.len(), 64))
        .unwrap();
    // Before schema 3.7, payloads are objects written as text.
    let mut text = state("ICE_CONNECTION_STATE_CHANGED", "iceConnectionState", "disconnected");
    text["payload"] = json!(text["payload"].to_string());
    assert_eq!(kind(&sample(json!([text]))), Ok(EventKind::Disconnected));
    assert_eq!(kind(&sample(json!([5, {"type": "CLIENT_LEFT"}]))), Ok(EventKind::Left));
}

#[test]
fn a_client_sample_has_failed_cameras_and_microphones() {
    let issue = |error: &str, of: &str, late: f64| json!({"type": of, "timestamp": TIME - late, "payload": {"error": error}});
    let failed = "USER_MEDIA_ERROR";
    let denied = issue("NotAllowedError: Permission denied", failed, 20.0);
    let sample = |reported: Value| {
        let mut sample = json!({"timestamp": TIME, "clientId": "p", "callId": "c"});
        sample.as_object_mut().unwrap().extend(reported.as_object().unwrap().clone());
        sample
    };
    let mut as_text = denied.clone();
    as_text["payload"] = json!(as_text["payload"].to_string());
    for one in [
        json!({"clientIssues": [denied, issue("x", "CONGESTION", 0.0)]}),
        json!({"clientIssues": [as_text]}),
        json!({"clientMetaItems": [issue("x", "MEDIA_DEVICE", 0.0), denied]}),
    ] {
        read_event(&sample(one), "", |event| {
            assert_eq!((event.kind, event.failed_device), (EventKind::DeviceFailed, None));
            assert_eq!(event.failure_reason.as_deref(), Some("NotAllowedError"));
            assert_eq!(event.client_us, 1_755_999_999_980_000);
        })
        .unwrap();
    }
    // Schema 2 has only texts, which may contain an address.
    let in_words = json!({"userMediaErrors": ["NotReadableError at https://x.example", 5]});
    read_event(&sample(in_words), "", |event| {
        assert_eq!((event.kind, event.failed_device), (EventKind::DeviceFailed, None));
        assert_eq!(event.failure_reason.as_deref(), Some("NotReadableError"));
    })
    .unwrap();
    let both = json!({
        "clientEvents": [{"type": "CLIENT_JOINED", "timestamp": TIME}],
        "clientIssues": [denied, issue("NotFoundError: none", failed, 5.0)],
    });
    read_event(&sample(both), "", |event| {
        let kinds = event.all.iter().map(|one| one.kind).collect::<Vec<_>>();
        use EventKind::{DeviceFailed, Joined};
        assert_eq!(kinds, [Joined, DeviceFailed, DeviceFailed]);
    })
    .unwrap();
    // Issues of another kind are ignored.
    let other = json!({"clientIssues": [issue("x", "DRY_INBOUND_TRACK", 0.0)]});
    assert_eq!(kind(&sample(other)), Ok(EventKind::Stats));
}

#[test]
fn a_client_sample_of_schema_2_has_every_peer_connection_and_both_ends() {
    let sample = json!({
        "timestamp": TIME, "clientId": "p", "userId": "ann@example.org", "roomId": "c",
        "sampleSeq": 4, "browser": {"name": "Chrome", "version": "110"},
        "codecs": [{"payloadType": "111", "mimeType": "audio/opus"}],
        "pcTransports": [{"transportId": "T", "peerConnectionId": "x", "dtlsState": "connected",
            "selectedCandidatePairId": "CP", "selectedCandidatePairChanges": 1}],
        "iceCandidatePairs": [
            {"candidatePairId": "other", "peerConnectionId": "x", "state": "waiting"},
            {"candidatePairId": "CP", "peerConnectionId": "x", "localCandidateId": "L",
             "state": "succeeded", "nominated": true, "totalRoundTripTime": 0.5, "responsesReceived": 4}],
        "iceLocalCandidates": [{"id": "L", "peerConnectionId": "x", "candidateType": "relay",
            "relayProtocol": "tls", "address": "198.51.100.9"}],
        "inboundAudioTracks": [{"ssrc": 7, "trackId": "a", "peerConnectionId": "y", "packetsReceived": 90,
            "packetsLost": 2, "jitter": 0.004, "packetsSent": 95, "totalRoundTripTime": 0.25,
            "roundTripTimeMeasurements": 5, "remoteTimestamp": TIME}],
        "outboundVideoTracks": [{"ssrc": 8, "peerConnectionId": "x", "packetsSent": 200, "bytesSent": 9000,
            "framesEncoded": 30, "qualityLimitationDurationCPU": 1.5, "packetsReceived": 190,
            "packetsLost": 10, "jitter": 0.01}],
        "customCallEvents": [{"name": "PEER_CONNECTION_STATE_CHANGED", "value": "connected",
            "peerConnectionId": "x", "timestamp": TIME - 5.0}],
    });
    read_event(&sample, "", |event| {
        assert_eq!((event.kind, event.is_state), (EventKind::Connected, true));
        assert_eq!((&*event.call, &*event.participant), ("c", "p"));
        assert_eq!(event.peer_connection, "x");
        let values = |stream: &crate::event::Stream<'_>, counters: &[Counter]| {
            counters.iter().map(|counter| stream.values.get(*counter)).collect::<Vec<_>>()
        };
        let video = &event.streams[0];
        assert_eq!(
            (video.kind, video.direction, video.ssrc),
            (Kind::Video, Direction::Outbound, 8)
        );
        use Counter::*;
        let of_video = [PacketsSent, PacketsReceived, PacketsLost, Frames, LimitedCpu, Jitter];
        let wanted = [200, 190, 10, 30, 1_500_000, 10_000].map(Some);
        assert_eq!(values(video, &of_video), wanted);
        let pair = event.pairs.first().unwrap();
        assert_eq!((&*pair.stats_id, pair.local_candidate_type.as_deref()), ("CP", Some("relay")));
        assert_eq!(pair.dtls_state.as_deref(), Some("connected"));
        let other = &event.more[0];
        let audio = &other.streams[0];
        assert_eq!(
            (&*other.id, audio.kind, audio.direction),
            ("y", Kind::Audio, Direction::Inbound)
        );
        let of_audio = [PacketsReceived, PacketsLost, PacketsSent, RoundTripTime, RoundTripCount];
        assert_eq!(values(audio, &of_audio), [Some(90), Some(2), None, Some(250_000), Some(5)]);
    })
    .unwrap();
}

#[test]
fn times_and_names_may_be_written_in_other_ways() {
    let report = |time: Value| {
        json!([{"id": 5, "type": "inbound-rtp", "timestamp": time,
        "mediaType": "audio", "ssrc": "7", "codecId": 6, "packetsReceived": 9},
        {"id": 6, "type": "codec", "mimeType": "audio/opus"}])
    };
    let us = (TIME * 1e3) as i64;
    for time in [
        json!(TIME),
        json!(TIME * 1e3),
        json!(TIME * 1e6),
        json!(TIME.to_string()),
        json!("2025-08-24T01:46:40Z"),
        json!("2025-08-24T03:46:40.000+02:00"),
    ] {
        for record in [
            report(time.clone()),
            json!({"timestamp": time, "stats": report(json!(TIME))}),
            json!({"timestamp": TIME / 1e3, "stats": report(time.clone())}),
        ] {
            read_event(&record, "a/c/p", |event| {
                assert_eq!(event.client_us, us, "{record}");
                let stream = &event.streams[0];
                assert_eq!((stream.client_us, &*stream.stats_id, stream.ssrc), (us, "5", 7));
                assert_eq!(stream.codec.as_deref(), Some("audio/opus"));
            })
            .unwrap();
        }
    }
}

#[test]
fn rest_events_are_distinguished_by_body_and_path() {
    use EventKind::{Connected, Disconnected, Failed, Feedback, Joined, Left, Reconnected, Stats};
    let at = |path: &str, more: Value| {
        let mut body = json!({"localID": "p", "deviceID": "d", "timestamp": 1_756_000_000});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"POST": format!("/v1/apps/7/conferences/c{path}"), "body": body})
    };
    let change = |from: &str, to: &str| json!({"changedState": "iceConnectionState", "prevState": from, "newState": to});
    let ice = |event: &str| json!({"eventType": event});
    for (path, body, wanted) in [
        ("", json!({}), Joined),
        ("/", json!({"endpointInfo": {}}), Joined),
        ("/u/events/user/left", json!({}), Left),
        ("/u/events/user/alive", json!({}), Stats),
        ("/u/events/media/actions", ice("audioMute"), Stats),
        ("/u/events/fabric", ice("fabricSetup"), Connected),
        ("/u/events/fabric", ice("fabricSetupFailed"), Failed),
        ("/u/events/fabric", ice("fabricTerminated"), Stats),
        ("/u/events/fabric/statechange", change("checking", "connected"), Stats),
        ("/u/events/fabric/statechange", change("connected", "disconnected"), Disconnected),
        ("/u/events/fabric/statechange", change("disconnected", "connected"), Connected),
        ("/u/events/ice/status", ice("iceDisruptionStart"), Disconnected),
        ("/u/events/ice/status", ice("iceDisruptionEnd"), Reconnected),
        ("/u/events/ice/status", ice("iceFailed"), Failed),
        ("/u/events/feedback", json!({"feedback": {"overallRating": 5}}), Feedback),
        ("/u/stats", json!({"stats": {"tracks": [], "candidatePairs": []}}), Stats),
    ] {
        assert_eq!(kind(&at(path, body.clone())), Ok(wanted), "{path} {body}");
    }
    let after = json!({"eventType": "iceFailed", "prevIceCandidatePair": {}});
    assert_eq!(kind(&at("/u/events/ice/status", after)), Ok(Disconnected));
    let setup = json!({"eventType": "fabricSetup", "delay": 820, "connectionID": "pc-1"});
    read_event(&at("/u/events/fabric", setup), "", |event| {
        assert_eq!(event.time_to_connect_ms, Some(820));
        assert_eq!(session(&event), ["7", "c", "p", "pc-1"]);
        assert_eq!(event.client_us, 1_756_000_000_000_000, "seconds");
    })
    .unwrap();
    let failed = json!({"eventType": "fabricSetupFailed", "reason": "TransportFailure"});
    let reason = |e: Event<'_>| e.failure_reason.unwrap().into_owned();
    assert_eq!(read_event(&at("", failed), "", reason).unwrap(), "TransportFailure");
    // Only a body, which must identify itself.
    let body = at("", json!({"feedback": {"overallRating": 2}}))["body"].clone();
    assert_eq!(
        read_event(&body, "a/c/x", |e| (e.rating, session(&e)[2].clone())).unwrap(),
        (Some(2), "p".to_owned())
    );
    let nothing = at("", json!({}))["body"].clone();
    assert_eq!(read_event(&nothing, "a/c/x", |_| ()).unwrap_err().reason, Reason::UnknownEvent);
}

#[test]
fn free_form_tracks_are_distinguished_by_their_counters() {
    let record = json!({"path": "/v1/apps/7/conferences/c/u/stats", "body": {
    "localID": "p", "deviceID": "d", "timestamp": TIME, "stats": {
        "tracks": [
            {"ssrc": "11", "kind": "audio", "packetsReceived": 5, "packetsLost": 1},
            {"ssrc": "12", "kind": "video", "packetsSent": 6, "packetsReceived": 5},
            {"ssrc": "12", "type": "remote-inbound-rtp", "packetsLost": 2},
            {"ssrc": "13", "kind": "audio"},
        ],
        "candidatePairs": [{"state": "failed"}, {"state": "succeeded", "nominated": true}],
    }}});
    read_event(&record, "", |event| {
        let streams = event.streams.iter().map(|s| (s.ssrc, s.direction, &*s.stats_id));
        let wanted = [(11, Direction::Inbound, "11"), (12, Direction::Outbound, "12")];
        assert!(streams.eq(wanted), "{:?}", event.streams);
        assert_eq!(event.streams[1].values.get(Counter::PacketsLost), Some(2));
        assert!(!event.pairs.is_empty());
    })
    .unwrap();
}

fn canonical_report() -> Report {
    Report {
        event: EventKind::Stats,
        app: "a".to_owned(),
        call: "c".to_owned(),
        participant: "p".to_owned(),
        event_us: 1_756_000_000_000_000,
        intervals: vec![Interval {
            start_us: 1_755_999_990_000_000,
            end_us: 1_756_000_000_000_000,
            packets_lost: Some(-2),
            ..Interval::default()
        }],
        ..Report::default()
    }
}

#[test]
fn a_canonical_report_is_taken_within_limits() {
    let decoded = |report: &Report| {
        let payload = schemas::encode(report).unwrap();
        let source = Source { payload: &payload, ..Source::default() };
        match decode(source, &Settings::default()) {
            Ok(Decoded::Report(report)) => Ok(report),
            Ok(Decoded::Event(event)) => panic!("{event:?}"),
            Err(rejected) => Err(rejected.reason),
        }
    };
    let good = canonical_report();
    assert_eq!(decoded(&good), Ok(good.clone()));
    let bad: [fn(&mut Report); 19] = [
        |report| report.event = EventKind::Cover,
        |report| report.call = String::new(),
        |report| report.participant = "x".repeat(257),
        |report| report.rating = Some(6),
        |report| report.intervals[0].start_us = report.intervals[0].end_us,
        |report| report.intervals[0].start_us = i64::MIN,
        |report| report.event_us = i64::MIN,
        |report| report.intervals[0].packets_received = Some(-1),
        |report| report.intervals[0].stats_id = "x".repeat(257),
        |report| {
            report.event_us = i64::MAX;
            (report.intervals[0].start_us, report.intervals[0].end_us) = (-10, -1);
        },
        |report| report.intervals[0].jitter_us = Some(-1),
        |report| report.intervals[0].packets_lost = Some(i64::MIN),
        |report| {
            report.intervals[0].video =
                Some(Video { freeze_us: Some(i64::MAX), ..Video::default() });
        },
        |report| report.time_to_media_ms = Some(-1),
        |report| report.paths = vec![Path { ice_round_trip_us: Some(-1), ..Path::default() }],
        |report| {
            report.paths = vec![Path::default()];
            report.intervals[0].path = Some(1);
        },
        |report| {
            let address = Some("203.0.113.9".to_owned());
            report.paths = vec![Path { local_candidate_type: address, ..Path::default() }];
        },
        |report| {
            let city = Some("x".repeat(257));
            report.claim = Some(Claim { city, ..Claim::default() });
        },
        |report| report.failure_reason = Some("no route to 203.0.113.9".to_owned()),
    ];
    for (at, spoil) in bad.into_iter().enumerate() {
        let mut report = good.clone();
        spoil(&mut report);
        let is_long = report.participant.len() > 256;
        let wanted = if is_long { Reason::IdTooLong } else { Reason::BadValue };
        assert_eq!(decoded(&report), Err(wanted), "{at}");
    }
    let waited = Report { time_to_media_ms: Some(i64::MAX), ..good.clone() };
    assert_eq!(decoded(&waited), Ok(waited.clone()), "missing, once it is bounded");
    let mut report = good.clone();
    report.intervals = vec![good.intervals[0].clone(); 2049];
    assert_eq!(decoded(&report), Err(Reason::TooLarge));
    let mut payload = schemas::encode(&good).unwrap();
    payload.push(0);
    assert_eq!(reason(&payload), Reason::BadValue);
    payload[4] ^= 1;
    assert_eq!(reason(&payload), Reason::UnknownFormat, "another subject's schema");
}

/// Returns the examples of the page, and one canonical report.
fn examples() -> Vec<Vec<u8>> {
    let blocks = FORMATS.split("-->\n```json\n").skip(1);
    let texts = blocks.map(|block| block.split_once("\n```").unwrap().0);
    let values = texts.flat_map(|text| {
        let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        values.map_while(Result::ok).map(|value| value.to_string().into_bytes())
    });
    values.chain([schemas::encode(&canonical_report()).unwrap()]).collect()
}

proptest! {
    #[test]
    fn damaged_examples_are_taken_or_rejected_without_quoting_them(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), "(s3cr3t|\"s3cr3t\"|null|-1|[\\[\\]{}\",:0-9a-z\\\\]){0,4}", 0_usize..20),
            1..4,
        ),
        content_type in prop::sample::select(vec![
            None, Some(plain::CONTENT_TYPE), Some(client_sample::CONTENT_TYPE),
            Some(callstats::CONTENT_TYPE), Some(canonical::CONTENT_TYPE),
        ]),
    ) {
        let examples = examples();
        let mut payload = examples[which.index(examples.len())].clone();
        for (cut, instead, length) in cuts {
            let from = cut.index(payload.len() + 1);
            let to = (from + length).min(payload.len());
            payload.splice(from..to, instead.into_bytes());
        }
        let source = Source { payload: &payload, content_type, key: Some(b"a/c/p") };
        if let Err(rejected) = decode(source, &Settings::default()) {
            prop_assert!(!rejected.detail.contains(SECRET), "{}", rejected.detail);
        }
    }

    #[test]
    fn any_value_anywhere_in_an_example_is_taken_or_rejected_without_quoting_it(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![
            json!(SECRET), json!([SECRET]), json!({SECRET: SECRET}), json!(-1), json!(1e300),
            json!(true), json!(null), json!([[SECRET, {"type": SECRET}]]), json!({"type": [SECRET]}),
        ]),
    ) {
        fn places(value: &Value, path: String, all: &mut Vec<String>) {
            let members: Vec<(String, &Value)> = match value {
                Value::Object(members) => members.iter().map(|(k, v)| (k.replace('~', "~0").replace('/', "~1"), v)).collect(),
                Value::Array(items) => items.iter().enumerate().map(|(k, v)| (k.to_string(), v)).collect(),
                _ => vec![],
            };
            for (member, value) in members {
                places(value, format!("{path}/{member}"), all);
            }
            all.push(path);
        }
        let mut examples = examples();
        examples.pop();
        let mut example: Value = serde_json::from_slice(&examples[which.index(examples.len())]).unwrap();
        let mut all = Vec::new();
        places(&example, String::new(), &mut all);
        *example.pointer_mut(&all[place.index(all.len())]).unwrap() = value;
        if let Err(rejected) = read_event(&example, "a/c/p", |_| ()) {
            prop_assert!(!rejected.detail.contains(SECRET), "{}", rejected.detail);
        }
    }
}
