//! A world without interruptions.

use std::time::Duration;

use cli::demo::Summary;
use deploy::service::Service;
use stack::Watch;

use crate::harness::{Turn, assert_verified, verdict, world};

#[tokio::test]
async fn clickhouse_matches_the_truth_of_a_world() {
    let turn = Turn::take();
    let mut pipeline = turn.pipeline().await;
    let mut watch = Watch::start(&pipeline.stack, &world(15)).await.unwrap();
    while !watch.sender_ended().unwrap() {
        watch.look().await.unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let verdict = verdict(&mut watch, &pipeline.stack).await;
    assert_verified(&verdict);
    assert!(verdict.duplicates > 0 && verdict.dead_letters > 0, "{verdict:?}");
    pipeline.services.stop();

    let usage = Service::ALL.map(|service| (service, pipeline.services.usage(service)));
    let summary = Summary::new(&verdict, &watch, &usage);
    assert!(summary.freshness_seconds.p99.unwrap() < 60.0, "{summary:?}");
    assert!(summary.cpu_seconds_per_million_intervals["ingest"] > 0.0, "{summary:?}");
    let league = watch.view.league(15).await.unwrap();
    assert!(league.len() > 5, "{league:?}");
    assert!(league.iter().all(|rank| rank.sessions > 0), "{league:?}");
    assert!(league.iter().any(|rank| rank.round_trip_p50_ms > 1.0), "{league:?}");
}
