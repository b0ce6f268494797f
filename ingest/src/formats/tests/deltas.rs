//! Deltas of recordings that are sent to the raw topic without expansion.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::*;

const FORMATS: &str = include_str!("../../../../docs/reference/formats.md");
/// Output of ObserveRTC's own packages.
const DELTAS: &str = include_str!("../../../../expand/samples/deltas.jsonl");
const PROTOBUF: [&str; 5] = [
    include_str!("../../../../expand/samples/protobuf.txt"),
    include_str!("../../../../expand/samples/protobuf-every.txt"),
    // Files of schema 2; in the second one each sample is of several clients.
    include_str!("../../../../expand/samples/flat.txt"),
    include_str!("../../../../expand/samples/flat-clients.txt"),
    include_str!("../../../../expand/samples/flat-every.txt"),
];

/// Output of its JSON codec for a client without peer connections: nothing changed, not even the
/// time; only the time, the score or application data changed; and only required members.
const UNLISTED: [&str; 5] = [
    r#"{"timestamp":1795328740001,"clientId":"ann-1"}"#,
    r#"{"clientId":"ann-1"}"#,
    r#"{"timestamp":1795328740002,"score":4,"clientId":"ann-1"}"#,
    r#"{"timestamp":1795328740003,"attachments":{"app":"m"},"clientId":"ann-1"}"#,
    r#"{"timestamp":1795328740004}"#,
];

/// Returns the recording `name` of the reference page.
fn recording(name: &str) -> &'static str {
    let (_, rest) = FORMATS.split_once(&format!("<!-- file: {name} -->\n```")).unwrap();
    rest.split_once('\n').unwrap().1.split_once("```\n").unwrap().0
}

fn rejected(payload: &[u8], key: &str) -> Rejected {
    let source = Source { payload, key: Some(key.as_bytes()), content_type: None };
    decode(source, &Settings::default()).unwrap_err()
}

/// Returns pieces of every kind of recording, as they may be sent to the raw topic.
fn pieces() -> Vec<(&'static str, Vec<u8>)> {
    let lines = |text: &'static str| text.lines().map(|line| line.as_bytes().to_vec());
    let of = |kind: &'static str| move |piece: Vec<u8>| (kind, piece);
    let mut pieces = Vec::new();
    // The first one is complete.
    pieces.extend(lines(DELTAS).skip(1).map(of("an ObserveRTC delta")));
    pieces.extend(lines(recording("ann-1.deltas")).skip(1).map(of("an ObserveRTC delta")));
    pieces.extend(UNLISTED.map(|json| ("an ObserveRTC delta of nothing", json.into())));
    let recordings = [recording("ann-1.protobuf"), recording("ann-1.encoder2")];
    for base64 in PROTOBUF.into_iter().chain(recordings).flat_map(str::lines) {
        let bytes = STANDARD.decode(base64).unwrap();
        pieces.push(("protobuf in base64", base64.into()));
        pieces.push(("protobuf in base64 of other letters", URL_SAFE.encode(&bytes).into()));
        pieces.push(("protobuf in base64 unpadded", STANDARD_NO_PAD.encode(&bytes).into()));
        pieces.push(("protobuf in a string", json!(base64).to_string().into()));
        pieces.push(("protobuf in strings", format!("[\n  \"{base64}\",\n  \"\"\n]").into()));
        pieces.push(("protobuf in lines", format!("{base64}\n{base64}\n").into()));
        pieces.push(("protobuf", bytes));
    }
    for name in ["ann-1.rtcstats", "ann-1.jsonl"] {
        pieces.push(("a whole rtcstats dump", recording(name).into()));
        pieces.extend(lines(recording(name)).map(of("a line of an rtcstats dump")));
    }
    let dump: Value = serde_json::from_str(recording("ann-1.json")).unwrap();
    let connection = &dump["PeerConnections"]["12-1"];
    let series = &connection["stats"]["IT01A1997416779-ssrc"];
    for piece in [&dump, &dump["PeerConnections"], connection, &connection["stats"], series] {
        pieces.push(("a piece of a webrtc-internals dump", piece.to_string().into()));
    }
    pieces
}

