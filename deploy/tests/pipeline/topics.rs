//! Topics on a real Kafka.

use deploy::stack::{Access, Plan, Stack};
use deploy::topics::{Change, Options, Topics};

use crate::harness::Turn;

#[tokio::test]
async fn applying_the_topics_twice_changes_nothing_and_other_partitions_are_refused() {
    let turn = Turn::take();
    let nowhere = Access { url: String::new(), password: String::new() };
    let kafka_alone = Plan { clickhouse: Some(nowhere), ..turn.plan() };
    let stack = Stack::start(kafka_alone).unwrap();
    let topics = Topics::of(&stack.brokers()).unwrap();
    let options = Options::default();

    let changes = topics.plan(&options).await.unwrap();
    assert_eq!(changes.len(), 7);
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
