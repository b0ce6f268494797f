//! A pipeline whose services stay ended after a refusal.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use deploy::service::Service;
use deploy::topics;
use oracle::verify::Verdict;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use stack::pipeline::prepare_as;
use stack::{Stack, verdict};

use crate::harness::Turn;
use crate::program::Program;
use crate::recovery_page::{commands, query, run};

pub(super) const RAW: &str = "rtc-stats-raw-v1";
pub(super) const REPORTS: &str = "rtc-reports-v1";
pub(super) const ENRICHED: &str = "rtc-enriched-v1";
pub(super) const CELLS: &str = "rtc-cells-v1";
pub(super) const SESSIONS: &str = "rtc-sessions-v1";
pub(super) const HOURS: &str = "rtc-hours-v1";
pub(super) const BLOCKS: &str = "rtc-blocks-v1";
const PARTITIONS: i32 = 2;
/// A world that is played at once.
const WORLD: &str = "simulate --fast --duration 60s --sessions 40 --rate 20";
/// Heading of the section about a new epoch.
const NEW_EPOCH: &str = "A new epoch";
const PATIENCE: Duration = Duration::from_secs(30);

const fn inputs(service: Service) -> &'static [&'static str] {
    match service {
        Service::Ingest => &[RAW],
        Service::Enrich => &[REPORTS],
        Service::Aggregate => &[ENRICHED],
        Service::Sink => &[CELLS, SESSIONS, HOURS, BLOCKS, ENRICHED],
    }
}

fn group(service: Service) -> String {
    format!("isobar-{}", service.name())
}

pub(super) struct Site {
    programs: [Option<Program>; 4],
    pub(super) epoch: u32,
    /// The topic of audits.
    pub(super) blocks: &'static str,
    /// For the next start of aggregate.
    pub(super) mid_log: bool,
    /// True if the page expects gaps between blocks.
    pub(super) has_gaps: bool,
    /// True if blocks belong to a deleted log that was longer than the current one.
    pub(super) has_new_log: bool,
    /// Records of raw topics that are gone.
    pub(super) raw_gone: i64,
    truths: Vec<PathBuf>,
    /// Declared before its folder, so that it is dropped first.
    pub(super) stack: Stack,
    turn: Turn,
}

impl Site {
    pub(super) async fn new() -> Self {
        let turn = Turn::take();
        let stack = Stack::start(turn.plan()).unwrap();
        let options = topics::Options { partitions: PARTITIONS, ..topics::Options::default() };
        prepare_as(&stack, &options, &|_: &str| ()).await.unwrap();
        let geo = stack.geo_files();
        let places = format!(
            "[enrich]\ncity = {}\nasn = {}\n",
            serde_json::json!(geo.city),
            serde_json::json!(geo.asn)
        );
        fs::write(turn.folder.path().join("enrich.toml"), places).unwrap();
        let programs = [None, None, None, None];
        let mut site = Self {
            programs,
            epoch: 1,
            blocks: BLOCKS,
            mid_log: false,
            has_gaps: false,
            has_new_log: false,
            raw_gone: 0,
            truths: Vec::new(),
            stack,
            turn,
        };
        Service::ALL.into_iter().for_each(|service| site.start(service));
        site
    }

    fn config(&self, group: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("group.id", group);
        config
    }

    pub(super) fn start(&mut self, service: Service) {
        let (folder, access) = (self.turn.folder.path(), self.stack.access());
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command
            .arg(service.name())
            .env("ISOBAR_KAFKA__BROKERS", self.stack.brokers())
            .env("ISOBAR_SERVER__LISTEN", "127.0.0.1:0")
            .env("ISOBAR_TOPICS__BLOCKS", self.blocks);
        match service {
            Service::Ingest => {}
            Service::Enrich => drop(command.arg("--config").arg(folder.join("enrich.toml"))),
            Service::Aggregate => {
                command.env("ISOBAR_AGGREGATE__EPOCH", self.epoch.to_string());
                let mid_log = std::mem::take(&mut self.mid_log);
                command.env("ISOBAR_AGGREGATE__START_MID_LOG", mid_log.to_string());
            }
            Service::Sink => {
                command.env("ISOBAR_SINK__URL", &access.url);
                command.env("ISOBAR_SINK__PASSWORD", access.passwords.of("sink"));
            }
        }
        let count = fs::read_dir(folder).unwrap().count();
        let log = folder.join(format!("{}-{count}.log", service.name()));
        self.programs[service as usize] = Some(Program::spawn(command, log));
    }

