//! Continuous monitoring of results: time after a fault until all earlier input is visible, and
//! starts of aggregate's blocks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clickhouse::Client;
use deploy::failure::{Context, Failure};
use deploy::service::Service;
use service::TopicNames;
use tokio::runtime::Handle;

use super::cluster::group;
use super::kafka::{Commit, Kafka, Positions};
use super::kind::Kind;

const LOOK: Duration = Duration::from_millis(500);
const NOTE: Duration = Duration::from_secs(4);
/// Longest wait for ClickHouse, which a fault may affect.
const PATIENCE: Duration = Duration::from_secs(20);

/// Query of the raw offsets that audit rows account for, by partition.
const ANSWERED: &str = "SELECT partition, toInt64(sum(accepted + duplicate + late + invalid))
    FROM blocks FINAL GROUP BY partition";

/// Returns the progress of ClickHouse.
pub(super) async fn answered(client: &Client) -> Result<Positions, Failure> {
    let rows = client.query(ANSWERED).fetch_all::<(i32, i64)>();
    match tokio::time::timeout(PATIENCE, rows).await {
        Ok(rows) => Ok(rows.context("ClickHouse")?.into_iter().collect()),
        Err(_) => Err(Failure::Refused("ClickHouse does not answer".to_owned())),
    }
}

/// Returns true once all of `wanted` is reached.
pub(super) fn reached(positions: &Positions, wanted: &Positions) -> bool {
    let at = |partition| positions.get(partition).copied().unwrap_or(0);
    wanted.iter().all(|(partition, wanted)| at(partition) >= *wanted)
}

/// A fault that was healed.
struct Healed {
    kind: Kind,
    alone: bool,
    since: Instant,
    /// End of the raw log at that time, once Kafka has answered.
    ends: Option<Positions>,
}

/// Recovery times by kind of fault, and whether the fault was exclusive.
pub(super) type Recovered = BTreeMap<(Kind, bool), Vec<Duration>>;

#[derive(Default)]
struct Seen {
    healed: Vec<Healed>,
    recovered: Recovered,
    blocks: BTreeMap<i32, Vec<Commit>>,
}

/// Monitor on threads of its own: a group without coordinator responds slowly, which must not count
/// as late results.
pub(super) struct Monitor {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Connections of the monitor.
pub(super) struct Eyes {
    pub(super) kafka: Kafka,
    pub(super) client: Client,
    pub(super) topics: TopicNames,
    pub(super) handle: Handle,
}

impl Monitor {
    pub(super) fn start(eyes: Eyes) -> Result<Self, Failure> {
        let (seen, stop) = <(Arc<Mutex<Seen>>, Arc<AtomicBool>)>::default();
        let mut monitor = Self { seen, stop, threads: Vec::new() };
        let eyes = Arc::new(eyes);
        monitor.spawn("monitor", LOOK, &eyes, Eyes::look)?;
        monitor.spawn("blocks", NOTE, &eyes, Eyes::note_blocks)?;
        Ok(monitor)
    }

    /// Polls continuously, with a pause after each poll.
    fn spawn(
        &mut self,
        name: &str,
        pause: Duration,
        eyes: &Arc<Eyes>,
        look: fn(&Eyes, &Mutex<Seen>),
    ) -> Result<(), Failure> {
        let (eyes, sees) = (Arc::clone(eyes), Arc::clone(&self.seen));
        let stopped = Arc::clone(&self.stop);
        let looks = move || {
            while !stopped.load(Ordering::Relaxed) {
                look(&eyes, &sees);
                std::thread::park_timeout(pause);
            }
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(looks).context(name)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Records that a fault of this kind was healed now.
    pub(super) fn healed(&self, kind: Kind, alone: bool) {
        let healed = Healed { kind, alone, since: Instant::now(), ends: None };
        lock(&self.seen).healed.push(healed);
    }

    /// Returns true if all input before the end of the last fault is visible.
    pub(super) fn is_fresh(&self) -> bool {
        lock(&self.seen).healed.is_empty()
    }

    /// Returns the first offsets of aggregate's blocks so far, by partition.
    pub(super) fn blocks(&self) -> BTreeMap<i32, Vec<Commit>> {
        lock(&self.seen).blocks.clone()
    }

    /// Returns the recovery time after each fault, by kind.
    pub(super) fn recovered(&self) -> Recovered {
        lock(&self.seen).recovered.clone()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Eyes {
    fn look(&self, seen: &Mutex<Seen>) {
        if lock(seen).healed.is_empty() {
            return;
        }
        // Failed requests are expected under faults.
        if lock(seen).healed.iter().any(|healed| healed.ends.is_none())
            && let Ok(ends) = self.kafka.ends(&self.topics.raw)
        {
            let mut seen = lock(seen);
            let healed = seen.healed.iter_mut().filter(|healed| healed.ends.is_none());
            healed.for_each(|healed| healed.ends = Some(ends.clone()));
        }
        let Ok(answered) = self.handle.block_on(answered(&self.client)) else { return };
        let mut seen = lock(seen);
        let is_fresh =
            |healed: &mut Healed| healed.ends.as_ref().is_some_and(|ends| reached(&answered, ends));
        let fresh: Vec<_> = seen.healed.extract_if(.., is_fresh).collect();
        for healed in fresh {
            let key = (healed.kind, healed.alone);
            seen.recovered.entry(key).or_default().push(healed.since.elapsed());
        }
    }

    fn note_blocks(&self, seen: &Mutex<Seen>) {
        let group = group(Service::Aggregate);
        let Ok(commits) = self.kafka.committed(&group, &self.topics.enriched) else { return };
        let mut seen = lock(seen);
        for (partition, commit) in commits {
            let known = seen.blocks.entry(partition).or_default();
            if !known.contains(&commit) {
                known.push(commit);
            }
        }
    }
}
