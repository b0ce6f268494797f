//! Stats objects as browsers and native SDKs write them.

use super::*;

fn values_of(report: Value, counters: &[Counter]) -> Vec<Vec<Option<i64>>> {
    streams(report, |streams| {
        let values = |stream: &crate::event::Stream<'_>| {
            counters.iter().map(|counter| stream.values.get(*counter)).collect()
        };
        streams.iter().map(values).collect()
    })
}

#[test]
fn a_sender_has_the_values_of_its_media_source() {
    let sender = |kind: &str, source: Value| json!({"type": "outbound-rtp", "kind": kind, "mediaSourceId": source});
    let sources = json!({
        "O1": sender("video", json!("S2")),
        "O2": sender("audio", json!("S3")),
        "I": {"type": "inbound-rtp", "kind": "audio", "mediaSourceId": "S3", "audioLevel": 0.25},
        "S1": {"type": "media-source", "kind": "video", "frames": 1, "framesPerSecond": 1},
        "S2": {"type": "media-source", "kind": "video", "frames": 70, "framesPerSecond": 29.5},
        "S3": {"type": "media-source", "kind": "audio", "audioLevel": 0.5, "totalAudioEnergy": 0.75},
    });
    let counters = [
        Counter::SourceFrames,
        Counter::SourceFrameRate,
        Counter::AudioLevel,
        Counter::AudioEnergy,
    ];
    let wanted = [
        vec![None, None, Some(250_000), None],
        vec![Some(70), Some(29_500_000), None, None],
        vec![None, None, Some(500_000), Some(750_000)],
    ];
    assert_eq!(values_of(sources, &counters), wanted);
}

#[test]
fn a_sender_that_names_no_media_source_has_the_only_one_of_its_kind() {
    let frames = |sources: Value, names: Value| {
        let mut report =
            json!({"O": {"type": "outbound-rtp", "kind": "video", "mediaSourceId": names}});
        report.as_object_mut().unwrap().extend(sources.as_object().unwrap().clone());
        values_of(report, &[Counter::SourceFrames])[0][0]
    };
    let source = |kind: &str| json!({"type": "media-source", "kind": kind, "frames": 9});
    let one = json!({"A": source("audio"), "V": source("video")});
    let two = json!({"V": source("video"), "W": source("video")});
    assert_eq!(frames(one.clone(), json!(null)), Some(9));
    assert_eq!(frames(two, json!(null)), None);
    assert_eq!(frames(one, json!("gone")), None, "it names another one");
}

/// Returns the pair of each stream's path, by the ids of the stats objects.
fn paths(report: Value) -> Vec<(String, Option<String>)> {
    decoded(&with("report", report), |event| {
        let pair = |at: usize| event.pairs[at].stats_id.to_string();
        let path = |stream: &crate::event::Stream<'_>| {
            (stream.stats_id.to_string(), stream.path.map(pair))
        };
        event.streams.iter().map(path).collect()
    })
    .unwrap()
}

