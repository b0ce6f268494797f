#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::ops::Range;

use super::*;
use crate::truth::Outcome;
use crate::world::{INCIDENT_COUNTRY, INCIDENT_PROVIDER, Scenario, World};
use schemas::EventKind;

/// 2025-08-25 00:00:00 UTC, a Monday.
const MONDAY_US: i64 = 1_756_080_000_000_000;
const MONTH: History = History { days: 30, hourly: 300 };

fn around(scenario: Scenario) -> Environment {
    let settings = Settings { scenario, ..Settings::of_history(MONTH, 7, MONDAY_US) };
    World::new(settings).unwrap().around
}

/// Places of a provider.
fn places(around: &Environment, country: &str, provider: &str) -> Vec<usize> {
    let is = |place: &Place| place.country == country && place.provider == provider;
    (0..around.places.len()).filter(|at| is(&around.places[*at])).collect()
}

/// Participants of calls at a provider at `now_us`.
fn participants(
    around: &mut Environment,
    country: &str,
    provider: &str,
    now_us: i64,
) -> Vec<Session> {
    let at = places(around, country, provider);
    let calls = (0..2_000).flat_map(|number| call::begin_in(around, number, &at, now_us));
    calls.collect()
}

/// Mean share of reports with which a spell begins, of 10,000: of all sessions, and of those with a mobile
/// device and with another one.
fn spells(around: &mut Environment, country: &str, provider: &str) -> [f64; 3] {
    let sessions = participants(around, country, provider, MONDAY_US);
    let usual = around.conditions(sessions[0].place, MONDAY_US);
    let mean = |wanted: fn(&Session) -> bool| {
        let shares = sessions.iter().filter(|it| wanted(it)).map(|it| spell_share(it, usual));
        let shares: Vec<u32> = shares.collect();
        assert!(shares.len() > 150, "{}", shares.len());
        f64::from(shares.iter().sum::<u32>()) / shares.len() as f64
    };
    [mean(|_| true), mean(|it| is_mobile(it.browser)), mean(|it| !is_mobile(it.browser))]
}

#[test]
fn a_history_has_the_configured_number_of_sessions_by_day_and_week() {
    let history = History { days: 7, hourly: 20 };
    let end_us = MONDAY_US + history.span_us();
    let world = World::new(Settings::of_history(history, 3, MONDAY_US)).unwrap();
    let (mut sessions, mut reports) = (0.0, 0.0);
    let (mut days, mut hours) = ([0; 7], [0; 24]);
    for delivery in world.take_while(|delivery| delivery.at_us < end_us) {
        let truth = delivery.truth;
        assert_ne!(truth.outcome, Outcome::Late);
        assert!(truth.dead.is_none_or(|dead| dead.why != "time_ahead"), "now is much later");
        if truth.introduces.is_some_and(|session| session.edge == "fra1") {
            days[((delivery.at_us - MONDAY_US) / DAY_US) as usize] += 1;
            hours[(delivery.at_us.rem_euclid(DAY_US) / HOUR_US) as usize] += 1;
        }
        let Some(event) = truth.event else { continue };
        sessions += f64::from(u8::from(event.kind == EventKind::Joined));
        reports += f64::from(u8::from(event.kind == EventKind::Stats));
    }
    let wanted = 7.0 * 24.0 * 20.0;
    assert!((0.9 * wanted..1.1 * wanted).contains(&sessions), "{sessions} sessions");
    assert!((18.0..22.0).contains(&(reports / sessions)), "{reports} reports of {sessions}");
    let workday = days[..5].iter().sum::<i32>() / 5;
    let weekend = days[5..].iter().sum::<i32>() / 2;
    assert!(workday > weekend * 3 / 2, "{days:?}");
    let (morning, night) = (hours[8..11].iter().sum::<i32>(), hours[..3].iter().sum::<i32>());
    assert!(morning > 5 * night, "{hours:?}");
}

#[test]
fn calls_are_divided_among_the_providers_and_networks_of_a_country() {
    let around = around(Scenario::Usual);
    let weights = Weights::of(&around.places);
    let of = |country, provider| {
        let places = places(&around, country, provider);
        places.into_iter().map(|at| weights.0[at]).collect::<Vec<_>>()
    };
    let (telekom, vodafone) = (of("DE", "Deutsche Telekom"), of("DE", "Vodafone Germany"));
    assert_eq!(telekom, [vodafone[0], vodafone[0]], "two networks with half of it each");
    let (us, jp) = (of("US", "Verizon"), of("JP", "SoftBank"));
    assert_eq!(us[0], 4 * jp[0]);
}

