//! Data for the documented queries.

use accuracy::Server;

/// A group of equal sessions that ended within half an hour.
#[derive(Clone, Copy)]
struct Group {
    sessions: usize,
    country: &'static str,
    organisation: &'static str,
    network_type: &'static str,
    client_version: &'static str,
    browser: &'static str,
    os: &'static str,
    /// Share of poor time. Half of the sessions have twice this share, the others none.
    poor: f64,
    /// Mean of the MOS, from which sessions differ by up to 0.3; none if 0.
    mos: f64,
    /// One in this number of sessions failed to connect; 0 for all, `usize::MAX` for none.
    fails: usize,
    /// True if their video is always poor; otherwise it never is.
    bad_video: bool,
    /// Hours between the end of the half hour and now.
    hours_ago: u32,
}

const NONE: Group = Group {
    sessions: 0,
    country: "XX",
    organisation: "Quiet Net",
    network_type: "unknown",
    client_version: "unknown",
    browser: "unknown",
    os: "unknown",
    poor: 0.0,
    mos: 0.0,
    fails: 0,
    bad_video: false,
    hours_ago: 0,
};

const fn place(sessions: usize, organisation: &'static str, poor: f64) -> Group {
    Group { sessions, organisation, poor, ..NONE }
}

const fn release(
    sessions: usize,
    country: &'static str,
    client_version: &'static str,
    mos: f64,
) -> Group {
    Group { sessions, country, client_version, mos, ..NONE }
}

const fn client(
    sessions: usize,
    country: &'static str,
    (browser, os): (&'static str, &'static str),
    fails: usize,
) -> Group {
    Group { sessions, country, browser, os, fails, ..NONE }
}

const fn network(
    sessions: usize,
    country: &'static str,
    network_type: &'static str,
    poor: f64,
) -> Group {
    Group { sessions, country, network_type, poor, organisation: "Mixed Net", ..NONE }
}

const WORLD: [Group; 25] = [
    // Three very bad calls are not significantly the worst, and the best provider has most
    // sessions.
    place(60, "Bad Net", 0.4),
    place(300, "Mid Net", 0.25),
    Group { bad_video: true, ..place(2000, "Best Net", 0.01) },
    place(4, "Tiny Net", 0.49),
    Group { hours_ago: 2, ..place(300, "Old Net", 0.49) },
    // 4.2.1 is worse by 0.2 in each country, but better in total, because it was first released in
    // SE. 4.1.7 is as good as 4.2.1. KE has only one release.
    release(600, "SE", "4.2.1", 4.2),
    release(150, "NG", "4.2.1", 3.2),
    release(150, "SE", "4.2.0", 4.4),
    release(600, "NG", "4.2.0", 3.4),
    release(150, "SE", "4.1.7", 4.2),
    release(600, "NG", "4.1.7", 3.2),
    release(400, "KE", "4.2.1", 1.5),
    // Firefox fails most, because it is only in NG, where all fail as often. Chrome on Mac fails twice
    // as often as the others in SE.
    client(400, "NG", ("Firefox", "Windows"), 10),
    client(600, "NG", ("Chrome", "Windows"), 10),
    client(2000, "SE", ("Chrome", "Windows"), 50),
    client(1000, "SE", ("Chrome", "Mac OS X"), 20),
    client(500, "SE", ("Safari", "Mac OS X"), usize::MAX),
    client(6, "SE", ("Edge", "Windows"), 3),
    Group { hours_ago: 30, ..client(500, "SE", ("Opera", "Windows"), 2) },
    // Wi-Fi is worse by 4 points in each country, but better in total.
    network(600, "SE", "wifi", 0.06),
    Group { bad_video: true, ..network(150, "SE", "ethernet", 0.02) },
    network(150, "NG", "wifi", 0.24),
    Group { bad_video: true, ..network(600, "NG", "ethernet", 0.2) },
    network(300, "KE", "cellular", 0.05),
    network(200, "KE", "wifi", 0.1),
];

impl Group {
    /// Returns the length of session `number` and its poor part, in µs.
    fn times(&self, session: usize) -> (i64, i64) {
        let time = 60_000_000 + (session as i64 * 7919 % 600) * 1_000_000;
        let poor = if session.is_multiple_of(2) { self.poor * 2.0 } else { 0.0 };
        (time, (time as f64 * poor) as i64)
    }

