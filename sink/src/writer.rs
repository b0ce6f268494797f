//! Insertion of batches, in order for each table, on separate threads.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        reason = "the part that writes to ClickHouse and measures how long it takes"
    )
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use service::{AppendTime, Record, Source};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::batch::Batch;
use crate::error::ConnectError;
use crate::metrics::Metrics;
use crate::retry::{CAUSES, Verdict, cause, summary, verdict};
use crate::rollup;
use crate::rows::{Blocks, CellPartials, Samples, SessionHourPartials, SessionPartials};
use crate::server::{ClickHouse, Identity, Server};
use crate::settings::SinkSettings;
use crate::split;
use crate::table::Table;

/// Number of threads: decoding and compressing keep one busy, and responses must still be received.
const THREADS: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Rows of a block. Many, so that the overhead per block is small.
const BLOCK_ROWS: usize = 8192;
/// Concurrent inserts into one table: while ClickHouse sorts and writes one, the next one is
/// decoded.
const AT_ONCE: usize = 2;
/// Number of refusals of a single row after which it counts as bad.
const TRIES: usize = 3;
/// Maximum number of bad rows in a batch. If there are more, the cause is not the rows, and the
/// whole batch is retried.
const MOST_BAD: usize = 100;

/// Result of a batch: it is in its table, except for rejected records.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) table: usize,
    pub(crate) rejected: Vec<Rejected>,
}

/// A record that has no place in its table.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) source: Source,
    pub(crate) reason: &'static str,
    pub(crate) key: Option<Vec<u8>>,
    /// Its dead letter, framed.
    pub(crate) letter: Vec<u8>,
}

/// The writer, as the handler sees it. Each input fills one table; tables are numbered as the
/// inputs are.
pub(crate) struct Writer {
    pub(crate) tables: Vec<UnboundedSender<Batch>>,
    pub(crate) done: mpsc::Receiver<Done>,
    /// True if this instance maintains the roll-ups.
    pub(crate) leads: Arc<AtomicBool>,
    /// Number of tables that wait for ClickHouse.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// Identity of the ClickHouse.
    pub(crate) target: Identity,
    /// Runs the tasks until the writer is dropped.
    runtime: Option<Runtime>,
}

