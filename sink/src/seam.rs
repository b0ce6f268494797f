//! The service without ClickHouse, for simulation and tests: the real handler and the real tasks that
//! decode batches, build rows and classify errors, but no inserts are sent. The owner of a [`Seam`]
//! receives each insert and answers it. It uses no thread, no clock and no network.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use clickhouse::error::Error;
use service::{Fatal, Handler, Record, Service as _, Settings};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::rows::{Blocks, CellPartials, Samples, SessionHourPartials, SessionPartials};
use crate::server::Server;
use crate::service::Sink;
use crate::settings::SinkSettings;
use crate::table::Table;
use crate::writer::{TableWriter, Writer};

/// Factory of sinks; they share its settings and metrics.
pub struct Maker {
    settings: Settings<SinkSettings>,
    topics: Vec<String>,
    metrics: Metrics,
}

/// Payloads of the records whose rows an insert brings, in its order.
pub type Rows = Vec<Vec<u8>>;

/// Task that inserts the batches of one table.
type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Error that ClickHouse answers with, as it words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ErrorText(pub String);

/// One sink's writer.
pub struct Seam {
    tasks: Vec<(Task, Rc<RefCell<Wire>>)>,
}

/// Connection between one task and the owner of the seam.
#[derive(Default)]
struct Wire {
    /// Payloads of the insert that is being filled.
    rows: Rows,
    /// Inserts that wait, oldest first, each with the channel for its answer.
    requests: VecDeque<(Rows, oneshot::Sender<Result<(), ErrorText>>)>,
}

impl Maker {
    /// Creates a factory of sinks with these settings.
    ///
    /// # Errors
    /// Fails if metrics cannot be registered.
    pub fn new(settings: Settings<SinkSettings>) -> Result<Self, Fatal> {
        let topics = Sink::topics(&settings).inputs;
        let metrics = Metrics::new(&prometheus::Registry::new())?;
        Ok(Self { settings, topics, metrics })
    }

    /// Creates a sink: its handler, and the other side of its writer.
    #[must_use]
    pub fn make(&self) -> (Box<dyn Handler>, Seam) {
        let (results, done) = mpsc::channel();
        let mut writer = Writer::with(done);
        let mut tasks = Vec::with_capacity(self.topics.len());
        for (number, topic) in self.topics.iter().enumerate() {
            let (sender, batches) = unbounded_channel();
            writer.tables.push(sender);
            let wire = Rc::<RefCell<Wire>>::default();
            let inserter = TableWriter {
                table: number,
                topic: topic.clone(),
                server: Wired(Rc::clone(&wire)),
                results: results.clone(),
                waiting: Arc::clone(&writer.waiting),
                target: writer.target.clone(),
                metrics: self.metrics.clone(),
                within_us: self.settings.service.samples_within_us(),
            };
            let task: Task = match number {
                0 => Box::pin(inserter.run::<CellPartials>(batches)),
                1 => Box::pin(inserter.run::<SessionPartials>(batches)),
                2 => Box::pin(inserter.run::<SessionHourPartials>(batches)),
                3 => Box::pin(inserter.run::<Blocks>(batches)),
                _ => Box::pin(inserter.run::<Samples>(batches)),
            };
            tasks.push((task, wire));
        }
        let topics = self.topics.clone();
        let handler = Pipeline::new(&self.settings.service, topics, writer, self.metrics.clone());
        (Box::new(handler), Seam { tasks })
    }
}

impl Seam {
    /// Lets the task of a table (numbered as the inputs are) continue. Returns the insert for which it
    /// waits, if any.
    pub fn request(&mut self, table: usize) -> Option<Rows> {
        let (task, wire) = self.tasks.get_mut(table)?;
        // A task that has ended is not polled: it ends only when the handler is dropped.
        let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        wire.borrow().requests.front().map(|(rows, _)| rows.clone())
    }

    /// Answers the insert for which a table's task waits, an error in ClickHouse's words, and lets the task
    /// continue.
    pub fn answer(&mut self, table: usize, answer: Result<(), ErrorText>) {
        if let Some((task, wire)) = self.tasks.get_mut(table) {
            let request = wire.borrow_mut().requests.pop_front();
            if let Some((_, insert)) = request {
                // The answer to an insert that was given up is not needed.
                let _ = insert.send(answer);
            }
            let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

struct Wired(Rc<RefCell<Wire>>);

impl Server for Wired {
    type Insert = ();

    async fn id(&self) -> Result<String, Error> {
        Ok("simulated".to_owned())
    }

    fn added(&self, record: &Record<'_>) {
        self.0.borrow_mut().rows.push(record.payload.to_vec());
    }

    fn begin<T: Table>(&self, _: &T) {}

    async fn block<T: Table>(&self, (): &mut (), _: &T) -> Result<(), Error> {
        Ok(())
    }

    async fn end(&self, (): ()) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        {
            let mut wire = self.0.borrow_mut();
            let rows = std::mem::take(&mut wire.rows);
            wire.requests.push_back((rows, answer));
        }
        match answered.await {
            Ok(answer) => answer.map_err(|error| Error::BadResponse(error.0)),
            // Neither a receiver of the answer nor a task to continue is left.
            Err(_) => std::future::pending().await,
        }
    }

    async fn open(&self, _: &[u32], _: &[u32]) -> Result<(), Error> {
        Ok(())
    }

    async fn pause(&self, _: Duration) {
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
