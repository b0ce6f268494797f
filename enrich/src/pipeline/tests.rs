#![allow(clippy::unwrap_used, clippy::panic)]

use prometheus::{Registry, TextEncoder};
use schemas::{
    DeadLetter, Direction, Interval, Kind, Lineage, RawOutcome, Skipped, UNKNOWN, Verdict,
};
use service::{AppendTime, Input, Offset, Partition, Problems, Recorder};

use super::*;
use crate::geo::ProviderFile;
use crate::place;

const SOURCE: Source = Source { input: Input(0), partition: Partition(3) };
const CSV: &str = "81.254.3.0,81.254.3.255,64500,Example\n";

/// Returns a pipeline without city data, with one network in its ASN data.
fn pipeline(registry: &Registry) -> Pipeline {
    let settings = EnrichSettings::default();
    let tables = settings.open(&mut Problems::default()).unwrap();
    let csv = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(csv.path(), CSV).unwrap();
    let asn = vec![Arc::new(ProviderFile::open(csv.path()).unwrap())];
    let metrics = Metrics::new(registry).unwrap();
    let locator = Locator::new(Geo { asn, ..Geo::default() }, &settings, metrics.clone());
    let (scores, devices) = (tables.scores, Devices::new().unwrap());
    Pipeline::new(locator, scores, devices, &settings, metrics, "reports".to_owned())
}

fn run(pipeline: &mut Pipeline, payload: &[u8]) -> Recorder {
    let mut out = Recorder::default();
    out.assign(SOURCE);
    let record = Record {
        source: SOURCE,
        offset: Offset(41),
        appended: AppendTime(1_756_000_000_000),
        key: Some(b"app/call/ann"),
        content_type: None,
        payload,
        look_back: false,
    };
    pipeline.record(&record, &mut out).unwrap();
    out
}

fn enriched(report: &Report) -> EnrichedReport {
    let out = run(&mut pipeline(&Registry::new()), &schemas::encode(report).unwrap());
    assert_eq!(
        (out.sent.len(), out.sent[0].topic, out.sent[0].source),
        (1, Topic::Enriched, SOURCE)
    );
    assert_eq!(out.sent[0].key.as_deref(), Some(b"app/call/ann".as_slice()));
    schemas::decode(&out.sent[0].payload).unwrap()
}

fn report() -> Report {
    Report {
        lineage: Lineage {
            raw_partition: 3,
            raw_from: 7,
            raw_to: 9,
            raw_append_ms: 1_756_000_000_000,
            skipped: vec![Skipped { from: 7, count: 2, outcome: RawOutcome::Duplicate }],
        },
        event: EventKind::Stats,
        app: "app".to_owned(),
        call: "call".to_owned(),
        participant: "ann".to_owned(),
        peer_connection: "pc-0".to_owned(),
        event_us: 1_756_000_000_000_000,
        client_address: Some("81.254.3.77".to_owned()),
        edge: Some("fra1".to_owned()),
        user_agent: Some(
            "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0".to_owned(),
        ),
        paths: vec![Path {
            local_candidate_type: Some("relay".to_owned()),
            protocol: Some("udp".to_owned()),
            relay_protocol: Some("TLS".to_owned()),
            network_type: Some("WiFi".to_owned()),
            ice_round_trip_us: Some(80_000),
            ice_round_trip_count: Some(1),
            ..Path::default()
        }],
        intervals: vec![interval(Kind::Audio), interval(Kind::Video)],
        ..Report::default()
    }
}

fn interval(kind: Kind) -> Interval {
    Interval {
        kind,
        direction: Direction::Inbound,
        path: Some(0),
        end_us: 10_000_000,
        stream_packets: Some(600),
        packets_received: Some(80),
        packets_lost: Some(20),
        ..Interval::default()
    }
}