#[test]
fn a_piece_of_every_recording_is_a_delta_that_replay_expands() {
    let pieces = pieces();
    assert!(pieces.len() > 70, "{}", pieces.len());
    // With and without a key: a delta does not repeat its session.
    for ((kind, piece), key) in pieces.iter().flat_map(|piece| [(piece, ""), (piece, "a/c/p")]) {
        let Rejected { reason, detail } = rejected(piece, key);
        assert_eq!(reason, Reason::Delta, "{kind}: {detail}");
        assert!(detail.contains("expand") && detail.contains("`isobar replay`"), "{detail}");
    }
}

#[test]
fn a_report_without_members_of_the_one_before_is_a_delta() {
    let stream = json!({"id": "A", "type": "inbound-rtp", "timestamp": 1e12, "kind": "audio"});
    let sample = |of: &str, object: Value| {
        json!({"timestamp": 1e12, "clientId": "p", "callId": "c",
               "peerConnections": [{"peerConnectionId": "x", of: [object]}]})
    };
    for record in [
        json!({"call": "c", "participant": "p", "timestamp": 1e12, "report": {"A": stream, "B": {"packetsLost": 4}}}),
        with("report", json!({"A": {"packetsReceived": 1}})),
        sample("inboundRtps", json!({"ssrc": 7, "timestamp": 1e12, "packetsReceived": 9})),
        sample("iceCandidatePairs", json!({"timestamp": 1e12, "responsesReceived": 9})),
    ] {
        let Rejected { reason, detail } = rejected(record.to_string().as_bytes(), "");
        assert_eq!(reason, Reason::Delta, "{detail}");
        assert!(detail.contains("expand") && detail.contains("`isobar replay`"), "{detail}");
    }
}

