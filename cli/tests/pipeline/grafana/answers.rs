//! Panels of ClickHouse beside the answers of the dashboard's API.

use std::time::Duration;

use accuracy::Server;
use serde_json::Value;
use stack::http;

use super::{Target, expand};
use crate::questions::ask;

/// Figures that were compared.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) figures: usize,
}

/// Values of variables with which panels are compared; those that are not named are `all`.
const SELECTIONS: [&[(&str, &str)]; 4] = [
    &[],
    &[("kind", "audio")],
    &[("country", "BR")],
    &[("country", "BR"), ("provider", "Usual Net"), ("kind", "video")],
];

/// Kind of API answer that has the figures of a panel.
enum Form {
    /// The only row is the figure of a measure now.
    Summary(&'static str),
    /// Rows are points of a series of the measure.
    Series(&'static str),
    /// Rows are points of a series of the release in the row.
    Releases,
    /// Rows are those of a dimension, by a measure.
    Breakdown(&'static str, &'static str),
    /// The only row is the newest minute.
    Freshness,
}

/// Returns the form of a panel, and the variables that it follows.
fn form(target: &Target) -> (Form, &'static [&'static str]) {
    const ALL: &[&str] = &["app", "country", "provider", "kind"];
    const COUNTRY: &[&str] = &["app", "country", "kind"];
    match target.title.as_str() {
        "Poor share" => (Form::Summary("poor_share"), ALL),
        "Packet loss" => (Form::Summary("loss"), ALL),
        "Failed set-ups" => (Form::Summary("setup_failures"), ALL),
        "Poor share over time" => (Form::Series("poor_share"), ALL),
        "Round trip by hour" => (Form::Series("round_trip_p95"), ALL),
        "Worst countries" => (Form::Breakdown("country", "poor_share"), &["app", "kind"]),
        "Worst providers" | "Providers of the country" => {
            (Form::Breakdown("provider", "poor_share"), COUNTRY)
        }
        "By network type" => (Form::Breakdown("network_type", "poor_share"), ALL),
        "By edge" => (Form::Breakdown("edge", "poor_share"), ALL),
        "By browser" => (Form::Breakdown("browser", "poor_share"), ALL),
        "Poor share by release" => (Form::Breakdown("client_version", "poor_share"), COUNTRY),
        "Failed set-ups by release" => {
            (Form::Breakdown("client_version", "setup_failures"), COUNTRY)
        }
        "Packet loss by release" => (Form::Breakdown("client_version", "loss"), COUNTRY),
        "Poor share by release and hour" => (Form::Releases, COUNTRY),
        "Newest complete minute" => (Form::Freshness, &[]),
        other => panic!("{}: {other} is not compared with the API", target.dashboard),
    }
}

/// Compares all rows of a panel, with several selections.
pub(super) async fn compare(
    server: &Server,
    address: &str,
    target: &Target,
    compared: &mut Compared,
) {
    let (form, follows) = form(target);
    let before = compared.figures;
    for selection in SELECTIONS {
        let usable = |(name, _): &(&str, &str)| target.text.contains(&format!("${{{name}:"));
        if !selection.iter().all(usable) {
            continue;
        }
        let value = |name: &str| {
            let found = selection.iter().find(|(own, _)| *own == name);
            found.map_or("all", |(_, value)| value).to_owned()
        };
        let filter: String = selection
            .iter()
            .filter(|(name, _)| follows.contains(name))
            .map(|(name, value)| format!("&{name}={}", value.replace(' ', "%20")))
            .collect();
        let context = format!("{}, {}: {selection:?}", target.dashboard, target.title);
        let panel = Panel {
            server,
            address,
            sql: &target.text,
            filter: &filter,
            value: &value,
            context: &context,
        };
        compared.figures += panel.compare(&form).await;
    }
    // The made-up world has no round trips of video, and so no rows of that selection.
    let (dashboard, title) = (&target.dashboard, &target.title);
    assert!(compared.figures > before, "{dashboard}, {title}: nothing was compared");
}

/// Asks for something, so that the dashboard has metrics of requests and queries.
pub(super) fn ask_the_api(address: &str) {
    let answer =
        http::get_within(address, "/api/v1/summary?range=7d", Duration::from_secs(60)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

struct Panel<'a> {
    server: &'a Server,
    address: &'a str,
    sql: &'a str,
    filter: &'a str,
    value: &'a dyn Fn(&str) -> String,
    context: &'a str,
}

impl Panel<'_> {
    fn api(&self, query: &str) -> Value {
        let path = format!("/api/v1/{query}{}", self.filter);
        let answer = http::get_within(self.address, &path, Duration::from_secs(60)).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Returns the rows of the panel for the time range of an answer.
    async fn rows(&self, answer: &Value) -> Vec<Value> {
        let second = |end: &str| {
            let text = answer["range"][end].as_str().unwrap();
            text.parse::<jiff::Timestamp>().unwrap().as_second()
        };
        ask(self.server, &expand::sql(self.sql, second("from")..second("to") - 1, self.value)).await
    }

    async fn compare(&self, form: &Form) -> usize {
        match form {
            Form::Summary(measure) => {
                let answer = self.api("summary?range=24h");
                let measures = answer["measures"].as_array().unwrap();
                let figure = measures.iter().find(|one| one["measure"] == *measure).unwrap();
                let rows = self.rows(&answer).await;
                assert_eq!(rows.len(), 1, "{}: {rows:?}", self.context);
                self.assert_figure(&rows[0], "share", &figure["now"]);
                1
            }
            Form::Series(measure) => self.series(measure).await,
            Form::Releases => self.releases().await,
            Form::Breakdown(by, measure) => self.breakdown(by, measure).await,
            Form::Freshness => {
                let answer = self.api("freshness?");
                let rows = ask(self.server, self.sql).await;
                let newest =
                    answer["newest_minute"].as_str().unwrap().replace('T', " ").replace('Z', "");
                assert_eq!(rows[0]["newest_minute"], newest, "{}", self.context);
                1
            }
        }
    }

    async fn series(&self, measure: &str) -> usize {
        let answer = self.api(&format!("series?range=24h&measure={measure}"));
        let rows = self.rows(&answer).await;
        let points = answer["points"].as_array().unwrap();
        for row in &rows {
            let point = point_at(points, row).unwrap_or_else(|| panic!("{}: {row}", self.context));
            if measure == "poor_share" {
                // The API folds cells of an hour that are small beside a longer range.
                if point["figure"]["state"] != "too_few" {
                    self.assert_figure(row, "share", &point["figure"]);
                }
            } else if !point["p50"].is_null() {
                // Hidden beside a small sibling otherwise.
                self.assert_same(row, "p50", &point["p50"]);
                self.assert_same(row, "p95", &point["p95"]);
            }
        }
        rows.len()
    }

    async fn releases(&self) -> usize {
        let whole = self.api("series?range=24h");
        let rows = self.rows(&whole).await;
        let releases: std::collections::BTreeSet<_> =
            rows.iter().map(|row| row["client_version"].as_str().unwrap()).collect();
        for release in releases {
            let answer = self.api(&format!("series?range=24h&client_version={release}"));
            let points = answer["points"].as_array().unwrap();
            for row in rows.iter().filter(|row| row["client_version"] == release) {
                let point = point_at(points, row).unwrap();
                if point["figure"]["state"] != "too_few" {
                    self.assert_same(row, "share", &point["figure"]["value"]);
                }
            }
        }
        rows.len()
    }

    async fn breakdown(&self, by: &str, measure: &str) -> usize {
        let answer = self.api(&format!("breakdown?by={by}&range=24h&limit=1000&measure={measure}"));
        let rows = self.rows(&answer).await;
        let limits: Vec<_> =
            rows.iter().map(|row| row["at_least"].as_f64().unwrap_or(-1.0)).collect();
        assert!(limits.is_sorted_by(|one, next| one >= next), "{}: {rows:?}", self.context);
        let mut compared = 0;
        for row in &rows {
            let is_same = |one: &&Value| {
                one["name"] == row[by]
                    && (by != "provider" || one["key"]["country"] == row["country"])
            };
            // Rows of few sessions are folded in the API, and `unknown` is a country of several continents.
            let mut same = answer["rows"].as_array().unwrap().iter().filter(is_same);
            let (Some(own), None) = (same.next(), same.next()) else { continue };
            if own["adjusted"].is_null() {
                continue;
            }
            self.assert_figure(row, "share", &own["adjusted"]);
            self.assert_same(row, "raw_share", &own["raw"]["value"]);
            self.assert_same(row, "sessions", &own["raw"]["sessions"]);
            self.assert_same(row, "effective_sessions", &own["adjusted"]["effective_sessions"]);
            assert_eq!(row["state"], own["adjusted"]["state"], "{}: {row} {own:#}", self.context);
            compared += 1;
        }
        compared
    }

    fn assert_figure(&self, row: &Value, column: &str, figure: &Value) {
        self.assert_same(row, column, &figure["value"]);
        self.assert_same(row, "at_least", &figure["lower"]);
        self.assert_same(row, "at_most", &figure["upper"]);
    }

    fn assert_same(&self, row: &Value, column: &str, expected: &Value) {
        let found =
            row.get(column).unwrap_or_else(|| panic!("{}: no {column}: {row}", self.context));
        let same = match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => {
                (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
            }
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(same, "{}, {column}: {found} instead of {expected}: {row}", self.context);
    }
}

/// Returns the point at the time of a row.
fn point_at<'a>(points: &'a [Value], row: &Value) -> Option<&'a Value> {
    let time = format!("{}Z", row["time"].as_str()?.replace(' ', "T"));
    points.iter().find(|point| point["at"] == time)
}