impl Writer {
    /// Starts a task for each topic of `topics` (cells, sessions, hours, blocks and, if samples are
    /// wanted, enriched reports), and the one that rebuilds roll-ups.
    ///
    /// # Errors
    /// When the password cannot be read or threads cannot be started.
    pub(crate) fn start(
        settings: &SinkSettings,
        topics: &[String],
        metrics: &Metrics,
    ) -> Result<Self, ConnectError> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(ConnectError::Threads)?;
        let client = settings.client()?;
        let (results, done) = mpsc::channel();
        let mut writer = Self::with(done);
        for (table, topic) in topics.iter().enumerate() {
            let (sender, batches) = unbounded_channel();
            writer.tables.push(sender);
            let inserter = TableWriter {
                table,
                topic: topic.clone(),
                server: ClickHouse(client.clone()),
                results: results.clone(),
                waiting: Arc::clone(&writer.waiting),
                target: writer.target.clone(),
                metrics: metrics.clone(),
                within_us: settings.samples_within_us(),
            };
            match inserter.table {
                0 => runtime.spawn(inserter.run::<CellPartials>(batches)),
                1 => runtime.spawn(inserter.run::<SessionPartials>(batches)),
                2 => runtime.spawn(inserter.run::<SessionHourPartials>(batches)),
                3 => runtime.spawn(inserter.run::<Blocks>(batches)),
                _ => runtime.spawn(inserter.run::<Samples>(batches)),
            };
        }
        runtime.spawn(learn(ClickHouse(client.clone()), writer.target.clone()));
        let leads = Arc::clone(&writer.leads);
        runtime.spawn(split::watch(client.clone(), metrics.clone(), leads));
        let rebuilder = rollup::Rebuilder::new(client, settings, metrics);
        runtime.spawn(rebuilder.minutes().run(Arc::clone(&writer.leads)));
        runtime.spawn(rebuilder.run(Arc::clone(&writer.leads)));
        writer.runtime = Some(runtime);
        Ok(writer)
    }

    /// Creates a writer without tables; results of batches arrive through `done`.
    pub(crate) fn with(done: mpsc::Receiver<Done>) -> Self {
        let (leads, waiting) = <(Arc<AtomicBool>, Arc<AtomicUsize>)>::default();
        let target = Identity::default();
        Self { tables: Vec::new(), done, leads, waiting, target, runtime: None }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Batches being inserted are not committed yet, so there is nothing to wait for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Queries the id of ClickHouse until it is known.
async fn learn(server: ClickHouse, target: Identity) {
    let mut pauses = Pauses::default();
    loop {
        match server.id().await {
            Ok(id) => {
                target.saw(id);
                return;
            }
            Err(error) => {
                let reason = summary(&error);
                tracing::warn!(%reason, "waiting for the id of ClickHouse, which isobar migrate writes");
            }
        }
        tokio::time::sleep(pauses.next()).await;
    }
}

/// Checks that ClickHouse responds, that its tables are migrated, and that all required columns
/// exist.
///
/// # Errors
/// The reason why there is no response within `timeout`, or the missing columns.
pub(crate) fn try_connection(
    settings: &SinkSettings,
    timeout: Duration,
) -> Result<(), ConnectError> {
    let client = settings.client()?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ConnectError::Threads)?;
    let url = settings.url.clone();
    runtime.block_on(async {
        let server = ClickHouse(client.clone());
        let asked = async {
            client.query("SELECT count() FROM open_hours").execute().await?;
            let missing = missing_columns(&client, settings.samples).await?;
            if missing.is_empty() {
                server.id().await?;
            }
            Ok(missing)
        };
        match tokio::time::timeout(timeout, asked).await {
            Ok(Ok(missing)) if missing.is_empty() => Ok(()),
            Ok(Ok(missing)) => Err(ConnectError::Schema { url, missing }),
            Ok(Err(source)) => Err(ConnectError::Refused { url, source }),
            Err(_) => Err(ConnectError::NoAnswer { url, timeout }),
        }
    })
}

/// Returns the required columns that are missing, as `table.column`.
async fn missing_columns(client: &Client, samples: bool) -> Result<Vec<String>, Error> {
    let query =
        "SELECT table || '.' || name FROM system.columns WHERE database = currentDatabase()";
    let there: BTreeSet<String> =
        client.query(query).fetch_all::<String>().await?.into_iter().collect();
    let mut filled = names::<CellPartials>();
    filled.extend(names::<SessionPartials>());
    filled.extend(names::<SessionHourPartials>());
    filled.extend(names::<Blocks>());
    if samples {
        filled.extend(names::<Samples>());
    }
    filled.retain(|column| !there.contains(column));
    Ok(filled)
}

fn names<T: Table>() -> Vec<String> {
    T::default().columns().iter().map(|(name, _)| format!("{}.{name}", T::NAME)).collect()
}

/// Returns true if a record was more than `within_us` old when it was appended, and its table may do
/// without such records.
pub(crate) fn is_past<T: Table>(
    within_us: Option<i64>,
    record: &T::Record,
    appended: AppendTime,
) -> bool {
    let age_us =
        T::happened_us(record).map(|us| appended.0.saturating_mul(1000).saturating_sub(us));
    age_us.zip(within_us).is_some_and(|(age_us, within_us)| age_us > within_us)
}

/// The task that fills one table on `S`.
pub(crate) struct TableWriter<S> {
    pub(crate) table: usize,
    pub(crate) topic: String,
    pub(crate) server: S,
    pub(crate) results: mpsc::Sender<Done>,
    pub(crate) waiting: Arc<AtomicUsize>,
    pub(crate) target: Identity,
    pub(crate) metrics: Metrics,
    /// Age in µs, by append time, beyond which a record that the table may do without has no rows.
    pub(crate) within_us: Option<i64>,
}

/// Error: ClickHouse permanently refuses the rows.
struct BadRows;

