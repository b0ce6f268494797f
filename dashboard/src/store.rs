//! ClickHouse: named queries with parameters, limits on what runs at once, and answers that are reused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::named::Named;
use crate::problem::Problem;
use crate::settings::DashboardSettings;

/// Time that a request waits for another's query to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time that an answer may take beyond the limit of its query.
const GRACE: Duration = Duration::from_secs(3);
/// Largest answer of ClickHouse, bytes.
const LARGEST: usize = 64 << 20;
/// Answers that are kept, and the size from which on one is not.
const MOST_KEPT: usize = 256;
const LARGEST_KEPT: usize = 256 << 10;

/// A value of a query's parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Parameter {
    /// A text, time or name of a column.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
}

/// Parameters of a query.
pub(crate) type Parameters = Vec<(&'static str, Parameter)>;

/// A query with its parameters.
type Key = (Named, Parameters);

/// Where rows come from.
enum Reader {
    ClickHouse(Box<Client>),
    /// Rows that a test computes, as ClickHouse writes them.
    #[cfg(test)]
    World(Box<World>),
}

/// Returns the rows of a query of a test, one JSON object a line.
#[cfg(test)]
pub(crate) type World = dyn Fn(Named, &Parameters) -> String + Send + Sync;

/// Access to ClickHouse.
pub(crate) struct Store {
    reader: Reader,
    running: Semaphore,
    timeout: Duration,
    reuse: Duration,
    kept: Mutex<HashMap<Key, (Instant, Vec<u8>)>>,
    queries: IntCounterVec,
    seconds: Histogram,
}

impl Store {
    /// Creates the access; connects to nothing.
    pub(crate) fn new(
        settings: &DashboardSettings,
        client: Client,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        Self::over(settings, Reader::ClickHouse(Box::new(client)), registry)
    }

    /// Creates the access to the rows of a test.
    #[cfg(test)]
    pub(crate) fn of_world(
        settings: &DashboardSettings,
        world: Box<World>,
    ) -> Result<Self, prometheus::Error> {
        Self::over(settings, Reader::World(world), &Registry::new())
    }

    fn over(
        settings: &DashboardSettings,
        reader: Reader,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let queries = IntCounterVec::new(
            Opts::new("isobar_dashboard_queries_total", "Queries to ClickHouse, by outcome."),
            &["query", "outcome"],
        )?;
        registry.register(Box::new(queries.clone()))?;
        let seconds = Histogram::with_opts(
            HistogramOpts::new("isobar_dashboard_query_seconds", "Time that a query took.")
                .buckets(vec![0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]),
        )?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self {
            reader,
            running: Semaphore::new(settings.queries as usize),
            timeout: Duration::from_secs(settings.query_s.into()) + GRACE,
            reuse: Duration::from_secs(settings.reuse_s.into()),
            kept: Mutex::default(),
            queries,
            seconds,
        })
    }

    /// Returns the rows of a query.
    ///
    /// # Errors
    /// If too many queries run, ClickHouse does not answer, or the query exceeds a limit.
    pub(crate) async fn rows<T: DeserializeOwned>(
        &self,
        query: Named,
        parameters: Parameters,
    ) -> Result<Vec<T>, Problem> {
        let key = (query, parameters);
        if let Some(kept) = self.kept(&key) {
            return read(&kept);
        }
        let started = Instant::now();
        let answer = self.ask(query, &key.1).await;
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(problem) if problem.status == 429 => "busy",
            Err(problem) if problem.status == 504 => "limit",
            Err(_) => "failed",
        };
        self.queries.with_label_values(&[query.name(), outcome]).inc();
        self.seconds.observe(started.elapsed().as_secs_f64());
        let answer = answer?;
        let rows = read(&answer)?;
        self.keep(key, answer);
        Ok(rows)
    }

    /// Returns the newest complete minute, begin in seconds since 1970; none within a day. Neither waits for
    /// other queries nor reuses an answer.
    ///
    /// # Errors
    /// As [`Store::rows`].
    pub(crate) async fn newest_minute(&self) -> Result<Option<i64>, Problem> {
        #[derive(serde::Deserialize)]
        struct Row {
            minute: i64,
            found: u8,
        }
        let rows: Vec<Row> = read(&self.fetch(Named::Freshness, &Vec::new()).await?)?;
        Ok(rows.into_iter().find(|row| row.found == 1).map(|row| row.minute))
    }

    async fn ask(&self, query: Named, parameters: &Parameters) -> Result<Vec<u8>, Problem> {
        let permit = tokio::time::timeout(PATIENCE, self.running.acquire()).await;
        let _permit = permit.ok().and_then(Result::ok).ok_or_else(Problem::busy)?;
        self.fetch(query, parameters).await
    }

    async fn fetch(&self, query: Named, parameters: &Parameters) -> Result<Vec<u8>, Problem> {
        match &self.reader {
            Reader::ClickHouse(client) => self.fetch_from(client, query, parameters).await,
            #[cfg(test)]
            Reader::World(world) => Ok(world(query, parameters).into_bytes()),
        }
    }

    async fn fetch_from(
        &self,
        client: &Client,
        query: Named,
        parameters: &Parameters,
    ) -> Result<Vec<u8>, Problem> {
        let mut asked = client.query_raw(&query.text());
        for (name, value) in parameters {
            asked = match value {
                Parameter::Text(text) => asked.param(name, text),
                Parameter::Texts(texts) => asked.param(name, texts),
            };
        }
        let read = async {
            let mut cursor = asked.fetch_bytes("JSONEachRow")?;
            let mut answer = Vec::new();
            while let Some(chunk) = cursor.next().await? {
                answer.extend_from_slice(&chunk);
                if answer.len() > LARGEST {
                    return Err(Error::Custom("the answer is too large".to_owned()));
                }
            }
            Ok(answer)
        };
        let in_time = tokio::time::timeout(self.timeout, read).await;
        in_time.unwrap_or(Err(Error::TimedOut)).map_err(|error| problem(query, &error))
    }

    fn kept(&self, key: &Key) -> Option<Vec<u8>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, answer) = kept.get(key)?;
        (since.elapsed() < self.reuse).then(|| answer.clone())
    }

    fn keep(&self, key: Key, answer: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| since.elapsed() < self.reuse);
        if answer.len() <= LARGEST_KEPT && kept.len() < MOST_KEPT && !self.reuse.is_zero() {
            kept.insert(key, (Instant::now(), answer));
        }
    }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<Vec<T>, Problem> {
    serde_json::Deserializer::from_slice(answer).into_iter().collect::<Result<_, _>>().map_err(
        |error| {
            tracing::error!("ClickHouse's answer cannot be read: {error}");
            Problem::unavailable(
                "ClickHouse's answer cannot be read; the log of the dashboard has the reason",
            )
        },
    )
}

