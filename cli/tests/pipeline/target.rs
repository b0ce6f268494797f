//! Two ClickHouses on one Kafka: a group writes to one of them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use deploy::connect::Cluster;
use deploy::migrate;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use stack::pipeline::Pipeline;
use stack::{Plan, Ports, Stack, Watch, verdict};

use crate::harness::{Turn, assert_not_restarted, assert_verified, verdict, world};
use crate::program::Program;
use crate::recovery_page::{commands, run};

const GROUP: &str = "isobar-sink";

/// Returns a second ClickHouse, with tables, on the Kafka of the first.
async fn another(turn: &Turn, first: &Stack) -> Stack {
    let plan = Plan {
        folder: turn.folder.path().join("other"),
        ports: Ports::free(1).unwrap(),
        kafka: Some(Cluster::at(&first.brokers())),
        ..turn.plan()
    };
    let stack = Stack::start(plan).unwrap();
    migrate::apply(&stack.access().client("migrate")).await.unwrap();
    stack
}

async fn id(stack: &Stack) -> String {
    migrate::target(&stack.access().client("migrate")).await.unwrap().unwrap()
}

/// Starts a separate sink that writes to the ClickHouse of `stack`, with further settings.
fn sink(turn: &Turn, stack: &Stack, more: &[(&str, &str)]) -> Program {
    turn.service(stack, "sink", more)
}

fn refuses(mut sink: Program, words: &[&str]) {
    let (code, line) = sink.end();
    assert_eq!(code, 89, "{}", sink.output());
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line}");
    }
}

fn consumer(brokers: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", GROUP).create().unwrap()
}

