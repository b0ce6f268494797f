//! What is claimed is held: broken on purpose, each claim is found wanting.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]

use std::process::Command;

use aggregate::mutations::{BLOCK_ENDS, LINEAGE, RECALL, RULES_FIRST, UPTO, VALUES};
use ingest::mutations::LOOK_BACK;
use service::mutations::{COMMITS_WAIT, break_only};
use torture_sim::Campaign;

/// Runs within which a broken claim has to show.
const RUNS: u64 = 5000;

#[track_caller]
fn shows(claim: &'static str) {
    let mut campaign = Campaign::new().unwrap();
    break_only(Some(claim));
    let mut runs = (0..RUNS).map(|seed| campaign.run(seed, false).unwrap());
    let outcome = runs.find(|outcome| !outcome.wrong.is_empty());
    break_only(None);
    let outcome = outcome.expect(claim);
    println!("{claim}: run {}: {}", outcome.seed, outcome.wrong[0]);
    let mended = Campaign::new().unwrap().run(outcome.seed, false).unwrap();
    assert_eq!(mended.wrong, Vec::<String>::new(), "the run is well once the claim is mended");
}

#[test]
fn a_record_that_counts_again_shows() {
    shows(LINEAGE);
}

#[test]
fn rows_without_their_version_show() {
    shows(UPTO);
}

#[test]
fn commits_before_acknowledgements_show() {
    shows(COMMITS_WAIT);
}

#[test]
fn blocks_that_end_by_chance_show() {
    shows(BLOCK_ENDS);
}

#[test]
fn values_that_are_forgotten_when_they_are_written_show() {
    shows(VALUES);
}

#[test]
fn blocks_that_are_folded_otherwise_once_offsets_are_forgotten_show() {
    shows(RECALL);
}

#[test]
fn rows_that_do_not_wait_for_their_rules_show() {
    shows(RULES_FIRST);
}

#[test]
fn a_restart_without_look_back_shows() {
    shows(LOOK_BACK);
}

#[test]
fn no_program_can_be_broken() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--offline", "--locked", "--edges", "normal,build,features"])
        .args(["--prefix", "none"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."))
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.status.success() && text.contains("ingest feature \"program\""), "{text}");
    for feature in ["mutations", "failpoints"] {
        assert!(!text.contains(feature), "a program would be built with {feature}");
    }
}