/// Codes of ClickHouse for a query that exceeds a limit: time, rows, bytes, memory, result.
const LIMITS: [u32; 5] = [158, 159, 241, 307, 396];

fn problem(query: Named, error: &Error) -> Problem {
    let name = query.name();
    tracing::warn!("query {name}: {error}");
    match error {
        Error::TimedOut => Problem::too_long("the query took too long; choose a shorter range"),
        Error::BadResponse(text) => match code(text) {
            Some(code) if LIMITS.contains(&code) => Problem::too_long(
                "the query exceeds a limit of time, rows or memory; choose a shorter range or fewer cells",
            ),
            Some(code) => Problem::unavailable(format!(
                "ClickHouse refuses the query {name} (code {code}); is `isobar migrate` of this release \
                 applied? The log of the dashboard has the reason"
            )),
            None => Problem::unavailable(
                "ClickHouse does not answer as expected; see the log of the dashboard",
            ),
        },
        _ => Problem::unavailable("ClickHouse does not answer; is it running at dashboard.url?"),
    }
}

/// Returns the code of an error of ClickHouse: `Code: 159. DB::Exception: …`.
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_limits_are_told_apart_from_a_clickhouse_that_is_gone() {
        let of = |text: &str| problem(Named::Strata, &Error::BadResponse(text.to_owned())).status;
        assert_eq!(of("Code: 159. DB::Exception: Timeout exceeded"), 504);
        assert_eq!(of("Code: 60. DB::Exception: Unknown table"), 503);
        assert_eq!(of("<html>"), 503);
        assert_eq!(problem(Named::Strata, &Error::TimedOut).status, 504);
    }
}
