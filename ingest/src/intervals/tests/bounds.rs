//! Who tells of too much forgets his own.

use super::*;
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
fn new_ids_of_one_session_push_out_nobody_elses() {
    let settings = Settings { session_streams: 64, ..Settings::default() };
    let mut engine = Engine::new(HORIZON_MS);
    engine.remember(&settings);
    let mut tell = |event: &Event<'_>, s: i64| {
        engine.advance(s * 1000);
        let observed = engine.observe(event);
        (intervals(&observed).len(), engine.live(), engine.forgotten())
    };
    let honest = |s| of("ann".to_owned(), 0..4, s);
    tell(&honest(1), 1);
    for s in 2..30 {
        let many = of("mallory".to_owned(), (0..500).map(|id| id + 500 * s as usize), s);
        let (_, live, _) = tell(&many, s);
        assert!(live <= 64 + 4, "{live}");
    }
    let (found, live, forgotten) = tell(&honest(30), 30);
    assert_eq!((found, live, forgotten), (4, 64 + 4, 28 * 500 - 64));
    // With as many as are allowed, all have intervals.
    tell(&of("bob".to_owned(), 0..64, 31), 31);
    assert_eq!(tell(&of("bob".to_owned(), 0..64, 32), 32).0, 64);
}

#[test]
fn whatever_is_told_the_state_stays_within_its_bounds() {
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
    assert!(engine.forgotten() > 6_000);
}

#[test]
fn a_session_may_tell_the_same_stream_in_any_disorder_within_its_bounds() {
    let mut engine = Engine::new(HORIZON_MS);
    for n in 0..5_000_i64 {
        engine.advance(n);
        engine.observe(&received(10_000 - n, (10_000 - n) as f64));
    }
    assert_eq!(engine.live(), 1);
    assert!(engine.forgotten() == 0, "what is too much of one stream is no limit's matter");
}
