//! A group that was set back folds its blocks again as its audits say, and as committed if those are lost.

use service::Commit;

use super::*;

fn settings(block_records: i64) -> AggregateSettings {
    AggregateSettings { block_records, ..AggregateSettings::default() }
}

/// Starts and ends of the blocks in audits.
fn blocks(audits: &[BlockAudit]) -> Vec<(i64, i64)> {
    audits.iter().map(|block| (block.block_start, block.upto)).collect()
}

/// Reads the records `from..upto`, stops, and returns all commits.
fn reads(run: &mut Run, from: i64, upto: i64) -> Vec<Commit> {
    for offset in from..upto {
        run.report(offset, MINUTE_MS, &report(offset, EventKind::Joined, 1));
    }
    run.pipeline.drain(&mut run.out).unwrap();
    std::mem::take(&mut run.out.checkpoints)
}

/// Starts a process where `committed` and these audits say.
fn starts(settings: AggregateSettings, committed: &Committed, audits: &[BlockAudit]) -> (Run, i64) {
    let registry = Registry::new();
    let mut pipeline = Pipeline::new(settings, "enriched", &registry).unwrap();
    let (_, mut recall) = pipeline.recalls(SOURCE, Some(committed)).unwrap();
    audits.iter().for_each(|audit| recall.record(&schemas::encode(audit).unwrap()));
    let recalled = recall.conclude(Offset(0), Offset(12)).unwrap();
    let committed = recalled.as_ref().unwrap_or(committed);
    assert_eq!(pipeline.refuses(SOURCE, committed), None);
    let mut out = Recorder::default();
    out.assign(SOURCE);
    pipeline.assigned(SOURCE, Some(committed)).unwrap();
    (Run { pipeline, out, registry }, committed.offset.0)
}

/// Returns the commit of a process that was set back to the beginning and has read only one record, and
/// the audits of the blocks before it was.
fn set_back() -> (Committed, Vec<BlockAudit>) {
    let mut first = Run::new(settings(3));
    reads(&mut first, 0, 12);
    let audits = first.sent::<BlockAudit>(Topic::Blocks);
    assert_eq!(blocks(&audits), [(0, 3), (3, 6), (6, 9), (9, 12)]);
    let by_hand = Committed { offset: Offset(0), metadata: String::new() };
    let (mut second, start) = starts(settings(5), &by_hand, &audits);
    let commits = reads(&mut second, start, 1);
    let [commit] = &commits[..] else { panic!("{commits:?}") };
    assert_eq!(commit.offset, Offset(0));
    (Committed { offset: commit.offset, metadata: commit.metadata.clone() }, audits)
}

#[test]
fn a_group_that_was_set_back_continues_without_its_audits() {
    let (committed, _) = set_back();
    let (mut run, start) = starts(settings(5), &committed, &[]);
    assert_eq!(start, 0);
    let commits = reads(&mut run, 0, 12);
    let again = run.sent::<BlockAudit>(Topic::Blocks);
    assert_eq!(blocks(&again), [(0, 3), (3, 6), (6, 9), (9, 12)], "other settings wait");
    let last = commits.last().unwrap();
    let last = Committed { offset: last.offset, metadata: last.metadata.clone() };
    assert!(run.pipeline.recalls(SOURCE, Some(&last)).is_none(), "{last:?}");
}

#[test]
fn audits_decide_again_after_a_restart_as_long_as_they_are_there() {
    let (committed, mut audits) = set_back();
    for (audit, (start, upto)) in audits[2..].iter_mut().zip([(6, 8), (8, 10)]) {
        (audit.block_start, audit.upto) = (start, upto);
        audit.rules = audit.rules.replace("\"n\":3", "\"n\":2");
    }
    let (mut run, start) = starts(settings(5), &committed, &audits);
    let commits = reads(&mut run, start, 12);
    let again = run.sent::<BlockAudit>(Topic::Blocks);
    assert_eq!(blocks(&again)[..4], [(0, 3), (3, 6), (6, 8), (8, 10)]);
    // One commit cannot describe blocks of several rules.
    assert!(commits.iter().all(|commit| commit.offset >= Offset(10)), "{commits:?}");
}

#[test]
fn a_commit_of_another_epoch_is_refused_and_not_recalled() {
    let (committed, _) = set_back();
    let next = AggregateSettings { epoch: 2, ..settings(5) };
    let pipeline = Pipeline::new(next, "enriched", &Registry::new()).unwrap();
    assert!(pipeline.recalls(SOURCE, Some(&committed)).is_none());
    let refusal = pipeline.refuses(SOURCE, &committed).unwrap();
    assert_eq!(refusal.reason, RefusalReason::Epoch);
}
