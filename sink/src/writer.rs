//! Inserts batches, one after the other for each table, on threads of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;
use runtime::{Record, Source};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::batch::Batch;
use crate::metrics::Metrics;
use crate::retry::{Verdict, summary, verdict};
use crate::rollup;
use crate::rows::{Blocks, CellPartials, Samples, SessionPartials};
use crate::settings::SinkSettings;
use crate::table::{Table, insert, pieces};

/// Decoding and compressing keep a thread busy; the others' answers still have to be heard.
const THREADS: usize = 2;
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
const END_TIMEOUT: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A row is bad when it was refused this often on its own.
const TRIES: usize = 3;
/// More bad rows than this in one batch are no accident of rows: it is tried again as a whole.
const MOST_BAD: usize = 100;

/// A batch is in its table, but for these.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) lane: usize,
    pub(crate) rejected: Vec<Rejected>,
}

/// A record that has no place in its table.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) source: Source,
    pub(crate) reason: &'static str,
    /// Its dead letter, framed.
    pub(crate) letter: Vec<u8>,
}

/// The writer, as the handler sees it. A lane is the way from one input into one table, numbered
/// as the inputs are.
pub(crate) struct Writer {
    pub(crate) lanes: Vec<UnboundedSender<Batch>>,
    pub(crate) done: mpsc::Receiver<Done>,
    /// True where roll-ups are to be rebuilt.
    pub(crate) leads: Arc<AtomicBool>,
    /// Lanes that wait for ClickHouse.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// Runs the tasks for as long as the writer is there.
    runtime: Option<Runtime>,
}

impl Writer {
    /// Starts a task for each topic of `topics` (cells, sessions, blocks and, if samples are
    /// wanted, enriched reports), and the one that rebuilds roll-ups.
    ///
    /// # Errors
    /// When there is no password to be read or no thread to be had.
    pub(crate) fn start(
        settings: &SinkSettings,
        topics: &[String],
        metrics: &Metrics,
    ) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(|error| format!("threads cannot be started: {error}"))?;
        let client = settings.client()?;
        let (tell, done) = mpsc::channel();
        let mut writer = Self::with(done);
        for (lane, topic) in topics.iter().enumerate() {
            let (sender, batches) = unbounded_channel();
            writer.lanes.push(sender);
            let lane = Lane {
                lane,
                topic: topic.clone(),
                client: client.clone(),
                tell: tell.clone(),
                waiting: Arc::clone(&writer.waiting),
                metrics: metrics.clone(),
            };
            match lane.lane {
                0 => runtime.spawn(lane.run::<CellPartials>(batches)),
                1 => runtime.spawn(lane.run::<SessionPartials>(batches)),
                2 => runtime.spawn(lane.run::<Blocks>(batches)),
                _ => runtime.spawn(lane.run::<Samples>(batches)),
            };
        }
        let rebuilder = rollup::Rebuilder::new(client, settings, metrics);
        runtime.spawn(rebuilder.run(Arc::clone(&writer.leads)));
        writer.runtime = Some(runtime);
        Ok(writer)
    }

    /// A writer without lanes, that hears of batches through `done`.
    pub(crate) fn with(done: mpsc::Receiver<Done>) -> Self {
        let (leads, waiting) = <(Arc<AtomicBool>, Arc<AtomicUsize>)>::default();
        Self { lanes: Vec::new(), done, leads, waiting, runtime: None }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What is being inserted is not committed: there is nothing to wait for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Asks ClickHouse for something that is there once its tables are migrated.
///
/// # Errors
/// Why there is no answer within `timeout`.
pub(crate) fn try_connection(settings: &SinkSettings, timeout: Duration) -> Result<(), String> {
    let client = settings.client()?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let query = client.query("SELECT count() FROM open_hours").execute();
        match tokio::time::timeout(timeout, query).await {
            Ok(answer) => answer.map_err(|error| format!("{}: {}", settings.url, summary(&error))),
            Err(_) => Err(format!("{}: no answer within {timeout:?}", settings.url)),
        }
    })
}

struct Lane {
    lane: usize,
    topic: String,
    client: Client,
    tell: mpsc::Sender<Done>,
    waiting: Arc<AtomicUsize>,
    metrics: Metrics,
}

/// ClickHouse will not take the rows.
struct BadRows;

impl Lane {
    async fn run<T: Table>(self, mut batches: UnboundedReceiver<Batch>) {
        while let Some(batch) = batches.recv().await {
            let done = Done { lane: self.lane, rejected: self.deliver::<T>(&batch).await };
            drop(batch);
            if self.tell.send(done).is_err() {
                return;
            }
        }
    }