/// Events are reported completely, and so is their absence.
#[test]
fn a_sample_without_peer_connections_is_whole_if_it_has_a_call() {
    let of = |payload: &str, key: &str| -> Result<_, Rejected> {
        let key = Some(key.as_bytes()).filter(|key| !key.is_empty());
        let source = Source { payload: payload.as_bytes(), key, content_type: None };
        match decode(source, &Settings::default())? {
            Decoded::Event(event) => Ok((event.kind, event.call.into_owned(), event.streams.len())),
            Decoded::Report(report) => panic!("{report:?}"),
        }
    };
    let times = r#""timestamp":1795328740000,"clientId":"ann-1""#;
    let left = r#""clientEvents":[{"type":"CLIENT_LEFT","timestamp":1795328740000}]"#;
    for (members, key, kind) in [
        // As written by the client library, and by the codec at the beginning.
        (r#","callId":"c","peerConnections":[],"clientEvents":[]"#, "", EventKind::Stats),
        (r#","peerConnections":[]"#, "a/c/ann-1", EventKind::Stats),
        (r#","callId":"c""#, "", EventKind::Stats),
        (r#","callId":"c","attachments":{"app":"m"},"score":5,"app":"a""#, "", EventKind::Stats),
        (&format!(r#","callId":"c",{left}"#), "", EventKind::Left),
        (&format!(",{left}"), "a/c/ann-1", EventKind::Left),
        // A sample of schema 2, whose JSON is never a delta.
        (r#","roomId":"c","sampleSeq":3,"browser":{"name":"b"}"#, "", EventKind::Stats),
        (r#","mediaDevices":[{"id":"d"}],"os":{}"#, "a/c/ann-1", EventKind::Stats),
        (
            r#","call":"c","sent_at":1795328740001,"received_at":1795328740009"#,
            "",
            EventKind::Stats,
        ),
    ] {
        let found = of(&format!("{{{times}{members}}}"), key);
        assert_eq!(found, Ok((kind, "c".to_owned(), 0)), "{members}");
    }
    let reason = |members: &str| of(&format!("{{{times}{members}}}"), "").unwrap_err().reason;
    assert_eq!(reason(&format!(",{left}")), Reason::Delta);
    assert_eq!(reason(r#","sampleSeq":3"#), Reason::MissingField, "of no call");
    // With a member that no sample has.
    assert_eq!(reason(r#","callId":"c","other":1"#), Reason::UnknownFormat);
    assert_eq!(reason(r#","other":1"#), Reason::UnknownFormat);
    let no_sample = r#"{"timestamp":1795328740000,"call":"c","participant":"ann-1"}"#;
    assert_eq!(of(no_sample, "").unwrap_err().reason, Reason::UnknownFormat);
}

#[test]
fn garbage_is_not_a_delta() {
    let protobuf = STANDARD.decode(PROTOBUF[0].lines().next().unwrap()).unwrap();
    let cut = &protobuf[..protobuf.len() - 1];
    let more = [&protobuf[..], b"\x0d"].concat();
    let base64 = PROTOBUF[0].lines().next().unwrap();
    let cut_line = recording("ann-1.jsonl").lines().next().unwrap();
    let cut_line = &cut_line.as_bytes()[..cut_line.len() - 1];
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c];
    for (payload, reason) in [
        (&b""[..], Reason::NotJson),
        (b"not a record", Reason::NotJson),
        (b"bm90IGEgcmVjb3JkIGF0IGFsbA==", Reason::NotJson),
        (&base64.as_bytes()[..base64.len() / 2], Reason::NotJson),
        (br#"{"v":1,"event":"joi"#, Reason::NotJson),
        (cut_line, Reason::NotJson),
        (cut, Reason::NotUtf8),
        (&more, Reason::NotUtf8),
        (&gzip, Reason::NotUtf8),
        (b"1\0", Reason::NotJson),
        (b"[1,2,3,4]", Reason::UnknownFormat),
        (br#"["a","b",3]"#, Reason::UnknownFormat),
        (br#"["a","b",3,"4"]"#, Reason::UnknownFormat),
        (br#"["a",["b"],3,4]"#, Reason::UnknownFormat),
        (br#""a string of no samples""#, Reason::UnknownFormat),
        (b"{}", Reason::UnknownFormat),
    ] {
        assert_eq!(rejected(payload, "a/c/p").reason, reason, "{payload:?}");
    }
}

#[test]
fn a_delta_that_is_too_large_or_too_deep_is_that() {
    let line = format!("[\"getstats\",\"PC_0\",{}{},5]", "[".repeat(40), "]".repeat(40));
    assert_eq!(rejected(line.as_bytes(), "").reason, Reason::TooDeep);
    let long = format!("{}\n", PROTOBUF[0].lines().next().unwrap()).repeat(5_000);
    assert_eq!(rejected(long.as_bytes(), "").reason, Reason::TooLarge);
}

/// Generates bytes, most of which resemble fields of protobuf.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let tag = (0_u8..34, prop_oneof![Just(0_u8), Just(1), Just(2)]);
    let field = (tag, prop::collection::vec(any::<u8>(), 0..12));
    let field = field.prop_map(|((number, wire), value)| {
        let mut bytes = match number {
            ..16 => vec![number << 3 | wire],
            _ => vec![(number & 0xf) << 3 | wire | 0x80, number >> 4],
        };
        match wire {
            0 => bytes.push(value.len() as u8),
            1 => bytes.extend((value.len() as u64).to_le_bytes()),
            _ => {
                bytes.push(value.len() as u8);
                bytes.extend(value);
            }
        }
        bytes
    });
    prop::collection::vec(field, 0..12).prop_map(|fields| fields.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Objects of the second kind have no plausible sampling time.
    #[test]
    fn bytes_of_any_kind_are_no_delta(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..600), fields()],
    ) {
        let source = Source { payload: &bytes, ..Source::default() };
        if let Err(rejected) = decode(source, &Settings::default()) {
            prop_assert_ne!(rejected.reason, Reason::Delta);
        }
        let base64 = STANDARD.encode(&bytes);
        let source = Source { payload: base64.as_bytes(), ..Source::default() };
        if let Err(rejected) = decode(source, &Settings::default()) {
            prop_assert_ne!(rejected.reason, Reason::Delta);
        }
    }
}

#[test]
fn a_sample_that_is_cut_off_is_one_only_after_the_members_of_every_sample() {
    let samples = PROTOBUF.into_iter().flat_map(str::lines);
    for sample in samples.map(|base64| STANDARD.decode(base64).unwrap()) {
        let taken = (0..sample.len()).filter(|cut| protobuf::is_sample(&sample[..*cut]));
        // Between its score and the reasons for it, or before both; in schema 2, between the ten
        // members behind its time, or before all.
        assert!(taken.count() <= 10);
    }
}