    /// Returns the end of session `session`, in seconds before now.
    const fn ago(&self, session: usize) -> usize {
        session % 1800 + 1 + self.hours_ago as usize * 3600
    }
}

async fn insert(server: &Server, into: &str, columns: &str, values: &[String]) {
    for some in values.chunks(2000) {
        let statement = format!("{into} FROM values('{columns}', {})", some.join(", "));
        server.admin.query(&statement).execute().await.unwrap();
    }
}

pub(super) async fn insert_sessions(server: &Server) {
    insert_groups(server, "", &WORLD).await;
}

/// Inserts bad clients without place and provider, and cells of the sessions' places.
pub(super) async fn insert_league(server: &Server) {
    let nowhere = Group { country: "unknown", ..place(900, "unknown", 0.49) };
    insert_groups(server, "nowhere-", &[nowhere]).await;
    let places = ["Best Net", "Tiny Net", "Mid Net", "Bad Net"].map(|name| ("XX", name));
    let places: Vec<_> = places.into_iter().chain([("unknown", "unknown")]).collect();
    let values: Vec<_> =
        places.iter().map(|place| format!("{place:?}").replace('"', "'")).collect();
    let state = "quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)";
    let into = format!(
        "INSERT INTO cell_partials (window_start, window_s, grouping, app, country, organisation, \
         kind, direction, upto, intervals, poor_us, good_us, packets_received, round_trip_ms, \
         audio_mos) SELECT toStartOfMinute(now()), 60, 'place', 'shop', country, organisation, \
         'audio', 'inbound', 1, 1, 1, 1, 10, CAST({state}(80.) AS String), \
         CAST({state}(4.) AS String)"
    );
    let from = values.join(", ");
    let statement = format!(
        "{into} FROM values('country String, organisation String', {from}) \
         GROUP BY country, organisation"
    );
    server.admin.query(&statement).execute().await.unwrap();
}

async fn insert_groups(server: &Server, calls: &str, groups: &[Group]) {
    let mut values = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        for session in 0..group.sessions {
            let Group { country, organisation, network_type, client_version, browser, os, .. } =
                group;
            let (time, poor) = group.times(session);
            let count = if group.mos > 0.0 { time / 10_000_000 } else { 0 };
            let noise = ((session * 7919) % 61) as f64 / 100.0 - 0.3;
            let mos = (count as f64 * (group.mos + noise) * 1000.0) as i64;
            let attempted = i64::from(group.fails > 0);
            let failed = i64::from(group.fails > 0 && session % group.fails == group.fails - 1);
            values.push(format!(
                "('{calls}{number}-{session}', '{country}', '{organisation}', '{network_type}', \
                 '{client_version}', '{browser}', '{os}', {poor}, {}, {mos}, {count}, {attempted}, \
                 {failed}, {})",
                time - poor,
                group.ago(session)
            ));
        }
    }
    let into = "INSERT INTO session_partials (app, call, participant, upto, first_us, last_us, \
                country, organisation, network_type, client_version, browser, os, poor_us, good_us, \
                audio_mos_milli_sum, audio_mos_count, setups_attempted, setups_failed, \
                time_to_media_ms_sum, time_to_media_count) \
                SELECT 'shop', call, 'p', 1, now() - ago - 600, now() - ago, country, organisation, \
                network_type, client_version, browser, os, poor, good, mos, count, attempted, \
                failed, (attempted - failed) * if(country = 'NG', 2000, 800), attempted - failed";
    let columns = "call String, country String, organisation String, network_type String, \
                   client_version String, browser String, os String, poor Int64, good Int64, \
                   mos Int64, count Int64, attempted Int64, failed Int64, ago UInt32";
    insert(server, into, columns, &values).await;
}

