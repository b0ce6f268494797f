//! A pipeline whose services stay ended after a refusal.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use deploy::service::Service;
use deploy::topics;
use oracle::verify::Verdict;
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
pub(super) const DEAD_LETTERS: &str = "rtc-dead-letters-v1";
pub(super) const PARTITIONS: i32 = 2;
/// A world that is played at once.
const WORLD: &str = "simulate --fast --duration 60s --sessions 40 --rate 20";
/// Heading of the section about a new epoch.
const NEW_EPOCH: &str = "A new epoch";
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const fn inputs(service: Service) -> &'static [&'static str] {
    match service {
        Service::Ingest => &[RAW],
        Service::Enrich => &[REPORTS],
        Service::Aggregate => &[ENRICHED],
        Service::Sink => &[CELLS, SESSIONS, HOURS, BLOCKS, ENRICHED],
    }
}

pub(super) fn group(service: Service) -> String {
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
    /// Records of raw topics that were deleted.
    pub(super) raw_gone: i64,
    /// TOPIC in the page's commands.
    pub(super) topic: &'static str,
    /// TIME in the page's commands.
    pub(super) time: String,
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
            topic: CELLS,
            time: now(),
            truths: Vec::new(),
            stack,
            turn,
        };
        Service::ALL.into_iter().for_each(|service| site.start(service));
        site
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
        assert!(codes.contains(&found), "{found}: {}", program.output());
        line
    }

    /// Starts services, and waits until ClickHouse matches the truth.
    pub(super) async fn go_on(&mut self, services: &[Service]) {
        services.iter().for_each(|service| self.start(*service));
        self.verified().await;
    }

    /// Plays a world of which `reader`, which is stopped, reads nothing, and stops the service that
    /// writes it.
    pub(super) fn leave_unread(&mut self, reader: Service) {
        let ends = self.ends(BLOCKS);
        self.play();
        let writer = match reader {
            Service::Ingest => panic!("no service writes raw records"),
            Service::Enrich => Service::Ingest,
            Service::Aggregate => Service::Enrich,
            Service::Sink => Service::Aggregate,
        };
        if writer == Service::Aggregate {
            // An audit follows the cells and sessions of its block.
            self.grows(BLOCKS, &ends);
        } else {
            self.drained(writer);
        }
        self.stop(writer);
    }

    /// Plays a world, all of it at once.
    pub(super) fn play(&mut self) {
        self.play_scenario("usual");
    }

    pub(super) fn play_scenario(&mut self, scenario: &str) {
        let number = self.truths.len() + 1;
        let truth = self.turn.folder.path().join(format!("truth-{number}.jsonl"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command.args(WORLD.split(' ')).args(["--scenario", scenario]);
        command.args(["--kafka", &self.stack.brokers(), "--seed", &number.to_string()]);
        let output = command.arg("--truth").arg(&truth).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.truths.push(truth);
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
                assert!(!program.has_ended(), "{}", program.output());
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

    /// Runs the page's commands for a case; those of one partition for each of `partitions`, with
    /// its offset.
    pub(super) async fn follow(&self, heading: &str, case: &str, partitions: &[(i32, i64)]) {
        for command in commands(heading, case) {
            let command = command.replace("TIME", &self.time).replace("TOPIC", self.topic);
            if !command.contains("PARTITION") {
                run(&command, &self.stack.brokers()).await;
                continue;
            }
            assert!(!partitions.is_empty(), "{command}");
            for (partition, offset) in partitions {
                let command = command.replace("PARTITION", &partition.to_string());
                let command = command.replace("RAW_END", &offset.to_string());
                let command = command.replace("FIRST", &offset.to_string());
                run(&command, &self.stack.brokers()).await;
            }
        }
    }

    /// Sets aggregate back to the beginning of its log, as several cases of the page do.
    pub(super) async fn set_back_aggregate(&self) {
        let commands = commands("80:", "sink");
        let command = commands.iter().find(|command| command.contains("isobar-aggregate"));
        run(command.unwrap(), &self.stack.brokers()).await;
    }

    /// Returns a number that ClickHouse answers with.
    async fn number(&self, sql: &str) -> i64 {
        self.stack.access().client("dashboard").query(sql).fetch_one().await.unwrap()
    }

    /// Waits until each interval that was folded is in `samples`, once.
    pub(super) async fn has_all_samples(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let folded = self.number("SELECT toInt64(sum(intervals)) FROM blocks FINAL").await;
            let samples = self.number("SELECT toInt64(count()) FROM samples FINAL").await;
            if samples == folded {
                return;
            }
            assert!(Instant::now() < patience, "{samples} samples of {folded} intervals");
            tokio::time::sleep(Duration::from_millis(500)).await;
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

/// The time as Kafka's tool takes it.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()
}
