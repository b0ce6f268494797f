//! Refusals and recovery: worlds are played, data is removed, a service refuses, the commands of
//! the page are run, and ClickHouse is compared with the truth of the worlds.

use deploy::service::Service;

use crate::recovery_page::{commands, run};

mod logs;
mod newer;
mod restored;
mod sink_topics;
mod site;

use site::{BLOCKS, CELLS, ENRICHED, RAW, REPORTS, SESSIONS, Site, now};

#[tokio::test]
async fn recreated_topics_lose_only_the_documented_records() {
    const HEADING: &str = "81:";
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    // Nothing is unread in the old one.
    site.stop(Ingest);
    site.raw_gone = site.ends(RAW).iter().map(|(_, end)| end).sum();
    site.create_anew(&[RAW]).await;
    let line = site.refuses(Ingest, 81);
    assert!(line.contains("exit-codes.md"), "{line}");
    site.folded().await;
    site.stop(Aggregate);
    site.follow(HEADING, RAW, &[]).await;
    site.raise_epoch();
    site.start(Aggregate);
    site.start(Ingest);
    site.play();
    site.verified().await;

    // A world is in no other topic than the raw one.
    site.stop(Enrich);
    site.leave_unread(Enrich);
    site.create_anew(&[REPORTS]).await;
    site.refuses(Enrich, 81);
    site.follow(HEADING, REPORTS, &[]).await;
    site.go_on(&[Enrich, Ingest]).await;

    // A world is partly folded, and partly in the topic that is deleted.
    site.play();
    site.drained(Ingest);
    site.stop(Aggregate);
    site.play();
    site.drained(Enrich);
    site.stop(Enrich);
    site.stop(Ingest);
    site.stop(Sink);
    site.create_anew(&[ENRICHED]).await;
    site.has_new_log = true;
    site.refuses(Aggregate, 81);
    site.refuses(Sink, 81);
    site.follow(HEADING, ENRICHED, &[]).await;
    site.start(Sink);
    site.new_epoch().await;
    site.verified().await;

    for topic in [CELLS, SESSIONS] {
        site.stop(Sink);
        site.leave_unread(Sink);
        site.create_anew(&[topic]).await;
        site.refuses(Sink, 81);
        // One case of the page is for both.
        site.follow(HEADING, CELLS, &[]).await;
        site.go_on(&[Aggregate, Sink]).await;
    }
}

/// Stops sink, creates the topic of audits anew, and follows the page.
async fn recreate_audits(site: &mut Site) {
    site.stop(Service::Sink);
    site.create_anew(&[BLOCKS]).await;
    site.refuses(Service::Sink, 81);
    site.follow("81:", BLOCKS, &[]).await;
}

#[tokio::test]
async fn a_recreated_audit_topic_loses_no_inserted_audit() {
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;
    site.drained(Sink);
    site.stop(Aggregate);
    recreate_audits(&mut site).await;
    site.play();
    site.go_on(&[Aggregate, Sink]).await;

    // Aggregate was set back, and folds again without having begun a block since.
    site.stop(Aggregate);
    site.set_back_aggregate().await;
    site.start(Aggregate);
    site.commits_metadata(Aggregate).await;
    site.stop(Aggregate);
    recreate_audits(&mut site).await;
    site.play();
    site.go_on(&[Aggregate, Sink]).await;

    // Its offset was set back and it has not run since: the rules of the fold are unknown.
    site.stop(Aggregate);
    site.drained(Sink);
    site.set_back_aggregate().await;
    recreate_audits(&mut site).await;
    site.start(Sink);
    let line = site.refuses(Aggregate, 88);
    assert!(line.contains("the topic of audits was deleted"), "{line}");
    site.stop(Ingest);
    site.stop(Enrich);
    site.new_epoch().await;
    site.play();
    site.verified().await;
}

#[tokio::test]
async fn lost_log_ends_lose_only_the_documented_records() {
    const HEADING: &str = "A log that lost";
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    site.stop(Enrich);
    site.leave_unread(Enrich);
    let ends = site.commit_beyond_the_end(Enrich, REPORTS);
    site.refuses(Enrich, 92);
    site.follow(HEADING, REPORTS, &ends).await;
    site.play();
    site.go_on(&[Enrich, Ingest]).await;

    site.stop(Sink);
    site.leave_unread(Sink);
    let ends = site.commit_beyond_the_end(Sink, CELLS);
    site.refuses(Sink, 92);
    site.follow(HEADING, CELLS, &ends).await;
    site.play();
    site.go_on(&[Aggregate, Sink]).await;

    site.folded().await;
    site.stop(Ingest);
    let ends = site.commit_beyond_the_end(Ingest, RAW);
    site.refuses(Ingest, 92);
    site.stop(Aggregate);
    site.follow(HEADING, RAW, &ends).await;
    site.raise_epoch();
    site.start(Aggregate);
    site.start(Ingest);
    site.play();
    site.verified().await;
}

#[tokio::test]
async fn records_without_append_times_are_rebuilt_from_the_earlier_topic() {
    const HEADING: &str = "84:";
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    site.stop(Enrich);
    site.take_append_times(REPORTS).await;
    site.leave_unread(Enrich);
    site.refuses(Enrich, 84);
    site.apply_topics();
    site.time = now();
    let line = site.refuses(Enrich, 84);
    assert!(line.contains("has no append time"), "{line}");
    site.follow(HEADING, "enrich", &[]).await;
    site.go_on(&[Enrich, Ingest]).await;

    site.stop(Aggregate);
    site.drained(Sink);
    site.stop(Sink);
    site.take_append_times(ENRICHED).await;
    site.leave_unread(Aggregate);
    site.stop(Ingest);
    site.refuses(Aggregate, 84);
    site.refuses(Sink, 84);
    site.apply_topics();
    site.time = now();
    for service in [Aggregate, Sink] {
        let line = site.refuses(service, 84);
        assert!(line.contains("rtc-enriched-v1"), "{line}");
    }
    site.follow(HEADING, ENRICHED, &[]).await;
    site.start(Sink);
    site.new_epoch().await;
    site.verified().await;
    site.has_all_samples().await;
}

