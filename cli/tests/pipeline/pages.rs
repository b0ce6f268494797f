//! `isobar bench --pages` in small: every page is opened, and all answers have figures.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::Turn;

#[test]
fn the_bench_opens_every_page_over_seeded_days() {
    let turn = Turn::take();
    let file = turn.folder.path().join("pages.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command
        .args(["bench", "--pages", "--cells-per-minute=60", "--days=1", "--minute-hours=4"])
        .args([
            "--page-sessions=1000",
            "--page-runs=1",
            "--page-ranges=24h",
            "--no-readers",
            "--json",
        ])
        .arg(&file);
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");

    let figures: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let views = figures["views"].as_array().unwrap();
    let failed: Vec<_> = views.iter().flat_map(|view| view["failed"].as_array().unwrap()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let opened: BTreeSet<_> = views.iter().map(|view| view["view"].as_str().unwrap()).collect();
    for page in ["Now", "Place", "Provider", "League", "Compare", "full cube: free filter"] {
        assert!(opened.contains(page), "{page}: {opened:?}");
    }
    assert_eq!(views.len(), opened.len());
    assert!(views.iter().all(|view| view["p95_seconds"].as_f64().unwrap() > 0.0), "{views:#?}");
    // Five rows of a session in its hour, and more in the second hour of some.
    assert!(figures["rows"].as_u64().unwrap() > 5 * 1000, "{figures}");
    assert_eq!(figures["asked"], figures["seeded"]);
}