/// Result of an insert.
#[derive(Default)]
struct Taken {
    rows: u64,
    /// Starts of the hours and minutes whose roll-ups it makes stale, s since the Unix epoch.
    hours: BTreeSet<u32>,
    minutes: BTreeSet<u32>,
    /// Records that have no rows.
    rejected: Vec<Rejected>,
}

impl Taken {
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.hours.extend(more.hours);
        self.minutes.extend(more.minutes);
        self.rejected.extend(more.rejected);
    }
}

impl<S: Server> TableWriter<S> {
    /// Inserts batches until no sender or no receiver is left. Reports results in their order.
    pub(crate) async fn run<T: Table>(self, mut batches: UnboundedReceiver<Batch>) {
        let mut under_way = FuturesOrdered::new();
        loop {
            let rejected = tokio::select! {
                // Without randomness, so that a simulation can be repeated.
                biased;
                Some(batch) = batches.recv(), if under_way.len() < AT_ONCE => {
                    under_way.push_back(self.deliver::<T>(batch));
                    continue;
                }
                Some(rejected) = under_way.next() => rejected,
                else => return,
            };
            if self.results.send(Done { table: self.table, rejected }).is_err() {
                return;
            }
        }
    }

    /// Inserts all rows that can be inserted and returns the records of all others.
    async fn deliver<T: Table>(&self, batch: Batch) -> Vec<Rejected> {
        let mut pauses = Pauses::default();
        let Taken { rejected, hours, minutes, .. } = loop {
            if let Ok(taken) = self.insert::<T, _>(|| batch.records()).await {
                break taken;
            }
            let records: Vec<_> = batch.records().collect();
            if let Some(taken) = self.bisect::<T>(&records).await {
                break taken;
            }
            tracing::error!(table = T::NAME, "more than {MOST_BAD} bad rows; trying again");
            self.server.pause(pauses.next()).await;
        };
        let [minutes, hours] = [minutes, hours].map(Vec::from_iter);
        while self.persist(T::NAME, || self.server.open(&minutes, &hours)).await.is_err() {
            self.server.pause(pauses.next()).await;
        }
        rejected
    }

    /// Adds a record's rows, or returns its dead letter. Decodes into `decoded` to reuse its
    /// memory.
    fn add<T: Table>(
        &self,
        table: &mut T,
        decoded: &mut T::Record,
        record: &Record<'_>,
    ) -> Result<(), Option<Rejected>> {
        schemas::decode_into(record.payload, decoded)
            .map_err(|error| self.reject(record, "undecodable", &error.to_string()))?;
        if is_past::<T>(self.within_us, decoded, record.appended) {
            return Ok(());
        }
        table.add(decoded).map_err(|unfit| self.reject(record, "unfit", unfit.0))?;
        self.server.added(record);
        Ok(())
    }

    fn reject(&self, record: &Record<'_>, reason: &'static str, detail: &str) -> Option<Rejected> {
        let letter = service::dead_letter("sink", &self.topic, record, reason, detail);
        let letter = letter.inspect_err(|error| tracing::error!(%error, "no dead letter")).ok()?;
        let (source, key) = (record.source, record.key.map(<[u8]>::to_vec));
        Some(Rejected { source, reason, key, letter })
    }

    /// Inserts halves recursively until the records that make inserts fail are found.
    async fn bisect<T: Table>(&self, records: &[Record<'_>]) -> Option<Taken> {
        let mut all = Taken::default();
        let mut bad = 0;
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            let tries = if part.len() == 1 { TRIES } else { 1 };
            let mut taken = None;
            for _ in 0..tries {
                if taken.is_none() {
                    taken = self.insert::<T, _>(|| part.iter().copied()).await.ok();
                }
            }
            match (taken, part) {
                (Some(taken), _) => all.add(taken),
                (None, [record]) => {
                    let detail = "ClickHouse refuses its rows";
                    all.rejected.extend(self.reject(record, "refused_by_clickhouse", detail));
                    bad += 1;
                }
                _ => parts.extend(<[_; 2]>::from(part.split_at(part.len() / 2))),
            }
            if bad > MOST_BAD {
                return None;
            }
        }
        Some(all)
    }