    pub(super) fn stop(&mut self, service: Service) {
        self.programs[service as usize].take().unwrap().stop();
    }

    /// Restarts the service, asserts that it refuses with this code, and returns its last line.
    #[track_caller]
    pub(super) fn refuses(&mut self, service: Service, code: i32) -> String {
        self.refuses_with_one_of(service, &[code])
    }

    #[track_caller]
    pub(super) fn refuses_with_one_of(&mut self, service: Service, codes: &[i32]) -> String {
        self.start(service);
        let mut program = self.programs[service as usize].take().unwrap();
        let (found, line) = program.end();
        assert!(codes.contains(&found), "{found}: {}", program.said());
        line
    }

    /// Plays a world, all of it at once.
    pub(super) fn play(&mut self) {
        let number = self.truths.len() + 1;
        let truth = self.turn.folder.path().join(format!("truth-{number}.jsonl"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command.args(WORLD.split(' '));
        command.args(["--kafka", &self.stack.brokers(), "--seed", &number.to_string()]);
        let output = command.arg("--truth").arg(&truth).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.truths.push(truth);
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
        let consumer: BaseConsumer = self.config(&group(service)).create().unwrap();
        let patience = Instant::now() + Duration::from_secs(90);
        for topic in inputs(service) {
            for partition in 0..PARTITIONS {
                let lag = || {
                    let mut list = TopicPartitionList::new();
                    list.add_partition(topic, partition);
                    let list = consumer.committed_offsets(list, PATIENCE).unwrap();
                    let (_, high) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
                    match list.elements()[0].offset() {
                        Offset::Offset(offset) => high - offset,
                        _ => high,
                    }
                };
                while lag() > 0 {
                    assert!(Instant::now() < patience, "{topic}/{partition}: {}", lag());
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    /// Waits until ClickHouse matches the truth of all worlds so far.
    pub(super) async fn verified(&mut self) {
        let patience = Instant::now() + Duration::from_secs(120);
        loop {
            let verdict = verdict::verify_stack(self.truths.clone(), &self.stack).await.unwrap();
            let expected = verdict.differences.iter().filter(|it| self.is_expected(it, &verdict));
            if verdict.mismatches == expected.count() as u64 {
                assert!(verdict.cells_checked > 100, "{verdict:?}");
                return;
            }
            for program in self.programs.iter_mut().flatten() {
                assert!(!program.has_ended(), "{}", program.said());
            }
            assert!(Instant::now() < patience, "{verdict:#?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Returns true if the page expects this finding of `verify`: records skipped in aggregate's
    /// log and rebuilt are a gap, and a deleted raw topic is not counted.
    fn is_expected(&self, difference: &str, verdict: &Verdict) -> bool {
        let Verdict { raw_records, accepted, duplicates, dead_letters, late, .. } = verdict;
        let counted = accepted + duplicates + dead_letters + late;
        let is_of_old_raw = counted as i64 - *raw_records as i64 == self.raw_gone
            && (difference == format!("records with an outcome: {counted}, must be {raw_records}")
                || difference == format!("raw records: {raw_records}, must be {counted}"));
        // Sink read the same damaged audit.
        let is_of_audit =
            self.blocks != BLOCKS && difference == "a dead letter too many: undecodable";
        let is_of_old_log = self.has_new_log && difference.contains(": folded to ");
        let is_gap = self.has_gaps && difference.contains(": a block ends at ");
        is_of_old_raw || is_of_old_log || is_of_audit || is_gap
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

    /// Commits offsets of partitions of the service's only input topic, with this beside them or else
    /// with what was committed.
    pub(super) fn commit(&self, service: Service, offsets: &[(i32, i64)], metadata: Option<&str>) {
        let consumer: BaseConsumer = self.config(&group(service)).create().unwrap();
        let mut list = TopicPartitionList::new();
        for (partition, _) in offsets {
            list.add_partition(inputs(service)[0], *partition);
        }
        let committed = consumer.committed_offsets(list, PATIENCE).unwrap();
        let mut list = TopicPartitionList::new();
        for (found, (partition, offset)) in committed.elements().iter().zip(offsets) {
            let mut element = list.add_partition(inputs(service)[0], *partition);
            element.set_offset(Offset::Offset(*offset)).unwrap();
            element.set_metadata(metadata.unwrap_or(found.metadata()));
        }
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    /// Deletes a topic and creates it again with `isobar topics apply`.
    pub(super) async fn create_anew(&self, topic: &str) {
        let admin = self.admin();
        let gone = admin.delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
        gone.into_iter().for_each(|one| drop(one.unwrap()));
        let patience = Instant::now() + PATIENCE;
        let there = || {
            let metadata = admin.inner().fetch_metadata(None, PATIENCE).unwrap();
            metadata.topics().iter().any(|found| found.name() == topic)
        };
        while there() {
            assert!(Instant::now() < patience);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.apply_topics();
    }

    /// `isobar topics apply`.
    pub(super) fn apply_topics(&self) {
        let partitions = PARTITIONS.to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command.args(["topics", "apply", "--partitions", &partitions]);
        let config = self.turn.folder.path().join("topics.toml");
        fs::write(&config, format!("[topics]\nblocks = \"{}\"\n", self.blocks)).unwrap();
        command.arg("--kafka-config").arg(config);
        let output = command.args(["--kafka", &self.stack.brokers()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Appends a record to partition 0 of a topic.
    pub(super) fn append(&self, topic: &str, payload: &str) {
        let producer: BaseProducer = self.config("writer").create().unwrap();
        let record = BaseRecord::<str, str>::to(topic).partition(0).key("0").payload(payload);
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

    /// Commits offsets behind the ends of the partitions of a service's first topic, as if its log had
    /// been longer; returns the ends.
    pub(super) fn commit_beyond_the_end(&self, service: Service) -> Vec<(i32, i64)> {
        let ends = self.ends(inputs(service)[0]);
        let beyond: Vec<_> = ends.iter().map(|(partition, end)| (*partition, end + 3)).collect();
        self.commit(service, &beyond, None);
        ends
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

    /// Runs the page's commands for a case; those of one partition for each of `partitions`, with
    /// its offset. Where the page leaves the topic open, it is that of cells; the time is now.
    pub(super) async fn follow(&self, heading: &str, case: &str, partitions: &[(i32, i64)]) {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
        for command in commands(heading, case) {
            let command = command.replace("TIME", &now);
            if !command.contains("PARTITION") {
                let command = command.replace("TOPIC", CELLS);
                run(&command, &self.stack.brokers()).await;
                continue;
            }
            assert!(!partitions.is_empty(), "{command}");
            for (partition, offset) in partitions {
                let command = command.replace("PARTITION", &partition.to_string());
                let command = command.replace("RAW_END", &offset.to_string());
                let command = command.replace("FIRST", &offset.to_string());
                let command = command.replace("TOPIC", CELLS);
                run(&command, &self.stack.brokers()).await;
            }
        }
    }

    /// Runs the page's query and returns the folded offset of each partition, in its own log and in
    /// the raw log.
    async fn audits(&self) -> Vec<(i32, i64, i64)> {
        let sql = query(NEW_EPOCH).replace("epoch = E", &format!("epoch = {}", self.epoch));
        self.stack.access().client("dashboard").query(&sql).fetch_all().await.unwrap()
    }

    /// Waits until all that enrich has written is folded, and visible.
    pub(super) async fn folded(&self) {
        self.drained(Service::Enrich);
        let patience = Instant::now() + Duration::from_secs(90);
        loop {
            let audits = self.audits().await;
            let folded: Vec<_> = audits.iter().map(|(it, folded, _)| (*it, *folded)).collect();
            if folded == self.ends(ENRICHED) {
                return;
            }
            assert!(Instant::now() < patience, "{audits:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) fn raise_epoch(&mut self) {
        (self.epoch, self.mid_log) = (self.epoch + 1, true);
        self.has_gaps = true;
    }

    /// The page's steps 2 to 4, with ingest, enrich and aggregate stopped and nothing that sink
    /// could still insert.
    pub(super) async fn new_epoch(&mut self) {
        self.drained(Service::Sink);
        let raw_ends = self.audits().await.into_iter().map(|(it, _, raw_end)| (it, raw_end));
        let ends: Vec<_> = raw_ends.collect();
        assert_eq!(ends.len(), PARTITIONS as usize);
        self.follow(NEW_EPOCH, "a new epoch", &ends).await;
        self.raise_epoch();
        for service in [Service::Ingest, Service::Enrich, Service::Aggregate] {
            self.start(service);
        }
    }
}