#[tokio::test]
async fn a_sink_refuses_another_clickhouse_until_it_adopts_the_target() {
    let turn = Turn::take();
    let Pipeline { stack, mut services } = turn.pipeline().await;
    let other = another(&turn, &stack).await;
    let (first_id, other_id) = (id(&stack).await, id(&other).await);
    assert_ne!(first_id, other_id);
    let mut watch = Watch::start(&stack, &world(15)).await.unwrap();

    let words = [&*first_id, &*other_id, "sink.adopt_target", "exit-codes.md"];
    refuses(sink(&turn, &other, &[]), &words);
    let adopts_a_third = [("SINK__ADOPT_TARGET", "9c5b94b1-35ad-49bb-b118-8e8fc24abf80")];
    refuses(sink(&turn, &other, &adopts_a_third), &words);
    let first = verdict(&mut watch, &stack).await;
    assert_verified(&first);
    let rows = other.access().client("dashboard");
    let rows = rows.query("SELECT count() FROM samples").fetch_one::<u64>().await.unwrap();
    assert_eq!(rows, 0, "rows of the first were inserted into the other");

    // Recovery from exit code 89: the sink that adopts continues, and the first one is refused.
    services.stop();
    let adopts = [("SINK__ADOPT_TARGET", &*first_id)];
    let adopting = sink(&turn, &other, &adopts);
    adopting.wait_for("assigned");
    refuses(sink(&turn, &stack, &[]), &[&other_id]);
    adopting.stop();
    // With a rewind it gets all that the topics still hold.
    for command in commands("89:", "all sinks") {
        run(&command, &stack.brokers()).await;
    }
    let again = sink(&turn, &other, &adopts);
    let patience = Instant::now() + Duration::from_secs(90);
    loop {
        let found = verdict::verify_stack(vec![watch.truth()], &other).await;
        match found {
            Ok(found) if found.mismatches == 0 => break assert_verified(&found),
            found => assert!(Instant::now() < patience, "{found:?}\n{}", again.output()),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    again.stop();
}

#[tokio::test]
async fn two_sinks_cannot_both_join_a_new_group() {
    let turn = Turn::take();
    let Pipeline { stack, mut services } = turn.pipeline().await;
    services.stop();
    let other = another(&turn, &stack).await;
    let group = [("KAFKA__GROUP", "new")];
    let mut both = [sink(&turn, &stack, &group), sink(&turn, &other, &group)];
    let patience = Instant::now() + Duration::from_secs(60);
    while both.iter_mut().all(|sink| !sink.has_ended()) {
        assert!(Instant::now() < patience, "{}\n{}", both[0].output(), both[1].output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = usize::from(!both[0].has_ended());
    let ended = &mut both[ended];
    assert_eq!(ended.end().0, 89, "{}", ended.output());
}

/// Returns the first row about a further server in the page's table for exit code 89.
#[tokio::test]
async fn a_server_joins_a_cluster_only_by_the_id_of_the_first_server() {
    let turn = Turn::take();
    let stack = turn.stack().await;
    let other = another(&turn, &stack).await;
    let (first_id, other_id) = (id(&stack).await, id(&other).await);
    let access = other.access();
    let migrate = || {
        let mut migrate = Command::new(env!("CARGO_BIN_EXE_isobar"));
        migrate.args(["migrate", "--clickhouse", &access.url, "--password-from", "PASSWORD"]);
        migrate.args(["--target", &first_id]).env("PASSWORD", access.passwords.of("migrate"));
        migrate.output().unwrap()
    };
    let first = sink(&turn, &stack, &[]);
    first.wait_for("assigned");

    let refused = migrate();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains(&other_id) && words.contains(&first_id), "{words}");
    refuses(sink(&turn, &other, &[]), &[&first_id, &other_id]);

    // The command on the page.
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/exit-codes.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, statement) = page.split_once("first `ALTER TABLE").unwrap();
    let statement = format!("ALTER TABLE{}", statement.split('`').next().unwrap());
    access.client("migrate").query(&statement).execute().await.unwrap();
    let migrated = migrate();
    let printed = String::from_utf8_lossy(&migrated.stdout).into_owned();
    assert!(migrated.status.success() && printed.contains(&first_id), "{printed}");
    let mut further = sink(&turn, &other, &[]);
    further.wait_for("assigned");
    // Both read the committed offsets of the group, and continue.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut first = first;
    assert!(!first.has_ended() && !further.has_ended(), "{}{}", first.output(), further.output());
    further.stop();
    first.stop();
}

/// Builds an `isobar …` command of another user whose data is in `folder`.
fn isobar(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
    command.args(arguments).env("XDG_STATE_HOME", folder).env("TMPDIR", folder);
    command
}

fn topics_and_groups(brokers: &str) -> Vec<String> {
    let consumer = consumer(brokers);
    let patience = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(None, patience).unwrap();
    let topics = metadata.topics().iter().map(|topic| topic.name().to_owned());
    let groups = consumer.fetch_group_list(None, patience).unwrap();
    let groups = groups.groups().iter().map(|group| group.name().to_owned());
    topics.chain(groups).collect()
}

#[tokio::test]
async fn demo_and_up_take_no_partitions_of_other_services() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let Pipeline { stack, services } = turn.pipeline().await;
    let brokers = stack.brokers();
    let mut watch = Watch::start(&stack, &world(20)).await.unwrap();

    let world = ["--duration", "6s", "--sessions", "100", "--rate", "50"];
    let demo = [&["demo", "--kafka", &brokers], &world[..]].concat();
    let demo = isobar(folder, &demo).output().unwrap();
    let printed = String::from_utf8(demo.stdout).unwrap();
    assert!(demo.status.success() && printed.contains("nothing lost, nothing twice"), "{printed}");
    let left = topics_and_groups(&brokers);
    let left: Vec<_> = left.iter().filter(|name| name.starts_with("isobar-demo-")).collect();
    assert!(left.is_empty(), "{left:?}");

    let up = isobar(folder, &["up", "--kafka", &brokers]);
    let mut up = Program::spawn(up, folder.join("up.log"));
    up.wait_for_without_timeout("isobar down");
    let printed = up.output();
    assert!(
        printed.contains("reads       rtc-stats-raw-v1") && printed.contains("owns"),
        "{printed}"
    );
    assert_verified(&verdict(&mut watch, &stack).await);
    assert_not_restarted(&services);

    // The other ClickHouse has the same world, from the same raw topic.
    let truth = watch.truth();
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let verify = ["verify", "--truth", truth.to_str().unwrap()];
        let verify = isobar(folder, &verify).output().unwrap();
        if verify.status.success() {
            break;
        }
        assert!(Instant::now() < patience, "{}", String::from_utf8_lossy(&verify.stdout));
    }
    let plan = isobar(folder, &["topics", "plan"]).output().unwrap();
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.contains("topics are as they should be"), "{plan}");
    let letters = isobar(folder, &["dlq", "ls"]).output().unwrap();
    let letters = String::from_utf8(letters.stdout).unwrap();
    assert!(letters.contains("rtc-stats-raw-v1"), "{letters}");
    up.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(up.end().0, 0, "{}", up.output());
}