/// Inserts intervals of the sessions with poor time: audio for the poor and for the remaining time,
/// and video for all the time.
pub(super) async fn insert_samples(server: &Server) {
    let mut values = Vec::new();
    for (number, group) in WORLD.iter().enumerate().filter(|(_, group)| group.poor > 0.0) {
        let Group { country, organisation, network_type, .. } = group;
        let video = if group.bad_video { "poor" } else { "good" };
        for session in 0..group.sessions {
            let (time, poor) = group.times(session);
            let intervals =
                [("audio", "poor", poor), ("audio", "good", time - poor), ("video", video, time)];
            for (kind, verdict, us) in intervals {
                let (raw, ago) = (values.len(), group.ago(session));
                values.push(format!(
                    "({raw}, '{number}-{session}', '{country}', '{organisation}', '{network_type}', \
                     '{kind}', '{verdict}', {us}, {ago})"
                ));
            }
        }
    }
    let into = "INSERT INTO samples (raw_to, app, call, participant, country, organisation, \
                network_type, kind, verdict, start_us, end_us) \
                SELECT raw, 'shop', call, 'p', country, organisation, network_type, kind, verdict, \
                subtractMicroseconds(toDateTime64(now() - ago, 6), us), toDateTime64(now() - ago, 6)";
    let columns = "raw Int64, call String, country String, organisation String, network_type String, \
                   kind String, verdict String, us Int64, ago UInt32";
    insert(server, into, columns, &values).await;
}

/// Inserts the open hours of the same sessions. Those of a place alone have each type of network in turn.
pub(super) async fn insert_hours(server: &Server) {
    let partials = "INSERT INTO session_hour_partials (hour, app, call, participant, country, organisation, \
                    network_type, kind, direction, upto, intervals, poor_us, good_us) \
                    SELECT toStartOfHour(end_us), app, call, participant, country, organisation, \
                    if(samples.network_type = 'unknown', ['wifi', 'ethernet', 'cellular'] \
                    [1 + toUInt32(splitByChar('-', call)[2]) % 3], samples.network_type) AS network, kind, \
                    'inbound', 1, count(), sumIf(us, verdict = 'poor'), sumIf(us, verdict = 'good') \
                    FROM (SELECT *, toUnixTimestamp64Micro(end_us) - toUnixTimestamp64Micro(start_us) AS us \
                    FROM samples FINAL) AS samples \
                    GROUP BY 1, 2, 3, 4, 5, 6, network, kind";
    let open = "INSERT INTO rollup_hours SELECT DISTINCT hour, 1, 0, 0 FROM session_hour_partials";
    for statement in [partials, open] {
        server.admin.query(statement).execute().await.unwrap();
    }
}

/// Inserts cells of a provider whose loss was 20 % from five to three minutes ago, and 1 %
/// otherwise. Video, another provider, the other grouping and the time three hours ago are all
/// worse.
pub(super) async fn insert_cells(server: &Server) {
    let state = "quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)";
    let cells = [
        ("place", "audio", "Deutsche Telekom AG", 0),
        ("place", "video", "Deutsche Telekom AG", 0),
        ("place", "audio", "Other Net", 0),
        ("client", "audio", "", 0),
        ("place", "audio", "Deutsche Telekom AG", 180),
        // Its browsers do not report loss.
        ("place", "audio", "Untold Net", 0),
    ];
    for (number, (grouping, kind, organisation, ago)) in cells.into_iter().enumerate() {
        let (lost, expected) = match (number, organisation) {
            (0, _) => ("if(n BETWEEN 3 AND 5, 200, 10)", 1000),
            (_, "Untold Net") => ("0", 0),
            _ => ("900", 1000),
        };
        let statement = format!(
            "INSERT INTO cell_partials (window_start, window_s, grouping, app, organisation, kind, \
             direction, upto, intervals, packets_lost, packets_expected, packets_received, \
             round_trip_ms, audio_mos) \
             SELECT toStartOfMinute(now()) - toIntervalMinute(n + {ago}), 60, '{grouping}', 'shop', \
             '{organisation}', '{kind}', 'inbound', 1, 7, {lost}, {expected}, 5000 - {lost}, \
             CAST({state}(if({lost} > 100, 700., 80.)) AS String), \
             CAST({state}(if({lost} > 100, 1.5, 4.3)) AS String) \
             FROM (SELECT number AS n FROM numbers(10)) GROUP BY n"
        );
        server.admin.query(&statement).execute().await.unwrap();
    }
    let open = "INSERT INTO rollup_hours SELECT DISTINCT toStartOfHour(window_start), 1, 0, 0 \
                FROM cell_partials";
    server.admin.query(open).execute().await.unwrap();
}
