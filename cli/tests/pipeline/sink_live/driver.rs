//! A ClickHouse, and sink without its loop.

use std::time::{Duration, Instant};

use clickhouse::Client;
use deploy::access::Access;
use deploy::connect::Cluster;
use deploy::migrate;
use prometheus::Registry;
use service::{
    AppendTime, Handler, Input, Offset, Pace, Partition, Record, Recorder, Service as _, Settings,
    Source,
};
use sink::{Sink, SinkSettings};
use stack::{Plan, Stack};

use crate::harness::Turn;

/// A migrated ClickHouse.
pub(super) struct Server {
    access: Access,
    _stack: Stack,
    _turn: Turn,
}

impl Server {
    pub(super) async fn start() -> Self {
        let turn = Turn::take();
        // Kafka is not used.
        let stack = Stack::start(Plan { kafka: Some(Cluster::default()), ..turn.plan() }).unwrap();
        let server = Self { access: stack.access(), _stack: stack, _turn: turn };
        migrate::apply(&server.client("migrate")).await.unwrap();
        server
    }

    pub(super) fn url(&self) -> &str {
        &self.access.url
    }

    pub(super) fn password(&self, user: &str) -> &str {
        self.access.passwords.of(user)
    }

    pub(super) fn client(&self, user: &str) -> Client {
        self.access.client(user)
    }

    /// Returns its time, in seconds since the Unix epoch.
    pub(super) async fn now(&self) -> i64 {
        self.numbers("SELECT toInt64(toUnixTimestamp(now()))").await[0]
    }

    pub(super) async fn count(&self, what: &str) -> i64 {
        self.numbers(&format!("SELECT toInt64(count()) FROM {what}")).await[0]
    }

    pub(super) async fn wait_for(&self, what: &str, wanted: i64) {
        let patience = Instant::now() + Duration::from_secs(180);
        while self.count(what).await != wanted {
            assert!(Instant::now() < patience, "{what} does not become {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn numbers(&self, query: &str) -> Vec<i64> {
        self.client("dashboard").query(query).fetch_all().await.unwrap()
    }

    pub(super) fn sink(&self) -> Driver {
        let service: SinkSettings = serde_json::from_value(serde_json::json!({
            "url": self.access.url, "password": self.access.passwords.of("sink"),
            "flush_ms": 10, "rollup_s": 1, "seal_grace_s": 0,
        }))
        .unwrap();
        let settings = Settings { service, ..Settings::default() };
        Driver {
            handler: Sink::start(&settings, &Registry::new()).unwrap(),
            out: Recorder::default(),
            started: Instant::now(),
        }
    }
}

/// Sink without its loop.
pub(super) struct Driver {
    handler: Box<dyn Handler>,
    pub(super) out: Recorder,
    started: Instant,
}

impl Driver {
    pub(super) fn assign(&mut self, input: usize) -> Source {
        let source = Source { input: Input(input), partition: Partition(0) };
        self.out.assign(source);
        self.handler.assigned(source, None).unwrap();
        source
    }

    pub(super) fn record(&mut self, source: Source, offset: i64, payload: &[u8]) {
        let record = Record {
            source,
            offset: Offset(offset),
            appended: AppendTime(0),
            key: None,
            content_type: None,
            payload,
            look_back: false,
        };
        self.handler.record(&record, &mut self.out).unwrap();
    }

    /// Waits until all is inserted, and returns the offset that may then be committed.
    pub(super) async fn settle(&mut self) -> i64 {
        self.handler.drain(&mut self.out).unwrap();
        while !self.handler.drained() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap();
            self.handler.tick(now, Pace::Idle, &mut self.out).unwrap();
        }
        self.out.acknowledge();
        self.out.take_commits().last().unwrap().offset.0
    }
}
