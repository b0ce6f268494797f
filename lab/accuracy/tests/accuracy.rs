//! The claims of `isobar accuracy` that require no ClickHouse, and the page that it writes.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs
)]

use std::fs;
use std::path::Path;

use accuracy::{Findings, Grid};
use enrich::e_model;
use serde_json::Value;
use statistics::wilson;

#[test]
fn every_claim_that_needs_no_clickhouse_holds() {
    let findings = accuracy::offline(Grid::Coarse, |_| ()).unwrap();
    assert!(findings.claims.len() > 15, "{findings:#?}");
    for finding in &findings.claims {
        assert!(finding.ok, "{finding:#?}");
    }
    // Without any intervals, none could exclude the truth.
    let point = |poor: f64, sessions: usize| {
        let mut points = findings.coverage.iter();
        points.find(|at| at.poor == poor && at.sessions == sessions && at.spread == 0.0).unwrap()
    };
    assert!(point(0.5, 20).interval > 0.9 && point(0.01, 1000).interval > 0.9);
    assert_eq!(point(0.002, 200).interval, 0.0);
    let page = accuracy::page(&findings);
    assert!(page.contains("| 1000 | 1 | 100 · "), "{page}");
}

#[test]
fn the_page_on_accuracy_has_all_claims_of_the_command_and_all_are_ok() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/accuracy.md");
    let page = fs::read_to_string(file).unwrap();
    let (claims, coverage) = page.split_once("\n## Coverage").unwrap();
    assert!(coverage.contains("| 4000 | 99 |"), "not the whole grid");
    let rows = claims.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    let shown: Vec<(String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            assert_eq!(cells.len(), 5, "{row}");
            assert_eq!(cells[4], "ok |", "{row}");
            (cells[0].to_owned(), cells[1].to_owned())
        })
        .collect();
    let claimed: Vec<(String, String)> = accuracy::claims()
        .map(|claim| (claim.claim.to_owned(), claim.reference.to_owned()))
        .collect();
    assert_eq!(
        shown, claimed,
        "docs/reference/accuracy.md is out of date: \
         cargo run -- accuracy --whole-grid > docs/reference/accuracy.md"
    );
    let introduction = accuracy::page(&Findings::default());
    assert!(page.starts_with(&introduction), "{introduction}");
}

/// Returns reference values next to the checkout, if there are any.
fn shared(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(name);
    let Ok(json) = fs::read_to_string(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&json).unwrap())
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap()
}

#[track_caller]
fn assert_close(found: f64, row: &Value, key: &str) {
    assert!((found - number(row, key)).abs() <= 1e-6, "{found}, {key}: {row}");
}

#[test]
fn shared_values_of_the_e_model_are_met() {
    let Some(vectors) = shared("e_model.json") else { return };
    let rows = |name: &str| vectors[name].as_array().unwrap().clone();
    for row in rows("mos_from_r") {
        assert_close(e_model::mos(number(&row, "r")), &row, "mos");
    }
    for row in rows("delay_impairment_simplified") {
        assert_close(e_model::simplified_delay_impairment(number(&row, "delay_ms")), &row, "id");
    }
    for row in rows("delay_impairment_g107") {
        assert_close(e_model::delay_impairment(number(&row, "delay_ms")), &row, "idd");
    }
    for row in rows("loss") {
        let of = |key| number(&row, key);
        let impairment = e_model::loss_impairment(of("ie"), of("bpl"), of("loss_percent"));
        assert_close(impairment, &row, "ie_eff");
        assert_close(e_model::mos(93.2 - impairment), &row, "mos");
    }
}

#[test]
fn shared_values_of_wilson_s_interval_are_met() {
    let Some(vectors) = shared("wilson.json") else { return };
    for row in vectors["cases"].as_array().unwrap() {
        let of = |key: &str| row[key].as_u64().unwrap();
        let found = wilson(of("k"), of("n")).unwrap();
        assert_close(found.lower.unwrap(), row, "low");
        assert_close(found.upper.unwrap(), row, "high");
    }
}
