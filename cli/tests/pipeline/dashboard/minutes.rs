//! Tests the answers that only the role `participants` gets: minutes, and percentiles of any combination.

use serde_json::{Value, json};

use super::world::{Seen, hour_ago};
use super::{Api, PARTICIPANTS, VIEWER, count, encoded, share};

/// The first half of an hour of the world.
fn half_hour(hours_ago: i64) -> String {
    let from = hour_ago(hours_ago);
    format!("from={}&to={}", encoded(&time(from)), encoded(&time(from + 1800)))
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// In the first half of an hour are the ten poor intervals of each session, in the second the good ones.
pub(super) fn come_from_samples(api: &Api, world: &[Seen]) {
    let range = half_hour(3);
    for path in ["summary", "series", "breakdown?by=provider", "distribution", "values?of=provider"]
    {
        let join = if path.contains('?') { '&' } else { '?' };
        let (status, problem) = api.get_as(VIEWER, &format!("{path}{join}{range}"));
        assert_eq!(status, 403, "{path} {problem:#}");
    }
    let (_, summary) = api.get_as(PARTICIPANTS, &format!("summary?country=BR&{range}"));
    let poor = &summary["measures"][0];
    let own: Vec<_> =
        world.iter().filter(|one| one.country == "BR" && one.hours_ago == 3).collect();
    assert_eq!(poor["now"]["sessions"].as_u64().unwrap() as usize, count(&own), "{poor:#}");
    assert_eq!(poor["now"]["value"], 1.0, "{poor:#}");
    assert_eq!(poor["now"]["intervals"].as_u64().unwrap() as usize, own.len() * 10, "{poor:#}");
    assert!(poor["before_adjusted"].is_null(), "{poor:#}");
    assert_eq!(summary["range"]["step"], "minute");
    assert!(summary["source"].as_array().unwrap().contains(&json!("samples")), "{summary:#}");

    // Most of an hour, against the hour of sessions: the same poor time.
    let (_, series) = api.get_as(PARTICIPANTS, &format!("series?country=BR&{range}"));
    let points = series["points"].as_array().unwrap();
    assert_eq!((points.len(), &series["step_s"]), (30, &json!(60)), "{series:#}");
    let (_, hour) = api.get_as(PARTICIPANTS, &format!("series?country=BR&{}", whole_hour(3)));
    let value = hour["points"][0]["figure"]["value"].as_f64().unwrap();
    assert!((value - share(&own)).abs() < 1e-12, "{hour:#}");

    let (_, rows) = api.get_as(PARTICIPANTS, &format!("breakdown?by=provider&country=BR&{range}"));
    assert!(rows["rows"].as_array().unwrap().iter().all(|row| row["adjusted"].is_null()));
    assert_eq!(rows["standard"]["used"], false, "{rows:#}");
    let (status, _) = api.get_as(PARTICIPANTS, &format!("changes?{range}"));
    assert_eq!(status, 400);

    // Set-ups are no intervals, and where there are no samples there are no sessions either.
    let (_, none) = api.get_as(PARTICIPANTS, &format!("summary?{}", half_hour(20)));
    assert_eq!(none["source"], json!(["cell_rows", "overview_minutes"]), "{none:#}");
}

fn whole_hour(hours_ago: i64) -> String {
    let from = hour_ago(hours_ago);
    format!("from={}&to={}", encoded(&time(from)), encoded(&time(from + 3600)))
}

/// A combination that no table has: percentiles come from intervals one by one.
pub(super) fn free_combinations_have_percentiles_for_participants(api: &Api) {
    let path = "breakdown?by=browser&country=BR&network_type=wifi&range=24h&measure=round_trip_p95";
    let (status, answer) = api.get_as(PARTICIPANTS, path);
    assert_eq!(status, 200, "{answer:#}");
    assert!(answer["source"].as_array().unwrap().contains(&Value::from("samples")), "{answer:#}");
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{answer:#}");
    for row in rows {
        // The world's round trip times are 100 ms in Firefox and 50 ms in Chrome.
        let expected = if row["name"] == "Firefox" { 100.0 } else { 50.0 };
        assert_eq!(row["raw"]["value"], expected, "{row:#}");
        assert!(row["raw"]["sessions"].as_u64() > Some(100), "{row:#}");
    }
    let (status, _) =
        api.get("breakdown?by=browser&country=BR&provider=Bad%20Net&range=24h&measure=mos");
    assert_eq!(status, 400, "others have those of the tables alone");
}
