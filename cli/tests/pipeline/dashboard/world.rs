//! A small world of sessions for the dashboard.

use clickhouse::Client;

use crate::harness::insert_complete_minute;

/// Hours of the world: the last 24, of which the sessions are in the 12 before the running one.
pub(super) const WORLD_HOURS: usize = 24;

/// A session's time of one kind in one hour.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) app: &'static str,
    pub(super) call: String,
    pub(super) country: &'static str,
    pub(super) organisation: String,
    pub(super) browser: &'static str,
    pub(super) kind: &'static str,
    /// Hours before the running one.
    pub(super) hours_ago: usize,
    pub(super) poor_us: i64,
    pub(super) good_us: i64,
}

/// Names of providers that a shell, SQL, HTML or a spreadsheet would take for something else.
pub(super) fn hostile() -> [&'static str; 5] {
    [
        "a'; DROP TABLE samples; --",
        "<script>alert(1)</script>",
        "back\\slash \\' `tick` \\N",
        "tab\tand\nline",
        "=HYPERLINK(\"http://evil\")",
    ]
}

/// Returns the sessions. In Brazil `Bad Net` is worst, `Good Net` best, `Tiny Net` too small to be shown.
pub(super) fn sessions() -> Vec<Seen> {
    let mut world = Vec::new();
    for (organisation, sessions, poor_percent) in [
        ("Bad Net", 240, 60),
        ("Good Net", 240, 5),
        ("Middle Net", 240, 20),
        ("Small Net", 9, 20),
        ("Tiny Net", 3, 20),
    ] {
        add(&mut world, "BR", organisation, sessions, poor_percent);
    }
    for organisation in hostile() {
        add(&mut world, "DE", organisation, 60, 30);
    }
    world
}

fn add(
    world: &mut Vec<Seen>,
    country: &'static str,
    organisation: &str,
    sessions: usize,
    poor_percent: usize,
) {
    for number in 0..sessions {
        let is_poor = number * 37 % 100 < poor_percent;
        for (kind, length_us) in [("audio", 200_000_000), ("video", 100_000_000 + number as i64)] {
            let poor_us = if is_poor { length_us * 9 / 10 } else { length_us / 100 };
            world.push(Seen {
                app: if number % 5 == 0 { "other" } else { "app" },
                call: format!("{country} {organisation} {number}"),
                country,
                organisation: organisation.to_owned(),
                browser: if number % 3 == 0 { "Firefox" } else { "Chrome" },
                kind,
                hours_ago: 1 + number % 12,
                poor_us,
                good_us: length_us - poor_us,
            });
        }
    }
}

/// Inserts the sessions as complete hours.
pub(super) async fn insert(admin: &Client, world: &[Seen]) {
    let row = |one: &Seen| {
        let continent = if one.country == "BR" { "SA" } else { "EU" };
        format!(
            "(toStartOfHour(now()) - INTERVAL {} HOUR, {}, {}, 'p', '{continent}', {}, 'unknown', 'unknown', 1, {}, \
             'wifi', 'e1', 'desktop', {}, '1', '4.2.1', {}, 'inbound', 20, {}, {}, {}, 100, 3, 1)",
            one.hours_ago,
            text(one.app),
            text(&one.call),
            text(one.country),
            text(&one.organisation),
            text(one.browser),
            text(one.kind),
            one.poor_us + one.good_us,
            one.poor_us,
            one.good_us,
        )
    };
    let rows: Vec<_> = world.iter().map(row).collect();
    let insert = format!(
        "INSERT INTO session_hours_1h (hour, app, call, participant, continent, country, subdivision, city, asn, \
         organisation, network_type, edge, device_class, browser, browser_version, client_version, kind, direction, \
         intervals, observed_us, poor_us, good_us, packets_expected, packets_lost, version) VALUES {}",
        rows.join(", ")
    );
    admin.query_raw(&insert).execute().await.unwrap();
    // Twenty intervals for each: ten poor ones in the first half hour, ten good ones in the second.
    let samples = "INSERT INTO samples (raw_partition, raw_to, ordinal, app, call, participant, kind, direction, \
         start_us, end_us, continent, country, subdivision, city, organisation, network_type, edge, device_class, \
         browser, browser_version, client_version, verdict, round_trip_us, round_trip_count) \
         SELECT 0, cityHash64(call) % 1000000000, number + if(kind = 'audio', 0, 20), app, call, participant, kind, \
         direction, addMicroseconds(end_us, -length_us), addSeconds(toDateTime64(hour, 6, 'UTC'), if(number < 10, 5, 105) + 170 * number) AS end_us, \
         continent, country, subdivision, city, organisation, network_type, edge, device_class, browser, \
         browser_version, client_version, if(number < 10, 'poor', 'good'), \
         if(browser = 'Firefox', 100000, 50000), 1 \
         FROM (SELECT *, number, if(number < 10, poor_us, good_us) AS of_verdict, \
                      intDiv(of_verdict, 10) + if(number % 10 = 9, of_verdict % 10, 0) AS length_us \
               FROM session_hours_1h ARRAY JOIN range(20) AS number)";
    admin.query_raw(samples).execute().await.unwrap();
    insert_complete_minute(admin).await;
}

/// Returns the begin of an hour before the running one, seconds since 1970.
pub(super) fn hour_ago(hours: i64) -> i64 {
    let now = jiff::Timestamp::now().as_second();
    now - now.rem_euclid(3600) - hours * 3600
}

fn text(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("'{}'", escaped.replace('\t', "\\t").replace('\n', "\\n"))
}