    /// Inserts all rows that can be inserted and returns the records of all others.
    async fn deliver<T: Table>(&self, batch: &Batch) -> Vec<Rejected> {
        let mut rejected = Vec::new();
        let mut table = T::default();
        let mut records = Vec::new();
        for record in batch.records() {
            match self.add(&mut table, &record) {
                Ok(()) => records.push(record),
                Err(letter) => rejected.extend(letter),
            }
        }
        let mut pauses = Pauses::default();
        while self.insert(&table).await.is_err() {
            if let Some(bad) = self.bisect::<T>(&records).await {
                rejected.extend(bad.into_iter().filter_map(|record| {
                    self.reject(&record, "refused_by_clickhouse", "ClickHouse does not take it")
                }));
                break;
            }
            tracing::error!(table = T::NAME, "more than {MOST_BAD} bad rows; trying again");
            pauses.next().await;
        }
        let hours = table.hours();
        while self.persist(T::NAME, || rollup::open(&self.client, &hours)).await.is_err() {
            pauses.next().await;
        }
        rejected
    }

    /// Adds a record's rows, or returns its dead letter.
    fn add<T: Table>(&self, table: &mut T, record: &Record<'_>) -> Result<(), Option<Rejected>> {
        let decoded: T::Record = schemas::decode(record.payload)
            .map_err(|error| self.reject(record, "undecodable", &error.to_string()))?;
        table.add(&decoded).map_err(|unfit| self.reject(record, "unfit", unfit.0))
    }

    fn reject(&self, record: &Record<'_>, reason: &'static str, detail: &str) -> Option<Rejected> {
        let letter = runtime::dead_letter("sink", &self.topic, record, reason, detail);
        let letter = letter.inspect_err(|error| tracing::error!(%error, "no dead letter")).ok()?;
        Some(Rejected { source: record.source, reason, letter })
    }

    /// Inserts by halves until the records that make inserts fail are found.
    async fn bisect<'a, T: Table>(&self, records: &[Record<'a>]) -> Option<Vec<Record<'a>>> {
        let mut bad = Vec::new();
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            let tries = if part.len() == 1 { TRIES } else { 1 };
            let mut table = T::default();
            for record in part {
                // All of them were added before.
                let _ = self.add(&mut table, record);
            }
            let mut taken = false;
            for _ in 0..tries {
                taken = taken || self.insert(&table).await.is_ok();
            }
            match part {
                _ if taken => {}
                [record] => bad.push(*record),
                _ => parts.extend(<[_; 2]>::from(part.split_at(part.len() / 2))),
            }
            if bad.len() > MOST_BAD {
                return None;
            }
        }
        Some(bad)
    }

    /// Inserts rows, for as long as that takes, unless it is the rows' fault.
    async fn insert<T: Table>(&self, table: &T) -> Result<(), BadRows> {
        if table.rows() == 0 {
            return Ok(());
        }
        let started = Instant::now();
        self.persist(T::NAME, || send(&self.client, table)).await?;
        self.metrics.rows.with_label_values(&[T::NAME]).inc_by(table.rows() as u64);
        let inserts = self.metrics.inserts.with_label_values(&[T::NAME]);
        inserts.observe(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Does `work` until it is done, unless it never will be for the sake of its rows.
    async fn persist<F: Future<Output = Result<(), Error>>>(
        &self,
        table: &'static str,
        work: impl Fn() -> F,
    ) -> Result<(), BadRows> {
        let mut pauses = Pauses::default();
        let mut waits = false;
        let outcome = loop {
            let Err(error) = work().await else {
                break Ok(());
            };
            let verdict = verdict(&error);
            self.metrics.failures.with_label_values(&[table, verdict.name()]).inc();
            let reason = summary(&error);
            if verdict == Verdict::Rows {
                tracing::warn!(table, %reason, "rows refused");
                break Err(BadRows);
            }
            if !waits {
                waits = true;
                self.waiting.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(table, %reason, "waiting for ClickHouse");
            }
            pauses.next().await;
        };
        if waits {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            tracing::info!(table, "ClickHouse is back");
        }
        outcome
    }
}

async fn send<T: Table>(client: &Client, table: &T) -> Result<(), Error> {
    let mut insert = client
        .insert_formatted_with(insert(table))
        .with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT));
    for piece in pieces(table) {
        insert.send(piece.into()).await?;
    }
    insert.end().await
}

/// Pauses that grow.
#[derive(Default)]
struct Pauses(Option<Duration>);

impl Pauses {
    async fn next(&mut self) {
        let pause = self.0.map_or(FIRST_PAUSE, |last| LONGEST_PAUSE.min(last * 2));
        self.0 = Some(pause);
        tokio::time::sleep(pause).await;
    }
}
