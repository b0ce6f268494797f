//! Lost offsets of aggregate on a real Kafka: each recovery procedure of the exit-codes page is
//! run, and no record counts twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use schemas::{BlockAudit, EnrichedReport, EventKind, Lineage};
use stack::Stack;

use crate::harness::Turn;
use crate::program::Program;

const TOPICS: [(&str, &str); 6] = [
    ("TOPICS__ENRICHED", "in"),
    ("TOPICS__CELLS", "cells"),
    ("TOPICS__SESSIONS", "sessions"),
    ("TOPICS__HOURS", "hours"),
    ("TOPICS__BLOCKS", "blocks"),
    ("TOPICS__DEAD_LETTERS", "dead"),
];
const GROUP: &str = "folds";

struct Cluster {
    /// Declared before its folder, so that it is dropped first.
    stack: Stack,
    turn: Turn,
    admin: AdminClient<DefaultClientContext>,
    sent: i64,
}

impl Cluster {
    async fn new() -> Self {
        let turn = Turn::take();
        let stack = turn.kafka();
        let admin: AdminClient<_> =
            ClientConfig::new().set("bootstrap.servers", stack.brokers()).create().unwrap();
        for (_, topic) in TOPICS {
            let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1))
                .set("message.timestamp.type", "LogAppendTime");
            let made = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
            made.into_iter().for_each(|one| drop(one.unwrap()));
        }
        Self { turn, stack, admin, sent: 0 }
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("group.id", GROUP);
        config
    }

    /// Appends reports of one raw record each.
    fn send(&mut self, count: i64) {
        let producer: BaseProducer = self.config().create().unwrap();
        for number in self.sent..self.sent + count {
            let lineage = Lineage { raw_from: number, raw_to: number, ..Lineage::default() };
            let report = EnrichedReport {
                lineage,
                event: EventKind::Joined,
                participant: format!("p{number}"),
                event_us: 1_756_000_000_000_000,
                ..EnrichedReport::default()
            };
            let payload = schemas::encode(&report).unwrap();
            producer.send(BaseRecord::<(), _>::to("in").payload(&payload)).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
        self.sent += count;
    }

    fn start(&self, block_records: &str, more: &[(&str, &str)]) -> Program {
        let mut settings = TOPICS.to_vec();
        settings.push(("KAFKA__GROUP", GROUP));
        settings.push(("AGGREGATE__BLOCK_RECORDS", block_records));
        settings.extend(more);
        let brokers = self.stack.brokers();
        Program::start("aggregate", &brokers, self.turn.folder.path(), &settings)
    }

    /// Runs aggregate to the end of the log and stops it.
    async fn fold(&self, block_records: &str, more: &[(&str, &str)]) {
        let program = self.start(block_records, more);
        program.wait_for("assigned");
        let patience = Instant::now() + Duration::from_secs(60);
        while self.folded() < self.sent {
            assert!(Instant::now() < patience, "{} of {}", self.folded(), self.sent);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        program.stop();
    }

    /// Returns the newest audit of each block of epoch 1.
    fn blocks(&self) -> Vec<BlockAudit> {
        let mut config = self.config();
        let reader: BaseConsumer = config.set("group.id", "reader").create().unwrap();
        let (low, high) = reader.fetch_watermarks("blocks", 0, Duration::from_secs(30)).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("blocks", 0, Offset::Offset(low)).unwrap();
        reader.assign(&list).unwrap();
        let mut blocks = BTreeMap::new();
        let mut next = low;
        while next < high {
            let message = reader.poll(Duration::from_secs(30)).unwrap().unwrap();
            next = message.offset() + 1;
            let block: BlockAudit = schemas::decode(message.payload().unwrap()).unwrap();
            let known: &mut BlockAudit =
                blocks.entry((block.epoch, block.block_start)).or_default();
            if block.upto >= known.upto {
                *known = block;
            }
        }
        blocks.into_values().collect()
    }

    fn folded(&self) -> i64 {
        self.blocks().iter().map(|block| block.upto).max().unwrap_or(0)
    }

    /// Asserts that blocks cover the log without overlap, and that each raw record counts once.
    #[track_caller]
    fn assert_tiles(&self, lost: i64) {
        let blocks = self.blocks();
        let accepted: i64 = blocks.iter().map(|block| block.accepted).sum();
        assert_eq!(accepted, self.sent - lost, "{blocks:#?}");
        let gaps: i64 = blocks
            .windows(2)
            .map(|pair| pair[1].block_start - pair[0].upto)
            .inspect(|gap| assert!(*gap >= 0))
            .sum();
        assert_eq!(gaps, lost, "{blocks:#?}");
    }

    /// Deletes the group, as Kafka does when offsets expire.
    async fn forget(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let gone = self.admin.delete_groups(&[GROUP], &AdminOptions::new()).await.unwrap();
            match gone.into_iter().next().unwrap() {
                Ok(_) => return,
                Err(error) => assert!(Instant::now() < patience, "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Sets an offset as `kafka-consumer-groups.sh --reset-offsets` does.
    fn set_offset(&self, offset: i64) {
        let consumer: BaseConsumer = self.config().create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("in", 0, Offset::Offset(offset)).unwrap();
        let patience = Instant::now() + Duration::from_secs(60);
        // Kafka refuses offsets from outside while a group has members.
        while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
            assert!(Instant::now() < patience, "{error}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    async fn delete_before(&self, offset: i64) {
        let mut before = TopicPartitionList::new();
        before.add_partition_offset("in", 0, Offset::Offset(offset)).unwrap();
        self.admin.delete_records(&before, &AdminOptions::new()).await.unwrap();
    }

    #[track_caller]
    fn refuses(&self, more: &[(&str, &str)], code: i32, words: &[&str]) {
        let mut program = self.start("9", more);
        let (found, line) = program.end();
        assert_eq!(found, code, "{}", program.output());
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line}");
        }
    }
}

const MEANT: (&str, &str) = ("AGGREGATE__START_MID_LOG", "true");

#[tokio::test]
async fn lost_offsets_cause_no_loss_and_no_duplicates() {
    let mut cluster = Cluster::new().await;
    cluster.send(100);
    cluster.fold("7", &[]).await;
    cluster.assert_tiles(0);

    // Kafka deleted the group and the block settings changed: eight blocks later.
    cluster.forget().await;
    cluster.send(90);
    cluster.fold("11", &[]).await;
    cluster.assert_tiles(0);

    // Advice of exit code 80.
    cluster.set_offset(0);
    cluster.send(130);
    cluster.fold("5", &[]).await;
    cluster.assert_tiles(0);
    let sizes: Vec<_> = cluster.blocks().iter().map(|block| block.read).collect();
    assert!(sizes.contains(&7) && sizes.contains(&11) && sizes.contains(&5), "{sizes:?}");

    // The log has lost its beginning, in the middle of a block.
    cluster.delete_before(52).await;
    cluster.forget().await;
    cluster.send(10);
    cluster.fold("9", &[]).await;
    cluster.assert_tiles(0);
}

#[tokio::test]
async fn refusals_after_log_loss_name_offsets_and_recovery() {
    let mut cluster = Cluster::new().await;
    cluster.send(20);
    cluster.fold("9", &[]).await;
    // Records are deleted before they are folded.
    cluster.send(30);
    cluster.delete_before(40).await;
    cluster.refuses(&[], 80, &["is not in the log", "exit-codes.md says under 80"]);
    cluster.set_offset(40);
    let words = [
        "folded up to 20",
        "begins at 40",
        "The 20 offsets between",
        "Nothing is lost of which the raw topic still holds the records",
        "no row has to be deleted",
    ];
    cluster.refuses(&[], 88, &words);
    cluster.fold("9", &[MEANT]).await;
    cluster.assert_tiles(20);
    cluster.send(5);
    cluster.fold("9", &[]).await;
    cluster.assert_tiles(20);

    // Kafka lost the end of its log: more is folded than the log holds.
    let (epoch, end) = (("AGGREGATE__EPOCH", "2"), cluster.sent);
    let mut beyond = cluster.blocks().pop().unwrap();
    beyond.upto += 3;
    let producer: BaseProducer = cluster.config().create().unwrap();
    let payload = schemas::encode(&beyond).unwrap();
    producer.send(BaseRecord::<(), _>::to("blocks").payload(&payload)).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    cluster.forget().await;
    let named = format!("the log ends at {end}");
    cluster.refuses(&[], 80, &[&named, "exit-codes.md says under \"A new epoch\""]);
    // Only aggregate's commands: ingest and enrich, whose groups are also reset, do not run here.
    cluster.set_offset(end);
    cluster.refuses(&[epoch], 88, &["was not committed by aggregate", "start_mid_log = true"]);
    cluster.send(10);
    cluster.fold("9", &[epoch, MEANT]).await;
    let new = cluster.blocks().into_iter().filter(|block| block.epoch == 2);
    assert_eq!(new.map(|block| block.accepted).sum::<i64>(), 10);
}
