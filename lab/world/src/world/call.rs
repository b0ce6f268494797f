//! Calls: their participants, with places and devices.

use rand::Rng;
use rand::seq::IndexedRandom;
use schemas::{Direction, Kind};

use super::device::Browser;
use super::environment::Environment;
use super::history;
use super::origin::Origin;
use super::path::Path;
use super::session::{Clock, Phase, Session};
use super::settings::Scenario;
use super::stream::Stream;

const APPS: [&str; 5] = ["meet", "meet", "meet", "support", "webinar"];
const VERSIONS: [&str; 4] = ["4.2.1", "4.2.1", "4.2.0", "4.1.7"];
const VIDEO_CODECS: [&str; 5] = ["video/VP8", "video/VP8", "video/VP9", "video/H264", "video/AV1"];

const SECOND_US: i64 = 1_000_000;
const HOUR_US: i64 = 3600 * SECOND_US;
/// Duration that is longer than any world.
const FOR_EVER_US: i64 = 10_000 * HOUR_US;

/// Most sessions that keep their events for a while keep them for less than this, µs.
pub(super) const LONGEST_LAG_US: i64 = 4 * HOUR_US;

/// The last release whose clients do not send their clock.
const UNCLOCKED_VERSION: &str = "3.9.4";

/// Returns the sessions of a new call of at most `room` participants. None has joined yet.
pub(super) fn begin(around: &mut Environment, number: u32, room: u32) -> Vec<Session> {
    let rng = &mut around.rng;
    let size = if rng.random() { 2 } else { rng.random_range(3..=8) }.min(room);
    let is_huge = around.settings.scenario == Scenario::OneCall && number == 0;
    let size = if is_huge { size.max(around.settings.sessions / 10 * 9) } else { size };
    let app = APPS[rng.random_range(0..APPS.len())];
    let call = name(around.settings.start_us, number);
    let home = rng.random_range(0..around.places.len());
    let length_us = rng.random_range(20..120) * rng.random_range(1..6) * SECOND_US;
    let audio_only = !around.is_steady() && around.chance(1000);
    (0..size)
        .map(|seat| {
            let place = if around.chance(6000) { near(around, home) } else { anywhere(around) };
            let mut session = participant(around, app, &call, seat, place, 0);
            session.streams = streams(around, app, audio_only, size);
            if around.is_steady() {
                session.phase = Phase::Talk;
                session.ends_us = i64::MAX;
            } else if is_huge {
                session.ends_us = FOR_EVER_US;
            } else {
                session.ends_us = length_us - length_us * around.rng.random_range(0..300) / 1000;
            }
            session
        })
        .collect()
}

/// A call of a history, of participants at `places`, none of them joined yet.
pub(super) fn begin_in(
    around: &mut Environment,
    number: u32,
    places: &[usize],
    now_us: i64,
) -> Vec<Session> {
    let app = APPS[around.rng.random_range(0..APPS.len())];
    let call = name(around.settings.start_us, number);
    let length_us = history::call_length_us(around);
    let audio_only = around.chance(history::AUDIO_ONLY);
    let size = places.len() as u32;
    let seats = (0..size).zip(places).map(|(seat, place)| {
        let mut session = participant(around, app, &call, seat, *place, now_us);
        session.streams = streams(around, app, audio_only, size);
        session.ends_us = length_us - length_us * around.rng.random_range(0..300) / 1000;
        session
    });
    seats.collect()
}

fn name(start_us: i64, number: u32) -> String {
    format!("{:x}-{number}", start_us / 1000)
}

fn anywhere(around: &mut Environment) -> usize {
    around.rng.random_range(0..around.places.len())
}

/// Returns a place of the same country.
pub(super) fn near(around: &mut Environment, home: usize) -> usize {
    let country = &around.places[home].country;
    let places: Vec<usize> =
        (0..around.places.len()).filter(|at| around.places[*at].country == *country).collect();
    places.choose(&mut around.rng).copied().unwrap_or(home)
}

