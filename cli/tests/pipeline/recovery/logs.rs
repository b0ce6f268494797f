//! Kafka's logs and the commits of a site's services: their state, and faults in them.

use std::time::{Duration, Instant};

use deploy::service::Service;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::site::{PARTITIONS, PATIENCE, Site, group, inputs};

impl Site {
    fn config(&self, group: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("group.id", group);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config("admin").create().unwrap()
    }

    /// Returns the end offsets of a topic's partitions.
    pub(super) fn ends(&self, topic: &str) -> Vec<(i32, i64)> {
        let consumer: BaseConsumer = self.config("reader").create().unwrap();
        let end = |partition| consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1;
        (0..PARTITIONS).map(|partition| (partition, end(partition))).collect()
    }

    /// Waits until there is more in a topic than up to `ends`.
    pub(super) fn grows(&self, topic: &str, ends: &[(i32, i64)]) {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.ends(topic).iter().zip(ends).any(|(now, then)| now.1 <= then.1) {
            assert!(Instant::now() < patience, "{topic} ends at {:?}", self.ends(topic));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the service, one that commits what it has read, has a lag of 0.
    pub(super) fn drained(&self, service: Service) {
        let patience = Instant::now() + Duration::from_secs(90);
        for topic in inputs(service) {
            let lags = || {
                let committed = self.committed(service, topic);
                let offsets = committed.iter().map(|(offset, _)| offset.unwrap_or(0));
                let lags = self.ends(topic).into_iter().zip(offsets);
                lags.map(|((_, end), offset)| end - offset).collect::<Vec<_>>()
            };
            while lags().iter().any(|lag| *lag > 0) {
                assert!(Instant::now() < patience, "{topic}: {:?}", lags());
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// Returns the committed offset, if there is one, and metadata of each partition of an input topic.
    pub(super) fn committed(&self, service: Service, topic: &str) -> Vec<(Option<i64>, String)> {
        let consumer: BaseConsumer = self.config(&group(service)).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, PARTITIONS - 1);
        let list = consumer.committed_offsets(list, PATIENCE).unwrap();
        let elements = list.elements().into_iter().map(|element| {
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            (offset, element.metadata().to_owned())
        });
        elements.collect()
    }

    /// Waits until something is committed beside each offset of the service's first topic.
    pub(super) async fn commits_metadata(&self, service: Service) {
        let patience = Instant::now() + PATIENCE;
        let topic = inputs(service)[0];
        while self.committed(service, topic).iter().any(|(_, metadata)| metadata.is_empty()) {
            assert!(Instant::now() < patience, "{topic}: {:?}", self.committed(service, topic));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Commits offsets of partitions of an input topic, with this beside them or else with what was
    /// committed.
    pub(super) fn commit(
        &self,
        service: Service,
        topic: &str,
        offsets: &[(i32, i64)],
        metadata: Option<&str>,
    ) {
        let committed = self.committed(service, topic);
        let mut list = TopicPartitionList::new();
        for ((_, known), (partition, offset)) in committed.iter().zip(offsets) {
            let mut element = list.add_partition(topic, *partition);
            element.set_offset(Offset::Offset(*offset)).unwrap();
            element.set_metadata(metadata.unwrap_or(known));
        }
        let consumer: BaseConsumer = self.config(&group(service)).create().unwrap();
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    /// Commits offsets behind the ends of the partitions of an input topic, as if its log had been longer;
    /// returns the ends.
    pub(super) fn commit_beyond_the_end(&self, service: Service, topic: &str) -> Vec<(i32, i64)> {
        let ends = self.ends(topic);
        let beyond: Vec<_> = ends.iter().map(|(partition, end)| (*partition, end + 3)).collect();
        self.commit(service, topic, &beyond, None);
        ends
    }

    /// Deletes topics and creates them again with `isobar topics apply`.
    pub(super) async fn create_anew(&self, topics: &[&str]) {
        let admin = self.admin();
        let gone = admin.delete_topics(topics, &AdminOptions::new()).await.unwrap();
        gone.into_iter().for_each(|one| drop(one.unwrap()));
        let patience = Instant::now() + PATIENCE;
        let there = || {
            let metadata = admin.inner().fetch_metadata(None, PATIENCE).unwrap();
            metadata.topics().iter().any(|found| topics.contains(&found.name()))
        };
        while there() {
            assert!(Instant::now() < patience);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.apply_topics();
    }

    /// Appends a record to a partition of a topic.
    pub(super) fn append(&self, topic: &str, partition: i32, payload: &[u8]) {
        let producer: BaseProducer = self.config("writer").create().unwrap();
        let record =
            BaseRecord::<str, [u8]>::to(topic).partition(partition).key("0").payload(payload);
        producer.send(record).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    /// Sets a topic's timestamp type to the producer's time.
    pub(super) async fn take_append_times(&self, topic: &str) {
        let altered = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let altered = altered.set("message.timestamp.type", "CreateTime");
        let done = self.admin().alter_configs([&altered], &AdminOptions::new()).await.unwrap();
        done.into_iter().for_each(|one| drop(one.unwrap()));
    }

    /// Deletes all records of topics but the last `kept` of each partition.
    pub(super) async fn delete_records(&self, topics: &[&str], kept: i64) {
        let mut before = TopicPartitionList::new();
        for topic in topics {
            for (partition, end) in self.ends(topic) {
                let first = Offset::Offset(end - kept);
                before.add_partition_offset(topic, partition, first).unwrap();
            }
        }
        self.admin().delete_records(&before, &AdminOptions::new()).await.unwrap();
    }
}