#[tokio::test]
async fn deleted_records_are_restored_from_the_earlier_topic() {
    const HEADING: &str = "80:";
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    site.stop(Enrich);
    site.leave_unread(Enrich);
    site.delete_records(&[REPORTS], 0).await;
    site.refuses(Enrich, 80);
    site.follow(HEADING, "enrich", &[]).await;
    site.go_on(&[Enrich, Ingest]).await;

    site.stop(Sink);
    site.leave_unread(Sink);
    site.delete_records(&[CELLS, SESSIONS], 0).await;
    site.refuses(Sink, 80);
    site.follow(HEADING, "sink", &[]).await;
    site.go_on(&[Aggregate, Sink]).await;

    site.stop(Aggregate);
    site.play();
    site.drained(Enrich);
    site.drained(Sink);
    site.stop(Enrich);
    site.stop(Ingest);
    site.delete_records(&[ENRICHED], 0).await;
    // Its group was set back: it may not have committed since.
    site.refuses_with_one_of(Aggregate, &[80, 88]);
    site.follow("Aggregate goes", "records were deleted before", &[]).await;
    (site.mid_log, site.has_gaps) = (true, true);
    site.go_on(&[Aggregate, Enrich, Ingest]).await;

    // Raw records have no earlier topic: the gaps show how many are lost.
    site.stop(Ingest);
    site.play();
    site.delete_records(&[RAW], 10).await;
    let line = site.refuses(Ingest, 80);
    assert!(line.contains("the committed offset"), "{line}");
    site.follow(HEADING, "ingest", &[]).await;
    site.start(Ingest);
    site.drained(Ingest);
    site.folded().await;
    let sql = "SELECT toInt64(sum(raw_end) - sum(raw_holes) - sum(accepted)) FROM (SELECT partition, \
               max(raw_end) AS raw_end, argMax(raw_holes, upto) AS raw_holes, \
               sum(accepted + duplicate + late + invalid) AS accepted \
               FROM blocks FINAL GROUP BY partition)";
    let reader = site.stack.access().client("dashboard");
    let rest: i64 = reader.query(sql).fetch_one().await.unwrap();
    assert_eq!(rest, 0, "what is no hole is counted");
}

#[tokio::test]
async fn invalid_offsets_lose_no_records() {
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;

    site.stop(Aggregate);
    site.play();
    site.epoch = 2;
    let line = site.refuses(Aggregate, 82);
    assert!(line.contains("aggregate.epoch to 1"), "{line}");
    site.epoch = 1;
    site.go_on(&[Aggregate]).await;

    site.stop(Aggregate);
    site.commit(Aggregate, ENRICHED, &[(0, 7), (1, 7)], Some("broken"));
    site.refuses(Aggregate, 87);
    site.follow("87:", "aggregate", &[]).await;
    site.start(Aggregate);
    site.play();
    site.verified().await;

    site.stop(Ingest);
    site.commit(Ingest, RAW, &site.ends(RAW), Some("broken"));
    site.refuses(Ingest, 87);
    site.follow("87:", "ingest", &[]).await;
    site.start(Ingest);
    site.play();
    site.verified().await;

    // Audits are in ClickHouse alone, and the log has lost its beginning.
    site.play();
    site.drained(Ingest);
    site.stop(Aggregate);
    site.play();
    site.drained(Enrich);
    site.stop(Ingest);
    site.stop(Enrich);
    site.delete_records(&[ENRICHED, BLOCKS], 0).await;
    run(&commands("87:", "aggregate")[0], &site.stack.brokers()).await;
    site.refuses(Aggregate, 88);
    site.new_epoch().await;
    site.play();
    site.verified().await;

    // As if the log had been longer.
    site.stop(Aggregate);
    site.play();
    site.drained(Enrich);
    [Ingest, Enrich, Sink].into_iter().for_each(|service| site.stop(service));
    let ends = site.commit_beyond_the_end(Aggregate, ENRICHED);
    let line = site.refuses(Aggregate, 92);
    assert!(line.contains("Kafka lost the end of the log"), "{line}");
    site.follow("A log that lost", ENRICHED, &ends).await;
    site.start(Sink);
    site.new_epoch().await;
    site.verified().await;
}

#[tokio::test]
async fn a_new_epoch_skips_a_damaged_audit() {
    use Service::{Aggregate, Enrich, Ingest, Sink};
    let mut site = Site::new().await;
    site.play();
    site.verified().await;
    site.folded().await;
    site.stop(Aggregate);
    // Audits are read where nothing is committed.
    site.append(BLOCKS, 0, b"no audit");
    site.follow("87:", "aggregate", &[]).await;
    site.refuses(Aggregate, 87);

    site.drained(Sink);
    [Ingest, Enrich, Sink].into_iter().for_each(|service| site.stop(service));
    site.blocks = "rtc-blocks-v2";
    site.apply_topics();
    site.start(Sink);
    site.new_epoch().await;
    site.play();
    site.verified().await;
}
