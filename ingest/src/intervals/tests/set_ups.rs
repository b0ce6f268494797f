//! Attempts of participants with several peer connections.

use schemas::Correction;

use super::*;
use crate::intervals::NewContent;

/// Returns an event of a peer connection at a second, with the seconds that it took to connect.
fn at(s: i64, connection: &'static str, kind: EventKind, took_s: Option<i64>) -> Event<'static> {
    Event {
        kind,
        client_us: s * 1_000_000,
        peer_connection: Cow::Borrowed(connection),
        time_to_connect_ms: took_s.map(|s| s * 1000),
        ..stats(vec![])
    }
}

/// Returns the attempts and failed attempts of a log of events, each reported immediately, and the
/// times of attempts that were subtracted, s.
fn attempts(events: &[Event<'static>]) -> (i64, i64, Vec<i64>) {
    let appended =
        |event: &Event<'static>| Appended { at_ms: event.client_us / 1000, event: event.clone() };
    let log = events.iter().map(appended).collect::<Vec<_>>();
    let (mut attempted, mut failed, mut back) = (0, 0, Vec::new());
    for observed in run(&mut Engine::new(HORIZON_MS), &log) {
        let Observed::New(NewContent { event, corrections, .. }) = observed else { continue };
        attempted += i64::from(matches!(event, EventKind::Connected | EventKind::Failed));
        failed += i64::from(event == EventKind::Failed);
        for Correction { at_us, attempted: less, failed: fewer } in corrections {
            (attempted, failed) = (attempted + less, failed + fewer);
            back.push(at_us / 1_000_000);
        }
    }
    (attempted, failed, back)
}

use EventKind::{Connected, Disconnected, Failed, Joined, Left};

#[test]
fn a_connection_that_fails_beside_one_that_works_is_no_failed_attempt() {
    let (works, fails) = (at(2, "bridge", Connected, Some(1)), at(17, "peer", Failed, None));
    assert_eq!(attempts(&[works.clone(), fails.clone()]), (1, 0, vec![17]));
    let first = at(1, "peer", Failed, None);
    assert_eq!(attempts(&[first.clone(), works.clone()]), (1, 0, vec![1]), "reported first");
    let joined = at(0, "peer", Joined, None);
    assert_eq!(attempts(&[joined, first, works.clone()]), (1, 0, vec![1]));
    // Long after the connected event, only snapshots show that it is established.
    let media = |s: i64| Event {
        peer_connection: Cow::Borrowed("bridge"),
        client_us: s * 1_000_000,
        ..stats(vec![stream(s * 1_000_000, &[(Counter::Bytes, s as f64 * 1000.0)])])
    };
    let mut long = vec![works];
    long.extend((1..50).map(|n| media(10 * n)));
    long.push(at(495, "peer", Failed, None));
    assert_eq!(attempts(&long), (1, 0, vec![495]));
}

#[test]
fn connections_that_were_open_together_are_one_attempt_whichever_ends_first() {
    let fails = at(20, "peer", Failed, None);
    let open = at(20, "bridge", Connected, Some(10));
    let mut later = open.clone();
    later.client_us = 26_000_000;
    later.time_to_connect_ms = Some(8_000);
    assert_eq!(attempts(&[fails.clone(), later]), (1, 0, vec![20]), "opened at 18 s");
    let seen = Event { kind: EventKind::Stats, ..at(5, "bridge", Joined, None) };
    let seen = Event { streams: vec![stream(5_000_000, &[(Counter::Bytes, 0.0)])], ..seen };
    let unknown = at(40, "bridge", Connected, None);
    assert_eq!(attempts(&[seen, fails.clone(), unknown.clone()]), (1, 0, vec![20]), "seen before");
    assert_eq!(attempts(&[fails.clone(), unknown]), (2, 1, vec![]), "a later attempt");
    let again = at(33, "bridge", Connected, Some(1));
    assert_eq!(attempts(&[fails.clone(), again]), (2, 1, vec![]), "opened after it failed");
    assert_eq!(attempts(&[fails.clone(), at(21, "other", Failed, None)]), (1, 1, vec![21]));
    assert_eq!(attempts(&[open, at(22, "second", Connected, Some(3))]), (1, 0, vec![22]));
}

#[test]
fn an_attempt_after_the_call_was_left_or_lost_is_one_of_its_own() {
    let works = at(2, "bridge", Connected, Some(1));
    let fails = at(60, "peer", Failed, None);
    let left = at(30, "bridge", Left, None);
    assert_eq!(attempts(&[works.clone(), left, fails.clone()]), (2, 1, vec![]));
    let lost = at(30, "bridge", Disconnected, None);
    assert_eq!(attempts(&[works.clone(), lost, fails.clone()]), (2, 1, vec![]));
    let joined = at(50, "second", Joined, None);
    assert_eq!(attempts(&[works.clone(), joined, fails.clone()]), (2, 1, vec![]));
    let of_nobody = at(60, "", Failed, None);
    assert_eq!(attempts(&[works.clone(), of_nobody]), (2, 1, vec![]), "the call itself failed");
    let elsewhere = Event { participant: Cow::Borrowed("bob"), ..fails };
    assert_eq!(attempts(&[works, elsewhere]), (2, 1, vec![]));
}

#[test]
fn connections_that_both_fail_are_one_attempt_if_they_were_opened_together() {
    let failed = |s: i64, connection, took_s| at(s, connection, Failed, took_s);
    // Both opened at 0 s, without events before their failures.
    let first = failed(20, "peer", Some(20));
    let mut second = failed(30, "bridge", Some(30));
    second.time_to_connect_ms = Some(29_993);
    assert_eq!(attempts(&[first.clone(), second.clone()]), (1, 1, vec![30]));
    assert_eq!(attempts(&[first.clone(), failed(35, "bridge", Some(16))]), (1, 1, vec![35]));
    // Opened at 17 s and 21 s, when the first had failed.
    let brief = failed(20, "peer", Some(3));
    assert_eq!(attempts(&[brief.clone(), failed(40, "bridge", Some(19))]), (1, 1, vec![40]));
    let works = at(23, "bridge", Connected, Some(2));
    assert_eq!(attempts(&[brief.clone(), works]), (1, 0, vec![20]));
    assert_eq!(attempts(&[brief.clone(), failed(40, "bridge", Some(17))]), (2, 2, vec![]));
    let later = at(24, "bridge", Connected, Some(1));
    assert_eq!(attempts(&[brief.clone(), later]), (2, 1, vec![]), "opened 6 s later");
    // In the opposite order: over before the other was opened.
    let over = Event { client_us: 9_000_000, ..failed(9, "bridge", Some(4)) };
    let mut log = [brief, over].map(|event| Appended { at_ms: 41_000, event });
    log[0].at_ms = 40_000;
    let observed = run(&mut Engine::new(HORIZON_MS), &log);
    assert!(!observed.contains(&Observed::Duplicate));
    let taken_back = observed.iter().map(|one| match one {
        Observed::New(content) => content.corrections.len(),
        Observed::Duplicate => 0,
    });
    assert_eq!(taken_back.sum::<usize>(), 0);
}

/// Returns the attempts of a log of events that is replayed at this speed.
fn at_speed(speed: i64, events: &[Event<'static>]) -> Vec<(EventKind, Vec<Correction>)> {
    let log = events.iter().map(|event| Appended {
        at_ms: 1_000_000 + event.client_us / 1000 / speed,
        event: event.clone(),
    });
    let content = |observed| match observed {
        Observed::New(NewContent { event, corrections, .. }) => (event, corrections),
        Observed::Duplicate => panic!("a duplicate"),
    };
    run(&mut Engine::new(HORIZON_MS), &log.collect::<Vec<_>>()).into_iter().map(content).collect()
}

#[test]
fn a_log_of_attempts_gives_the_same_at_any_speed() {
    let seen = |s: i64, connection: &'static str| Event {
        streams: vec![stream(s * 1_000_000, &[(Counter::Bytes, 0.0)])],
        ..at(s, connection, EventKind::Stats, None)
    };
    let logs = [
        // Its last event before its failure is older than the look-back.
        vec![seen(0, "peer"), at(130, "peer", Failed, None), at(133, "bridge", Connected, None)],
        vec![at(130, "peer", Failed, None), at(133, "bridge", Connected, None)],
        vec![seen(20, "peer"), at(130, "peer", Failed, None), at(133, "bridge", Connected, None)],
        // Open beside the failed one, but without recent events.
        vec![seen(5, "bridge"), at(20, "peer", Failed, None), at(126, "bridge", Connected, None)],
        vec![seen(5, "bridge"), at(20, "peer", Failed, None), at(120, "bridge", Connected, None)],
        // Joined long ago.
        vec![
            at(0, "peer", Joined, None),
            at(2, "peer", Failed, None),
            at(121, "bridge", Connected, Some(117)),
        ],
        vec![
            at(0, "peer", Joined, None),
            at(2, "peer", Failed, None),
            at(119, "bridge", Connected, Some(115)),
        ],
        vec![at(20, "peer", Failed, Some(20)), at(139, "bridge", Failed, Some(139))],
    ];
    for log in &logs {
        let live = at_speed(1, log);
        for speed in [2, 100, 10_000] {
            assert_eq!(at_speed(speed, log), live, "{speed} {log:?}");
        }
    }
}
