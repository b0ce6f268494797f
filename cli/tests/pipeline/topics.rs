//! Topics on a real Kafka.

use std::time::{Duration, Instant};

use deploy::access::Access;
use deploy::topics::{Change, Options, Topics};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use stack::{Plan, Stack};

use crate::harness::Turn;

fn kafka_alone(turn: &Turn) -> Stack {
    let nowhere = Access::default();
    Stack::start(Plan { clickhouse: Some(nowhere), ..turn.plan() }).unwrap()
}

#[tokio::test]
async fn applying_topics_twice_changes_nothing() {
    let turn = Turn::take();
    let stack = kafka_alone(&turn);
    let topics = Topics::of(&stack.cluster()).unwrap();
    let options = Options::default();

    let changes = topics.plan(&options).await.unwrap();
    assert_eq!(changes.len(), 8);
    assert!(changes.iter().all(|change| matches!(change, Change::Create { .. })), "{changes:?}");
    topics.apply(&changes, &options).await.unwrap();
    assert_eq!(topics.plan(&options).await.unwrap(), []);
    topics.apply(&changes, &options).await.unwrap();
    assert_eq!(topics.plan(&options).await.unwrap(), []);

    let other = Options { partitions: 8, ..Options::default() };
    let changes = topics.plan(&other).await.unwrap();
    assert!(changes.iter().all(|change| matches!(change, Change::Refuse { .. })), "{changes:?}");
    topics.apply(&changes, &other).await.unwrap_err();
}

#[tokio::test]
async fn missing_topics_are_created_like_existing_ones() {
    let turn = Turn::take();
    let stack = kafka_alone(&turn);
    let topics = Topics::of(&stack.cluster()).unwrap();
    let options = Options { partitions: 6, ..Options::default() };
    topics.apply(&topics.plan(&options).await.unwrap(), &options).await.unwrap();

    let mut config = ClientConfig::new();
    let config = config.set("bootstrap.servers", stack.brokers());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    delete(&admin, &topics, &options, "rtc-blocks-v1").await;
    topics.complete().await.unwrap();
    assert_eq!(topics.plan(&options).await.unwrap(), []);

    let raw = AlterConfig::new(ResourceSpecifier::Topic("rtc-stats-raw-v1"));
    let raw = raw.set("retention.ms", "5000");
    let altered = admin.alter_configs([&raw], &AdminOptions::new()).await.unwrap();
    altered.into_iter().for_each(|one| drop(one.unwrap()));
    delete(&admin, &topics, &options, "rtc-blocks-v1").await;
    let before = topics.plan(&options).await.unwrap();
    let words = topics.complete().await.unwrap_err().to_string();
    for expected in ["change rtc-stats-raw-v1", "retention.ms: 5000 -> 86400000", "topics apply"] {
        assert!(words.contains(expected), "{expected} is not in\n{words}");
    }
    assert_eq!(topics.plan(&options).await.unwrap(), before);
}

/// Deletes a topic, and waits until this is visible.
async fn delete(
    admin: &AdminClient<DefaultClientContext>,
    topics: &Topics,
    options: &Options,
    name: &str,
) {
    let gone = admin.delete_topics(&[name], &AdminOptions::new()).await.unwrap();
    gone.into_iter().for_each(|one| drop(one.unwrap()));
    let patience = Instant::now() + Duration::from_secs(30);
    let missing = |change: &Change| matches!(change, Change::Create { topic, .. } if topic == name);
    while !topics.plan(options).await.unwrap().iter().any(missing) {
        assert!(Instant::now() < patience);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
