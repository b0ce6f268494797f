//! Conditions under which a service does not read on: each with an exit code and one line of its
//! own, on a real Kafka.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::harness::Turn;
use crate::program::Program;
use crate::recovery_page::{commands, run};

const APPENDED: &str = "LogAppendTime";

/// A cluster, on which every case has topics and a group of its own, named after it.
struct Cluster<'a> {
    brokers: String,
    admin: AdminClient<DefaultClientContext>,
    turn: &'a Turn,
}

impl Cluster<'_> {
    async fn topic(&self, name: &str, partitions: i32, timestamps: &str) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topic = topic.set("message.timestamp.type", timestamps);
        let made = self.admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
        made.into_iter().for_each(|one| drop(one.unwrap()));
        self.until(name, true).await;
    }

    async fn delete(&self, name: &str) {
        let gone = self.admin.delete_topics(&[name], &AdminOptions::new()).await.unwrap();
        gone.into_iter().for_each(|one| drop(one.unwrap()));
        self.until(name, false).await;
    }

    /// Waits until the broker knows of a change that the controller has made.
    async fn until(&self, name: &str, is_there: bool) {
        let patience = Instant::now() + Duration::from_secs(30);
        let there = || {
            let metadata = self.admin.inner().fetch_metadata(None, Duration::from_secs(10));
            metadata.unwrap().topics().iter().any(|topic| topic.name() == name)
        };
        while there() != is_there {
            assert!(Instant::now() < patience);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The three topics of a case, as they should be.
    async fn topics(&self, case: &str) {
        for topic in ["in", "out", "dead"] {
            self.topic(&format!("{case}.{topic}"), 1, APPENDED).await;
        }
    }

    /// Committed offset of the case's group for its input topic.
    fn commit(&self, case: &str, offset: i64, metadata: &str) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", case);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&format!("{case}.in"), 0);
        element.set_offset(Offset::Offset(offset)).unwrap();
        element.set_metadata(metadata);
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    fn produce(&self, case: &str, count: usize, payload: impl AsRef<[u8]>) {
        self.produce_to(&format!("{case}.in"), count, payload);
    }

    fn produce_to(&self, topic: &str, count: usize, payload: impl AsRef<[u8]>) {
        let mut config = ClientConfig::new();
        let producer: BaseProducer =
            config.set("bootstrap.servers", &self.brokers).create().unwrap();
        for _ in 0..count {
            producer
                .send(BaseRecord::<str, [u8]>::to(topic).key("k").payload(payload.as_ref()))
                .unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    fn start(&self, service: &str, case: &str, settings: &[(&str, &str)]) -> Program {
        let [input, output, dead] = ["in", "out", "dead"].map(|topic| format!("{case}.{topic}"));
        let (from, to) = match service {
            "ingest" => ("TOPICS__RAW", "TOPICS__REPORTS"),
            "enrich" => ("TOPICS__REPORTS", "TOPICS__ENRICHED"),
            _ => ("TOPICS__ENRICHED", "TOPICS__CELLS"),
        };
        let mut all = vec![(from, &*input), (to, &*output), ("TOPICS__DEAD_LETTERS", &*dead)];
        all.push(("KAFKA__GROUP", case));
        all.extend(settings);
        Program::start(service, &self.brokers, self.turn.folder.path(), &all)
    }

    /// Asserts that the service ends with `code` and a last line that contains all of `words`.
    fn refuses(&self, mut program: Program, code: i32, words: &[&str]) {
        let (found, line) = program.end();
        assert_eq!(found, code, "{}", program.output());
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line}");
        }
    }
}

#[tokio::test]
async fn every_refusal_has_a_code_and_an_action() {
    let turn = Turn::take();
    let stack = turn.kafka();
    let admin = ClientConfig::new().set("bootstrap.servers", stack.brokers()).create().unwrap();
    let cluster = Cluster { brokers: stack.brokers(), admin, turn: &turn };

    no_dead_letters(&cluster).await;
    partitions(&cluster).await;
    timestamps(&cluster).await;
    written_before(&cluster).await;
    offset_gone(&cluster).await;
    created_anew_while_away(&cluster).await;
    created_anew_while_reading(&cluster).await;
    too_many_dead_letters(&cluster).await;
    epoch(&cluster).await;
    mid_log(&cluster).await;
    newer_schema(&cluster).await;
    newer_enriched(&cluster).await;
    hanging_drain(&cluster).await;
}

async fn no_dead_letters(cluster: &Cluster<'_>) {
    cluster.topic("nodead.in", 1, APPENDED).await;
    let waits = cluster.start("ingest", "nodead", &[]);
    waits.wait_for("which does not exist; create it");
    // While other topics are also missing, their creation may be in progress.
    cluster.topic("nodead.out", 1, APPENDED).await;
    cluster.refuses(waits, 85, &["no topic nodead.dead", "isobar topics apply"]);
    cluster.topic("nodead.dead", 1, APPENDED).await;
    cluster.start("ingest", "nodead", &[]).wait_for("assigned");
}

async fn partitions(cluster: &Cluster<'_>) {
    cluster.topic("parts.in", 2, APPENDED).await;
    cluster.topic("parts.out", 3, APPENDED).await;
    cluster.topic("parts.dead", 2, APPENDED).await;
    let ingest = cluster.start("ingest", "parts", &[]);
    cluster.refuses(
        ingest,
        83,
        &["parts.in has 2, parts.out has 3", "--partitions 3 --add-partitions"],
    );
}

async fn timestamps(cluster: &Cluster<'_>) {
    cluster.topic("times.in", 1, "CreateTime").await;
    cluster.topic("times.out", 1, APPENDED).await;
    cluster.topic("times.dead", 1, APPENDED).await;
    let ingest = cluster.start("ingest", "times", &[]);
    cluster.refuses(ingest, 84, &["times.in has message.timestamp.type=CreateTime", "apply"]);
}

async fn written_before(cluster: &Cluster<'_>) {
    cluster.topic("before.in", 1, "CreateTime").await;
    cluster.topic("before.out", 1, APPENDED).await;
    cluster.topic("before.dead", 1, APPENDED).await;
    cluster.produce("before", 1, "{");
    let topic = AlterConfig::new(ResourceSpecifier::Topic("before.in"));
    let appended = topic.set("message.timestamp.type", APPENDED);
    let altered = cluster.admin.alter_configs([&appended], &AdminOptions::new()).await.unwrap();
    altered.into_iter().for_each(|one| drop(one.unwrap()));
    let ingest = cluster.start("ingest", "before", &[]);
    let words = ["before.in/0: the record at 0 has no append time", "--reset-offsets"];
    cluster.refuses(ingest, 84, &words);
    // Recovery of the page: continue behind the earlier records.
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
    cluster.produce("before", 2, "{");
    for command in commands("84:", "ingest") {
        let command = command.replace("TIME", &time).replace("isobar-ingest", "before");
        let command = command.replace("rtc-stats-raw-v1", "before.in");
        run(&command, &cluster.brokers).await;
    }
    let ingest = cluster.start("ingest", "before", &[]);
    let read = || ingest.try_metrics().and_then(|it| it.sum("isobar_records_read_total"));
    let patience = Instant::now() + Duration::from_secs(60);
    while read() != Some(2.0) {
        assert!(Instant::now() < patience, "{}", ingest.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ingest.stop();
}

async fn offset_gone(cluster: &Cluster<'_>) {
    cluster.topics("gone").await;
    cluster.produce("gone", 3, "{");
    cluster.commit("gone", 100, "");
    let ingest = cluster.start("ingest", "gone", &[]);
    cluster.refuses(ingest, 92, &["gone.in/0: Kafka lost the end of the log: it ends at 3"]);
    cluster.commit("gone", 1, "");
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("gone.in", 0, Offset::Offset(2)).unwrap();
    cluster.admin.delete_records(&before, &AdminOptions::new()).await.unwrap();
    let ingest = cluster.start("ingest", "gone", &[]);
    let words =
        ["gone.in/0: the committed offset 1 is not in the log", "2 to 3", "under 80", "under 81"];
    cluster.refuses(ingest, 80, &words);
}

async fn created_anew_while_away(cluster: &Cluster<'_>) {
    cluster.topics("anew").await;
    cluster.produce("anew", 3, "{");
    let ingest = cluster.start("ingest", "anew", &[]);
    ingest.wait_for("assigned");
    ingest.stop();
    // Kafka forgets the group's offsets with the topic.
    cluster.delete("anew.in").await;
    cluster.topic("anew.in", 1, APPENDED).await;
    cluster.produce("anew", 3, "{");
    for _ in 0..2 {
        let ingest = cluster.start("ingest", "anew", &[]);
        cluster.refuses(ingest, 81, &["topic anew.in was created anew", "--delete --group anew"]);
    }
}

async fn created_anew_while_reading(cluster: &Cluster<'_>) {
    cluster.topics("live").await;
    cluster.produce("live", 3, "{");
    let ingest = cluster.start("ingest", "live", &[FAST]);
    ingest.wait_for("assigned");
    while ingest.metrics().sum("isobar_records_read_total") != Some(3.0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.delete("live.in").await;
    cluster.topic("live.in", 1, APPENDED).await;
    // As many as there were: the offset that is read next is there.
    cluster.produce("live", 3, "{");
    cluster.refuses(ingest, 81, &["topic live.in was created anew"]);
}

/// Refresh interval of topic metadata; a client's default is 5 minutes.
const FAST: (&str, &str) = ("KAFKA__OPTIONS__TOPIC.METADATA.REFRESH.INTERVAL.MS", "1000");

async fn too_many_dead_letters(cluster: &Cluster<'_>) {
    cluster.topics("many").await;
    cluster.produce("many", 20, "{");
    let limits = [("LIMITS__DEAD_LETTER_PERCENT", "50"), ("LIMITS__DEAD_LETTER_MIN", "20")];
    let ingest = cluster.start("ingest", "many", &limits);
    let words = ["20 of the 20 records", "dead_letter_percent = 50", "isobar dlq ls"];
    cluster.refuses(ingest, 86, &words);
}

/// Returns commit metadata of aggregate in format version `v`.
fn metadata(v: u32) -> String {
    let limits = r#""cells":9,"sessions":9,"intervals":9,"session_values":9,"values":9"#;
    let rules = r#""n":9,"block_ms":60000,"window_s":60,"groupings":{"place":["app"]}"#;
    format!(r#"{{"v":{v},"epoch":1,{rules},{limits},"raw":"","forgotten":0,"watermark":null}}"#)
}

/// Outputs of aggregate beside that for cells.
const OTHERS: [(&str, &str); 3] =
    [("TOPICS__SESSIONS", "sessions"), ("TOPICS__HOURS", "hours"), ("TOPICS__BLOCKS", "blocks")];

async fn epoch(cluster: &Cluster<'_>) {
    for (_, topic) in OTHERS {
        cluster.topic(topic, 1, APPENDED).await;
    }
    let start = |case, epoch| {
        let settings = [OTHERS[0], OTHERS[1], OTHERS[2], ("AGGREGATE__EPOCH", epoch)];
        cluster.start("aggregate", case, &settings)
    };
    cluster.topics("epoch").await;
    cluster.commit("epoch", 0, &metadata(1));
    start("epoch", "1").wait_for("assigned");
    let words = ["is of epoch 1, the settings say 2", "delete the group's offsets"];
    // The one that ran holds its place for as long as its session lasts.
    cluster.refuses(start("epoch", "2"), 82, &words);
    cluster.topics("newer").await;
    cluster.commit("newer", 0, &metadata(99));
    cluster.refuses(start("newer", "1"), 87, &["form 99", "Run the release that committed it"]);
}

/// As when Kafka has forgotten what the group committed.
async fn mid_log(cluster: &Cluster<'_>) {
    cluster.topics("mid").await;
    cluster.produce("mid", 3, "{");
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("mid.in", 0, Offset::Offset(2)).unwrap();
    cluster.admin.delete_records(&before, &AdminOptions::new()).await.unwrap();
    let start = |meant| {
        let settings = [OTHERS[0], OTHERS[1], OTHERS[2], ("AGGREGATE__START_MID_LOG", meant)];
        cluster.start("aggregate", "mid", &settings)
    };
    let words = ["mid.in partition 0: nothing is committed", "begins at 2", "start_mid_log"];
    cluster.refuses(start("false"), 88, &words);
    start("true").wait_for("assigned");
}

/// A record in Confluent framing whose schema has this id.
fn framed(id: u32) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], b"datum"].concat()
}

async fn newer_schema(cluster: &Cluster<'_>) {
    // A forged id is a dead letter, and the records after it are read.
    cluster.topics("forged").await;
    for id in [0, 100, 101, 877, 99_999] {
        cluster.produce("forged", 1, framed(id));
    }
    let enrich = cluster.start("enrich", "forged", &[]);
    let letters = |program: &Program| {
        program.try_metrics().and_then(|it| it.sum("isobar_dead_letters_total"))
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while letters(&enrich) != Some(5.0) {
        assert!(Instant::now() < patience, "{}", enrich.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let logged = enrich.output().matches("dead letter, the first of its reason").count();
    assert_eq!(logged, 1, "{}", enrich.output());
    cluster.produce("forged", 1, framed(102));
    let words = ["forged.in/0: the record at 5 is a report of version 2", "knows version 1"];
    cluster.refuses(enrich, 91, &words);
    // Started again it is no further.
    cluster.refuses(cluster.start("enrich", "forged", &[]), 91, &["the record at 5"]);

    // In the raw topic it may be of any producer.
    cluster.topics("foreign").await;
    cluster.produce("foreign", 1, framed(102));
    cluster.produce("foreign", 1, "{");
    let ingest = cluster.start("ingest", "foreign", &[]);
    let patience = Instant::now() + Duration::from_secs(60);
    while letters(&ingest) != Some(2.0) {
        assert!(Instant::now() < patience, "{}", ingest.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ingest.stop();
}

async fn newer_enriched(cluster: &Cluster<'_>) {
    cluster.topics("enriched").await;
    cluster.produce("enriched", 1, framed(202));
    let settings = OTHERS;
    let words = ["enriched.in/0: the record at 0 is ", "enriched_report of version 2"];
    cluster.refuses(cluster.start("aggregate", "enriched", &settings), 91, &words);
}

/// A library that does not come back keeps no process beyond its deadline.
async fn hanging_drain(cluster: &Cluster<'_>) {
    const DEADLINE: Duration = Duration::from_secs(2);
    cluster.topics("hangs").await;
    let settings = [("HANG_AT", "draining:1"), ("LIMITS__SHUTDOWN_DEADLINE_S", "2")];
    let ingest = cluster.start("ingest", "hangs", &settings);
    ingest.wait_for("assigned");
    ingest.signal(Signal::SIGTERM);
    let asked = Instant::now();
    cluster.refuses(ingest, 75, &["ended by force", "(exit code 75)"]);
    let took = asked.elapsed();
    assert!((DEADLINE..DEADLINE + Duration::from_secs(4)).contains(&took), "{took:?}");
}

/// Sink reads five topics, each of another subject.
#[tokio::test]
async fn a_record_of_a_newer_schema_in_any_topic_stops_sink() {
    const TOPICS: [(&str, &str, u32); 5] = [
        ("TOPICS__CELLS", "cells", 302),
        ("TOPICS__SESSIONS", "sessions", 402),
        ("TOPICS__HOURS", "hours", 702),
        ("TOPICS__BLOCKS", "blocks", 502),
        ("TOPICS__ENRICHED", "enriched", 202),
    ];
    let turn = Turn::take();
    let stack = turn.stack().await;
    let admin = ClientConfig::new().set("bootstrap.servers", stack.brokers()).create().unwrap();
    let cluster = Cluster { brokers: stack.brokers(), admin, turn: &turn };
    for (_, newer, id) in TOPICS {
        let case = format!("newer-{newer}");
        let named = TOPICS.map(|(setting, topic, _)| (setting, format!("{case}.{topic}")));
        let dead = ("TOPICS__DEAD_LETTERS", format!("{case}.dead"));
        let mut settings = vec![("KAFKA__GROUP", &*case)];
        for (setting, topic) in named.iter().chain([&dead]) {
            cluster.topic(topic, 1, APPENDED).await;
            settings.push((*setting, topic));
        }
        cluster.produce_to(&format!("{case}.{newer}"), 1, framed(id));
        let place = format!("{case}.{newer}/0: the record at 0 is ");
        let words = [place.as_str(), "of version 2"];
        for _ in 0..2 {
            cluster.refuses(turn.service(&stack, "sink", &settings), 91, &words);
        }
    }
}
