//! A session that exceeds its limits drops its own entries only.

use super::*;
use crate::intervals::recent::Forgotten;
use crate::settings::Settings;

fn of(participant: String, ids: impl Iterator<Item = usize>, s: i64) -> Event<'static> {
    let streams = ids.map(|id| Stream {
        stats_id: Cow::Owned(format!("{id:0200}")),
        ..stream(s * 1_000_000, &[(Counter::PacketsReceived, s as f64)])
    });
    let streams = streams.collect();
    Event { participant: Cow::Owned(participant), ..stats(streams) }
}

#[test]
fn new_ids_of_one_session_displace_no_others() {
    let settings = Settings { session_streams: 64, ..Settings::default() };
    let mut engine = Engine::new(HORIZON_MS);
    engine.remember(&settings);
    let mut observe = |event: &Event<'_>, s: i64| {
        engine.advance(s * 1000);
        let observed = engine.observe(event);
        (intervals(&observed).len(), engine.live(), engine.forgotten().session)
    };
    let honest = |s| of("ann".to_owned(), 0..4, s);
    observe(&honest(1), 1);
    for s in 2..30 {
        let many = of("mallory".to_owned(), (0..500).map(|id| id + 500 * s as usize), s);
        let (_, live, _) = observe(&many, s);
        assert!(live <= 48 + 4, "{live}");
    }
    let (found, live, forgotten) = observe(&honest(30), 30);
    assert_eq!((found, live, forgotten), (4, 48 + 4, 28 * 500 - 48));
    // With the maximum number, all have intervals.
    observe(&of("bob".to_owned(), 0..48, 31), 31);
    assert_eq!(observe(&of("bob".to_owned(), 0..48, 32), 32).0, 48);
}

#[test]
fn new_ids_of_a_peer_connection_displace_no_ids_of_another() {
    let mut engine = Engine::new(HORIZON_MS);
    engine.remember(&Settings { session_streams: 64, ..Settings::default() });
    let mut observe = |connection: &'static str, ids: std::ops::Range<usize>, s: i64| {
        engine.advance(s * 1000);
        let event = of("ann".to_owned(), ids, s);
        let event = Event { peer_connection: Cow::Borrowed(connection), ..event };
        intervals(&engine.observe(&event)).len()
    };
    observe("works", 0..16, 1);
    for s in 2..30 {
        observe("broken", 500 * s as usize..500 * (s as usize + 1), s);
        if s % 10 == 0 {
            assert_eq!(observe("works", 0..16, s), 16, "{s}");
        }
    }
    // The same within one record.
    let both = |s: i64| {
        let broken = of("ann".to_owned(), 500 * s as usize..500 * (s as usize + 1), s);
        let connection = |id, event: Event<'static>| crate::event::Connection {
            id: Cow::Borrowed(id),
            streams: event.streams,
            pairs: Vec::new(),
        };
        let works = connection("works", of("ann".to_owned(), 0..16, s));
        Event { peer_connection: Cow::Borrowed("broken"), more: vec![works], ..broken }
    };
    for s in 30..33 {
        engine.advance(s * 1000);
        assert_eq!(intervals(&engine.observe(&both(s))).len(), 16, "{s}");
    }
}

#[test]
fn entries_dropped_for_many_sessions_of_many_ids_are_counted_apart() {
    let settings = Settings { session_streams: 1024, state_mb: 1, ..Settings::default() };
    let mut engine = Engine::new(HORIZON_MS);
    engine.remember(&settings);
    let mut observe = |participant: String, ids: std::ops::Range<usize>, s: i64| {
        engine.advance(s * 1000);
        let found = intervals(&engine.observe(&of(participant, ids, s))).len();
        (found, engine.forgotten())
    };
    observe("ann".to_owned(), 0..4, 1);
    // Fewer than the limit: nothing is dropped.
    for n in 0..4 {
        observe(format!("mallory-{n}"), 0..500, 2);
    }
    let (found, forgotten) = observe("ann".to_owned(), 0..4, 11);
    assert_eq!((found, forgotten.session, forgotten.partition), (4, 0, 0));
    for n in 0..3_000 {
        observe(format!("mallory-{n}"), 0..500, 12);
    }
    let (found, forgotten) = observe("ann".to_owned(), 0..4, 21);
    assert_eq!((found, forgotten.session), (0, 0), "no session exceeds its limit by itself");
    assert!(forgotten.partition > 1_400_000, "{forgotten:?}");
}

#[test]
fn the_state_stays_within_its_bounds() {
    let settings = Settings { session_streams: 64, state_mb: 1, ..Settings::default() };
    let mut engine = Engine::new(HORIZON_MS);
    engine.remember(&settings);
    for n in 0..3_000_i64 {
        engine.advance(n);
        let name = format!("{n:0250}");
        let mut event = of(name.clone(), 0..3, n);
        event.peer_connection = Cow::Owned(name);
        engine.observe(&event);
        let kind = [EventKind::Connected, EventKind::Failed, EventKind::Joined][n as usize % 3];
        engine.observe(&Event { kind, streams: vec![], ..event });
    }
    assert!((4000..4096).contains(&engine.live()), "{}", engine.live());
    assert!(engine.events.live() <= 656, "{}", engine.events.live());
    assert!(engine.forgotten().partition > 6_000);
}

#[test]
fn a_session_may_report_a_stream_in_any_order_within_its_bounds() {
    let mut engine = Engine::new(HORIZON_MS);
    for n in 0..5_000_i64 {
        engine.advance(n);
        engine.observe(&received(10_000 - n, (10_000 - n) as f64));
    }
    assert_eq!(engine.live(), 1);
    assert!(
        engine.forgotten() == Forgotten::default(),
        "surplus snapshots of one stream do not count towards limits"
    );
}