    /// Inserts the rows of records. Retries until it succeeds, unless the rows are the cause of
    /// failure.
    async fn insert<'a, T: Table, R: Iterator<Item = Record<'a>>>(
        &self,
        records: impl Fn() -> R,
    ) -> Result<Taken, BadRows> {
        let started = Instant::now();
        let taken = self.persist(T::NAME, || self.send::<T>(records())).await?;
        if taken.rows > 0 {
            self.metrics.rows.with_label_values(&[T::NAME]).inc_by(taken.rows);
            let inserts = self.metrics.inserts.with_label_values(&[T::NAME]);
            inserts.observe(started.elapsed().as_secs_f64());
        }
        Ok(taken)
    }

    /// Sends one insert in several blocks, because rows take far more memory than their records.
    /// ClickHouse joins the blocks.
    async fn send<T: Table>(
        &self,
        records: impl Iterator<Item = Record<'_>>,
    ) -> Result<Taken, Error> {
        self.same_target().await?;
        let (mut taken, mut insert, mut table) = (Taken::default(), None, T::default());
        let mut decoded = T::Record::default();
        for record in records {
            match self.add(&mut table, &mut decoded, &record) {
                Ok(()) if table.rows() < BLOCK_ROWS => {}
                Ok(()) => self.block(&mut table, &mut insert, &mut taken).await?,
                Err(letter) => taken.rejected.extend(letter),
            }
        }
        if table.rows() > 0 {
            self.block(&mut table, &mut insert, &mut taken).await?;
        }
        drop(table);
        if let Some(insert) = insert {
            self.server.end(insert).await?;
        }
        Ok(taken)
    }

    /// Returns if the server is still the same. Otherwise it never returns, so that nothing more is
    /// inserted, and the process ends.
    async fn same_target(&self) -> Result<(), Error> {
        if self.target.saw(self.server.id().await?) {
            return Ok(());
        }
        std::future::pending().await
    }

    /// Sends a block and clears it.
    async fn block<T: Table>(
        &self,
        table: &mut T,
        insert: &mut Option<S::Insert>,
        taken: &mut Taken,
    ) -> Result<(), Error> {
        let insert = insert.get_or_insert_with(|| self.server.begin(table));
        self.server.block(insert, table).await?;
        taken.rows += table.rows() as u64;
        taken.hours.extend(table.hours());
        taken.minutes.extend(table.minutes());
        table.clear();
        Ok(())
    }

    /// Sets the metric of the cause that the table's inserts wait for, if any.
    fn wait(&self, table: &'static str, cause: Option<&str>) {
        for shown in CAUSES {
            let waits = self.metrics.waits.with_label_values(&[table, shown]);
            waits.set(i64::from(cause == Some(shown)));
        }
    }

    /// Repeats `work` until it succeeds, unless it fails because of its rows.
    async fn persist<T, F: Future<Output = Result<T, Error>>>(
        &self,
        table: &'static str,
        work: impl Fn() -> F,
    ) -> Result<T, BadRows> {
        let mut pauses = Pauses::default();
        let mut waits = false;
        let outcome = loop {
            let error = match work().await {
                Ok(done) => break Ok(done),
                Err(error) => error,
            };
            let verdict = verdict(&error);
            self.metrics.failures.with_label_values(&[table, verdict.name()]).inc();
            let reason = summary(&error);
            if verdict == Verdict::Rows {
                tracing::warn!(table, %reason, "rows refused");
                break Err(BadRows);
            }
            self.wait(table, Some(cause(&error)));
            if !waits {
                waits = true;
                self.waiting.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(table, %reason, "waiting for ClickHouse");
            }
            self.server.pause(pauses.next()).await;
        };
        if waits {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.wait(table, None);
            tracing::info!(table, "ClickHouse is back");
        }
        outcome
    }
}

/// Growing pauses between attempts.
#[derive(Default)]
struct Pauses(Option<Duration>);

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0.map_or(FIRST_PAUSE, |last| LONGEST_PAUSE.min(last * 2));
        *self.0.insert(pause)
    }
}