#[test]
fn a_report_is_enriched_with_all_look_ups() {
    let report = report();
    let enriched = enriched(&report);
    assert_eq!(enriched.lineage, report.lineage);
    let paths: Vec<_> = enriched.paths.iter().map(|enriched| enriched.path.clone()).collect();
    assert_eq!(paths, report.paths);
    assert_eq!(enriched.network, "81.254.3.0/24");
    assert_eq!(enriched.provider.organisation, "Example");
    assert_eq!(enriched.provider.asn, 64500);
    assert_eq!(enriched.place, place::unknown_place());
    assert_eq!(enriched.device.browser, "Firefox");
    assert_eq!((enriched.edge.as_str(), enriched.client_version.as_str()), ("fra1", UNKNOWN));
    assert_eq!(enriched.network_type, "wifi");
    assert_eq!(enriched.transport, "relay-tls");
    let kept = enriched.intervals.iter().map(|scored| scored.interval.clone());
    assert_eq!(kept.collect::<Vec<_>>(), report.intervals);
    let [audio, video] = enriched.intervals.as_slice() else { panic!("two intervals") };
    for scored in [audio, video] {
        let verdicts = scored.verdicts.iter().map(|judged| judged.verdict);
        assert_eq!(verdicts.take(1).collect::<Vec<_>>(), [Verdict::Poor]);
        assert_eq!(scored.verdicts.len(), enriched.look_ups.packs.len());
        assert_eq!(scored.verdicts[0].reason.as_deref(), Some("loss"));
    }
    assert!(audio.audio_mos_milli.is_some() && video.audio_mos_milli.is_none());
}

#[test]
fn the_client_address_goes_no_further() {
    for (address, host) in
        [("81.254.3.77", "3.77"), ("::ffff:81.254.3.77", "3.77"), ("not-an-address", "an-address")]
    {
        let report = Report { client_address: Some(address.to_owned()), ..report() };
        let out = run(&mut pipeline(&Registry::new()), &schemas::encode(&report).unwrap());
        let text = String::from_utf8_lossy(&out.sent[0].payload);
        assert!(!text.contains(host), "{address}");
    }
}

#[test]
fn a_claim_is_used_and_marked_where_the_address_has_no_place() {
    let claim = Claim {
        country: Some("DE".to_owned()),
        subdivision: Some("BE".to_owned()),
        asn: Some(3320),
        organisation: Some("Deutsche Telekom".to_owned()),
        ..Claim::default()
    };
    let of = |address: Option<&str>, claim: Option<&Claim>| {
        let client_address = address.map(str::to_owned);
        let enriched = enriched(&Report { client_address, claim: claim.cloned(), ..report() });
        (enriched.place.subdivision, enriched.provider.asn, enriched.place_source)
    };
    for address in [None, Some("0.0.0.0"), Some("::"), Some("redacted"), Some("a.local")] {
        let claimed = ("DE-BE".to_owned(), 3320, PlaceSource::Claimed);
        assert_eq!(of(address, Some(&claim)), claimed, "{address:?}");
        let unknown = (UNKNOWN.to_owned(), 0, PlaceSource::Unknown);
        assert_eq!(of(address, None), unknown, "{address:?}");
        assert_eq!(of(address, Some(&Claim::default())), unknown, "{address:?}");
    }
    let known = (UNKNOWN.to_owned(), 64_500, PlaceSource::Address);
    assert_eq!(of(Some("81.254.3.77"), Some(&claim)), known);
    let elsewhere = (UNKNOWN.to_owned(), 0, PlaceSource::Unknown);
    assert_eq!(of(Some("81.254.4.77"), Some(&claim)), elsewhere, "public, but not in any file");
}

#[test]
fn without_address_user_agent_and_path_everything_is_unknown() {
    let bare = Report {
        client_address: None,
        user_agent: None,
        paths: Vec::new(),
        edge: Some(String::new()),
        ..report()
    };
    let enriched = enriched(&bare);
    assert_eq!(enriched.network, "");
    assert_eq!(
        (enriched.place, enriched.provider),
        (place::unknown_place(), place::unknown_provider())
    );
    assert_eq!(enriched.device, device::unknown());
    let dimensions = [&enriched.network_type, &enriched.transport, &enriched.edge];
    assert_eq!(dimensions, [UNKNOWN; 3]);
}

#[test]
fn every_report_names_the_versions_of_its_look_up_data() {
    let look_ups = enriched(&report()).look_ups;
    assert_eq!(look_ups.city, "");
    assert!(look_ups.asn.contains('@'), "{}", look_ups.asn);
    assert_eq!(look_ups.user_agent, "uap-core@0.18.0+2");
    assert_eq!(
        look_ups.packs,
        ["comparable@1", "teams-cqd@3", "twilio@1", "e-model-bands@1", "aim-rtc@1"]
    );
    assert_eq!(look_ups.score, "e-model@3,rtcscore-video@1");
}

#[test]
fn a_covering_report_passes_with_its_lineage_alone() {
    let cover = Report { lineage: report().lineage, ..Report::default() };
    let expected = EnrichedReport { lineage: cover.lineage.clone(), ..EnrichedReport::default() };
    assert_eq!(enriched(&cover), expected);
}