/// Returns the value of `navigator.connection` at a place.
pub(super) fn network_type(
    around: &mut Environment,
    place: usize,
    browser: &Browser,
) -> &'static str {
    if around.places[place].access == "cellular" {
        "cellular"
    } else if browser.class == "desktop" && around.chance(4000) {
        "ethernet"
    } else {
        "wifi"
    }
}

fn participant(
    around: &mut Environment,
    app: &str,
    call: &str,
    seat: u32,
    place: usize,
    now_us: i64,
) -> Session {
    let is_history = around.settings.history.is_some();
    let browser = match is_history {
        true => history::browser(around, place),
        false => Browser::at(around.rng.random_range(0..1000)),
    };
    let network_type = network_type(around, place, browser);
    let path = Path::new(0, network_type, &mut around.rng);
    let clock = clock(around);
    let version = match is_history {
        true => history::version(around, browser, now_us),
        false => VERSIONS[around.rng.random_range(0..VERSIONS.len())],
    };
    let stray = around.chance(300);
    let edge_of = if stray { anywhere(around) } else { place };
    Session {
        number: 0,
        introduced: false,
        app: app.to_owned(),
        call: call.to_owned(),
        participant: format!("p{seat}"),
        place,
        origin: Origin::draw(around, place),
        edge: around.places[edge_of].edge(),
        detour_us: if edge_of == place { 0 } else { 120_000 },
        client_version: if clock.sent { version } else { UNCLOCKED_VERSION },
        browser,
        clock,
        phase: Phase::Join,
        ends_us: 0,
        passed_us: 0,
        connection: 0,
        peer_failed_us: None,
        streams: Vec::new(),
        path,
        quiet: false,
        offline_until_us: 0,
        is_cut: false,
        spell: 0,
        moments: 0,
        bad_moments: 0,
    }
}

/// Returns a random clock. Most clocks are a few seconds off, some by hours. A few sessions delay
/// their events by minutes or hours, and very few by so long that they are late.
fn clock(around: &mut Environment) -> Clock {
    let rng = &mut around.rng;
    let off_by = match rng.random_range(0..100) {
        0..90 => 3 * SECOND_US,
        90..98 => 300 * SECOND_US,
        _ => 20 * HOUR_US,
    };
    let mut clock = Clock { sent: true, skew_us: rng.random_range(-off_by..=off_by), lag_us: 0 };
    if around.is_steady() {
        return clock;
    }
    match around.rng.random_range(0..1000) {
        0..20 => clock.lag_us = around.rng.random_range(120 * SECOND_US..LONGEST_LAG_US),
        // In a history nothing is late.
        20..24 if around.settings.history.is_none() => {
            let beyond_us = around.rng.random_range(8 * HOUR_US..128 * HOUR_US);
            clock.lag_us = around.settings.late_us + beyond_us;
        }
        24..80 => {
            clock.sent = false;
            clock.skew_us = around.rng.random_range(-2 * SECOND_US..=2 * SECOND_US);
        }
        _ => {}
    }
    clock
}

fn streams(around: &mut Environment, app: &str, audio_only: bool, size: u32) -> Vec<Stream> {
    let voice = match around.rng.random_range(0..100) {
        0..8 if app == "support" => "audio/PCMU",
        8..12 if app == "support" => "audio/G722",
        _ => "audio/opus",
    };
    let video = VIDEO_CODECS[around.rng.random_range(0..VIDEO_CODECS.len())];
    let received = if size >= 5 && !around.is_steady() && around.chance(3000) { 2 } else { 1 };
    let mut kinds = vec![(Kind::Audio, voice)];
    if !audio_only {
        kinds.push((Kind::Video, video));
    }
    let mut directions = vec![Direction::Outbound];
    directions.resize(1 + received, Direction::Inbound);
    let mut streams = Vec::new();
    for direction in directions {
        for (kind, codec) in &kinds {
            streams.push(Stream::new(*kind, direction, codec, around.rng.random()));
        }
    }
    streams
}