#[test]
fn twins_differ_in_their_devices_alone() {
    let mut around = around(Scenario::Usual);
    let one = places(&around, TWINS.country, TWINS.mobile);
    let other = places(&around, TWINS.country, TWINS.desktop);
    for hour in 0..24 {
        let of = |at: usize| around.conditions(at, MONDAY_US + hour * HOUR_US);
        assert_eq!(of(one[0]), of(other[0]));
    }
    let mobile = spells(&mut around, TWINS.country, TWINS.mobile);
    let desktop = spells(&mut around, TWINS.country, TWINS.desktop);
    assert!(mobile[0] > 1.5 * desktop[0], "{mobile:?} {desktop:?}");
    for class in [1, 2] {
        let ratio = mobile[class] / desktop[class];
        assert!((0.95..1.05).contains(&ratio), "{mobile:?} {desktop:?}");
    }
}

#[test]
fn of_reversed_providers_the_better_one_appears_to_be_worse() {
    let mut around = around(Scenario::Usual);
    let mobile = spells(&mut around, REVERSED.country, REVERSED.mobile);
    let desktop = spells(&mut around, REVERSED.country, REVERSED.desktop);
    assert!(mobile[0] > 1.1 * desktop[0], "{mobile:?} {desktop:?}");
    for class in [1, 2] {
        assert!(desktop[class] > 1.1 * mobile[class], "{mobile:?} {desktop:?}");
    }
}

#[test]
fn the_release_comes_in_the_middle_and_is_worse_in_one_application() {
    let mut around = around(Scenario::Usual);
    let out_us = MONTH.release_us(MONDAY_US);
    let mut share = |at_us, wanted: fn(&Session) -> bool| {
        let mut all = participants(&mut around, "DE", "Deutsche Telekom", at_us);
        all.retain(|it| it.clock.sent && wanted(it));
        let new = all.iter().filter(|it| it.client_version == RELEASE).count();
        new as f64 / all.len() as f64
    };
    assert!(share(out_us - HOUR_US, |_| true) < 1e-9);
    let days_2 = out_us + 2 * DAY_US;
    let (desktop, mobile) =
        (share(days_2, |it| !is_mobile(it.browser)), share(days_2, |it| is_mobile(it.browser)));
    assert!(desktop > 0.85 && (0.05..0.3).contains(&mobile), "{desktop} {mobile}");
    assert!(share(out_us + 8 * DAY_US, |it| is_mobile(it.browser)) > 0.85);

    let sessions = participants(&mut around, "DE", "Deutsche Telekom", out_us + 10 * DAY_US);
    let usual = around.conditions(sessions[0].place, out_us);
    let mut worst: HashMap<(&str, bool), u32> = HashMap::new();
    for session in &sessions {
        let is_new = session.client_version == RELEASE;
        let worst = worst.entry((&session.app, is_new)).or_default();
        *worst = spell_share(session, usual).max(*worst);
        assert_eq!(failing_share(session) > 0, is_new && session.app == RELEASE_WORSE_IN);
    }
    for app in ["meet", "webinar"] {
        assert_eq!(worst[&(app, true)], worst[&(app, false)]);
    }
    assert_eq!(worst[&(RELEASE_WORSE_IN, true)], 3 * worst[&(RELEASE_WORSE_IN, false)]);
}

#[test]
fn the_incident_is_the_last_afternoon_whenever_a_history_ends() {
    for hour in 0..24 {
        let start_us = MONDAY_US + hour * HOUR_US;
        let end_us = start_us + MONTH.span_us();
        let Range { start, end } = MONTH.incident(start_us);
        assert_eq!((end - start, start.rem_euclid(DAY_US)), (4 * HOUR_US, 14 * HOUR_US));
        assert!((HOUR_US..=25 * HOUR_US).contains(&(end_us - start)), "{hour}");
    }
    let around = around(Scenario::IspIncident);
    let struck = places(&around, INCIDENT_COUNTRY, INCIDENT_PROVIDER)[0];
    let from_us = around.settings.incident().start;
    assert!(around.conditions(struck, from_us).round_trip_us > 500_000);
    assert!(around.conditions(struck, from_us - 1).round_trip_us < 50_000);
}

#[test]
fn a_history_of_another_scenario_is_refused() {
    let settings = Settings { scenario: Scenario::Steady, ..Settings::of_history(MONTH, 7, 0) };
    assert!(World::new(settings).is_err());
}
