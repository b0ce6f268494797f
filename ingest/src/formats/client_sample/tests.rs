#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use super::connections::MAX_CONNECTIONS;
use super::*;
use crate::formats::get_stats::{Found, GetStats, MAX_OBJECTS};

const HEAD: &str = r#"{"timestamp":1756000000000,"callId":"c","clientId":"p","#;

/// Returns a sample of 1 MiB, filled with items between `before` and `after`. A # in an item is
/// replaced by its number.
fn flooded(before: &str, item: &str, after: &str) -> String {
    let mut sample = format!("{HEAD}{before}{item}");
    for number in 1.. {
        let next = item.replace('#', &number.to_string());
        if sample.len() + next.len() + after.len() + 2 > 1 << 20 {
            break;
        }
        sample.push(',');
        sample.push_str(&next);
    }
    sample + after + "}"
}

fn refused(sample: &str) -> Rejected {
    let started = Instant::now();
    let refused = decode(sample, Source::default(), &Settings::default()).map(|_| ()).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    refused
}

#[test]
fn a_sample_that_is_nothing_but_a_long_list_is_refused_at_once() {
    let named = r##"{"peerConnectionId":"#"}"##;
    let connections = "more than 256 peer connections";
    let objects = "report: more than 16384 stats objects";
    let cases = [
        (r#""peerConnections":["#, "0", "]", connections),
        (r#""peerConnections":["#, "{}", "]", connections),
        (r#""peerConnections":[{"codecs":["#, "{}", "]}]", objects),
        (r#""inboundAudioTracks":["#, "{}", "]", objects),
        (r#""iceCandidatePairs":["#, named, "]", connections),
        (r#""clientEvents":["#, "0", "]", "clientEvents: more than 4096 items"),
        (r#""customCallEvents":["#, named, "]", "clientEvents: more than 4096 items"),
        (r#""clientIssues":["#, "0", "]", "clientIssues: more than 4096 items"),
        (r#""clientMetaItems":["#, "{}", "]", "clientMetaItems: more than 4096 items"),
        (r#""userMediaErrors":["#, "0", "]", "userMediaErrors: more than 4096 items"),
    ];
    for (before, item, after, detail) in cases {
        let rejected = refused(&flooded(before, item, after));
        assert_eq!(rejected, Rejected::new(Reason::TooLarge, detail), "{before}");
    }
}

#[test]
fn refused_samples_use_little_memory() {
    let objects = |connections: &Connections<'_>| {
        connections.0.iter().map(|connection| connection.found.objects.len()).sum::<usize>()
    };
    let scalars = flooded(r#""peerConnections":["#, "0", "]");
    let Sample { peer_connections, .. } = serde_json::from_str(&scalars).unwrap();
    assert_eq!(peer_connections.0.len(), MAX_CONNECTIONS + 1);
    // Spread over connections that are each within the limit.
    let many = format!(r#"{{"codecs":[{}]}}"#, vec!["{}"; 10_000].join(","));
    let spread = flooded(r#""peerConnections":["#, &many, "]");
    let Sample { peer_connections, .. } = serde_json::from_str(&spread).unwrap();
    assert_eq!(objects(&peer_connections), 20_000);
    // Each track counts twice: once for each end.
    let tracks = flooded(r#""inboundAudioTracks":["#, "{}", "]");
    assert_eq!(objects(&flat::connections(&tracks).unwrap()), 2 * (MAX_OBJECTS + 1));
    let report = format!("[{}]", vec![r#"{"type":"codec"}"#; 60_000].join(","));
    let GetStats::Found(Found { objects, .. }) = serde_json::from_str(&report).unwrap() else {
        panic!()
    };
    assert_eq!(objects.len(), MAX_OBJECTS + 1);
}

#[test]
fn streams_count_over_all_peer_connections_of_a_sample() {
    let sample = |streams: usize| {
        let stream = |number| format!(r#"{{"id":"{number}","kind":"audio","ssrc":{number}}}"#);
        let streams = (1..=streams).map(stream).collect::<Vec<_>>().join(",");
        let connection = format!(r#"{{"inboundRtps":[{streams}]}}"#);
        format!(r#"{HEAD}"app":"a","peerConnections":[{connection},{connection}]}}"#)
    };
    let taken = sample(256);
    let event = decode(&taken, Source::default(), &Settings::default()).unwrap();
    assert_eq!((event.streams.len(), event.more[0].streams.len()), (256, 256));
    let detail = "report: more than 512 streams of one type";
    assert_eq!(refused(&sample(257)), Rejected::new(Reason::TooLarge, detail));
}
