//! The invariants, after a run.

use std::collections::{BTreeMap, HashMap};

use oracle::oracle::Block;
use oracle::verify::{Actual, Logs, compare};
use schemas::{BlockAudit, DeadLetter, EnrichedReport};
use serde::Deserialize;
use world::truth::{Dead, payload_hash};

use crate::Trouble;
use crate::cluster::{Cluster, Topic};
use crate::table::Tables;
use crate::world::{Place, World};

/// Returns the discrepancies of a run; none if it is correct.
pub(crate) fn check(
    world: &World,
    cluster: &Cluster,
    tables: &Tables,
) -> Result<Vec<String>, Trouble> {
    let mut wrong = tables.fell.clone();
    let letters = dead_letters(world, cluster, &mut wrong)?;
    let mut enriched = BTreeMap::new();
    for partition in 0..world.partitions.len() {
        let entries = &cluster.log(Topic::Enriched, partition).entries;
        if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            enriched.insert(partition as i32, (first.offset, last.offset + 1));
        }
    }
    let blocks = tables.blocks();
    tiles(world, cluster, &blocks, &mut wrong);
    let folded = folded(world, cluster, &blocks)?;
    let expected = world.expected(|place| folded.get(&place).copied())?;
    let actual = Actual {
        logs: Logs {
            raw_records: world.partitions.iter().map(|log| log.len() as u64).sum(),
            enriched,
            dead_letters: letters,
        },
        cells: tables.cells()?,
        sessions: tables.sessions(),
        session_hours: tables.session_hours(),
        // The simulated tables have no view of days.
        session_days: None,
        // The simulated tables have no view with verdicts.
        cqd: None,
        blocks,
        split_sessions: Vec::new(),
    };
    wrong.extend(compare(&expected, &actual).differences);
    Ok(wrong)
}

/// Returns the block of each raw record with a report; the first of several counts.
fn folded(
    world: &World,
    cluster: &Cluster,
    blocks: &[BlockAudit],
) -> Result<HashMap<Place, Block>, Trouble> {
    #[derive(Deserialize)]
    struct Caps {
        session_values: usize,
        values: usize,
    }
    let mut of_log = BTreeMap::new();
    for block in blocks {
        let Caps { session_values, values } = serde_json::from_str(&block.rules)?;
        let (partition, start) = (block.partition, block.block_start);
        of_log.insert((partition, start), Block { partition, start, session_values, values });
    }
    let mut folded = HashMap::new();
    for partition in 0..world.partitions.len() {
        for entry in &cluster.log(Topic::Enriched, partition).entries {
            let lineage = schemas::decode::<EnrichedReport>(&entry.payload)?.lineage;
            let number = partition as i32;
            let block = of_log.range(..=(number, entry.offset)).next_back();
            if let Some((_, block)) = block.filter(|((of, _), _)| *of == number) {
                folded.entry((number, lineage.raw_to)).or_insert(*block);
            }
        }
    }
    Ok(folded)
}

/// Compares dead letters: each source offset once, and exactly those of invalid records.
fn dead_letters(
    world: &World,
    cluster: &Cluster,
    wrong: &mut Vec<String>,
) -> Result<Vec<Dead>, Trouble> {
    let mut found = BTreeMap::new();
    for partition in 0..world.partitions.len() {
        for entry in &cluster.log(Topic::DeadLetters, partition).entries {
            let letter: DeadLetter = schemas::decode(&entry.payload)?;
            if letter.stage != "ingest" {
                wrong.push(format!("a dead letter of {}: {}", letter.stage, letter.reason));
                continue;
            }
            let dead = Dead { why: letter.reason, hash: payload_hash(&letter.payload) };
            found.insert((letter.source_partition, letter.source_offset), dead);
        }
    }
    for (partition, offset) in world.dead.keys().filter(|source| !found.contains_key(source)) {
        wrong.push(format!("raw/{partition} {offset} has no dead letter"));
    }
    for (partition, offset) in found.keys().filter(|source| !world.dead.contains_key(source)) {
        wrong.push(format!("raw/{partition} {offset} has a dead letter and is well"));
    }
    Ok(found.into_values().collect())
}

/// Checks that blocks begin with the log, that all but the last have ended, and that together they
/// read each record once.
fn tiles(world: &World, cluster: &Cluster, blocks: &[BlockAudit], wrong: &mut Vec<String>) {
    for partition in 0..world.partitions.len() {
        let log = &cluster.log(Topic::Enriched, partition).entries;
        let mut of_log: Vec<_> =
            blocks.iter().filter(|block| block.partition as usize == partition).collect();
        of_log.sort_by_key(|block| block.block_start);
        let (first, begins) = (log.first().map(|entry| entry.offset), of_log.first());
        if first != begins.map(|block| block.block_start) {
            wrong
                .push(format!("partition {partition}: the log begins at {first:?}, blocks do not"));
        }
        for open in of_log.iter().rev().skip(1).filter(|block| !block.finished) {
            wrong.push(format!("partition {partition}: block {} is open", open.block_start));
        }
        let read: i64 = of_log.iter().map(|block| block.read).sum();
        if read != log.len() as i64 {
            wrong.push(format!("partition {partition}: blocks read {read} of {}", log.len()));
        }
    }
}