#[test]
fn transport_is_the_relays_protocol_or_the_candidates_own() {
    let path = |candidate: &str, protocol: Option<&str>, relay: Option<&str>| Path {
        local_candidate_type: Some(candidate.to_owned()),
        protocol: protocol.map(str::to_owned),
        relay_protocol: relay.map(str::to_owned),
        ..Path::default()
    };
    for (path, expected) in [
        (path("relay", Some("udp"), Some("tcp")), "relay-tcp"),
        (path("relay", Some("udp"), None), "relay-unknown"),
        (path("srflx", Some("UDP"), None), "udp"),
        (path("host", None, None), UNKNOWN),
    ] {
        let mut transport = "value of another report".to_owned();
        set_transport(&path, &mut transport);
        assert_eq!(transport, expected);
    }
}

#[test]
fn earlier_records_do_not_affect_later_ones() {
    let whole = schemas::encode(&report()).unwrap();
    let least = Report { event: EventKind::Joined, ..Report::default() };
    let least = schemas::encode(&least).unwrap();
    let cover = schemas::encode(&Report::default()).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    // Each pipeline has its own file, whose name is reported.
    let reported = |out: &Recorder| {
        let enriched = schemas::decode::<EnrichedReport>(&out.sent[0].payload);
        enriched.ok().map(|enriched| EnrichedReport { look_ups: LookUps::default(), ..enriched })
    };
    let mut used = pipeline(&Registry::new());
    for payload in [&whole, &least, &whole, &cover, &least, &cut, &least, &whole, &cut, &cover] {
        let (out, fresh) = (run(&mut used, payload), run(&mut pipeline(&Registry::new()), payload));
        assert_eq!(reported(&out).is_some(), payload != &cut);
        assert_eq!(reported(&out), reported(&fresh));
    }
}

#[test]
fn a_record_is_committed_only_after_its_output_is_acknowledged() {
    for payload in [schemas::encode(&report()).unwrap(), b"broken".to_vec()] {
        let mut out = run(&mut pipeline(&Registry::new()), &payload);
        assert_eq!(out.take_commits(), []);
        out.acknowledge();
        let offsets = out.take_commits().into_iter().map(|commit| commit.offset);
        assert_eq!(offsets.collect::<Vec<_>>(), [Offset(42)]);
    }
}

#[test]
fn an_unreadable_report_is_dead_lettered_with_its_bytes_and_reason() {
    let mut cut = schemas::encode(&report()).unwrap();
    cut.truncate(40);
    let mut long = schemas::encode(&report()).unwrap();
    long.extend([0; 3]);
    let other = schemas::encode(&EnrichedReport::default()).unwrap();
    for (payload, detail) in [
        (Vec::new(), "not in Confluent framing"),
        (cut, "report: the datum does not follow its schema"),
        (long, "report: 3 bytes left after the datum"),
        (other, "schema id 201 is not a version of report"),
    ] {
        let out = run(&mut pipeline(&Registry::new()), &payload);
        assert_eq!((out.sent.len(), out.sent[0].topic), (1, Topic::DeadLetters));
        let letter: DeadLetter = schemas::decode(&out.sent[0].payload).unwrap();
        assert_eq!((letter.stage.as_str(), letter.reason.as_str()), ("enrich", "undecodable"));
        assert!(letter.detail.starts_with(detail), "{}", letter.detail);
        assert_eq!((letter.source_topic.as_str(), letter.source_partition), ("reports", 3));
        assert_eq!((letter.source_offset, letter.payload), (41, payload));
    }
}

#[test]
fn the_names_of_the_metrics_stay() {
    let registry = Registry::new();
    let mut pipeline = pipeline(&registry);
    for payload in [
        schemas::encode(&report()).unwrap(),
        schemas::encode(&report()).unwrap(),
        schemas::encode(&Report::default()).unwrap(),
        Vec::new(),
    ] {
        run(&mut pipeline, &payload);
    }
    let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    let shown = |line: &&str| !line.starts_with('#') && !line.ends_with(" 0");
    let samples = text.lines().filter(shown).collect::<Vec<_>>();
    assert_eq!(
        samples,
        [
            "isobar_enrich_addresses_total{kind=\"public\"} 2",
            "isobar_enrich_covers_total 1",
            "isobar_enrich_dead_letters_total{reason=\"undecodable\"} 1",
            "isobar_enrich_look_ups_total{outcome=\"found\",table=\"asn\"} 1",
            "isobar_enrich_look_ups_total{outcome=\"not_found\",table=\"city\"} 1",
            "isobar_enrich_reports_total 2",
        ]
    );
}
