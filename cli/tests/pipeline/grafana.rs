//! Grafana's dashboards (`deploy/grafana`) on real servers: they are what their source generates, every panel's
//! SQL has the figures of the dashboard's API, and every PromQL is answered by a Prometheus that scrapes the
//! services.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use accuracy::Server;
use serde_json::Value;
use stack::Watch;

use crate::harness::{Turn, assert_verified, insert_complete_minute, verdict, world};
use crate::questions::{insert_mixes, start_dashboard};

mod answers;
mod expand;
mod scraped;

const NAMES: [&str; 4] = ["overview", "pipeline", "provider", "releases"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/grafana")
}

fn dashboard(name: &str) -> Value {
    let text =
        fs::read_to_string(folder().join("dashboards").join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A query of a panel.
struct Target {
    dashboard: &'static str,
    title: String,
    /// PromQL or SQL.
    text: String,
}

/// Returns the queries of all panels to the data source of this type.
fn targets(source: &str, field: &str) -> Vec<Target> {
    let mut targets = Vec::new();
    for name in NAMES {
        for panel in dashboard(name)["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                if target["datasource"]["type"] == source {
                    let title = panel["title"].as_str().unwrap().to_owned();
                    let text = target[field].as_str().unwrap().to_owned();
                    targets.push(Target { dashboard: name, title, text });
                }
            }
        }
    }
    targets
}

/// Copies the source without what it generates, and generates it there.
#[test]
fn committed_dashboards_are_what_their_source_generates() {
    let copy = tempfile::tempdir().unwrap();
    for file in ["package.json", "package-lock.json", "tsconfig.json"] {
        fs::copy(folder().join(file), copy.path().join(file)).unwrap();
    }
    fs::create_dir(copy.path().join("src")).unwrap();
    for entry in fs::read_dir(folder().join("src")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join("src").join(entry.file_name())).unwrap();
    }
    for arguments in
        [&["ci", "--ignore-scripts", "--no-audit", "--no-fund"][..], &["run", "generate"]]
    {
        let output = Command::new("npm").args(arguments).current_dir(copy.path()).output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "npm {arguments:?}: {printed}");
    }
    let files = |folder: PathBuf| -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read_to_string(entry.path()).unwrap(),
                )
            })
            .collect()
    };
    let generated = files(copy.path().join("dashboards"));
    assert!(
        generated.keys().eq(NAMES.map(|name| format!("{name}.json")).iter()),
        "{:?}",
        generated.keys()
    );
    for (name, committed) in files(folder().join("dashboards")) {
        let same = generated.get(&name) == Some(&committed);
        assert!(
            same,
            "{name} differs; run `npm ci --ignore-scripts && npm run generate` in deploy/grafana"
        );
    }
}

#[test]
fn panels_have_units_and_descriptions_and_no_data_source_of_their_own() {
    for name in NAMES {
        let dashboard = dashboard(name);
        let variables: BTreeSet<_> = dashboard["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variable| variable["name"].as_str().unwrap().to_owned())
            .collect();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {panel:#}");
            assert!(
                panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{name}: {panel:#}"
            );
            for target in panel["targets"].as_array().unwrap() {
                let uid = target["datasource"]["uid"].as_str().unwrap();
                let variable = uid.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                assert!(variable.is_some_and(|it| variables.contains(it)), "{name}: {uid}");
                for used in expand::variables(target["rawSql"].as_str().unwrap_or_default()) {
                    assert!(variables.contains(&used), "{name} has no variable {used}: {panel:#}");
                }
            }
        }
    }
    for file in ["datasources/isobar.yaml", "dashboards/isobar.yaml"] {
        let text = fs::read_to_string(folder().join("provisioning").join(file)).unwrap();
        for line in text.lines().filter(|line| line.contains("password:")) {
            assert!(line.ends_with("password: $ISOBAR_CLICKHOUSE_DASHBOARD_PASSWORD"), "{line}");
        }
    }
}

#[tokio::test]
async fn every_panel_answers_as_the_api_and_every_metric_is_there() {
    let turn = Turn::take();
    let mut pipeline = turn.pipeline().await;
    let access = pipeline.stack.access();
    let server = Server { admin: access.client("migrate"), reader: access.client("dashboard") };
    let (_dashboard, address) = start_dashboard(&turn, &access);

    let mut scraped: Vec<_> = pipeline
        .services
        .ports()
        .into_iter()
        .map(|(service, port)| (service.name(), format!("127.0.0.1:{port}")))
        .collect();
    scraped.push(("dashboard", address.clone()));
    let prometheus = scraped::Prometheus::start(turn.folder.path(), &scraped);
    let mut watch = Watch::start(&pipeline.stack, &world(20)).await.unwrap();
    answers::ask_the_api(&address);
    assert_verified(&verdict(&mut watch, &pipeline.stack).await);
    if let Some(prometheus) = prometheus {
        // Rates need two scrapes after the first request.
        answers::ask_the_api(&address);
        tokio::time::sleep(Duration::from_secs(4)).await;
        let targets = targets("prometheus", "expr");
        assert!(targets.len() > 10);
        for target in targets {
            prometheus.answers(&target);
        }
    }

    // Sink would build hours again while panels are compared, and hours that it has just built are read from
    // both places for five seconds.
    pipeline.services.stop();
    tokio::time::sleep(Duration::from_secs(6)).await;
    // The simulated world has too few sessions for intervals.
    insert_mixes(&server).await;
    insert_complete_minute(&server.admin).await;
    let mut compared = answers::Compared::default();
    for target in targets("grafana-clickhouse-datasource", "rawSql") {
        answers::compare(&server, &address, &target, &mut compared).await;
    }
    assert!(compared.figures > 500, "{compared:?}");
    choices_of_variables_are_there(&server).await;
}

/// Runs the queries of the variables, whose first value is `all`.
async fn choices_of_variables_are_there(server: &Server) {
    let mut asked = 0;
    for name in NAMES {
        for variable in dashboard(name)["templating"]["list"].as_array().unwrap() {
            let Some(sql) = variable["query"]["rawSql"].as_str() else { continue };
            let all = |_: &str| "all".to_owned();
            let sql = expand::sql(sql, 0..0, &all);
            let column = variable["name"].as_str().unwrap();
            let found: Vec<_> = crate::questions::ask(server, &sql)
                .await
                .iter()
                .map(|row| row[column].as_str().unwrap().to_owned())
                .collect();
            assert!(found[0] == "all" && found.len() > 1, "{name} {column}: {found:?}");
            asked += 1;
        }
    }
    assert!(asked >= 7, "{asked}");
}