/// Returns an object of a report, with further members.
fn object(of: &str, more: Value) -> Value {
    let mut object = json!({"type": of});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[test]
fn a_stream_has_the_path_of_its_own_transport() {
    let stream = |transport: Value| {
        object("inbound-rtp", json!({"kind": "audio", "transportId": transport}))
    };
    let transport = |pair: &str| object("transport", json!({"selectedCandidatePairId": pair}));
    let pair = |transport: Value| {
        let more = json!({"transportId": transport, "nominated": true, "state": "succeeded"});
        object("candidate-pair", more)
    };
    let of = |paths: &[(&str, Option<&str>)]| {
        paths
            .iter()
            .map(|(id, pair)| ((*id).to_owned(), pair.map(str::to_owned)))
            .collect::<Vec<_>>()
    };
    let unbundled = json!({
        "a": stream(json!("T1")), "v": stream(json!("T2")), "x": stream(json!("T3")), "y": stream(json!(null)),
        "T1": transport("P1"), "T2": transport("P2"), "P1": pair(json!("T1")), "P2": pair(json!("T2")),
    });
    let wanted = [("a", Some("P1")), ("v", Some("P2")), ("x", None), ("y", None)];
    assert_eq!(paths(unbundled), of(&wanted));
    let marked = |transport: &str| {
        object("candidate-pair", json!({"transportId": transport, "selected": true}))
    };
    let firefox = json!({
        "a": stream(json!("0")), "v": stream(json!("1")),
        "P0": pair(json!("0")), "P1": marked("0"), "P2": marked("1"),
    });
    assert_eq!(paths(firefox), of(&[("a", Some("P1")), ("v", Some("P2"))]));
    for one in [
        json!({"a": stream(json!("T1")), "b": stream(json!(null)), "P1": pair(json!(null))}),
        json!({"a": stream(json!("T1")), "b": stream(json!(null)), "T1": transport("P1"), "P1": pair(json!(null))}),
    ] {
        assert_eq!(paths(one), of(&[("a", Some("P1")), ("b", Some("P1"))]));
    }
}

#[test]
fn no_more_paths_are_read_than_a_connection_has_transports() {
    let mut report = json!({});
    for n in 0..200 {
        let transport = object("transport", json!({"selectedCandidatePairId": format!("P{n:03}")}));
        report[format!("T{n:03}")] = transport;
        report[format!("P{n:03}")] = object("candidate-pair", json!({}));
    }
    let found = decoded(&with("report", report), |event| event.pairs.len()).unwrap();
    assert_eq!(found, 64);
}

#[test]
fn the_url_of_a_relay_candidate_has_the_hop_where_relay_protocol_does_not() {
    let hop = |url: Value, relay_protocol: Value| {
        let report = json!({
            "P": object("candidate-pair", json!({"selected": true, "localCandidateId": "L"})),
            "L": object("local-candidate", json!({
                "candidateType": "relay", "protocol": "udp", "url": url, "relayProtocol": relay_protocol,
            })),
        });
        let hop = |event: Event<'_>| event.pairs[0].relay_protocol.as_deref().map(str::to_owned);
        decoded(&with("report", report), hop).unwrap()
    };
    for (url, wanted) in [
        ("turns:turn.example.org:443?transport=tcp", Some("tls")),
        ("TURNS:turn.example.org", Some("tls")),
        ("turn:192.0.2.1:3478?transport=tcp", Some("tcp")),
        ("turn:turn.example.org?transport=UDP", Some("udp")),
        ("turn:[2001:db8::1]:3478", Some("udp")),
        ("turn:turn.example.org?transport=sctp", None),
        ("stun:stun.example.org", None),
        ("turn.example.org", None),
    ] {
        assert_eq!(hop(json!(url), json!(null)).as_deref(), wanted, "{url}");
    }
    let reported = hop(json!("turn:a"), json!("tls"));
    assert_eq!(reported.as_deref(), Some("tls"), "relayProtocol wins");
}

/// Returns the error for a report, in every wrapping.
fn refusal(report: &Value) -> Rejected {
    let wrapped = json!({"call": "c", "participant": "p", "timestamp": 1, "stats": report});
    let of_wrapped = taken(&wrapped).unwrap_err();
    assert_eq!(taken(&with("report", report.clone())), Err(of_wrapped.clone()));
    of_wrapped
}

#[test]
fn a_report_without_any_stats_object_is_refused_with_advice() {
    for report in [
        json!({}),
        json!([]),
        json!({"size": 12}),
        json!({"a": {"type": "nonsense"}, "b": {"type": "things"}}),
        json!([["a", {"type": "nonsense"}]]),
        json!({"statsMap": {}, "timestampUs": 1}),
    ] {
        let rejected = refusal(&report);
        assert_eq!(rejected.reason, Reason::EmptyReport, "{report}");
        assert!(rejected.detail.contains("Object.fromEntries(report)"), "{}", rejected.detail);
    }
    // Before there are streams, a browser reports only these.
    for of in ["peer-connection", "certificate", "data-channel", "codec", "media-source"] {
        assert_eq!(taken(&with("report", json!({"a": {"type": of}}))), Ok(()), "{of}");
    }
    assert_eq!(refusal(&json!("{\"a\": {}}")).reason, Reason::BadValue);
}

#[test]
fn native_sdks_write_the_same_in_other_shapes() {
    let us = 1_756_000_009_000_000_i64;
    let members = json!({"kind": "video", "ssrc": "77", "bytesSent": "900", "framesEncoded": 30});
    let list: Vec<Value> =
        members.as_object().unwrap().iter().map(|(name, value)| json!({name: value})).collect();
    let java = json!({"timestampUs": us, "statsMap": {
        "O": {"timestampUs": us, "type": "outbound-rtp", "id": "O", "members": members}}});
    let objective_c = json!({"timestamp_us": us, "statistics": {
        "O": {"timestamp_us": us, "type": "outbound-rtp", "id": "O", "values": members}}});
    let flutter = json!([{"id": "O", "timestamp": us, "type": "outbound-rtp", "values": members}]);
    let react = json!([{"id": "O", "timestamp": us, "type": "outbound-rtp", "values": list}]);
    let mut spelled = members.clone();
    spelled["timestamp"] = json!(us);
    let spelled = |of: &str| {
        let mut object = spelled.clone();
        (object["type"], object["id"]) = (json!(of), json!("O"));
        json!([object])
    };
    let all = [java, objective_c, flutter, react];
    let spellings = ["outboundrtp", "outboundRtp", "OUTBOUND_RTP", "outbound_rtp"];
    for report in all.into_iter().chain(spellings.map(spelled)) {
        streams(report.clone(), |streams| {
            let [stream] = streams else { panic!("{report}") };
            assert_eq!((&*stream.stats_id, stream.ssrc), ("O", 77), "{report}");
            assert_eq!((stream.kind, stream.client_us), (Kind::Video, us), "{report}");
            let values = [Counter::Bytes, Counter::Frames].map(|of| stream.values.get(of));
            assert_eq!(values, [Some(900), Some(30)], "{report}");
        });
    }
}

#[test]
fn a_stream_without_id_is_named_by_its_ssrc_and_a_pair_by_its_candidates() {
    let report = json!([
        {"type": "inbound-rtp", "kind": "audio", "ssrc": 7},
        {"type": "inbound-rtp", "kind": "video", "ssrc": 8},
        {"type": "candidatePair", "nominated": "true", "state": "succeeded",
         "localCandidateId": "L", "remoteCandidateId": "R"},
        {"type": "localCandidate", "id": "L", "candidateType": "host"},
    ]);
    decoded(&with("report", report), |event| {
        let ids = event.streams.iter().map(|stream| stream.stats_id.to_string());
        assert_eq!(ids.collect::<Vec<_>>(), ["7", "8"]);
        let [pair] = &event.pairs[..] else { panic!("{:?}", event.pairs) };
        assert_eq!((&*pair.stats_id, pair.local_candidate_type.as_deref()), ("L/R", Some("host")));
    })
    .unwrap();
    let nameless = json!([{"type": "inbound-rtp", "kind": "audio"}]);
    assert_eq!(refusal(&nameless).reason, Reason::BadValue);
}

#[test]
fn frames_that_are_not_decoded_are_missing() {
    let is_uncoded = |kind: &str, of: &str, more: Value| {
        let mut object = json!({"type": of, "kind": kind, "ssrc": 1});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        streams(json!({"a": object}), |streams| streams[0].is_uncoded)
    };
    let sfu = json!({"packetsReceived": 900, "framesDecoded": 0, "totalDecodeTime": 0});
    assert!(is_uncoded("video", "inbound-rtp", sfu.clone()));
    assert!(!is_uncoded("audio", "inbound-rtp", sfu));
    assert!(is_uncoded("video", "outbound-rtp", json!({"packetsSent": 900, "framesEncoded": 0})));
    for decodes in [
        json!({"packetsReceived": 900, "framesDecoded": 1}),
        json!({"packetsReceived": 900, "framesDecoded": 0, "totalDecodeTime": 0.004}),
        json!({"packetsReceived": 900, "framesDecoded": 0, "framesReceived": 12}),
        json!({"packetsReceived": 0, "framesDecoded": 0}),
    ] {
        assert!(!is_uncoded("video", "inbound-rtp", decodes.clone()), "{decodes}");
    }
    let audio = |packets: i64, samples: i64| {
        let counts = json!({"packetsReceived": packets, "totalSamplesReceived": samples});
        is_uncoded("audio", "inbound-rtp", counts)
    };
    assert!(audio(500, 0), "a bot that does not decode");
    assert!(!audio(500, 480) && !audio(0, 0));
}

#[test]
fn only_specified_names_of_types_states_and_networks_are_read() {
    let reported = |value: &str| {
        let report = json!({
            "t": {"type": "transport", "selectedCandidatePairId": "P", "iceState": value, "dtlsState": value},
            "P": {"type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "L"},
            "L": {"type": "local-candidate", "candidateType": value, "protocol": value,
                  "relayProtocol": value, "networkType": value},
            "I": {"type": "inbound-rtp", "kind": "audio", "codecId": "C"},
            "C": {"type": "codec", "mimeType": value},
        });
        decoded(&with("report", report), |event| {
            let pair = &event.pairs[0];
            let texts = [
                &pair.local_candidate_type,
                &pair.remote_candidate_type,
                &pair.protocol,
                &pair.relay_protocol,
                &pair.network_type,
                &pair.ice_state,
                &pair.dtls_state,
                &event.streams[0].codec,
            ];
            let reported = texts.into_iter().flatten();
            reported.map(ToString::to_string).collect::<std::collections::BTreeSet<_>>()
        })
        .unwrap()
    };
    for (value, wanted) in [
        ("Relay", Some("relay")),
        ("serverreflexive", Some("srflx")),
        ("UDP", Some("udp")),
        ("wifi", Some("wifi")),
        ("connected", Some("connected")),
        ("audio/opus", Some("audio/opus")),
        ("AnnExample", None),
        ("text/AnnExample", None),
        ("203.0.113.9", None),
    ] {
        let reported = reported(value);
        assert_eq!(reported.iter().map(String::as_str).collect::<Vec<_>>(), Vec::from_iter(wanted));
    }
}

#[test]
fn a_number_names_the_same_as_its_digits() {
    let session = |id: Value| {
        let mut envelope = with("call", id.clone());
        (envelope["participant"], envelope["peer_connection"]) = (id.clone(), id.clone());
        let of_envelope = decoded(&envelope, |event| {
            [event.call, event.participant, event.peer_connection].map(String::from)
        });
        let wrapped = json!({"app": "a", "roomId": id, "userId": id, "pc": id, "timestamp": 1,
                             "stats": example()["report"]});
        let of_wrapped = decoded(&wrapped, |event| {
            [event.call, event.participant, event.peer_connection].map(String::from)
        });
        assert_eq!(of_envelope.is_ok(), of_wrapped.is_ok());
        of_envelope.inspect(|names| assert_eq!(of_wrapped.as_ref(), Ok(names)))
    };
    for (id, name) in [
        (json!(77), "77"),
        (json!("77"), "77"),
        (json!(-5), "-5"),
        (json!(77.0), "77"),
        (json!(1_234_567_890_123_456_789_u64), "1234567890123456789"),
        (json!(u64::MAX), "18446744073709551615"),
    ] {
        assert_eq!(session(id), Ok([name, name, name].map(str::to_owned)));
    }
    for id in [json!(7.5), json!(1e300), json!(true), json!([7])] {
        assert_eq!(session(id.clone()).unwrap_err().reason, Reason::BadValue, "{id}");
    }
}

#[test]
fn an_id_that_is_too_long_has_a_reason_of_its_own() {
    for field in ["app", "call", "participant"] {
        let rejected = taken(&with(field, json!("x".repeat(257)))).unwrap_err();
        assert_eq!(rejected.reason, Reason::IdTooLong, "{field}");
        assert!(rejected.detail.starts_with(field), "{}", rejected.detail);
        assert_eq!(taken(&with(field, json!("x".repeat(256)))), Ok(()));
    }
}

#[test]
fn a_text_that_is_not_a_code_is_hashed() {
    let names = |name: &str| {
        let mut envelope = example();
        for member in ["peer_connection", "edge", "client_version"] {
            envelope[member] = json!(name);
        }
        envelope["report"] = json!({name: {"type": "inbound-rtp", "kind": "audio"}});
        decoded(&envelope, |event| {
            let reported =
                [event.edge.unwrap(), event.client_version.unwrap(), event.peer_connection];
            let reported = reported.map(String::from);
            assert!(reported.iter().all(|name| *name == reported[0]));
            assert_eq!(event.streams[0].stats_id, reported[0]);
            reported[0].clone()
        })
        .unwrap()
    };
    assert_eq!(names("sfu-3.eu-west/2"), "sfu-3.eu-west/2");
    let (ann, bob) = (names("Ann's phone"), names("Bob's phone"));
    assert!(ann != bob && ann.starts_with("h-") && ann.len() == 18, "{ann} {bob}");
}

#[test]
fn the_kind_of_a_stream_is_inferred_where_it_is_unambiguous() {
    let kind = |stream: Value, others: Value| {
        let mut report =
            json!({"x": object("inbound-rtp", json!({"ssrc": 5, "packetsReceived": 9}))});
        report["x"].as_object_mut().unwrap().extend(stream.as_object().unwrap().clone());
        report.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
        streams(report, |streams| streams[0].kind)
    };
    let alone = |stream: Value| kind(stream, json!({}));
    for named in ["mediaType", "kind"] {
        assert_eq!(alone(json!({named: "video"})), Kind::Video);
        assert_eq!(alone(json!({named: "Audio"})), Kind::Audio);
    }
    for member in ["framesDecoded", "frameWidth", "pliCount", "freezeCount", "keyFramesDecoded"] {
        assert_eq!(alone(json!({member: 3})), Kind::Video, "{member}");
        assert_eq!(alone(json!({member: 0})), Kind::Video, "{member}");
    }
    for member in ["totalSamplesReceived", "audioLevel", "concealedSamples", "totalAudioEnergy"] {
        assert_eq!(alone(json!({member: 0.5})), Kind::Audio, "{member}");
        assert_eq!(alone(json!({member: 0})), Kind::Audio, "{member}");
    }
    assert_eq!(alone(json!({"framesDecoded": 0, "totalSamplesReceived": 7})), Kind::Audio);
    assert_eq!(alone(json!({"framesDecoded": 7, "totalSamplesReceived": 0})), Kind::Video);
    let codec = json!({"c": {"type": "codec", "mimeType": "audio/opus"}});
    assert_eq!(kind(json!({"codecId": "c"}), codec), Kind::Audio);
    let track = json!({"t": {"type": "track", "kind": "video"}});
    assert_eq!(kind(json!({"trackId": "t"}), track), Kind::Video);
    let far = json!({"r": {"type": "remote-outbound-rtp", "ssrc": 5, "kind": "audio"}});
    assert_eq!(kind(json!({}), far), Kind::Audio);
    for unclear in [
        json!({}),
        json!({"kind": "data"}),
        json!({"framesDecoded": 7, "totalSamplesReceived": 7}),
        json!({"framesDecoded": 0, "totalSamplesReceived": 0}),
    ] {
        assert_eq!(alone(unclear.clone()), Kind::None, "{unclear}");
    }
}
