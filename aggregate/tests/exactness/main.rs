//! The merged rows equal a fold of the raw log, with any block ends, restarts, replays and zombies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod group;
mod views;
mod world;

use aggregate::AggregateSettings;
use group::{Group, Life, lives};
use proptest::prelude::*;
use views::Tables;
use world::{Entry, Raw, hop_lives, raw};

fn settings(block_records: i64) -> AggregateSettings {
    AggregateSettings { block_records, ..AggregateSettings::default() }
}

/// Returns the views of one undisturbed process that reads the output of undisturbed services.
fn undisturbed(raw: &Raw) -> Tables {
    let mut group = Group::default();
    group.run(&raw.undisturbed(), &Life::to_the_end(settings(500_000)));
    Tables::of(&group.rows)
}

fn sum(tables: &Tables, of: impl Fn(&schemas::BlockAudit) -> i64) -> i64 {
    tables.blocks().iter().map(of).sum()
}

fn check(tables: &Tables, raw: &Raw, log: &[Entry]) {
    let blocks = tables.blocks();
    assert_eq!(blocks[0].block_start, log[0].offset, "the first block begins with the log");
    assert_eq!(blocks.last().unwrap().upto, log.last().unwrap().offset + 1, "and the last ends so");
    for pair in blocks.windows(2) {
        assert!(pair[0].finished, "{pair:?}");
        assert_eq!(pair[0].upto, pair[1].block_start, "no gap, no overlap");
    }
    assert_eq!(sum(tables, |block| block.read), log.len() as i64);
    assert_eq!(sum(tables, |block| block.undecodable), 0);
    assert_eq!(blocks.last().unwrap().raw_holes, 0);
    let outcomes = [
        sum(tables, |block| block.accepted),
        sum(tables, |block| block.duplicate),
        sum(tables, |block| block.late),
        sum(tables, |block| block.invalid),
    ];
    assert_eq!(outcomes, raw.outcomes());
    let (intervals, bytes) = raw.totals();
    assert_eq!(sum(tables, |block| block.intervals), intervals);
    let views = tables.views();
    let total = |grouping: &str, measure: &str| {
        let cells = views.cells.iter().filter(|(name, _)| name.starts_with(grouping));
        cells.map(|(_, cell)| cell.measures[measure]).sum::<i64>()
    };
    for grouping in ["place", "client"] {
        assert_eq!((total(grouping, "intervals"), total(grouping, "bytes")), (intervals, bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_cuts_restarts_and_replays_give_the_same_views(
        raw in raw(),
        hops in hop_lives(),
        lives in lives(),
        block_records in 1..40i64,
    ) {
        let log = raw.enriched(&hops);
        let mut group = Group::default();
        for life in lives {
            group.run(&log, &life.with(settings(block_records)));
        }
        group.run(&log, &Life::to_the_end(settings(block_records)));
        let tables = Tables::of(&group.rows);
        check(&tables, &raw, &log);
        prop_assert_eq!(tables.views(), undisturbed(&raw).views());
    }

    #[test]
    fn a_zombie_that_writes_on_changes_nothing(
        raw in raw(),
        hops in hop_lives(),
        zombies in lives(),
        block_records in 1..40i64,
    ) {
        let log = raw.enriched(&hops);
        let mut group = Group::default();
        let mut late_rows = Vec::new();
        for zombie in zombies {
            late_rows.extend(group.fenced_off(&log, &zombie.with(settings(block_records))));
            group.run(&log, &zombie.with(settings(block_records)));
        }
        group.run(&log, &Life::to_the_end(settings(block_records)));
        let before = Tables::of(&group.rows).views();
        group.rows.extend(late_rows);
        let tables = Tables::of(&group.rows);
        check(&tables, &raw, &log);
        prop_assert_eq!(&tables.views(), &before);
        prop_assert_eq!(before, undisturbed(&raw).views());
    }

    #[test]
    fn new_settings_hold_from_the_next_block_and_change_no_view(
        raw in raw(),
        stops in prop::collection::vec((1..60usize, 1..40i64), 0..4),
    ) {
        let log = raw.undisturbed();
        let mut group = Group::default();
        for (takes, block_records) in stops {
            group.run(&log, &Life::stopped_cleanly(takes, settings(block_records)));
        }
        group.run(&log, &Life::to_the_end(settings(7)));
        let tables = Tables::of(&group.rows);
        check(&tables, &raw, &log);
        prop_assert_eq!(tables.views(), undisturbed(&raw).views());
    }
}
