//! Kafka or ClickHouse as a whole that is another one: topics that are all new, data of a backup.

use std::path::Path;
use std::process::Command;

use deploy::service::Service::{self, Sink};

use super::site::{
    BLOCKS, CELLS, DEAD_LETTERS, ENRICHED, HOURS, RAW, REPORTS, SESSIONS, Site, now,
};

/// Copies a folder; `to` does not exist.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[tokio::test]
async fn new_topics_and_a_restored_clickhouse_lose_only_the_documented_records() {
    let mut site = Site::new().await;
    // Dead letters are also in a topic that is deleted; this world has none.
    site.play_scenario("steady");
    site.verified().await;
    site.drained(Sink);

    Service::ALL.into_iter().for_each(|service| site.stop(service));
    site.raw_gone = site.ends(RAW).iter().map(|(_, end)| end).sum();
    let all = [RAW, REPORTS, ENRICHED, CELLS, SESSIONS, HOURS, BLOCKS, DEAD_LETTERS];
    site.create_anew(&all).await;
    site.epoch = 2;
    (site.has_new_log, site.has_gaps) = (true, true);
    site.play();
    site.go_on(&Service::ALL).await;
    site.has_all_samples().await;

    site.drained(Sink);
    site.time = now();
    site.stop(Sink);
    let data = site.stack.folder().join("clickhouse/data");
    let (backup, guard) = (data.with_file_name("backup"), site.stack.guard().clone());
    let clickhouse = site.stack.clickhouse().unwrap();
    clickhouse.stop();
    copy(&data, &backup);
    clickhouse.resume(&guard).unwrap();
    clickhouse.wait().unwrap();
    site.play();
    site.go_on(&[Sink]).await;
    site.drained(Sink);
    site.stop(Sink);

    let clickhouse = site.stack.clickhouse().unwrap();
    clickhouse.stop();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    clickhouse.resume(&guard).unwrap();
    clickhouse.wait().unwrap();
    site.follow("89:", "ClickHouse was restored", &[]).await;
    site.go_on(&[Sink]).await;
    site.has_all_samples().await;
}
