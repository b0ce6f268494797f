//! The cores under every fault.
#![allow(clippy::unwrap_used, missing_docs)]

use torture_sim::Campaign;

#[test]
fn views_match_the_raw_log_under_all_faults() {
    let started = std::time::Instant::now();
    let mut campaign = Campaign::new().unwrap();
    let mut first = Vec::new();
    let runs = std::env::var("RUNS").map_or(20_000, |n| n.parse().unwrap());
    let totals = campaign
        .play(0, runs, |outcome| {
            if first.len() < 10 {
                first.push(outcome.clone());
            }
        })
        .unwrap();
    println!("{totals:?} {:?}", started.elapsed());
    assert_eq!(first, [], "{totals:?}");
}
