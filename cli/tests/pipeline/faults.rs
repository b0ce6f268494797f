//! Killed and unavailable processes: nothing is lost, and nothing counts twice.

mod torture;

use std::time::{Duration, Instant};

use deploy::service::Service;
use nix::sys::signal::Signal;
use stack::options::World;
use stack::pipeline::prepare;
use stack::services::{ServiceEnvironment, Services};
use stack::{Stack, Watch};

use crate::harness::{Turn, assert_not_restarted, assert_verified, verdict, world};
use crate::program::Program;

#[tokio::test]
async fn a_killed_service_loses_nothing_and_counts_nothing_twice() {
    let turn = Turn::take();
    let pipeline = turn.pipeline().await;
    let mut watch = Watch::start(&pipeline.stack, &world(24)).await.unwrap();
    for service in Service::ALL {
        tokio::time::sleep(Duration::from_secs(5)).await;
        pipeline.services.signal(service, Signal::SIGKILL);
    }
    assert_verified(&verdict(&mut watch, &pipeline.stack).await);
    for service in Service::ALL {
        assert_eq!(pipeline.services.restarts(service), 1, "{service:?}");
    }
}

#[tokio::test]
async fn services_wait_for_servers_that_start_late() {
    let turn = Turn::take();
    let mut stack = Stack::start(turn.plan()).unwrap();
    prepare(&stack, &|_: &str| ()).await.unwrap();
    let guard = stack.guard().clone();
    stack.kafka().unwrap().stop();
    stack.clickhouse().unwrap().stop();

    let services = Services::start(&ServiceEnvironment::of(&stack), &guard).unwrap();
    let why = services.wait(Duration::from_secs(5)).unwrap_err().to_string();
    assert!(why.contains("waits for"), "{why}");

    let kafka = stack.kafka().unwrap();
    kafka.brokers[0].start(&guard).unwrap();
    kafka.wait().unwrap();
    // Sink waits for ClickHouse before it joins its group; meanwhile alerts use the group's lag.
    let patience = Instant::now() + Duration::from_secs(40);
    let lag = || {
        let metrics = services.metrics(Service::Sink);
        metrics.map_or(0, |metrics| metrics.series("isobar_consumer_lag_records"))
    };
    while lag() == 0 {
        assert!(Instant::now() < patience, "a sink that waits shows no lag");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // It names the first that is not ready; sink is the last of them.
    let why = || services.wait(Duration::ZERO).unwrap_err().to_string();
    let patience = Instant::now() + Duration::from_secs(30);
    while !why().contains("sink is not ready") {
        assert!(Instant::now() < patience, "{}", why());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let why = services.wait(Duration::from_secs(5)).unwrap_err().to_string();
    assert!(why.contains("sink is not ready"), "{why}");
    assert_eq!(lag(), 20, "four partitions of each of five topics");
    let clickhouse = stack.clickhouse().unwrap();
    clickhouse.resume(&guard).unwrap();
    clickhouse.wait().unwrap();
    services.wait(Duration::from_secs(60)).unwrap();
    assert_not_restarted(&services);
    let mut watch = Watch::start(&stack, &world(5)).await.unwrap();
    assert_verified(&verdict(&mut watch, &stack).await);
}

/// ClickHouse stops first, and Kafka while it is away, each for a minute: records wait in the
/// clients and in ingest, enrich and aggregate.
#[tokio::test]
async fn servers_that_stop_for_a_minute_lose_nothing() {
    let turn = Turn::take();
    let mut pipeline = turn.pipeline().await;
    let guard = pipeline.stack.guard().clone();
    let mut watch = Watch::start(&pipeline.stack, &world(80)).await.unwrap();

    tokio::time::sleep(Duration::from_secs(3)).await;
    let without_clickhouse = Instant::now();
    pipeline.stack.clickhouse().unwrap().stop();
    tokio::time::sleep(Duration::from_secs(7)).await;

    let without_kafka = Instant::now();
    let kafka = pipeline.stack.kafka().unwrap();
    kafka.brokers[0].process().unwrap().signal(Signal::SIGKILL);
    kafka.brokers[0].stop();
    // Kafka takes a second or more to start. The truth of a world that reports every second is
    // valid for half a minute more.
    tokio::time::sleep(Duration::from_secs(54)).await;
    let why = pipeline.services.wait(Duration::ZERO).unwrap_err().to_string();
    assert!(why.contains("waits for"), "{why}");
    let kafka = pipeline.stack.kafka().unwrap();
    kafka.brokers[0].start(&guard).unwrap();
    kafka.wait().unwrap();
    assert!(without_kafka.elapsed() > Duration::from_secs(54));

    let clickhouse = pipeline.stack.clickhouse().unwrap();
    clickhouse.resume(&guard).unwrap();
    clickhouse.wait().unwrap();
    assert!(without_clickhouse.elapsed() > Duration::from_secs(60));

    assert_verified(&verdict(&mut watch, &pipeline.stack).await);
    assert_not_restarted(&pipeline.services);
}

/// Checks that a partition paused at its revocation is resumed after its next assignment.
#[tokio::test]
async fn a_paused_service_continues_after_a_rebalance() {
    let turn = Turn::take();
    let mut pipeline = turn.pipeline().await;
    let guard = pipeline.stack.guard().clone();
    let brokers = pipeline.stack.brokers();
    let access = pipeline.stack.access();
    let settings = [
        ("SINK__URL", &*access.url),
        ("SINK__PASSWORD", access.passwords.of("sink")),
        ("LIMITS__IN_FLIGHT_MB", "1"),
        ("SINK__BATCH_MB", "1"),
    ];
    let start = || {
        let program = Program::start("sink", &brokers, turn.folder.path(), &settings);
        program.wait_for("assigned partitions");
        program
    };
    let (narrow, third) = (start(), start());
    // What is in flight reaches its limit within seconds.
    let many = World { sessions: 900, rate: 900.0, ..world(30) };
    let mut watch = Watch::start(&pipeline.stack, &many).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    pipeline.stack.clickhouse().unwrap().stop();

    let patience = Instant::now() + Duration::from_secs(50);
    while narrow.metrics().sum("isobar_paused") != Some(1.0) {
        assert!(Instant::now() < patience, "it reads on:\n{}", narrow.output());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // It is killed: the group rebalances while no new member can join without ClickHouse.
    let rebalances = narrow.metrics().sum("isobar_rebalances_total");
    drop(third);
    while narrow.metrics().sum("isobar_rebalances_total") == rebalances {
        assert!(Instant::now() < patience, "its group does not change:\n{}", narrow.output());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let clickhouse = pipeline.stack.clickhouse().unwrap();
    clickhouse.resume(&guard).unwrap();
    clickhouse.wait().unwrap();

    assert_verified(&verdict(&mut watch, &pipeline.stack).await);
    narrow.stop();
}
