//! Mutation tests: the simulator detects every deliberately broken guarantee.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]

use std::process::Command;

use aggregate::mutations::{BLOCK_ENDS, HOURS, LINEAGE, RECALL, RULES_FIRST, UPTO, VALUES};
use ingest::mutations::LOOK_BACK;
use service::mutations::{COMMITS_WAIT, break_only};
use torture_sim::Campaign;

/// Runs within which a mutation must be detected.
const RUNS: u64 = 5000;

#[track_caller]
fn assert_detected(mutation: &'static str) {
    let mut campaign = Campaign::new().unwrap();
    break_only(Some(mutation));
    let mut runs = (0..RUNS).map(|seed| campaign.run(seed, false).unwrap());
    let outcome = runs.find(|outcome| !outcome.wrong.is_empty());
    break_only(None);
    let outcome = outcome.expect(mutation);
    println!("{mutation}: run {}: {}", outcome.seed, outcome.wrong[0]);
    let unmodified = Campaign::new().unwrap().run(outcome.seed, false).unwrap();
    assert_eq!(
        unmodified.wrong,
        Vec::<String>::new(),
        "the same run is correct without the mutation"
    );
}

#[test]
fn repeated_record_mutation_is_detected() {
    assert_detected(LINEAGE);
}

#[test]
fn missing_row_version_mutation_is_detected() {
    assert_detected(UPTO);
}

#[test]
fn early_commit_mutation_is_detected() {
    assert_detected(COMMITS_WAIT);
}

#[test]
fn random_block_end_mutation_is_detected() {
    assert_detected(BLOCK_ENDS);
}

#[test]
fn forgotten_values_mutation_is_detected() {
    assert_detected(VALUES);
}

#[test]
fn changed_refold_mutation_is_detected() {
    assert_detected(RECALL);
}

#[test]
fn missing_rows_of_hours_mutation_is_detected() {
    assert_detected(HOURS);
}

#[test]
fn rows_before_rules_mutation_is_detected() {
    assert_detected(RULES_FIRST);
}

#[test]
fn missing_look_back_mutation_is_detected() {
    assert_detected(LOOK_BACK);
}

#[test]
fn mutations_do_not_compile_into_programs() {
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
