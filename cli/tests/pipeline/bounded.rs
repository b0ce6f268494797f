//! Limits on growth: retention of every topic, TTL of every table and every ClickHouse log.

use deploy::connect::Cluster;
use deploy::migrate;
use deploy::names::Names;
use deploy::topics::design;
use stack::{Plan, Stack, Watch};

use crate::harness::{Turn, assert_verified, verdict, world};
use crate::program::Program;

const DAY_MS: i64 = 24 * 3_600_000;

#[test]
fn topics_have_a_retention_and_address_topics_one_day() {
    let names = Names::default();
    let topics = design(&names, 1);
    assert_eq!(topics.len(), 8);
    for (topic, settings) in topics {
        assert_eq!(settings["cleanup.policy"], "delete", "{topic}");
        let names = &names.topics;
        let most = match [&names.raw, &names.reports, &names.dead_letters].contains(&&topic) {
            true => DAY_MS,
            false => 7 * DAY_MS,
        };
        let kept: i64 = settings["retention.ms"].parse().unwrap();
        assert!((1..=most).contains(&kept), "{topic} keeps records for {kept} ms");
        // Only whole segments are deleted.
        let segment: i64 = settings["segment.ms"].parse().unwrap();
        assert!((1..=most).contains(&segment), "{topic} has segments of {segment} ms");
    }
}

#[tokio::test]
async fn every_table_and_every_log_of_clickhouse_has_a_ttl() {
    let turn = Turn::take();
    // Kafka is not used.
    let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let admin = stack.access().client("migrate");
    migrate::apply(&admin).await.unwrap();
    let tables = "SELECT name, position(engine_full, ' TTL ') > 0 FROM system.tables \
                  WHERE database = 'isobar' AND engine LIKE '%MergeTree'";
    let tables: Vec<(String, u8)> = admin.query(tables).fetch_all().await.unwrap();
    // These tables have no TTL, because they have few rows.
    let few = ["migrations", "retention", "target"];
    let bounded = |(name, ttl): &&(String, u8)| *ttl == 1 || few.contains(&&**name);
    let unbounded: Vec<_> = tables.iter().filter(|table| !bounded(table)).collect();
    assert!(tables.len() >= 8 && unbounded.is_empty(), "{tables:?}");

    let greedy = "SELECT name FROM system.tables WHERE database = 'isobar' \
                  AND engine LIKE 'Replacing%' AND name != 'migrations' \
                  AND NOT position(engine_full, 'min_free_disk_ratio_to_perform_insert') > 0";
    let greedy: Vec<String> = admin.query(greedy).fetch_all().await.unwrap();
    assert_eq!(greedy, Vec::<String>::new(), "these fill the disk to the last byte");

    let config = include_str!("../../../deploy/clickhouse/config.xml");
    let opened = config.matches("_log>").count() / 2;
    assert!(opened >= 2, "logs that explain a slow statement");
    assert_eq!(config.matches("<ttl>").count(), opened);
}

/// Checks that sums keep the right sign for extreme client values over many years.
#[tokio::test]
async fn sums_in_views_do_not_overflow() {
    let turn = Turn::take();
    let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
    let admin = stack.access().client("migrate");
    migrate::apply(&admin).await.unwrap();
    let most = i64::MAX;
    // Two blocks whose partials all hold the largest possible values.
    for block in [0, 1] {
        let cell = format!(
            "INSERT INTO cell_partials (window_start, window_s, grouping, app, block_start, upto, \
             bytes, packets_lost, freeze_us) SELECT toStartOfDay(now()), 60, 'place', 'meet', \
             {block}, 9, {most}, -{most}, 7"
        );
        let session = format!(
            "INSERT INTO session_partials (app, call, participant, block_start, upto, last_us, \
             bytes, round_trip_us) SELECT 'meet', 'c', 'p', {block}, 9, now64(6), {most}, {most}"
        );
        let day = format!(
            "INSERT INTO cells_1d (window_start, window_s, grouping, app, bytes) \
             SELECT toStartOfDay(now()) - INTERVAL {block} DAY, 86400, 'place', 'meet', {most}"
        );
        for insert in [cell, session, day] {
            admin.query(&insert).execute().await.unwrap();
        }
    }
    let twice = (2 * i128::from(most)).to_string();
    let (held, least) = (most.to_string(), i64::MIN.to_string());
    for (sums, wanted) in [
        (
            "toString(bytes), toString(packets_lost), toString(freeze_us) FROM folded_partials",
            [held.as_str(), &least, "14"],
        ),
        (
            "toString(bytes), toString(round_trip_us), toString(partitions) FROM sessions",
            [&held, &held, "1"],
        ),
        (
            "toString(sum(bytes)), toString(count()), toString(max(bytes)) FROM cells_daily",
            [&twice, "2", &held],
        ),
    ] {
        let sums = admin.query(&format!("SELECT {sums}"));
        // ClickHouse compiles expressions that were used three times.
        for _ in 0..6 {
            let found = sums.clone().fetch_one::<(String, String, String)>().await.unwrap();
            assert_eq!([&*found.0, &found.1, &found.2], wanted);
        }
    }
}

/// Sets a limit below the memory of an idle process: a service then accepts new input only after
/// its previous output has arrived, so it is slow but continues.
#[tokio::test]
async fn services_above_their_memory_limit_continue_slowly() {
    let turn = Turn::take();
    let pipeline = turn.pipeline().await;
    let brokers = pipeline.stack.brokers();
    let access = pipeline.stack.access();
    let settings = [
        ("LIMITS__MEMORY_MB", "16"),
        ("SINK__URL", &*access.url),
        ("SINK__PASSWORD", access.passwords.of("sink")),
    ];
    let narrow = ["ingest", "aggregate", "sink"].map(|service| {
        let settings = if service == "sink" { &settings[..] } else { &settings[..1] };
        let program = Program::start(service, &brokers, turn.folder.path(), settings);
        program.wait_for("assigned partitions");
        program
    });
    let mut watch = Watch::start(&pipeline.stack, &world(15)).await.unwrap();
    assert_verified(&verdict(&mut watch, &pipeline.stack).await);
    for program in narrow {
        let read = program.metrics().sum("isobar_records_read_total");
        assert!(read.is_some_and(|read| read > 100.0), "{read:?}\n{}", program.output());
        program.wait_for("memory is above its limit");
        program.stop();
    }
}
